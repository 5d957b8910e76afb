"""The application in process, over the small world's database."""

import asyncio

import httpx
import pytest
import schemathesis

from credit.app import create_app


@pytest.fixture
async def client(world):
    """A client of the application; the world's sequencer numbers records when told to.

    It shares the test's event loop, so requests sent at once are worked on at once, which
    Litestar's own test client does one after the other.
    """
    app = create_app(world.settings, world.db.url, clock=world.clock, background=False)
    ready, over = asyncio.Event(), asyncio.Event()

    async def live():
        """Start and stop the application in one task, as its task group asks."""
        async with app.lifespan():
            ready.set()
            await over.wait()

    life = asyncio.create_task(live())
    await asyncio.wait(
        {life, asyncio.create_task(ready.wait())}, return_when=asyncio.FIRST_COMPLETED
    )
    document = schemathesis.openapi.from_dict(app.openapi_schema.to_schema())

    async def as_the_document_says(response):
        """Hold every answer of every test against the document."""
        await response.aread()
        request = response.request
        operation = document.find_operation_by_path(request.method, request.url.path)
        if operation is not None:
            operation.validate_response(response)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://credit.test",
        event_hooks={"response": [as_the_document_says]},
    ) as found:
        yield found
    over.set()
    await life
