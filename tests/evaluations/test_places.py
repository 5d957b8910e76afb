"""A district's people mark and close what their own district judges, and a street's what is there."""

from io import BytesIO

import httpx
import pytest

from credit.evaluations import service
from credit.evaluations.excel import marks_sheet
from credit.evaluations.logic import may_judge
from credit.evaluations.views import Submission
from credit.kit.errors import Conflict, Forbidden
from credit.kit.excel import write_table
from credit.log.service import sign_records

CITY = "150200"
PLACE = f"/{CITY}/console/evaluations"
HERE, THERE = "150203", "150204"
STREET = "150203002"
ENTERPRISE, OTHER, ELSEWHERE = "91150200MA0000000C", "91150200MA0000001F", "91150200MA0000002J"


@pytest.fixture
async def districts(world):
    """The small city with the people of district 150204 and of the second street of 150203."""
    await world.widen()
    await world.hire("district", "district_officer", kind="district_department", division=THERE)
    await world.hire("street", "street_officer", kind="street", division=STREET)
    return world


def marked(subject, division, sheet="A.2", kind="enterprise", **more):
    given = {"marks": {f"{sheet.replace('.', '')}-01": "1"}, **more}
    return Submission(sheet, kind, subject, 2026, division, given)


async def enter(world, by, *submissions):
    async with world.db.transaction(CITY) as conn:
        return await service.submit(
            conn, world.clock, world.actors[by], world.pack, list(submissions)
        )


async def close(world, by, ids):
    async with world.db.transaction(CITY) as conn:
        bodies = await service.prepare_closings(conn, world.clock, world.pack, ids)
        records = sign_records(world.keys[by], "evaluation", bodies, world.clock)
        await service.close(conn, world.clock, world.actors[by], world.pack, records)


def test_who_may_mark_and_who_may_close_what_a_division_judges():
    for judging, own, marks, closes in (
        (HERE, HERE, True, True),
        (STREET, HERE, True, True),
        (THERE, HERE, False, False),
        ("150200", HERE, False, False),
        (STREET, STREET, True, True),
        (HERE, STREET, True, False),
        ("150200", STREET, True, False),
        (THERE, STREET, False, False),
        ("150203001", STREET, False, False),
    ):
        assert may_judge(judging, own) is marks, (judging, own)
        assert may_judge(judging, own, closing=True) is closes, (judging, own)


async def test_a_batch_names_what_another_district_judges_and_who_is_elsewhere(districts):
    own, other = marked(ELSEWHERE, THERE), marked(ENTERPRISE, HERE)
    outside = marked(OTHER, THERE)
    with pytest.raises(Conflict) as caught:
        await enter(districts, "district", own, other, outside)
    first, second = caught.value.errors
    assert [first.field, second.field] == ["items[1]", "items[2]"]
    assert "甲物业有限公司（91150200MA0000000C）”不在青山区" in first.message
    assert "不在青山区" in second.message
    (state,) = await enter(districts, "district", own)
    assert state.version == 1
    variant = {"kind": "project", "sheet": "A.1", "variant": "老旧小区"}
    with pytest.raises(Conflict, match="由包头市组织，您只评价由青山区组织的"):
        await enter(districts, "district", marked("XQ-5", CITY, **variant))
    await enter(districts, "street", marked("XQ-4", CITY, **variant))
    with pytest.raises(Conflict, match="第1小区（XQ-1）”不在昆都仑区二街道"):
        await enter(districts, "street", marked("XQ-1", CITY, **variant))
    await enter(districts, "officer", other, marked("XQ-1", CITY, **variant))  # the association


async def test_a_district_closes_its_own_evaluations_and_no_other_s(districts):
    (mine,) = await enter(districts, "officer", marked(ELSEWHERE, THERE))
    (theirs,) = await enter(districts, "officer", marked(ENTERPRISE, HERE))
    from uuid import UUID

    with pytest.raises(Forbidden, match="不在青山区"):
        await close(districts, "district", [UUID(mine.id), UUID(theirs.id)])
    await close(districts, "district", [UUID(mine.id)])
    await close(districts, "reviewer", [UUID(theirs.id)])  # the association


