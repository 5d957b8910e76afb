"""The application in process, over the small world's database."""

import httpx
import pytest
import schemathesis
from tests.bank import bank

__all__ = ["bank", "client"]


@pytest.fixture
async def client(app):
    """A client of the application; the world's sequencer numbers records when told to."""
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
