"""Partners are told in order and again when they ask again; award gates answer with reasons."""

import asyncio

import pytest

from credit.blacklist import service
from credit.kit.errors import Forbidden, NotFound
from credit.rules.loading import pack_of_city

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"


@pytest.fixture
def told(office):
    """What a partner receives after a position."""

    async def receive(after=0, limit=100, by="partner"):
        return await office.act(service.exchange_page, by, after=after, limit=limit)

    return receive


async def test_what_is_published_and_ended_is_told_in_order_and_again(office, told):
    assert (await told()).last == 0
    first = await office.enter(await office.fact())
    second = await office.enter(
        await office.fact(subject=("USCC", OTHER)),
        until="noticed",
        subject=OTHER,
        list_kind="departmental",
        measures=("B-M5",),
    )
    await office.answer(second, by="competitor", hearing="waived")
    await office.decide(second)
    await office.publish(second)
    page = await told()
    assert [(one.kind, one.entry) for one in page.items] == [
        ("entry", str(first)), ("entry", str(second)),
    ]  # fmt: skip
    assert await told() == page  # whoever asks again gets the same
    assert [one.id for one in (await told(page.items[0].id)).items] == [page.items[1].id]
    assert (await told(page.last)).items == ()
    assert (await told(page.last)).last == page.last
    content = page.items[0].content
    # The association's own measures are nothing a department could take.
    assert (content["kind"], content["effect"], content["measures"]) == (
        "self-discipline", "reference", [],
    )  # fmt: skip
    assert [one["id"] for one in page.items[1].content["measures"]] == ["B-M5"]
    assert page.items[1].content["name"] == "乙物业有限公司"


async def test_what_ended_is_shared_no_more_and_an_exit_follows(office, told):
    entry = await office.enter(await office.fact())
    before = await told()
    await office.leave(entry)
    assert await told() == before  # decided, and not yet published
    await office.publish(entry)
    page = await told()
    assert [(one.kind, one.content is None) for one in page.items] == [
        ("entry", True), ("exit", False),
    ]  # fmt: skip
    assert page.items[1].content["reason"] == "review"
    assert "subject" not in page.items[1].content
    assert [one.kind for one in (await told(before.last)).items] == ["exit"]


async def test_an_entry_whose_term_ran_out_is_shared_no_more(office, told):
    await office.enter(await office.fact())
    office.wait(364)
    assert (await told()).items[0].content is not None
    office.wait(1)
    assert (await told()).items[0].content is None


async def test_nobody_can_pass_over_an_item_that_is_committed_late(office, told):
    """Two publications at once: the order of ids is the order in which they can be seen."""
    first = await office.enter(await office.fact(), until="listed")
    second = await office.enter(
        await office.fact(subject=("USCC", OTHER)), until="noticed", subject=OTHER
    )
    await office.answer(second, by="competitor", hearing="waived")
    await office.decide(second)
    await office.world.sequence()
    seen, over = [], False

    async def poll():
        position = 0
        while not over or (await told(position)).items:
            page = await told(position)
            seen.extend(one.id for one in page.items)
            position = page.last

    polling = asyncio.create_task(poll())
    from credit.kit.ids import new_id
    from credit.log import service as log

    async def publish(entry):
        prepared = await office.prepare(entry)
        key = office.world.keys["city_authority"]
        record = log.sign_record(key, prepared.kind, new_id(office.clock.now()), prepared.body)
        await office.act(service.publish, "city_authority", office.pack, entry, record)

    await asyncio.gather(publish(first), publish(second))
    over = True
    await polling
    assert seen == sorted(seen)
    assert len(seen) == 2


async def test_only_a_partner_receives(office, told):
    for name in ("officer", "bidder", "enterprise", "city_authority"):
        with pytest.raises(Forbidden):
            await told(by=name)


@pytest.fixture
def mianyang(office):
    """The small city under Mianyang's rules."""
    office.pack = office.world.pack = pack_of_city("510700")
    return office


@pytest.fixture
def gates(office):
    async def ask(sheet, subject, awards=(), **flags):
        async with office.world.db.city(CITY) as conn:
            question = service.GateQuestion(sheet, subject, flags, awards)
            return await service.award_gates(conn, office.clock, office.pack, question)

    return ask


