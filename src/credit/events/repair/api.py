"""Repair over HTTP: application with a signed commitment, acceptance, decision."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET

from credit.access.views import Actor
from credit.events import service
from credit.events.course.answers import day_text, term_states
from credit.events.course.api import party_of
from credit.events.repair.views import (
    Acceptance,
    Application,
    CommitmentText,
    ListedRepair,
    Repair,
    RepairActAnswer,
    RepairAnswer,
    RepairDecision,
    RepairExtension,
    RepairListed,
    RepairRecord,
    RepairState,
    RepairStep,
    RepairStepAnswer,
    SignedApplication,
)
from credit.events.service import RepairView
from credit.kit.clock import rfc3339
from credit.kit.db import Connection
from credit.kit.http import (
    UUID_PATTERN,
    City,
    IdCursor,
    IdempotencyHeader,
    Limit,
    Page,
    RecordKey,
    idempotent,
)
from credit.log.records import Record, Sig
from credit.rules.loading import pack_of_city

__all__ = ["RepairController"]

FIRST = "0" * 32
OPEN: tuple[str, ...] = ("applied", "accepted")
EventQuery = Annotated[str, QueryParameter(pattern=UUID_PATTERN, max_length=36)]
StateName = Annotated[
    Literal["applied", "rejected", "accepted", "granted", "refused"] | None,
    QueryParameter(description="没有时列出所有未办结的"),
]
Act = Callable[[Connection], Awaitable[Repair]]


class RepairController(Controller):
    """Applications to repair bad facts."""

    path = "/repairs"
    tags = ("events",)

    @get(operation_id="listRepairs", summary="修复申请", opt={"scope": "events:read"})
    async def repairs(
        self,
        state: State,
        city: City,
        status: StateName = None,
        cursor: IdCursor = None,
        limit: Limit = 50,
    ) -> Page[RepairListed]:
        """List applications by where they stand, oldest first; without a state, what is open."""
        return await _listed(state, city, status, None, cursor, limit)

    @get("/own", operation_id="listOwnRepairs", summary="本企业的修复申请",
         opt={"scope": "portal:use"})  # fmt: skip
    async def own_repairs(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        status: StateName = None,
        cursor: IdCursor = None,
        limit: Limit = 50,
    ) -> Page[RepairListed]:
        """List the reader's own applications."""
        return await _listed(state, city, status, party_of(request.user), cursor, limit)

    @get("/commitment", operation_id="getCommitment", summary="信用承诺书",
         opt={"scope": "portal:use"})  # fmt: skip
    async def commitment(
        self, request: Request[Any, Any, Any], state: State, city: City, event: EventQuery
    ) -> CommitmentText:
        """Return the commitment letter for an own fact, and the record body that signs it."""
        async with state.db.transaction(city) as conn:
            found = await service.prepare_commitment(
                conn, state.clock, request.user, pack_of_city(city), UUID(event)
            )
        return CommitmentText("commitment", found.text, found.body)

    @post(operation_id="postRepair", summary="申请修复", opt={"scope": "portal:use"})
    async def apply_for_repair(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[SignedApplication],
        idempotency_key: IdempotencyHeader,
    ) -> Response[RepairState]:
        """Apply for the repair of an own fact, with proofs and the signed commitment."""
        actor: Actor = request.user
        pack, event_id = pack_of_city(city), UUID(data.event)

        async def act(conn: Connection) -> Repair:
            promised = await service.prepare_commitment(conn, state.clock, actor, pack, event_id)
            record = Record(data.id, "commitment", promised.body, (_sig(data.sig),))
            application = Application(data.statement, data.evidence)
            return await service.apply_for_repair(
                conn, state.clock, actor, pack, event_id, application, record
            )

        sent = msgspec.json.encode(data)
        return await _answered(state, city, actor, idempotency_key, sent, act)

    @get("/{repair_id:str}", operation_id="getRepair", summary="一份修复申请",
         opt={"scope": "events:read"})  # fmt: skip
    async def repair(
        self, request: Request[Any, Any, Any], state: State, city: City, repair_id: RecordKey
    ) -> RepairAnswer:
        """Return every step, the open term with the days left, and what the reader may do."""
        return await _repair(state, city, request.user, repair_id)

    @get("/{repair_id:str}/own", operation_id="getOwnRepair", summary="本企业的一份修复申请",
         opt={"scope": "portal:use"})  # fmt: skip
    async def own_repair(
        self, request: Request[Any, Any, Any], state: State, city: City, repair_id: RecordKey
    ) -> RepairAnswer:
        """Return the same of an own application."""
        party_of(request.user)
        return await _repair(state, city, request.user, repair_id)

    @post("/{repair_id:str}/acceptance", operation_id="acceptRepair", summary="受理或不予受理",
          opt={"scope": "events:decide"})  # fmt: skip
    async def accept(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        repair_id: RecordKey,
        data: JSONBody[Acceptance],
        idempotency_key: IdempotencyHeader,
    ) -> Response[RepairState]:
        """Take an application on, or reject it with reasons."""
        actor: Actor = request.user

        async def act(conn: Connection) -> Repair:
            return await service.accept_repair(
                conn, state.clock, actor, pack_of_city(city), UUID(repair_id), data
            )

        sent = repair_id.encode() + msgspec.json.encode(data)
        return await _answered(state, city, actor, idempotency_key, sent, act)

    @post("/{repair_id:str}/extension", operation_id="extendRepair", summary="延长办结期限",
          opt={"scope": "events:decide"})  # fmt: skip
    async def extend(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        repair_id: RecordKey,
        data: JSONBody[RepairExtension],
        idempotency_key: IdempotencyHeader,
    ) -> Response[RepairState]:
        """Put the decision off once, with a reason."""
        actor: Actor = request.user

        async def act(conn: Connection) -> Repair:
            return await service.extend_repair(
                conn, state.clock, actor, pack_of_city(city), UUID(repair_id), data
            )

        sent = repair_id.encode() + msgspec.json.encode(data)
        return await _answered(state, city, actor, idempotency_key, sent, act)

    @get("/{repair_id:str}/record", operation_id="getRepairRecord",
         summary="准予修复要签名的内容", opt={"scope": "events:decide"})  # fmt: skip
    async def record(self, state: State, city: City, repair_id: RecordKey) -> RepairRecord:
        """Return the record body that granting the application today would sign."""
        async with state.db.transaction(city) as conn:
            body = await service.prepare_repair(
                conn, state.clock, pack_of_city(city), UUID(repair_id)
            )
        return RepairRecord("event-repaired", body)

    @post("/{repair_id:str}/decision", operation_id="decideRepair", summary="准予或不予修复",
          opt={"scope": "events:decide"})  # fmt: skip
    async def decide(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        repair_id: RecordKey,
        data: JSONBody[RepairDecision],
        idempotency_key: IdempotencyHeader,
    ) -> Response[RepairState]:
        """Grant with the decider's own signature, or refuse with reasons."""
        actor: Actor = request.user
        pack, wanted = pack_of_city(city), UUID(repair_id)

        async def act(conn: Connection) -> Repair:
            record = None
            if data.id is not UNSET and data.sig is not UNSET:
                body = await service.prepare_repair(conn, state.clock, pack, wanted)
                record = Record(str(data.id), "event-repaired", body, (_sig(data.sig),))
            return await service.decide_repair(
                conn, state.clock, actor, pack, wanted, data.outcome, data.reason, record
            )

        sent = repair_id.encode() + msgspec.json.encode(data)
        return await _answered(state, city, actor, idempotency_key, sent, act)


