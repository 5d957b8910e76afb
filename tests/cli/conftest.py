"""The command line in process, over the small world's database."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from credit.cli import main


@pytest.fixture
def credit(world):
    """Run a command as the operator of the machine does; returns what it printed."""

    async def run(*arguments, code=0):
        environment = {
            "CREDIT_DATABASE_URL": world.db.url,
            "CREDIT_DATA_DIR": str(world.settings.data_dir),
        }
        found = await asyncio.to_thread(
            CliRunner().invoke, main, [str(one) for one in arguments], env=environment
        )
        assert found.exit_code == code, (found.output, found.exception)
        return json.loads(found.stdout) if "--json" in arguments and code == 0 else found.output

    return run
