"""Webhooks: signed as the standard has it, verified to the byte, sent nowhere they must not go."""

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.kit.errors import Conflict, Invalid
from credit.market.logic.deliveries import (
    DELAYS_SECONDS,
    TARGET_PATTERN,
    check_target,
    is_public,
    next_attempt,
    verdict,
)
from credit.market.logic.webhooks import (
    PAYLOAD_BYTES_MAX,
    SECRETS_MAX,
    TYPES,
    NotVerifiedError,
    envelope,
    make_secret,
    read_event,
    sign,
    verify,
)

NOW = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
OLD, NEW = make_secret(b"o" * 32), make_secret(b"n" * 32)
DATA = {"redemption": "0190a1b2", "amount": 50, "reference": "小票 1"}
SOURCE = "https://credit.example.cn/api/v1/150200"
PUBLIC = ["93.184.216.34"]


def event(**more):
    given_ = {
        "event_id": "150200-42",
        "source": SOURCE,
        "event_type": TYPES["capture"],
        "subject": "0190a1b2",
        "time": NOW,
        "data": DATA,
    }
    return envelope(**{**given_, **more})


# The vector that goes with the specification's libraries.
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
VECTOR_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR_BODY = b'{"test": 2432232314}'
VECTOR_TIME = datetime.fromtimestamp(1614265330, UTC)


def test_the_signature_is_the_one_of_the_specification():
    headers = sign(VECTOR["webhook-id"], VECTOR_BODY, [VECTOR_SECRET], VECTOR_TIME)
    assert {name: headers[name] for name in VECTOR} == VECTOR
    assert verify(VECTOR, VECTOR_BODY, [VECTOR_SECRET], VECTOR_TIME) == VECTOR["webhook-id"]


def test_an_event_has_the_attributes_of_cloudevents_and_is_read_as_it_was_written():
    payload = event()
    assert json.loads(payload) == {
        "specversion": "1.0",
        "id": "150200-42",
        "source": SOURCE,
        "type": "credit.redemption.captured",
        "subject": "0190a1b2",
        "time": "2026-06-30T04:00:00.000Z",
        "datacontenttype": "application/json",
        "data": DATA,
    }
    read = read_event(payload)
    assert (read.id, read.source, read.type) == ("150200-42", SOURCE, TYPES["capture"])
    assert (read.subject, read.time, read.data) == ("0190a1b2", NOW, DATA)
    assert payload == event()
    assert "小票".encode() in payload


@pytest.mark.parametrize("secrets", [[OLD], [NEW], [NEW, OLD], [OLD, NEW]])
def test_while_a_secret_is_changed_whoever_has_either_verifies(secrets):
    headers = sign("150200-42", event(), [NEW, OLD], NOW)
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert verify(headers, event(), secrets, NOW) == "150200-42"


def test_headers_are_found_however_they_are_capitalised():
    headers = {k.title(): v for k, v in sign("150200-42", event(), [NEW], NOW).items()}
    assert "Webhook-Id" in headers
    assert verify(headers, event(), [NEW], NOW)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_clock_may_be_five_minutes_off(seconds):
    headers = sign("150200-42", event(), [NEW], NOW)
    assert verify(headers, event(), [NEW], NOW + timedelta(seconds=seconds))
    if seconds:
        with pytest.raises(NotVerifiedError):
            verify(headers, event(), [NEW], NOW + timedelta(seconds=seconds * 1.01))
        with pytest.raises(NotVerifiedError):
            verify(headers, event(), [NEW], NOW + timedelta(seconds=seconds), tolerance_seconds=9)


SIGNED = sign("150200-42", event(), [NEW], NOW)
SIGNATURE = SIGNED["webhook-signature"]


@pytest.mark.parametrize(
    ("headers", "payload", "secrets"),
    [
        (SIGNED, event(), [OLD]),
        (SIGNED, event(), []),
        (SIGNED, event() + b" ", [NEW]),
        (SIGNED, b"", [NEW]),
        ({}, event(), [NEW]),
        *(({k: v for k, v in SIGNED.items() if k != name}, event(), [NEW])
            for name in VECTOR),
        *(({**SIGNED, **change}, event(), [NEW]) for change in (
            {"webhook-id": "150200-43"},
            {"webhook-id": "150200-42.1782792000"},
            {"webhook-id": "150200-42\n"},
            {"webhook-timestamp": str(int(NOW.timestamp()) + 1)},
            {"webhook-timestamp": f"+{int(NOW.timestamp())}"},
            {"webhook-timestamp": f" {int(NOW.timestamp())}"},
            {"webhook-timestamp": f"{NOW.timestamp()}"},
            {"webhook-timestamp": "٠" * 10},
            {"webhook-timestamp": "9" * 400},
            {"webhook-timestamp": "nan"},
            {"webhook-signature": SIGNATURE.removeprefix("v1,")},
            {"webhook-signature": SIGNATURE.replace("v1,", "v1a,")},
            {"webhook-signature": SIGNATURE.replace("v1,", "v0,")},
            {"webhook-signature": SIGNATURE[:-1]},
            {"webhook-signature": f"{SIGNATURE},{SIGNATURE}"},
            {"webhook-signature": "v1," + "é" * 40},
            {"webhook-signature": "v1,\udc80"},
            {"webhook-signature": " ".join(["v1,AAAA"] * 10 + [SIGNATURE])},
        )),
    ],
)  # fmt: skip
def test_what_was_not_signed_as_it_is_does_not_pass(headers, payload, secrets):
    with pytest.raises(NotVerifiedError):
        verify(headers, payload, secrets, NOW)


