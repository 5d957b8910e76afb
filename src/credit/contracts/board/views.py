"""Contracts as pages, papers and the interface show them."""

from typing import Any, Literal

from msgspec import Struct

from credit.contracts.logic.duties import DutyState
from credit.contracts.logic.machine import Shown
from credit.contracts.views import ContractText

__all__ = [
    "BoardCell",
    "BoardRow",
    "ClauseShown",
    "ContractLine",
    "ContractView",
    "DutyShown",
    "DutyStepShown",
    "DutyView",
    "Fulfillment",
    "KpiRow",
    "May",
    "PartyShown",
    "SignatureShown",
    "StepShown",
    "VersionShown",
]


class ContractLine(Struct, frozen=True):
    """A contract in a list; `signed` of `needed` parties have signed what is on offer.

    `proposal` is what `proposal_role` has signed, and waits for the other side to agree to.
    """

    id: str
    title: str
    kind: Literal["tri-party", "service", "pact"]
    state: Shown
    project: str | None
    project_name: str | None
    enterprise: str | None
    enterprise_name: str | None
    version: int
    from_on: str | None
    until: str | None
    offer_until: str | None
    signed: int
    needed: int
    proposal: str | None
    proposal_role: str | None


class May(Struct, frozen=True):
    """Something one might do: `why` says why not, None where one may."""

    act: str
    title: str
    why: str | None


class SignatureShown(Struct, frozen=True):
    """A signature: by which key, when (`on` is China's day), and where its record stands.

    `person` is for offices, and for themselves, alone.
    """

    kid: str
    person: str | None
    signed_at: str
    on: str
    record: str
    index: int | None


class PartyShown(Struct, frozen=True):
    """A party with its signature, if there is one."""

    role: str
    title: str
    scheme: str
    id: str
    name: str
    needed: bool
    signature: SignatureShown | None


class ClauseShown(Struct, frozen=True):
    """A clause in words: whose promise, what is measured, and who confirms it."""

    id: str
    obligor: str
    text: str
    promise: str
    evidence: str
    grace_days: int
    confirmed_by: str
    source: str


class VersionShown(Struct, frozen=True):
    """A frozen version: its digest, the record that froze it, and its days."""

    version: int
    digest: str
    record: str
    index: int | None
    frozen_at: str
    frozen_on: str
    from_on: str
    until: str
    offer_until: str


class StepShown(Struct, frozen=True):
    """Something that happened; `reason` is for the parties and offices alone, `person` for offices
    and for themselves.
    """

    number: int
    version: int
    step: str
    title: str
    role: str | None
    party: str | None
    on: str
    reason: str | None
    record: str | None
    index: int | None
    person: str | None
    at: str


class ContractView(Struct, frozen=True):
    """A contract whole. `text` is None while nothing is frozen or this version never was."""

    line: ContractLine
    state_title: str
    version: int
    text: ContractText | None
    digest: str | None
    parties: list[PartyShown]
    clauses: list[ClauseShown]
    versions: list[VersionShown]
    steps: list[StepShown]
    may: list[May]
    orphaned: bool


class DutyShown(Struct, frozen=True):
    """A duty in a list. `late` says that what is waited for is past its last day `waits_until`."""

    id: str
    contract: str
    version: int
    clause: str
    role: str
    scheme: str
    party: str
    project: str | None
    enterprise: str | None
    period_start: str
    period_end: str
    due_on: str
    waits_until: str | None
    late: bool
    state: DutyState
    level: int
    severity: str | None
    steps: int


class DutyStepShown(Struct, frozen=True):
    """A step of a duty; `value` is what was reported, `words` the same in words."""

    number: int
    step: str
    title: str
    on: str
    level: int
    value: dict[str, Any] | None
    words: str | None
    kept: bool | None
    finding: Literal["fulfilled", "breached"] | None
    severity: str | None
    reason: str | None
    evidence: list[dict[str, Any]]
    scheme: str | None
    party: str | None
    person: str | None
    at: str


class DutyView(Struct, frozen=True):
    """A duty whole, with its clause, its steps, and what may be done now.

    `days_left` counts working days to `waits_until`: None where nothing is waited for, below
    nothing when it is late. `level_title` names where a dispute stands, and `body` who settles it.
    """

    duty: DutyShown
    title: str
    clause: ClauseShown
    promise: dict[str, Any]
    level_title: str | None
    body: str | None
    days_left: int | None
    steps: list[DutyStepShown]
    may: list[May]


class BoardCell(Struct, frozen=True):
    """One duty on a board."""

    duty: str
    period_start: str
    period_end: str
    state: DutyState
    late: bool


class BoardRow(Struct, frozen=True):
    """A clause with its duties by period; of a pact one row a member."""

    clause: str
    obligor: str
    party: str
    text: str
    promise: str
    cells: list[BoardCell]


class Fulfillment(Struct, frozen=True):
    """How a contract is kept: its duties by state; `late` are open or unanswered past their day."""

    open: int
    reported: int
    disputed: int
    fulfilled: int
    breached: int
    waived: int
    late: int


class KpiRow(Struct, frozen=True):
    """The two indicators of a division on a day.

    三方契约书签订率 (A4-36): `signed` of `eligible` projects. 契约纳入信用管理比例 (A4-37):
    `in_credit` of `in_force` contracts. Percentages have two places; None where there is nothing
    to divide by.
    """

    level: Literal["city", "district", "street"]
    code: str | None
    name: str | None
    eligible: int
    signed: int
    signed_percent: str | None
    in_force: int
    in_credit: int
    in_credit_percent: str | None
