"""The service as a process of its own, with an endpoint that does nothing beside its own ones."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import post
from litestar.params import JSONBody

from bench.stage import Stage
from bench.wire import PORT, wait_ready
from credit.earning.api.transfers import Made, MadeAll, NewTransfers

EMPTY = "/bench/empty"


@post(EMPTY, status_code=200)
async def empty(data: JSONBody[NewTransfers]) -> MadeAll:
    """Read a list of transfers and answer as if they were made: no key, no rights, no book."""
    return MadeAll([Made("posted", "1", None, "") for _ in data.items])


@asynccontextmanager
async def serving(stage: Stage) -> AsyncIterator[subprocess.Popen[bytes]]:
    """Start the service on a stage; it ends with the block."""
    environment = {
        **os.environ,
        "CREDIT_DATABASE_URL": stage.url,
        "CREDIT_DATA_DIR": str(stage.settings.data_dir),
        "CREDIT_PORT": str(PORT),
    }
    process = subprocess.Popen([sys.executable, "-m", "bench.serving"], env=environment)
    try:
        await wait_ready()
        yield process
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Serve as `credit serve` does."""
    from credit.app import create_app
    from credit.cli.serving import run
    from credit.kit.embedded import database_url
    from credit.settings import Settings

    settings = Settings()
    app = create_app(settings, database_url(settings))
    app.register(empty)
    run(app, settings)


if __name__ == "__main__":
    main()
