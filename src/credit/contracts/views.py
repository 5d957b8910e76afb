"""What a contract holds: the drafter's choices, the text that is signed, votes and promises."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from credit.events.views import DATE_PATTERN, EvidenceRef, Reference
from credit.kit.http import Code, Line, Paragraph
from credit.rules.promises import Period, RoleName

__all__ = [
    "AnswerPromise",
    "ClauseEdit",
    "ClauseText",
    "ContractDraft",
    "ContractText",
    "CountPromise",
    "Day",
    "ItemsPromise",
    "LadderStep",
    "OpenRole",
    "OutcomeText",
    "OwnerVote",
    "PartyChoice",
    "PartyText",
    "ProjectText",
    "PromiseText",
    "RatioPromise",
    "ResponsePromise",
    "Scheme",
    "Share",
    "Superseded",
    "TemplateText",
    "VoteText",
]

PARTIES_MAX = 12
CLAUSES_MAX = 60
ATTACHMENTS_MAX = 10
VOTES_MAX = 4
AMOUNT_MAX = 999_999_999
Day = Annotated[str, Meta(pattern=DATE_PATTERN, max_length=10)]
PartyId = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,39}$(?!\n)", max_length=40)]
Amount = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
Percentage = Annotated[str, Meta(pattern=r"^(100|[0-9]{1,2})(\.[0-9]{1,2})?$(?!\n)", max_length=6)]
# How the log names a party: by the register, or (`ORG`) as an office that is in no register.
Scheme = Literal["USCC", "INT", "COMMITTEE", "OWNERS", "ORG"]


class CountPromise(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="count"):
    """At least so many times in a period."""

    count: Annotated[int, Meta(ge=1, le=10_000)]
    unit: Annotated[str, Meta(min_length=1, max_length=20)] = "次"


class RatioPromise(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="ratio"):
    """A percentage that is at least this one."""

    ratio: Percentage


class ResponsePromise(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="response"
):
    """`share` percent of cases within so many hours."""

    within_hours: Annotated[int, Meta(ge=1, le=8_784)]
    share: Percentage


class AnswerPromise(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="answer"
):
    """Done or not done, in the words of the question."""

    question: Line


class ItemsPromise(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="items"):
    """Every item of a list was done; each is a line of up to 200 characters."""

    items: Annotated[list[str], Meta(min_length=1, max_length=60)]


PromiseText = CountPromise | RatioPromise | ResponsePromise | AnswerPromise | ItemsPromise


class PartyChoice(Struct, frozen=True, forbid_unknown_fields=True):
    """Who takes a role: the code in the register, of owners the project's; an office by its id."""

    role: RoleName
    id: PartyId


class ClauseEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """What a draft changes in a clause of the template: its words, or the numbers of its promise.

    A promise stays of its kind.
    """

    id: Code
    text: Paragraph | UnsetType = UNSET
    promise: PromiseText | UnsetType = UNSET


class Share(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the owners: as persons, and by exclusive area in square metres."""

    persons: Amount
    area_m2: Amount


class OwnerVote(Struct, frozen=True, forbid_unknown_fields=True):
    """A vote of a project's owners, with its tally sheet; `filing` names the prior filing."""

    matter: Code
    held_on: Day
    total: Share
    took_part: Share
    in_favour: Share
    tally: EvidenceRef
    filing: Reference | UnsetType = UNSET


class ContractDraft(Struct, frozen=True, forbid_unknown_fields=True):
    """What a drafter decides; everything else comes from the template.

    `from_on` is the first day, and `months` the term; an amendment keeps the first day.
    """

    template: Code
    from_on: Day
    parties: Annotated[list[PartyChoice], Meta(max_length=PARTIES_MAX)]
    project: Code | None = None
    months: Annotated[int, Meta(ge=1, le=120)] | UnsetType = UNSET
    clauses: Annotated[list[ClauseEdit], Meta(max_length=CLAUSES_MAX)] = []
    attachments: Annotated[list[EvidenceRef], Meta(max_length=ATTACHMENTS_MAX)] = []
    votes: Annotated[list[OwnerVote], Meta(max_length=VOTES_MAX)] = []


class TemplateText(Struct, frozen=True):
    """Where the text comes from."""

    id: str
    version: str
    pack: str
    source: str
    status: str


class ProjectText(Struct, frozen=True):
    """The project a contract is about."""

    code: str
    name: str


class PartyText(Struct, frozen=True):
    """A party: `needed` where nothing is in force without its signature, `binds` where it owes."""

    role: RoleName
    title: str
    scheme: Scheme
    id: str
    name: str
    needed: bool
    binds: bool


class OpenRole(Struct, frozen=True):
    """A role that members take by signing, when the contract stands already, too."""

    role: RoleName
    title: str
    at_least: int
    at_most: int


class OutcomeText(Struct, frozen=True):
    """Which code of the event catalogue a clause may suggest, by what came of it."""

    fulfilled: str | None = None
    breach_minor: str | None = None
    breach_general: str | None = None
    breach_serious: str | None = None


class ClauseText(Struct, frozen=True):
    """A clause as it is signed: a promise, how often, with which evidence, and due when."""

    id: str
    obligor: RoleName
    text: str
    promise: PromiseText
    period: Period
    evidence: str
    source: str
    grace_days: int
    confirmed_by: RoleName
    outcome: OutcomeText


class VoteText(Struct, frozen=True):
    """A vote as it is signed, with its rule, and the project's owners by the register."""

    vote: OwnerVote
    title: str
    quorum: list[int]
    needs: list[int]
    strictly: bool
    source: str
    register: Share


class Superseded(Struct, frozen=True):
    """The version that an amendment takes the place of."""

    version: int
    digest: str


class LadderStep(Struct, frozen=True):
    """A level at which a dispute about a promise is settled, by whom, within working days."""

    level: str
    body: str
    days: int
    breach: Literal["minor", "general", "serious"]


class ContractText(Struct, frozen=True):
    """The whole text that parties sign; its canonical JSON has the digest in their records.

    Dates are days of China; `until` is the last day, and `offer_until` the last day to sign.
    """

    v: Literal[1]
    contract: str
    version: int
    kind: Literal["tri-party", "service", "pact"]
    title: str
    template: TemplateText
    preamble: str
    project: ProjectText | None
    parties: list[PartyText]
    open_roles: list[OpenRole]
    clauses: list[ClauseText]
    closing: str
    notes: list[str]
    from_on: str
    until: str
    offer_until: str
    votes: list[VoteText]
    attachments: list[EvidenceRef]
    disputes: list[LadderStep]
    supersedes: Superseded | None
