"""The merchants' client over real connections, which break: nothing is lost, nothing done twice."""

import json
import re
import secrets
import socket
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.market.till import CITY, CODE, KEY, http_date, serving

from credit.access.service.signatures import SignedRequest, signed_digest
from credit.client import Merchant, NotVerifiedError, Problem, UnreachableError, verify_webhook
from credit.client.calls import ANSWER_BYTES_MAX, ATTEMPTS_MAX
from credit.client.merchant import PAGES_MAX
from credit.kit.clock import SystemClock
from credit.market.logic.settlements import Line, Statement, body_of, digest_of
from credit.market.logic.webhooks import envelope, make_secret, sign

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "merchant.py"
BREAKS = ["cut before", "cut after", "cut within", "503", "503 1", "429 1", "502", "504"]
NOW = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
NOBODY = "999"


@pytest.fixture
def till():
    """The service with its address, a client of it, and the pauses that one made."""
    with serving() as (service, address):
        pauses = []
        with Merchant(address, CITY, KEY, pause=pauses.append) as merchant:
            merchant.pauses, merchant.address = pauses, address
            yield service, merchant


def keys_of(service):
    return [headers.get("Idempotency-Key") for _, _, headers, _ in service.requests]


def test_a_redemption_from_the_code_to_the_last_refund(till):
    service, merchant = till
    held = merchant.authorize("012 345-6789", 60, "小票 1", 7)
    assert (held.status, held.amount, held.offer) == ("authorized", 60, "7")
    assert (held.reference, held.acts) == ("小票 1", ("capture", "void"))
    assert held.expires_at == datetime(2026, 6, 30, 4, 15, tzinfo=UTC)
    taken = merchant.capture(held, 50)
    assert (taken.status, taken.captured, taken.refundable) == ("captured", 50, 50)
    some = merchant.refund(taken.id, 20)
    assert (some.status, some.refunded, some.refundable) == ("captured", 20, 30)
    assert merchant.get(held) == some
    assert merchant.refund(some).status == "refunded"
    assert [act for act, _ in service.done] == ["authorize", "capture", "refund", "refund"]
    assert service.done[-1] == ("refund", {})
    method, path, headers, body = service.requests[0]
    assert (method, path) == ("POST", f"/api/v1/{CITY}/redemptions")
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert json.loads(body) == {"code": CODE, "amount": 60, "reference": "小票 1", "offer": "7"}


def test_what_is_held_can_be_given_back(till):
    service, merchant = till
    assert merchant.void(merchant.authorize(CODE, 60, "1")).status == "voided"
    assert "offer" not in service.done[0][1]


def test_each_call_has_a_key_of_its_own_and_asking_has_none(till):
    service, merchant = till
    held = merchant.authorize(CODE, 60, "1")
    merchant.capture(held)
    merchant.refund(held, 5)
    merchant.refund(held, 5)
    merchant.get(held)
    keys = keys_of(service)
    assert len(set(keys)) == 5
    assert keys[-1] is None
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in keys[:-1])
    assert service.redemptions[held.id]["refunded"] == 10


@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize("act", ["authorize", "capture", "void", "refund", "get"])
def test_whatever_breaks_the_same_call_goes_again_under_the_same_key(till, act, fault):
    service, merchant = till
    held = None if act == "authorize" else merchant.authorize(CODE, 60, "1")
    if act == "refund":
        merchant.capture(held)
    service.requests.clear()
    service.done.clear()
    service.plan = [fault]
    found = merchant.authorize(CODE, 60, "1") if held is None else getattr(merchant, act)(held)
    assert found.id in service.redemptions
    first, second = service.requests
    assert first == second
    assert [done for done, _ in service.done] == ([] if act == "get" else [act])
    assert len(merchant.pauses) == 1
    assert merchant.pauses[0] >= (1 if fault.endswith(" 1") else 0.1)


