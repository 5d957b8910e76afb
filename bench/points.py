"""The book of points against PostgreSQL itself: hot and spread, lots, lists, expiry, the check."""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import psutil

from bench.report import Line
from bench.stage import CODE, Stage, analyze
from credit.kit.clock import SystemClock
from credit.points import store
from credit.points.logic import operations as op
from credit.points.service.posting import Writer
from credit.points.service.sealing import Sealer
from credit.points.service.sweeping import expire_points
from credit.points.service.verifying import verify_book
from credit.points.views import NewAccount, Operation

CALLERS = 16
SECONDS = 3.0
ROUNDS = 3
RESIDENTS = 100_000
SHOPS = 1_000
LIST = 1_000
GRACE_DAYS = 30
# What single rows and the smallest double entry cost: the function a careful hand would write, one
# call and one commit a transfer.
REFERENCE = """
CREATE TABLE bench_row (key bytea PRIMARY KEY, value bigint NOT NULL);
CREATE TABLE bench_account (id bigint PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 70);
CREATE TABLE bench_transfer (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, debit bigint NOT NULL,
    credit bigint NOT NULL, amount bigint NOT NULL, at timestamptz NOT NULL);
CREATE TABLE bench_entry (account bigint, transfer bigint, amount bigint NOT NULL, balance bigint NOT NULL,
    PRIMARY KEY (account, transfer));
CREATE TABLE bench_key (key bytea PRIMARY KEY, transfer bigint NOT NULL);
INSERT INTO bench_account SELECT i, 0 FROM generate_series(1, 100000) i;
CREATE FUNCTION bench_post(p_key bytea, p_debit bigint, p_credit bigint, p_amount bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
    debit_after bigint;
    credit_after bigint;
BEGIN
    PERFORM FROM bench_account WHERE id IN (p_debit, p_credit) ORDER BY id FOR NO KEY UPDATE;
    SELECT transfer INTO number FROM bench_key WHERE key = p_key;
    IF FOUND THEN
        RETURN number;
    END IF;
    UPDATE bench_account SET balance = balance - p_amount WHERE id = p_debit
    RETURNING balance INTO debit_after;
    UPDATE bench_account SET balance = balance + p_amount WHERE id = p_credit
    RETURNING balance INTO credit_after;
    INSERT INTO bench_transfer (debit, credit, amount, at) VALUES (p_debit, p_credit, p_amount, now())
    RETURNING id INTO number;
    INSERT INTO bench_entry VALUES (p_debit, number, -p_amount, debit_after),
        (p_credit, number, p_amount, credit_after);
    INSERT INTO bench_key VALUES (p_key, number);
    RETURN number;
END
$$;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA city_150200 TO credit_app;
GRANT USAGE ON SEQUENCE bench_transfer_id_seq TO credit_app;
"""
# The least a list of awards costs: copied in, and written to the same tables by one statement each.
COPIED = """
WITH item AS (SELECT nextval('bench_transfer_id_seq') AS id, * FROM copied),
keyed AS (INSERT INTO bench_key SELECT key, id FROM item),
written AS (INSERT INTO bench_transfer (debit, credit, amount, at)
    SELECT debit, credit, amount, now() FROM item),
entered AS (INSERT INTO bench_entry SELECT credit, id, amount, amount FROM item)
UPDATE bench_account a SET balance = a.balance + i.amount FROM item i WHERE a.id = i.credit
"""
SIZES = """
SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c
WHERE c.relnamespace = 'city_150200'::regnamespace AND c.relkind = 'r'
    AND c.relname IN ('point_transfer', 'point_key', 'point_hold', 'point_lot', 'point_lot_use')
"""
Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Load:
    """What callers got done: how much a second, at which p99 in ms, for how much CPU in µs."""

    rate: float
    p99: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s, p99 {self.p99:.1f} ms, {self.cpu:.0f} µs CPU"