@given(st.integers(0, 8 * len(event()) - 1))
def test_no_bit_of_a_message_can_be_turned(place):
    changed = bytearray(event())
    changed[place // 8] ^= 1 << place % 8
    with pytest.raises(NotVerifiedError):
        verify(SIGNED, bytes(changed), [NEW], NOW)


@given(st.dictionaries(st.sampled_from(list(VECTOR)), st.text(max_size=60)), st.binary(max_size=60))
def test_whatever_comes_is_refused_in_one_way(headers, payload):
    with pytest.raises(NotVerifiedError):
        verify(headers, payload, [NEW], NOW)


@given(st.text(alphabet="abcXYZ019_-", min_size=1, max_size=100), st.binary(max_size=200))
def test_whatever_is_signed_verifies(message_id, payload):
    assert verify(sign(message_id, payload, [NEW], NOW), payload, [NEW], NOW) == message_id


@pytest.mark.parametrize(
    "secret",
    [
        "", "whsec_", OLD.removeprefix("whsec_"), OLD.replace("whsec_", "whsk_"), OLD + "!",
        "whsec_" + base64.b64encode(b"x" * 23).decode(), "whsec_" + base64.b64encode(b"x" * 65).decode(),
        "whsec_" + base64.urlsafe_b64encode(b"\xff" * 32).decode(),
    ],
)  # fmt: skip
def test_what_is_no_secret_is_said_so_and_nothing_is_signed_with_it(secret):
    for call in (
        lambda: sign("150200-42", b"{}", [secret], NOW),
        lambda: verify(SIGNED, event(), [secret], NOW),
    ):
        with pytest.raises(ValueError) as refused:
            call()
        assert not isinstance(refused.value, NotVerifiedError)
        assert len(secret) < 10 or secret not in str(refused.value)


@pytest.mark.parametrize("octets", [b"", b"x" * 23, b"x" * 65])
def test_a_secret_is_long_enough_to_be_one(octets):
    with pytest.raises(ValueError):
        make_secret(octets)


@pytest.mark.parametrize("secrets", [[], [NEW] * (SECRETS_MAX + 1)])
def test_a_message_is_signed_with_some_secrets_and_not_with_any_number(secrets):
    with pytest.raises(ValueError):
        sign("150200-42", b"{}", secrets, NOW)


@pytest.mark.parametrize("event_id", ["", "a.b", "a b", "单", "a" * 101, "a\n"])
def test_an_id_that_could_pass_for_another_one_is_not_signed(event_id):
    with pytest.raises(ValueError):
        event(event_id=event_id)
    with pytest.raises(ValueError):
        sign(event_id, b"{}", [NEW], NOW)


def test_an_event_stays_small():
    with pytest.raises(ValueError):
        event(data={"text": "x" * PAYLOAD_BYTES_MAX})
    with pytest.raises(ValueError):
        event(data={"value": float("nan")})


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"null", b"3", b"{}", b"\xff", b"[" * 100_000, b'{"specversion":"0.3"}',
        event().replace(b'"1.0"', b'"2.0"'), event().replace(b"2026-06-30T", b"yesterday "),
        event().replace(b'"type"', b'"kind"')],
)  # fmt: skip
def test_what_is_no_event_is_not_read_as_one(payload):
    with pytest.raises(NotVerifiedError):
        read_event(payload)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "192.88.99.1",
        "::", "::1", "::127.0.0.1", "::8.8.8.8", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00::1", "fec0::1",
        "ff0e::1", "2001:db8::1", "3fff::1", "5f00::1", "100::1", "4000::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:8.8.8.8",
        "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8",
        "2002:7f00:1::", "2002:a00:1::", "2001:0:7f00:1::", "2606:4700::1111%eth0",
        "", "localhost", "0177.0.0.1", "2130706433", "127.1", "8.8.8.8/32", "８.8.8.8",
    ],
)  # fmt: skip
def test_an_address_inside_is_none_to_go_to_however_it_is_written(address):
    assert not is_public(address)
    with pytest.raises(Conflict) as refused:
        check_target("https://shop.example/hook", [*PUBLIC, address])
    assert refused.value.slug == "private-target"


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "223.5.5.5", "2606:4700::1111", "2400:3200::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
        "2002:808:808::"],
)  # fmt: skip
def test_an_address_of_the_internet_is_one(address):
    assert is_public(address)
    check_target("https://shop.example/hook", [address])


