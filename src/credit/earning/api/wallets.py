"""Wallets over HTTP: a resident's own points, and one-time codes to spend them."""

from datetime import date, datetime
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from credit.access.views import Actor
from credit.earning import service
from credit.earning.service import wallets
from credit.earning.service.wallets import Wallet
from credit.kit.db import RESIDENT_ROLE
from credit.kit.http import City, Limit, Page
from credit.points.service import accounts as book
from credit.points.service.receipting import RECEIPT_TYPE, Bundle, bundle_of
from credit.rules.loading import pack_of_city

__all__ = ["TransferPath", "WalletController"]

WalletId = Annotated[
    str, PathParameter(pattern=r"^W[0-9A-Z]{1,23}$", max_length=24, description="钱包编号")
]
NumberCursor = Annotated[
    str | None, QueryParameter(pattern=r"^[0-9]{1,18}$", max_length=18, description="上一页的末号")
]

TransferPath = Annotated[
    str, PathParameter(pattern=r"^[1-9][0-9]{0,17}$", max_length=18, description="账本流水号")
]


class Code(Struct, frozen=True):
    """A one-time code for the till: ten digits, good until a moment, used once."""

    code: str
    expires_at: datetime


class Line(Struct, frozen=True):
    """A line of the history: `amount` came (positive) or went, `balance` is what was left."""

    id: str
    kind: str
    at: datetime
    amount: int
    balance: int
    participated_on: date | None
    note: str | None


class WalletController(Controller):
    """A resident's wallet; nobody else's is found."""

    path = "/wallets/{wallet:str}"
    tags = ("points",)

    @get(operation_id="getWallet", summary="积分余额、批次和保留",
         opt={"scope": "wallet:use", "personal": True, "signed": True})  # fmt: skip
    async def wallet(
        self, request: Request[Any, Any, Any], state: State, city: City, wallet: WalletId
    ) -> Wallet:
        """Return what the wallet holds, what of it ends when, and what is set aside."""
        actor: Actor = request.user
        async with state.db.bound(city, RESIDENT_ROLE, person=actor.person_id) as conn:
            member = await service.own_member(conn, actor, wallet)
            return await service.wallet_of(conn, state.clock, member)

    @get("/history", operation_id="getWalletHistory", summary="积分明细",
         opt={"scope": "wallet:use", "personal": True, "signed": True})  # fmt: skip
    async def history(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        wallet: WalletId,
        cursor: NumberCursor = None,
        limit: Limit = 50,
    ) -> Page[Line]:
        """List what came and went, the newest first."""
        actor: Actor = request.user
        async with state.db.bound(city, RESIDENT_ROLE, person=actor.person_id) as conn:
            member = await service.own_member(conn, actor, wallet)
            before = int(cursor) if cursor else book.LAST
            found = await book.history(conn, member.account, before, limit + 1)
        lines = [
            Line(
                str(one.transfer), one.kind, one.at, one.amount, one.balance, one.happened_on,
                one.reason,
            )
            for one in found[:limit]
        ]  # fmt: skip
        return Page(lines, lines[-1].id if len(found) > limit else None)

    @get("/receipts/{transfer:str}", operation_id="getWalletReceipt", summary="一笔积分的凭证",
         media_type=RECEIPT_TYPE, opt={"scope": "wallet:use", "personal": True, "signed": True})  # fmt: skip
    async def receipt(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        wallet: WalletId,
        transfer: TransferPath,
    ) -> Response[Bundle]:
        """Return what proves a transfer of the wallet offline; it shows this wallet's account and
        no other. `credit-verify` checks it with the log's public key alone.
        """
        actor: Actor = request.user
        async with state.db.bound(city, RESIDENT_ROLE, person=actor.person_id) as conn:
            member = await service.own_member(conn, actor, wallet)
            account = await wallets.own_account(conn, member, int(transfer))
        async with state.db.city(city) as conn:
            secret = state.logs.book_secret(city)
            found = await bundle_of(conn, secret, int(transfer), frozenset({account}))
        return Response(found, media_type=RECEIPT_TYPE)

    @post("/codes", operation_id="makeCode", summary="取一个付款码", opt={"scope": "wallet:use"})
    async def code(
        self, request: Request[Any, Any, Any], state: State, city: City, wallet: WalletId
    ) -> Response[Code]:
        """Make a one-time code for the till. Asking again makes another one: what is not used ends
        by itself, so that no key is needed to ask safely. Twelve a minute are made for a wallet.
        """
        actor: Actor = request.user
        seconds = pack_of_city(city).on(state.clock.today()).points.code_seconds
        async with state.db.transaction(city) as conn:
            member = await service.own_member(conn, actor, wallet)
            wallets.limit_codes(state.rates, state.clock, city, member)
            code, until = await book.make_code(conn, state.clock, member.account, seconds=seconds)
        return Response(Code(code, until), status_code=201)
