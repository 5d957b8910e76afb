"""The bank over HTTP against an empty endpoint: one transfer, and authorize with capture."""

import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from datetime import date, timedelta

import orjson

from bench.http import API
from bench.report import Line
from bench.serving import EMPTY, serving
from bench.stage import CODE, Stage, analyze
from bench.wire import CONNECTIONS, Load, Wire, load, post
from credit.access import service as access
from credit.earning import service as earning
from credit.earning.service.members import NewMember
from credit.kit.clock import SystemClock
from credit.points.logic import codes, operations
from credit.points.service import accounts
from credit.points.service.posting import Writer
from credit.points.views import NewAccount

ROUNDS = 9
REQUESTS = 4_800
PAIRS = 1_600
RESIDENTS = 2_000
BUDGET = 2**40
STREET = "150203001"
ALL_DAY = orjson.dumps([[["00:00", "24:00"]]] * 7).decode()
Act = Callable[[int, Wire], Awaitable[None]]
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

    def moves(self) -> Iterator[bytes]:
        """Ask to move a point from one budget to another."""
        for _ in range(REQUESTS):
            debit, credit = (
                secrets.choice(self.campaigns[1:50]),
                secrets.choice(self.campaigns[50:]),
            )
            item = {"debit": debit, "credit": credit, "amount": 1, "reason": "调整"}
            number = next(self.numbers)
            officer = self.officers[number % CONNECTIONS]
            yield post(f"{API}/points/transfers", {"items": [item]}, officer, f"t-{number}")

    async def payments(self) -> AsyncIterator[tuple[bytes, bytes, bytes]]:
        """Ask to authorize redemptions by codes, and to capture them: before their number, and after."""
        for code in await self.fresh_codes(PAIRS):
            number = next(self.numbers)
            till = self.tills[number % CONNECTIONS]
            body = {"code": code, "amount": 1, "reference": f"小票 {number}"}
            capture = post(f"{API}/redemptions/#/capture", {}, till, f"c-{number}")
            before, _, after = capture.partition(b"#")
            yield post(f"{API}/redemptions", body, till, f"a-{number}"), before, after


async def measure(stage: Stage) -> list[Line]:
    """Open a bank, start the server as a process of its own, and load it in turns."""
    bench = Bench(stage)
    await bench.build()
    moved, paid = [], []
    async with serving(stage) as process:
        for warm in range(ROUNDS + 1):
            empty = await load(process.pid, REQUESTS, _asking(_emptied(bench.moves())))
            move = await load(process.pid, REQUESTS, _asking(bench.moves()))
            ready = [payment async for payment in bench.payments()]
            pay = await load(process.pid, PAIRS, _paying(ready))
            if warm:
                moved.append((empty, move))
                paid.append((empty, pay))
    return [
        _line("a transfer over HTTP", moved, 0.55),
        _line("authorize and capture over HTTP", paid, 0.2),
    ]


def _emptied(requests: Iterable[bytes]) -> Iterator[bytes]:
    """Send requests to the endpoint that does nothing, all else being the same."""
    path = f"{API}/points/transfers".encode()
    return (one.replace(path, EMPTY.encode(), 1) for one in requests)


def _asking(requests: Iterable[bytes]) -> Act:
    ready = iter(list(requests))

    async def ask(_: int, wire: Wire) -> None:
        answer = await wire.ask(next(ready))
        assert b'"posted"' in answer, answer

    return ask


def _paying(ready: list[tuple[bytes, bytes, bytes]]) -> Act:
    payments = iter(ready)

    async def pay(_: int, wire: Wire) -> None:
        authorize, before, after = next(payments)
        held = await wire.ask(authorize)
        number = held.partition(b'"id":"')[2].partition(b'"')[0]
        answer = await wire.ask(before + number + after)
        assert b'"captured"' in answer, answer

    return pay


def _line(name: str, rounds: list[tuple[Load, Load]], least: float) -> Line:
    """Compare what the server needs for both; the round of the median ratio counts."""
    empty, full = sorted(rounds, key=lambda two: two[0].cpu / two[1].cpu)[len(rounds) // 2]
    ratio, rates = empty.cpu / full.cpu, sorted(two[1].rate / two[0].rate for two in rounds)
    return Line(
        name,
        f"{full.cpu * 1e6:,.0f} µs of CPU, {full.rate:,.0f}/s",
        f"an empty endpoint: {empty.cpu * 1e6:,.0f} µs, {empty.rate:,.0f}/s",
        ratio,
        f"≥ {least}",
        ok=ratio >= least,
        note=f"{CONNECTIONS} connections, p99 {full.p99 * 1000:.1f} ms; "
        f"of the rate {rates[len(rates) // 2]:.2f}",
    )
