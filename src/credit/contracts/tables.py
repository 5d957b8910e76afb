"""Tables of contracts: where each stands, its texts, parties, signatures, votes and duties."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger

from credit.kit.tables import (
    Field,
    Table,
    binary,
    json_field,
    limited,
    one_of,
    text,
    texts,
    whole,
)

__all__ = [
    "Contract",
    "ContractDraft",
    "ContractPaper",
    "ContractParty",
    "ContractSignature",
    "ContractStep",
    "ContractVersion",
    "Duty",
    "DutyStep",
    "OwnerVote",
]

ROLES = ("enterprise", "committee", "owners", "association", "member", "seal_custodian", "witness")
SCHEMES = ("USCC", "INT", "COMMITTEE", "OWNERS", "ORG")
STEPS = (
    "drafted", "discarded", "frozen", "signed", "in-force", "refused", "withdrawn", "amended",
    "proposed-suspend", "proposed-resume", "proposed-end", "retracted", "suspended", "resumed",
    "ended", "closed", "left",
)  # fmt: skip
DUTY_STEPS = ("reported", "confirmed", "disputed", "raised", "settled", "inspected", "waived")


def _of_version() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["contract_id", "version"], ["contract_version.contract_id", "contract_version.version"]
    )


class Contract(Table, table=True):
    """Where a contract stands at present; its past is in its steps.

    `parties` are the codes whose sessions see it. `duties_next` is the day on which the next
    period of some clause begins.
    """

    __tablename__ = "contract"
    __table_args__ = (
        one_of("kind", "tri-party", "service", "pact"),
        one_of(
            "state", "draft", "offered", "refused", "withdrawn", "in-force", "suspended", "ended"
        ),
        one_of("offer", "draft", "open"),
        one_of("proposal", "suspend", "resume", "end"),
        one_of("drafter_scheme", *SCHEMES),
        limited("template", 60),
        limited("title", 200),
        CheckConstraint("(kind = 'pact') = (project IS NULL)", name="project_fits_kind"),
        CheckConstraint(
            "(offer IS NOT DISTINCT FROM 'open') = (offer_until IS NOT NULL)", name="offer_fits"
        ),
        CheckConstraint("(proposal IS NULL) = (proposal_role IS NULL)", name="proposal_fits"),
        CheckConstraint("(in_force = 0) = (until_on IS NULL)", name="term_fits"),
        Index("ix_contract_project", "project"),
        Index("ix_contract_enterprise", "enterprise"),
        Index("ix_contract_state", "state", "id"),
        Index("ix_contract_parties", "parties", postgresql_using="gin"),
        Index(
            "ix_contract_duties_next",
            "duties_next",
            postgresql_where="state = 'in-force' AND duties_next IS NOT NULL",
        ),
    )

    id: UUID = Field(primary_key=True)
    template: str = text()
    kind: str = text()
    title: str = text()
    project: str | None = text(default=None, nullable=True, foreign_key="project.code")
    enterprise: str | None = text(default=None, nullable=True)
    state: str = text()
    in_force: int = Field(sa_type=SmallInteger)
    last_version: int = Field(sa_type=SmallInteger)
    offer: str | None = text(default=None, nullable=True)
    offer_until: date | None = Field(default=None)
    from_on: date | None = Field(default=None)
    until_on: date | None = Field(default=None)
    proposal: str | None = text(default=None, nullable=True)
    proposal_role: str | None = text(default=None, nullable=True)
    drafter_scheme: str = text()
    drafter: str = text()
    parties: list[str] = texts()
    duties_next: date | None = Field(default=None)
    steps: int
    created_at: datetime


class ContractDraft(Table, table=True):
    """The draft of a version until it is frozen; each edit counts the revision up."""

    __tablename__ = "contract_draft"

    contract_id: UUID = Field(primary_key=True, foreign_key="contract.id")
    version: int = Field(sa_type=SmallInteger)
    revision: int
    content: dict[str, Any] = json_field()
    drafter_party: str | None = text(default=None, nullable=True)
    edited_by: str = text()
    edited_at: datetime


class ContractVersion(Table, table=True):
    """A frozen text: its canonical bytes, their SHA-256, and the record that froze it.

    `files` are the digests of its attachments and tally sheets.
    """

    __tablename__ = "contract_version"
    __table_args__ = (limited("template_version", 40), limited("digest", 71))

    contract_id: UUID = Field(primary_key=True, foreign_key="contract.id")
    version: int = Field(primary_key=True, sa_type=SmallInteger)
    template_version: str = text()
    body: bytes = binary()
    digest: str = text()
    files: list[str] = texts()
    record_id: UUID = Field(unique=True)
    from_on: date
    until_on: date
    offer_until: date
    frozen_by: str = text()
    frozen_at: datetime


class ContractParty(Table, table=True):
    """A party of a version: named when it was frozen, or a member that took an open role."""

    __tablename__ = "contract_party"
    __table_args__ = (
        one_of("role", *ROLES),
        one_of("scheme", *SCHEMES),
        limited("party", 40),
        limited("name", 200),
        _of_version(),
        Index("ix_contract_party_party", "party"),
    )

    contract_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True, sa_type=SmallInteger)
    scheme: str = text(primary_key=True)
    party: str = text(primary_key=True)
    role: str = text()
    name: str = text()
    needed: bool
    place: int


class ContractSignature(Table, table=True):
    """A party's signature of a version; one key and one person sign for one party."""

    __tablename__ = "contract_signature"
    __table_args__ = (
        one_of("role", *ROLES),
        one_of("scheme", *SCHEMES),
        _of_version(),
        Index("uq_contract_signature_key", "contract_id", "version", "kid", unique=True),
        Index("uq_contract_signature_person", "contract_id", "version", "person_id", unique=True),
    )

    contract_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True, sa_type=SmallInteger)
    scheme: str = text(primary_key=True)
    party: str = text(primary_key=True)
    role: str = text()
    kid: str = text()
    signature: bytes = binary()
    record_id: UUID = Field(unique=True)
    person_id: str = text()
    signed_at: datetime


