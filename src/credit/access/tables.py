"""Tables of access: who comes in, how they prove it, and what they saw or did."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, SmallInteger

from credit.kit.tables import (
    Field,
    Table,
    big_identity,
    binary,
    limited,
    one_of,
    text,
    texts,
    whole,
)

__all__ = [
    "ApiClient",
    "Challenge",
    "Credential",
    "ExternalIdentity",
    "Organisation",
    "Passkey",
    "Person",
    "SavedView",
    "Trail",
    "WebSession",
]

ROLES = (
    "association_officer",
    "association_reviewer",
    "community_officer",
    "street_officer",
    "district_officer",
    "city_officer",
    "enterprise_user",
    "committee_user",
    "owner_delegate",
    "merchant_user",
    "resident",
    "bidder",
    "partner",
    "auditor",
    "administrator",
)


class Organisation(Table, table=True):
    """What people belong to. `party` is the code of the enterprise, committee or merchant.

    The owners of a project are one organisation, with the project's code. `division` is the code
    of the community, street or district whose people they are; None where nobody has said so yet,
    and for organisations that work everywhere.
    """

    __tablename__ = "organisation"
    __table_args__ = (
        one_of(
            "kind",
            "association",
            "community",
            "street",
            "district_department",
            "city_department",
            "enterprise",
            "committee",
            "owners",
            "merchant",
            "other",
        ),
        limited("id", 40),
        limited("name", 120),
        limited("party", 24),
        CheckConstraint(
            "(party IS NOT NULL) = (kind IN ('enterprise', 'committee', 'owners', 'merchant'))",
            name="party_fits_kind",
        ),
        Index("uq_organisation_name", "kind", "name", unique=True),
    )

    id: str = text(primary_key=True)
    kind: str = text()
    name: str = text()
    division: str | None = text(default=None, nullable=True)
    party: str | None = text(default=None, nullable=True)
    created_at: datetime


class Person(Table, table=True):
    """Somebody who acts in an office. `id` is a pseudonym: it is what the log shows.

    The name is in the vault. `username` is empty once the person was erased.
    """

    __tablename__ = "person"
    __table_args__ = (
        limited("id", 40),
        limited("username", 40),
        CheckConstraint(
            "roles <@ ARRAY[{}]::text[] AND cardinality(roles) BETWEEN 1 AND 4".format(
                ", ".join(f"'{role}'" for role in ROLES)
            ),
            name="roles_known",
        ),
        Index("ix_person_organisation", "organisation_id"),
    )

    id: str = text(primary_key=True)
    username: str | None = text(default=None, nullable=True, unique=True)
    roles: list[str] = texts()
    organisation_id: str | None = text(default=None, nullable=True, foreign_key="organisation.id")
    active: bool = True
    created_at: datetime


class Credential(Table, table=True):
    """A person's password as argon2 keeps it, and how often it was missed since it last fitted."""

    __tablename__ = "credential"
    __table_args__ = (limited("password_hash", 200),)

    person_id: str = text(primary_key=True, foreign_key="person.id")
    password_hash: str = text()
    changed_at: datetime
    failures: int = 0
    locked_until: datetime | None = Field(default=None)


class WebSession(Table, table=True):
    """Somebody signed in at a browser; the token is in the cookie alone, its SHA-256 is here."""

    __tablename__ = "web_session"
    __table_args__ = (limited("agent", 80), Index("ix_web_session_person", "person_id"))

    digest: bytes = binary(primary_key=True)
    person_id: str = text(foreign_key="person.id")
    created_at: datetime
    seen_at: datetime
    confirmed_at: datetime
    agent: str = text()


class Passkey(Table, table=True):
    """A WebAuthn credential of a person."""

    __tablename__ = "passkey"
    __table_args__ = (limited("name", 60), Index("ix_passkey_person", "person_id"))

    credential_id: bytes = binary(primary_key=True)
    person_id: str = text(foreign_key="person.id")
    public_key: bytes = binary()
    sign_count: int = whole()
    name: str = text()
    created_at: datetime
    used_at: datetime | None = Field(default=None)


class Challenge(Table, table=True):
    """Something that may be answered once, soon: an invitation, a passkey challenge, a nonce."""

    __tablename__ = "challenge"
    __table_args__ = (
        one_of("kind", "invitation", "passkey", "oidc", "signature"),
        Index("ix_challenge_expires_at", "expires_at"),
    )

    digest: bytes = binary(primary_key=True)
    kind: str = text()
    person_id: str | None = text(default=None, nullable=True)
    content: bytes = binary()
    expires_at: datetime


class ExternalIdentity(Table, table=True):
    """A person as a city's identity provider (OpenID Connect) knows them."""

    __tablename__ = "external_identity"
    __table_args__ = (limited("issuer", 200), limited("subject", 200))

    issuer: str = text(primary_key=True)
    subject: str = text(primary_key=True)
    person_id: str = text(foreign_key="person.id")
    linked_at: datetime


class ApiClient(Table, table=True):
    """A machine's key: a prefix to find it, a SHA-256 to check it; the key itself is not kept.

    `scopes` bound what its person's roles allow. With a `public_key` (Ed25519) its requests are
    signed by RFC 9421.
    """

    __tablename__ = "api_client"
    __table_args__ = (
        limited("name", 80),
        limited("prefix", 20),
        CheckConstraint("rate_per_minute BETWEEN 1 AND 100000", name="rate"),
        Index("ix_api_client_person", "person_id"),
    )

    prefix: str = text(primary_key=True)
    digest: bytes = binary()
    name: str = text()
    person_id: str = text(foreign_key="person.id")
    scopes: list[str] = texts()
    rate_per_minute: int
    public_key: bytes | None = binary(default=None, nullable=True)
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = Field(default=None)


class SavedView(Table, table=True):
    """A filter of a list that somebody named, to come back to it. Nobody else sees it."""

    __tablename__ = "saved_view"
    __table_args__ = (
        one_of("place", "enterprises", "events", "lists", "contracts", "evaluations"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 40", name="name_fits"),
        limited("query", 1000),
    )

    person_id: str = text(primary_key=True, foreign_key="person.id")
    place: str = text(primary_key=True)
    name: str = text(primary_key=True)
    query: str = text()
    created_at: datetime


class Trail(Table, table=True):
    """Who saw or did what. `personal` says that personal data was shown or changed."""

    __tablename__ = "trail"
    __table_args__ = (
        limited("action", 60),
        limited("object", 100),
        limited("address", 45),
        Index("ix_trail_at", "at"),
        Index("ix_trail_person", "person_id", "id"),
    )

    id: int | None = big_identity()
    at: datetime
    person_id: str | None = text(default=None, nullable=True)
    client: str | None = text(default=None, nullable=True)
    action: str = text()
    object: str | None = text(default=None, nullable=True)
    status: int = Field(sa_type=SmallInteger)
    personal: bool
    address: str | None = text(default=None, nullable=True)
