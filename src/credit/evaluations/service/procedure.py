"""Use cases of evaluations: entering marks, and closing with a signed record."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from credit.access.logic import refuse_same_person, refuse_unplaced, require
from credit.access.views import Actor
from credit.evaluations import logic, store
from credit.evaluations.service.places import foreign, refuse_foreign
from credit.evaluations.service.scoring import derived, score, subjects_of
from credit.evaluations.store import EvaluationRow, NewClosing, NewEvaluation
from credit.evaluations.views import EvaluationState, SheetAnswer, Submission
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from credit.kit.ids import new_id
from credit.kit.texts import say
from credit.log import service as log
from credit.log.records import Record
from credit.parties import service as parties
from credit.rules.pack import Pack
from credit.rules.sheets import InputRefused, SheetResult

__all__ = [
    "close",
    "evaluation_states",
    "laid_over",
    "open_evaluations",
    "prepare_closings",
    "submit",
    "submit_form",
]

OPEN_MAX = 5_000
YEAR_MIN = 2000


async def submit(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    submissions: Sequence[Submission],
) -> list[EvaluationState]:
    """Enter marks, all or none; each entry is laid over the earlier ones of its evaluation.

    Refuses unknown sheets and subjects, years to come, closed evaluations, what is foreign to the
    actor's division, and input the sheet refuses; every fault stands under `items[i]`. Two entries
    at once: the second is refused.
    """
    require(actor, "marks:enter")
    refuse_unplaced(actor)
    _check(clock, pack, submissions)
    now = clock.now()
    new = await _new_evaluations(conn, clock, pack, submissions)
    if reasons := await foreign(conn, clock, actor, submissions):
        raise _refused([FieldError(f"items[{i}]", why) for i, why in sorted(reasons.items())])
    await store.ensure_evaluations(conn, new, now)
    keys = [(one.sheet, one.subject, one.year, one.division) for one in submissions]
    rows = await store.load_by_key(conn, keys)
    faults: list[FieldError] = []
    entries: list[tuple[UUID, int, dict[str, Any]]] = []
    states: list[EvaluationState] = []
    from_log = await derived(conn, pack, list(rows.values()), clock.today())
    for position, (key, one) in enumerate(zip(keys, submissions, strict=True)):
        row = rows[key]
        if row.closed:
            message = say(
                "%(subject)s 的 %(year)s 年度 %(sheet)s 已经结束，不能再打分。",
                subject=one.subject,
                year=one.year,
                sheet=one.sheet,
            )
            faults.append(FieldError(f"items[{position}]", message))
            continue
        merged = logic.merge_inputs(row.input, one.input)
        try:
            result = score(pack, row, {**merged, **from_log[row.id]}, clock.today())
        except InputRefused as refused:
            faults += [
                FieldError(f"items[{position}].{p.row}".rstrip("."), p.message)
                for p in refused.problems
            ]
            continue
        entries.append((row.id, row.version + 1, merged))
        states.append(_state(row, row.version + 1, result))
    if faults:
        raise _refused(faults)
    stored = await store.add_entries(conn, entries, by=actor.person_id, now=now)
    if len(stored) != len(entries):
        raise _entered_meanwhile()
    return states


async def submit_form(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    filled: Submission,
    *,
    version: int,
) -> EvaluationState:
    """Enter a whole form that was filled in over a version (0: none): what it changes is laid over
    the newest entry, so that several may fill in rows of one sheet at once.

    Refuses, besides what `submit` refuses, a form that changes a row somebody else changed to
    something else meanwhile; each such row is named under `items[0]`.
    """
    require(actor, "marks:enter")
    row, before, changed = await _changes(conn, filled, version)
    now = row.input if row else {}
    if clashes := logic.clashing_rows(before, now, changed):
        message = say("同事刚把这里改成了别的内容。")
        raise Conflict(
            say(
                "有 %(count)s 处刚刚被同事改过，您的表单还没有保存。下面是最新的评分加上您的改动，请核对这几处后再保存。",
                count=len(clashes),
            ),
            slug="entered-meanwhile",
            errors=tuple(FieldError(f"items[0].{name}", message) for name in clashes),
        )
    if row and version and not changed:
        return (await evaluation_states(conn, clock, pack, [row.id]))[0]
    (state,) = await submit(conn, clock, actor, pack, [replace(filled, input=changed)])
    if state.version != (row.version if row else 0) + 1:  # what was compared is outdated
        raise _entered_meanwhile()
    return state


async def laid_over(
    conn: Connection, filled: Submission, *, version: int
) -> tuple[int, dict[str, Any]]:
    """Return the newest version, and its input with what a form filled in over `version` changes."""
    row, _, changed = await _changes(conn, filled, version)
    return (row.version, logic.merge_inputs(row.input, changed)) if row else (0, filled.input)


async def _changes(
    conn: Connection, filled: Submission, version: int
) -> tuple[EvaluationRow | None, dict[str, Any], dict[str, Any]]:
    """Return the evaluation as it is, the input a form was filled in over, and what it changes."""
    key = (filled.sheet, filled.subject, filled.year, filled.division)
    before = await store.input_of(conn, key, version) if version else {}
    if before is None:
        raise Invalid(say("表单所依据的那一版评分不存在，请重新打开这份评价。"))
    row = (await store.load_by_key(conn, [key])).get(key)
    return row, before, logic.changed_inputs(before, filled.input)


async def prepare_closings(
    conn: Connection, clock: Clock, pack: Pack, ids: Sequence[UUID]
) -> dict[UUID, dict[str, Any]]:
    """Return for each open evaluation the record body that would close it, to be signed."""
    rows = await store.load(conn, ids)
    today = clock.today()
    from_log = await derived(conn, pack, list(rows.values()), today)
    bodies: dict[UUID, dict[str, Any]] = {}
    for evaluation_id in ids:
        row = rows.get(evaluation_id)
        if row is None or row.version == 0:
            raise NotFound(
                say(
                    "没有编号为 %(evaluation_id)s 的评价，或者还没有打分。",
                    evaluation_id=evaluation_id,
                )
            )
        if row.closed:
            raise Conflict(
                say("评价 %(evaluation_id)s 已经结束。", evaluation_id=evaluation_id),
                slug="already-closed",
            )
        given = {**row.input, **from_log[row.id]}
        result = score(pack, row, given, today)
        bodies[evaluation_id] = logic.closing_body(
            evaluation_id=str(row.id),
            pack_id=pack.head.id,
            pack_digest=pack.digest,
            subjects=subjects_of(row),
            sheet=row.sheet,
            year=row.year,
            division=row.division,
            weight=row.weight,
            given=given,
            result=result,
            closed_on=today,
        )
    return bodies


async def close(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, records: Mapping[UUID, Record]
) -> None:
    """Close evaluations with records signed by the closer, all or none.

    The service never signs for a person: each record must be what `prepare_closings` gives now,
    signed with the actor's own key. Nobody closes marks they entered last themselves, nor what is
    foreign to their division.
    """
    require(actor, "evaluations:close")
    bodies = await prepare_closings(conn, clock, pack, list(records))
    rows = await store.load(conn, list(records))
    await refuse_foreign(conn, clock, actor, [rows[one] for one in records])
    keys = await log.find_keys(conn, [sig.kid for r in records.values() for sig in r.sigs])
    await log.refuse_bad_signatures(list(records.values()), keys)
    closings: list[NewClosing] = []
    for evaluation_id, record in records.items():
        row, body = rows[evaluation_id], bodies[evaluation_id]
        refuse_same_person(row.entered_by or "", actor.person_id)
        if record.kind != "evaluation" or record.body != body:
            raise Conflict(
                say("签名的内容与现在的评价不符，请重新取得要签名的内容。"), slug="body-outdated"
            )
        if [keys[sig.kid].holder for sig in record.sigs] != [actor.person_id]:
            raise Forbidden(say("请用您自己的密钥签名。"), slug="bad-signature")
        total = score(pack, row, body["input"], clock.today()).total
        closings.append(NewClosing(row.id, row.version, total, body["veto"], body["valid"]))
    stored = await store.add_closings(
        conn, closings, on=clock.today(), by=actor.person_id, now=clock.now()
    )
    if len(stored) != len(closings):
        raise Conflict(say("有评价刚刚由别人结束，请刷新后再看。"), slug="already-closed")
    await store.remove_open(conn, list(stored))
    await log.enqueue(conn, list(records.values()))


async def open_evaluations(conn: Connection, sheet: str, year: int) -> list[EvaluationRow]:
    """List what is still open of a sheet and year."""
    return await store.find_open(conn, sheet, year, OPEN_MAX)


async def evaluation_states(
    conn: Connection, clock: Clock, pack: Pack, ids: Sequence[UUID]
) -> list[EvaluationState]:
    """Return evaluations with their present results."""
    rows = list((await store.load(conn, ids)).values())
    from_log = await derived(conn, pack, rows, clock.today())
    return [
        _state(
            row,
            row.version,
            score(pack, row, {**row.input, **from_log[row.id]}, clock.today()),
        )
        for row in rows
    ]


def _state(row: EvaluationRow, version: int, result: SheetResult) -> EvaluationState:
    return EvaluationState(
        str(row.id),
        row.sheet,
        row.subject,
        row.year,
        row.division,
        version,
        row.closed,
        msgspec.convert(result.to_json(), SheetAnswer),
    )


def _entered_meanwhile() -> Conflict:
    return Conflict(say("有人刚刚为同一评价打了分，请刷新后重试。"), slug="entered-meanwhile")


def _refused(faults: list[FieldError]) -> Conflict:
    return Conflict(
        say("有 %(count)s 处不能打分：%(message)s", count=len(faults), message=faults[0].message),
        slug="marks-refused",
        errors=tuple(faults),
    )


def _check(clock: Clock, pack: Pack, submissions: Sequence[Submission]) -> None:
    rules = pack.on(clock.today())
    faults: list[FieldError] = []
    seen: set[tuple[str, str, int, str]] = set()
    for position, one in enumerate(submissions):
        sheet = rules.sheets.get(one.sheet)
        key = (one.sheet, one.subject, one.year, one.division)
        message = None
        if sheet is None:
            message = say(
                "规则包 %(pack)s 没有评分表“%(sheet)s”。", pack=pack.head.id, sheet=one.sheet
            )
        elif sheet.subject != one.subject_kind:
            message = say(
                "%(sheet)s 评的是 %(subject)s，不是 %(subject_kind)s。",
                sheet=one.sheet,
                subject=sheet.subject,
                subject_kind=one.subject_kind,
            )
        elif not YEAR_MIN <= one.year <= clock.today().year:
            message = say(
                "年度 %(year)s 不对：应在 %(least)s 到 %(most)s 之间。",
                year=one.year,
                least=YEAR_MIN,
                most=clock.today().year,
            )
        elif key in seen:
            message = say("同一对象、年度和评价单位出现了两次，请合成一份。")
        seen.add(key)
        if message:
            faults.append(FieldError(f"items[{position}]", message))
        elif sheet is not None:
            wrong = logic.reason_faults(one.input, sheet)
            faults += [FieldError(f"items[{position}].reasons", text) for text in wrong]
    if faults:
        raise _refused(faults)


async def _new_evaluations(
    conn: Connection, clock: Clock, pack: Pack, submissions: Sequence[Submission]
) -> list[NewEvaluation]:
    """Fill in who answers for each subject at the year's end, and the area it speaks for."""
    days = [min(clock.today(), date(one.year, 12, 31)) for one in submissions]
    scored = [
        (position, one)
        for position, one in enumerate(submissions)
        if one.subject_kind in ("enterprise", "project")
    ]
    placed = await parties.place(
        conn,
        [one.subject_kind for _, one in scored],
        [one.subject for _, one in scored],
        [days[position] for position, _ in scored],
    )
    answering = {position: place for (position, _), place in zip(scored, placed, strict=True)}
    faults = [
        FieldError(f"items[{position}]", message)
        for position, place in answering.items()
        if (message := logic.placement_fault(place))
    ]
    if faults:
        raise _refused(faults)
    weights = await _weights(conn, submissions, days)
    return [
        NewEvaluation(
            new_id(clock.now()),
            pack.head.id,
            one.sheet,
            one.subject_kind,
            one.subject,
            answering[position].enterprise if position in answering else None,
            one.division,
            one.year,
            weights[position],
        )
        for position, one in enumerate(submissions)
    ]


async def _weights(
    conn: Connection, submissions: Sequence[Submission], days: Sequence[date]
) -> list[int]:
    """Return the area each evaluation speaks for: what the enterprise manages in the district
    that judges it, or the project's own; 1 where there is none, so that a mean remains.
    """
    projects = [one.subject for one in submissions if one.subject_kind == "project"]
    areas = await parties.areas_of_projects(conn, projects)
    by_day: dict[date, dict[tuple[str, str], int]] = {}
    for day in set(days):
        enterprises = [
            one.subject
            for one, at in zip(submissions, days, strict=True)
            if at == day and one.subject_kind == "enterprise"
        ]
        by_day[day] = await parties.areas_by_district(conn, day, enterprises)
    return [
        (
            areas.get(one.subject)
            if one.subject_kind == "project"
            else by_day[day].get((one.subject, one.division))
        )
        or 1
        for one, day in zip(submissions, days, strict=True)
    ]
