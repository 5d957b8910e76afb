"""Merchants: proposed by whoever knows them, admitted by somebody else, watched from then on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from credit.access import organisations
from credit.access import service as access
from credit.access.logic import require
from credit.access.views import Actor
from credit.earning.service.places import covers, refuse_elsewhere
from credit.events import service as events
from credit.kit.blobs import Blob
from credit.kit.clock import CHINA, Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, FieldError, NotFound
from credit.kit.patterns import containing
from credit.kit.texts import say
from credit.market.logic import merchants as logic
from credit.market.logic.hours import Hours, normalised
from credit.market.merchants import store
from credit.market.merchants.store import Decided, NewMerchant, Sought
from credit.market.offers import store as offers
from credit.market.views import MerchantRecord, Repeat
from credit.parties import service as parties
from credit.points.service import accounts as book
from credit.points.views import NewAccount
from credit.rules.bank import Bank

__all__ = [
    "NewMerchant", "Sought", "change", "decide", "keep_letter", "letter_type", "may_decide", "merchant_record",
    "merchant_seen_by", "merchants_page", "owed", "propose", "propose_again", "repeats", "sign_in_name", "sought",
]  # fmt: skip

CODES_TRIED = 50
REPEATS_MAX = 50
KIND = "merchant"  # of the organisation a merchant's people belong to


async def keep_letter(conn: Connection, clock: Clock, actor: Actor, blob: Blob) -> bytes:
    """Note a signed letter that was kept on disk; returns the digest a merchant names it by."""
    await events.keep_held(conn, clock, actor, blob)
    return bytes.fromhex(blob.digest.removeprefix("sha256:"))


async def propose(
    conn: Connection, clock: Clock, actor: Actor, bank: Bank, new: NewMerchant
) -> str:
    """Propose a merchant, for somebody else to admit; returns its code, the city's next free one.

    The letter has to be a file that an officer uploaded. Raises Conflict with every fault.
    """
    require(actor, "points:record")
    refuse_elsewhere(actor, new.division)
    checked = await _checked(conn, clock, actor, bank, new)
    code = await _free_code(conn)
    await store.add(conn, code, checked, actor.person_id, clock.now())
    return code


async def propose_again(
    conn: Connection, clock: Clock, actor: Actor, bank: Bank, code: str, new: NewMerchant
) -> None:
    """Propose a merchant with a new contract: one that was refused or left, or whose contract ends.

    Until somebody else admits it, it takes no points. What a point is worth to it changes only when
    nothing is owed at the old price, nor set aside. Its name, trade and division stay.
    """
    found = await _locked(conn, code)
    # Who may only propose cannot stop a till by it.
    require(actor, "points:record" if found.state == "refused" else "market:decide")
    refuse_elsewhere(actor, found.division)
    if found.state == "proposed":
        raise Conflict(
            say("这家商户正在等待审核，不能重复提出。请先由另一位同事作出决定。"),
            slug="wrong-state",
        )
    wanted = replace(new, name=found.name, category=found.category, division=found.division)
    checked = await _checked(conn, clock, actor, bank, wanted)
    if checked.fen_per_point != found.fen_per_point:
        await _refuse_new_price(conn, clock, found)
    await store.propose_again(conn, code, checked, actor.person_id, clock.now())


async def change(conn: Connection, actor: Actor, code: str, address: str, hours: Hours) -> None:
    """Note where a merchant is now, and when it is open."""
    require(actor, "points:record")
    found = await _locked(conn, code)
    refuse_elsewhere(actor, found.division)
    if found.state in ("refused", "closed"):
        raise Conflict(
            say("这家商户%(state)s，不用再改资料。", state=logic.STATE_WORDS[found.state]),
            slug="wrong-state",
        )
    await store.change(conn, code, address, normalised(hours))


async def decide(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    code: str,
    act: logic.ActKind,
    reason: str | None = None,
) -> MerchantRecord:
    """Admit, refuse, suspend, resume or close a merchant: somebody else than who proposed it.

    Admitting opens its account of the book, and the organisation its people belong to; closing ends
    its offers. Who refuses, suspends or closes says why, and the merchant reads it.
    """
    require(actor, "market:decide")
    found = await _locked(conn, code)
    refuse_elsewhere(actor, found.division)
    state = logic.take(
        found.state, act, by=actor.person_id, proposed_by=found.proposed_by, reason=reason
    )
    account = found.account
    if state == "open" and found.contract_until < clock.today():
        raise Conflict(
            say("合同到 %(until)s 为止，已经到期。请先续签。", until=found.contract_until),
            slug="contract-over",
        )
    if act == "admit":
        account = await _open_account(conn, clock, found)
        await _open_organisation(conn, clock, found)
    if act == "close":
        await offers.end_all(conn, code, actor.person_id, clock.now(), reason or "")
    decided = Decided(state, account, actor.person_id, clock.now(), reason)
    await store.decide(conn, code, decided)
    return found._replace(state=state, account=account, reason=reason)


async def merchant_record(conn: Connection, code: str) -> MerchantRecord:
    """Return a merchant; NotFound for none."""
    found = await store.record(conn, code)
    if found is None:
        raise NotFound(say("没有这家商户。请核对编号。"), slug="no-such-merchant")
    return found


async def merchant_seen_by(conn: Connection, actor: Actor, code: str) -> MerchantRecord:
    """Return a merchant with which an officer may deal; Forbidden for one of elsewhere.

    That there is one in another division the list says; what it takes and is owed is seen there.
    """
    found = await merchant_record(conn, code)
    refuse_elsewhere(actor, found.division)
    return found


async def merchants_page(conn: Connection, wanted: Sought, limit: int) -> list[MerchantRecord]:
    """List merchants by their codes."""
    return await store.merchants(conn, wanted, limit)


def sought(
    *, after: str, division: str | None, state: str, category: str, query: str | None
) -> Sought:
    """Return what a list is asked for; empty texts leave a condition out."""
    like = containing(query) if query else None
    return Sought(after, division, state or None, category or None, like)


def may_decide(actor: Actor, merchant: MerchantRecord) -> bool:
    """Say whether somebody could decide about a merchant: in office for it, and not its proposer."""
    able = "market:decide" in actor.scopes and covers(actor, merchant.division)
    return able and actor.person_id != merchant.proposed_by


async def owed(conn: Connection, clock: Clock, merchant: MerchantRecord) -> int:
    """Return how many points a merchant took and was not paid for."""
    if merchant.account is None:
        return 0
    found = await book.balances(conn, [merchant.account], clock.today())
    return found[merchant.account].balance


async def repeats(
    conn: Connection, clock: Clock, bank: Bank, merchant: MerchantRecord
) -> list[Repeat]:
    """List what looks like collusion: one amount of one wallet, again and again at one merchant.

    Nothing follows from it by itself; somebody looks. The wallets' numbers are masked.
    """
    if merchant.account is None:
        return []
    fraud = bank.fraud
    since = clock.now() - timedelta(days=fraud.redemption_days)
    found = await store.repeats(
        conn, merchant.account, since, fraud.redemption_repeats, REPEATS_MAX
    )
    return [one._replace(wallet=logic.masked_wallet(one.wallet)) for one in found]


async def letter_type(conn: Connection, actor: Actor, merchant: MerchantRecord) -> str | None:
    """Return the media type of a merchant's letter; None where the file is not kept here."""
    known = await events.usable_evidence(conn, actor, [merchant.letter], [merchant.letter])
    return known[merchant.letter][1] if merchant.letter in known else None


