"""Loading the demo: three years of a city's life, told by the services with a moving clock."""

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import Any
from uuid import UUID

from credit.access import service as access
from credit.access.logic import home_of, scopes_of
from credit.access.views import Actor
from credit.demo.bank import BankDesk
from credit.demo.cities import CITIES, City, Maker
from credit.demo.contracts import ContractDesk
from credit.demo.facts import FactDesk
from credit.demo.lists import PRESENT, YEARLY, ListDesk
from credit.evaluations import service as evaluations
from credit.evaluations.views import Submission
from credit.grades import service as grades
from credit.kit import store as kit
from credit.kit.blobs import BlobStore
from credit.kit.clock import FixedClock, SystemClock
from credit.kit.db import Connection, Database
from credit.kit.ids import new_id
from credit.kit.migrate import migrate
from credit.kit.passwords import Passwords
from credit.kit.signing import SigningKey
from credit.kit.workdays import WorkCalendar
from credit.log import service as log
from credit.log.sequencer import BATCH_ROWS_MAX, Sequencer
from credit.logs import Logs
from credit.parties import service as parties
from credit.rules.loading import pack_of_city
from credit.rules.model import Sheet
from credit.rules.pack import Pack
from credit.settings import Settings

__all__ = ["Ready", "load_demo"]

YEARS = 3
ProgressBar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
# (user name, shown name, role, kind of organisation, organisation); the user names are those of
# `demo.json`. A resident belongs to none.
PEOPLE = (
    ("officer", "信用专员（演示）", "association_officer", "association", "市物业管理行业协会"),
    ("reviewer", "信用审核员（演示）", "association_reviewer", "association", "市物业管理行业协会"),
    ("deputy", "信用审核员二（演示）", "association_reviewer", "association", "市物业管理行业协会"),
    ("city_authority", "市主管部门（演示）", "city_officer", "city_department", "市物业主管部门"),
    ("district", "区主管部门（演示）", "district_officer", "district_department", "区物业主管部门"),
    ("community", "社区专员（演示）", "community_officer", "community", "演示幸福社区居委会"),
    ("community_head", "社区书记（演示）", "community_officer", "community", "演示幸福社区居委会"),
    ("street", "街道专员（演示）", "street_officer", "street", "街道办事处"),
    ("bidder", "评标专家（演示）", "bidder", "other", "公共资源交易中心"),
    ("enterprise", "企业用户（演示）", "enterprise_user", "enterprise", "演示物业企业"),
    ("committee", "业委会用户（演示）", "committee_user", "committee", "演示业主委员会"),
    ("owners", "业主代表（演示）", "owner_delegate", "owners", "演示小区业主"),
    ("resident", "居民（演示）", "resident", "", ""),
    # The organisation of a merchant is there once somebody has admitted the merchant.
    ("merchant", "商户（演示）", "merchant_user", "merchant", "演示便民超市"),
    ("auditor", "审计员（演示）", "auditor", "other", "纪检审计部门"),
    ("administrator", "管理员（演示）", "administrator", "association", "市物业管理行业协会"),
)
# Whose machines have keys: `clients` of `demo.json`.
CLIENTS = ("officer", "bidder", "community", "merchant", "resident")
SIGNERS = (
    "officer", "reviewer", "deputy", "city_authority", "district", "street", "enterprise",
    "committee", "owners",
)  # fmt: skip


@dataclass(frozen=True)
class User:
    """Somebody who can sign in to the demo's first city, and where their work is."""

    username: str
    password: str
    role: str
    door: str


@dataclass(frozen=True)
class Ready:
    """What the demo offers: addresses for machines and people, who can sign in, what was loaded."""

    base_url: str
    pages_url: str
    users: tuple[User, ...]
    summary: str


