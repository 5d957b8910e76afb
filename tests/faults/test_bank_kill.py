"""Over HTTP nothing of the bank is lost or doubled, whatever is killed while tills and officers work.

Several connections fund budgets, enter and approve awards, and redeem: each request under a key of its
own, sent again until it is answered. Meanwhile the service or PostgreSQL is killed, or the writer's
connection cut. What was answered is kept in a small model, and the book is held to it after each round.
"""

import asyncio
from collections import Counter
from datetime import date, timedelta

import asyncpg
import httpx
import pytest
from tests.bank import COMMUNITY, STREET, Bank
from tests.faults.rounds import SERVICE, victims
from tests.faults.serving import serving
from tests.faults.test_kill import CITY, question
from tests.faults.till import PATIENCE_SECONDS, PRICE, RESIDENTS, STOCK, Till, slug

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

CUTS = 3
OVERDUE = 7
SWEPT_EVERY = 4
LOCK_BOOK = "SELECT pg_advisory_lock(1, 'point_book'::regclass::oid::integer)"
AWAITS_BOOK = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = 1
    AND objid = 'point_book'::regclass::oid
"""


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
    open_ = [
        hold
        for hold, (_, _, captured, _, over, _) in till.holds.items()
        if not captured and not over
    ]
    assert lapsed == len(open_)
    for hold in open_:
        till.book("lapse", hold, None)
    if await sweeping.expire_points(db, SystemClock(), CITY, writer):
        for wallet in till.bank.members:
            till.move("expire", wallet, "expired", OVERDUE)
    await writer.close()
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
