"""Signing in by password: guesses cost time, sessions begin anew, run out, and end when told to."""

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from credit import background
from credit.access import jobs, logic, service, store
from credit.access.proofs import store as proofs
from credit.access.views import Seen
from credit.kit import passwords as kit_passwords
from credit.kit.clock import FixedClock, SystemClock
from credit.kit.errors import Unauthenticated
from credit.kit.jobs import JobContext
from credit.kit.passwords import Passwords

CITY = "150200"
ACCOUNT = f"/{CITY}/account"
COOKIE = "credit_session"
REFUSED = "用户名或密码不对，或者错了多次、暂时锁定。"
NEW = "另一句好记的话2027"


@pytest.fixture
def passwords(monkeypatch):
    """Passwords that are checked fast, and any number at once."""
    monkeypatch.setattr(kit_passwords, "WAITING_MAX", 1_000)
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


async def at_home(browser):
    return "登录情况" in (await browser.get(ACCOUNT)).text


def with_cookie(browser, value):
    browser.cookies.clear()
    browser.cookies.set(COOKIE, value, domain="credit.test")


async def failures(world):
    async with world.db.city(CITY) as conn:
        return (await store.credential(conn, "officer")).failures


async def test_a_cookie_planted_before_signing_in_is_worth_nothing_after(browse):
    attacker, victim = await browse("bidder"), await browse(None)
    for planted in (attacker.cookies[COOKIE], f"{CITY}.{'a' * 43}"):
        with_cookie(victim, planted)
        victim.name = "officer"
        await victim.sign_in()
        assert victim.cookies[COOKIE] != planted
        assert await at_home(victim)
        with_cookie(attacker, planted)
        assert not await at_home(attacker)


async def test_the_cookie_is_for_this_site_s_pages_alone(app, world, browse):
    browser = await browse(None)
    browser.name, browser.follow_redirects = "officer", False
    for address, secure in (("http://credit.test", False), ("https://credit.test", True)):
        app.state.settings = world.settings.model_copy(update={"public_url": address})
        cookie = (await browser.sign_in()).headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert ("secure" in cookie.split("; ")) == secure
        assert "domain=" not in cookie


async def test_a_session_runs_out_when_it_is_not_used(browse, world):
    browser = await browse("officer")
    for minutes, home in ((29, True), (29, True), (30, False), (0, False)):
        world.clock.now_value += timedelta(minutes=minutes)
        assert await at_home(browser) == home


async def test_a_session_runs_out_after_half_a_day_however_much_it_is_used(browse, world):
    browser = await browse("officer")
    for _ in range(35):
        world.clock.now_value += timedelta(minutes=20)
        assert await at_home(browser)
    world.clock.now_value += timedelta(minutes=20)
    assert not await at_home(browser)


async def test_signing_out_ends_the_session_and_not_only_the_cookie(browse):
    browser = await browse("officer")
    kept = browser.cookies[COOKIE]
    await browser.post("/logout")
    assert COOKIE not in browser.cookies
    with_cookie(browser, kept)
    assert not await at_home(browser)


async def test_a_session_of_one_city_is_none_of_another(browse):
    browser = await browse("officer")
    token = browser.cookies[COOKIE].partition(".")[2]
    for planted in (f"410402.{token}", f"999999.{token}", token, f"{CITY}.", "x" * 200):
        with_cookie(browser, planted)
        assert not await at_home(browser)
        assert "登录情况" not in (await browser.get("/410402/account")).text


async def test_people_end_their_other_sessions_and_nobody_else_s(browse):
    here, there, reviewer = (
        await browse("officer"),
        await browse("officer"),
        await browse("reviewer"),
    )
    name = logic.key_digest(reviewer.cookies[COOKIE].partition(".")[2]).hex()
    for session in (name, "zz", ""):
        await here.post(f"{ACCOUNT}/sessions/end", data={"session": session})
    assert await at_home(reviewer)
    assert await at_home(there)
    await here.post(f"{ACCOUNT}/sessions/end", data={"session": "others"})
    assert await at_home(here)
    assert not await at_home(there)
    assert await at_home(reviewer)