class _Loader:
    """Tells one city's story."""

    def __init__(self, db: Database, logs: Logs, files: BlobStore, city: City, today: date) -> None:
        self.db = db
        self.files = files
        self.logs = logs
        self.city = city
        self.today = today
        self.pack: Pack = pack_of_city(city.code)
        self.begin = date(today.year - YEARS, 1, 1)
        self.maker = Maker(city, self.begin)
        self.clock = FixedClock(_at(self.begin))
        self.keys: dict[str, SigningKey] = {
            name: logs.person_key(city.code, name) for name in SIGNERS
        }
        self.actors: dict[str, Actor] = {}
        self.vault = logs.vault(city.code)
        self.passwords = Passwords()
        self.users: dict[str, dict[str, str]] = {}
        self.desk = FactDesk(
            db, city.code, self.pack, self.clock, self.keys, self.actors, today,
            self._party("enterprise"),
        )  # fmt: skip
        self.lists = ListDesk(
            db, city.code, self.pack, self.clock, self.keys, self.actors, files,
            self._party("enterprise"), self.maker.enterprises,
        )  # fmt: skip
        self.contracts = ContractDesk(
            db, city.code, self.pack, self.clock,
            logs=logs, files=files, users=self.actors, keys=self.keys,
        )  # fmt: skip
        self.sequencer: Sequencer = logs.sequencer(db, self.clock, city.code)

    async def load(self, update: Callable[[int, int], None]) -> dict[str, dict[str, str]]:
        """Load everything; returns API keys of machines by name, the resident's with the wallet."""
        steps = 3 * (YEARS + 1) + 3
        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            update(done, steps)

        clients = await self._people()
        await self._calendar()
        await self._parties()
        step()
        if not await self.sequencer.take_over():
            raise RuntimeError("another process is sequencing the demo's log")
        for year in range(self.begin.year, self.today.year + 1):
            last = min(date(year, 12, 31), self.today - timedelta(days=3))
            await self._events(date(year, 1, 1), last)
            step()
            if year < self.today.year:
                self.clock.now_value = _at(date(year + 1, 1, 20))
                await self._evaluations(year)
                await self._sequence()
                if self._has_contracts and year == self.today.year - 1:
                    await self.contracts.conclude(self.maker.projects)
                    await self._sequence()
            step()
            on = date(year + 1, 1, 31) if year < self.today.year else last
            self.clock.now_value = _at(on)
            await self._grades(on)
            if year < self.today.year:
                await self.lists.tell(YEARLY)
                await self._sequence()
            step()
        await self._open_matters()
        await self._lists()
        if self._has_contracts:
            await self.contracts.leave_open(self.maker.projects)
            await self.contracts.keep(self._party("owners") or "")
            await self._sequence()
        await self._bank(clients)
        step()
        await self.sequencer.drop()
        return clients

    async def _calendar(self) -> None:
        """Name the new year's day of years whose holidays nobody published yet, so that terms over
        them can be told; an officer would load the whole table.
        """
        years = [self.today.year, self.today.year + 1]
        days = [date(year, 1, 1) for year in years if not WorkCalendar().known(year)]
        async with self.db.transaction(self.city.code) as conn:
            await kit.declare_days(conn, days, [False] * len(days), by="demo", now=self.clock.now())

    async def _people(self) -> dict[str, dict[str, str]]:
        async with self.db.transaction(self.city.code) as conn:
            clients: dict[str, dict[str, str]] = {}
            for username, _, role, *_ in PEOPLE:
                if role != "merchant_user":
                    clients |= await self._hire(conn, username)
        return clients

    async def _hire(self, conn: Connection, username: str) -> dict[str, dict[str, str]]:
        """Add somebody who can sign in; returns the key of their machine, if they have one."""
        shown, role, kind, organisation = next(one[1:] for one in PEOPLE if one[0] == username)
        belongs = await self._organisation(conn, kind, organisation) if kind else None
        person = await access.add_person(
            conn,
            self.clock,
            self.vault,
            username=username,
            name=shown,
            roles=[role],
            organisation_id=belongs,
        )
        await self._password(conn, person, username)
        self.actors[username] = await access.actor_named(conn, username)
        if username in self.keys:
            await log.announce_key(
                conn, self.clock, key=self.keys[username], holder=person, role=role
            )
        if username not in CLIENTS:
            return {}
        key = await access.issue_key(
            conn, SystemClock(), person_id=person, name=f"演示系统 {username}"
        )
        return {username: {"key": key}}

    async def _bank(self, clients: dict[str, dict[str, str]]) -> None:
        """Tell a year of the points bank, where the demo has people of all sides."""
        desk = BankDesk(
            self.db, self.city.code, self.pack, logs=self.logs, files=self.files, users=self.actors,
            today=self.today,
        )  # fmt: skip
        clients["resident"]["wallet"] = await desk.open()
        async with self.db.transaction(self.city.code) as conn:
            clients |= await self._hire(conn, "merchant")
        await desk.tell()
        await self._sequence()

    async def _organisation(self, conn: Connection, kind: str, name: str) -> str:
        return await access.add_organisation(
            conn,
            self.clock,
            kind=kind,
            name=name,
            division=self._division(kind),
            party=self._party(kind),
        )

    async def _password(self, conn: Connection, person: str, username: str) -> None:
        """Give a person a password of this installation; `demo.json` and the terminal show it."""
        password = f"demo-{secrets.token_hex(5)}"
        await access.set_password(conn, self.clock, self.passwords, person, password)
        self.users[username] = {"username": username, "password": password}

    def _party(self, kind: str) -> str | None:
        """Name the enterprise, committee or merchant whose user the demo has."""
        return {
            "enterprise": self.maker.enterprises[1],
            "committee": "YWH-0001",
            "owners": f"XQ-{self.city.code}-0001",
            "merchant": "SH-0001",
        }.get(kind)

    @property
    def _has_contracts(self) -> bool:
        """Whether the city's pack has templates of contracts."""
        return bool(self.pack.on(self.today).contracts)

    def _division(self, kind: str) -> str | None:
        """Name the district and the street whose people the demo has: the city's first ones."""
        district = next(iter(self.city.districts))
        return {
            "district_department": district,
            "street": f"{district}001",
            "community": f"{district}001001",
        }.get(kind)

    async def _parties(self) -> None:
        async with self.db.transaction(self.city.code) as conn:
            plan = await parties.plan_parties(conn, self.clock, self.maker.parties())
            if plan.faults:
                raise RuntimeError(f"the demo's register is refused: {plan.faults[:3]}")
            await parties.apply_parties(conn, self.clock, self.vault, plan)

    async def _events(self, first: date, last: date) -> None:
        """Take a year's facts in at the end of each month, and decide those of the month before."""
        catalogue = self.pack.on(last).grader.events
        count = self.city.yearly_events * (last - first).days // 365
        facts = self.maker.events(catalogue, first, last, count)
        for _, month in groupby(facts, key=lambda body: body["occurred_on"][:7]):
            bodies = list(month)
            last_day = _at(date.fromisoformat(bodies[-1]["occurred_on"]))
            self.clock.now_value = max(self.clock.now_value, last_day)
            await self.desk.take(bodies)
            await self._sequence()

    async def _open_matters(self) -> None:
        """Leave something for everybody to do: facts at every step, repairs, suggestions."""
        others = [one for one in self.maker.enterprises if one != self.desk.own]
        await self.desk.leave_open(others, self.files)
        await self._sequence()

    async def _lists(self) -> None:
        """Leave entries at every step of their course, and boards."""
        await self.lists.tell(PRESENT, own=True)
        await self.lists.boards([one["code"] for one in self.maker.projects])
        await self._sequence()

    async def _evaluations(self, year: int) -> None:
        sheets = self.pack.on(self.clock.today()).sheets
        submissions = [
            *self._of_enterprises(sheets, year),
            *(self._of_projects(sheets, year)),
        ]
        for chunk in _chunks(iter(submissions), 500):
            async with self.db.transaction(self.city.code) as conn:
                states = await evaluations.submit(
                    conn, self.clock, self.actors["officer"], self.pack, chunk
                )
                await self._close(conn, [state.id for state in states])

    async def _close(self, conn: Connection, ids: Sequence[str]) -> None:
        bodies = await evaluations.prepare_closings(
            conn, self.clock, self.pack, [UUID(one) for one in ids]
        )
        key = self.keys["reviewer"]
        records = log.sign_records(key, "evaluation", bodies, self.clock)
        await evaluations.close(conn, self.clock, self.actors["reviewer"], self.pack, records)

    def _of_enterprises(self, sheets: dict[str, Sheet], year: int) -> Iterator[Submission]:
        name = self.city.enterprise_sheet
        if not name:
            return
        for code in self.maker.enterprises:
            quality = self.maker.quality[code]
            where = {p["street"][:6] for p in self.maker.projects if p["enterprise"] == code}
            for division in sorted(where):
                given = self.maker.marks(sheets[name], quality, None)
                yield Submission(name, "enterprise", code, year, division, given)

    def _of_projects(self, sheets: dict[str, Sheet], year: int) -> Iterator[Submission]:
        name = self.city.project_sheet
        if name is None:
            return
        sheet = sheets[name]
        for project in self.maker.projects:
            variant = project["kind"] if sheet.variants else None
            if sheet.variants and variant not in sheet.variants:
                continue
            quality = self.maker.quality[project["enterprise"]]
            given = self.maker.marks(sheet, quality, variant)
            yield Submission(name, "project", project["code"], year, self.city.code, given)

    async def _grades(self, on: date) -> None:
        async with self.db.transaction(self.city.code) as conn:
            run = await grades.run(conn, self.clock, self.actors["officer"], self.pack, on)
            await self._confirm(conn, run.id)
            bodies = await grades.prepare_publication(conn, self.clock, self.pack, run.id)
            key = self.keys["city_authority"]
            records = log.sign_records(key, "grade", bodies, self.clock)
            await grades.publish(
                conn, self.clock, self.actors["city_authority"], self.pack, run.id, records
            )
        await self._sequence()

    async def _confirm(self, conn: Connection, run_id: UUID) -> None:
        actor = self.actors["district"]
        body = await grades.prepare_confirmation(
            conn, self.clock, actor, self.pack, run_id, "confirmed"
        )
        key, record_id = self.keys["district"], new_id(self.clock.now())
        record = log.sign_record(key, grades.CONFIRMED_KIND, record_id, body)
        await grades.confirm(conn, self.clock, actor, self.pack, run_id, record)

    async def _sequence(self) -> None:
        while await self.sequencer.sequence_batch() == BATCH_ROWS_MAX:
            pass


