"""Facts that must not get in: days that are none, keys that do not count, the same thing at once."""

import asyncio
from uuid import UUID

import asyncpg
import msgspec
import pytest

from credit.events import service, store
from credit.events.signing import countersign
from credit.events.views import Correction, Decision, Withdrawal
from credit.kit.errors import Conflict, CreditError, Forbidden
from credit.kit.ids import new_id
from credit.kit.signing import SigningKey
from credit.log import service as log

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"


async def count(world, table):
    async with world.db.city(CITY) as conn:
        return await conn.fetchval(f"SELECT count(*) FROM {table}")


def same_fact(world):
    """Return a draft of the fact last drafted, under an id of its own."""
    world.references -= 1
    return world.draft()


def withdrawal(world, target, **changes):
    """Return a withdrawal of a fact, signed by both."""
    body = {
        "target": target.id,
        "subjects": [{"scheme": "USCC", "id": ENTERPRISE}],
        "reason": "overturned",
        "reference": "撤字〔2026〕1号",
        "evidence": [],
        **changes,
    }
    record = log.sign_record(
        world.keys["officer"], "event-withdrawn", new_id(world.clock.now()), body
    )
    record = log.sign_record(
        world.keys["reviewer"], record.kind, UUID(record.id), body, record.sigs
    )
    sigs = [{"kid": s.kid, "alg": s.alg, "sig": s.sig} for s in record.sigs]
    document = {"id": record.id, "kind": record.kind, "body": body, "sigs": sigs}
    return msgspec.convert(document, Withdrawal)


def correction(world, target):
    """Return a correction of a fact to another day, signed by both."""
    body = {**world.body(occurred_on="2026-03-01"), "target": target.id}
    ids = new_id(world.clock.now())
    record = log.sign_record(world.keys["officer"], "event-corrected", ids, body)
    record = log.sign_record(world.keys["reviewer"], record.kind, ids, body, record.sigs)
    sigs = [{"kid": s.kid, "alg": s.alg, "sig": s.sig} for s in record.sigs]
    document = {"id": record.id, "kind": record.kind, "body": body, "sigs": sigs}
    return msgspec.convert(document, Correction)


async def refused(world, draft, kind=Conflict):
    """Propose what must be refused; returns the refusal."""
    before = [await count(world, name) for name in ("event", "event_decision", "log_record")]
    with pytest.raises(kind) as caught:
        await world.propose(draft)
    now = [await count(world, name) for name in ("event", "event_decision", "log_record")]
    assert now == before
    return caught.value


async def test_a_day_that_is_none_is_refused(world):
    for day in ("2026-02-29", "2026-06-31", "0000-01-01"):
        refusal = await refused(world, world.draft(occurred_on=day))
        assert refusal.errors[0].field == "items[0]"


async def test_a_last_day_that_is_none_is_refused(world):
    for day in ("2027-02-29", "2027-06-31"):
        await refused(world, world.draft(valid_until=day))


async def test_no_accepted_fact_stops_the_grades_of_the_city(world):
    try:
        await world.propose(world.draft(valid_until="2027-02-29"))
    except CreditError:
        return
    await world.publish_grades()


async def test_a_fact_before_anybody_managed_the_project_is_refused(world):
    subjects = [
        {"scheme": "USCC", "id": ENTERPRISE},
        {"scheme": "PROJECT", "id": "XQ-1"},
        {"scheme": "MANAGER", "id": "FZR-1"},
    ]
    draft = world.draft(
        code="complaint.overdue", primary="project", subjects=subjects, occurred_on="2023-12-31"
    )
    assert "自 2024-01-01 起才有登记" in (await refused(world, draft)).errors[0].message


async def test_a_key_nobody_announced_signs_nothing(world):
    known = world.keys["officer"]
    for name in ("officer", "reviewer"):
        world.keys[name] = SigningKey.make()
        assert (await refused(world, world.draft(), Forbidden)).slug == "unknown-key"
        world.keys["officer"] = known


