"""The bank over HTTP against an empty endpoint: one transfer, and authorize with capture."""

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from functools import partial

import orjson

from bench.http import API, CONNECTIONS, PORT, Load, cpu_of, get, post, serving, wait_ready
from bench.report import Line
from bench.stage import CODE, Stage, analyze
from credit.access import service as access
from credit.earning import service as earning
from credit.earning.service.members import NewMember
from credit.kit.clock import SystemClock
from credit.points.logic import codes, operations
from credit.points.service import accounts
from credit.points.service.posting import Writer
from credit.points.views import NewAccount

ROUNDS = 5
REQUESTS = 6_000
PAIRS = 2_000
RESIDENTS = 2_000
BUDGET = 2**40
STREET = "150203001"
EMPTY = get("/health/live")
ALL_DAY = orjson.dumps([[["00:00", "24:00"]]] * 7).decode()
ADD_MERCHANT = """
INSERT INTO merchant (code, name, category, division, address, hours, fen_per_point, contract_from,
    contract_until, commitment_digest, commitment_on, offline, account, state, proposed_by, proposed_at)
VALUES ($1, $1, 'retail', $2, '友谊大街', $3, 100, $4::date - 30, $4::date + 300, '\\x00', $4, false, $5,
    'open', 'bench', now())
"""
ADD_CODES = """
INSERT INTO point_token (token, account, until)
SELECT token, account, now() + interval '1 hour' FROM unnest($1::bytea[], $2::bigint[]) AS i (token, account)
"""


class Bench:
    """A bank with residents who have points, and a till for each connection."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.clock = stage, SystemClock()
        self.numbers = itertools.count()
        self.tills: list[str] = []
        self.wallets: list[int] = []
        self.campaigns: list[str] = []
        self.officers: list[str] = []

    async def build(self) -> None:
        """Hire officers and shopkeepers, register residents, fund what they are given."""
        bank = self.stage.pack.on(self.clock.today()).points
        async with self.stage.db.transaction(CODE) as conn:
            for number in range(CONNECTIONS):
                self.officers.append(
                    await self._key(conn, f"street{number}", "street_officer", "street")
                )
                self.tills.append(
                    await self._key(conn, f"shop{number}", "merchant_user", "merchant")
                )
                wanted = NewAccount(f"merchant:SH-{number}", "merchant", f"SH-{number}", STREET)
                account = (await accounts.open_accounts(conn, self.clock, [wanted]))[wanted.code]
                today = self.clock.today()
                await conn.execute(ADD_MERCHANT, f"SH-{number}", STREET, ALL_DAY, today, account)
            officer = await access.actor_named(conn, "street0")
            people = [
                NewMember(f"居民{n}", "resident", f"{STREET}001", born_on=date(1980, 1, 1))
                for n in range(RESIDENTS)
            ]
            vault = self.stage.logs.vault(CODE)
            ids = await earning.register(conn, self.clock, vault, officer, bank, people)
            members = await earning.members_by_id(conn, ids)
            self.wallets = [one.account for one in members.values()]
            for number in range(100):
                made = await earning.open_campaign(
                    conn, self.clock, officer, bank, title=f"{number}", division=STREET
                )
                self.campaigns.append(f"campaign:{made.id}")
            named = await accounts.accounts_named(conn, ["issuance", *self.campaigns])
        await self._fund([named[code].id for code in self.campaigns], named["issuance"].id)
        await analyze(self.stage.url)

    async def _key(self, conn: object, name: str, role: str, kind: str) -> str:
        division = STREET if kind == "street" else None
        party = f"SH-{name.removeprefix('shop')}" if kind == "merchant" else None
        belongs = await access.add_organisation(
            conn, self.clock, kind=kind, name=name, division=division, party=party
        )
        person = await access.add_person(
            conn, self.clock, self.stage.logs.vault(CODE), username=name, name=name, roles=[role],
            organisation_id=belongs,
        )  # fmt: skip
        return await access.issue_key(
            conn, self.clock, person_id=person, name="bench", rate_per_minute=100_000
        )

    async def _fund(self, campaigns: list[int], issuance: int) -> None:
        writer = Writer(self.stage.db, self.clock, CODE, lambda _: 30)
        made = [
            operations.transfer(self._own_key(), "fund", issuance, one, BUDGET) for one in campaigns
        ]
        lot = operations.Lot(self.clock.today() + timedelta(days=365))
        made += [
            operations.transfer(self._own_key(), "award", campaigns[0], one, 10_000_000, lot=lot)
            for one in self.wallets
        ]
        outcomes = await writer.post_all(made)
        assert {one.outcome for one in outcomes} == {"posted"}
        await writer.close()

    def _own_key(self) -> operations.Key:
        return operations.key_of("bench", "fund", str(next(self.numbers)), b"")

    async def fresh_codes(self, count: int) -> list[str]:
        """Put codes of random residents into the book; returns them."""
        made = [codes.code_of(secrets.token_bytes(16)) for _ in range(count)]
        owners = [secrets.choice(self.wallets) for _ in made]
        async with self.stage.db.city(CODE) as conn:
            await conn.execute(ADD_CODES, [codes.digest_of(one) for one in made], owners)
        return made

    async def nothing(self, _: int, wire: "Wire") -> None:
        """Ask for what costs nothing but the asking."""
        await wire.ask(EMPTY)

    async def move(self, connection: int, wire: "Wire") -> None:
        """Move a point from one budget to another."""
        debit, credit = secrets.choice(self.campaigns[1:50]), secrets.choice(self.campaigns[50:])
        item = {"debit": debit, "credit": credit, "amount": 1, "reason": "调整"}
        body, key = {"items": [item]}, f"t-{next(self.numbers)}"
        answer = await wire.ask(
            post(f"{API}/points/transfers", body, self.officers[connection], key)
        )
        assert b'"posted"' in answer, answer

    async def pay(self, ready: Iterator[str], connection: int, wire: "Wire") -> None:
        """Authorize a redemption by a code, and capture it."""
        till, number = self.tills[connection], next(self.numbers)
        body = {"code": next(ready), "amount": 1, "reference": f"小票 {number}"}
        held = orjson.loads(await wire.ask(post(f"{API}/redemptions", body, till, f"a-{number}")))
        path = f"{API}/redemptions/{held['id']}/capture"
        answer = await wire.ask(post(path, {}, till, f"c-{number}"))
        assert b'"captured"' in answer, answer


class Wire:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator["Wire"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()

    async def ask(self, request: bytes) -> bytes:
        """Send a request; returns the body of a good answer."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        assert head[9:12] in (b"200", b"201"), head + body
        return body


