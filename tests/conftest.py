"""A PostgreSQL with a migrated template for the whole run, and cheap databases for each test.

`CREDIT_TEST_DATABASE_URL` runs the suite on another server (its role must be a superuser);
without it an embedded server is started in a folder of the run.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from filelock import FileLock

from credit.kit.clock import FixedClock
from credit.kit.db import Connection, Database
from credit.kit.embedded import start_embedded
from credit.kit.migrate import migrate

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


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def server_url(run_folder: Path) -> str:
    """The server every test database is made on."""
    given = os.environ.get("CREDIT_TEST_DATABASE_URL")  # noqa: TID251 - for tests alone
    if given:
        return given
    with FileLock(run_folder / "server.lock"):
        return start_embedded(run_folder)


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


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """A fresh migrated database of the test's own."""
    name = f"credit_test_{secrets.token_hex(6)}"
    with FileLock(Path(f"/tmp/{template}.clone.lock")):
        _run(_admin(server_url, f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield _with_database(server_url, name)
    with suppress(asyncpg.PostgresError):
        _run(_admin(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


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