async def test_a_key_of_somebody_else_signs_for_nobody(world):
    for signers in (["reviewer"], ["city_authority", "reviewer"]):
        draft = world.draft(signers=signers)
        assert (await refused(world, draft, Forbidden)).slug == "bad-signature"


async def test_what_was_proposed_with_a_key_revoked_since_is_not_accepted(world):
    await world.propose(draft := world.draft(signers=["officer"]))
    event_id = UUID(draft.id)
    async with world.db.transaction(CITY) as conn:
        await log.revoke_key(
            conn, world.clock, world.keys["officer"].kid, world.keys["administrator"]
        )
        row = (await store.load_events(conn, [event_id]))[event_id]
    decisions = [
        Decision("accepted", "属实", countersign(world.keys["reviewer"], row)),
        Decision("refused", "请用有效的密钥重新提出"),
    ]

    async def decide(decision):
        async with world.db.transaction(CITY) as conn:
            await service.decide(conn, world.clock, world.actors["reviewer"], {event_id: decision})

    with pytest.raises(Forbidden) as caught:
        await decide(decisions[0])
    assert caught.value.slug == "revoked-key"
    assert await count(world, "event_decision") == 0
    await decide(decisions[1])


async def test_one_fact_under_many_ids_at_once_is_taken_in_once(world):
    """On as many connections, without the queue that one process puts before them."""
    drafts = [world.draft(), *(same_fact(world) for _ in range(7))]
    results = await asyncio.gather(
        *(world.propose(draft) for draft in drafts), return_exceptions=True
    )
    slugs = sorted(getattr(one, "slug", "taken") for one in results)
    assert slugs == ["event-exists"] * 7 + ["taken"]
    assert await count(world, "event") == 1


async def test_of_batches_with_the_same_facts_at_once_one_is_taken_in_whole(world):
    """In opposite orders too, where the database may have to break a deadlock."""
    drafts = [world.draft() for _ in range(40)]
    results = await asyncio.gather(
        *(world.propose(*way) for way in (drafts, drafts[::-1], drafts[:20], drafts[20:])),
        return_exceptions=True,
    )
    taken = [one for one in results if not isinstance(one, Exception)]
    assert all(isinstance(one, (list, Conflict, asyncpg.DeadlockDetectedError)) for one in results)
    assert await count(world, "event") == sum(map(len, taken)) > 0


async def test_a_withdrawal_of_another_enterprise_s_fact_is_refused(world):
    await world.propose(fact := world.draft())
    wrong = withdrawal(world, fact, subjects=[{"scheme": "USCC", "id": OTHER}])
    assert (await refused(world, wrong)).errors[0].field == "items[0].body.target"


async def test_a_fact_is_withdrawn_once(world):
    await world.propose(fact := world.draft())
    await world.propose(withdrawal(world, fact))
    assert (await refused(world, withdrawal(world, fact))).slug == "event-exists"


async def test_a_withdrawal_names_the_subjects_of_its_fact(world):
    await world.propose(fact := world.draft())
    await refused(world, withdrawal(world, fact, subjects=[{"scheme": "INT", "id": ENTERPRISE}]))


async def test_batches_of_the_same_facts_in_opposite_order_wait_for_each_other(world):
    facts = [world.draft() for _ in range(60)]
    world.references -= 60
    again = [world.draft() for _ in range(60)][::-1]

    async def take(drafts):
        async with world.db.transaction(CITY) as conn:
            await service.propose(conn, world.clock, world.actors["officer"], world.pack, drafts)

    outcomes = await asyncio.gather(take(facts), take(again), return_exceptions=True)
    assert {getattr(one, "slug", one) for one in outcomes} == {None, "event-exists"}
    assert await count(world, "event") == 60


async def test_a_fact_is_corrected_once_and_then_its_correction_may_be(world):
    await world.propose(fact := world.draft())
    await world.propose(first := correction(world, fact))
    assert (await refused(world, correction(world, fact))).slug == "event-exists"
    await world.propose(correction(world, first))
