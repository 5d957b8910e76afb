"""Lists over HTTP: the way in and out by machines, public reading, bid answers, refusals."""

import io
from decimal import Decimal

import msgspec
import pytest

from credit.blacklist.boards import service as boards
from credit.blacklist.boards.excel import score_sheet
from credit.grades.views import CHANNEL
from credit.kit.excel import write_table
from credit.kit.ids import new_id
from credit.log.service import sign_record

CITY = "150200"
API = f"/api/v1/{CITY}"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"


@pytest.fixture
def send(office, client):
    """Ask as somebody's machine: a GET without a body, else a POST under a key of its own."""
    sent = 0

    async def ask(path, body=None, *, by=None, key=None, post=None, **params):
        nonlocal sent
        sent += 1
        headers = {} if by is None else {"Authorization": f"Bearer {office.world.api_keys[by]}"}
        if body is None and not post:
            return await client.get(f"{API}{path}", headers=headers, params=params)
        headers["Idempotency-Key"] = key or f"k-{sent}"
        return await client.post(f"{API}{path}", json=body, headers=headers)

    return ask


def entry_of(*facts, **changed):
    return {
        "list": "black",
        "subject_kind": "enterprise",
        "subject": ENTERPRISE,
        "list_kind": "self-discipline",
        "legal_basis": "DB1502/T XX-2021 §7.3.3",
        "facts": list(facts),
        "measures": ["B-M1"],
        "criterion": "B-2",
        **changed,
    }


async def publish(office, send, place):
    """Sign what waits for publication, and publish it."""
    await office.world.sequence()
    prepared = (await send(f"{place}/record", by="city_authority")).json()
    key = office.world.keys["city_authority"]
    record = sign_record(key, prepared["kind"], new_id(office.clock.now()), prepared["body"])
    body = {"id": record.id, "sig": msgspec.to_builtins(record.sigs[0])}
    answer = await send(f"{place}/publication", body, by="city_authority")
    assert answer.status_code == 201, answer.text
    await office.world.sequence()
    return answer.json()


async def test_an_entry_goes_in_and_out_by_machines(office, send):
    fact = await office.fact()
    paper = {"digest": await office.file(), "size": 3, "type": "application/pdf"}
    (candidate,) = (await send("/lists/black/candidates", by="officer")).json()["items"]
    assert candidate["criteria"] == ["B-2"]
    assert [one["index"] for one in candidate["facts"]] == [fact]
    proposed = (await send("/list-entries", entry_of(fact), by="officer")).json()
    place = f"/list-entries/{proposed['id']}"
    for path, body, by, status in (
        ("notice", None, "officer", "noticed"),
        ("answer", {"objects": True, "hearing": "asked", "text": "不同意", "evidence": [paper]},
         "second_officer", "answered"),
        ("hearing", {"text": "笔录"}, "hearer", "heard"),
        ("decision", {"outcome": "listed", "reason": "属实"}, "reviewer", "listed"),
    ):  # fmt: skip
        answer = await send(f"{place}/{path}", body, by=by, post=True)
        assert (answer.status_code, answer.json()["status"]) == (201, status), answer.text
    assert (await send("/lists/black")).json() == {"items": [], "next_cursor": None}
    assert (await publish(office, send, place))["status"] == "published"
    (listed,) = (await send("/lists/black")).json()["items"]
    assert (listed["subject"], listed["effect"], listed["until"]) == (
        ENTERPRISE, "reference", "2027-06-30",
    )  # fmt: skip
    assert [one["text"] for one in listed["measures"]] == ["警告"]
    assert (await send("/lists/red")).json()["items"] == []
    seen = (await send(place, by="officer")).json()
    assert [one["kind"] for one in seen["steps"]] == [
        "proposed", "notice", "answer", "hear", "list", "publish",
    ]  # fmt: skip
    await send(f"{place}/review", {"outcome": "continue", "reason": "继续"}, by="reviewer")
    done = await send(
        f"{place}/review",
        {"outcome": "exit", "kind": "overturned", "reason": "撤销"},
        by="reviewer",
    )
    assert done.json()["status"] == "leaving"
    assert (await publish(office, send, place))["status"] == "exited"
    assert (await send("/lists/black")).json()["items"] == []
    assert (await send(place, by="officer")).status_code == 404
    assert (await send(place, by="auditor")).status_code == 200
    items = (await send("/exchange", by="partner")).json()
    assert [one["kind"] for one in items["items"]] == ["entry", "exit"]
    assert (await send("/exchange", by="partner", after=items["last"])).json()["items"] == []


