"""Red and black lists over HTTP: what is published, and the course of each entry."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.blacklist import service
from credit.blacklist.logic import BASIS_PATTERN, FACTS_MAX, MEASURES_MAX
from credit.blacklist.reading.store import Sought
from credit.blacklist.views import (
    Answer,
    Candidate,
    EntryLine,
    EntryRecord,
    EntryState,
    EntryView,
    Listed,
    Proposal,
    Suggestion,
)
from credit.blacklist.views import State as EntryStatus
from credit.events.views import EvidenceRef, RecordId, Signature
from credit.kit.db import Connection
from credit.kit.http import (
    CODE_PATTERN,
    City,
    CodeCursor,
    IdCursor,
    IdempotencyHeader,
    Limit,
    MaybeStatement,
    Page,
    RecordKey,
    Statement,
    idempotent,
)
from credit.kit.ids import LAST_ID
from credit.log.records import Record, Sig
from credit.rules.loading import pack_of_city

__all__ = ["EntryController", "ListController"]

ListPath = Annotated[Literal["red", "black"], PathParameter(description="red 红名单，black 黑名单")]
Basis = Annotated[str, Meta(min_length=6, max_length=200, pattern=BASIS_PATTERN)]
Name = Annotated[str, Meta(pattern=CODE_PATTERN, max_length=40)]
Files = Annotated[list[EvidenceRef], Meta(max_length=20)]


class NewEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A proposal: whom to list, on which basis, resting on which log entries.

    `legal_basis` names a document and its clause; `law` the article of a law or regulation, for a
    statutory entry alone. Without a criterion the officer's own reason is given.
    """

    list_name: Literal["red", "black"] = msgspec.field(name="list")
    subject_kind: Literal["enterprise", "manager", "practitioner"]
    subject: Annotated[str, Meta(pattern=CODE_PATTERN, max_length=24)]
    list_kind: Literal["statutory", "departmental", "self-discipline"]
    legal_basis: Basis
    facts: Annotated[list[int], Meta(min_length=1, max_length=FACTS_MAX)]
    measures: Annotated[list[str], Meta(min_length=1, max_length=MEASURES_MAX)]
    law: Basis | None = None
    criterion: Name | None = None
    reason: MaybeStatement = ""


class NewAnswer(Struct, frozen=True, forbid_unknown_fields=True):
    """The subject's answer, handed in by an officer with the signed paper it stands on."""

    objects: bool
    hearing: Literal["asked", "waived", ""]
    evidence: Annotated[list[EvidenceRef], Meta(min_length=1, max_length=20)]
    text: MaybeStatement = ""


class Hearing(Struct, frozen=True, forbid_unknown_fields=True):
    """What was heard, with the papers of the hearing."""

    text: Statement
    evidence: Files = []


class EntryDecision(Struct, frozen=True, forbid_unknown_fields=True):
    """The decision about a proposal, with its reasons."""

    outcome: Literal["listed", "rejected"]
    reason: Statement


class Review(Struct, frozen=True, forbid_unknown_fields=True):
    """A review: the entry stays, or leaves its list because of `kind`."""

    outcome: Literal["continue", "exit"]
    reason: Statement
    kind: Literal["repaired", "overturned", "review"] = "review"


class Publishing(Struct, frozen=True, forbid_unknown_fields=True):
    """The publisher's signature over the record whose body `GET …/record` gave, under this id."""

    id: RecordId
    sig: Signature


class Suggestions(Struct, frozen=True):
    """What officers should look at."""

    items: list[Suggestion]


Act = Callable[[Connection, Actor], Awaitable[object]]


class ListController(Controller):
    """The published lists; who may be proposed for them."""

    path = "/lists"
    tags = ("lists",)

    @get("/{name:str}", operation_id="getList", summary="已公布的红名单或黑名单")
    async def published(
        self, state: State, city: City, name: ListPath, cursor: IdCursor = None, limit: Limit = 50
    ) -> Page[Listed]:
        """List the entries in force today, the newest first. An entry that is no statutory bar
        bars nobody.
        """
        sought = Sought(UUID(cursor) if cursor else LAST_ID, name)
        async with state.db.city(city) as conn:
            rows = await service.listed_page(
                conn, pack_of_city(city), sought, on=state.clock.today(), limit=limit + 1
            )
        return Page(rows[:limit], UUID(rows[limit - 1].entry).hex if len(rows) > limit else None)

    @get("/{name:str}/candidates", operation_id="listCandidates",
         summary="符合条件、可以提请审查的对象", opt={"scope": "lists:propose"})  # fmt: skip
    async def candidates(
        self, state: State, city: City, name: ListPath, cursor: CodeCursor = None, limit: Limit = 50
    ) -> Page[Candidate]:
        """Say who meets a criterion of the pack. A page may hold fewer than asked for."""
        async with state.db.city(city) as conn:
            found, following = await service.candidates(
                conn,
                pack_of_city(city),
                name,
                on=state.clock.today(),
                after=cursor or "",
                limit=limit,
            )
        return Page(found, following)