def test_pauses_grow_and_differ_from_till_to_till(till):
    service, merchant = till
    service.plan = ["503"] * (ATTEMPTS_MAX - 1)
    merchant.authorize(CODE, 60, "1")
    assert len(set(keys_of(service))) == 1
    for pause, longest in zip(merchant.pauses, [0.2, 0.4, 0.8, 1.6, 3.2, 5, 5], strict=True):
        assert longest / 2 <= pause <= longest
    assert len({pause / 0.2 for pause in merchant.pauses}) > 3


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=30)
@given(st.lists(st.sampled_from([*BREAKS, None]), max_size=2 * ATTEMPTS_MAX))
def test_whatever_goes_wrong_in_whatever_order_points_are_held_once(till, plan):
    service, merchant = till
    service.plan, service.used, service.available = list(plan), set(), 100
    service.done.clear()
    key, silences = secrets.token_hex(8), set()
    for _ in range(4):  # whoever gets no answer asks again, under the same key
        try:
            held = merchant.authorize(CODE, 60, "1", idempotency_key=key)
            break
        except (UnreachableError, Problem) as silent:
            silences.add((silent.idempotency_key, silent.retryable))
    assert silences <= {(key, True)}
    assert held.status == "authorized"
    assert len(service.done) == 1
    assert service.available == 40


def test_who_gets_no_answer_at_all_is_told_the_key_to_find_out_with(till):
    service, merchant = till
    service.plan = ["cut after"] + ["cut before"] * (ATTEMPTS_MAX - 1)
    with pytest.raises(UnreachableError) as silent:
        merchant.authorize(CODE, 60, "1")
    assert len(service.requests) == ATTEMPTS_MAX
    assert len(service.done) == 1  # it was carried out, which nobody could know
    found = merchant.authorize(CODE, 60, "1", idempotency_key=silent.value.idempotency_key)
    assert found.status == "authorized"
    assert len(service.done) == 1


def test_a_server_that_stays_busy_is_not_asked_for_ever(till):
    service, merchant = till
    service.plan = ["503"] * 100
    with pytest.raises(Problem) as refused:
        merchant.authorize(CODE, 60, "1")
    assert (refused.value.status, refused.value.slug) == (503, "overloaded")
    assert refused.value.retryable
    assert refused.value.idempotency_key in keys_of(service)
    assert len(service.requests) == ATTEMPTS_MAX


@pytest.mark.parametrize("asked", ["3600", "99999999999999999999", "tomorrow"])
def test_nobody_at_a_till_waits_an_hour(till, asked):
    service, merchant = till
    service.plan = [
        f"503 {asked if asked != 'tomorrow' else http_date(SystemClock().now() + timedelta(days=1))}"
    ]
    with pytest.raises(Problem):
        merchant.authorize(CODE, 60, "1")
    assert merchant.pauses == []
    assert service.done == []


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("4", 4, 4), (http_date(LONG_AGO), 0.1, 0.2), ("soon", 0.1, 0.2),
        ("-5", 0.1, 0.2), ("１", 0.1, 0.2), ("1e9", 0.1, 0.2),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date_and_whatever_else_is_none(till, asked, least, most):
    service, merchant = till
    service.plan = [f"429 {asked}".encode().decode("latin-1")]
    merchant.authorize(CODE, 60, "1")
    assert least <= merchant.pauses[0] <= most


def test_a_date_is_waited_for(till):
    service, merchant = till
    service.plan = [f"503 {http_date(SystemClock().now() + timedelta(seconds=10))}"]
    merchant.authorize(CODE, 60, "1")
    assert 5 < merchant.pauses[0] <= 10


def test_patience_is_measured_over_the_whole_call():
    with serving() as (service, address):
        service.plan = ["503"] * 100
        with Merchant(address, CITY, KEY, patience=0.5) as merchant:
            begun = time.monotonic()
            with pytest.raises(Problem):
                merchant.authorize(CODE, 60, "1")
            assert time.monotonic() - begun < 5
        assert 1 <= len(service.requests) < ATTEMPTS_MAX


