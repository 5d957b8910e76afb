"""Signing in on the word of an identity provider: a real one, and everything it might get wrong."""

import base64
import hashlib
import html
import re
import subprocess
import sys
import warnings
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from pydantic import ValidationError

from credit.access.service.oidc import NoProvider, OpenIdProvider, subject_of
from credit.kit.clock import FixedClock, SystemClock
from credit.kit.errors import CreditError, Overloaded, Unauthenticated
from credit.settings import Settings

SITE = "http://credit.test"
REFUSED = "统一身份登录没有成功"
ACCOUNT = "/150200/account"


@pytest.fixture
def clock():
    """The hour it is at the provider, too."""
    return FixedClock(SystemClock().now())


PROVIDER = """
import sys
from oidc_provider_mock import run_server_in_thread
with run_server_in_thread() as server:
    print(server.server_port, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="session")
def issuer():
    """A provider that lets anybody be whoever they say, in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROVIDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield f"http://localhost:{process.stdout.readline().strip()}"
        process.stdin.close()


class Recorded(httpx.AsyncHTTPTransport):
    """Passes requests to the provider, keeps them, and replaces an answer where a test says so."""

    def __init__(self):
        super().__init__()
        self.requests, self.instead = [], {}

    async def handle_async_request(self, request):
        self.requests.append(request)
        for path, answer in self.instead.items():
            if request.url.path.endswith(path):
                return answer
        return await super().handle_async_request(request)


@pytest.fixture
def wire():
    return Recorded()


@pytest.fixture
def settings(issuer):
    return Settings(
        public_url=SITE,
        oidc_issuer=issuer,
        oidc_client_id="credit",
        oidc_client_secret="a secret: %",
    )


@pytest.fixture
def linked_app(app, settings, clock, wire):
    """The application with the provider."""
    app.state.identity_provider = OpenIdProvider(settings, clock, transport=wire)
    return app


class Walker(httpx.AsyncClient):
    """Somebody at a browser who goes wherever they are led, to the provider as well."""

    def __init__(self, app):
        ours = httpx.ASGITransport(app, client=("203.0.113.7", 5000))
        super().__init__(
            mounts={SITE: ours},
            base_url=SITE,
            follow_redirects=True,
            headers={"Sec-Fetch-Site": "same-origin"},
            trust_env=False,
        )

    async def depart(self, path="/login/oidc"):
        """Press the button; returns where the page leads."""
        page = await self.post(path, data={"city": "150200"})
        found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.text)
        assert found, page.text
        return html.unescape(found[1])

    async def as_(self, subject, address):
        """Say at the provider who one is, and follow it back."""
        return await self.post(address, data={"sub": subject})

    async def at_home(self):
        """Say whether somebody is signed in."""
        return "登录情况" in (await self.get(ACCOUNT)).text


@pytest.fixture
async def walk(linked_app, password):
    """What opens a browser; with a name, signed in by password."""
    opened = []

    async def open_(name=None):
        walker = Walker(linked_app)
        opened.append(walker)
        if name:
            fields = {"city": "150200", "username": name, "password": password}
            await walker.post("/login", data=fields)
        return walker

    yield open_
    for one in opened:
        await one.aclose()


async def link(walker, subject):
    return await walker.as_(subject, await walker.depart(f"{ACCOUNT}/identity/link"))


def changed(address, **query):
    parts = urlsplit(address)
    found = {name: values[0] for name, values in parse_qs(parts.query).items()} | query
    return urlunsplit(parts._replace(query=urlencode(found)))