class Bench:
    """A book with a hundred thousand residents, and what is posted to it."""

    def __init__(self, stage: Stage, ids: dict[str, int]) -> None:
        self.db = stage.db
        self.today = SystemClock().today()
        self.writer = Writer(stage.db, SystemClock(), CODE, lambda _: GRACE_DAYS)
        self.random = random.Random(7)
        self.residents = [number for code, number in ids.items() if code.startswith("R")]
        self.shops = [number for code, number in ids.items() if code.startswith("M")]
        self.plain = [number for code, number in ids.items() if code.startswith("X")]
        self.issuance, self.held = ids["issuance"], ids["held"]
        self.hot, *self.others = self.plain

    def key(self) -> op.Key:
        return op.Key(secrets.token_bytes(16), b"0123456789abcdef")

    def spread(self) -> Operation:
        return op.transfer(self.key(), "adjust", *self.random.sample(self.plain, 2), 5)

    def on_hot(self) -> Operation:
        return op.transfer(self.key(), "adjust", self.hot, self.random.choice(self.others), 5)

    def award(self) -> Operation:
        lot = op.Lot(self.today + timedelta(days=self.random.choice((30, 365, 400))))
        credit = self.random.choice(self.residents)
        return op.transfer(self.key(), "award", self.issuance, credit, 50, lot=lot)

    def spend(self) -> Operation:
        debit, credit = self.random.choice(self.residents), self.random.choice(self.shops)
        return op.transfer(self.key(), "spend", debit, credit, 1)

    def award_or_spend(self) -> Operation:
        return self.award() if self.random.random() < 0.5 else self.spend()

    async def redeem(self) -> None:
        """Hold points of a resident for a shop, and capture them."""
        shop, resident = self.random.choice(self.shops), self.random.choice(self.residents)
        until = SystemClock().now() + timedelta(minutes=5)
        held = await self.writer.post(op.hold(self.key(), resident, self.held, shop, 1, until))
        assert held.transfer is not None, held
        done = await self.writer.post(op.capture(self.key(), held.transfer))
        assert done.outcome == "posted", done

    async def posted(self, make: Callable[[], Operation]) -> None:
        outcome = await self.writer.post(make())
        assert outcome.outcome == "posted", outcome


async def measure(stage: Stage) -> list[Line]:
    """Post from 16 callers: one hot account, many, with lots; then lists, expiry and the check."""
    bench = Bench(stage, await _accounts(stage))
    try:
        await _fund(bench)
        await analyze(stage.url)
        lines = [*await _engine(stage, bench), *await _lists(stage, bench)]
        lines += [*await _expiry(stage, bench), *await _check(stage)]
        return lines
    finally:
        await bench.writer.close()


async def _accounts(stage: Stage) -> dict[str, int]:
    owner = await asyncpg.connect(stage.url, server_settings={"search_path": f"city_{CODE}"})
    try:
        await owner.execute(REFERENCE)
    finally:
        await owner.close()
    singles = ("issuance", "held", "pending", "expired", "adjustment")
    opened = [
        *(NewAccount(kind, kind) for kind in singles),
        *(NewAccount(f"M{n}", "merchant") for n in range(SHOPS)),
        *(NewAccount(f"R{n}", "resident") for n in range(RESIDENTS)),
        *(NewAccount(f"X{n}", "clearing") for n in range(RESIDENTS)),
    ]
    async with stage.db.city(CODE) as conn:
        return await store.open_accounts(conn, opened, SystemClock().now())


async def _fund(bench: Bench) -> None:
    lot = op.Lot(bench.today + timedelta(days=90))
    await bench.writer.post_all(
        [
            op.transfer(bench.key(), "award", bench.issuance, one, 500, lot=lot)
            for one in bench.residents
        ]
    )


async def _load(call: Callable[[int], Awaitable[object]]) -> Load:
    """Let sixteen callers work one after the other each, for some seconds."""
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    cpu = _cpu()

    async def caller(number: int) -> None:
        while (begun := time.perf_counter()) < end:
            await call(number)
            times.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    took = time.perf_counter() - begun
    times.sort()
    spent = (_cpu() - cpu) / len(times) * 1e6
    return Load(len(times) / took, times[int(len(times) * 0.99)] * 1000, spent)


def _cpu() -> float:
    """CPU seconds of this process and of every process of the database."""
    total = 0.0
    for process in psutil.process_iter(["name", "pid"]):
        if process.info["name"] == "postgres" or process.info["pid"] == psutil.Process().pid:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
    return total


def _best(loads: list[Load]) -> Load:
    return max(loads, key=lambda one: one.rate)