async def load_demo(settings: Settings, url: str, progress: ProgressBar) -> Ready:
    """Bring the demo's cities up, loading what is missing, and write `demo.json`.

    `progress` opens a bar with a title and yields what moves it to (done, total).
    """
    logs = Logs(settings)
    files = BlobStore(Path(settings.data_dir) / "files")
    migrate(url, [city.code for city in CITIES])
    path = Path(settings.data_dir) / "demo.json"
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    today = SystemClock().today()
    loaded = 0
    async with Database(url) as db:
        for city in CITIES:
            async with db.city(city.code) as conn:
                present = await log.size_at(conn, None) > 0
            if present:
                continue
            loaded += 1
            with progress(f"装入 {city.name}") as update:
                loader = _Loader(db, logs, files, city, today)
                clients = await loader.load(update)
            if city is CITIES[0]:
                kept["users"] = loader.users
                kept["clients"] = clients
    base_url = f"http://{settings.host}:{settings.port}"
    ready = {
        "base_url": base_url,
        "cities": [city.code for city in CITIES],
        "users": kept.get("users", {}),
        "clients": kept.get("clients", {}),
        "log": {
            city.code: {
                "origin": logs.origin(city.code),
                "vkey": logs.verifier(city.code).vkey,
            }
            for city in CITIES
        },
    }
    path.write_text(json.dumps(ready, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    path.chmod(0o600)
    return Ready(
        base_url,
        settings.public_url,
        _users(ready["users"]),
        f"{len(CITIES)} 个城市，本次装入 {loaded} 个。",
    )


def _users(kept: dict[str, dict[str, str]]) -> tuple[User, ...]:
    roles = {username: role for username, _, role, *_ in PEOPLE}
    return tuple(
        User(
            one["username"],
            one["password"],
            roles[name],
            home_of(scopes_of([roles[name]])),
        )
        for name, one in kept.items()
    )


def _at(day: date) -> datetime:
    """Return eight in the evening in China of a day."""
    return datetime.combine(day, time(12, 0), UTC)


def _chunks(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while chunk := list(islice(items, size)):
        yield chunk