async def sign_in_name(conn: Connection, code: str) -> str | None:
    """Return the name of the organisation a merchant's people are registered in, if it has one."""
    found = await organisations.standing_for(conn, [(KIND, code)])
    return found[KIND, code].name if found else None


async def _refuse_new_price(conn: Connection, clock: Clock, found: MerchantRecord) -> None:
    """Refuse another price while points were taken, or are set aside to be, at the present one."""
    if await owed(conn, clock, found):
        message = say("还有没结清的积分，按原来的价格结算。请先结清，再改每积分的价格。")
        raise Conflict(message, slug="still-owed", errors=(FieldError("fen_per_point", message),))
    until = await book.expecting_until(conn, found.account) if found.account else None
    if until is not None:
        message = say(
            "还有为这家商户保留、没有收取的积分，按原来的价格收取，最晚到 %(time)s。请到时结清，再改每积分的价格。",
            time=f"{until.astimezone(CHINA):%Y-%m-%d %H:%M}",
        )
        raise Conflict(message, slug="still-held", errors=(FieldError("fen_per_point", message),))


async def _locked(conn: Connection, code: str) -> MerchantRecord:
    found = await store.record(conn, code, lock=True)
    if found is None:
        raise NotFound(say("没有这家商户。请核对编号。"), slug="no-such-merchant")
    return found


