"""The portal's pages of lists: what stands about an enterprise, and its answer to a notice."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State

from credit.blacklist import service
from credit.blacklist.logic import TEXT_CHARS_MAX
from credit.blacklist.pages.entry import answer_of, may_now
from credit.blacklist.pages.forms import FILES_MAX, FORM_BYTES_MAX, Digest
from credit.blacklist.pages.words import WORDS, next_step
from credit.blacklist.reading.store import Sought
from credit.events.pages import enterprise_of
from credit.kit.db import PORTAL_ROLE
from credit.kit.errors import CreditError
from credit.kit.http import City, IdCursor, RecordKey
from credit.kit.ids import LAST_ID
from credit.kit.pages import form_of, redirect, render
from credit.kit.texts import say
from credit.kit.uploads import file_answer
from credit.rules.loading import pack_of_city

__all__ = ["PortalListPages"]

PAGE = 30


class PortalListPages(Controller):
    """`/{city}/portal/lists`: one's own entries; another's are not there at all."""

    path = "/portal/lists"

    @get(summary="与本企业有关的名单记录", opt={"scope": "portal:use"})
    async def entries(
        self, request: Request[Any, Any, Any], state: State, city: City, cursor: IdCursor = None
    ) -> Response[str]:
        """List what was proposed or published about the enterprise and its people."""
        enterprise, actor = enterprise_of(request), request.state.visitor.actor
        sought = Sought(UUID(cursor) if cursor else LAST_ID)
        async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
            found = await service.work_page(
                conn, state.clock, actor, sought, oldest=False, limit=PAGE + 1
            )
        return render(
            request,
            "blacklist/portal_list.html",
            words=WORDS,
            entries=found[:PAGE],
            cursor=UUID(found[PAGE - 1].line.id).hex if len(found) > PAGE else None,
        )

    @get("/{entry_id:str}", summary="与本企业有关的一条名单记录",
         opt={"scope": "portal:use", "personal": True})  # fmt: skip
    async def entry(
        self, request: Request[Any, Any, Any], state: State, city: City, entry_id: RecordKey
    ) -> Response[str]:
        """Show an entry with its facts, its steps, and the days left to answer."""
        return await _entry_page(request, state, city, entry_id, {})

    @post("/{entry_id:str}/answer", summary="提交陈述申辩", opt={"scope": "portal:use"},
          status_code=200, request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def answer(
        self, request: Request[Any, Any, Any], state: State, city: City, entry_id: RecordKey
    ) -> Response[Any]:
        """Take in the answer to a notice; refused, show the form as it was filled in."""
        enterprise_of(request)
        fields = await form_of(request)
        actor, pack = request.state.visitor.actor, pack_of_city(city)
        try:
            async with state.db.transaction(city) as conn:
                given = await answer_of(request, state, conn, fields)
                await service.answer(conn, state.clock, actor, pack, UUID(entry_id), given)
        except CreditError as refused:
            return await _entry_page(request, state, city, entry_id, fields, refused)
        return redirect(
            f"/{city}/portal/lists/{entry_id}",
            notice=say("已提交。协会会按您的意见安排听证或者作出决定，结果在这里看得到。"),
        )

    @get("/{entry_id:str}/evidence/{digest:str}", summary="与本企业有关的名单记录的材料",
         opt={"scope": "portal:use", "personal": True})  # fmt: skip
    async def evidence(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        entry_id: RecordKey,
        digest: Digest,
    ) -> Response[bytes]:
        """Return a file that a step of an own entry names."""
        enterprise_of(request)
        actor = request.state.visitor.actor
        async with state.db.city(city) as conn:
            media_type = await service.evidence_type(
                conn, state.clock, actor, UUID(entry_id), f"sha256:{digest}"
            )
        return await file_answer(state.blobs, f"sha256:{digest}", media_type)


async def _entry_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    entry_id: str,
    fields: Mapping[str, Any],
    refused: CreditError | None = None,
) -> Response[str]:
    enterprise, wanted = enterprise_of(request), UUID(entry_id)
    actor, pack = request.state.visitor.actor, pack_of_city(city)
    async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
        view = await service.entry_view(conn, state.clock, actor, pack, wanted)
        work = await service.work_of(conn, state.clock, actor, wanted)
    rules = pack.on(state.clock.today())
    rule = rules.lists.of(view.list)
    return render(
        request,
        "blacklist/portal_entry.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        view=view,
        work=work,
        next_step=next_step(view, work),
        may=may_now(view),
        ladder=rules.grader.ladder.grades,
        criteria={one.id: one.text for one in rule.criteria} if rule else {},
        posts={},
        own=view.subject == enterprise,
        fields=defaultdict(str, {k: v for k, v in fields.items() if isinstance(v, str)}),
        text_max=TEXT_CHARS_MAX,
        files_max=FILES_MAX,
        today=state.clock.today(),
        problem=refused,
    )