async def test_who_was_linked_signs_in_and_who_was_unlinked_does_not(walk, world):
    officer, stranger = await walk("officer"), await walk()
    page = await link(officer, "zhang.san")
    assert "已绑定" in page.text
    assert page.url.path == ACCOUNT
    await stranger.as_("zhang.san", await stranger.depart())
    assert "officer的姓名" in (await stranger.get(ACCOUNT)).text
    page = await officer.post(f"{ACCOUNT}/identity/unlink")
    assert "已解除绑定" in page.text
    other = await walk()
    page = await other.as_("zhang.san", await other.depart())
    assert (page.status_code, REFUSED in page.text) == (401, True)
    assert not await other.at_home()
    async with world.db.city("150200") as conn:
        rows = await conn.fetch("SELECT action, status FROM trail WHERE action LIKE '%统一身份%'")
        seen = {tuple(row) for row in rows}
    assert {("绑定统一身份", 200), ("解除统一身份", 303)} <= seen


async def test_who_was_never_linked_or_has_left_is_refused_alike(walk, world):
    officer, stranger = await walk("officer"), await walk()
    unknown = await stranger.as_("nobody", await stranger.depart())
    await link(officer, "zhang.san")
    async with world.db.city("150200") as conn:
        await conn.execute("UPDATE person SET active = false WHERE username = 'officer'")
    left = await stranger.as_("zhang.san", await stranger.depart())
    assert unknown.status_code == left.status_code == 401
    assert unknown.text == left.text


async def test_the_request_is_of_one_use_and_proves_itself(walk, wire):
    address = await (await walk()).depart()
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert query["response_type"] == "code"
    assert query["scope"] == "openid"
    assert query["redirect_uri"] == f"{SITE}/login/oidc/callback"
    assert query["code_challenge_method"] == "S256"
    assert len(query["state"]) == len(query["nonce"]) == len(query["code_challenge"]) == 43
    again = parse_qs(urlsplit(await (await walk()).depart()).query)
    for name in ("state", "nonce", "code_challenge"):
        assert again[name][0] != query[name]


async def test_the_code_is_exchanged_with_the_verifier_and_the_secret(walk, wire):
    stranger = await walk()
    address = await stranger.depart()
    await stranger.as_("zhang.san", address)
    (request,) = [one for one in wire.requests if one.method == "POST"]
    form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    asked = parse_qs(urlsplit(address).query)["code_challenge"][0]
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked
    assert form["redirect_uri"] == f"{SITE}/login/oidc/callback"
    sent = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
    assert sent == "credit:a+secret%3A+%25"
    assert "secret" not in request.content.decode()


async def test_coming_back_a_second_time_is_refused(walk):
    officer, stranger = await walk("officer"), await walk()
    await link(officer, "zhang.san")
    address = await stranger.depart()
    cookie = stranger.cookies["credit_flow"]
    stranger.follow_redirects = False
    back = (await stranger.as_("zhang.san", address)).headers["location"]
    assert (await stranger.get(back)).headers["location"].startswith("/150200/")
    assert "credit_flow" not in stranger.cookies
    other = await walk()
    other.cookies.set("credit_flow", cookie, domain="credit.test", path="/login/oidc")
    page = await other.get(back)
    assert (page.status_code, REFUSED in page.text) == (401, True)


async def test_another_browser_does_not_come_back_in_the_first_one_s_place(walk):
    officer, stranger, victim = await walk("officer"), await walk(), await walk()
    await link(officer, "zhang.san")
    stranger.follow_redirects = False
    back = (await stranger.as_("zhang.san", await stranger.depart())).headers["location"]
    assert (await victim.get(back)).status_code == 401
    await victim.depart()  # a cookie of its own does not help
    assert (await victim.get(back)).status_code == 401
    assert not await victim.at_home()


async def test_coming_back_late_is_refused(walk, clock):
    stranger = await walk()
    address = await stranger.depart()
    clock.now_value += timedelta(minutes=10)
    assert (await stranger.as_("zhang.san", address)).status_code == 401


