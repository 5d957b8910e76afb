"""Advice: what would lift an enterprise's grade, computed from its record in the log."""

import asyncio
from datetime import date

from credit.grades.service.runs import subject_records
from credit.kit.db import Connection
from credit.log import service as log
from credit.rules import advice
from credit.rules.advice import Advice
from credit.rules.grading import SubjectRecord
from credit.rules.pack import Pack

__all__ = ["ADVISED_FACTS_MAX", "advise", "advise_on_record"]

# Every live fact is left out once and stands alone once: time grows with the square of their
# number. With three hundred it is half a second; nearly every enterprise has fewer than fifty.
ADVISED_FACTS_MAX = 300


async def advise(conn: Connection, pack: Pack, code: str, *, on: date) -> Advice | None:
    """Return what an enterprise's score rests on and what would lift it, as the log is now.

    The record is read as runs read it. None where more than ADVISED_FACTS_MAX facts are live.
    """
    size = await log.size_at(conn, None)
    (record,) = await subject_records(conn, [code], size)
    return await advise_on_record(pack, record, on)


async def advise_on_record(pack: Pack, record: SubjectRecord, on: date) -> Advice | None:
    """Return the advice for a record that is loaded already; `advise` says when it is None.

    A thread computes it, so that other requests have their turns meanwhile.
    """
    rules = pack.on(on)
    steps = rules.grader.grade(record, on).trace.children[0].children
    if sum(step.index is not None for step in steps) > ADVISED_FACTS_MAX:
        return None
    return await asyncio.to_thread(advice.advise, rules.grader, record, on, sheets=rules.sheets)
