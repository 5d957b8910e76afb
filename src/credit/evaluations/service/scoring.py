"""What a sheet comes to at present: its input with what the log gives, and the engine's result."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from credit.evaluations import logic
from credit.evaluations.store import EvaluationRow
from credit.kit.db import Connection
from credit.log import service as log
from credit.parties.codes import scheme_of
from credit.rules.model import Sheet
from credit.rules.pack import Pack
from credit.rules.sheets import SheetResult, score_sheet

__all__ = ["CHAIN_KINDS", "derived", "score", "sheet_of", "subjects_of"]

CHAIN_KINDS = ("grade", "credit-event", "event-withdrawn", "event-corrected", "event-repaired")


async def derived(
    conn: Connection, pack: Pack, rows: Sequence[EvaluationRow], today: date
) -> dict[UUID, dict[str, Any]]:
    """Return what each sheet derives from its enterprise's chain in the log."""
    sheets: dict[str, Sheet] = pack.on(today).sheets
    subjects = {
        row.enterprise: (scheme_of(row.enterprise), row.enterprise)
        for row in rows
        if row.enterprise is not None
    }
    size = await log.size_at(conn, None)
    chains = await log.chains(conn, list(subjects.values()), size, CHAIN_KINDS, logic.RecordBody)
    return {
        row.id: logic.derived_inputs(
            sheets[row.sheet],
            chains.get(subjects.get(row.enterprise or "", ("", "")), []),
            row.year,
        )
        for row in rows
    }


def score(pack: Pack, row: EvaluationRow, given: dict[str, Any], today: date) -> SheetResult:
    """Score a sheet by the rules of the year's end; raises InputRefused with every fault."""
    rules = pack.on(min(today, date(row.year, 12, 31)))
    sheet = rules.sheets[row.sheet]
    return score_sheet(sheet, given, pack=pack.head.id, ladder=rules.grader.ladder)


def sheet_of(pack: Pack, name: str, year: int, today: date) -> Sheet:
    """Return a sheet as it stands for a year: by the rules of its end, or of today before that."""
    return pack.on(min(today, date(year, 12, 31))).sheets[name]


def subjects_of(row: EvaluationRow) -> list[dict[str, str]]:
    """Name the subjects: the enterprise that answers first, then the one judged."""
    subjects = []
    if row.enterprise is not None:
        subjects.append({"scheme": scheme_of(row.enterprise), "id": row.enterprise})
    if row.subject_kind != "enterprise":
        subjects.append({"scheme": row.subject_kind.upper(), "id": row.subject})
    return subjects
