"""The wallet's pages: what there is, what waits, what is set aside, what ends, what came and went.

Everything of the resident's is read in a session to which the database shows nobody else's.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter

from credit.access.guard import actor_of
from credit.earning import service as earning
from credit.earning.service import wallets
from credit.earning.views import MemberView
from credit.kit.db import RESIDENT_ROLE, Connection
from credit.kit.http import City, IdCursor
from credit.kit.ids import LAST_ID
from credit.kit.pages import attachment, redirect, render
from credit.kit.texts import say
from credit.market.logic.offers import KINDS
from credit.points.service import accounts as book
from credit.points.service.receipting import RECEIPT_TYPE, bundle_of
from credit.points.service.sealing import sealed_upto
from credit.rules.loading import pack_of_city
from credit.web.wallet import store, words
from credit.web.wallet.words import Line, Title

__all__ = ["WalletPages", "bound_to", "releasable", "title_of"]

LINES, LATEST, OFFERS, RECORDS = 20, 5, 20, 20
HOLDS_MAX, PENDING_MAX = 50, 50
DAYS_MAX = 4_000  # more days than points can be valid for end on no wallet
Number = Annotated[str, PathParameter(pattern=r"^[1-9][0-9]{0,17}$", description="账本流水号")]
NumberCursor = Annotated[str | None, QueryParameter(pattern=r"^[0-9]{1,18}$", max_length=18)]
OfferCursor = Annotated[str | None, QueryParameter(pattern=r"^[0-3]\.[0-9]{1,18}$", max_length=20)]
KindFilter = Annotated[Literal["", "goods", "discount", "reduction"], QueryParameter()]


@asynccontextmanager
async def bound_to(
    request: Request[Any, Any, Any], state: State, city: str
) -> AsyncIterator[tuple[Connection, MemberView | None]]:
    """Lend a connection to which the database shows the visitor's own alone, with their member."""
    person = actor_of(request).person_id
    async with state.db.bound(city, RESIDENT_ROLE, person=person) as conn:
        yield conn, await earning.member_of(conn, person)


def releasable(state: State, city: str, holds: Sequence[store.HoldNote]) -> set[int]:
    """Return the numbers of those holds that their holder may give back now."""
    pack, now = pack_of_city(city), state.clock.now()
    return {one.hold for one in holds if wallets.may_release(pack, one.made_at, one.until, now)}


def title_of(city: str, today: date) -> Title:
    """Return what names a rule as it was on a day; one the pack does not have by its code."""
    pack = pack_of_city(city)

    def title(code: str, day: date | None) -> str:
        try:
            return pack.on(day or today).points.rule(code).title
        except KeyError:
            return code

    return title