async def measure(stage: Stage) -> list[Line]:
    """Open a bank, start the server as a process of its own, and load it in turns."""
    bench = Bench(stage)
    await bench.build()
    with serving(stage) as process:
        await wait_ready()
        transfers, pairs = [], []
        for warm in range(ROUNDS + 1):
            empty = await _load(process.pid, REQUESTS, bench.nothing)
            moved = await _load(process.pid, REQUESTS, bench.move)
            ready = iter(await bench.fresh_codes(PAIRS))
            paid = await _load(process.pid, PAIRS, partial(bench.pay, ready))
            if warm:
                transfers.append((empty, moved))
                pairs.append((empty, paid))
    one = sorted(transfers, key=lambda two: two[1].rate / two[0].rate)[ROUNDS // 2]
    both = sorted(pairs, key=lambda two: two[1].rate / two[0].rate)[ROUNDS // 2]
    return [
        _line("a transfer over HTTP", *one, 0.55),
        _line("authorize and capture over HTTP", *both, 0.2),
    ]


def _line(name: str, empty: Load, load: Load, least: float) -> Line:
    ratio = load.rate / empty.rate
    return Line(
        name,
        f"{load.rate:,.0f}/s, {load.cpu * 1e6:,.0f} µs of CPU",
        f"an empty endpoint: {empty.rate:,.0f}/s, {empty.cpu * 1e6:,.0f} µs",
        ratio,
        f"≥ {least}",
        ok=ratio >= least,
        note=f"{CONNECTIONS} connections, p99 {load.p99 * 1000:.1f} ms",
    )


async def _load(pid: int, count: int, act: Callable[[int, Wire], Awaitable[None]]) -> Load:
    """Do something so many times over all connections; each time is one in the figures."""
    times: list[float] = []

    async def client(connection: int) -> None:
        async with Wire.open() as wire:
            for _ in range(count // CONNECTIONS):
                begin = time.perf_counter()
                await act(connection, wire)
                times.append(time.perf_counter() - begin)

    cpu, begin = cpu_of(pid), time.perf_counter()
    await asyncio.gather(*map(client, range(CONNECTIONS)))
    seconds = time.perf_counter() - begin
    times.sort()
    return Load(
        len(times) / seconds, (cpu_of(pid) - cpu) / len(times), times[int(len(times) * 0.99)]
    )
