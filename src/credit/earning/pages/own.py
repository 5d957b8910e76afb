"""One's own membership: what is kept about it, taken away as files, and given up."""

import asyncio
from typing import Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State

from credit.access.guard import SESSION_COOKIE, actor_of
from credit.access.logic import CONFIRMED_FOR
from credit.earning.pages.members import bank_of
from credit.earning.service import leaving, member_lists, members, own
from credit.earning.service.own import OwnPoints
from credit.kit.errors import CreditError, NotFound
from credit.kit.excel import XLSX
from credit.kit.http import City
from credit.kit.pages import attachment, redirect, render
from credit.kit.texts import say
from credit.parties import service as parties
from credit.rules.loading import pack_of_city

__all__ = ["OwnPointPages", "own_section"]


class OwnPointPages(Controller):
    """`/{city}/account/points`: for whoever has a wallet."""

    path = "/account/points"

    @get(summary="我的积分资料", opt={"scope": "wallet:use", "personal": True})
    async def points(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Show what is kept about one's membership."""
        found = await own.own_membership(
            state.db, state.clock, city, state.logs.vault(city), actor_of(request)
        )
        if found is None:
            return render(request, "web/wallet_none.html")
        member = found.row.member
        async with state.db.city(city) as conn:
            names = await parties.division_names(conn, [member.division])
        fresh = state.clock.now() - request.state.visitor.confirmed_at <= CONFIRMED_FOR
        return render(
            request,
            "earning/member_own.html",
            own=found,
            kind=member_lists.kind_title(bank_of(state, city), member.kind),
            place=names[member.division],
            fresh=fresh,
        )

    @get("/data.json", summary="下载我的积分资料",
         opt={"scope": "wallet:use", "confirmed": True, "personal": True})  # fmt: skip
    async def document(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[bytes]:
        """Return everything kept about the membership as a file (PIPL, art. 45)."""
        found = own.document_of(await _own(request, state, city), pack_of_city(city))
        content = msgspec.json.format(msgspec.json.encode(found))
        return attachment(content, "application/json", "my-points.json")

    @get("/data.xlsx", summary="下载我的积分资料（Excel）",
         opt={"scope": "wallet:use", "confirmed": True, "personal": True})  # fmt: skip
    async def workbook(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[bytes]:
        """Return the same as a workbook."""
        found = await _own(request, state, city)
        content = await asyncio.to_thread(own.workbook_of, found, pack_of_city(city))
        return attachment(content, XLSX, "my-points.xlsx", "我的积分资料.xlsx")

    @get("/erase", summary="注销我的积分页",
         opt={"scope": "wallet:use", "confirmed": True, "personal": True})  # fmt: skip
    async def erasure(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Say what giving up one's membership loses."""
        return await _erasure_page(request, state, city)

    @post("/erase", summary="注销我的积分",
          opt={"scope": "wallet:use", "confirmed": True, "personal": True},
          status_code=200)  # fmt: skip
    async def erase(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Give up one's membership, and with it an account that is for nothing else."""
        try:
            erased = await leaving.close_own(
                state.db, state.clock, city, state.writers.of(city), state.logs.vault(city),
                actor_of(request),
            )  # fmt: skip
        except NotFound:
            raise
        except CreditError as refused:
            return await _erasure_page(request, state, city, refused)
        if not erased:
            return redirect(f"/{city}/account", notice=say("您的积分资料已经删除。"))
        answer = redirect(f"/{city}/", notice=say("您的积分资料和登录账户已经删除。"))
        answer.delete_cookie(SESSION_COOKIE)
        return answer


async def own_section(request: Request[Any, Any, Any], state: State, city: str) -> dict[str, Any]:
    """Return what one's own data as a document say of the points bank; nothing for others."""
    actor = actor_of(request)
    if "wallet:use" not in actor.scopes:
        return {}
    found = await own.own_points(state.db, state.clock, city, state.logs.vault(city), actor)
    return {"points_bank": own.document_of(found, pack_of_city(city)) if found else None}


async def _own(request: Request[Any, Any, Any], state: State, city: str) -> OwnPoints:
    found = await own.own_points(
        state.db, state.clock, city, state.logs.vault(city), actor_of(request)
    )
    if found is None:
        raise NotFound(say("没有登记您的积分，或者已经注销。请向社区核对。"))
    return found


async def _erasure_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    refused: CreditError | None = None,
) -> Response[str]:
    async with state.db.city(city) as conn:
        member = await members.own_member(conn, actor_of(request))
        loss = await leaving.loss_of(conn, state.clock, member)
    return render(
        request,
        "earning/member_erase.html",
        http_status=refused.status if refused else 200,
        loss=loss,
        problem=refused,
    )
