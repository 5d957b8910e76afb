"""Over HTTP nothing of the bank is lost or doubled, whatever is killed while tills and officers work.

Several connections fund budgets, enter and approve awards, and redeem: each request under a key of its
own, sent again until it is answered. Meanwhile the service or PostgreSQL is killed, or the writer's
connection cut. What was answered is kept in a small model, and the book is held to it after each round.
"""

import asyncio
import itertools
import os
import random  # noqa: TID251 - from seeds alone
import signal
import socket
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import date, timedelta

import asyncpg
import httpx
import pytest
from tests.bank import API, COMMUNITY, STREET, Bank
from tests.faults.conftest import wait_gone
from tests.faults.rounds import SERVICE, victims
from tests.faults.test_kill import CITY, environment, question

from credit.earning import service as earning
from credit.earning.service.members import NewMember
from credit.kit.clock import FixedClock, SystemClock
from credit.kit.db import Database
from credit.kit.migrate import migrate
from credit.market.service import offers
from credit.points.logic import operations as op
from credit.points.service import sweeping
from credit.points.service.posting import Writer
from credit.points.service.sealing import Sealer
from credit.points.service.verifying import verify_book

CALLERS = 6
SCENES = 7  # of a caller in a round
CUTS = 3
RESIDENTS = 4
PRICE, STOCK = 3, len(victims(SERVICE))
OVERDUE = 7
PATIENCE_SECONDS = 60
POLL_SECONDS = 0.05
SWEPT_EVERY = 4
# What is said of an offer as it stands, before the book is asked; all else is kept under the key.
OF_THE_MOMENT = {"sold-out"}
LOCK_BOOK = "SELECT pg_advisory_lock(1, 'point_book'::regclass::oid::integer)"
AWAITS_BOOK = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = 1
    AND objid = 'point_book'::regclass::oid
"""
# Has imported the service, and starts one at each line it reads; the last one ends with it.
NURSERY = """
import os, signal, sys
import credit.app, credit.cli, uvicorn
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
child = 0
while sys.stdin.readline():
    child = os.fork()
    if not child:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        credit.cli.main(["serve"])
    print(child, flush=True)
if child:
    os.kill(child, signal.SIGKILL)
