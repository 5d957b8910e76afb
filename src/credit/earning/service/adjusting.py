"""Moving points between accounts within an officer's authority: budgets, and adjustments.

The book keeps the answer to each transfer under the request's key and the transfer's place, also to
one that is refused here: what is asked again is answered the same, whatever has changed since. The
first place is posted before all others, so that of two requests under one key only one goes on.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from credit.access.logic import refuse_unplaced
from credit.access.views import Actor
from credit.earning.members import store as members
from credit.earning.service.places import covers
from credit.kit.db import Database
from credit.kit.errors import Unprocessable
from credit.kit.texts import marked, say
from credit.points.logic import operations
from credit.points.service.posting import Writer
from credit.points.views import Account, Operation, Outcome

__all__ = ["TRANSFERS_MAX", "Wanted", "message_of", "transfer"]

TRANSFERS_MAX = 1_000
# Between which kinds of accounts an officer moves points, and what that is called in the book. Out of
# a resident's or a merchant's account nothing is taken: that is what reversals and refunds are for.
ALLOWED = {
    ("issuance", "budget"): "fund",
    ("budget", "issuance"): "return",
    ("budget", "budget"): "fund",
}
# What mends a mistake of the service itself is done by whoever works for the whole city and may award.
CITYWIDE = {("adjustment", "resident"): "adjust"}
AWARDS = "points:approve"
MESSAGES = {
    "posted": marked("已入账。"),
    "insufficient": marked("余额不足。请减少数额，或先拨付预算。"),
    "unknown-account": marked("没有这个账户。请核对账户代码。"),
    "same-account": marked("转出和转入是同一个账户。请核对。"),
    "closed-account": marked("账户已经关闭。请换一个账户。"),
    "bad-amount": marked("数额超出范围。请核对。"),
    "not-allowed": marked(
        "您不能在这两个账户之间划转。只能在本辖区的预算之间，或从积分发行账户拨付。"
    ),
    "own-wallet": marked("不能向自己的积分钱包划转。请由另一位有权限的同事办理。"),
}


class Wanted(NamedTuple):
    """Points to be moved between two accounts, by their codes."""

    debit: str
    credit: str
    amount: int
    reason: str


async def transfer(
    db: Database,
    city: str,
    writer: Writer,
    actor: Actor,
    key: str,
    request: bytes,
    wanted: Sequence[Wanted],
) -> list[Outcome]:
    """Make transfers; answers each by itself, and the same again under the same key.

    Raises Unprocessable where the key was used for another request, of which nothing is posted then.
    """
    refuse_unplaced(actor)
    accounts = await writer.accounts({one.debit for one in wanted} | {one.credit for one in wanted})
    own = await _own_wallet(db, city, actor, accounts)
    named = (f"{key}:{place}" for place in range(len(wanted)))
    keys = operations.keys_of(actor.acts_for, "transfer", named, request)
    made = [
        _operation(actor, accounts, own, one, key) for one, key in zip(wanted, keys, strict=True)
    ]
    first = await writer.post(made[0])
    if first.outcome == "key-reused":
        raise Unprocessable(
            say("这个 Idempotency-Key 已用于另一个请求。请为新的请求换一个新的键。"),
            slug="idempotency-key-reused",
        )
    return [first, *await writer.post_all(made[1:])]


def message_of(outcome: Outcome) -> str:
    """Say to a machine what came of a transfer, in Chinese."""
    return str(MESSAGES.get(outcome.outcome, MESSAGES["not-allowed"]))


async def _own_wallet(
    db: Database, city: str, actor: Actor, accounts: Mapping[str, Account]
) -> int | None:
    """Return the account of the member the actor signs in for, where a wallet is asked for at all."""
    if not any(one.kind == "resident" for one in accounts.values()):
        return None
    async with db.city(city) as conn:
        own = await members.member_of(conn, actor.person_id)
    return own and own.account


def _operation(
    actor: Actor,
    accounts: Mapping[str, Account],
    own: int | None,
    wanted: Wanted,
    key: operations.Key,
) -> Operation:
    """Return what is posted: the transfer, or what has its refusal kept under the key."""
    debit, credit = accounts.get(wanted.debit), accounts.get(wanted.credit)
    if debit is None or credit is None:
        return operations.refusal(key, "unknown-account")
    between = (debit.kind, credit.kind)
    adjusts = not actor.bound and AWARDS in actor.scopes
    kind = ALLOWED.get(between) or (CITYWIDE.get(between) if adjusts else None)
    inside = all(covers(actor, one.division) for one in (debit, credit) if one.division is not None)
    if kind is None or not inside:
        return operations.refusal(key, "not-allowed")
    if credit.id == own:
        return operations.refusal(key, "own-wallet")
    return operations.transfer(key, kind, debit.id, credit.id, wanted.amount, reason=wanted.reason)
