"""The application in process, over the small world's database."""

import pytest
from litestar.testing import AsyncTestClient

from credit.app import create_app


@pytest.fixture
async def client(world):
    """A client of the application; the world's sequencer numbers records when told to."""
    app = create_app(world.settings, world.db.url, clock=world.clock, background=False)
    async with AsyncTestClient(app) as found:
        yield found
