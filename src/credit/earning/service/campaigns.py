"""Campaigns: an operator's budget, given points by the programme and by nobody else."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from credit.access.views import Actor
from credit.earning.members import store
from credit.earning.service.places import above, refuse_elsewhere
from credit.earning.views import Budget
from credit.kit.clock import Clock
from credit.kit.db import Connection, Database
from credit.kit.errors import Conflict, Invalid, NotFound
from credit.kit.ids import new_id
from credit.kit.texts import say
from credit.points.logic import operations
from credit.points.service import accounts as book
from credit.points.service.posting import Writer
from credit.points.views import NewAccount, Outcome
from credit.rules.bank import Bank

__all__ = [
    "campaign_for",
    "campaign_of",
    "campaigns_of",
    "close_campaign",
    "fund",
    "live_campaigns",
    "open_campaign",
]

CAMPAIGNS_MAX = 200
RULES_MAX = 40
CLOSING_TRIES = 3


async def open_campaign(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    bank: Bank,
    *,
    title: str,
    division: str,
    rules: Sequence[str] = (),
    until: date | None = None,
) -> Budget:
    """Open a campaign of a division with an empty budget; no rules means that it pays for all."""
    refuse_elsewhere(actor, division)
    unknown = set(rules) - {one.code for one in bank.earning}
    if unknown or len(rules) > RULES_MAX:
        raise Invalid(say("有的积分规则不在规则包里。请从列表里选。"))
    if until is not None and until < clock.today():
        raise Conflict(say("截止日期已经过去。请改一个日期，或不填。"))
    key = new_id(clock.now())
    code = f"campaign:{key}"
    accounts = await book.open_accounts(
        conn, clock, [NewAccount(code, "budget", str(key), division)]
    )
    budget = Budget(key, title, division, accounts[code], sorted(set(rules)), until, closed=False)
    await store.add_campaign(conn, budget, actor.person_id, clock.now())
    return budget


async def fund(
    conn: Connection,
    writer: Writer,
    actor: Actor,
    campaign_id: UUID,
    amount: int,
    *,
    key: operations.Key,
    reason: str,
) -> Outcome:
    """Give a campaign points of the programme; returns what the book says."""
    budget = await campaign_of(conn, actor, campaign_id)
    issuance = (await book.accounts_named(conn, ["issuance"]))["issuance"]
    return await writer.post(
        operations.transfer(key, "fund", issuance.id, budget.account, amount, reason=reason)
    )


async def close_campaign(
    db: Database, clock: Clock, city: str, writer: Writer, actor: Actor, campaign_id: UUID
) -> int:
    """Close a campaign, and give what is left of its budget back to the programme; returns that.

    Closing it again gives back what has come back to it since. Raises Conflict while participations
    or activities not closed yet are to be paid from it.
    """
    async with db.transaction(city) as conn:
        budget = await campaign_of(conn, actor, campaign_id)
        participations, activities = await store.campaign_uses(conn, campaign_id)
        if participations:
            raise Conflict(
                say(
                    "还有 %(count)s 条参与记录等着用这项预算。请先审核完，预算不够的先拨付，再关闭。",
                    count=participations,
                ),
                slug="campaign-in-use",
            )
        if activities:
            raise Conflict(
                say(
                    "还有 %(count)s 个活动要用这项预算。请先关闭活动并算分，或取消活动。",
                    count=activities,
                ),
                slug="campaign-in-use",
            )
        await store.close_campaign(conn, campaign_id, clock.now())
        issuance = (await book.accounts_named(conn, ["issuance"]))["issuance"]
    for _ in range(CLOSING_TRIES):
        async with db.city(city) as conn:
            left = (await book.balances(conn, [budget.account], clock.today()))[budget.account]
        if not left.available:
            return 0
        # Somebody may have been awarded in between: then there is less to give back.
        key = operations.key_of("earning", "close", str(new_id(clock.now())), b"")
        outcome = await writer.post(
            operations.transfer(
                key, "return", budget.account, issuance.id, left.available, reason="预算关闭"
            )
        )
        if outcome.outcome == "posted":
            return left.available
    raise Conflict(say("预算余额正在变动，没有退回。请稍后再点一次关闭。"), slug="budget-busy")


async def campaign_of(conn: Connection, actor: Actor, campaign_id: UUID) -> Budget:
    """Return a campaign of a division the actor works in; NotFound for an unknown one."""
    found = await store.campaign(conn, campaign_id)
    if found is None:
        raise NotFound(say("没有这项积分预算。请从列表里选。"))
    refuse_elsewhere(actor, found.division)
    return found


async def campaigns_of(
    conn: Connection, city: str, division: str | None, *, closed: bool = False
) -> list[Budget]:
    """List the campaigns of a division, within it and above it; None: of the whole city."""
    return await store.campaigns(
        conn, division, above(division or "", city), closed=closed, limit=CAMPAIGNS_MAX
    )


async def live_campaigns(conn: Connection, on: date) -> list[Budget]:
    """List the campaigns that may pay on a day, those of the smallest division first."""
    found = await store.campaigns(conn, None, [], closed=False, limit=CAMPAIGNS_MAX)
    return [one for one in found if one.until is None or one.until >= on]


def campaign_for(live: Sequence[Budget], city: str, division: str, rule: str) -> Budget | None:
    """Return the campaign that pays for a rule in a division: the nearest one, the newest first."""
    places = above(division, city)
    return next(
        (one for one in live if one.division in places and (not one.rules or rule in one.rules)),
        None,
    )