async def test_bid_answers_and_kept_ones_say_what_is_listed_as_of_the_day(office, send, app):
    app.state.hearing.live = True  # as when notifications come in

    async def listed(**params):
        answer = await send(f"/enterprises/{ENTERPRISE}/grade", **params)
        return [one["effect"] for one in answer.json()["lists"]]

    async def asked(at):
        question = {
            "purpose": "政府采购", "tender_ref": "包采〔2026〕7号", "at": at,
            "bidders": [ENTERPRISE, OTHER, "91150200MA0000099X"],
        }  # fmt: skip
        answers = (await send("/grade-queries", question, by="bidder")).json()["answers"]
        return [one.get("lists", []) for one in answers]

    assert await listed() == []
    before = await office.size()
    entry = await office.enter(
        await office.fact(),
        list_kind="statutory",
        law="《中华人民共和国招标投标法》第五十三条",
        measures=("B-M6",),
    )
    app.state.hearing.hear(CHANNEL, CITY)  # what the notification does
    assert await listed() == ["statutory bar"]
    assert await listed(known_at=before) == []
    assert await listed(valid_at="2026-06-29") == []
    (ours, theirs, unknown) = await asked("2026-06-30")
    assert ours == [
        {
            "list": "black",
            "kind": "statutory",
            "legal_basis": "《中华人民共和国招标投标法》第五十三条；DB1502/T XX-2021 §7.3.3",
            "effect": "statutory bar",
        }
    ]
    assert (theirs, unknown) == ([], [])
    assert (await asked("2026-06-29"))[0] == []
    assert (await asked("2027-06-30"))[0] == []
    await office.leave(entry)
    await office.publish(entry)
    app.state.hearing.hear(CHANNEL, CITY)
    assert await listed() == []
    assert (await asked("2026-06-30"))[0] == []


async def test_publishing_tells_every_process_to_drop_what_it_kept(office):
    heard = []
    conn = await office.world.db.dedicated(CITY)
    await conn.add_listener("credit_grades", lambda *said: heard.append(said[3]))
    entry = await office.enter(await office.fact())
    await conn.execute("SELECT 1")
    assert heard == ["city_150200"]
    await office.leave(entry)
    await conn.execute("SELECT 1")
    assert heard == ["city_150200"]
    await office.publish(entry)
    await conn.execute("SELECT 1")
    assert heard == ["city_150200"] * 2
    await conn.close()


async def test_lists_come_in_pages(office, send):
    for code, user in ((ENTERPRISE, "enterprise"), (OTHER, "competitor")):
        entry = await office.enter(
            await office.fact(subject=("USCC", code)), until="noticed", subject=code
        )
        await office.answer(entry, by=user, hearing="waived")
        await office.decide(entry)
        await office.publish(entry)
    for path, by in (("/lists/black", None), ("/list-entries", "officer")):
        found, cursor = [], {}
        for _ in range(2):
            page = (await send(path, by=by, limit=1, **cursor)).json()
            found += [one["subject"] for one in page["items"]]
            cursor = {"cursor": page["next_cursor"]}
        assert sorted(found) == [ENTERPRISE, OTHER]
        assert page["next_cursor"] is None
    published = (await send("/list-entries", by="officer", status="published")).json()["items"]
    assert len(published) == 2
    assert (await send("/list-entries", by="officer", list="red")).json()["items"] == []


async def test_done_once_however_often_it_is_sent(office, send):
    fact = await office.fact()
    for _ in range(2):
        answer = await send("/list-entries", entry_of(fact), by="officer", key="same")
        assert answer.status_code == 201
    again = await send("/list-entries", entry_of(fact, measures=["B-M2"]), by="officer", key="same")
    assert again.status_code == 422
    assert (await send("/list-entries", entry_of(fact), by="officer")).status_code == 409
    place = f"/list-entries/{answer.json()['id']}"
    for _ in range(2):
        answer = await send(f"{place}/notice", by="officer", key="n", post=True)
        assert (answer.status_code, answer.json()["step"]) == (201, 2)


async def test_what_is_no_proposal_is_refused_at_the_door(office, send):
    fact = await office.fact()
    for changed in (
        {"subject_kind": "resident"}, {"subject_kind": "enterprise", "subject": "W 1"},
        {"list": "grey"}, {"list_kind": "national"}, {"legal_basis": ""},
        {"legal_basis": "<b>《办法》第一条</b>"}, {"facts": []}, {"facts": ["x"]},
        {"facts": [1] * 21}, {"measures": []}, {"reason": "a\0b"},
        {"reason": "x" * 4001}, {"until": "2099-01-01"}, {"state": "published"},
    ):  # fmt: skip
        answer = await send("/list-entries", entry_of(fact, **changed), by="officer")
        assert answer.status_code == 400, changed
    answer = await send(
        "/list-entries", entry_of(fact, legal_basis="《办法》没有条款"), by="officer"
    )
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == "legal_basis"