"""


class Service:
    """`credit serve` as a process that can be killed and started again at the same address."""

    def __init__(self, nursery, url):
        self.nursery, self.url = nursery, url
        self.start()

    def start(self):
        self.nursery.stdin.write("serve\n")
        self.nursery.stdin.flush()
        self.pid = int(self.nursery.stdout.readline())

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        wait_gone([self.pid])


@contextmanager
def serving(server):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    nursery = subprocess.Popen(
        [sys.executable, "-c", NURSERY],
        env={**environment(server), "CREDIT_PORT": str(port)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield Service(nursery, f"http://127.0.0.1:{port}{API}")
    finally:
        nursery.communicate(timeout=PATIENCE_SECONDS)  # the end of its input ends it


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


async def open_bank(world):
    """Open a bank with two budgets, residents with lots of different ends, and an offer."""
    bank = await Bank(world, None).build()
    clock, today = world.clock, world.clock.today()
    names = [f"resident{n}" for n in range(RESIDENTS)]
    for name in names:
        await world.hire(name, "resident")
    street = world.actors["street"]
    async with world.db.transaction(CITY) as conn:
        people = [
            NewMember(f"{name}居民", "resident", COMMUNITY, "", date(1980, 5, 1),
                world.actors[name].person_id)
            for name in names
        ]  # fmt: skip
        bank.members = await earning.register(
            conn, clock, world.vault, world.actors["clerk"], bank.rules, people
        )
        # Pays for other rules, so that awards come out of the first one.
        other = await earning.open_campaign(
            conn, clock, street, bank.rules, title="议事", division=STREET, rules=["meeting.hall"]
        )
        members = await earning.members_by_id(conn, bank.members)
        await conn.execute("UPDATE merchant SET contract_from = $1, contract_until = $2",
                           today - timedelta(days=30), today + timedelta(days=300))  # fmt: skip
    bank.offer = await bank.add_offer(points=PRICE, stock=STOCK)
    bank.codes = {
        "issuance": "issuance", "A": f"campaign:{bank.campaign.id}", "B": f"campaign:{other.id}"
    }  # fmt: skip
    ends = [today - timedelta(days=1), today + timedelta(days=2), today + timedelta(days=90), None]
    made = [
        lot(f"{member.id}/{n}", bank.campaign.account, member.account, OVERDUE * (1 + 5 * n), end)
        for member in members.values()
        for n, end in enumerate(ends)
    ]
    assert {one.outcome for one in await bank.writer.post_all(made)} == {"posted"}
    await bank.writer.close()  # the service shall have the lease
    async with world.db.city(CITY) as conn:
        rows = await conn.fetch("SELECT code, id FROM point_account")
        last = await conn.fetchval("SELECT max(id) FROM point_transfer")
    by_code = dict(map(tuple, rows))
    accounts = {name: by_code[code] for name, code in bank.codes.items()}
    accounts |= {name: by_code[name] for name in ("held", "pending", "expired")}
    accounts |= {member.id: member.account for member in members.values()}
    accounts["merchant"] = by_code["merchant:SH-0001"]
    return bank, Till(bank, accounts), last


def lot(name, debit, credit, points, end):
    key = op.key_of("test", "lot", name, b"")
    return op.transfer(key, "award", debit, credit, points, lot=op.Lot(end))


async def sweep(db, till):
    """Do what time asks for, as if all that is held were over: lapse, expire, look after offers.

    Give residents points for the rounds to come, too, good for other days each time.
    """
    later = FixedClock(SystemClock().now() + timedelta(hours=1))
    writer = Writer(db, later, CITY, lambda _: 30)
    lapsed = await sweeping.lapse_holds(db, later, CITY, writer)
    end = SystemClock().today() + timedelta(days=3 + next(till.numbers) % 300)
    for wallet in till.bank.members:
        given = lot(f"{wallet}/{end}/{next(till.numbers)}", till.accounts["A"],
                    till.accounts[wallet], 4 * OVERDUE, end)  # fmt: skip
        assert (await writer.post(given)).outcome == "posted"
        till.move("award", "A", wallet, 4 * OVERDUE)
    await writer.close()
    open_ = [
        hold
        for hold, (_, _, captured, _, over, _) in till.holds.items()
        if not captured and not over
    ]
    assert lapsed == len(open_)
    for hold in open_:
        till.book("lapse", hold, None)
    if await sweeping.expire_points(db, SystemClock(), CITY):
        for wallet in till.bank.members:
            till.move("expire", wallet, "expired", OVERDUE)
    await offers.sweep(db, later, CITY)


async def check(db, till, last):
    """Hold the book to what was acknowledged: each transfer once, and nothing besides."""
    logs, bank = till.bank.world.logs, till.bank
    secret = logs.book_secret(CITY)
    await Sealer(db, SystemClock(), CITY, logs.book_key(CITY), secret).seal()
    # A decision whose points nobody posted before the kill is posted by the job of each minute.
    writer = Writer(db, SystemClock(), CITY, lambda _: 30)
    await earning.post_waiting(db, SystemClock(), CITY, writer, bank.world.pack)
    await writer.close()
    assert await verify_book(db, CITY, secret) == []
    async with db.city(CITY) as conn:
        rows = await conn.fetch(
            "SELECT kind, debit, credit, amount, about FROM point_transfer WHERE id > $1", last
        )
        states = await conn.fetch("SELECT id::text, state FROM participation")
        taken, uses = await conn.fetchrow(
            "SELECT taken, (SELECT count(*) FROM offer_use WHERE offer = o.id AND NOT released)"
            " FROM offer o WHERE id = $1", bank.offer,
        )  # fmt: skip
    assert Counter(map(tuple, rows)) == till.transfers
    assert {key for key, state in states if state in ("pending", "granted")} == till.approved
    assert {key for key, _ in states} == set(till.points)
    assert taken == uses <= STOCK


async def writer_of(server):
    """Return the number of the backend that holds the writer's lease, if any does."""
    return await question(
        server,
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 2"
        " AND objid = 'point_book'::regclass::oid AND granted",
    )