async def _engine(stage: Stage, bench: Bench) -> list[Line]:
    conns = [await stage.db.dedicated(CODE) for _ in range(CALLERS)]

    async def row(number: int) -> None:
        await conns[number].execute("INSERT INTO bench_row VALUES ($1, 1)", secrets.token_bytes(16))

    async def function(number: int) -> None:
        debit, credit = bench.random.sample(range(1, 100_001), 2)
        await conns[number].fetchval(
            "SELECT number FROM bench_post($1, $2, $3, $4) number",
            secrets.token_bytes(16),
            debit,
            credit,
            5,
        )

    def posting(make: Callable[[], Operation]) -> Callable[[int], Awaitable[object]]:
        return lambda _: bench.posted(make)

    for number in range(CALLERS * 50):  # the reference, too, is planned for tables that are in use
        await function(number % CALLERS)
        await row(number % CALLERS)
    await analyze(stage.url)
    before = await _size_and_count(stage)
    loads: dict[str, list[Load]] = {}
    # Round about, so that a noisy moment meets all of them.
    for _ in range(ROUNDS):
        for name, call in (
            ("row", row), ("function", function), ("hot", posting(bench.on_hot)),
            ("spread", posting(bench.spread)), ("lots", posting(bench.award_or_spend)),
            ("redeem", lambda _: bench.redeem()),
        ):  # fmt: skip
            loads.setdefault(name, []).append(await _load(call))
    for conn in conns:
        await conn.close()
    best = {name: _best(found) for name, found in loads.items()}
    after = await _size_and_count(stage)
    each = (after[0] - before[0]) / (after[1] - before[1])
    row_, function_, hot = best["row"], best["function"], best["hot"]
    spread, lots = best["spread"], best["lots"]
    return [
        _ratio("points: one hot account, 16 callers", hot, "single-row commits", row_, 0.45),
        Line("points: the same, p99", f"{hot.p99:.1f} ms", "", None, "≤ 5 ms", ok=hot.p99 <= 5),
        _ratio("points: hot against spread", hot, "spread", spread, 0.9),
        _ratio("points: spread over 100,000 accounts", spread, "hand-written function", function_, 1.0),
        _ratio("points: awards and spending, with lots", lots, "single-row commits", row_, 0.75 * 0.45),
        _ratio("points: the same", lots, "hand-written function", function_, 0.75),
        Line(
            "points: held and captured", str(best["redeem"]), f"single-row commits: {row_}",
            best["redeem"].rate / row_.rate, "", ok=True, note="two transfers and two commits each",
        ),
        Line(
            "points: storage of a transfer", f"{each:.0f} bytes", "", None, "≤ 600", ok=each <= 600,
            note="transfers, keys, holds, lots, uses of lots, and all their indexes",
        ),
    ]  # fmt: skip


def _ratio(what: str, measured: Load, name: str, reference: Load, bar: float) -> Line:
    ratio = measured.rate / reference.rate
    return Line(what, str(measured), f"{name}: {reference}", ratio, f"≥ {bar:.2f}", ok=ratio >= bar)


async def _size_and_count(stage: Stage) -> tuple[int, int]:
    async with stage.db.city(CODE) as conn:
        return await conn.fetchval(SIZES), await conn.fetchval(
            "SELECT count(*) FROM point_transfer"
        )


async def _lists(stage: Stage, bench: Bench) -> list[Line]:
    """Lists of a thousand awards, against COPY and one statement into bare tables."""
    budget = 30
    rates, references = [], []
    conn = await stage.db.dedicated(CODE)
    try:
        await conn.execute(
            "CREATE TEMP TABLE copied (key bytea, debit bigint, credit bigint, amount bigint)"
        )
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            for _ in range(budget):
                await bench.writer.post_all([bench.award() for _ in range(LIST)])
            rates.append(budget * LIST / (time.perf_counter() - begun))
            begun = time.perf_counter()
            for _ in range(budget):
                rows = [
                    (secrets.token_bytes(16), 1, credit, 5)
                    for credit in bench.random.sample(range(2, 100_001), LIST)
                ]
                async with conn.transaction():
                    await conn.copy_records_to_table("copied", records=rows)
                    await conn.execute(COPIED)
                    await conn.execute("TRUNCATE copied")
            references.append(budget * LIST / (time.perf_counter() - begun))
    finally:
        await conn.close()
    rate, reference = max(rates), max(references)
    return [
        Line(
            "points: lists of 1,000 awards", f"{rate:,.0f} awards/s",
            f"COPY and one statement: {reference:,.0f}/s", rate / reference, "≥ 0.60",
            ok=rate / reference >= 0.6,
        )
    ]  # fmt: skip