async def test_an_enterprise_may_apply_unless_a_gate_holds(mianyang, gates):
    answer = await gates("M1", ENTERPRISE, ["M2"], party_organisation=True)
    assert (answer.may_apply, answer.reasons, answer.unstated) == (True, (), ())
    answer = await gates("M1", ENTERPRISE)
    assert [(one.id, one.facts) for one in answer.reasons] == [("MD-5", ())]
    assert answer.unstated == ("party_organisation",)  # bars nobody while nobody states it
    answer = await gates("M1", ENTERPRISE, ["M2"], party_organisation=False)
    assert [one.id for one in answer.reasons] == ["MD-1"]


async def test_the_reasons_name_the_log_entries_behind_them(mianyang, gates):
    injured = await mianyang.fact("safety.casualty", occurred_on="2024-07-01")
    fined = await mianyang.fact("safety.penalty", occurred_on="2026-05-01")
    labour = await mianyang.fact("labour.major", occurred_on="2026-01-01")
    await mianyang.fact("labour.major", occurred_on="2025-12-31")  # last year
    await mianyang.world.publish_grades()
    answer = await gates("M1", ENTERPRISE, ["M2"])
    assert answer.grade == "C"
    async with mianyang.world.db.city(CITY) as conn:
        grade = await conn.fetchval(
            "SELECT e.idx FROM log_record r JOIN log_entry e USING (k)"
            " JOIN published_grade g USING (record_id) WHERE g.enterprise = $1", ENTERPRISE
        )  # fmt: skip
    assert [(one.id, one.facts) for one in answer.reasons] == [
        ("MD-3", (injured, fined)),
        ("MD-4", (labour, grade)),
    ]
    await mianyang.repair(fined)  # what was repaired bars nobody
    assert (await gates("M1", ENTERPRISE, ["M2"])).reasons[0].facts == (injured,)
    mianyang.wait(2)  # two years to the day after the accident
    assert [one.id for one in (await gates("M1", ENTERPRISE, ["M2"])).reasons] == ["MD-4"]


async def test_a_project_is_barred_by_the_black_list_of_its_enterprise_or_manager(mianyang, gates):
    assert (await gates("M2", "XQ-1", party_organisation=True)).may_apply
    fact = await mianyang.fact("labour.major", occurred_on="2026-06-01")
    entry = await mianyang.enter(fact)
    (reason,) = (await gates("M2", "XQ-1", party_organisation=True)).reasons
    view = await mianyang.view(entry)
    assert (reason.id, reason.facts) == ("MD-7", (view.index,))
    assert (await gates("M2", "XQ-3", party_organisation=True)).may_apply  # another enterprise's
    await mianyang.leave(entry)
    await mianyang.publish(entry)
    assert (await gates("M2", "XQ-1", party_organisation=True)).may_apply


async def test_a_projects_own_accident_bars_it_and_not_its_sister(mianyang, gates):
    subjects = [
        {"scheme": "USCC", "id": ENTERPRISE},
        {"scheme": "PROJECT", "id": "XQ-1"},
        {"scheme": "MANAGER", "id": "FZR-1"},
    ]
    index = await mianyang.fact("safety.penalty", primary="project", subjects=subjects)
    (reason,) = (await gates("M2", "XQ-1")).reasons
    assert (reason.id, reason.facts) == ("MD-8", (index,))
    assert (await gates("M2", "XQ-2")).may_apply


async def test_people_and_unknown_ones(mianyang, gates):
    (reason,) = (await gates("M4", "FZR-1", loyal=False)).reasons
    assert reason.id == "MD-9"
    assert (await gates("M4", "FZR-1")).unstated == ("loyal",)
    for sheet, subject in (
        ("M1", "91150200MA0000099X"), ("M2", "XQ-9"), ("M3", "YWH-9"), ("M4", "FZR-9"), ("M9", "x"),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await gates(sheet, subject)


async def test_a_pack_without_gates_says_so(office, gates):
    answer = await gates("A.2", ENTERPRISE)
    assert answer.may_apply is None
    assert "没有" in answer.note