async def test_another_nonce_state_or_no_code_is_refused(walk, wire):
    officer = await walk("officer")
    await link(officer, "zhang.san")
    for forged in ({"nonce": "n" * 43}, {"state": "s" * 43}):
        stranger = await walk()
        page = await stranger.as_("zhang.san", changed(await stranger.depart(), **forged))
        assert (page.status_code, REFUSED in page.text) == (401, True), forged
    stranger = await walk()
    state = parse_qs(urlsplit(await stranger.depart()).query)["state"][0]
    page = await stranger.get("/login/oidc/callback", params={"state": state, "error": "denied"})
    assert (page.status_code, REFUSED in page.text) == (401, True)
    for query in ({}, {"state": state}, {"state": "x", "code": "y"}):
        assert (await stranger.get("/login/oidc/callback", params=query)).status_code == 401


async def test_a_token_for_another_service_is_refused(walk, wire, issuer):
    """The provider's own token, well signed and with our nonce, but for another client."""
    await link(await walk("officer"), "zhang.san")
    stranger = await walk()
    address = await stranger.depart()
    foreign = changed(address, client_id="other", redirect_uri="http://other.test/")
    async with httpx.AsyncClient(trust_env=False) as other:
        back = (await other.post(foreign, data={"sub": "zhang.san"})).headers["location"]
        form = {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(back).query)["code"][0],
            "redirect_uri": "http://other.test/",
        }
        tokens = await other.post(f"{issuer}/oauth2/token", data=form, auth=("other", "x"))
    assert "id_token" in tokens.json()
    wire.instead["/oauth2/token"] = httpx.Response(200, content=tokens.content)
    page = await stranger.as_("zhang.san", address)
    assert (page.status_code, REFUSED in page.text) == (401, True)


async def test_one_identity_opens_one_account_and_an_account_has_one(walk):
    officer, reviewer = await walk("officer"), await walk("reviewer")
    await link(officer, "zhang.san")
    page = await link(reviewer, "zhang.san")
    assert (page.status_code, "已绑定另一个账户" in page.text) == (409, True)
    page = await link(officer, "li.si")
    assert (page.status_code, "已经绑定了" in page.text) == (409, True)


async def test_linking_needs_the_person_who_set_out(walk, password, clock):
    officer = await walk("officer")
    address = await officer.depart(f"{ACCOUNT}/identity/link")
    fields = {"city": "150200", "username": "reviewer", "password": password}
    await officer.post("/login", data=fields)
    page = await officer.as_("zhang.san", address)
    assert (page.status_code, REFUSED in page.text) == (401, True)
    clock.now_value += timedelta(minutes=6)
    officer.follow_redirects = False
    for act in ("link", "unlink"):
        answer = await officer.post(f"{ACCOUNT}/identity/{act}")
        assert answer.headers["location"].startswith(f"{ACCOUNT}/confirm?")


async def test_a_provider_that_does_not_answer_as_it_should_is_not_believed(walk, wire, issuer):
    stranger = await walk()
    answers = {
        "an error": httpx.Response(500),
        "no JSON": httpx.Response(200, text="<html>"),
        "a list": httpx.Response(200, json=[]),
        "too long": httpx.Response(200, content=b" " * 300_000),
        "another issuer": httpx.Response(200, json={"issuer": "https://evil.example"}),
        "no address": httpx.Response(200, json={"issuer": issuer}),
        "a bad address": httpx.Response(
            200, json={"issuer": issuer, "authorization_endpoint": "javascript:alert(1)"}
        ),
    }
    for what, answer in answers.items():
        wire.instead["/openid-configuration"] = answer
        page = await stranger.post("/login/oidc", data={"city": "150200"})
        assert page.status_code in (401, 503), what
        assert "http-equiv" not in page.text, what


async def test_a_provider_that_cannot_be_reached_is_said_to_be(settings, clock):
    def fail(request):
        raise httpx.ConnectError("nobody there")

    provider = OpenIdProvider(settings, clock, transport=httpx.MockTransport(fail))
    with pytest.raises(Overloaded, match="暂时连不上"):
        await provider.address(state="s", nonce="n", verifier="v")


