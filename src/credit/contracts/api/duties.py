"""Duties over HTTP: reported, answered, inspected; and the two indicators of a district."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from credit.access.views import Actor
from credit.contracts import service
from credit.contracts.api.shared import reading
from credit.contracts.board.views import BoardRow, DutyShown, DutyView, KpiRow
from credit.contracts.logic.clauses import Value
from credit.contracts.logic.duties import DutyState
from credit.contracts.service import Done
from credit.events.views import EvidenceRef
from credit.kit.db import Connection
from credit.kit.http import (
    City,
    DayText,
    IdCursor,
    IdempotencyHeader,
    Limit,
    Page,
    RecordKey,
    Statement,
    idempotent,
    parse_date,
)

__all__ = ["DutyController", "IndicatorController"]

Files = Annotated[list[EvidenceRef], Meta(max_length=20)]
Seen = Annotated[int, Meta(ge=0, le=1_000_000)]
Found = Literal["fulfilled", "breached"]
StateFilter = Annotated[DutyState | None, QueryParameter()]


class Report(Struct, frozen=True, forbid_unknown_fields=True):
    """What came of a period; `seen` is the number of the last step known to the sender."""

    seen: Seen
    value: Value
    evidence: Files = []
    reason: Statement | UnsetType = UNSET


class Confirmation(Struct, frozen=True, forbid_unknown_fields=True):
    """The counterparty agrees with the report."""

    seen: Seen


class Objection(Struct, frozen=True, forbid_unknown_fields=True):
    """The counterparty disputes the report, or an officer sends a dispute up a level; and why."""

    seen: Seen
    reason: Statement
    evidence: Files = []


class Settlement(Struct, frozen=True, forbid_unknown_fields=True):
    """What an office found in a dispute, at the level it has reached."""

    seen: Seen
    finding: Found
    reason: Statement
    evidence: Files = []


class Inspection(Settlement, frozen=True, forbid_unknown_fields=True):
    """What an office found by itself; a breach is minor unless it says otherwise."""

    severity: Literal["minor", "general", "serious"] | UnsetType = UNSET


class Duties(Struct, frozen=True):
    """Duties that wait for an office."""

    items: list[DutyShown]


class Board(Struct, frozen=True):
    """A contract's clauses with their duties by period."""

    items: list[BoardRow]


class Indicators(Struct, frozen=True):
    """The indicators as of a day."""

    on: str
    items: list[KpiRow]