class WalletPages(Controller):
    """`/{city}/wallet`: a resident's own points."""

    path = "/wallet"

    @get(summary="我的积分", opt={"scope": "wallet:use"})
    async def wallet(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Show the balance, what waits, what is set aside, what ends when, and the latest lines."""
        today = state.clock.today()
        bank = pack_of_city(city).on(today).points
        title = title_of(city, today)
        async with bound_to(request, state, city) as (conn, member):
            if member is None:
                return render(request, "web/wallet_none.html")
            balance = (await book.balances(conn, [member.account], today))[member.account]
            pending = await store.pending(conn, member.id, PENDING_MAX)
            holds = await store.open_holds(conn, member.account, HOLDS_MAX)
            days = await store.ending(conn, member.account, today, DAYS_MAX)
            lines, _ = await _lines(conn, member, title, book.LAST, LATEST, 0)
        return render(
            request,
            "web/wallet.html",
            member=member,
            bank=bank,
            balance=balance,
            pending=[(title(one.rule, one.participated_on), one) for one in pending],
            coming=sum(one.points for one in pending),
            holds=holds,
            releasable=releasable(state, city, holds),
            now=state.clock.now(),
            next_ending=next((one for one in days if one.day is not None), None),
            ends_soon=words.ends_within(days, today + timedelta(days=bank.notice_days)),
            picture=words.months_picture(days),
            lines=lines,
        )

    @get("/history", summary="积分明细", opt={"scope": "wallet:use"})
    async def history(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        cursor: NumberCursor = None,
    ) -> Response[str]:
        """List what came and went, each sealed line with its receipt."""
        title = title_of(city, state.clock.today())
        async with state.db.city(city) as conn:
            upto = await sealed_upto(conn)
        async with bound_to(request, state, city) as (conn, member):
            if member is None:
                return render(request, "web/wallet_none.html")
            before = int(cursor) if cursor else book.LAST
            lines, more = await _lines(conn, member, title, before, LINES, upto)
        return render(
            request,
            "web/wallet_history.html",
            lines=lines,
            cursor=str(lines[-1].transfer) if more else None,
            vkey=state.logs.verifier(city).vkey,
        )

    @get("/offers", summary="附近的权益", opt={"scope": "wallet:use"})
    async def offers(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        kind: KindFilter = "",
        cursor: OfferCursor = None,
    ) -> Response[str]:
        """List what points can be redeemed for, the nearest first."""
        today, after = state.clock.today(), (-1, 0)
        if cursor:
            distance, _, number = cursor.partition(".")
            after = int(distance), int(number)
        async with bound_to(request, state, city) as (conn, member):
            if member is None:
                return render(request, "web/wallet_none.html")
            found = await store.offers(
                conn, member.division, today, kind or None, after, OFFERS + 1
            )
        categories = pack_of_city(city).on(today).points.merchant_categories
        last = found[OFFERS - 1] if len(found) > OFFERS else None
        return render(
            request,
            "web/wallet_offers.html",
            offers=[words.offer_shown(one, state.clock.now()) for one in found[:OFFERS]],
            kinds=KINDS,
            kind=kind,
            categories={one.code: one.title for one in categories},
            cursor=f"{last.distance}.{last.id}" if last else None,
        )

    @get("/records", summary="我的参与记录", opt={"scope": "wallet:use"})
    async def records(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        cursor: IdCursor = None,
    ) -> Response[str]:
        """List what the resident took part in, and what became of it."""
        today = state.clock.today()
        title, bank = title_of(city, today), pack_of_city(city).on(today).points
        async with bound_to(request, state, city) as (conn, member):
            if member is None:
                return render(request, "web/wallet_none.html")
            before = UUID(cursor) if cursor else LAST_ID
            found = await store.records(conn, member.id, before, RECORDS + 1)
        units = {one.code: words.UNITS[one.unit] for one in bank.earning}
        return render(
            request,
            "web/wallet_records.html",
            records=[
                (one, title(one.rule, one.participated_on), units.get(one.rule, ""),
                 words.state_words(one))
                for one in found[:RECORDS]
            ],
            cursor=found[RECORDS - 1].id.hex if len(found) > RECORDS else None,
        )  # fmt: skip

    @post("/holds/{hold:str}/release", summary="撤销保留", status_code=200,
          opt={"scope": "wallet:use"})  # fmt: skip
    async def release(
        self, request: Request[Any, Any, Any], state: State, city: City, hold: Number
    ) -> Response[bytes]:
        """Give back what is set aside, before the merchant takes it."""
        actor = actor_of(request)
        async with state.db.bound(city, RESIDENT_ROLE, person=actor.person_id) as conn:
            member = await earning.own_member(conn, actor)
        await wallets.release(
            state.db, state.clock, city, state.writers.of(city), pack_of_city(city), member,
            int(hold),
        )  # fmt: skip
        return redirect(f"/{city}/wallet", notice=say("已撤销，积分回到了您的钱包。"))

    @get(
        "/receipts/{transfer:str}",
        summary="积分凭证",
        opt={"scope": "wallet:use", "personal": True},
    )
    async def receipt(
        self, request: Request[Any, Any, Any], state: State, city: City, transfer: Number
    ) -> Response[bytes]:
        """Hand out what proves a line of the history to anybody, offline."""
        actor, number = actor_of(request), int(transfer)
        async with state.db.bound(city, RESIDENT_ROLE, person=actor.person_id) as conn:
            member = await earning.own_member(conn, actor)
            account = await wallets.own_account(conn, member, number)
        async with state.db.city(city) as conn:
            secret = state.logs.book_secret(city)
            found = await bundle_of(conn, secret, number, frozenset({account}))
        content = msgspec.json.format(msgspec.json.encode(found), indent=1)
        return attachment(content, RECEIPT_TYPE, f"receipt-{city}-{number}.json")


async def _lines(
    conn: Connection, member: MemberView, title: Title, before: int, count: int, upto: int
) -> tuple[list[Line], bool]:
    """Say the lines of a member's history before a transfer; and whether there are more."""
    found = await book.history(conn, member.account, before, count + 1)
    shown = found[:count]
    holds = {one.transfer if one.kind == "hold" else one.about or 0 for one in shown}
    notes = await store.hold_notes(conn, member.account, sorted(holds))
    earned = await store.rules_of(conn, member.id, [one.transfer for one in shown])
    lines = [
        words.line_of(
            one,
            notes.get(one.transfer if one.kind == "hold" else one.about or 0),
            earned.get(one.transfer),
            title,
            upto,
        )
        for one in shown
    ]
    return lines, len(found) > count
