"""Everybody's signing keys in the console: looked through, and revoked by an administrator."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.access import logic
from credit.access.views import Visitor
from credit.kit.http import City, SoughtText
from credit.kit.pages import redirect, render
from credit.kit.texts import marked, say
from credit.log.keys import listing
from credit.log.keys.listing import KeyState
from credit.log.pages.keys import KeyId, revocation_page, revoke

__all__ = ["ConsoleKeyPages"]

PAGE = 50
STATES = (
    ("live", marked("有效")),
    ("orphan", marked("有效，但持有人已停用")),
    ("revoked", marked("已吊销")),
)
Holder = Annotated[str, QueryParameter(pattern=r"^(P-[0-9a-f]{16})?$(?!\n)", max_length=18)]
State_ = Annotated[KeyState, QueryParameter()]
Cursor = Annotated[str | None, QueryParameter(pattern=r"^k1:[0-9a-f]{32}$(?!\n)", max_length=35)]


class ConsoleKeyPages(Controller):
    """`/{city}/console/keys`: who can sign, for administrators and auditors."""

    path = "/console/keys"

    @get(summary="签名密钥名单", opt={"scope": "keys:read", "personal": True})
    async def keys(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        holder: Holder = "",
        status: State_ = "",
        q: SoughtText = "",
        cursor: Cursor = None,
    ) -> Response[str]:
        """List announced keys with their holders, those announced last first."""
        visitor: Visitor = request.state.visitor
        async with state.db.city(city) as conn:
            found = await listing.keys_page(
                conn,
                state.logs.vault(city),
                visitor.actor,
                after=cursor,
                holder=holder or None,
                state=status,
                query=q.strip() or None,
                limit=PAGE + 1,
            )
            orphans = await listing.count_orphans(conn)
        return render(
            request,
            "log/console_keys.html",
            keys=found[:PAGE],
            holder=holder,
            status=status,
            states=STATES,
            q=q,
            orphans=orphans,
            role_titles=logic.ROLE_TITLES,
            cursor=found[PAGE - 1].line.kid if len(found) > PAGE else None,
        )

    @get("/{kid:str}/revoke", summary="吊销他人的签名密钥页", opt={"scope": "keys:revoke"})
    async def revocation(
        self, request: Request[Any, Any, Any], city: City, kid: KeyId
    ) -> Response[str]:
        """Show the revocation, to be signed by the administrator."""
        return await revocation_page(request, kid, f"/{city}/console/keys")

    @post("/{kid:str}/revoke", summary="吊销他人的签名密钥", opt={"scope": "keys:revoke"},
          status_code=200)  # fmt: skip
    async def revoke(
        self, request: Request[Any, Any, Any], city: City, kid: KeyId
    ) -> Response[Any]:
        """Revoke somebody's key by a record the administrator signed."""
        holder = await revoke(request, kid)
        return redirect(
            f"/{city}/console/keys?holder={holder}", notice=say("密钥已吊销，不能再用于新的记录。")
        )
