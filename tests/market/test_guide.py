"""The merchants' guide says what is so: its commands and its Python run, its tables are whole."""

import json
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from tests.market.till import CITY, KEY, serving

from credit.client import Merchant
from credit.kit.clock import SystemClock
from credit.market.logic.deliveries import DELAYS_SECONDS
from credit.market.logic.redemptions import STATUS_WORDS
from credit.market.logic.settlements import STATE_WORDS, Line, Statement, body_of, digest_of
from credit.market.logic.webhooks import TYPES, envelope, make_secret, sign

MARKET = Path(__file__).parents[2] / "src" / "credit" / "market"
GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "merchants.md").read_text("utf-8")
SECRET = make_secret(b"s" * 32)
NOW = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
STATEMENT = Statement(
    CITY, "SH-0001", 0, 9, 80, 0, (Line(3, "capture", 50, NOW, "小票", str(UUID(int=3))),)
)
SETTLEMENT = {
    **{key: value for key, value in body_of(STATEMENT).items() if key not in ("city", "type")},
    "id": str(UUID(int=8)),
    "status": "drawn",
    "digest": digest_of(STATEMENT).hex(),
}


@pytest.fixture
def till():
    """A service with the customers and the statement that the guide tells of."""
    with serving() as (service, address):
        service.codes |= {"1234567890", "2345678901", "3456789012"}
        listed = {"items": [SETTLEMENT], "next_cursor": None}
        for query in ("", "?limit=100"):
            service.pages[f"/api/v1/{CITY}/settlements{query}"] = listed
            service.pages[f"/api/v1/{CITY}/settlements/{SETTLEMENT['id']}{query}"] = {
                **SETTLEMENT,
                "next_cursor": None,
            }
        yield service, address


def in_place(text, address):
    """Put the test's own address, key and secret where the guide has examples."""
    for example, own in (
        ("https://credit.example.cn", address),
        ("ck_…", KEY),
        ("whsec_…", SECRET),
    ):
        text = text.replace(example, own)
    return text


@pytest.fixture
def names(till, tmp_path, monkeypatch, capsys):
    """What the Python of the guide leaves behind, run from top to bottom in a folder of its own, and
    what it printed.
    """
    monkeypatch.chdir(tmp_path)
    names, address = {}, till[1]
    for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL):
        exec(compile(in_place(block, address), "merchants.md", "exec"), names)
    names["PRINTED"] = capsys.readouterr().out
    yield names
    names["QUEUE"].close()


def test_the_python_of_the_guide_runs_from_top_to_bottom(till, names):
    service, _ = till
    try:
        assert [act for act, _ in service.done] == [
            "authorize", "capture", "refund", "authorize", "void", "authorize",
        ]  # fmt: skip
        assert names["redemption"].refundable == 30
        assert names["most"] == 70
        assert "40.00 元" in names["PRINTED"]
        service.codes.add("4567890123")
        assert names["redeem"]("4567890123", 5, "小票 0004") == ("已收取 5 积分", None)
        said, kept = names["redeem"]("4567890123", 5, "小票 0005")
        assert "每个码只能用一次" in said
        assert kept is None
    finally:
        names["merchant"].close()


def test_what_was_captured_without_a_connection_is_sent_later_and_once(till, names):
    service, address = till
    service.codes |= {"4567890123", "5678901234", "6789012345"}
    names["merchant"].close()
    with Merchant(address, CITY, KEY, patience=0) as merchant:
        names["merchant"] = merchant
        held = [merchant.authorize(code, 5, "小票") for code in sorted(service.codes)[-3:]]
        before = len(service.done)
        for one in held:
            names["capture_later"](one, 4)
        service.plan = ["cut before"]  # there is no connection: nothing is asked for in vain
        assert names["send_captures"]() == []
        assert len(service.done) == before
        # The second is carried out, and the till does not hear of it; meanwhile the third is over.
        service.plan = [None, "cut after"]
        assert names["send_captures"]() == []
        merchant.void(held[2])
        assert names["send_captures"]() == [(held[2].id, "hold-captured")]
        acts = [act for act, _ in service.done[before:]]
        assert acts == ["capture", "capture", "void", "capture"]
        assert [merchant.get(one).captured for one in held] == [4, 4, 0]
        assert names["send_captures"]() == []
        assert len(service.done) == before + 4


