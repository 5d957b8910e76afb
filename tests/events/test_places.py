"""A street's people speak about their own street: in the interface, on the page, in a workbook."""

from datetime import date
from io import BytesIO

import httpx
import msgspec
import pytest

from credit.events import service
from credit.events.excel import event_sheet
from credit.events.signing import sign_event
from credit.events.views import Correction, Withdrawal, WithdrawalBody
from credit.kit.errors import Conflict, Forbidden
from credit.kit.excel import write_table
from credit.kit.ids import new_id
from credit.log import service as log

CITY = "150200"
NEW = f"/{CITY}/console/events/new"
FIRST, SECOND = "150203001", "150203002"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
ENTRY = {
    "type": "complaint.overdue",
    "primary": "project",
    "subject": "XQ-1",
    "occurred_on": "2026-06-01",
    "reference": "街字〔2026〕77号",
}


@pytest.fixture
async def streets(world):
    """The small city with the people of its second street, where project XQ-4 is."""
    await world.widen()
    await world.hire("street", "street_officer", kind="street", division=SECOND)
    return world


def about(world, project, enterprise=ENTERPRISE, **more):
    number = project.removeprefix("XQ-")
    subjects = [
        {"scheme": "USCC", "id": enterprise},
        {"scheme": "PROJECT", "id": project},
        {"scheme": "MANAGER", "id": f"FZR-{number}"},
    ]
    return world.body("complaint.overdue", primary="project", subjects=subjects, **more)


def draft(world, body, by="street"):
    return sign_event([world.keys[by]], new_id(world.clock.now()), body)


async def propose(world, *drafts, by="street"):
    async with world.db.transaction(CITY) as conn:
        return await service.propose(conn, world.clock, world.actors[by], world.pack, drafts)


async def count(world, table="event"):
    async with world.db.city(CITY) as conn:
        return await conn.fetchval(f"SELECT count(*) FROM {table}")


async def test_a_batch_names_every_subject_of_another_street(streets):
    good, foreign = about(streets, "XQ-4"), about(streets, "XQ-1")
    other = streets.body(subject=("USCC", OTHER))
    own = streets.body(subject=("USCC", ENTERPRISE))  # manages XQ-4
    with pytest.raises(Conflict) as caught:
        await propose(streets, *(draft(streets, one) for one in (good, foreign, other, own)))
    assert [one.field for one in caught.value.errors] == ["items[1]", "items[2]"]
    assert "第1小区（XQ-1）” 2026-06-01 不在昆都仑区二街道" in caught.value.errors[0].message
    assert "请协会、所在辖区的同事登记" in caught.value.errors[0].message
    assert await count(streets) == 0
    await propose(streets, draft(streets, good), draft(streets, own))
    await propose(streets, draft(streets, foreign, "officer"), by="officer")  # the association


async def test_an_unknown_subject_is_unknown_and_not_elsewhere(streets):
    with pytest.raises(Conflict) as caught:
        await propose(streets, draft(streets, about(streets, "XQ-9")))
    assert len(caught.value.errors) == 1
    assert "登记册里没有" in caught.value.detail


async def test_only_a_bound_proposer_is_looked_up_and_by_one_statement(streets):
    sent = []
    for by, more in (("officer", 0), ("street", 1)):
        sent.clear()
        drafts = [draft(streets, about(streets, "XQ-4"), by) for _ in range(5)]
        async with streets.db.city(CITY) as conn:
            with conn.query_logger(lambda record: sent.append(record.query)):
                await service.plan(conn, streets.clock, streets.actors[by], streets.pack, drafts)
        assert len(sent) == 1 + more, by  # placing them is the one of everybody


async def test_a_fact_of_another_street_is_neither_withdrawn_nor_drawn_over(streets):
    foreign = sign_event(
        [streets.keys["officer"], streets.keys["reviewer"]],
        new_id(streets.clock.now()),
        about(streets, "XQ-1"),
    )
    await streets.propose(foreign)
    await streets.sequence()
    away = WithdrawalBody(foreign.id, foreign.body.subjects, "overturned", "街字〔2026〕1号", [])
    over = {**about(streets, "XQ-4"), "target": foreign.id}
    for shape, kind, body in (
        (Withdrawal, "event-withdrawn", msgspec.to_builtins(away)),
        (Correction, "event-corrected", over),
    ):
        record = log.sign_record(streets.keys["street"], kind, new_id(streets.clock.now()), body)
        sigs = [{"kid": one.kid, "alg": one.alg, "sig": one.sig} for one in record.sigs]
        plain = {"id": record.id, "kind": kind, "body": body, "sigs": sigs}
        with pytest.raises(Conflict, match="XQ-1）” 2026-06-01 不在昆都仑区二街道"):
            await propose(streets, msgspec.convert(plain, shape))
    assert await count(streets) == 1


async def test_who_has_no_division_yet_proposes_nothing_and_is_told_what_to_do(streets, browse):
    async with streets.db.transaction(CITY) as conn:
        await conn.execute("UPDATE organisation SET division = NULL WHERE kind = 'street'")
    street = await browse("street")
    for page in (await street.get(NEW), await street.post(NEW, data=ENTRY)):
        assert page.status_code == 403
        assert "还没有登记负责的辖区" in page.text
        assert "请联系管理员" in page.text
    assert (await street.get(f"/{CITY}/console/events")).status_code == 200
    from credit.access.service import actor_named

    async with streets.db.city(CITY) as conn:
        streets.actors["street"] = await actor_named(conn, "street")
    with pytest.raises(Forbidden, match="请联系管理员"):
        await propose(streets, draft(streets, about(streets, "XQ-4")))


async def test_another_street_is_refused_by_the_interface_and_on_the_page(streets, app, browse):
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://credit.test"
    ) as client:
        headers = {"Authorization": f"Bearer {streets.api_keys['street']}"}
        for project, status in (("XQ-1", 409), ("XQ-4", 201)):
            record = draft(streets, about(streets, project))
            content = msgspec.json.encode(record)
            path = f"/api/v1/{CITY}/events"
            answer = await client.post(
                path, content=content, headers={**headers, "Content-Type": "application/json"}
            )
            assert answer.status_code == status, answer.text
            assert ("不在昆都仑区二街道" in answer.text) == (status == 409)
    street = await browse("street")
    page = await street.post(NEW, data=ENTRY)
    assert page.status_code == 409
    assert "不在昆都仑区二街道" in page.text
    assert 'value="街字〔2026〕77号"' in page.text
    signed = await street.sign(await street.post(NEW, data=ENTRY | {"subject": "XQ-4"}))
    assert "已提出" in signed.text


async def test_a_preview_names_the_rows_of_other_streets_and_takes_nothing_in(streets, browse):
    rows = [
        {
            **ENTRY,
            "subject": subject,
            "occurred_on": date(2026, 6, 1),
            "reference": f"街字〔2026〕{n}号",
        }
        for n, subject in enumerate(("XQ-4", "XQ-1", "XQ-5"), 1)
    ]
    buffer = BytesIO()
    sheet = event_sheet(streets.pack.on(streets.pack.days[-1]).grading)
    write_table([(sheet, rows)], buffer)
    street = await browse("street")
    files = {"file": ("街道.xlsx", buffer.getvalue(), "a/b")}
    preview = await street.post(f"/{CITY}/console/imports/events", files=files)
    assert preview.text.count("不在昆都仑区二街道") == 2
    assert "第3小区" not in preview.text
    assert await count(streets, "import_batch") == await count(streets) == 0
