"""Every door, for every role: who is let in, who is sent to sign in, who is refused."""

import re
from pathlib import Path

import pytest

from credit.access.logic import SCOPES
from credit.access.views import Actor

LISTED = Path(__file__).parent / "routes.txt"
# What stands for a path's parameters: shaped as they should be, and nobody's.
SHAPED = {
    "number": "0",
    "city": "150200",
    "event_id": "01900000-0000-7000-8000-000000000000",
    "contract_id": "01900000-0000-7000-8000-000000000000",
    "act": "sign",
    "activity_id": "01900000-0000-7000-8000-000000000000",
    "participation_id": "01900000-0000-7000-8000-000000000000",
    "campaign": "01900000-0000-7000-8000-000000000000",
    "settlement": "01900000-0000-7000-8000-000000000000",
    "webhook": "01900000-0000-7000-8000-000000000000",
    "wallet": "W2345",
    "transfer": "1",
    "hold": "1",
    "duty_id": "01900000-0000-7000-8000-000000000000",
    "repair_id": "01900000-0000-7000-8000-000000000000",
    "suggestion_id": "01900000-0000-7000-8000-000000000000",
    "run_id": "01900000-0000-7000-8000-000000000000",
    "evaluation_id": "01900000-0000-7000-8000-000000000000",
    "entry_id": "01900000-0000-7000-8000-000000000000",
    "board_id": "01900000-0000-7000-8000-000000000000",
    "query_id": "01900000-0000-7000-8000-000000000000",
    "form": "json",
    "digest": "0" * 64,
    "code": "91150200MA0000000C",
    "kid": "k1:" + "0" * 32,
    "index": "0",
    "sheet": "A.2",
    "kind": "events",
    "person_id": "P-0000000000000000",
    "prefix": "ck_000000000",
    "token": "0" * 43,
    "credential_id": "00",
    "uscc": "91150200MA0000000C",
    "path": "x",
    "file_path": "style.css",
}
ROLES = {
    "officer": "association_officer",
    "reviewer": "association_reviewer",
    "city_authority": "city_officer",
    "bidder": "bidder",
    "administrator": "administrator",
    "auditor": "auditor",
    "enterprise": "enterprise_user",
}


def pages(app):
    """Yield (method, path template, handler) of what people look at."""
    for route in app.routes:
        if route.path.startswith(("/api/", "/log/", "/schema", "/health", "/metrics", "/static")):
            continue
        for handler in getattr(route, "route_handlers", []):
            for method in sorted(handler.http_methods - {"HEAD", "OPTIONS"}):
                yield method, route.path_format, handler


def address(template: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: SHAPED[match[1]], template)


def test_every_page_and_who_may_open_it_are_written_down(app):
    lines = sorted(
        f"{method} {template} {handler.opt.get('scope', 'public') or 'anybody signed in'}"
        + (" confirmed" if handler.opt.get("confirmed") else "")
        + (" personal" if handler.opt.get("personal") else "")
        for method, template, handler in pages(app)
    )
    assert lines == LISTED.read_text().splitlines()


async def test_nobody_is_sent_to_sign_in_and_nothing_else_is_shown(app, browse):
    stranger = await browse(None)
    stranger.follow_redirects = False
    for method, template, handler in pages(app):
        if "scope" not in handler.opt:
            continue
        answer = await stranger.request(method, address(template))
        assert answer.status_code == 303, (method, template)
        assert answer.headers["location"].startswith("/login?"), (method, template)
        assert answer.content == b""


@pytest.mark.parametrize("name", ROLES)
async def test_a_role_opens_its_own_doors_and_no_others(app, browse, name):
    browser = await browse(name)
    browser.follow_redirects = False
    for method, template, handler in pages(app):
        scope = handler.opt.get("scope")
        if not scope:
            continue
        answer = await browser.request(method, address(template))
        if scope in SCOPES[ROLES[name]]:
            refused = answer.status_code == 403 and "权限" in answer.text
            assert not refused, (method, template)
            assert answer.status_code < 500, (method, template, answer.text)
        else:
            assert answer.status_code == 403, (method, template)


async def test_somebody_of_another_city_is_nobody_here(app, browse):
    officer = await browse("officer")
    officer.follow_redirects = False
    answer = await officer.get("/410402/console/events")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?city=410402")


async def test_another_site_s_form_changes_nothing(app, browse):
    officer = await browse("officer")
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ):
        for method, template, _ in pages(app):
            if method != "GET":
                answer = await officer.request(method, address(template), headers=headers)
                assert answer.status_code == 403, (method, template)
    assert (await officer.get("/150200/account")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/a\r\nX: y",
        "javascript:alert(1)",
        "x",
    ],
)
async def test_signing_in_leads_to_this_site_alone(browse, path):
    browser = await browse(None)
    browser.follow_redirects = False
    browser.name = "officer"
    answer = await browser.sign_in(next=path)
    assert answer.headers["location"] == "/150200/console"


async def test_what_people_wrote_is_text_on_every_page(world, browse):
    hostile = "<script>alert(1)</script>\"'"
    browser = await browse("officer")
    for path in ("/150200/console/events", "/150200/enterprises"):
        answer = await browser.get(path, params={"q": hostile})
        assert "<script>alert" not in answer.text, path
    page = await browser.post("/150200/console/events/new", data={"subject": hostile})
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_pages_say_what_a_browser_may_do_with_them(browse):
    answer = await (await browse("officer")).get("/150200/account")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_actor_of_two_roles_may_what_either_may():
    from credit.access.logic import scopes_of

    roles = ("association_officer", "city_officer")
    actor = Actor("P-1", roles, None, scopes_of(roles))
    assert {"grades:run", "grades:publish"} <= actor.scopes