@pytest.mark.slow
async def test_no_acknowledged_transfer_is_lost_or_doubled_whatever_is_killed(server, build_world):
    await asyncio.to_thread(migrate, server.url, [CITY])
    async with Database(server.url, size_max=4) as db:
        bank, till, last = await open_bank(await build_world(db, SystemClock(), server.folder))
    with serving(server) as service:
        bank.url = service.url

        async def strike_service():
            await asyncio.to_thread(service.kill)
            service.start()

        async def strike_database():
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)

        async def strike_connection():
            if (pid := await writer_of(server)) is not None:
                cut.append(await question(server, "SELECT pg_terminate_backend($1)", pid))

        strikes = {
            "service": strike_service, "database": strike_database, "connection": strike_connection,
        }  # fmt: skip
        cut = []
        for number, victim in enumerate(victims(SERVICE)):
            times = CUTS if victim == "connection" else 1
            await till.round_(number, strikes[victim], times)
            async with Database(server.url, size_max=4) as db:
                if number % SWEPT_EVERY == SWEPT_EVERY - 1:
                    await sweep(db, till)
                await check(db, till, last)
        async with Database(server.url, size_max=4) as db:
            await sweep(db, till)
            await check(db, till, last)
            uses = await question(server, "SELECT taken FROM offer WHERE id = $1", bank.offer)
        async with httpx.AsyncClient(base_url=bank.url, timeout=20) as till.client:
            await till.repeat(list(till.answers))
    assert uses == sum(1 for *_, captured, _, _, offer in till.holds.values() if offer and captured)
    assert any(cut)  # or the kills came when nobody was at work
    assert till.unanswered
    found = {slug(one[-1]) for one in till.answers.values()}
    assert {"", "insufficient", "hold-captured", "hold-voided"} <= found


@pytest.mark.slow
async def test_who_reserved_the_last_piece_and_was_not_answered_gets_it_when_asking_again(
    server, build_world
):
    await asyncio.to_thread(migrate, server.url, [CITY])
    async with Database(server.url, size_max=4) as db:
        bank, till, _ = await open_bank(await build_world(db, SystemClock(), server.folder))
        bank.offer = await bank.add_offer(points=PRICE, stock=1, uses=1)
    with serving(server) as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=20) as till.client:
            codes = f"/wallets/{bank.members[0]}/codes"
            code = (await till.ask(codes, None, "resident0"))[1]["code"]
            holding = await asyncpg.connect(server.url)
            await holding.execute(f"SET search_path = city_{CITY}")
            await holding.execute(LOCK_BOOK)
            body = {"code": code, "amount": PRICE, "reference": "小票 1", "offer": str(bank.offer)}
            asking = asyncio.create_task(till.send("/redemptions", body, "shopkeeper", "the-key"))
            async with asyncio.timeout(PATIENCE_SECONDS):  # until the piece is reserved
                while not (waiting := await holding.fetch(AWAITS_BOOK)):
                    continue
            await asyncio.to_thread(service.kill)
            for (pid,) in waiting:  # or it would post what nobody waits for any more
                await holding.execute("SELECT pg_terminate_backend($1)", pid)
            assert await holding.fetchval("SELECT taken FROM offer WHERE id = $1", bank.offer) == 1
            await holding.close()
            service.start()
            status, answer = await asking
            assert (status, answer.get("status")) == (201, "authorized"), answer
            assert await till.send("/redemptions", body, "shopkeeper", "the-key") == (201, answer)
            other = {**body, "code": (await till.ask(codes, None, "resident0"))[1]["code"]}
            status, answer = await till.send("/redemptions", other, "shopkeeper", "another-key")
            assert (status, slug(answer)) == (409, "sold-out")
