"""Passkeys in a real browser, with an authenticator of its own."""

from datetime import timedelta

import pytest

pytestmark = pytest.mark.browser
ACCOUNT = "/150200/account"
OPTIONS = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Authenticator:
    """What a laptop has built in; `touch(False)` lets it wait for its owner."""

    def __init__(self, session, name):
        self._session, self._name = session, name

    async def touch(self, on):
        await self._tell("setAutomaticPresenceSimulation", enabled=on)

    async def verify(self, on):
        await self._tell("setUserVerified", isUserVerified=on)

    async def passkeys(self):
        return (await self._tell("getCredentials"))["credentials"]

    async def _tell(self, what, **more):
        return await self._session.send(f"WebAuthn.{what}", {"authenticatorId": self._name, **more})


@pytest.fixture
def authenticator():
    """What builds an authenticator into the browser of a page."""

    async def build(page):
        session = await page.context.new_cdp_session(page)
        await session.send("WebAuthn.enable", {"enableUI": False})
        made = await session.send("WebAuthn.addVirtualAuthenticator", {"options": OPTIONS})
        return Authenticator(session, made["authenticatorId"])

    return build


async def add(page, name):
    await page.goto(f"{ACCOUNT}/passkeys/new")
    await page.fill("[name=name]", name)
    await page.click("text='添加'")
    await page.wait_for_selector("text=通行密钥已添加")


async def sign_out(page):
    await page.click("text=退出")
    await page.wait_for_selector("h1:has-text('登录')")


async def test_a_passkey_is_made_signs_in_and_confirms(world, open_as, authenticator, faults):
    page = await open_as("officer")
    device = await authenticator(page)
    await page.goto(f"{ACCOUNT}/passkeys/new")
    assert await faults(page) == []
    await add(page, "办公室电脑")
    assert await faults(page) == []
    (made,) = await device.passkeys()
    assert made["isResidentCredential"]
    assert made["userName"] == "officer · 包头市"
    await device.touch(False)
    await sign_out(page)
    assert await faults(page) == []
    await device.touch(True)
    await page.click("text=用通行密钥登录")
    await page.wait_for_selector("text=officer的姓名")
    world.clock.now_value += timedelta(minutes=6)
    await page.goto(f"{ACCOUNT}/passkeys/new")
    await page.click("text=用通行密钥确认")
    await page.wait_for_url(f"**{ACCOUNT}/passkeys/new")
    await page.goto(ACCOUNT)
    await page.click("table >> text=删除")
    await page.click("button >> text='删除'")
    await page.wait_for_selector("text=通行密钥已删除")


async def test_a_passkey_is_offered_among_the_user_names(open_as, authenticator):
    page = await open_as("officer")
    device = await authenticator(page)
    await add(page, "我的手机")
    await device.touch(False)
    await sign_out(page)
    await device.touch(True)
    await page.reload()  # the device answers what the page asks by itself
    await page.wait_for_selector("text=officer的姓名")


async def test_who_is_not_recognised_by_the_device_is_told(open_as, authenticator, password):
    page = await open_as("officer")
    device = await authenticator(page)
    await add(page, "办公室电脑")
    await page.goto(f"{ACCOUNT}/passkeys/new")
    await page.click("text='添加'")
    await page.wait_for_selector("text=这台设备上已有您的通行密钥")
    await device.verify(False)
    await sign_out(page)
    await page.click("text=用通行密钥登录")
    await page.wait_for_selector("text=通行密钥没有完成")
    await page.fill("[name=username]", "officer")
    await page.fill("[name=password]", password)
    await page.click("button:text-is('登录')")
    await page.wait_for_selector("text=officer的姓名")


async def test_without_script_there_is_the_password(open_as):
    page = await open_as("officer", java_script_enabled=False)
    await page.goto(f"{ACCOUNT}/passkeys/new")
    await page.wait_for_selector("text=这个浏览器不支持通行密钥")
    assert not await page.is_visible("[name=name]")
    await page.goto("/login")
    assert not await page.is_visible("text=用通行密钥登录")


async def test_what_somebody_with_a_passkey_signs_is_approved_by_it(
    world, open_as, authenticator, faults
):
    """Two events wait; the reviewer's key is announced and signs with the passkey's approval."""
    states = await world.propose(*(world.draft(signers=("officer",)) for _ in range(2)))
    page = await open_as("reviewer")
    device = await authenticator(page)
    await add(page, "办公室电脑")
    await device.verify(False)  # the device does not know who is there
    await page.goto(f"{ACCOUNT}/keys")
    await page.click("text=在这个浏览器生成密钥并登记")
    await page.wait_for_selector("text=没有登记新的密钥")
    await page.evaluate("delete PublicKeyCredential.parseRequestOptionsFromJSON")
    await page.click("text=在这个浏览器生成密钥并登记")
    await page.wait_for_selector("text=这个浏览器不支持通行密钥，没有提交任何内容")
    await page.reload()
    await device.verify(True)
    await page.click("text=在这个浏览器生成密钥并登记")
    await page.wait_for_selector("text=签名密钥已登记")
    await page.goto("/150200/console/events?status=proposed")
    for one in await page.query_selector_all("main [name=events]"):
        await one.check()
    await page.click("text=认定并签名")
    await page.wait_for_selector("text=要签内容的摘要")
    await device.verify(False)
    await page.click("text=签名并提交")
    await page.wait_for_selector("text=通行密钥没有确认，没有提交任何内容")
    assert await faults(page) == []
    async with world.db.city("150200") as conn:
        assert await conn.fetchval("SELECT count(*) FROM event_decision") == 0
    before = (await device.passkeys())[0]["signCount"]
    await device.verify(True)
    await page.click("text=签名并提交")
    await page.wait_for_selector(f"text=已接受 {len(states)} 条事件")
    assert (await device.passkeys())[0]["signCount"] == before + 1  # one touch for both
    await world.sequence()
    async with world.db.city("150200") as conn:
        assert await conn.fetchval("SELECT count(*) FROM event_decision") == len(states)
        assert await conn.fetchval("SELECT count(*) FROM challenge") <= 4  # those given up
