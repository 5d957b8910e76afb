"""Credit events: proposed by one, decided by another, refused when the catalogue says so."""

import asyncio
from uuid import UUID

import msgspec
import pytest

from credit.events import service
from credit.events.signing import countersign
from credit.events.views import Decision
from credit.kit.errors import Conflict, Forbidden, NotFound
from credit.log import service as log

CITY = "150200"
ENTERPRISE = "91150200MA0000000C"


async def decide(world, draft, outcome="accepted", by="reviewer"):
    from credit.events import store

    event_id = UUID(draft.id)
    async with world.db.transaction(CITY) as conn:
        row = (await store.load_events(conn, [event_id]))[event_id]
        sig = countersign(world.keys[by], row)
        decision = Decision(outcome, "属实" if outcome == "accepted" else "证据不足", sig)
        return await service.decide(conn, world.clock, world.actors[by], {event_id: decision})


async def test_a_proposal_waits_until_another_person_accepts_it(world):
    draft = world.draft(signers=["officer"])
    (state,) = await world.propose(draft)
    assert state.status == "proposed"
    await world.sequence()
    async with world.db.city(CITY) as conn:
        assert await log.index_of(conn, [UUID(draft.id)]) == {}
    (state,) = await decide(world, draft)
    assert state.status == "effective"
    await world.sequence()
    async with world.db.city(CITY) as conn:
        found = await service.state_of(conn, UUID(draft.id))
        assert found.index is not None
        proof = await log.entry_proof(conn, UUID(draft.id))
        assert len(msgspec.json.decode(proof.entry)["sigs"]) == 2


async def test_a_refused_proposal_never_reaches_the_log_and_may_be_proposed_again(world):
    draft = world.draft(signers=["officer"])
    await world.propose(draft)
    await decide(world, draft, "refused")
    world.references -= 1
    again = world.draft(signers=["officer"])
    assert again.body == draft.body
    (state,) = await world.propose(again)
    assert state.status == "proposed"


async def test_the_same_fact_is_refused_under_another_id(world):
    await world.propose(world.draft())
    world.references -= 1
    with pytest.raises(Conflict, match="已经登记过"):
        await world.propose(world.draft())


async def test_nobody_decides_what_they_proposed(world):
    from credit.access.views import Actor

    draft = world.draft(signers=["officer"])
    await world.propose(draft)
    officer = world.actors["officer"]
    world.actors["both"] = Actor(
        officer.person_id, officer.roles, None, frozenset({"events:decide"})
    )
    world.keys["both"] = world.keys["officer"]
    with pytest.raises(Forbidden, match="不能是同一人"):
        await decide(world, draft, by="both")


async def test_one_person_signing_twice_is_refused(world):
    with pytest.raises(Forbidden):
        await world.propose(world.draft(signers=["officer", "officer"]))


async def test_a_second_signature_by_somebody_who_may_not_decide_is_refused(world):
    with pytest.raises(Forbidden, match="没有决定权"):
        await world.propose(world.draft(signers=["officer", "bidder"]))


async def test_of_two_decisions_at_once_one_counts(world):
    draft = world.draft(signers=["officer"])
    await world.propose(draft)
    results = await asyncio.gather(
        decide(world, draft), decide(world, draft, "refused"), return_exceptions=True
    )
    refused = [one for one in results if isinstance(one, Conflict)]
    assert len(refused) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"code": "no.such"}, "事件目录里没有"),
        ({"code": "award.government"}, "要写级别"),
        ({"code": "award.government", "level": "区级"}, "要写级别"),
        ({"code": "conduct.good", "points": "11"}, "应在 1 到 10 之间"),
        ({"points": "3"}, "请去掉分值"),
        ({"occurred_on": "2026-07-01"}, "在今天之后"),
        ({"occurred_on": "2019-12-31"}, "才有登记"),
        ({"pack": "xinhua-2022"}, "本市用规则包"),
        ({"subject": ("USCC", "91150200MA0000009F")}, "登记册里没有"),
        ({"code": "complaint.upheld", "points": "1"}, "只能记在"),
        ({"valid_until": "2026-05-01"}, "有效期止日"),
    ],
)
async def test_what_catalogue_or_register_does_not_allow_is_refused_with_the_cure(
    world, change, message
):
    with pytest.raises(Conflict) as caught:
        await world.propose(world.draft(**change))
    assert message in caught.value.errors[0].message


async def test_a_project_fact_names_the_enterprise_that_managed_it_that_day(world):
    subjects = [
        {"scheme": "USCC", "id": ENTERPRISE},
        {"scheme": "PROJECT", "id": "XQ-1"},
        {"scheme": "MANAGER", "id": "FZR-1"},
    ]
    good = world.draft(code="complaint.overdue", primary="project", subjects=subjects)
    (state,) = await world.propose(good)
    assert state.status == "effective"
    wrong = [{"scheme": "USCC", "id": "91150200MA0000001F"}, *subjects[1:]]
    with pytest.raises(Conflict) as caught:
        await world.propose(
            world.draft(code="complaint.overdue", primary="project", subjects=wrong)
        )
    assert "应依次为 USCC 91150200MA0000000C" in caught.value.errors[0].message


async def test_a_changed_body_breaks_the_signature(world):
    draft = world.draft()
    changed = msgspec.structs.replace(
        draft, body=msgspec.structs.replace(draft.body, reference="改过〔2026〕1号")
    )
    with pytest.raises(Forbidden, match="签名与内容不符"):
        await world.propose(changed)


async def test_a_retired_key_no_longer_signs(world):
    async with world.db.transaction(CITY) as conn:
        await log.revoke_key(
            conn, world.clock, world.keys["officer"].kid, world.keys["administrator"]
        )
    with pytest.raises(Forbidden, match="已被吊销"):
        await world.propose(world.draft())


async def test_a_batch_with_one_fault_leaves_nothing_behind(world):
    good, bad = world.draft(), world.draft(code="no.such")
    with pytest.raises(Conflict) as caught:
        await world.propose(good, bad)
    assert caught.value.errors[0].field == "items[1]"
    await world.sequence()
    async with world.db.city(CITY) as conn:
        with pytest.raises(NotFound):
            await service.state_of(conn, UUID(good.id))