async def test_a_page_offers_a_district_only_its_own_sheets(districts, browse):
    (mine,) = await enter(districts, "officer", marked(ELSEWHERE, THERE))
    (theirs,) = await enter(districts, "officer", marked(ENTERPRISE, HERE))
    district = await browse("district")
    new = await district.get(f"{PLACE}/new")
    assert 'value="150204"' in new.text
    assert 'value="150203"' not in new.text
    page = await district.get(f"{PLACE}/{theirs.id}")
    assert page.status_code == 200
    assert "请那里的同事办理" in page.text or "所在辖区的同事办理" in page.text
    assert 'class="marks"' not in page.text
    assert "核对并签名结束" not in page.text
    assert "核对并签名结束" in (await district.get(f"{PLACE}/{mine.id}")).text
    refused = await district.post(f"{PLACE}/close", data={"evaluations": theirs.id})
    assert refused.status_code == 403
    assert "不在青山区" in refused.text
    whole = {"whole": "1", "page": mine.id}
    assert "已结束 1 份评价" in (await district.sign(await district.post(f"{PLACE}/close", data=whole))).text  # fmt: skip
    query = {"sheet": "A.2", "subject": ENTERPRISE, "year": 2025, "division": HERE}
    begun = await district.get(f"{PLACE}/new", params=query)
    assert begun.status_code == 403
    assert "不在青山区" in begun.text


async def test_another_district_is_refused_by_the_interface_and_in_a_preview(
    districts, app, browse
):
    item = {
        "sheet": "A.2",
        "subject_kind": "enterprise",
        "subject": ENTERPRISE,
        "year": 2026,
        "division": HERE,
        "input": {"marks": {"A2-01": "1"}},
    }
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://credit.test"
    ) as client:
        headers = {
            "Authorization": f"Bearer {districts.api_keys['district']}",
            "Idempotency-Key": "one",
        }
        answer = await client.post(
            f"/api/v1/{CITY}/evaluations", json={"items": [item]}, headers=headers
        )
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == "items[0]"
    assert "不在青山区" in answer.text
    sheet = marks_sheet(districts.pack.on(districts.pack.days[-1]).sheets["A.2"])
    rows = [
        {"subject": subject, "year": 2026, "division": division, "A2-01": 1}
        for subject, division in ((ELSEWHERE, THERE), (ENTERPRISE, HERE), (ELSEWHERE, HERE))
    ]
    buffer = BytesIO()
    write_table([(sheet, rows)], buffer)
    district = await browse("district")
    preview = await district.post(
        f"/{CITY}/console/imports/marks", files={"file": ("区.xlsx", buffer.getvalue(), "a/b")}
    )
    assert "不在青山区" in preview.text
    assert "由昆都仑区组织，您只评价由青山区组织的" in preview.text
    async with districts.db.city(CITY) as conn:
        assert await conn.fetchval("SELECT count(*) FROM evaluation") == 0


async def test_who_has_no_division_yet_marks_nothing_and_is_told_what_to_do(districts, browse):
    (mine,) = await enter(districts, "officer", marked(ELSEWHERE, THERE))
    async with districts.db.transaction(CITY) as conn:
        await conn.execute("UPDATE organisation SET division = NULL")
    district = await browse("district")
    page = await district.get(f"{PLACE}/{mine.id}")
    assert "还没有登记负责的辖区" in page.text
    assert 'class="marks"' not in page.text
    refused = await district.post(f"{PLACE}/{mine.id}", data={"version": "1"})
    assert refused.status_code == 403
    assert (await district.post(f"{PLACE}/close", data={"evaluations": mine.id})).status_code == 403