async def test_one_session_is_ended_by_its_button(browse):
    here, there = await browse("officer"), await browse("officer")
    page = (await here.get(ACCOUNT)).text
    (name,) = [one.split('"')[0] for one in page.split('name="session" value="')[1:]][:1]
    await here.post(f"{ACCOUNT}/sessions/end", data={"session": name})
    assert not await at_home(there)
    assert await at_home(here)


async def test_a_new_password_ends_every_session_and_begins_one(browse, password):
    here, there = await browse("officer"), await browse("officer")
    kept = here.cookies[COOKIE]
    fields = {"old": password, "new": NEW, "again": NEW}
    for changed, said in (
        ({"old": "falsch" * 3}, REFUSED),
        ({"again": NEW + "x"}, "两次输入的新密码不一样"),
        ({"new": "kurz", "again": "kurz"}, "密码应有 10 到 128 个字符"),
        ({"new": "x officer 2026", "again": "x officer 2026"}, "太容易猜"),
    ):
        page = await here.post(f"{ACCOUNT}/password", data=fields | changed)
        assert said in page.text
    assert await at_home(there)
    page = await here.post(f"{ACCOUNT}/password", data=fields)
    assert "密码已改" in page.text
    assert here.cookies[COOKIE] != kept
    assert not await at_home(there)
    with_cookie(there, kept)
    assert not await at_home(there)
    assert (await there.sign_in()).status_code == 401
    await there.sign_in(password=NEW)
    assert await at_home(there)


async def test_who_has_left_is_signed_out_at_once(browse, world):
    browser = await browse("officer")
    async with world.db.city(CITY) as conn:
        await conn.execute("UPDATE person SET active = false WHERE username = 'officer'")
    assert not await at_home(browser)
    assert (await browser.sign_in()).status_code == 401


async def test_each_miss_after_the_fourth_costs_twice_the_wait(world, passwords, password):
    async def guess(text):
        await service.sign_in(world.db, world.clock, passwords, CITY, "officer", text)

    for _ in range(4):
        with pytest.raises(Unauthenticated):
            await guess("falsch")
    await guess(password)  # four misses cost nothing, and are forgotten
    assert await failures(world) == 0
    for _ in range(4):
        with pytest.raises(Unauthenticated):
            await guess("falsch")
    for seconds in (15, 30, 60, 120, 240, 480, 900, 900):
        with pytest.raises(Unauthenticated):
            await guess("falsch")
        for early in (0, seconds - 1):
            world.clock.now_value += timedelta(seconds=early)
            with pytest.raises(Unauthenticated):
                await guess(password)
        world.clock.now_value += timedelta(seconds=1)
    await guess(password)
    assert await failures(world) == 0


async def test_of_two_hundred_guesses_at_once_none_escapes_the_lock(world, passwords, password):
    async def guess(text):
        try:
            return await service.sign_in(world.db, world.clock, passwords, CITY, "officer", text)
        except Unauthenticated:
            return None

    guesses = [f"falsch {number}" for number in range(200)]
    assert await asyncio.gather(*map(guess, guesses)) == [None] * 200
    assert await failures(world) == 5  # the fifth locked the account for all that came after
    assert await guess(password) is None
    world.clock.now_value += timedelta(seconds=15)
    assert await guess(password)
    # The right one hidden among wrong ones is found only if it comes before the fifth miss.
    found = await asyncio.gather(*map(guess, [*guesses[:100], password, *guesses[100:]]))
    assert found == [None] * 201


async def test_misses_noted_at_once_are_all_counted(world):
    async def miss():
        async with world.db.city(CITY) as conn:
            await store.note_failure(conn, world.actors["officer"].person_id)

    await asyncio.gather(*(miss() for _ in range(200)))
    assert await failures(world) == 200


