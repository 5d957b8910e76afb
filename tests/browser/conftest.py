"""A real Chromium at the small city's pages: `open_as("officer")` is somebody signed in."""

import asyncio
import shutil
import socket

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright

ARGUMENTS = ["--no-sandbox"]  # the tests may be run by root
SERIOUS = ("serious", "critical")
WAIT_MS = 10_000


@pytest.fixture(scope="session")
async def chromium():
    """The system's Chromium, once per worker."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "the browser tests need Chromium: apt-get install chromium fonts-noto-cjk"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def site(world, app):
    """The address at which the application is served to real browsers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        address = f"http://localhost:{port}"
        app.state.settings = world.settings = world.settings.model_copy(
            update={"public_url": address}
        )
        config = uvicorn.Config(app, log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        listener.listen(64)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers nothing to wait for
            await asyncio.sleep(0)
        yield address
        server.should_exit = True
        await serving


@pytest.fixture
async def open_as(chromium, site, password):
    """What opens a browser of somebody's own, signed in there; None is a stranger.

    Whatever the page complains of in its console fails the test.
    """
    contexts, complaints = [], []

    def note(page, message):
        # A page that is itself a refusal is told apart by the test; what it loads must be there.
        own = message.location.get("url") == page.url
        if message.type == "error" and not own:
            complaints.append(message.text)

    async def open_(name=None, **options):
        context = await chromium.new_context(base_url=site, locale="zh-CN", **options)
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: note(page, message))
        if name is not None:
            await page.goto("/login")
            await page.select_option("[name=city]", "150200")
            await page.fill("[name=username]", name)
            await page.fill("[name=password]", password)
            await page.click("main form button:not([type=button])")
            await page.wait_for_url("**/150200/**")
        return page

    yield open_
    for context in contexts:
        await context.close()
    assert complaints == []


@pytest.fixture
def faults():
    """What returns the serious faults of accessibility that axe finds on a page."""

    async def find(page):
        found = await Axe().run(page)
        return [
            f"{page.url} {one['id']}: {one['help']} {one['nodes'][0]['html'][:120]}"
            for one in found.response["violations"]
            if one["impact"] in SERIOUS
        ]

    return find