class ContractPaper(Table, table=True):
    """A print of a version (number 0), and each that came back with a certificate's signature.

    `party` brought it; the signer's fields are what the certificate says, `signed_at` what the
    signer's tool says.
    """

    __tablename__ = "contract_paper"
    __table_args__ = (
        _of_version(),
        CheckConstraint("number BETWEEN 0 AND 20", name="number_bounded"),
        CheckConstraint(
            "(number = 0) = (party IS NULL AND signer IS NULL AND trusted IS NULL)",
            name="signed_or_print",
        ),
        limited("signer", 200),
        limited("issuer", 200),
        limited("serial", 80),
    )

    contract_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True, sa_type=SmallInteger)
    number: int = Field(primary_key=True, sa_type=SmallInteger)
    digest: str = text()
    party: str | None = text(default=None, nullable=True)
    person_id: str = text()
    signer: str | None = text(default=None, nullable=True)
    issuer: str | None = text(default=None, nullable=True)
    serial: str | None = text(default=None, nullable=True)
    signed_at: datetime | None = Field(default=None)
    trusted: bool | None = Field(default=None)
    added_at: datetime


class ContractStep(Table, table=True):
    """What happened to a contract, in order; `on_day` is the day it takes effect."""

    __tablename__ = "contract_step"
    __table_args__ = (one_of("step", *STEPS), limited("role", 40), limited("reason", 4000))

    contract_id: UUID = Field(primary_key=True, foreign_key="contract.id")
    number: int = Field(primary_key=True)
    version: int = Field(sa_type=SmallInteger)
    step: str = text()
    role: str | None = text(default=None, nullable=True)
    party: str | None = text(default=None, nullable=True)
    on_day: date
    reason: str | None = text(default=None, nullable=True)
    record_id: UUID | None = Field(default=None)
    person_id: str = text()
    at: datetime