@dataclass(frozen=True)
class Expiry:
    """A round: how long a hundred thousand lots took, and what whoever redeemed saw, p99 in ms."""

    seconds: float
    lots: int
    p99: float
    quiet_p99: float
    redemptions: int


async def _expiry(stage: Stage, bench: Bench) -> list[Line]:
    """Expire a hundred thousand lots while points are redeemed; the fastest round counts."""
    rounds = [await _expired(stage, bench) for _ in range(ROUNDS)]
    assert {one.lots for one in rounds} == {RESIDENTS}
    best = min(rounds, key=lambda one: one.seconds)
    ratio = best.p99 / best.quiet_p99
    return [
        Line(
            "points: 100,000 lots expire while points are redeemed", f"{best.seconds:.1f} s",
            "", None, "≤ 5 s", ok=best.seconds <= 5,
            note="rounds: " + ", ".join(f"{one.seconds:.1f}" for one in rounds),
        ),
        Line(
            "points: p99 of a redemption meanwhile", f"{best.p99:.1f} ms",
            f"without: {best.quiet_p99:.1f} ms", ratio, "≤ 2.00", ok=ratio <= 2,
            note=f"{best.redemptions:,} redemptions of two postings each; rounds: "
            + ", ".join(f"{one.p99 / one.quiet_p99:.2f}" for one in rounds),
        ),
    ]  # fmt: skip


async def _expired(stage: Stage, bench: Bench) -> Expiry:
    quiet = _best([await _load(lambda _: bench.redeem()) for _ in range(2)])
    yesterday = bench.today - timedelta(days=1)
    await bench.writer.post_all(
        [
            op.transfer(bench.key(), "award", bench.issuance, one, 1, lot=op.Lot(yesterday))
            for one in bench.residents
        ]
    )
    await analyze(stage.url)
    times: list[float] = []
    done = asyncio.Event()

    async def caller() -> None:
        while not done.is_set():
            begun = time.perf_counter()
            await bench.redeem()
            times.append(time.perf_counter() - begun)

    callers = [asyncio.create_task(caller()) for _ in range(CALLERS)]
    begun = time.perf_counter()
    lots = await expire_points(stage.db, SystemClock(), CODE, bench.writer)
    took = time.perf_counter() - begun
    done.set()
    await asyncio.gather(*callers)
    times.sort()
    p99 = times[int(len(times) * 0.99)] * 1000
    return Expiry(took, lots, p99, quiet.p99, len(times))


async def _check(stage: Stage) -> list[Line]:
    """Check the book before any of it is sealed, and when all of it is."""
    secret = stage.logs.book_secret(CODE)
    _, transfers = await _size_and_count(stage)
    unsealed = await _checked(stage, secret)
    sealer = Sealer(stage.db, SystemClock(), CODE, stage.logs.book_key(CODE), secret)
    begun = time.perf_counter()
    while await sealer.seal():
        pass
    sealing = time.perf_counter() - begun
    await stage.sequence()
    whole = await _checked(stage, secret)
    rate = 2 * transfers / unsealed
    return [
        Line(
            "points: the whole book checked", f"{rate:,.0f} entries/s",
            f"{2 * transfers:,} entries in {unsealed:.1f} s", None, "≥ 300,000", ok=rate >= 300_000,
        ),
        Line(
            "points: the same with its seals", f"{2 * transfers / whole:,.0f} entries/s",
            f"{2 * transfers:,} entries in {whole:.1f} s", None, "", ok=True,
            note=f"sealed at {transfers / sealing:,.0f} transfers/s",
        ),
    ]  # fmt: skip


async def _checked(stage: Stage, secret: bytes) -> float:
    begun = time.perf_counter()
    found = await verify_book(stage.db, CODE, secret)
    took = time.perf_counter() - begun
    assert found == [], found
    return took
