"""What every command shares: settings, an open database, the actor, output, progress."""

import asyncio
import gc
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import asyncpg
import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from credit.access.service import actor_named
from credit.access.views import Actor
from credit.kit.clock import Clock, SystemClock
from credit.kit.db import Database
from credit.kit.embedded import database_url
from credit.kit.errors import CreditError, Invalid, Overloaded
from credit.kit.vault import Vault
from credit.logs import Logs
from credit.settings import Settings

__all__ = [
    "Session",
    "acting",
    "answer",
    "city_option",
    "console",
    "json_option",
    "open_session",
    "out_option",
    "parse_id",
    "progress",
    "runs",
]

P = ParamSpec("P")
T = TypeVar("T")
FAULTS_SHOWN_MAX = 50

city_option = click.option(
    "--city", required=True, metavar="CODE", help="城市的行政区划代码，例如 150200。"
)
json_option = click.option("--json", "as_json_", is_flag=True, help="只输出一个 JSON 文档。")
out_option = click.option(
    "--out", required=True, metavar="FILE", help="写到哪个文件。",
    type=click.Path(dir_okay=False, path_type=Path),
)  # fmt: skip
console = Console(stderr=True)


@dataclass(frozen=True)
class Session:
    """An open database with what commands need beside it."""

    settings: Settings
    db: Database
    clock: Clock
    logs: Logs
    url: str

    def vault(self, city: str) -> Vault:
        """Return the city's vault of personal data."""
        return self.logs.vault(city)


@asynccontextmanager
async def open_session() -> AsyncIterator[Session]:
    """Open the configured database; starts the embedded one when none is configured."""
    settings = Settings()
    url = await asyncio.to_thread(database_url, settings)
    async with Database(url, size_max=settings.database_pool_max) as db:
        gc.freeze()  # what start-up made stays: the collector need not walk it again and again
        yield Session(settings, db, SystemClock(), Logs(settings), url)


async def acting(session: Session, city: str, username: str) -> Actor:
    """Return the person on whose behalf the operator of this machine acts."""
    async with session.db.city(city) as conn:
        return await actor_named(conn, username)


def runs(command: Callable[P, Awaitable[T]]) -> Callable[P, T]:
    """Run an asynchronous command; a refusal is printed with its faults and exits with 2.

    A lost database is told as such: whatever was not committed is not there, and everything the
    commands do can be done again.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        logging.getLogger("asyncpg.pool").setLevel(logging.CRITICAL)
        try:
            return asyncio.run(command(*args, **kwargs))  # type: ignore[arg-type]
        except CreditError as error:
            refusal = error
        except (
            BrokenPipeError
        ):  # whoever read our output has seen enough: no matter of the database
            raise
        except (
            asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError,
            ConnectionError,
        ):  # fmt: skip
            lost = "与数据库的连接中断，没有提交的内容都没有写入。请确认数据库恢复后，把命令再执行一次。"
            refusal = Overloaded(lost, slug="database-down")
        _report(refusal, as_json=bool(kwargs.get("as_json_")))
        raise SystemExit(2)

    return run


def _report(error: CreditError, *, as_json: bool) -> None:
    """Print a refusal: what happened and every fault, to standard error; as JSON when asked."""
    if as_json:
        faults = [{"field": one.field, "message": one.message} for one in error.errors]
        answer(True, {"error": error.slug, "detail": error.detail, "errors": faults})
    console.print(f"[red]{error.title}[/red]：{error.detail}", highlight=False)
    for fault in error.errors[:FAULTS_SHOWN_MAX]:
        console.print(f"  • {fault.field}　{fault.message}", highlight=False, markup=False)
    if len(error.errors) > FAULTS_SHOWN_MAX:
        console.print(f"  … 另有 {len(error.errors) - FAULTS_SHOWN_MAX} 处")


def parse_id(text: str, complaint: str) -> UUID:
    """Read an id given on the command line; the complaint says what it is not."""
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(f"“{text}”{complaint}") from None


def answer(as_json: bool, document: Any, *lines: str) -> None:
    """Print to standard output: one JSON document when asked for, else lines to read."""
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))
    for line in () if as_json else lines:
        click.echo(line)


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal, and nothing elsewhere; yields (done, total) updates."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
