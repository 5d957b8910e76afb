"""What is shown of performance: duties, one whole, boards, and the two indicators."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

import msgspec

from credit.access.logic import require
from credit.access.views import Actor
from credit.contracts import store as contracts
from credit.contracts.board import store as board
from credit.contracts.board.views import (
    BoardCell,
    BoardRow,
    ContractView,
    DutyShown,
    DutyStepShown,
    DutyView,
    Fulfillment,
    KpiRow,
    May,
)
from credit.contracts.duties import store
from credit.contracts.duties.store import DutyRow, DutyStepRow
from credit.contracts.logic.clauses import Value, promise_words, value_words
from credit.contracts.logic.duties import DUTY_ACTS
from credit.contracts.logic.machine import ROLE_TITLES
from credit.contracts.service.cases import (
    SCOPES_OF_DUTY_ACTS,
    Case,
    case_refusal,
    load_case,
)
from credit.contracts.service.making import INSPECT
from credit.contracts.service.places import outside
from credit.contracts.service.reading import READING, clause_shown, contract_view, named_to
from credit.contracts.service.standing import Belonging, read_text, refuse_unseen
from credit.kit.calendar import city_calendar
from credit.kit.clock import Clock, rfc3339
from credit.kit.db import Connection
from credit.kit.errors import Conflict, NotFound
from credit.kit.texts import marked, say
from credit.kit.workdays import WorkCalendar

__all__ = [
    "DUTY_STEP_TITLES",
    "duties_of_contract",
    "duties_to_inspect",
    "duty_shown",
    "duty_view",
    "fulfillment",
    "indicators",
    "performance",
    "public_view",
    "workdays_left",
]

CELLS_MAX = 5_000
INSPECTED_MAX = 200
PLACES = Decimal("0.01")
DUTY_STEP_TITLES = {
    "reported": marked("报告履约"),
    "confirmed": marked("确认"),
    "disputed": marked("提出争议"),
    "raised": marked("提交上一级"),
    "settled": marked("作出处理"),
    "inspected": marked("核查"),
    "waived": marked("免除"),
}


async def duties_of_contract(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    contract_id: UUID,
    *,
    state: str | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[DutyShown]:
    """List a contract's duties by period from behind one of them on, the oldest first."""
    require(actor, READING)
    rows = await store.of_contract(conn, contract_id, state=state, after=after, limit=limit)
    return [duty_shown(row, clock.today()) for row in rows]


async def duties_to_inspect(conn: Connection, clock: Clock, actor: Actor) -> list[DutyShown]:
    """List what is late, the longest first, then what is in dispute."""
    require(actor, READING)
    rows = await store.to_inspect(conn, INSPECTED_MAX)
    return [duty_shown(row, clock.today()) for row in rows]


async def duty_view(
    conn: Connection,
    clock: Clock,
    by: Belonging | None,
    duty_id: UUID,
    *,
    reader: Actor | None = None,
) -> DutyView:
    """Return a duty whole: its clause, its steps, and what the reader may do now or why not.

    Which people acted, a `reader` of an office is told, and others of themselves alone.
    """
    duty = (await store.load(conn, [duty_id])).get(duty_id)
    if duty is None:
        raise NotFound(say("没有这项履约事项，或者它与您的单位无关。"))
    if by is not None:
        row = (await contracts.load(conn, [duty.contract_id]))[duty.contract_id]
        refuse_unseen(row, by)
    case = await load_case(conn, duty)
    today = clock.today()
    level = case.text.disputes[duty.level] if duty.level < len(case.text.disputes) else None
    disputed = level is not None and any(one.step == "disputed" for one in case.steps)
    return DutyView(
        duty=duty_shown(duty, today),
        title=case.text.title,
        clause=clause_shown(case.clause),
        promise=msgspec.to_builtins(case.clause.promise),
        level_title=level.level if level and disputed else None,
        body=level.body if level and disputed else None,
        days_left=await _days_left(conn, duty, today),
        steps=[_step(one, reader) for one in case.steps],
        may=await _may(conn, case, by, today) if by else [],
    )


async def performance(
    conn: Connection, clock: Clock, actor: Actor, contract_id: UUID, *, party: str | None = None
) -> list[BoardRow]:
    """Return a contract's board: its clauses with their duties by period, the newest first.

    Of a pact, one row a clause and member; `party` narrows it to one.
    """
    require(actor, READING)
    found = await contracts.present_body(conn, contract_id)
    if found is None:
        raise NotFound(say("没有这份契约，或者它与您的单位无关。"))
    if not found:
        return []
    rows = await board.duties_of(conn, contract_id, clock.today(), party, CELLS_MAX)
    cells: dict[tuple[str, str], list[BoardCell]] = {}
    for one in rows:
        cell = BoardCell(
            str(one["id"]),
            one["period_start"].isoformat(),
            one["period_end"].isoformat(),
            one["state"],
            bool(one["late"]),
        )
        cells.setdefault((one["clause"], one["party"]), []).append(cell)
    return [
        BoardRow(
            clause.id, ROLE_TITLES[clause.obligor], who, clause.text, promise_words(clause), row
        )
        for clause in read_text(found).clauses
        for (name, who), row in sorted(cells.items())
        if name == clause.id
    ]


