"""What is kept about somebody: shown in short, taken away whole after a proof, never another's."""

from datetime import timedelta

import pytest

from credit.access.logic import SCOPES, home_of, scopes_of

CITY = "150200"
ACCOUNT, DATA = f"/{CITY}/account", f"/{CITY}/account/data.json"
HOME = {"merchant": "till", "resident": "wallet"}


@pytest.fixture
async def peopled(world):
    """The small city with a merchant's user, and a resident who belongs to nothing."""
    await world.hire("merchant", "merchant_user", kind="merchant", party="SH-0001")
    await world.hire("resident", "resident")
    return world


async def test_everything_kept_about_somebody_is_in_the_file_and_no_secret(peopled, browse, app):
    world = peopled
    browser = await browse("merchant")
    await browser.get(f"/{CITY}/enterprises")  # what anybody may see leaves no line
    answer = await browser.get(DATA)
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    person_id = world.actors["merchant"].person_id
    assert (found["person_id"], found["username"]) == (person_id, "merchant")
    assert (found["name"], found["roles"]) == ("merchant的姓名", ["merchant_user"])
    assert found["organisation"] == {
        "kind": "merchant", "name": "merchant的单位", "party": "SH-0001"
    }  # fmt: skip
    assert [one["here"] for one in found["sessions"]] == [True]
    assert [one["prefix"] for one in found["api_clients"]] == [world.api_keys["merchant"][:12]]
    assert [one["kid"] for one in found["signing_keys"]] == [world.keys["merchant"].kid]
    assert [one["action"] for one in found["trail"]["newest"]] == ["收款页", "登录"]
    assert found["trail"]["lines"] == 2
    async with world.db.city(CITY) as conn:
        hashed = await conn.fetchval(
            "SELECT password_hash FROM credential WHERE person_id = $1", person_id
        )
        line = await conn.fetchrow("SELECT * FROM trail ORDER BY id DESC LIMIT 1")
    for secret in (hashed, world.api_keys["merchant"], browser.cookies["credit_session"]):
        assert secret not in answer.text
        assert secret.rpartition(".")[2] not in answer.text
    assert (line["action"], line["personal"]) == ("下载我的个人信息", True)
    for name in ("officer", "administrator"):
        assert world.actors[name].person_id not in answer.text


async def test_the_file_asks_for_a_fresh_proof_and_the_page_leads_there_and_back(
    peopled, browse, password
):
    browser = await browse("resident")
    peopled.clock.now_value += timedelta(minutes=6)
    browser.follow_redirects = False
    answer = await browser.get(DATA)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{ACCOUNT}/confirm?")
    page = await browser.get(ACCOUNT)
    assert "先确认身份，再下载" in page.text
    assert f'href="{DATA}"' not in page.text
    fields = {"password": password, "next": f"{ACCOUNT}#data"}
    answer = await browser.post(f"{ACCOUNT}/confirm", data=fields)
    assert answer.headers["location"] == f"{ACCOUNT}#data"
    assert f'href="{DATA}"' in (await browser.get(ACCOUNT)).text
    assert (await browser.get(DATA)).json()["organisation"] is None


@pytest.mark.parametrize("name", ["merchant", "resident"])
async def test_every_link_of_the_account_page_leads_somewhere(peopled, browse, name):
    browser = await browse(name)
    page = await browser.get(ACCOUNT)
    assert page.status_code == 200
    assert "我的个人信息" in page.text
    assert ("SH-0001" in page.text) == (name == "merchant")
    links = {one for one in _links(page.text) if one.startswith("/") and "/static/" not in one}
    assert {f"/{CITY}/enterprises", f"/{CITY}/{HOME[name]}"} <= links
    for link in sorted(links):
        assert (await browser.get(link)).status_code == 200, link


async def test_signing_in_leads_a_merchant_to_the_till_before_it_is_admitted_too(peopled, browse):
    browser = await browse(None)
    browser.name = "merchant"
    page = await browser.sign_in()
    assert (page.status_code, page.url.path) == (200, f"/{CITY}/till")
    assert "您的商户还没有登记" in page.text
    assert 'name="code"' not in page.text
    assert f'href="/{CITY}/till/shop"' in page.text


async def test_what_an_erased_person_was_is_in_no_file_any_more(peopled, browse):
    world = peopled
    person_id = world.actors["resident"].person_id
    browser = await browse("resident")
    admin = await browse("administrator")
    await admin.post(f"/{CITY}/console/people/{person_id}/erase")
    assert (await browser.get(DATA)).url.path == "/login"


def test_every_role_s_first_page_is_one_that_exists():
    doors = {role: home_of(scopes_of([role])) for role in SCOPES}
    assert set(doors.values()) == {"console", "portal", "queries", "till", "wallet", "account"}
    assert (doors["bidder"], doors["merchant_user"], doors["resident"]) == (
        "queries", "till", "wallet"
    )  # fmt: skip
    assert [role for role, door in doors.items() if door == "account"] == ["partner"]


def _links(text):
    import re
    from html import unescape

    return [unescape(one) for one in re.findall(r'href="([^"#]+)', text)]