def test_the_receiver_of_the_guide_takes_what_is_signed_once_and_nothing_else(till, capsys):
    service, address = till
    names = {}
    block = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)[-1]
    exec(compile(in_place(block, address), "merchants.md", "exec"), names)
    data = service.authorize("1234567890", 60, "小票 9")
    now = SystemClock().now()  # a receiver takes nothing that is minutes old
    body = envelope("150200-1", address, TYPES["hold"], data["id"], now, data)
    headers = sign("150200-1", body, [make_secret(b"n" * 32), SECRET], now)
    assert [names["receive"](headers, body) for _ in range(2)] == [204, 204]
    assert names["receive"](headers, body + b" ") == 400
    assert capsys.readouterr().out == "authorized 小票 9\n"


def commands():
    """The commands of the guide, each in one line."""
    text = re.sub(r" \\\n +", " ", GUIDE)
    return [line.strip() for line in text.splitlines() if line.strip().startswith("curl ")]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_of_the_guide_run_in_their_order(till):
    service, address = till
    second = service.authorize("2345678901", 15, "小票 0002")["id"]
    statuses = []
    for line in commands():
        first = next((one for one in service.redemptions if one != second), "")
        ids = {"ID": first, "ID2": second, "ID3": SETTLEMENT["id"]}
        command = re.sub(r"\bID[23]?\b", lambda found, ids=ids: ids[found[0]], line)
        silent = ["-s", "-o", "-", "-w", "\n%{http_code}"]
        done = subprocess.run(
            [*shlex.split(in_place(command, address)), *silent],
            capture_output=True,
            text=True,
            check=True,
        )
        body, _, status = done.stdout.rpartition("\n")
        assert json.loads(body)
        statuses.append(int(status))
    assert statuses == [201, 200, 200, 200, 200, 200, 200, 200]
    assert [act for act, _ in service.done] == ["authorize", "capture", "refund", "void"]


def rows(heading):
    """The first cells of the table below a heading cell."""
    table = GUIDE.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `([a-z.-]+)` \|", table, re.MULTILINE)


def test_every_refusal_a_till_can_meet_is_in_the_table():
    said = set(rows("代号"))
    text = (MARKET / "logic/redemptions.py").read_text("utf-8")
    refused = set(re.findall(r'"((?:[a-z]+-)+[a-z]+)"', text)) - {"key-reused", "unknown-hold"}
    for place in ("logic/offers.py", "service/redemptions.py"):
        text = (MARKET / place).read_text("utf-8")
        refused |= set(re.findall(r'slug="([a-z-]+)"', text)) - {"wrong-state", "no-merchant"}
    assert said == refused | {"insufficient"}


def test_every_state_and_type_is_in_its_table():
    assert rows("状态") == list(STATUS_WORDS)
    states = GUIDE.partition("## 结算单")[2].partition("## ")[0]
    assert sorted(re.findall(r"^\| `([a-z]+)` \|", states, re.MULTILINE)) == sorted(STATE_WORDS)
    assert rows("`type`") == list(TYPES.values())


def test_when_it_is_sent_again_is_said_as_it_is():
    said = re.search(r"(5 秒、.*?)后各再发一次", GUIDE)[1]
    units = {"秒": 1, "分钟": 60, "小时": 3600}
    seconds = [int(n) * units[unit] for n, unit in re.findall(r"(\d+) (秒|分钟|小时)", said)]
    assert tuple(seconds) == DELAYS_SECONDS