async def fulfillment(conn: Connection, clock: Clock, contract_id: UUID) -> Fulfillment:
    """Count how a contract is kept."""
    return Fulfillment(*await board.fulfillment(conn, contract_id, clock.today()))


async def public_view(
    conn: Connection, clock: Clock, contract_id: UUID
) -> tuple[ContractView, Fulfillment]:
    """Return a contract that is or was in force, and how it is kept, for everybody."""
    row = (await contracts.load(conn, [contract_id])).get(contract_id)
    if row is None or not row.in_force:
        raise NotFound(say("没有这份契约，或者它还没有生效。"))
    view = await contract_view(conn, clock, None, contract_id, version=row.in_force)
    return view, await fulfillment(conn, clock, contract_id)


async def indicators(conn: Connection, clock: Clock, actor: Actor, on: date) -> list[KpiRow]:
    """Return the two indicators as of a day: the city's, then each district's and its streets'.

    A4-36, 三方契约书签订率: of the projects an enterprise manages and a committee (or 物业管理委员会)
    speaks for on the day, those with a tri-party contract in force with that enterprise. A4-37,
    契约纳入信用管理比例: of the contracts of projects in force on the day, those of which a duty was
    decided in the calendar year up to it. Refuses a day to come.
    """
    require(actor, READING)
    if on > clock.today():
        raise Conflict(say("请选择今天或以前的日期。"), slug="in-the-future")
    rows = await board.indicators(conn, on, date(on.year, 1, 1))
    return [
        KpiRow(
            row.level,  # type: ignore[arg-type]
            row.code,
            row.name,
            row.eligible,
            row.signed,
            _percent(row.signed, row.eligible),
            row.in_force,
            row.in_credit,
            _percent(row.in_credit, row.in_force),
        )
        for row in rows
    ]


def duty_shown(row: DutyRow, today: date) -> DutyShown:
    """Return a duty as lists show it."""
    return DutyShown(
        id=str(row.id),
        contract=str(row.contract_id),
        version=row.version,
        clause=row.clause,
        role=row.role,
        scheme=row.scheme,
        party=row.party,
        project=row.project,
        enterprise=row.enterprise,
        period_start=row.period_start.isoformat(),
        period_end=row.period_end.isoformat(),
        due_on=row.due_on.isoformat(),
        waits_until=row.waits_until.isoformat() if row.waits_until else None,
        late=row.waits_until is not None and row.waits_until < today,
        state=row.state,  # type: ignore[arg-type]
        level=row.level,
        severity=row.severity,
        steps=row.steps,
    )


async def _days_left(conn: Connection, duty: DutyRow, today: date) -> int | None:
    if duty.waits_until is None:
        return None
    return workdays_left(await city_calendar(conn, today), duty.waits_until, today)


def workdays_left(calendar: WorkCalendar, until: date, today: date) -> int:
    """Count the working days to a day; below nothing when it is past."""
    if until >= today:
        return calendar.workdays_between(today, until)
    return -max(1, calendar.workdays_between(until, today))


def _step(one: DutyStepRow, reader: Actor | None) -> DutyStepShown:
    words = None
    if one.value is not None:
        value: Value = msgspec.convert(one.value, type=Value)
        words = value_words(value)
    return DutyStepShown(
        one.number,
        one.step,
        DUTY_STEP_TITLES[one.step],
        one.on_day.isoformat(),
        one.level,
        one.value,
        words,
        one.kept,
        one.finding,  # type: ignore[arg-type]
        one.severity,
        one.reason,
        one.evidence,
        one.scheme,
        one.party,
        named_to(reader, one.person_id),
        rfc3339(one.at),
    )


async def _may(conn: Connection, case: Case, by: Belonging, today: date) -> list[May]:
    away = (await outside(conn, by.actor, [case.duty.project], today)).get(case.duty.project or "")
    return [
        May(
            act,
            title,
            (away if SCOPES_OF_DUTY_ACTS[act] == INSPECT else None)
            or case_refusal(case, by, act, today),
        )
        for act, title in DUTY_ACTS.items()
        if SCOPES_OF_DUTY_ACTS[act] in by.actor.scopes
    ]


def _percent(part: int, whole: int) -> str | None:
    if not whole:
        return None
    return str((Decimal(100 * part) / whole).quantize(PLACES, ROUND_HALF_UP))
