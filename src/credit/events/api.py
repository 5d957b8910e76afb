"""Credit events over HTTP."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, QueryParameter

from credit.access.views import Actor
from credit.events import service
from credit.events.views import (
    Correction,
    Decision,
    Draft,
    EntryProof,
    EventListed,
    EventRecord,
    EventState,
    EventStates,
    Evidence,
    Withdrawal,
)
from credit.kit.db import Connection
from credit.kit.http import (
    City,
    IdCursor,
    IdempotencyHeader,
    Limit,
    Page,
    RecordKey,
    idempotent,
)
from credit.kit.signing import b64
from credit.kit.uploads import BODY_BYTES_MAX, sent_file
from credit.log import service as log
from credit.rules.loading import pack_of_city

__all__ = ["EventController"]

Wait = Annotated[Literal["indexed"] | None, QueryParameter(description="等到日志编号后再回答")]


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to 500 signed facts, taken in all or none."""

    items: Annotated[list[EventRecord], msgspec.Meta(min_length=1, max_length=500)]


class EventController(Controller):
    """Signed facts: proposed, decided, looked up, proved."""

    path = "/events"
    tags = ("events",)

    @post(operation_id="postEvent", summary="提交一条签名记录", opt={"scope": "events:propose"})
    async def post_event(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[EventRecord],
        wait: Wait = None,
    ) -> Response[EventState]:
        """Propose a fact; with a second signature by a decider it is effective at once.

        The record's id is its idempotency key: a record sent again is refused as known (409),
        and `GET /events/{id}` says where it stands.
        """
        return await _propose(request, state, city, data, wait)

    @post("/batch", operation_id="postEvents", summary="提交一批签名记录（全收或全不收）",
          opt={"scope": "events:propose"})  # fmt: skip
    async def post_batch(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[Batch],
        wait: Wait = None,
    ) -> Response[EventStates]:
        """Propose up to 500 facts, all or none."""
        async with state.db.transaction(city) as conn:
            states = await service.propose(
                conn, state.clock, request.user, pack_of_city(city), data.items
            )
        return Response(EventStates(await _indexed(state, city, states, wait)), status_code=201)

    @post("/withdrawals", operation_id="postWithdrawal", summary="撤回一条事实",
          opt={"scope": "events:propose"})  # fmt: skip
    async def post_withdrawal(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[Withdrawal],
        wait: Wait = None,
    ) -> Response[EventState]:
        """Propose to take a fact back; the fact stays in the log, out of scores."""
        return await _propose(request, state, city, data, wait)

    @post("/corrections", operation_id="postCorrection", summary="更正一条事实",
          opt={"scope": "events:propose"})  # fmt: skip
    async def post_correction(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[Correction],
        wait: Wait = None,
    ) -> Response[EventState]:
        """Propose the fact as it should have been recorded."""
        return await _propose(request, state, city, data, wait)

    # Officers and project managers by their numbers, and reasons in words: personal data.
    @get(operation_id="listEvents", summary="事件列表",
         opt={"scope": "events:read", "signed": True, "personal": True})  # fmt: skip
    async def list_events(
        self,
        state: State,
        city: City,
        status: Annotated[
            Literal["proposed", "accepted", "refused"] | None, QueryParameter()
        ] = None,
        enterprise: Annotated[
            str | None, QueryParameter(pattern=r"^[0-9A-Z-]{1,18}$", max_length=18)
        ] = None,
        cursor: IdCursor = None,
        limit: Limit = 50,
    ) -> Page[EventListed]:
        """List events, oldest first."""
        after = UUID(cursor or "0" * 32)
        async with state.db.city(city) as conn:
            rows = await service.events_page(
                conn, after, outcome=status, enterprise=enterprise, limit=limit + 1
            )
        items = msgspec.convert(msgspec.to_builtins(rows[:limit]), list[EventListed])
        more = len(rows) > limit
        return Page(items, rows[limit - 1].id.hex if more else None)

    @get("/{event_id:str}", operation_id="getEvent", summary="一个事件的状态")
    async def get_event(self, state: State, city: City, event_id: RecordKey) -> EventState:
        """Say where an event stands."""
        async with state.db.city(city) as conn:
            return await service.state_of(conn, UUID(event_id))

    @get("/{event_id:str}/proof", operation_id="eventProof", summary="记录和它的包含证明")
    async def proof(self, state: State, city: City, event_id: RecordKey) -> EntryProof:
        """Return the entry, its inclusion proof, and the checkpoint it leads to."""
        async with state.db.city(city) as conn:
            found = await log.entry_proof(conn, UUID(event_id))
        return EntryProof(
            found.index,
            found.size,
            b64(found.entry),
            msgspec.json.decode(found.entry),
            [b64(one) for one in found.hashes],
            found.checkpoint,
        )

    @post("/{event_id:str}/decision", operation_id="decideEvent", summary="对一个事件作出决定",
          opt={"scope": "events:decide"})  # fmt: skip
    async def decide(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        event_id: RecordKey,
        data: JSONBody[Decision],
        idempotency_key: IdempotencyHeader,
    ) -> Response[EventState]:
        """Accept with a signature over the same record, or refuse with reasons."""
        actor: Actor = request.user

        async def act(conn: Connection) -> tuple[int, object]:
            (done,) = await service.decide(conn, state.clock, actor, {UUID(event_id): data})
            return 201, done

        return await idempotent(
            state,
            city,
            client=actor.person_id,
            key=idempotency_key,
            request=event_id.encode() + msgspec.json.encode(data),
            act=act,
        )

    @post("/evidence", operation_id="postEvidence", summary="上传证据文件",
          opt={"scope": "events:propose"}, include_in_schema=False,
          request_max_body_size=BODY_BYTES_MAX)  # fmt: skip
    async def post_evidence(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Evidence]:
        """Keep a file by its digest; the body is the file, Content-Type says what it is."""
        blob = await sent_file(request)
        async with state.db.city(city) as conn:
            await service.keep_evidence(conn, state.clock, request.user, blob)
        return Response(Evidence(blob.digest, blob.size, blob.media_type), status_code=201)


async def _propose(
    request: Request[Any, Any, Any], state: State, city: str, draft: Draft, wait: str | None
) -> Response[EventState]:
    proposed = await state.intake.propose(city, request.user, draft)
    (answer,) = await _indexed(state, city, [proposed], wait)
    return Response(answer, status_code=201)


async def _indexed(
    state: State, city: str, states: Sequence[EventState], wait: str | None
) -> list[EventState]:
    """Wait, if asked to, until the log has numbered what is effective, and say where."""
    effective = [UUID(one.id) for one in states if one.status == "effective"]
    if not wait or not effective:
        return list(states)
    found = await log.wait_indexed(state.db, city, effective)
    return [EventState(one.id, one.status, found.get(UUID(one.id))) for one in states]
