"""Officers, customers and a till at work over HTTP, and a small model of what they were told."""

import asyncio
import itertools
import random  # noqa: TID251 - from seeds alone
from collections import Counter
from datetime import timedelta

import httpx
from tests.faults.rounds import SERVICE, victims

from credit.kit.clock import SystemClock

__all__ = ["PATIENCE_SECONDS", "PRICE", "RESIDENTS", "STOCK", "Till", "slug"]

CALLERS = 6
SCENES = 4  # of a caller in a round
RESIDENTS = 4
PRICE, STOCK = 3, len(victims(SERVICE))
PATIENCE_SECONDS = 60
POLL_SECONDS = 0.05
# What is said of an offer as it stands, before the book is asked; all else is kept under the key.
OF_THE_MOMENT = {"sold-out"}


class Till:
    """What was asked over HTTP and answered, and what the book should say by that."""

    def __init__(self, bank, accounts):
        self.bank, self.accounts = bank, accounts
        self.numbers = itertools.count()
        self.transfers = Counter()  # (kind, debit, credit, amount, about)
        self.holds = {}  # number: [wallet, amount, captured, refunded, over, offer]
        self.answers = {}  # key: (by, path, body, status, answer)
        self.approved = set()
        self.points = {}  # of a participation
        self.unanswered = self.answered = 0
        self.on_answer = lambda: None

    async def ask(self, path, body, by):
        """Send a request until it is answered; returns the status and the answer."""
        key = f"k-{next(self.numbers)}"
        status, answer = await self.send(path, body, by, key)
        self.answers[key] = (by, path, body, status, answer)
        self.answered += 1
        self.on_answer()
        return status, answer

    async def send(self, path, body, by, key):
        headers = {"Authorization": f"Bearer {self.bank.world.api_keys[by]}"}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    found = await self.client.post(
                        path, json=body, headers={**headers, "Idempotency-Key": key}
                    )
                except httpx.ConnectError:
                    pass  # nothing was asked
                except httpx.HTTPError:
                    self.unanswered += 1  # the outcome is unknown
                else:
                    if found.status_code < 500 and found.status_code != 429:
                        return found.status_code, found.json()
                    assert found.status_code in (429, 503), found.text
                await asyncio.sleep(POLL_SECONDS)

    def move(self, kind, debit, credit, amount, about=None):
        names = self.accounts
        self.transfers[kind, names[debit], names[credit], amount, about] += 1

    async def fund(self, dice):
        """Move points between the programme and budgets, now and then more than there are."""
        codes = [dice.sample(["issuance", "A", "B"], 2) for _ in range(dice.randint(1, 3))]
        items = [
            {"debit": self.bank.codes[debit], "credit": self.bank.codes[credit],
             "amount": 500_000 if debit != "issuance" and dice.random() < 0.1 else dice.randint(1, 5),
             "reason": "调整"}
            for debit, credit in codes
        ]  # fmt: skip
        status, answer = await self.ask("/points/transfers", {"items": items}, "street")
        assert status == 200, answer
        for (debit, credit), item, made in zip(codes, items, answer["items"], strict=True):
            assert made["status"] in ("posted", "insufficient"), made
            if made["status"] == "posted":
                kind = "return" if credit == "issuance" else "fund"
                self.move(kind, debit, credit, item["amount"])

    async def award(self, dice):
        """Enter what somebody did, and have it approved by somebody else."""
        number = next(self.numbers)
        on = SystemClock().today() - timedelta(days=number % 300)
        item = {"resident": dice.choice(self.bank.members), "rule": "service.post", "quantity": 180,
                "evidence": f"签到表 {number}", "participated_on": on.isoformat()}  # fmt: skip
        status, answer = await self.ask("/points/awards", {"items": [item]}, "clerk")
        assert status == 200, answer
        (made,) = answer["items"]
        if made["status"] == "refused":  # beyond a cap of the rule
            return
        self.points[made["id"]] = made["points"]
        body = {"items": [made["id"]], "approve": True}
        status, answer = await self.ask("/points/decisions", body, "head")
        assert (status, answer["items"]) == (200, [made["id"]])
        self.approved.add(made["id"])
        if made["points"]:  # beyond a cap there may be none left
            self.move("hold", "A", "pending", made["points"])

    async def redeem(self, dice):
        """Hold a customer's points by a code, then do something about that, or about another one."""
        who = dice.randrange(RESIDENTS)
        wallet = self.bank.members[who]
        offer = self.bank.offer if dice.random() < 0.5 else None
        amount = PRICE if offer else dice.choice([1, 2, 5, 9, 100_000])
        code = (await self.ask(f"/wallets/{wallet}/codes", None, f"resident{who}"))[1]["code"]
        body = {"code": code, "amount": amount, "reference": f"小票 {next(self.numbers)}"}
        if offer:
            body["offer"] = str(offer)
        status, answer = await self.ask("/redemptions", body, "shopkeeper")
        if status == 201:
            hold = answer["id"]
            assert hold not in self.holds
            self.holds[hold] = [wallet, amount, 0, 0, False, offer]
            self.move("hold", wallet, "held", amount, offer)
        else:
            assert (status, slug(answer)) in ((409, "insufficient"), (409, "sold-out")), answer
        if self.holds and dice.random() < 0.8:
            recent = list(self.holds)[-8:]
            await self.follow(dice.choice(recent), dice)

    async def follow(self, hold, dice):
        """Capture, void and refund: some of it too late, or too much."""
        for act in dice.choice([["capture", "refund"], ["capture"], ["void"], ["refund", "void"]]):
            amount = None if act == "void" else dice.randint(1, self.holds[hold][1])
            body = {"amount": amount} if amount else {}
            status, answer = await self.ask(f"/redemptions/{hold}/{act}", body, "shopkeeper")
            if status == 200:
                self.book(act, hold, amount)
            else:
                assert status == 409, answer
                assert slug(answer) in ("hold-captured", "hold-voided", "hold-not-captured",
                                        "above-captured"), answer  # fmt: skip

    def book(self, act, hold, amount):
        found, about = self.holds[hold], int(hold)
        wallet, held, *_ = found
        if act == "capture":
            found[2] = amount
            self.move("capture", "held", "merchant", amount, about)
            if held > amount:
                self.move("release", "held", wallet, held - amount, about)
        elif act == "refund":
            found[3] += amount
            self.move("refund", "merchant", wallet, amount, about)
        else:
            found[4] = True
            self.move(act, "held", wallet, held, about)

    async def scenes(self, dice):
        """What one connection does in a round."""
        for _ in range(SCENES):
            await dice.choice([self.fund, self.award, self.redeem, self.redeem])(dice)

    async def round_(self, number, strike, times):
        """Let several connections work, and strike them so many times."""
        dice = random.Random(number)
        moments = {self.answered + n for n in dice.sample(range(5, CALLERS * SCENES), times)}
        struck = []

        def count():
            if self.answered in moments:
                struck.append(asyncio.create_task(strike()))

        self.on_answer = count
        limits = httpx.Limits(max_connections=CALLERS)
        async with httpx.AsyncClient(
            base_url=self.bank.url, timeout=20, limits=limits
        ) as self.client:
            seeds = [random.Random(dice.random()) for _ in range(CALLERS)]
            await asyncio.gather(*(self.scenes(one) for one in seeds))
            await asyncio.gather(*struck)
            assert len(struck) == times
            await self.repeat(dice.sample(sorted(self.answers), min(12, len(self.answers))))

    async def repeat(self, keys):
        """Send again what was answered: the same key gets the same answer."""
        for key in keys:
            by, path, body, status, answer = self.answers[key]
            if not path.endswith("/codes") and slug(answer) not in OF_THE_MOMENT:
                assert await self.send(path, body, by, key) == (status, answer), (path, body)


def slug(answer):
    return answer.get("type", "").rpartition(":")[2]
