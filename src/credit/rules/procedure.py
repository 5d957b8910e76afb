"""The shape of due process in a pack, `procedure.yaml`: terms, silence, display and repair.

Every term counts working days of the Chinese calendar, from the day after the act that opens it.
Standard library only: the pack reads with it, and so does the offline verifier.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from credit.rules.bounds import Between
from credit.rules.model import Severity, Status

__all__ = ["Days", "DisputeRung", "Procedure", "Repair", "SeverityTerms"]

# Working days of one term; the longest in the field is well below 100.
Days = Annotated[int, Between(0, 250)]
DisplayMonths = Annotated[int, Between(0, 120)]


@dataclass(frozen=True, slots=True)
class SeverityTerms:
    """What applies to bad facts of one severity.

    `silence` says what an unanswered notice means: `decide`, the decision may be taken; `hear`,
    the matter is heard by somebody new first. `measures` asks for corrective and preventive
    measures before the decision. A fact is shown at least `display_min_months` before it can be
    repaired, and ends by itself after `display_max_months`.
    """

    severity: Severity
    rectification_days: Days
    objection_days: Days
    hearing_days: Days
    decision_days: Days
    extension_days: Days
    silence: Literal["decide", "hear"]
    display_min_months: DisplayMonths
    display_max_months: DisplayMonths
    source: str
    measures: bool = False


@dataclass(frozen=True, slots=True)
class Repair:
    """How long the association takes over an application for repair, and by how much it may extend."""

    acceptance_days: Days
    finish_days: Days
    extension_days: Days
    source: str


@dataclass(frozen=True, slots=True)
class DisputeRung:
    """A level a dispute about a promise can reach, who settles it there, and within how long."""

    level: str
    body: str
    days: Days
    breach: Severity
    source: str


@dataclass(frozen=True, slots=True)
class Procedure:
    """`procedure.yaml`: how a bad fact comes into effect and leaves again.

    A fact established by an authority's own decision (`in_public_catalog`) was notified and heard
    there: with `trusts_public_catalog` its notice goes out with the decision, not before it.
    `escalation_days` are the working days something stays late at one level before it goes up.
    """

    title: str
    status: Status
    source: str
    severities: tuple[SeverityTerms, ...]
    repair: Repair
    disputes: tuple[DisputeRung, ...]
    escalation_days: Days
    trusts_public_catalog: bool

    def of(self, severity: Severity) -> SeverityTerms:
        """Return the terms of a severity; every pack has all three."""
        return next(one for one in self.severities if one.severity == severity)
