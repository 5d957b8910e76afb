"""What pages show of evaluations: how a year stands, one sheet with all of it, what would close."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from credit.access.logic import require
from credit.access.views import Actor
from credit.evaluations import logic, store
from credit.evaluations.service.places import refuse_foreign
from credit.evaluations.service.procedure import YEAR_MIN, prepare_closings
from credit.evaluations.service.scoring import derived, score, sheet_of, subjects_of
from credit.evaluations.store import OpenSheet, ShownRow, Standing
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, Invalid, NotFound
from credit.kit.patterns import containing
from credit.kit.texts import say
from credit.log import service as log
from credit.parties import service as parties
from credit.rules.model import Sheet
from credit.rules.pack import Pack
from credit.rules.sheets import InputRefused, Problem, SheetResult

__all__ = [
    "Key",
    "OpenSheet",
    "ShownEvaluation",
    "ShownSheet",
    "Standing",
    "begin",
    "chosen_rows",
    "count_closed",
    "find_begun",
    "last_year",
    "open_sheets",
    "shown",
    "shown_sheet",
    "to_close",
]

# What names an evaluation: sheet, subject, year, division.
Key = tuple[str, str, int, str]
NIL = UUID(int=0)


class _ClosingBody(Struct):
    """What is read here of the record that closed an evaluation."""

    evaluation: str = ""
    input: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class ShownEvaluation:
    """An evaluation in a list. `total` is that of its closing, or what it comes to at present;
    None before the first entry.
    """

    row: ShownRow
    total: Decimal | None
    stars: int | None
    veto: bool
    valid: bool


@dataclass(frozen=True, slots=True)
class ShownSheet:
    """One evaluation with its sheet. `given` is its input with what the log gives.

    `result` is None, and `faults` says why, while the input cannot be scored; `index` is the place
    of the closing record in the log.
    """

    row: ShownRow
    sheet: Sheet
    given: dict[str, Any]
    result: SheetResult | None
    faults: tuple[Problem, ...] = ()
    index: int | None = None


async def shown(
    conn: Connection,
    clock: Clock,
    pack: Pack,
    standing: Standing,
    *,
    query: str | None,
    sort: str,
    after: UUID | None,
    limit: int,
) -> list[ShownEvaluation]:
    """List a sheet's evaluations of a year after one of them, each with its total.

    `query` is looked for in the names and codes of subjects. `sort` is state (the open ones first),
    total or -total (of those closed; the open ones last).
    """
    like = containing(query) if query else None
    rows = await store.show_list(conn, standing, like=like, sort=sort, after=after, limit=limit)
    begun = [row for row in rows if row.version and not row.closed]
    from_log = await derived(conn, pack, begun, clock.today()) if begun else {}
    today = clock.today()
    return [_in_list(pack, row, from_log.get(row.id), today) for row in rows]


async def chosen_rows(
    conn: Connection, standing: Standing, query: str | None, limit: int
) -> list[ShownRow]:
    """List a sheet's evaluations of a year as they are stored, the open ones first."""
    like = containing(query) if query else None
    return await store.show_list(conn, standing, like=like, sort="state", after=None, limit=limit)


async def shown_sheet(
    conn: Connection, clock: Clock, pack: Pack, evaluation_id: UUID
) -> ShownSheet:
    """Return an evaluation with its present result, or the one it was closed with."""
    row = (await store.show_these(conn, [evaluation_id])).get(evaluation_id)
    if row is None:
        raise NotFound(say("没有这个编号的评价。"))
    index, from_log = await _closing(conn, row) if row.closed else (None, None)
    if from_log is None:
        from_log = (await derived(conn, pack, [row], clock.today()))[row.id]
    return _scored(pack, row, {**row.input, **from_log}, clock.today(), index)


async def begin(conn: Connection, clock: Clock, pack: Pack, key: Key) -> ShownSheet:
    """Return the empty sheet of an evaluation that is to begin; nothing is written.

    Refuses sheets and years that cannot be evaluated, and subjects the register does not have.
    """
    name, subject, year, division = key
    today = clock.today()
    sheet = {one.id: one for one in logic.evaluable(pack.on(today).sheets.values())}.get(name)
    if sheet is None:
        raise Invalid(
            say("规则包 %(pack)s 没有可以录入的评分表“%(name)s”。", pack=pack.head.id, name=name)
        )
    if not YEAR_MIN <= year <= today.year:
        raise Invalid(
            say(
                "年度 %(year)s 不对：应在 %(least)s 到 %(most)s 之间。",
                year=year,
                least=YEAR_MIN,
                most=today.year,
            )
        )
    found = await parties.find_subjects(conn, sheet.subject, subject, 1)
    if not found or found[0].code != subject:
        raise Invalid(say("登记册里没有“%(subject)s”。请先登记，或核对代码。", subject=subject))
    enterprise = await _answering(conn, sheet, subject, min(today, date(year, 12, 31)))
    given = {"variant": found[0].kind} if found[0].kind in sheet.variants else {}
    row = ShownRow(
        NIL, pack.head.id, name, sheet.subject, subject, enterprise, division, year, 1,
        0, {}, None, False, found[0].name, None, None, None, None, None, None, None,
    )  # fmt: skip
    from_log = (await derived(conn, pack, [row], today))[NIL]
    return _scored(pack, row, {**given, **from_log}, today)