async def _checked(
    conn: Connection, clock: Clock, actor: Actor, bank: Bank, new: NewMerchant
) -> NewMerchant:
    """Return a merchant with its hours in their one form; Conflict with what is wrong."""
    terms = logic.Terms(
        new.category, new.fen_per_point, new.contract_from, new.contract_until, new.commitment_on
    )
    categories = {one.code for one in bank.merchant_categories}
    faults = logic.check_terms(terms, categories, clock.today())
    if not await _is_division(conn, new.division):
        faults.append(FieldError("division", say("登记册里没有这个辖区。请从列表里选。")))
    letter = f"sha256:{new.commitment_digest.hex()}"
    if letter not in await events.usable_evidence(conn, actor, [letter]):
        faults.append(FieldError("letter", say("请上传签了字的诚信经营承诺书。")))
    hours = new.hours
    try:
        hours = normalised(new.hours)
    except Conflict as refused:
        faults += refused.errors or (FieldError("hours[0]", refused.detail),)
    if faults:
        raise Conflict(
            say("商户的资料有 %(count)s 处要改正。", count=len(faults)),
            slug="bad-merchant",
            errors=tuple(faults),
        )
    return replace(new, hours=hours)


async def _is_division(conn: Connection, division: str) -> bool:
    """Say whether the register has a division, or the street that a community belongs to."""
    known = {code for code, _ in await parties.divisions(conn)}
    return division[:9] in known


async def _free_code(conn: Connection) -> str:
    """Return the next code that neither a merchant nor anybody's sign-in has."""
    last = await store.lock_codes(conn)
    codes = [logic.code_of(last + number) for number in range(1, CODES_TRIED + 1)]
    taken = await organisations.standing_for(conn, [(KIND, one) for one in codes])
    free = _first_free(codes, taken)
    if free is None:
        raise Conflict(say("商户编号都被登录用的单位占用了。请管理员核对单位的代码。"))
    return free


def _first_free(codes: Sequence[str], taken: Mapping[tuple[str, str], object]) -> str | None:
    return next((one for one in codes if (KIND, one) not in taken), None)


async def _open_account(conn: Connection, clock: Clock, merchant: MerchantRecord) -> int:
    wanted = NewAccount(f"merchant:{merchant.code}", "merchant", merchant.code, merchant.division)
    return (await book.open_accounts(conn, clock, [wanted]))[wanted.code]


async def _open_organisation(conn: Connection, clock: Clock, merchant: MerchantRecord) -> None:
    """Open what a merchant's people are registered in, unless there is one; names are used once."""
    if await sign_in_name(conn, merchant.code) is not None:
        return
    alike = await organisations.find_offices(conn, [KIND], merchant.name)
    taken = any(one.name == merchant.name for one in alike)
    name = f"{merchant.name[:100]}（{merchant.code}）" if taken else merchant.name
    await access.add_organisation(conn, clock, kind=KIND, name=name, party=merchant.code)
