"""A PostgreSQL with a migrated template for the whole run, and cheap databases for each test.

`CREDIT_TEST_DATABASE_URL` runs what needs a server on another one (its role must be a superuser);
without it everything runs, and an embedded server is started in a folder of the run.
"""

import asyncio
import atexit
import hashlib
import html
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest
from argon2 import PasswordHasher
from filelock import FileLock

from credit.events.views import Decision
from credit.kit.clock import FixedClock
from credit.kit.db import Connection, Database
from credit.kit.embedded import start_embedded
from credit.kit.migrate import migrate
from credit.kit.passwords import Passwords

CITIES = ("150200", "410402")
MIGRATIONS = Path(__file__).parents[1] / "src" / "credit" / "migrations"


def _with_database(url: str, name: str) -> str:
    head, _, query = url.partition("?")
    scheme, _, rest = head.partition("://")
    authority = rest.partition("/")[0]
    return f"{scheme}://{authority}/{name}" + (f"?{query}" if query else "")


async def _admin(url: str, statement: str) -> None:
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(statement)
    finally:
        await conn.close()


def pytest_configure(config: pytest.Config) -> None:
    """Make a folder for the run, which its workers inherit by the environment.

    pytest's own folder will not do: every run closes it to all users but its own, and run by
    root the server is another user.
    """
    if not hasattr(config, "workerinput"):
        folder = tempfile.mkdtemp(prefix="credit-tests-")
        os.environ["CREDIT_TEST_FOLDER"] = folder  # noqa: TID251 - for tests alone
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On another server leave out what needs none, and what looks at pages: both would do the same
    again.
    """
    if "CREDIT_TEST_DATABASE_URL" not in os.environ:  # noqa: TID251 - for tests alone
        return
    needs = [
        one
        for one in items
        if "server_url" in (names := getattr(one, "fixturenames", ())) and "browse" not in names
    ]
    config.hook.pytest_deselected(items=[one for one in items if one not in set(needs)])
    items[:] = needs


@pytest.fixture(scope="session")
def run_folder() -> Path:
    """A folder all workers of this run share."""
    return Path(os.environ["CREDIT_TEST_FOLDER"])  # noqa: TID251 - for tests alone


@pytest.fixture(scope="session")
def server_url(run_folder: Path) -> str:
    """The server every test database is made on."""
    given = os.environ.get("CREDIT_TEST_DATABASE_URL")  # noqa: TID251 - for tests alone
    if given:
        return given
    with FileLock(run_folder / "server.lock"):
        url = start_embedded(run_folder)
        # Nothing of it outlives the run, so nothing need wait for the disk.
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            asyncio.run(_admin(url, f"ALTER SYSTEM SET {setting} = off"))
        asyncio.run(_admin(url, "SELECT pg_reload_conf()"))
        return url


@pytest.fixture(scope="session")
def template(server_url: str, run_folder: Path) -> str:
    """The name of a migrated database, made once per state of the migrations."""
    digest = hashlib.sha256()
    for path in sorted(MIGRATIONS.rglob("*.*")):
        if path.suffix in (".py", ".sql"):
            digest.update(path.read_bytes())
    name = f"credit_template_{digest.hexdigest()[:12]}"
    with FileLock(run_folder / "template.lock"):
        marker = run_folder / name
        if not marker.exists():
            asyncio.run(_admin(server_url, f"DROP DATABASE IF EXISTS {name}"))
            asyncio.run(_admin(server_url, f"CREATE DATABASE {name}"))
            migrate(_with_database(server_url, name), CITIES)
            marker.touch()
    return name


class Clones:
    """Clones of the template, one made ahead while a test runs, dropped while the next one does.

    Files are copied: to write each page to the log as well takes twice as long.
    """

    def __init__(self, server_url: str, template: str) -> None:
        self.server_url, self.template = server_url, template
        self.thread = ThreadPoolExecutor(max_workers=1)
        self.ahead = self.thread.submit(self._make)

    def take(self) -> str:
        """Return a fresh database's name."""
        name = self.ahead.result()
        self.ahead = self.thread.submit(self._make)
        return name

    def drop(self, name: str) -> None:
        """Drop a database, in a while."""
        self.thread.submit(self._drop, name)

    def close(self) -> None:
        """Drop what was made ahead, and wait for the rest."""
        self.drop(self.ahead.result())
        self.thread.shutdown()

    def _make(self) -> str:
        name = f"credit_test_{secrets.token_hex(6)}"
        order = f"CREATE DATABASE {name} TEMPLATE {self.template} STRATEGY FILE_COPY"
        asyncio.run(_admin(self.server_url, order))
        return name

    def _drop(self, name: str) -> None:
        with suppress(asyncpg.PostgresError, OSError):
            asyncio.run(_admin(self.server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def clones(server_url: str, template: str) -> Iterator[Clones]:
    """Where tests get their databases from."""
    made = Clones(server_url, template)
    yield made
    made.close()


@pytest.fixture
def database_url(clones: Clones) -> Iterator[str]:
    """A fresh migrated database of the test's own."""
    name = clones.take()
    yield _with_database(clones.server_url, name)
    clones.drop(name)


def _run(work) -> None:
    """Run in a loop of its own thread: fixtures may be set up while the session's loop runs."""
    import threading

    failure: list[BaseException] = []

    def target() -> None:
        try:
            asyncio.run(work)
        except Exception as error:  # noqa: BLE001 - handed on below
            failure.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh database with the cities 150200 and 410402."""
    async with Database(database_url, size_max=20) as database:
        yield database


@pytest.fixture(scope="session")
async def shared_db(server_url: str, template: str) -> AsyncIterator[Database]:
    """One database per worker for tests that roll back."""
    name = f"credit_shared_{secrets.token_hex(6)}"
    _run(_admin(server_url, f"CREATE DATABASE {name} TEMPLATE {template}"))
    async with Database(_with_database(server_url, name), size_max=4) as database:
        yield database
    _run(_admin(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture
async def conn(shared_db: Database) -> AsyncIterator[Connection]:
    """A connection in city 150200 inside a transaction that is rolled back after the test."""
    async with shared_db.city("150200") as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            yield connection
        finally:
            await transaction.rollback()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at noon in China on 2026-06-30 until a test moves it."""
    return FixedClock(datetime(2026, 6, 30, 4, 0, tzinfo=UTC))


@pytest.fixture
def lock_awaited():
    """What returns once sessions of a database wait for locks that others hold."""

    async def until(url: str, *, sessions: int = 1) -> None:
        conn = await asyncpg.connect(url)
        try:
            async with asyncio.timeout(10):
                while sessions > await conn.fetchval(
                    "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
                    " WHERE NOT granted AND datname = current_database()"
                ):
                    continue
        finally:
            await conn.close()

    return until


# As quick as argon2 can be: how slow it should be is not what tests are about.
PASSWORDS = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
PASSWORD = "一句好记的话2026"
ENTERPRISE = "91150200MA0000000C"
OTHER = "91150200MA0000001F"
ELSEWHERE = "91150200MA0000002J"


class World:
    """A small city 150200: two enterprises, three projects, people with keys, a sequencer."""

    def __init__(self, db: Database, clock: FixedClock, folder: Path) -> None:
        from credit.logs import Logs
        from credit.rules.loading import pack_of_city
        from credit.settings import Settings

        self.db, self.clock = db, clock
        self.settings = Settings(data_dir=folder)
        self.logs = Logs(self.settings)
        self.pack = pack_of_city("150200")
        self.vault = self.logs.vault("150200")
        self.keys, self.actors, self.api_keys = {}, {}, {}
        self.references = 0

    async def build(self) -> "World":
        from credit.access import service as access
        from credit.parties import service as parties

        people = {
            "officer": "association_officer",
            "reviewer": "association_reviewer",
            "city_authority": "city_officer",
            "bidder": "bidder",
            "administrator": "administrator",
            "auditor": "auditor",
            "enterprise": "enterprise_user",
            "competitor": "enterprise_user",
        }
        parties_of = {"enterprise": ENTERPRISE, "competitor": OTHER}
        async with self.db.transaction("150200") as conn:
            for name, role in people.items():
                belongs = None
                if name in parties_of:
                    belongs = await access.add_organisation(
                        conn, self.clock, kind="enterprise", name=name, party=parties_of[name]
                    )
                await self._add_person(conn, name, role, belongs)
            plan = await parties.plan_parties(conn, self.clock, _register())
            assert plan.faults == []
            await parties.apply_parties(conn, self.clock, self.vault, plan)
        for name, role in people.items():
            if role not in ("enterprise_user", "auditor"):
                await self.announce(name)
        self.sequencer = self.logs.sequencer(self.db, self.clock, "150200")
        return self

    async def hire(self, name, role, *, kind=None, division=None, organisation=None, party=None):
        """Add somebody with a key; of a kind of organisation, in one of its own unless named."""
        from credit.access import service as access

        async with self.db.transaction("150200") as conn:
            belongs = None
            if kind is not None:
                belongs = await access.add_organisation(
                    conn,
                    self.clock,
                    kind=kind,
                    name=organisation or f"{name}的单位",
                    division=division,
                    party=party,
                )
            actor = await self._add_person(conn, name, role, belongs)
        await self.announce(name)
        return actor

    async def announce(self, name):
        """Announce the key of somebody who came without one."""
        from credit.log import service as log

        actor = self.actors[name]
        async with self.db.transaction("150200") as conn:
            await log.announce_key(
                conn, self.clock, key=self.keys[name], holder=actor.person_id, role=actor.role
            )

    async def _add_person(self, conn, name, role, belongs):
        """Add a person with a password, a key nobody knows yet, and a machine's key."""
        from credit.access import service as access

        person = await access.add_person(
            conn,
            self.clock,
            self.vault,
            username=name,
            name=f"{name}的姓名",
            roles=[role],
            organisation_id=belongs,
        )
        await access.set_password(conn, self.clock, PASSWORDS, person, PASSWORD)
        self.actors[name] = await access.actor_named(conn, name)
        self.keys[name] = self.logs.person_key("150200", name)
        self.api_keys[name] = await access.issue_key(conn, self.clock, person_id=person, name=name)
        return self.actors[name]

    async def widen(self):
        """Add to the register: a second street with project XQ-4 of the enterprise, and district
        150204 with an enterprise (ELSEWHERE) that manages project XQ-5 there.
        """
        from credit.parties import service as parties

        async with self.db.transaction("150200") as conn:
            plan = await parties.plan_parties(conn, self.clock, _wider())
            assert plan.faults == []
            await parties.apply_parties(conn, self.clock, self.vault, plan)

    async def sequence(self) -> None:
        """Number everything that waits."""
        assert await self.sequencer.take_over()
        while await self.sequencer.sequence_batch():
            pass

    def body(self, code="note.registered", subject=("USCC", ENTERPRISE), **more):
        """A fact's body about the enterprise, under a reference of its own."""
        self.references += 1
        return {
            "type": code,
            "pack": self.pack.head.id,
            "primary": "enterprise",
            "subjects": [{"scheme": subject[0], "id": subject[1]}],
            "occurred_on": "2026-06-01",
            "reference": f"协字〔2026〕{self.references}号",
            "evidence": [],
            **more,
        }

    def draft(self, signers=("officer", "reviewer"), **more):
        """A fact signed by its proposer and, unless told otherwise, its decider."""
        from credit.events.signing import sign_event
        from credit.kit.ids import new_id

        keys = [self.keys[name] for name in signers]
        return sign_event(keys, new_id(self.clock.now()), self.body(**more))

    async def propose(self, *drafts):
        """Take drafts in as the officer.

        What has both signatures is effective afterwards: a bad fact that needs notice is noticed,
        acknowledged by its enterprise with all measures, and decided by its second signer.
        """
        from msgspec.structs import replace

        from credit.events import service

        rules = self.pack.on(self.clock.today())
        led = [one for one in drafts if len(one.sigs) == 2 and self._needs_notice(rules, one)]
        taken = [replace(one, sigs=one.sigs[:1]) if one in led else one for one in drafts]
        async with self.db.transaction("150200") as conn:
            states = await service.propose(
                conn, self.clock, self.actors["officer"], self.pack, taken
            )
            if not led:
                return states
            await self._acknowledge(conn, led)
            for name in self.keys:
                decisions = {
                    UUID(one.id): Decision("accepted", "属实", one.sigs[1])
                    for one in led
                    if one.sigs[1].kid == self.keys[name].kid
                }
                if decisions:
                    await service.decide(conn, self.clock, self.actors[name], decisions)
            return [await service.state_of(conn, UUID(one.id)) for one in drafts]

    def _needs_notice(self, rules, draft):
        from credit.events.course.logic import needs_notice

        event = rules.grader.events.get(getattr(draft.body, "type", ""))
        return event is not None and needs_notice(event, rules.procedure)

    async def _acknowledge(self, conn, drafts):
        """Give notice of facts, and have their enterprises acknowledge and rectify them."""
        from credit.events import service
        from credit.events.course.views import Answer

        ids = [UUID(one.id) for one in drafts]
        await service.notify(conn, self.clock, self.actors["officer"], self.pack, ids)
        users = {one.party: one for one in self.actors.values() if one.party}
        report = Answer("rectify", "已整改", [], "已纠正", "已预防")
        for one in drafts:
            user = users[one.body.subjects[0].id]
            for given in (report, Answer("acknowledge")):
                await service.answer(conn, self.clock, user, self.pack, {UUID(one.id): given})

    async def publish_grades(self, on=None):
        """Run and publish; returns the run."""
        from credit.grades import service
        from credit.log.service import sign_records

        await self.sequence()
        day = on or self.clock.today()
        async with self.db.transaction("150200") as conn:
            run = await service.run(conn, self.clock, self.actors["officer"], self.pack, day)
            bodies = await service.prepare_publication(conn, self.clock, self.pack, run.id)
            records = sign_records(self.keys["city_authority"], "grade", bodies, self.clock)
            await service.publish(
                conn, self.clock, self.actors["city_authority"], self.pack, run.id, records
            )
        await self.sequence()
        return run


def _project(number, enterprise, area, street="150203001"):
    from datetime import date

    return {
        "code": f"XQ-{number}",
        "name": f"第{number}小区",
        "kind": "老旧小区",
        "households": 300,
        "owners": 320,
        "area_m2": area,
        "street": street,
        "community": None,
        "enterprise": enterprise,
        "enterprise_since": date(2024, 1, 1),
        "manager": f"FZR-{number}",
        "manager_since": date(2024, 1, 1),
    }


def _enterprise(code, name, district="150203"):
    from datetime import date

    return {
        "code": code,
        "name": name,
        "kind": "company",
        "founded_on": date(2020, 1, 1),
        "district": district,
        "former_code": None,
    }


def _numbered(rows):
    return {name: list(enumerate(sheet, 2)) for name, sheet in rows.items()}


def _wider():
    rows = {
        "divisions": [
            {"code": "150203002", "level": "street", "name": "二街道", "parent": "150203"},
            {"code": "150204", "level": "district", "name": "青山区", "parent": None},
            {"code": "150204001", "level": "street", "name": "三街道", "parent": "150204"},
        ],
        "enterprises": [_enterprise(ELSEWHERE, "丙物业有限公司", "150204")],
        "managers": [{"code": f"FZR-{n}", "name": f"负责人{n}"} for n in (4, 5)],
        "projects": [
            _project(4, ENTERPRISE, 5000, "150203002"),
            _project(5, ELSEWHERE, 8000, "150204001"),
        ],
        "committees": [],
    }
    return _numbered(rows)


def _register():
    rows = {
        "divisions": [
            {"code": "150203", "level": "district", "name": "昆都仑区", "parent": None},
            {"code": "150203001", "level": "street", "name": "一街道", "parent": "150203"},
        ],
        "enterprises": [
            _enterprise(ENTERPRISE, "甲物业有限公司"),
            _enterprise(OTHER, "乙物业有限公司"),
        ],
        "managers": [{"code": f"FZR-{n}", "name": f"负责人{n}"} for n in (1, 2, 3)],
        "projects": [
            _project(1, ENTERPRISE, 30000),
            _project(2, ENTERPRISE, 10000),
            _project(3, OTHER, 20000),
        ],
        "committees": [],
    }
    return _numbered(rows)


@pytest.fixture
def build_world():
    """What builds the small city on any migrated database, clock and folder."""
    return lambda db, clock, folder: World(db, clock, folder).build()


@pytest.fixture
async def world(db: Database, clock: FixedClock, tmp_path: Path) -> AsyncIterator[World]:
    """A small city in a fresh database."""
    built = await World(db, clock, tmp_path).build()
    yield built
    await built.sequencer.drop()


@asynccontextmanager
async def running(app):
    """Start and stop an application in one task, as its task group asks.

    It shares the test's event loop, so requests sent at once are worked on at once, which
    Litestar's own test client does one after the other.
    """
    ready, over = asyncio.Event(), asyncio.Event()

    async def live():
        async with app.lifespan():
            ready.set()
            await over.wait()

    life = asyncio.create_task(live())
    await asyncio.wait(
        {life, asyncio.create_task(ready.wait())}, return_when=asyncio.FIRST_COMPLETED
    )
    if life.done():
        life.result()
    try:
        yield app
    finally:
        over.set()
        await life


@pytest.fixture
def run_app():
    """What runs an application within a test."""
    return running


class Browser(httpx.AsyncClient):
    """Somebody at a browser without script: follows links, keeps cookies, signs by hand."""

    def __init__(self, world: World, app, name: str) -> None:
        super().__init__(
            transport=httpx.ASGITransport(app, client=("203.0.113.7", 5000)),
            base_url="http://credit.test",
            follow_redirects=True,
            headers={"User-Agent": "tests", "Sec-Fetch-Site": "same-origin"},
        )
        self.world, self.name = world, name

    async def sign_in(self, **more) -> httpx.Response:
        """Sign in with the password everybody in the small city has."""
        fields = {"city": "150200", "username": self.name, "password": PASSWORD, **more}
        return await self.post("/login", data=fields)

    async def sign(self, page: httpx.Response, passkey=None, **changed) -> httpx.Response:
        """Sign what a signing page shows with the person's key, and send it on.

        `passkey` is one that approves it; `changed` are fields sent otherwise than they should be.
        """
        action, fields = await self.signed(page, passkey)
        return await self.post(action, data=fields | changed)

    async def signed(self, page: httpx.Response, passkey=None) -> tuple[str, dict[str, str]]:
        """Sign what a signing page shows; returns where that is sent, and what."""
        from credit.kit.signing import b64, unb64

        form = re.search(r'<form method="post" action="([^"]*)" data-sign([^>]*)>', page.text)
        assert form, page.text
        wanted = await self._to_sign(page, form[2])
        key = self.world.keys[self.name]
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="(.*?)"', page.text))
        fields = {name: html.unescape(value) for name, value in fields.items() if name != "next"}
        fields["kid"] = key.kid
        fields["signatures"] = " ".join(
            b64(key.sign(wanted["type"], unb64(one))) for one in wanted["payloads"]
        )
        if passkey is not None:
            fields["approval"] = await self.approve(passkey, fields["digest"])
        return html.unescape(form[1]), fields

    async def approve(self, passkey, digest: str, **changed) -> str:
        """Ask for an approval of a digest, and give it by a passkey."""
        asked = await self.post("/150200/account/approval", data={"digest": digest})
        return passkey.get(asked.json()["options"], **changed)

    async def _to_sign(self, page: httpx.Response, form: str) -> dict:
        """Return what there is to sign: from the page, or from where a batch is fetched."""
        elsewhere = re.search(r'data-payloads="([^"]*)"', form)
        if elsewhere is None:
            return json.loads(
                re.search(r"data-sign-payloads>(.*?)</script>", page.text, re.DOTALL)[1]
            )
        answer = await self.get(html.unescape(elsewhere[1]))
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()


@pytest.fixture(scope="session")
def routes(run_folder):
    """An application to lend out: to make one takes longer than most tests with it."""
    from credit.app import create_app
    from credit.settings import Settings

    settings = Settings(data_dir=run_folder, database_url=None)
    return create_app(settings, "postgresql://nowhere", background=False)


@pytest.fixture
async def app(routes, world):
    """The application over the small city, without background work."""
    from credit.app import make_state

    routes.state = make_state(world.settings, world.db.url, world.clock)
    routes.state.passwords = PASSWORDS
    async with running(routes):
        yield routes


@pytest.fixture
def statements(app, monkeypatch):
    """Every statement the application sends, in order; what begins and ends a transaction aside,
    as the bench counts them.
    """
    sent, lend = [], app.state.db.city

    def note(record):
        if record.query not in ("BEGIN;", "COMMIT;", "ROLLBACK;"):
            sent.append(record.query)

    @asynccontextmanager
    async def city(code):
        async with lend(code) as conn:
            with conn.query_logger(note):
                yield conn

    monkeypatch.setattr(app.state.db, "city", city)
    return sent


@pytest.fixture
async def browse(world, app):
    """What opens a browser for somebody, signed in; `browse(None)` is nobody's."""
    opened: list[Browser] = []

    async def open_(name: str | None = None) -> Browser:
        browser = Browser(world, app, name or "nobody")
        opened.append(browser)
        if name is not None:
            answer = await browser.sign_in()
            assert answer.status_code in (200, 404), answer.text
        return browser

    yield open_
    for one in opened:
        await one.aclose()


@pytest.fixture
def password():
    """The password everybody in the small city has."""
    return PASSWORD


@pytest.fixture(scope="session")
def fonts():
    """A Chinese font on this system; without one, what prints is skipped, and says so."""
    from credit.documents.compiler import FontMissing, check_fonts

    try:
        return check_fonts()
    except FontMissing as missing:
        pytest.skip(f"no Chinese font: {missing.detail}")