async def find_begun(conn: Connection, key: Key) -> UUID | None:
    """Return the id of an evaluation that has begun."""
    return await store.find_id(conn, key)


async def count_closed(conn: Connection, standing: Standing) -> tuple[int, int]:
    """Count a sheet's evaluations of a year: (all, closed)."""
    return await store.count_standing(conn, standing)


async def open_sheets(conn: Connection, division: str | None, limit: int) -> list[OpenSheet]:
    """Count what is open by sheet and year, the oldest year first; of a division, if given."""
    return await store.open_sheets(conn, division, limit)


async def last_year(conn: Connection, sheet: str) -> int | None:
    """Return the newest year a sheet has evaluations of."""
    return await store.last_year(conn, sheet)


async def to_close(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, ids: Sequence[UUID]
) -> list[tuple[ShownRow, dict[str, Any]]]:
    """Return what closing evaluations would sign, each with whom it is about.

    Refuses by name what is not there, has no marks, is closed, was entered last by the actor, or is
    foreign to the actor's division.
    """
    require(actor, "evaluations:close")
    rows = await store.show_these(conn, ids)
    for evaluation_id in ids:
        row = rows.get(evaluation_id)
        if row is None:
            raise NotFound(
                say("没有编号为 %(evaluation_id)s 的评价。", evaluation_id=evaluation_id)
            )
        name = say(
            "%(subject_name)s %(year)s 年度 %(sheet)s",
            subject_name=row.subject_name or row.subject,
            year=row.year,
            sheet=row.sheet,
        )
        if not row.version:
            raise Conflict(say("“%(name)s”还没有打分，不能结束。", name=name))
        if row.closed:
            raise Conflict(
                say("“%(name)s”已经结束，请刷新列表。", name=name), slug="already-closed"
            )
        if row.entered_by == actor.person_id:
            raise Forbidden(
                say(
                    "“%(name)s”的分是您最后录入的，要由另一位同事核对后结束。请把它从选择里去掉。",
                    name=name,
                ),
                slug="four-eyes",
            )
    await refuse_foreign(conn, clock, actor, [rows[one] for one in ids])
    bodies = await prepare_closings(conn, clock, pack, ids)
    return [(rows[one], bodies[one]) for one in ids]


def _in_list(
    pack: Pack, row: ShownRow, from_log: dict[str, Any] | None, today: date
) -> ShownEvaluation:
    if row.closed:
        stars = None
        if row.valid and row.total is not None:
            steps = sheet_of(pack, row.sheet, row.year, today).stars
            stars = next((step.stars for step in steps if row.total >= step.at_least), None)
        return ShownEvaluation(row, row.total, stars, bool(row.veto), bool(row.valid))
    if from_log is None:
        return ShownEvaluation(row, None, None, False, True)
    result = _scored(pack, row, {**row.input, **from_log}, today).result
    if result is None:
        return ShownEvaluation(row, None, None, False, False)
    return ShownEvaluation(row, result.total, result.stars, result.veto, result.valid)


def _scored(
    pack: Pack, row: ShownRow, given: dict[str, Any], today: date, index: int | None = None
) -> ShownSheet:
    sheet = sheet_of(pack, row.sheet, row.year, today)
    try:
        return ShownSheet(row, sheet, given, score(pack, row, given, today), (), index)
    except InputRefused as refused:
        return ShownSheet(row, sheet, given, None, tuple(refused.problems), index)


async def _closing(conn: Connection, row: ShownRow) -> tuple[int | None, dict[str, Any] | None]:
    """Return where the closing record stands in the log, and what it was given from the log."""
    first = subjects_of(row)[0]
    subject = (first["scheme"], first["id"])
    size = await log.size_at(conn, None)
    chains = await log.chains(conn, [subject], size, ("evaluation",), _ClosingBody)
    for entry in chains[subject]:
        if entry.body.evaluation == str(row.id):
            given = entry.body.input
            return entry.index, {k: given[k] for k in ("grade", "events") if k in given}
    return None, None


async def _answering(conn: Connection, sheet: Sheet, subject: str, on: date) -> str | None:
    """Return the enterprise that answers for a subject at the year's end."""
    if sheet.subject not in ("enterprise", "project"):
        return None
    (placed,) = await parties.place(conn, [sheet.subject], [subject], [on])
    if fault := logic.placement_fault(placed):
        raise Invalid(fault)
    return placed.enterprise