@given(st.ip_addresses(v=4))
def test_an_address_of_ipv4_is_judged_alike_in_whatever_it_is_wrapped(address):
    number = int(address)
    wrapped = [
        f"::ffff:{address}",
        f"64:ff9b::{address}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::",
    ]
    assert {is_public(one) for one in wrapped} == {is_public(str(address))}
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example", "https://shop.example/", "https://shop.example:8443/hooks/a?key=1&b=2",
        "https://xn--fiqs8s.example/%E5%95%86", "https://93.184.216.34/hook", "https://a-b.c-d.example/~x",
        "https://shop.example?x=1", "https://shop.example:65535/",
    ],
)  # fmt: skip
def test_addresses_people_use_are_taken(url):
    check_target(url, PUBLIC)
    assert urlsplit(url).hostname


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.example", "//shop.example", "ftp://shop.example/", "file:///etc/passwd", "HTTPS://shop.example/",
        "https://user@shop.example/", "https://user:word@shop.example/", "https://shop.example/#part",
        "https://shop.example/ a", "https://shop.example/\n", "https://shop.example/hook\n", "https:///hook",
        "https://shop.example:0/", "https://shop.example:65536/", "https://shop.example:/", "https://[::1]/",
        "https://shop.example\\@inside/", "https://shop_a.example/", "https://-a.example/", "https://a..example/",
        "https://商户.example/", "https://shop.example/商户", "https://shop.example/" + "a" * 400,
        "https://shop.example/\x00", " https://shop.example/",
    ],
)  # fmt: skip
def test_what_is_written_otherwise_is_refused(url):
    with pytest.raises(Invalid) as refused:
        check_target(url, PUBLIC)
    assert refused.value.slug == "bad-target"


@given(st.from_regex(TARGET_PATTERN))
def test_what_the_pattern_allows_has_no_user_no_fragment_and_one_host(url):
    parts = urlsplit(url)
    assert parts.scheme in ("http", "https")
    assert (parts.username, parts.password, parts.fragment) == (None, None, "")
    assert parts.hostname
    assert parts.port is None or 1 <= parts.port <= 65535
    assert parts.geturl() == url or url.endswith("?")


def test_a_name_without_an_address_may_come_later():
    with pytest.raises(Conflict) as refused:
        check_target("https://shop.example/", [])
    assert refused.value.slug == "unknown-target"


@pytest.mark.parametrize(
    ("url", "addresses", "allow_private"),
    [
        ("http://shop.example/", PUBLIC, False),
        ("http://shop.example/", PUBLIC, True),
        ("http://localhost:9000/", ["127.0.0.1"], False),
        ("http://shop.example/", ["10.0.0.7"], True),
        ("http://shop.example/", ["127.0.0.1", "10.0.0.7"], True),
        ("http://shop.example/", ["127.0.0.1", "no address"], True),
    ],
)
def test_what_is_told_goes_by_https_but_to_this_very_machine(url, addresses, allow_private):
    with pytest.raises(Conflict) as refused:
        check_target(url, addresses, allow_private=allow_private)
    assert refused.value.slug == "insecure-target"


def test_a_closed_network_may_have_its_own_addresses():
    check_target("https://till.lan/hook", ["10.0.0.7"], allow_private=True)
    check_target("http://localhost:9000/hook", ["127.0.0.1", "::1"], allow_private=True)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(200, "delivered"), (202, "delivered"), (204, "delivered"), (299, "delivered"), (410, "gone"),
        (None, "again"), (100, "again"), (301, "again"), (308, "again"), (400, "again"), (404, "again"),
        (429, "again"), (500, "again"), (503, "again")],
)  # fmt: skip
def test_what_an_answer_means(status, meaning):
    assert verdict(status) == meaning


def test_it_is_tried_again_later_and_later_and_then_no_more():
    waits = []
    for failures in range(1, len(DELAYS_SECONDS) + 1):
        waits.append((next_attempt(failures, NOW, jitter=0) - NOW).total_seconds())
        latest = (next_attempt(failures, NOW, jitter=100) - NOW).total_seconds()
        assert latest == pytest.approx(waits[-1] * 1.2)
    assert waits == list(DELAYS_SECONDS)
    assert all(early < late for early, late in pairwise(waits))
    assert 40 * 3600 < sum(waits) * 1.2 < 72 * 3600
    assert next_attempt(len(DELAYS_SECONDS) + 1, NOW, jitter=50) is None
    with pytest.raises(ValueError):
        next_attempt(0, NOW, jitter=0)


@pytest.mark.parametrize(
    ("asked", "waited"), [(None, 5), (-3, 5), (1, 5), (120, 120), (10**9, 86_400)]
)
def test_who_asks_for_time_is_given_it_within_a_day(asked, waited):
    at = next_attempt(1, NOW, jitter=0, retry_after_seconds=asked)
    assert at == NOW + timedelta(seconds=waited)