async def test_without_a_provider_there_is_no_button_and_no_door(app, browse):
    assert isinstance(app.state.identity_provider, NoProvider)
    officer = await browse("officer")
    assert "统一身份" not in (await officer.get("/login")).text
    assert "统一身份" not in (await officer.get(ACCOUNT)).text
    assert (await officer.post("/login/oidc")).status_code == 404
    assert (await officer.post(f"{ACCOUNT}/identity/link")).status_code == 404
    assert (await officer.get("/login/oidc/callback")).status_code == 401


@pytest.mark.parametrize(
    "given",
    [
        {"oidc_issuer": "https://id.example.cn"},
        {"oidc_client_id": "credit", "oidc_client_secret": "x"},
        {
            "oidc_issuer": "http://id.example.cn",
            "oidc_client_id": "credit",
            "oidc_client_secret": "x",
        },
    ],
)
def test_half_a_provider_or_an_unsafe_one_is_refused(given):
    with pytest.raises(ValidationError):
        Settings(**given)


NOW = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
RSA, OTHER = RSAKey.generate_key(2048, {"kid": "1"}), RSAKey.generate_key(2048, {"kid": "1"})
EC = ECKey.generate_key("P-256", {"kid": "2"})
KEYS = KeySet([RSA, EC]).as_dict()
GOOD = {
    "iss": "https://id.example.cn",
    "aud": "credit",
    "sub": "zhang.san",
    "nonce": "n",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 300,
}


def token(claims, key=RSA, algorithm="RS256", kid="1"):
    return jwt.encode({"alg": algorithm, "kid": kid}, claims, key, algorithms=[algorithm])


def subject(text, keys=KEYS):
    expected = {"issuer": GOOD["iss"], "audience": "credit", "nonce": "n", "now": NOW}
    return subject_of(text, keys, **expected)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"aud": ["credit"]},
        {"aud": ["credit", "other"], "azp": "credit"},
        {"exp": GOOD["iat"] - 59},
        {"iat": GOOD["iat"] + 60},
        {"more": {"of": ["other", "things"]}},
    ],
    ids=str,
)
def test_a_sound_token_names_its_subject(changed):
    assert subject(token(GOOD | changed)) == "zhang.san"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": []},
        {"aud": ["credit", "other"]},
        {"aud": ["credit", "other"], "azp": "other"},
        {"azp": "other"},
        {"nonce": "m"},
        {"nonce": ["n", "m"]},
        {"nonce": None},
        {"exp": GOOD["iat"] - 60},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": GOOD["iat"] + 61},
        {"iat": None},
        {"nbf": GOOD["iat"] + 61},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
        {"sub": "x" * 201},
    ],
    ids=str,
)
def test_a_token_that_is_not_quite_right_is_refused_like_any_other(changed):
    claims = {name: value for name, value in (GOOD | changed).items() if value is not None}
    with pytest.raises(Unauthenticated, match=REFUSED):
        subject(token(claims))


def test_a_token_is_signed_by_the_issuer_s_private_key():
    assert subject(token(GOOD, EC, "ES256", "2")) == "zhang.san"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that such keys are weak
        forged = [
            token(GOOD, OTHER),
            token(GOOD, kid="3"),
            token(GOOD, OctKey.import_key(KEYS["keys"][0]["n"]), "HS256"),
            token(GOOD, OctKey.import_key("secret"), "HS256"),
            token(GOOD)[:-4] + "AAAA",
        ]
    head, body, _ = token(GOOD).split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    forged += [f"{none}.{body}.", f"{head}.{body}.", "", "a.b.c", "ü", "." * 10_000, head]
    for one in forged:
        with pytest.raises(Unauthenticated, match=REFUSED):
            subject(one)


@pytest.mark.parametrize(
    "keys", [{}, {"keys": []}, {"keys": 7}, {"keys": [7]}, {"keys": [{"kty": "RSA"}]}], ids=str
)
def test_keys_that_are_none_are_a_refusal(keys):
    with pytest.raises(CreditError):
        subject(token(GOOD), keys)
