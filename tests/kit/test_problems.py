"""Problem details: what happened, and what would be accepted instead."""

import asyncpg
import httpx
import pytest
from litestar import Litestar, get
from litestar.params import FromPath

from credit.kit.errors import Conflict
from credit.kit.problems import ProblemsPlugin
from credit.kit.texts import say


@get("/plain")
async def plain() -> None:
    raise Conflict(say("不行。请稍后。"))


@get("/explained")
async def explained() -> None:
    raise Conflict(
        say("不行。请改小。"), slug="insufficient", allowed={"amount_max": 35, "acts": []}
    )


LOST = {
    one.__name__: one
    for one in (
        asyncpg.ConnectionDoesNotExistError, asyncpg.AdminShutdownError, asyncpg.InterfaceError,
        asyncpg.InternalClientError, ConnectionResetError, TimeoutError,
    )
}  # fmt: skip


@get("/lost/{name:str}")
async def lost(name: FromPath[str]) -> None:
    raise LOST[name]("cut between two messages")


async def ask(path):
    app = Litestar([plain, explained, lost], plugins=[ProblemsPlugin(lambda *_: None)])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://a") as client,
    ):
        return await client.get(path)


async def test_a_refusal_says_what_would_be_allowed_where_that_is_known():
    answer = await ask("/explained")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:credit:problem:insufficient",
        "title": "当前状态不允许",
        "status": 409,
        "detail": "不行。请改小。",
        "errors": [],
        "allowed": {"amount_max": 35, "acts": []},
    }


async def test_where_nothing_is_known_nothing_is_said():
    assert "allowed" not in (await ask("/plain")).json()


async def test_the_document_of_the_interface_knows_it():
    schema = (await ask("/schema/openapi.json")).json()["components"]["schemas"]["Problem"]
    assert schema["properties"]["allowed"]["type"] == "object"
    assert "allowed" not in schema["required"]
    assert "additionalProperties" not in schema["properties"]["allowed"]


@pytest.mark.parametrize("name", LOST)
async def test_a_database_that_was_lost_is_no_mistake_of_the_service(name):
    answer = await ask(f"/lost/{name}")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:credit:problem:overloaded")
    assert answer.headers["retry-after"]