class EntryController(Controller):
    """The course of an entry: proposed, noticed, answered, heard, decided, published, reviewed."""

    path = "/list-entries"
    tags = ("lists",)

    @get(operation_id="listEntries", summary="名单记录", opt={"scope": "events:read"})
    async def entries(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        name: Annotated[Literal["red", "black"] | None, QueryParameter(name="list")] = None,
        status: Annotated[EntryStatus | None, QueryParameter()] = None,
        cursor: IdCursor = None,
        limit: Limit = 50,
    ) -> Page[EntryLine]:
        """List entries, oldest first; those taken off their list are shown to the auditor alone."""
        async with state.db.city(city) as conn:
            rows = await service.entries_page(
                conn,
                state.clock,
                request.user,
                name=name,
                status=status,
                after=UUID(cursor or "0" * 32),
                limit=limit + 1,
            )
        return Page(rows[:limit], UUID(rows[limit - 1].id).hex if len(rows) > limit else None)

    @get("/suggestions", operation_id="listSuggestions",
         summary="应当复核或移出的名单记录", opt={"scope": "events:read"})  # fmt: skip
    async def suggestions(self, state: State, city: City) -> Suggestions:
        """Say which published entries rest on facts that are gone, or are due for review."""
        async with state.db.city(city) as conn:
            found = await service.suggestions(conn, pack_of_city(city), on=state.clock.today())
        return Suggestions(found)

    @get("/{entry_id:str}", operation_id="getListEntry", summary="一条名单记录",
         opt={"scope": "events:read", "personal": True})  # fmt: skip
    async def entry(
        self, request: Request[Any, Any, Any], state: State, city: City, entry_id: RecordKey
    ) -> EntryView:
        """Return an entry with its facts, its steps, and what the caller may do about it."""
        async with state.db.city(city) as conn:
            return await service.entry_view(
                conn, state.clock, request.user, pack_of_city(city), UUID(entry_id)
            )

    @post(operation_id="postListEntry", summary="提请列入名单", opt={"scope": "lists:propose"})
    async def propose(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[NewEntry],
        idempotency_key: IdempotencyHeader,
    ) -> Response[EntryState]:
        """Propose an entry; nobody is listed by it."""
        proposal = Proposal(
            data.list_name,
            data.subject_kind,
            data.subject,
            data.list_kind,
            data.legal_basis,
            tuple(data.facts),
            tuple(data.measures),
            data.law,
            data.criterion,
            data.reason,
        )

        async def act(conn: Connection, actor: Actor) -> object:
            return await service.propose(conn, state.clock, actor, pack_of_city(city), proposal)

        return await _done(request, city, idempotency_key, data, act)

    @post("/{entry_id:str}/notice", operation_id="noticeListEntry", summary="告知当事人",
          opt={"scope": "lists:propose"})  # fmt: skip
    async def notice(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        entry_id: RecordKey,
        idempotency_key: IdempotencyHeader,
    ) -> Response[EntryState]:
        """Tell the subject, and open the term for its answer."""

        async def act(conn: Connection, actor: Actor) -> object:
            pack = pack_of_city(city)
            return await service.notice(conn, state.clock, actor, pack, UUID(entry_id))

        return await _done(request, city, idempotency_key, None, act)

    @post("/{entry_id:str}/answer", operation_id="answerListEntry",
          summary="代交当事人的书面陈述申辩", opt={"scope": "lists:propose"})  # fmt: skip
    async def answer(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        entry_id: RecordKey,
        data: JSONBody[NewAnswer],
        idempotency_key: IdempotencyHeader,
    ) -> Response[EntryState]:
        """Hand in the subject's answer on paper; an enterprise answers in its portal."""
        files = tuple(one.digest for one in data.evidence)
        given = Answer(data.objects, data.hearing, data.text, files)

        async def act(conn: Connection, actor: Actor) -> object:
            pack = pack_of_city(city)
            return await service.answer(conn, state.clock, actor, pack, UUID(entry_id), given)

        return await _done(request, city, idempotency_key, data, act)

    @post("/{entry_id:str}/hearing", operation_id="hearListEntry", summary="登记听证",
          opt={"scope": "events:hear"})  # fmt: skip
    async def hear(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        entry_id: RecordKey,
        data: JSONBody[Hearing],
        idempotency_key: IdempotencyHeader,
    ) -> Response[EntryState]:
        """Note a hearing held by somebody who neither proposed nor decides."""

        async def act(conn: Connection, actor: Actor) -> object:
            pack, wanted = pack_of_city(city), UUID(entry_id)
            files = [one.digest for one in data.evidence]
            return await service.hear(conn, state.clock, actor, pack, wanted, data.text, files)

        return await _done(request, city, idempotency_key, data, act)

    @post("/{entry_id:str}/decision", operation_id="decideListEntry", summary="作出决定",
          opt={"scope": "lists:decide"})  # fmt: skip
    async def decide(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        entry_id: RecordKey,
        data: JSONBody[EntryDecision],
        idempotency_key: IdempotencyHeader,
    ) -> Response[EntryState]:
        """Decide with reasons to list the subject, or not to."""

        async def act(conn: Connection, actor: Actor) -> object:
            pack, wanted = pack_of_city(city), UUID(entry_id)
            return await service.decide(
                conn, state.clock, actor, pack, wanted, data.outcome, data.reason
            )

        return await _done(request, city, idempotency_key, data, act)

    @post("/{entry_id:str}/review", operation_id="reviewListEntry", summary="复核",
          opt={"scope": "lists:decide"})  # fmt: skip
    async def review(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        entry_id: RecordKey,
        data: JSONBody[Review],
        idempotency_key: IdempotencyHeader,
    ) -> Response[EntryState]:
        """Review a published entry: it stays, or is to be taken off its list."""

        async def act(conn: Connection, actor: Actor) -> object:
            pack, wanted = pack_of_city(city), UUID(entry_id)
            if data.outcome == "continue":
                return await service.review(conn, state.clock, actor, pack, wanted, data.reason)
            return await service.leave(
                conn, state.clock, actor, pack, wanted, data.kind, data.reason
            )

        return await _done(request, city, idempotency_key, data, act)

    @get("/{entry_id:str}/record", operation_id="getListRecord",
         summary="公布列入或移出要签名的内容", opt={"scope": "lists:publish"})  # fmt: skip
    async def record(self, state: State, city: City, entry_id: RecordKey) -> EntryRecord:
        """Return the record body that would publish the entry, or its exit, now."""
        async with state.db.city(city) as conn:
            return await service.prepare(conn, state.clock, pack_of_city(city), UUID(entry_id))

    @post("/{entry_id:str}/publication", operation_id="publishListEntry",
          summary="签名公布列入或移出", opt={"scope": "lists:publish"})  # fmt: skip
    async def publish(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        entry_id: RecordKey,
        data: JSONBody[Publishing],
        idempotency_key: IdempotencyHeader,
    ) -> Response[EntryState]:
        """Publish the entry, or its exit, with the publisher's own signature."""

        async def act(conn: Connection, actor: Actor) -> object:
            pack, wanted = pack_of_city(city), UUID(entry_id)
            prepared = await service.prepare(conn, state.clock, pack, wanted)
            sig = Sig(data.sig.kid, data.sig.alg, data.sig.sig)
            record = Record(data.id, prepared.kind, prepared.body, (sig,))
            return await service.publish(conn, state.clock, actor, pack, wanted, record)

        return await _done(request, city, idempotency_key, data, act)


async def _done(
    request: Request[Any, Any, Any], city: str, key: str, data: Struct | None, act: Act
) -> Response[Any]:
    """Do something about an entry once, and answer with where it stands."""
    actor: Actor = request.user

    async def work(conn: Connection) -> tuple[int, object]:
        return 201, await act(conn, actor)

    return await idempotent(
        request.app.state,
        city,
        client=actor.person_id,
        key=key,
        request=request.scope["path"].encode() + msgspec.json.encode(data),
        act=work,
    )