def _sig(sig: Any) -> Sig:
    return Sig(sig.kid, sig.alg, sig.sig)


async def _answered(
    state: State, city: str, actor: Actor, key: str, request: bytes, act: Act
) -> Response[RepairState]:
    """Act once under a key, and say where the application stands then."""

    async def act_and_tell(conn: Connection) -> tuple[int, object]:
        return 201, await service.repair_state(conn, state.clock, await act(conn))

    return await idempotent(
        state, city, client=actor.person_id, key=key, request=request, act=act_and_tell
    )


async def _repair(state: State, city: str, actor: Actor, repair_id: str) -> RepairAnswer:
    async with state.db.city(city) as conn:
        view = await service.repair_of(
            conn, state.clock, actor, pack_of_city(city), UUID(repair_id)
        )
    return _answer(view, actor)


async def _listed(
    state: State,
    city: str,
    status: str | None,
    enterprise: str | None,
    cursor: str | None,
    limit: int,
) -> Page[RepairListed]:
    async with state.db.city(city) as conn:
        rows = await service.repairs(
            conn,
            states=OPEN if status is None else (status,),
            enterprise=enterprise,
            after=UUID(cursor or FIRST),
            limit=limit + 1,
        )
    more = len(rows) > limit
    return Page(
        [_listed_answer(one) for one in rows[:limit]],
        rows[limit - 1].repair.id.hex if more else None,
    )


def _answer(view: RepairView, reader: Actor) -> RepairAnswer:
    repair = view.repair
    return RepairAnswer(
        str(repair.id),
        str(repair.event_id),
        view.event.row.code,
        repair.enterprise,
        repair.state,
        repair.applied_on.isoformat(),
        day_text(repair.accepted_on),
        day_text(repair.decided_on),
        repair.commitment,
        str(repair.commitment_id),
        None if repair.record_id is None else str(repair.record_id),
        [_step(one, reader) for one in view.steps],
        term_states(view.terms),
        [RepairActAnswer(*one) for one in view.acts],
    )


def _step(step: RepairStep, reader: Actor) -> RepairStepAnswer:
    known = "events:read" in reader.scopes or step.done_by == reader.person_id
    return RepairStepAnswer(
        step.number,
        step.kind,
        rfc3339(step.at),
        step.done_by if known else None,
        step.statement,
        list(step.evidence),
        day_text(step.due_on),
        step.days,
    )


def _listed_answer(one: ListedRepair) -> RepairListed:
    repair = one.repair
    return RepairListed(
        str(repair.id),
        str(repair.event_id),
        one.code,
        repair.enterprise,
        one.enterprise_name,
        repair.state,
        repair.applied_on.isoformat(),
        day_text(one.due_on),
        one.level,
    )