@pytest.mark.parametrize("listening", [True, False])
def test_nobody_there_or_nobody_who_answers_is_no_answer(listening):
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        if listening:
            place.listen()
        address = f"http://127.0.0.1:{place.getsockname()[1]}"
        with Merchant(address, CITY, KEY, patience=0.2, timeout=0.1) as merchant:
            with pytest.raises(UnreachableError) as silent:
                merchant.authorize(CODE, 60, "1")
            assert silent.value.idempotency_key


def test_a_refusal_says_what_would_be_allowed_and_is_not_asked_again(till):
    service, merchant = till
    with pytest.raises(Problem) as refused:
        merchant.authorize(CODE, 160, "1")
    problem = refused.value
    assert (problem.status, problem.slug) == (409, "insufficient")
    assert problem.allowed == {"amount_min": 1, "amount_max": 100}
    assert "最多可以用 100 积分" in problem.detail
    assert not problem.retryable
    assert len(service.requests) == 1
    assert merchant.authorize(CODE, problem.allowed["amount_max"], "1").amount == 100


@pytest.mark.parametrize(
    ("call", "status", "slug"),
    [
        (lambda m, held: m.authorize("other", 1, "2"), 409, "unknown-code"),
        (lambda m, held: m.authorize(CODE, 1, "2"), 409, "code-used"),
        (lambda m, held: m.capture(held, 61), 409, "above-hold"),
        (lambda m, held: m.capture(NOBODY), 404, "unknown-redemption"),
        (lambda m, held: m.get(NOBODY), 404, "not-found"),
        (lambda m, held: m.refund(held), 409, "above-captured"),
        (lambda m, held: (m.void(held, idempotency_key="k"), m.capture(held, idempotency_key="k")),
            422, "idempotency-key-reused"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_apart(till, call, status, slug):
    _, merchant = till
    held = merchant.authorize(CODE, 60, "1")
    with pytest.raises(Problem) as refused:
        call(merchant, held)
    assert (refused.value.status, refused.value.slug) == (status, slug)
    assert merchant.pauses == []


def test_another_key_is_refused_and_shown_nowhere(till):
    _, merchant = till
    other = KEY[::-1]
    with (
        Merchant(merchant.address, CITY, other) as stranger,
        pytest.raises(Problem) as refused,
    ):
        stranger.authorize(CODE, 1, "1")
    assert (refused.value.status, refused.value.slug) == (401, "unauthenticated")
    assert other not in f"{refused.value!r} {vars(refused.value)} {stranger!r}"


def test_an_answer_that_is_none_of_the_service_is_said_to_be_so(till):
    service, merchant = till
    service.plan = ["no JSON", "500", "301"]
    for status in (201, 500, 301):
        with pytest.raises(Problem) as refused:
            merchant.authorize(CODE, 1, "1", idempotency_key="k")
        assert refused.value.status == status
    service.pages[f"/api/v1/{CITY}/settlements?limit=100"] = {"items": "x" * ANSWER_BYTES_MAX}
    with pytest.raises(Problem):
        list(merchant.settlements())


@pytest.mark.parametrize(
    "base_url",
    ["http://credit.example.cn", "http://localhost.example.cn", "ftp://localhost", "credit.example.cn", ""],
)  # fmt: skip
def test_a_key_goes_over_no_network_in_clear(base_url):
    with pytest.raises(ValueError):
        Merchant(base_url, CITY, KEY)


@pytest.mark.parametrize(
    ("city", "key"),
    [("15020", KEY), ("150200/..", KEY), ("一五〇二〇〇", KEY), (CITY, ""), (CITY, "a\r\nb"), (CITY, "键")],
)  # fmt: skip
def test_what_would_end_up_elsewhere_in_a_request_is_refused(city, key):
    with pytest.raises(ValueError):
        Merchant("https://credit.example.cn", city, key)


@pytest.mark.parametrize(
    "given_", ["../settlements", "", "1?x=1", "1/void", "１", "4711\n", "-", "1" * 41]
)
def test_what_is_no_id_is_asked_for_nowhere(till, given_):
    service, merchant = till
    for call in (merchant.get, merchant.capture, merchant.settlement):
        with pytest.raises(ValueError):
            call(given_)
    assert service.requests == []


@pytest.mark.parametrize("amount", [1.5, "60", True, None])
def test_points_are_whole(till, amount):
    service, merchant = till
    with pytest.raises(TypeError):
        merchant.authorize(CODE, amount, "1")
    assert service.requests == []


@pytest.mark.parametrize("key", ["", "a b", "x" * 101, "键", "a\n"])
def test_an_idempotency_key_is_one_the_service_takes(till, key):
    with pytest.raises(ValueError):
        till[1].authorize(CODE, 1, "1", idempotency_key=key)


STATEMENT = Statement(
    CITY, "SH-0001", 10, 900, 80, -5,
    tuple(
        Line(n, "refund" if n % 7 == 0 else "capture", n, NOW, None if n % 3 else f"小票 {n}", str(UUID(int=n)))
        for n in range(11, 261)
    ),
)  # fmt: skip
SETTLEMENT = {
    **{k: v for k, v in body_of(STATEMENT).items() if k not in ("lines", "type", "city")},
    "id": str(UUID(int=9)),
    "status": "drawn",
    "digest": digest_of(STATEMENT).hex(),
    "drawn_at": "2026-07-01T01:00:00.000Z",
}


def listing(service, pages, path="settlements"):
    """Have a list answered in pages, each with a cursor but the last."""
    for number, page in enumerate(pages):
        cursor = f"&cursor=c{number}" if number else ""
        after = f"c{number + 1}" if number + 1 < len(pages) else None
        service.pages[f"/api/v1/{CITY}/{path}?limit=100{cursor}"] = {**page, "next_cursor": after}


def test_settlements_come_page_by_page_as_they_are_asked_for(till):
    service, merchant = till
    ids = [str(UUID(int=n)) for n in range(5)]
    items = [{**SETTLEMENT, "id": one} for one in ids]
    listing(service, [{"items": items[:2]}, {"items": items[2:4]}, {"items": items[4:]}])
    listed = merchant.settlements()
    assert next(listed).id == ids[0]
    assert len(service.requests) == 1
    rest = list(listed)
    assert [one.id for one in rest] == ids[1:]
    assert rest[0].drawn_at == datetime(2026, 7, 1, 1, tzinfo=UTC)
    assert (rest[0].fen, rest[0].paid_at, rest[0].lines) == (STATEMENT.fen, None, None)
    with pytest.raises(ValueError):
        rest[0].adds_up()


def test_redemptions_are_listed_too(till):
    service, merchant = till
    held = merchant.authorize(CODE, 60, "1")
    listing(service, [{"items": [service.redemptions[held.id]]}, {"items": []}], "redemptions")
    assert list(merchant.redemptions()) == [held]


def test_a_settlement_comes_with_all_its_lines_and_adds_up(till):
    service, merchant = till
    lines = body_of(STATEMENT)["lines"]
    pages = [{**SETTLEMENT, "lines": lines[at : at + 100]} for at in range(0, len(lines), 100)]
    listing(service, pages, f"settlements/{SETTLEMENT['id']}")
    found = merchant.settlement(SETTLEMENT["id"])
    assert len(found.lines) == len(STATEMENT.lines)
    assert found.adds_up()
    for change in (
        {"fen": found.fen + 1},
        {"points": found.points - 1},
        {"captures": 1},
        {"carried": 0},
        {"upto": 901},
        {"digest": "0" * 64},
        {"lines": found.lines[1:]},
        {"lines": (replace(found.lines[0], reference="x"), *found.lines[1:])},
    ):
        assert not replace(found, **change).adds_up()


@pytest.mark.parametrize("ends", ["at once", "never"])
def test_a_list_without_an_end_is_not_followed(till, ends, monkeypatch):
    service, merchant = till
    first, path = f"/api/v1/{CITY}/settlements?limit=100", "&cursor=c"
    service.pages[first] = {"items": [], "next_cursor": "c"}
    service.pages[first + path] = {"items": [], "next_cursor": "c"}
    if ends == "never":
        monkeypatch.setattr("credit.client.merchant.PAGES_MAX", 5)
        service.pages[first + path] = {"items": [], "next_cursor": "d"}
        service.pages[f"{first}&cursor=d"] = {"items": [], "next_cursor": "c"}
    with pytest.raises(RuntimeError):
        list(merchant.settlements())
    assert len(service.requests) == (2 if ends == "at once" else 5)
    assert PAGES_MAX * 100 >= 20_000


def test_with_a_key_pair_every_attempt_is_signed_anew_and_the_service_accepts_each(till):
    service, merchant = till
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    with Merchant(merchant.address, CITY, KEY, private=private, pause=lambda _: None) as signing:
        service.plan = ["cut after", "503"]
        held = signing.authorize(CODE, 60, "小票 1")
        signing.void(held)
        signing.get(held)
    *posted, asked = service.requests
    assert "Signature" not in asked[2]
    digests = []
    for method, path, headers, body in posted:
        lines = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
        request = SignedRequest(method, f"{merchant.address}{path}", lines, body)
        digests.append(
            signed_digest(request, client=KEY[:12], public_key=public, now=SystemClock().now())
        )
    assert len(set(digests)) == len(posted) == 4


SECRET = make_secret(b"s" * 32)
TOLD = envelope("150200-7", "/150200", "credit.redemption.captured", "r", NOW, {"amount": 5})


@pytest.mark.parametrize("secrets", [SECRET, [SECRET], [make_secret(b"x" * 32), SECRET]])
@pytest.mark.parametrize("body", [TOLD, TOLD.decode()])
def test_a_webhook_is_checked_and_read(secrets, body):
    headers = sign("150200-7", TOLD, [SECRET], NOW)
    event = verify_webhook(headers, body, secrets, now=NOW)
    assert (event.id, event.type, event.data) == (
        "150200-7",
        "credit.redemption.captured",
        {"amount": 5},
    )


def test_a_webhook_of_now_needs_no_clock_and_one_of_long_ago_is_none():
    assert verify_webhook(sign("150200-7", TOLD, [SECRET], SystemClock().now()), TOLD, SECRET)
    with pytest.raises(NotVerifiedError):
        verify_webhook(sign("150200-7", TOLD, [SECRET], NOW - timedelta(days=900)), TOLD, SECRET)


def test_the_client_brings_nothing_of_the_server_along():
    listed = "import sys, credit.client; print(*sorted({one.split('.')[0] for one in sys.modules}))"
    found = subprocess.run(
        [sys.executable, "-c", listed], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "httpx" in found
    assert not {"litestar", "asyncpg", "sqlalchemy", "pydantic", "msgspec"} & set(found)


def run_example(address, *more):
    command = [sys.executable, str(EXAMPLE), "--base-url", address, "--city", CITY, "--key", KEY]
    return subprocess.run([*command, *more], capture_output=True, text=True, check=False)


def test_the_example_runs_as_it_stands():
    with serving() as (service, address):
        refused = run_example(address, "--code", CODE, "--amount", "160")
        assert refused.returncode == 1
        assert "最多可以用 100 积分" in refused.stderr
        service.plan = ["cut after"]
        done = run_example(
            address, "--code", CODE, "--amount", "60", "--reference", "R-1", "--offer", "3"
        )
        assert done.returncode == 0, done.stderr
        assert "已收取 60 积分，小票号 R-1" in done.stdout
        assert [act for act, _ in service.done[1:]] == ["authorize", "capture"]