class DutyController(Controller):
    """Duties: of a contract, one whole, and what is done about it."""

    path = "/"
    tags = ("contracts",)

    @get("/contracts/{contract_id:str}/duties", operation_id="listDuties",
         summary="契约的履约事项", opt={"scope": "contracts:read"})  # fmt: skip
    async def list_duties(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        contract_id: RecordKey,
        status: StateFilter = None,
        cursor: IdCursor = None,
        limit: Limit = 50,
    ) -> Page[DutyShown]:
        """List a contract's duties, oldest first."""
        actor: Actor = request.user
        async with reading(state, city, actor) as conn:
            found = await service.duties_of_contract(
                conn,
                state.clock,
                actor,
                UUID(contract_id),
                state=status,
                after=UUID(cursor) if cursor else None,
                limit=limit + 1,
            )
        more = len(found) > limit
        return Page(found[:limit], UUID(found[limit - 1].id).hex if more else None)

    @get("/contracts/{contract_id:str}/performance", operation_id="getPerformance",
         summary="契约履约看板", opt={"scope": "contracts:read"})  # fmt: skip
    async def performance(
        self, request: Request[Any, Any, Any], state: State, city: City, contract_id: RecordKey
    ) -> Board:
        """Return a contract's clauses with their duties by period."""
        actor: Actor = request.user
        async with reading(state, city, actor) as conn:
            rows = await service.performance(conn, state.clock, actor, UUID(contract_id))
        return Board(rows)

    @get("/duties", operation_id="listDutiesToInspect", summary="待核查和有争议的履约事项",
         opt={"scope": "contracts:inspect"})  # fmt: skip
    async def to_inspect(self, request: Request[Any, Any, Any], state: State, city: City) -> Duties:
        """List what is late, the longest first, then what is in dispute; up to 200."""
        async with reading(state, city, request.user) as conn:
            return Duties(await service.duties_to_inspect(conn, state.clock, request.user))

    @get("/duties/{duty_id:str}", operation_id="getDuty", summary="一项履约事项",
         opt={"scope": "contracts:read"})  # fmt: skip
    async def duty(
        self, request: Request[Any, Any, Any], state: State, city: City, duty_id: RecordKey
    ) -> DutyView:
        """Return a duty whole, with what may be done now."""
        actor: Actor = request.user
        by = service.find_belonging(actor)
        async with reading(state, city, actor) as conn:
            return await service.duty_view(conn, state.clock, by, UUID(duty_id), reader=actor)

    @post("/duties/{duty_id:str}/report", operation_id="reportDuty", summary="报告履约",
          opt={"scope": "contracts:perform"})  # fmt: skip
    async def report(
        self,
        request: Request[Any, Any, Any],
        city: City,
        duty_id: RecordKey,
        data: JSONBody[Report],
        idempotency_key: IdempotencyHeader,
    ) -> Response[DutyShown]:
        """Report what came of the period."""
        done = Done(
            "report",
            data.seen,
            value=data.value,
            reason=data.reason or None,
            evidence=data.evidence,
        )
        return await _perform(request, city, duty_id, data, idempotency_key, done)

    @post("/duties/{duty_id:str}/confirmation", operation_id="confirmDuty", summary="确认履约",
          opt={"scope": "contracts:perform"})  # fmt: skip
    async def confirm(
        self,
        request: Request[Any, Any, Any],
        city: City,
        duty_id: RecordKey,
        data: JSONBody[Confirmation],
        idempotency_key: IdempotencyHeader,
    ) -> Response[DutyShown]:
        """Agree with the report: kept or broken, as it measures."""
        done = Done("confirm", data.seen)
        return await _perform(request, city, duty_id, data, idempotency_key, done)

    @post("/duties/{duty_id:str}/dispute", operation_id="disputeDuty", summary="对履约报告提出争议",
          opt={"scope": "contracts:perform"})  # fmt: skip
    async def dispute(
        self,
        request: Request[Any, Any, Any],
        city: City,
        duty_id: RecordKey,
        data: JSONBody[Objection],
        idempotency_key: IdempotencyHeader,
    ) -> Response[DutyShown]:
        """Dispute the report; the lowest level takes it up."""
        done = Done("dispute", data.seen, reason=data.reason, evidence=data.evidence)
        return await _perform(request, city, duty_id, data, idempotency_key, done)

    @post("/duties/{duty_id:str}/raising", operation_id="raiseDispute", summary="争议提交上一级",
          opt={"scope": "contracts:inspect"})  # fmt: skip
    async def raise_level(
        self,
        request: Request[Any, Any, Any],
        city: City,
        duty_id: RecordKey,
        data: JSONBody[Objection],
        idempotency_key: IdempotencyHeader,
    ) -> Response[DutyShown]:
        """Send a dispute that was not settled up a level."""
        done = Done("raise", data.seen, reason=data.reason, evidence=data.evidence)
        return await _perform(request, city, duty_id, data, idempotency_key, done)

    @post("/duties/{duty_id:str}/settlement", operation_id="settleDispute", summary="处理争议",
          opt={"scope": "contracts:inspect"})  # fmt: skip
    async def settle(
        self,
        request: Request[Any, Any, Any],
        city: City,
        duty_id: RecordKey,
        data: JSONBody[Settlement],
        idempotency_key: IdempotencyHeader,
    ) -> Response[DutyShown]:
        """Settle a dispute; a breach weighs as the level it reached."""
        done = Done(
            "settle",
            data.seen,
            finding=data.finding,
            reason=data.reason,
            evidence=data.evidence,
        )
        return await _perform(request, city, duty_id, data, idempotency_key, done)

    @post("/duties/{duty_id:str}/inspection", operation_id="inspectDuty", summary="核查履约",
          opt={"scope": "contracts:inspect"})  # fmt: skip
    async def inspect(
        self,
        request: Request[Any, Any, Any],
        city: City,
        duty_id: RecordKey,
        data: JSONBody[Inspection],
        idempotency_key: IdempotencyHeader,
    ) -> Response[DutyShown]:
        """Record what an office found by itself."""
        done = Done(
            "inspect",
            data.seen,
            finding=data.finding,
            severity=data.severity or None,
            reason=data.reason,
            evidence=data.evidence,
        )
        return await _perform(request, city, duty_id, data, idempotency_key, done)


class IndicatorController(Controller):
    """The two indicators of contracts."""

    path = "/kpis"
    tags = ("contracts",)

    @get(operation_id="getContractIndicators", summary="三方契约书签订率和契约纳入信用管理比例",
         opt={"scope": "contracts:read"})  # fmt: skip
    async def indicators(
        self, request: Request[Any, Any, Any], state: State, city: City, on: DayText = None
    ) -> Indicators:
        """Return both indicators as of a day, today unless one is given."""
        day = parse_date(on, "on") if on else state.clock.today()
        async with state.db.city(city) as conn:
            rows = await service.indicators(conn, state.clock, request.user, day)
        return Indicators(day.isoformat(), rows)


async def _perform(
    request: Request[Any, Any, Any],
    city: str,
    duty_id: str,
    data: Struct,
    key: str,
    done: Done,
) -> Response[DutyShown]:
    """Do something about a duty once under an idempotency key; answers the duty as it stands."""
    state, actor = request.app.state, request.user

    async def act(conn: Connection) -> tuple[int, object]:
        after = await service.perform(conn, state.clock, actor, UUID(duty_id), done)
        return 201, service.duty_shown(after, state.clock.today())

    return await idempotent(
        state,
        city,
        client=actor.person_id,
        key=key,
        request=f"duties/{duty_id}/{done.act}".encode() + msgspec.json.encode(data),
        act=act,
    )
