"""A merchant's settlements over HTTP: statements with their lines, confirmed or disputed."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct
from msgspec.structs import asdict

from credit.access.views import Actor
from credit.kit.clock import rfc3339
from credit.kit.db import MERCHANT_ROLE, Connection
from credit.kit.http import (
    City,
    IdempotencyHeader,
    Limit,
    Page,
    Paragraph,
    RecordKey,
    idempotent,
)
from credit.market.logic.settlements import TYPE
from credit.market.service import settlements, statements
from credit.market.settlements import store
from credit.market.settlements.views import Settled
from credit.points.service.accounts import LAST

__all__ = ["SettlementController"]

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", max_length=64)]
NumberCursor = Annotated[
    str | None, QueryParameter(pattern=r"^[0-9]{1,18}$", max_length=18, description="上一页的末号")
]


class StatementLine(Struct, frozen=True):
    """A capture or refund, as the statement's digest covers it; `redemption` is its number."""

    amount: int
    at: str
    kind: str
    redemption: str
    reference: str | None
    transfer: int


class StatementHead(Struct, frozen=True):
    """A settlement as its merchant sees it.

    It is of the transfers numbered above `after` through `upto`. `points` are those captured less
    those refunded, `carried` what the one before left (zero or less); `fen` is the money for both
    together. `digest` is the SHA-256 of the whole statement as canonical JSON.
    """

    id: str
    status: str
    merchant: str
    after: int
    upto: int
    begins_on: str
    ends_on: str
    captures: int
    captured: int
    refunds: int
    refunded: int
    points: int
    carried: int
    fen_per_point: int
    fen: int
    digest: str
    drawn_at: str
    confirmed_at: str | None
    dispute: str | None
    answer: str | None
    paid_at: str | None
    voucher: str | None


class WholeStatement(StatementHead, frozen=True, kw_only=True):
    """A settlement with a page of its lines, and what else its digest covers."""

    type: str
    city: str
    lines: list[StatementLine]
    next_cursor: str | None


class Confirmation(Struct, frozen=True, forbid_unknown_fields=True):
    """The digest of the statement that is agreed to: the one that was looked at."""

    digest: Digest


class Objection(Struct, frozen=True, forbid_unknown_fields=True):
    """What is objected to, and why."""

    text: Paragraph


class SettlementController(Controller):
    """Settlements of the merchant that asks."""

    path = "/settlements"
    tags = ("market",)

    @get(operation_id="listSettlements", summary="本商户的结算单", opt={"scope": "till:use"})
    async def settlements(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        cursor: NumberCursor = None,
        limit: Limit = 50,
    ) -> Page[StatementHead]:
        """List the merchant's statements, the newest first."""
        actor: Actor = request.user
        before = int(cursor) if cursor else LAST
        async with state.db.bound(city, MERCHANT_ROLE, party=actor.party or "") as conn:
            found = await store.of_merchant(conn, actor.party or "", before, limit + 1)
        following = str(found[limit - 1].after) if len(found) > limit else None
        return Page([_head(one) for one in found[:limit]], following)

    @get("/{settlement:str}", operation_id="getSettlement", summary="一张结算单和它的明细",
         opt={"scope": "till:use"})  # fmt: skip
    async def settlement(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        settlement: RecordKey,
        cursor: NumberCursor = None,
        limit: Limit = 200,
    ) -> WholeStatement:
        """Return a statement with its lines in the order of the book; nobody else's is found."""
        actor: Actor = request.user
        async with state.db.bound(city, MERCHANT_ROLE, party=actor.party or "") as conn:
            found = await settlements.settlement(conn, UUID(settlement), merchant=actor.party or "")
            after = max(found.after, int(cursor or 0))
            lines = await statements.lines_of(conn, found.account, after, found.upto, limit + 1)
        shown = [
            StatementLine(
                one.amount, rfc3339(one.at), one.kind, one.redemption, one.reference, one.transfer
            )
            for one in lines[:limit]
        ]
        following = str(shown[-1].transfer) if len(lines) > limit else None
        return WholeStatement(
            **asdict(_head(found)), type=TYPE, city=city, lines=shown, next_cursor=following
        )

    @post("/{settlement:str}/confirm", operation_id="confirmSettlement", summary="确认结算单",
          status_code=200, opt={"scope": "till:use"})  # fmt: skip
    async def confirm(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        settlement: RecordKey,
        data: JSONBody[Confirmation],
        idempotency_key: IdempotencyHeader,
    ) -> Response[StatementHead]:
        """Agree to a statement, named by its digest; what was drawn anew since is refused."""
        actor: Actor = request.user

        async def act(conn: Connection) -> tuple[int, object]:
            done = await settlements.confirm(
                conn, state.clock, actor, UUID(settlement), bytes.fromhex(data.digest)
            )
            return 200, _head(done)

        return await idempotent(
            state, city, client=actor.person_id, key=idempotency_key,
            request=_asked(settlement, "confirm", data), act=act,
        )  # fmt: skip

    @post("/{settlement:str}/dispute", operation_id="disputeSettlement", summary="对结算单提出异议",
          status_code=200, opt={"scope": "till:use"})  # fmt: skip
    async def dispute(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        settlement: RecordKey,
        data: JSONBody[Objection],
        idempotency_key: IdempotencyHeader,
    ) -> Response[StatementHead]:
        """Object to a statement; an officer upholds it or draws it anew."""
        actor: Actor = request.user

        async def act(conn: Connection) -> tuple[int, object]:
            return 200, _head(await settlements.dispute(conn, actor, UUID(settlement), data.text))

        return await idempotent(
            state, city, client=actor.person_id, key=idempotency_key,
            request=_asked(settlement, "dispute", data), act=act,
        )  # fmt: skip


def _asked(settlement: str, what: str, data: Struct) -> bytes:
    return f"settlements/{settlement}/{what}".encode() + msgspec.json.encode(data)


def _head(found: Settled) -> StatementHead:
    return StatementHead(
        str(found.id), found.state, found.merchant, found.after, found.upto, str(found.begins_on),
        str(found.ends_on), found.captures, found.captured, found.refunds, found.refunded, found.points,
        found.carried, found.fen_per_point, found.fen, found.digest.hex(), rfc3339(found.drawn_at),
        _at(found.confirmed_at), found.dispute, found.answer,
        _at(found.paid_at), found.voucher,
    )  # fmt: skip


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
