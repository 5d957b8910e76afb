"""The book of points as it is meant, and nothing else: what the database does is held to this."""

from dataclasses import dataclass, field
from datetime import timedelta

GRACE_DAYS = 30
FOR_EVER = None
HOLDERS = {"held", "pending"}


@dataclass
class Lot:
    """Points with an end."""

    id: int
    amount: int
    valid_until: object
    priority: int
    remaining: int = 0
    reversed: bool = False

    @property
    def rank(self):
        return (self.priority, self.valid_until is None, self.valid_until or 0, self.id)


@dataclass
class Account:
    """A balance that may have a floor, or lots."""

    floor: int | None = 0
    has_lots: bool = False
    balance: int = 0
    lots: dict = field(default_factory=dict)
    closed: bool = False

    def live(self, today):
        return [
            lot for lot in sorted(self.lots.values(), key=lambda lot: lot.rank)
            if lot.remaining and not lot.reversed
            and (lot.valid_until is None or lot.valid_until >= today)
        ]  # fmt: skip

    def available(self, today):
        if self.has_lots:
            return sum(lot.remaining for lot in self.live(today))
        return None if self.floor is None else self.balance - self.floor


@dataclass
class Hold:
    """Points set aside, and the lots they came from, last drawn last."""

    account: str
    holder: str
    beneficiary: str
    amount: int
    until: object
    drawn: list
    captured: int = 0
    returned: int = 0
    refunded: int = 0


class Book:
    """Accounts by name; operations answer as the database does, but for a transfer's number."""

    def __init__(self, accounts):
        self.accounts = accounts
        self.holds = {}
        self.grants = {}

    def _move(
        self, number, debit, credit, amount, today, *, lot=(FOR_EVER, 0), only=None, back=None
    ):
        debited, credited = self.accounts[debit], self.accounts[credit]
        debited.balance -= amount
        credited.balance += amount
        drawn, left = [], amount
        if debited.has_lots:
            for one in [debited.lots[only]] if only else debited.live(today):
                taken = min(left, one.remaining)
                one.remaining -= taken
                left -= taken
                if taken:
                    drawn.append([one, taken])
        if credited.has_lots and back is None:
            credited.lots[number] = Lot(number, amount, *lot, remaining=amount)
            self.grants[number] = credit
        return drawn

    def _give_back(self, number, account, drawn, amount, today, *, regrant):
        late = 0
        for use in reversed(drawn):
            lot, share = use[0], min(use[1], amount)
            use[1] -= share
            amount -= share
            over = lot.valid_until is not None and lot.valid_until < today
            if regrant and over and not lot.reversed:
                late += share
            else:
                lot.remaining += share
        if late:
            grace = today + timedelta(days=GRACE_DAYS)
            self.accounts[account].lots[number] = Lot(number, late, grace, 0, remaining=late)
            self.grants[number] = account

    def transfer(self, number, debit, credit, amount, today, lot=(FOR_EVER, 0)):
        misplaced = bool({debit, credit} & HOLDERS)
        if (refusal := self._refusal(debit, credit, amount, today, misplaced=misplaced)) is None:
            self._move(number, debit, credit, amount, today, lot=lot)
        return refusal or "posted"

    def hold(self, number, debit, holder, beneficiary, amount, until, today):
        refusal = self._refusal(
            debit, holder, amount, today, whom=beneficiary,
            misplaced=debit in HOLDERS or holder not in HOLDERS,
        )  # fmt: skip
        if refusal is None:
            drawn = self._move(number, debit, holder, amount, today)
            self.holds[number] = Hold(debit, holder, beneficiary, amount, until, drawn)
        return refusal or "posted"

    def _refusal(self, debit, credit, amount, today, *, whom=None, misplaced=False):
        if debit in (credit, whom):
            return "same-account"
        if misplaced:
            return "holding-account"
        largest = 2**53 - 1
        full = self.accounts[credit].balance + amount > largest
        if not 1 <= amount <= largest or full or self.accounts[debit].balance - amount < -largest:
            return "bad-amount"
        if self.accounts[debit].closed or self.accounts[credit].closed:
            return "closed-account"
        available = self.accounts[debit].available(today)
        return "insufficient" if available is not None and available < amount else None

    def capture(self, number, hold_id, amount, now, today):
        hold = self.holds.get(hold_id)
        if (refusal := self._ended(hold)) is not None:
            return refusal
        amount = hold.amount if amount is None else amount
        if hold.until <= now:
            return "hold-over"
        if amount > hold.amount:
            return "above-hold"
        if amount < 1:
            return "bad-amount"
        hold.captured, hold.returned = amount, hold.amount - amount
        self._move(number, hold.holder, hold.beneficiary, amount, today)
        if hold.returned:
            self._move(number, hold.holder, hold.account, hold.returned, today, back=True)
            self._give_back(number, hold.account, hold.drawn, hold.returned, today, regrant=False)
        return "posted"

    def void(self, number, hold_id, today):
        hold = self.holds.get(hold_id)
        if (refusal := self._ended(hold)) is not None:
            return refusal
        hold.returned = hold.amount
        self._move(number, hold.holder, hold.account, hold.amount, today, back=True)
        self._give_back(number, hold.account, hold.drawn, hold.amount, today, regrant=False)
        return "posted"

    def _ended(self, hold):
        if hold is None:
            return "unknown-hold"
        if hold.captured:
            return "hold-captured"
        return "hold-voided" if hold.returned else None

    def refund(self, number, hold_id, amount, today):
        hold = self.holds.get(hold_id)
        if hold is None:
            return "unknown-hold"
        if not hold.captured:
            return "hold-not-captured"
        left = hold.captured - hold.refunded
        amount = left if amount is None else amount
        if amount == 0 or amount > left:
            return "above-captured"
        if (refusal := self._refusal(hold.beneficiary, hold.account, amount, today)) is None:
            hold.refunded += amount
            self._move(number, hold.beneficiary, hold.account, amount, today, back=True)
            self._give_back(number, hold.account, hold.drawn, amount, today, regrant=True)
        return refusal or "posted"

    def reverse(self, number, lot_id, credit, amount, today):
        if lot_id not in self.grants:
            return "unknown-lot"
        owner = self.grants[lot_id]
        lot = self.accounts[owner].lots[lot_id]
        lot.reversed = lot.reversed or amount is None
        amount = lot.remaining if amount is None else amount
        if amount == 0 or amount > lot.remaining:
            return "above-lot"
        if amount < 0:
            return "bad-amount"
        self._move(number, owner, credit, amount, today, only=lot_id)
        return "posted"

    def expire(self, today):
        over = 0
        for account in self.accounts.values():
            for lot in account.lots.values():
                if lot.remaining and lot.valid_until is not None and lot.valid_until < today:
                    account.balance -= lot.remaining
                    self.accounts["expired"].balance += lot.remaining
                    lot.remaining = 0
                    over += 1
        return over