class OwnerVote(Table, table=True):
    """A passed vote of owners in a frozen version, in persons and square metres."""

    __tablename__ = "owner_vote"
    __table_args__ = (limited("matter", 60), limited("filing", 64), _of_version())

    contract_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True, sa_type=SmallInteger)
    matter: str = text(primary_key=True)
    held_on: date
    persons: int = whole()
    persons_part: int = whole()
    persons_favour: int = whole()
    area: int = whole()
    area_part: int = whole()
    area_favour: int = whole()
    filing: str | None = text(default=None, nullable=True)
    tally: str = text()


class Duty(Table, table=True):
    """What a party owes by a clause for a period.

    `waits_until` is the last day of what is expected next, a report or an answer to it; with
    `handed_up` it is late and stands on the inspectors' desk. `level` counts a dispute's levels.
    """

    __tablename__ = "duty"
    __table_args__ = (
        one_of("role", *ROLES),
        one_of("confirmer", *ROLES),
        one_of("scheme", *SCHEMES),
        one_of("state", "open", "reported", "disputed", "fulfilled", "breached", "waived"),
        one_of("severity", "minor", "general", "serious"),
        limited("clause", 60),
        CheckConstraint("period_end >= period_start", name="period"),
        _of_version(),
        # One duty a clause, party and period; a waived one may be owed again when a contract goes on.
        Index(
            "uq_duty_period",
            "contract_id",
            "clause",
            "scheme",
            "party",
            "period_start",
            unique=True,
            postgresql_where="state <> 'waived'",
        ),
        Index("ix_duty_contract_id", "contract_id", "period_start"),
        Index("ix_duty_party", "party", "period_start"),
        Index("ix_duty_enterprise", "enterprise", "period_start"),
        Index("ix_duty_waits_until", "waits_until", postgresql_where="NOT handed_up"),
        Index("ix_duty_disputed", "id", postgresql_where="state = 'disputed'"),
    )

    id: UUID = Field(primary_key=True)
    contract_id: UUID
    version: int = Field(sa_type=SmallInteger)
    clause: str = text()
    role: str = text()
    scheme: str = text()
    party: str = text()
    confirmer: str = text()
    project: str | None = text(default=None, nullable=True)
    enterprise: str | None = text(default=None, nullable=True)
    period_start: date
    period_end: date
    grace_days: int = Field(sa_type=SmallInteger)
    due_on: date
    waits_until: date | None = Field(default=None)
    handed_up: bool
    state: str = text()
    level: int = Field(sa_type=SmallInteger)
    severity: str | None = text(default=None, nullable=True)
    by_office: bool
    steps: int
    created_at: datetime


class DutyStep(Table, table=True):
    """What was reported, answered, disputed and found about a duty, in order."""

    __tablename__ = "duty_step"
    __table_args__ = (
        one_of("step", *DUTY_STEPS),
        one_of("finding", "fulfilled", "breached"),
        one_of("severity", "minor", "general", "serious"),
        limited("reason", 4000),
        Index("ix_duty_step_found", "on_day", postgresql_where="finding IS NOT NULL"),
    )

    duty_id: UUID = Field(primary_key=True, foreign_key="duty.id")
    number: int = Field(primary_key=True)
    step: str = text()
    on_day: date
    level: int = Field(sa_type=SmallInteger)
    value: dict[str, Any] | None = json_field(default=None, nullable=True)
    kept: bool | None = Field(default=None)
    finding: str | None = text(default=None, nullable=True)
    severity: str | None = text(default=None, nullable=True)
    reason: str | None = text(default=None, nullable=True)
    evidence: list[Any] = json_field()
    scheme: str | None = text(default=None, nullable=True)
    party: str | None = text(default=None, nullable=True)
    person_id: str = text()
    at: datetime
