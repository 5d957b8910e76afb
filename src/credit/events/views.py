"""Credit events as other slices and the interface see them."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from credit.kit.http import CODE_PATTERN, UUID_PATTERN, Paragraph

__all__ = [
    "Correction",
    "CorrectionBody",
    "Day",
    "Decision",
    "Draft",
    "EntryProof",
    "EventBody",
    "EventListed",
    "EventRecord",
    "EventState",
    "EventStates",
    "Evidence",
    "EvidenceRef",
    "RecordId",
    "Signature",
    "SubjectRef",
    "Withdrawal",
    "WithdrawalBody",
]

SIGNATURES_MAX = 2
EVIDENCE_MAX = 20
DATE_PATTERN = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$(?!\n)"
# References are document numbers: digits, letters, Chinese characters and the marks of a 文号,
# never a sentence, because what stands in a record stands for ever.
REFERENCE_PATTERN = r"^[0-9A-Za-z\u4e00-\u9fff〔〕\[\]（）()第号._/-]{1,64}$(?!\n)"

Day = Annotated[str, Meta(pattern=DATE_PATTERN, max_length=10)]
RecordId = Annotated[str, Meta(pattern=UUID_PATTERN, max_length=36)]
Reference = Annotated[str, Meta(pattern=REFERENCE_PATTERN, max_length=64)]
Points = Annotated[str, Meta(pattern=r"^[0-9]{1,4}(\.[0-9]{1,2})?$(?!\n)", max_length=7)]
PartyCode = Annotated[str, Meta(pattern=CODE_PATTERN, min_length=1, max_length=40)]


class SubjectRef(Struct, frozen=True, forbid_unknown_fields=True):
    """A subject as the log names it."""

    scheme: Literal["USCC", "INT", "PROJECT", "MANAGER"]
    id: PartyCode


class EvidenceRef(Struct, frozen=True, forbid_unknown_fields=True):
    """An evidence file by its digest; `size` in bytes."""

    digest: Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$(?!\n)", max_length=71)]
    size: Annotated[int, Meta(ge=1, le=20 * 1024 * 1024)]
    type: Annotated[str, Meta(pattern=r"^[a-z]+/[a-z0-9.+-]{1,80}$(?!\n)", max_length=90)]


class Signature(Struct, frozen=True, forbid_unknown_fields=True):
    """A signature over the record: key id, algorithm, base64 of the signature bytes."""

    kid: Annotated[str, Meta(pattern=r"^[0-9A-Za-z:_-]{1,100}$(?!\n)", max_length=100)]
    alg: Literal["Ed25519"]
    sig: Annotated[str, Meta(pattern=r"^[0-9A-Za-z+/]{86}==$(?!\n)", max_length=88)]


class EventBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A fact: catalogue code, whom it is about, when it happened, and what proves it.

    `subjects` begins with the enterprise that answers for it on that day; `primary` says which
    of them the fact is about. `level` and `points` are given where the catalogue asks for them.
    """

    type: Annotated[str, Meta(pattern=r"^[a-z0-9]+(\.[a-z0-9-]+)*$(?!\n)", max_length=80)]
    pack: Annotated[str, Meta(pattern=CODE_PATTERN, max_length=60)]
    primary: Literal["enterprise", "project", "manager"]
    subjects: Annotated[list[SubjectRef], Meta(min_length=1, max_length=3)]
    occurred_on: Day
    reference: Reference
    evidence: Annotated[list[EvidenceRef], Meta(max_length=EVIDENCE_MAX)]
    level: Annotated[str, Meta(min_length=1, max_length=20, pattern=r"^\w+$(?!\n)")] | UnsetType = (
        UNSET
    )
    points: Points | UnsetType = UNSET
    fact_key: Reference | UnsetType = UNSET
    valid_until: Day | UnsetType = UNSET


class CorrectionBody(EventBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fact as it should have been recorded; `target` is the record it replaces."""

    target: RecordId


class WithdrawalBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Takes a fact back. `reason` is one of a closed list; the case's papers are evidence."""

    target: RecordId
    subjects: Annotated[list[SubjectRef], Meta(min_length=1, max_length=3)]
    reason: Literal["entered-by-mistake", "wrong-subject", "overturned", "evidence-invalid"]
    reference: Reference
    evidence: Annotated[list[EvidenceRef], Meta(max_length=EVIDENCE_MAX)]


class EventRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """A signed fact. One signature proposes it; a second, by the decider, makes it effective."""

    id: RecordId
    kind: Literal["credit-event"]
    body: EventBody
    sigs: Annotated[list[Signature], Meta(min_length=1, max_length=SIGNATURES_MAX)]


class Correction(Struct, frozen=True, forbid_unknown_fields=True):
    """A signed correction."""

    id: RecordId
    kind: Literal["event-corrected"]
    body: CorrectionBody
    sigs: Annotated[list[Signature], Meta(min_length=1, max_length=SIGNATURES_MAX)]


class Withdrawal(Struct, frozen=True, forbid_unknown_fields=True):
    """A signed withdrawal."""

    id: RecordId
    kind: Literal["event-withdrawn"]
    body: WithdrawalBody
    sigs: Annotated[list[Signature], Meta(min_length=1, max_length=SIGNATURES_MAX)]


Draft = EventRecord | Correction | Withdrawal


class Decision(Struct, frozen=True, forbid_unknown_fields=True):
    """Accept a proposal, with the decider's signature over the same record, or refuse it."""

    outcome: Literal["accepted", "refused"]
    reason: Paragraph
    sig: Signature | UnsetType = UNSET


class EventState(Struct, frozen=True):
    """Where an event stands: proposed, effective or refused; `index` once the log numbered it."""

    id: str
    status: Literal["proposed", "effective", "refused"]
    index: int | None


class EventStates(Struct, frozen=True):
    """Where the events of a batch stand, in its order."""

    items: list[EventState]


class EventListed(Struct, frozen=True):
    """An event in a list; `outcome` is null while it is undecided.

    `course` says where a bad fact stands between its notice and its end; others take no course.
    """

    id: str
    kind: Literal["credit-event", "event-withdrawn", "event-corrected"]
    code: str
    subject_kind: Literal["enterprise", "project", "manager"]
    subject: str
    enterprise: str
    occurred_on: str
    proposed_by: str
    proposed_at: str
    outcome: Literal["accepted", "refused"] | None
    reason: str | None
    course: (
        Literal[
            "proposed",
            "noticed",
            "acknowledged",
            "objected",
            "heard",
            "effective",
            "dropped",
            "withdrawn",
            "corrected",
            "repaired",
        ]
        | None
    ) = None


class EntryProof(Struct, frozen=True):
    """An entry as it was hashed and as JSON, its inclusion proof, and the signed checkpoint.

    `entry` and `hashes` are base64; the proof leads from leaf `index` to the root of `size`.
    """

    index: int
    size: int
    entry: str
    record: dict[str, Any]
    hashes: list[str]
    checkpoint: str


class Evidence(Struct, frozen=True):
    """A kept file, as a record names it."""

    digest: str
    size: int
    type: str
