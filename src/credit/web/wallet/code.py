"""The code for the till: good once, for a minute or two, and made anew while its page is open."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.access.guard import actor_of
from credit.documents.qr import qr_svg
from credit.earning import service as earning
from credit.earning.service import wallets
from credit.kit.http import City
from credit.kit.pages import render
from credit.points.logic.codes import grouped
from credit.points.service import accounts as book
from credit.rules.loading import pack_of_city
from credit.web.wallet import store
from credit.web.wallet.pages import bound_to, releasable

__all__ = ["CodePages"]

# So often a page left open makes another code by itself: about half an hour.
RENEWALS_MAX = 20
HOLDS_SHOWN = 5
Renewal = Annotated[int, QueryParameter(ge=0, le=1_000)]


class CodePages(Controller):
    """`/{city}/wallet/code`: what is shown at the till.

    Looking makes a code, which needs no form: what is not used ends by itself, and nobody else can
    read it. A header has the browser come back when it is over, so that no script is needed.
    """

    path = "/wallet/code"

    @get(summary="付款码", opt={"scope": "wallet:use"})
    async def code(
        self, request: Request[Any, Any, Any], state: State, city: City, n: Renewal = 0
    ) -> Response[str]:
        """Show a fresh code, and what is set aside since it was last used."""
        today = state.clock.today()
        seconds = pack_of_city(city).on(today).points.code_seconds
        async with bound_to(request, state, city) as (conn, member):
            if member is None:
                return render(request, "web/wallet_none.html")
            balance = (await book.balances(conn, [member.account], today))[member.account]
            holds = await store.open_holds(conn, member.account, HOLDS_SHOWN)
        shown: dict[str, Any] = {
            "balance": balance, "holds": holds, "seconds": seconds,
            "releasable": releasable(state, city, holds),
        }  # fmt: skip
        if not balance.available or n >= RENEWALS_MAX:
            return render(request, "web/wallet_code.html", code=None, **shown)
        wallets.limit_codes(state.rates, state.clock, city, member)
        async with state.db.transaction(city) as conn:
            own = await earning.own_member(conn, actor_of(request), member.id)
            code, until = await book.make_code(conn, state.clock, own.account, seconds=seconds)
        response = render(
            request,
            "web/wallet_code.html",
            code=grouped(code),
            until=until,
            qr=qr_svg(code, id_="code"),
            **shown,
        )
        again = f"/{city}/wallet/code?n={n + 1}"
        response.headers["Refresh"] = f"{seconds}; url={again}"
        return response
