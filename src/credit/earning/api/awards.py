"""Awards over HTTP: what members did, entered in lists, and approved by somebody else."""

import re
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.earning import service
from credit.earning.service.deciding import DECISIONS_MAX
from credit.earning.service.entering import CLAIMS_MAX
from credit.earning.views import Claim
from credit.kit.db import Connection
from credit.kit.errors import Conflict
from credit.kit.http import (
    UUID_PATTERN,
    City,
    IdempotencyHeader,
    Line,
    MaybeStatement,
    idempotent,
)
from credit.kit.texts import say
from credit.rules.loading import pack_of_city

__all__ = ["AwardController"]

POINTS_MAX = 1_000_000
MemberId = Annotated[str, Meta(pattern=r"^W[0-9A-Z]{1,23}$(?!\n)", max_length=24)]
Name = Annotated[str, Meta(min_length=1, max_length=40)]
Amount = Annotated[int, Meta(ge=1, le=POINTS_MAX)]
KEY = re.compile(UUID_PATTERN)


class NewAward(Struct, frozen=True, forbid_unknown_fields=True):
    """What a resident did under a rule of the pack. `quantity` is in the rule's unit (minutes,
    times, yuan), and the rule says what it is worth; `amount` gives the points by hand instead,
    within the rule's caps, and is looked at more closely. Neither is one usual quantity.
    """

    resident: MemberId
    rule: Name
    evidence: Line
    participated_on: date
    amount: Amount | None = None
    quantity: Amount | None = None


class NewAwards(Struct, frozen=True, forbid_unknown_fields=True):
    """Awards to be entered; each is taken or refused by itself."""

    items: Annotated[list[NewAward], Meta(min_length=1, max_length=CLAIMS_MAX)]


class AwardAnswer(Struct, frozen=True):
    """What came of an award: `entered` waits for somebody's approval, `approved` for its points;
    `refused` says why by `reason`, for people in `message`. `flags` name what is unusual.
    """

    resident: str
    id: str | None
    status: str
    points: int
    flags: list[str]
    reason: str
    message: str


class AwardAnswers(Struct, frozen=True):
    """An answer for each award, in their order."""

    items: list[AwardAnswer]


class Decisions(Struct, frozen=True, forbid_unknown_fields=True):
    """Which entered awards are approved, or refused with a reason, by their ids."""

    items: Annotated[list[str], Meta(min_length=1, max_length=DECISIONS_MAX)]
    approve: bool
    reason: MaybeStatement = ""


class Decided(Struct, frozen=True):
    """Those decided. Left out are what one entered oneself, another division's, and those decided before;
    with an award of one's own none is decided (403).
    """

    items: list[str]


class Rule(Struct, frozen=True):
    """An earning rule of the pack: what is measured, who may earn, and its caps in points."""

    code: str
    title: str
    category: str
    unit: str
    participants: list[str]
    per_activity: int | None
    per_day: int | None
    per_year: int | None
    pending_days: int
    approval: bool
    activity: bool
    source: str


class Rules(Struct, frozen=True):
    """The earning rules in force."""

    pack: str
    status: str
    items: list[Rule]


class AwardController(Controller):
    """Points for what people did."""

    path = "/points"
    tags = ("points",)

    @get("/rules", operation_id="listEarningRules", summary="积分规则")
    async def rules(self, state: State, city: City) -> Rules:
        """List what earns points today, by the city's rule pack."""
        rules = pack_of_city(city).on(state.clock.today())
        found = [
            Rule(
                one.code, one.title, one.category, one.unit, list(one.participants),
                one.per_activity, one.per_day, one.per_year, one.pending_days, one.approval,
                one.activity, one.source,
            )
            for one in rules.points.earning
        ]  # fmt: skip
        return Rules(rules.head.id, rules.points.status, found)

    @post("/awards", operation_id="enterAwards", summary="登记参与，申请积分", status_code=200,
          opt={"scope": "points:record"})  # fmt: skip
    async def awards(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[NewAwards],
        idempotency_key: IdempotencyHeader,
    ) -> Response[AwardAnswers]:
        """Enter what residents did. Somebody else approves it unless the rule says otherwise; one
        award that is refused fails no other.
        """
        actor: Actor = request.user
        claims = [_claim(place, one) for place, one in enumerate(data.items)]
        free: list[UUID] = []

        async def act(conn: Connection) -> tuple[int, object]:
            entered = await service.enter(
                conn, state.clock, city, actor, pack_of_city(city), claims, source="interface"
            )
            free.extend(one.id for one in entered if one.id and one.status == "approved")
            answers = [
                AwardAnswer(
                    one.resident, str(one.id) if one.id else None, one.status, one.points, one.flags,
                    one.reason, one.message,
                )
                for one in entered
            ]  # fmt: skip
            return 200, AwardAnswers(answers)

        answer = await idempotent(
            state, city, client=actor.acts_for, key=idempotency_key,
            request=await request.body(), act=act,
        )  # fmt: skip
        await _post(state, city, free)
        return answer

    @post("/decisions", operation_id="decideAwards", summary="审核参与记录", status_code=200,
          opt={"scope": "points:approve"})  # fmt: skip
    async def decisions(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[Decisions],
        idempotency_key: IdempotencyHeader,
    ) -> Response[Decided]:
        """Approve or refuse entered awards; approved points are posted before the answer."""
        actor: Actor = request.user
        if not data.approve and not data.reason.strip():
            raise Conflict(say("不予记分要写明理由，参与者会看到。"), slug="no-reason")
        done: list[UUID] = []

        async def act(conn: Connection) -> tuple[int, object]:
            done.extend(
                await service.decide(
                    conn, state.clock, actor, [UUID(one) for one in data.items if KEY.match(one)],
                    approve=data.approve, reason=data.reason or None,
                )
            )  # fmt: skip
            return 200, Decided([str(one) for one in done])

        answer = await idempotent(
            state, city, client=actor.acts_for, key=idempotency_key,
            request=await request.body(), act=act,
        )  # fmt: skip
        await _post(state, city, done if data.approve else [])
        return answer


async def _post(state: State, city: str, ids: list[UUID]) -> None:
    if ids:
        await service.post_approved(
            state.db, state.clock, city, state.writers.of(city), pack_of_city(city), ids
        )


def _claim(place: int, one: NewAward) -> Claim:
    """Read an award; what the document of the interface cannot say of it is said here."""
    if one.amount is not None and one.quantity is not None:
        raise Conflict(
            say("items[%(place)s]：amount 和 quantity 只填一个。", place=place), slug="amount-twice"
        )
    return Claim(
        one.resident, one.rule, one.participated_on, one.evidence, one.quantity, one.amount
    )
