"""What stands about an enterprise in its portal, over HTTP: its entries, and its answer."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.blacklist import service
from credit.blacklist.views import Answer, EntryLine, EntryState, EntryView
from credit.events.views import EvidenceRef
from credit.kit.db import PORTAL_ROLE, Connection
from credit.kit.errors import Forbidden
from credit.kit.http import (
    City,
    IdCursor,
    IdempotencyHeader,
    Limit,
    MaybeStatement,
    Page,
    RecordKey,
    idempotent,
)
from credit.kit.texts import say
from credit.rules.loading import pack_of_city

__all__ = ["OwnEntryController"]


class OwnAnswer(Struct, frozen=True, forbid_unknown_fields=True):
    """An enterprise's answer: whether it objects, and whether it asks for or waives a hearing."""

    objects: bool
    hearing: Literal["asked", "waived", ""]
    text: MaybeStatement = ""
    evidence: Annotated[list[EvidenceRef], Meta(max_length=20)] = []


class OwnEntryController(Controller):
    """The entries that stand in one's own portal."""

    path = "/own-list-entries"
    tags = ("lists",)

    @get(operation_id="listOwnListEntries", summary="与本企业有关的名单记录",
         opt={"scope": "portal:use"})  # fmt: skip
    async def entries(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        cursor: IdCursor = None,
        limit: Limit = 50,
    ) -> Page[EntryLine]:
        """List what was proposed or published about the enterprise and its people, oldest first."""
        actor: Actor = request.user
        async with state.db.bound(city, PORTAL_ROLE, party=_party(actor)) as conn:
            rows = await service.entries_page(
                conn, state.clock, actor, after=UUID(cursor or "0" * 32), limit=limit + 1
            )
        return Page(rows[:limit], UUID(rows[limit - 1].id).hex if len(rows) > limit else None)

    @get("/{entry_id:str}", operation_id="getOwnListEntry", summary="与本企业有关的一条名单记录",
         opt={"scope": "portal:use", "personal": True})  # fmt: skip
    async def entry(
        self, request: Request[Any, Any, Any], state: State, city: City, entry_id: RecordKey
    ) -> EntryView:
        """Return an entry with its facts, its steps, and the days left to answer."""
        actor: Actor = request.user
        async with state.db.bound(city, PORTAL_ROLE, party=_party(actor)) as conn:
            return await service.entry_view(
                conn, state.clock, actor, pack_of_city(city), UUID(entry_id)
            )

    @post("/{entry_id:str}/answer", operation_id="answerOwnListEntry", summary="陈述申辩",
          opt={"scope": "portal:use"})  # fmt: skip
    async def answer(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        entry_id: RecordKey,
        data: JSONBody[OwnAnswer],
        idempotency_key: IdempotencyHeader,
    ) -> Response[EntryState]:
        """Answer a notice within its term."""
        actor: Actor = request.user
        files = tuple(one.digest for one in data.evidence)
        given = Answer(data.objects, data.hearing, data.text, files)

        async def act(conn: Connection) -> tuple[int, object]:
            pack = pack_of_city(city)
            return 201, await service.answer(conn, state.clock, actor, pack, UUID(entry_id), given)

        return await idempotent(
            state,
            city,
            client=actor.person_id,
            key=idempotency_key,
            request=b"own" + entry_id.encode() + msgspec.json.encode(data),
            act=act,
        )


def _party(actor: Actor) -> str:
    if actor.party is None:
        raise Forbidden(say("只有企业用户能查看与本企业有关的名单记录。"))
    return actor.party