async def test_a_password_changed_while_it_was_checked_opens_nothing(world, passwords, password):
    class Slow(Passwords):
        async def check(self, given, kept):
            fits = await super().check(given, kept)
            async with world.db.transaction(CITY) as conn:
                person_id = world.actors["officer"].person_id
                await service.set_password(conn, world.clock, self, person_id, NEW)
            return fits

    slow = Slow(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    with pytest.raises(Unauthenticated):
        await service.sign_in(world.db, world.clock, slow, CITY, "officer", password)


async def test_a_guess_learns_nothing_of_which_users_there_are(
    world, app, browse, password, monkeypatch
):
    checked = []
    verify = PasswordHasher.verify

    def spy(hasher, kept, given):
        checked.append(kept.split("$")[1:4])
        return verify(hasher, kept, given)

    monkeypatch.setattr(PasswordHasher, "verify", spy)
    async with world.db.city(CITY) as conn:
        await conn.execute("UPDATE person SET active = false WHERE username = 'bidder'")
        person = world.actors["auditor"].person_id
        await store.lock_credential(conn, person, world.clock.now() + timedelta(minutes=9))
    browser = await browse(None)
    pages = []
    for name, given in (
        ("nobody", password),
        ("officer", "falsch"),
        ("bidder", password),
        ("auditor", password),
        ("' OR true --", "x" * 999),
    ):
        fields = {"city": CITY, "username": name, "password": given}
        page = await browser.post("/login", data=fields)
        assert page.status_code == 401
        pages.append(page.text.replace(name, "?").replace("&#39; OR true --", "?"))
    assert len(set(pages)) == 1
    assert REFUSED in pages[0]
    # Each was weighed once, and all by the same measure of work.
    assert len(checked) == 5
    assert len({tuple(one) for one in checked}) == 1


async def test_signing_in_leaves_a_line_and_a_refusal_one_without_a_name(browse, world):
    browser = await browse("officer")
    await browser.post("/login", data={"username": "officer", "password": "falsch"})
    async with world.db.city(CITY) as conn:
        rows = await conn.fetch(
            "SELECT person_id, status, host(address::inet) FROM trail WHERE action = '登录'"
            " ORDER BY id"
        )
    person = world.actors["officer"].person_id
    assert [tuple(row) for row in rows] == [
        (person, 303, "203.0.113.7"),
        (None, 401, "203.0.113.7"),
    ]


async def test_what_has_run_out_is_forgotten_and_nothing_else(world):
    async with world.db.transaction(CITY) as conn:
        person = world.actors["officer"].person_id
        now = world.clock.now()
        for hours, name in ((13, b"old"), (1, b"idle"), (0, b"live")):
            at = now - timedelta(hours=hours)
            await store.add_session(conn, name, person, agent="", now=at)
        await store.touch_session(conn, b"old", now)
        for minutes, name in ((0, b"late"), (1, b"open")):
            await proofs.add_challenge(
                conn,
                name,
                "passkey",
                person_id=None,
                content=b"",
                expires_at=now + timedelta(minutes=minutes),
            )
    await jobs.purge_sessions(JobContext(world.db, world.clock, CITY))
    async with world.db.city(CITY) as conn:
        kept = await conn.fetch("SELECT digest FROM web_session UNION SELECT digest FROM challenge")
    assert {row["digest"] for row in kept} == {b"live", b"open"}


async def test_lines_of_the_trail_are_forgotten_after_half_a_year_or_three_years(world):
    today = SystemClock().now()
    async with world.db.city(CITY) as conn:
        for days, personal in ((180, False), (190, False), (1000, True), (1100, True)):
            seen = Seen(f"{days} {personal}", personal=personal)
            at = FixedClock(today - timedelta(days=days))
            await service.note_trail(conn, at, seen, status=200, address=None)
        await jobs.purge_trail(JobContext(world.db, world.clock, CITY))
        kept = [row["action"] for row in await conn.fetch("SELECT action FROM trail ORDER BY id")]
    assert kept == ["180 False", "1000 True"]


def test_the_worker_forgets_by_itself():
    crons = {task.name: task.cron for task in background.tasks(None)}
    assert crons["access.purge_sessions"] == "*/10 * * * *"
    assert crons["access.purge_trail"] == "41 19 * * *"


EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 Chrome/131 Safari/537.36 Edg/131"
WECHAT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148 MicroMessenger/8.0"
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/17.5 Safari/605"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (EDGE, "Edge · Windows"),
        (WECHAT, "微信 · iPhone"),
        (SAFARI, "Safari · macOS"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0", "Firefox · Linux"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/126.0 Mobile", "Chrome · Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("x" * 200, "x" * 80),
        ("", ""),
    ],
)
def test_browsers_are_called_by_their_names(agent, name):
    assert logic.browser_name(agent) == name
