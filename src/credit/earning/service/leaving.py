"""Closing a membership: the name is destroyed, and the account closed once nothing is left in it.

What binds people is done in one transaction: nobody signs in for the member any more, nothing is
entered for it, and its name can be read by nobody. What is left in the book follows under the
book's own rules, by the handler right after the commit, else by the job that looks after it: awards
that wait go back to their budgets, what could still be spent is given up, the account is closed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from credit.access.admin import residents
from credit.access.admin.residents import ResidentAccount
from credit.access.logic import require
from credit.access.views import Actor
from credit.earning.ending import store
from credit.earning.members import store as members
from credit.earning.participation import store as participation
from credit.earning.service.places import refuse_elsewhere
from credit.earning.views import MemberView
from credit.kit.clock import Clock
from credit.kit.db import Connection, Database
from credit.kit.errors import Conflict, NotFound
from credit.kit.ids import new_id
from credit.kit.texts import marked, say
from credit.kit.vault import Vault
from credit.points.logic import operations
from credit.points.service import accounts as book
from credit.points.service.posting import Writer
from credit.points.service.sweeping import expire_accounts
from credit.points.views import Balance, OpenHold

__all__ = ["Loss", "close_accounts", "close_member", "close_own", "loss_of", "loss_with"]

ACCOUNTS_MAX = 100
REASON = marked("参与者已注销")


@dataclass(frozen=True, slots=True)
class Loss:
    """What closing a membership loses: points that can be spent, points that are not available yet.

    `held` is what stands against it: points set aside for merchants. `signs_in` says that the
    account somebody signs in with goes, too, since it is for nothing else.
    """

    available: int
    pending: int
    held: Sequence[OpenHold]
    signs_in: bool


async def loss_of(conn: Connection, clock: Clock, member: MemberView) -> Loss:
    """Say what closing a membership would lose."""
    balance = (await book.balances(conn, [member.account], clock.today()))[member.account]
    account = (
        await residents.account_of(conn, clock, member.person_id) if member.person_id else None
    )
    return await loss_with(conn, member, balance, account)


async def loss_with(
    conn: Connection, member: MemberView, balance: Balance, account: ResidentAccount | None
) -> Loss:
    """Say the same where the balance and the account somebody signs in with are known."""
    return Loss(
        balance.available,
        await participation.pending_of(conn, member.id),
        await book.open_holds(conn, member.account),
        account is not None and account.only,
    )


async def close_member(
    db: Database,
    clock: Clock,
    city: str,
    writer: Writer,
    vault: Vault,
    actor: Actor,
    member_id: str,
) -> None:
    """Close the membership of somebody of the actor's division."""
    require(actor, "points:record")
    async with db.transaction(city) as conn:
        member = (await members.lock_members(conn, [member_id])).get(member_id)
        if member is None or member.closed:
            raise NotFound(say("没有这个参与者，或者已经注销。"))
        refuse_elsewhere(actor, member.division)
        await _end(conn, clock, vault, member)
    await close_accounts(db, clock, city, writer, [member.account])


async def close_own(
    db: Database, clock: Clock, city: str, writer: Writer, vault: Vault, actor: Actor
) -> bool:
    """Close the membership the actor signs in for; says whether the sign-in is gone with it."""
    async with db.transaction(city) as conn:
        own = await members.member_of(conn, actor.person_id)
        locked = await members.lock_members(conn, [own.id]) if own else {}
        member = locked.get(own.id) if own else None
        if member is None or member.person_id != actor.person_id:
            raise NotFound(say("没有登记您的积分，或者已经注销。"))
        erased = await _end(conn, clock, vault, member)
    await close_accounts(db, clock, city, writer, [member.account])
    return erased


async def close_accounts(
    db: Database, clock: Clock, city: str, writer: Writer, accounts: Sequence[int] = ()
) -> int:
    """Empty and close the accounts of members who have left: these, or those that are still open.

    Returns how many are closed. What a merchant still holds, or pays back, comes first: the job
    comes again.
    """
    async with db.city(city) as conn:
        left = accounts or await store.members_to_close(conn, ACCOUNTS_MAX)
        waiting = await book.expecting(conn, left)
        expired = (await book.accounts_named(conn, ["expired"]))["expired"].id
    if not left:
        return 0
    await writer.post_all(
        [
            operations.void(operations.key_of("earning", "close", f"hold:{one}", b""), one)
            for one in waiting
        ]
    )
    async with db.city(city) as conn:
        await expire_accounts(conn, clock, left)
        balances = await book.balances(conn, left, clock.today())
    # Whoever does this at the same moment gives up the same points: the book lets one of them.
    await writer.post_all(
        [
            operations.transfer(
                operations.key_of("earning", "close", f"{account}:{new_id(clock.now())}", b""),
                "close", account, expired, one.available, reason=REASON,
            )
            for account, one in balances.items() if one.available
        ]
    )  # fmt: skip
    async with db.city(city) as conn:
        return len(await book.close_accounts(conn, clock, left))


async def _end(conn: Connection, clock: Clock, vault: Vault, member: MemberView) -> bool:
    """End a membership but for its account; says whether the sign-in was erased with it."""
    held = await book.open_holds(conn, member.account)
    if held:
        raise Conflict(
            say(
                "还有 %(count)s 笔共 %(points)s 分保留在商户处，现在不能注销。"
                "请等商户收取或撤销，最晚到期后自动退回，再来办理。",
                count=len(held),
                points=sum(one.amount for one in held),
            ),
            slug="holds-open",
        )
    await store.end_participation(conn, member.id, REASON, clock.now())
    await members.close_member(conn, member.id, clock.now())
    await vault.erase(conn, [member.id])
    if member.person_id is None:
        return False
    return await residents.erase_resident(conn, clock, vault, member.person_id)