async def test_who_may_not_is_refused_and_the_public_reads_only_what_is_published(office, send):
    entry = await office.propose(await office.fact())
    nobody = new_id(office.clock.now())
    for path in ("/list-entries", f"/list-entries/{entry}", "/board-drafts", "/exchange",
                 "/lists/black/candidates", "/list-entries/suggestions"):  # fmt: skip
        assert (await send(path)).status_code == 401, path
        assert (await send(path, by="bidder")).status_code == 403, path
    assert (await send("/list-entries", entry_of(0), by="bidder")).status_code == 403
    assert (await send(f"/list-entries/{nobody}", by="officer")).status_code == 404
    assert (await send("/exchange", by="officer")).status_code == 403
    assert (await send("/lists/grey")).status_code in (400, 404)
    assert (await send("/lists/black")).json()["items"] == []


async def test_an_enterprise_answers_in_its_own_name_and_sees_nobody_elses(office, send):
    entry = await office.enter(await office.fact(), until="noticed")
    place = f"/own-list-entries/{entry}"
    (line,) = (await send("/own-list-entries", by="enterprise")).json()["items"]
    assert line["status"] == "noticed"
    seen = (await send(place, by="enterprise")).json()
    assert (seen["days_left"], seen["may"]) == (10, [{"act": "answer", "refusal": None}])
    assert [one["live"] for one in seen["facts"]] == [True]
    answer = {"objects": True, "hearing": "asked", "text": "不同意"}
    assert (await send("/own-list-entries", by="competitor")).json()["items"] == []
    assert (await send(place, by="competitor")).status_code == 404
    assert (await send(f"{place}/answer", answer, by="competitor")).status_code == 404
    assert (await send(place, by="officer")).status_code == 403
    done = await send(f"{place}/answer", answer, by="enterprise")
    assert (done.status_code, done.json()["status"]) == (201, "answered")
    assert (await send(place, by="enterprise")).json()["steps"][-1]["text"] == "不同意"


async def test_a_board_goes_from_scores_to_everybody(office, send):
    begun = await send("/board-drafts", {"board": "quarter", "period": "2026-Q1"}, by="officer")
    place = f"/board-drafts/{begun.json()['id']}"
    items = [
        {"source": one, "subject": "XQ-1", "points": "90", "document": "考评〔2026〕1号"}
        for one in ("street", "inspection", "owners")
    ]
    assert (await send(f"{place}/scores", {"items": items}, by="hearer")).json()["entered"] == 3
    wrong = [{**items[0], "subject": "XQ-9"}]
    answer = await send(f"{place}/scores", {"items": wrong}, by="officer")
    assert answer.json()["errors"][0]["field"] == "items[0]"
    (draft,) = (await send("/board-drafts", by="officer")).json()["items"]
    assert draft["status"] == "draft"
    public = f"/boards/{draft['id']}"
    assert (await send(public)).status_code == 404
    assert (await send(f"{public}/numbers")).status_code == 404
    assert (await publish(office, send, place))["status"] == "published"
    assert len((await send("/boards")).json()["items"]) == 1
    shown = (await send(public)).json()
    assert [(one["subject"], one["side"]) for one in shown["rows"]] == [("XQ-1", "red")]
    numbers = await send(f"{public}/numbers")
    assert numbers.json()["rows"][0]["points"][0]["document"] == "考评〔2026〕1号"


async def test_a_workbook_of_scores_comes_in_as_a_file(office, send, client):
    head = await office.act(boards.begin_board, "officer", office.pack, "quarter", "2026-Q1")
    rule = boards.board_rules(office.pack, office.clock.today())[0]
    row = {
        "source": "owners",
        "subject": "XQ-2",
        "points": Decimal(50),
        "document": "问卷〔2026〕1号",
    }
    headers = {"Authorization": f"Bearer {office.world.api_keys['officer']}"}
    path = f"{API}/board-drafts/{head.id}/workbook"
    for content, status in ((row, 201), ({**row, "subject": "XQ-9"}, 409)):
        buffer = io.BytesIO()
        write_table([(score_sheet(rule), [content])], buffer)
        answer = await client.post(path, content=buffer.getvalue(), headers=headers)
        assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["field"] == "红黑榜得分 第 2 行"
    assert (await client.post(path, content=b"no workbook", headers=headers)).status_code == 400


async def test_award_gates_over_http(office, send):
    answer = await send(
        "/award-gates", by="officer", sheet="A.2", subject=ENTERPRISE,
        flag="party_organisation:true,loyal:false", award="M2",
    )  # fmt: skip
    assert (answer.status_code, answer.json()["may_apply"]) == (200, None)
    for changed in (
        {"flag": "x"},
        {"flag": "x:maybe"},
        {"flag": "x:true,"},
        {"award": ","},
        {"subject": "a b"},
        {"sheet": "x" * 50},
    ):
        params = {"sheet": "A.2", "subject": ENTERPRISE, **changed}
        assert (await send("/award-gates", by="officer", **params)).status_code == 400, changed
