"""Who acts: frozen values other slices may see."""

from dataclasses import dataclass
from datetime import datetime

__all__ = [
    "CHANNEL",
    "Actor",
    "Caller",
    "OpenSession",
    "Organisation",
    "OwnPasskey",
    "Seen",
    "Visitor",
]

# On which a city is named when keys, people or organisations of it change.
CHANNEL = "credit_access"


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation; `party` is its code in the register, None for an office."""

    id: str
    kind: str
    name: str
    division: str | None
    party: str | None


@dataclass(frozen=True, slots=True)
class Actor:
    """A person in an office, as known to every slice; `person_id` is a pseudonym.

    `party` is the code of the enterprise, committee or merchant the person belongs to, `belongs_to`
    whatever they belong to. Whoever is `bound` works in the organisation's `division` alone, and
    nowhere while that is None.
    """

    person_id: str
    roles: tuple[str, ...]
    division: str | None
    scopes: frozenset[str]
    party: str | None = None
    belongs_to: Organisation | None = None
    bound: bool = False

    @property
    def organisation(self) -> str | None:
        """The id of the organisation the person belongs to."""
        return self.belongs_to.id if self.belongs_to else None

    @property
    def acts_for(self) -> str:
        """For whom the person acts: their organisation, or themselves where they have none."""
        return self.organisation or self.person_id

    @property
    def role(self) -> str:
        """The first of the roles: the one a key is announced under."""
        return self.roles[0]


@dataclass(frozen=True, slots=True)
class Caller:
    """A machine with a key: for whom it acts, by which client, and what was agreed with it.

    `client` is the key's prefix; with a `public_key` (Ed25519, 32 bytes) its requests are signed.
    """

    actor: Actor
    client: str
    rate_per_minute: int
    public_key: bytes | None


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody signed in at a browser; `name` is for their own eyes."""

    actor: Actor
    city: str
    name: str
    session: bytes
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A place where somebody is signed in; `name` is what ends it, `here` says it is this one."""

    name: str
    begun_at: datetime
    seen_at: datetime
    agent: str
    here: bool


@dataclass(frozen=True, slots=True)
class OwnPasskey:
    """A passkey as its owner sees it; `digest` (of its id) names it in addresses."""

    digest: str
    name: str
    made_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody saw or did, for the trail; `about` names the object, by code or id."""

    action: str
    person_id: str | None = None
    client: str | None = None
    about: str | None = None
    personal: bool = False
