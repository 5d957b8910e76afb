"""Campaigns: an operator's budget, given points by the programme and by nobody else."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from credit.access.views import Actor
from credit.earning.members import store
from credit.earning.service.places import above, refuse_elsewhere
from credit.earning.views import Budget
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Invalid, NotFound
from credit.kit.ids import new_id
from credit.kit.texts import say
from credit.points.logic import operations
from credit.points.service import accounts as book
from credit.points.service.posting import Writer
from credit.points.views import NewAccount, Outcome
from credit.rules.bank import Bank

__all__ = ["campaign_for", "campaign_of", "campaigns_of", "fund", "live_campaigns", "open_campaign"]

CAMPAIGNS_MAX = 200
RULES_MAX = 40


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
