"""Transfers between accounts of the book over HTTP: budgets and adjustments by officers."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from credit.earning.service import adjusting
from credit.earning.service.adjusting import TRANSFERS_MAX, Wanted
from credit.kit.http import City, IdempotencyHeader, Line

__all__ = ["TransferController"]

AMOUNT_MAX = 2**53 - 1
AccountCode = Annotated[str, Meta(max_length=80, pattern=r"^[0-9A-Za-z:._-]+$(?!\n)")]


class NewTransfer(Struct, frozen=True, forbid_unknown_fields=True):
    """Points to be moved from one account to another, by their codes."""

    debit: AccountCode
    credit: AccountCode
    amount: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
    reason: Line


class NewTransfers(Struct, frozen=True, forbid_unknown_fields=True):
    """Transfers to be made; each is posted or refused by itself."""

    items: Annotated[list[NewTransfer], Meta(min_length=1, max_length=TRANSFERS_MAX)]


class Made(Struct, frozen=True):
    """What came of a transfer: `posted` and its number, or why not and what would be allowed."""

    status: str
    id: str | None
    details: dict[str, Any] | None
    message: str


class MadeAll(Struct, frozen=True):
    """An answer for each transfer, in their order."""

    items: list[Made]


class TransferController(Controller):
    """Budgets and adjustments."""

    path = "/points/transfers"
    tags = ("points",)

    @post(operation_id="makeTransfers", summary="拨付预算和账本调整", status_code=200,
          opt={"scope": "points:fund"})  # fmt: skip
    async def transfers(
        self,
        request: Request[Any, Any, Any],
        city: City,
        data: JSONBody[NewTransfers],
        idempotency_key: IdempotencyHeader,
    ) -> Response[MadeAll]:
        """Move points from the programme to budgets and between budgets of the officer's division;
        out of a resident's account nothing is taken here. Nobody moves points to a wallet of their own.
        """
        # The parameter `state` would be a copy made for each call.
        actor, state = request.user, request.app.state
        wanted = [Wanted(one.debit, one.credit, one.amount, one.reason) for one in data.items]
        outcomes = await adjusting.transfer(
            state.db, city, state.writers.of(city), actor, idempotency_key, await request.body(),
            wanted,
        )  # fmt: skip
        return Response(
            MadeAll(
                [
                    Made(
                        one.outcome, str(one.transfer) if one.transfer else None, one.details,
                        adjusting.message_of(one),
                    )
                    for one in outcomes
                ]
            )
        )  # fmt: skip
