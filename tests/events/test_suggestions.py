"""What other parts of the service suggest becomes a fact only when an officer proposes it."""

import asyncio
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from credit.events import service
from credit.events.course.views import Suggestion
from credit.kit.errors import Conflict, Forbidden, NotFound

CITY = "150200"
GIVEN = Suggestion(
    "duty", "duty-1", "contract.breach.minor", "enterprise", "91150200MA0000000C",
    date(2026, 6, 1), "履字〔2026〕1号", "第二季度没有公开公共收益", ("sha256:" + "1" * 64,),
)  # fmt: skip


async def listed(office):
    found = await office.act(lambda conn: service.suggestions(conn, UUID(int=0), 9))
    return [one.suggestion for one in found]


def suggest(office, given=GIVEN):
    return office.act(lambda conn: service.suggest(conn, office.world.clock, given))


def take(office, one, fact, by="officer"):
    world = office.world
    return office.act(lambda conn: service.take(conn, world.clock, world.actors[by], one, fact))


def dismiss(office, one, reason="已由法院处理", by="officer"):
    world = office.world
    return office.act(
        lambda conn: service.dismiss(conn, world.clock, world.actors[by], one, reason)
    )


async def test_a_suggestion_waits_once_and_is_taken_by_who_proposes_the_fact(office):
    one = await suggest(office)
    assert await suggest(office) is None
    assert await suggest(office, replace(GIVEN, code="contract.breach.general")) is not None
    assert GIVEN in await listed(office)
    fact = await office.propose(GIVEN.code, reference=GIVEN.reference)
    assert (await office.course(fact)).state == "proposed"
    await take(office, one, fact)
    assert GIVEN not in await listed(office)
    found = await office.act(lambda conn: service.suggested(conn, one))
    assert (found.state, found.event_id) == ("taken", fact)
    with pytest.raises(Conflict) as caught:
        await dismiss(office, one)
    assert caught.value.slug == "suggestion-handled"


async def test_a_suggestion_is_set_aside_with_a_reason_and_never_comes_back(office):
    one = await suggest(office)
    with pytest.raises(Conflict):
        await dismiss(office, one, " ")
    with pytest.raises(Forbidden):
        await dismiss(office, one, by="reviewer")
    await dismiss(office, one)
    assert await listed(office) == []
    assert await suggest(office) is None
    found = await office.act(lambda conn: service.suggested(conn, one))
    assert (found.state, found.reason) == ("dismissed", "已由法院处理")


async def test_nobody_takes_what_they_did_not_propose_or_what_is_not_there(office, world):
    one = await suggest(office)
    fact = await office.propose(GIVEN.code)
    await world.hire("colleague", "association_officer")
    with pytest.raises(Forbidden):
        await take(office, one, fact, by="colleague")
    for wrong in ((one, UUID(int=1)), (UUID(int=1), fact)):
        with pytest.raises(NotFound):
            await take(office, *wrong)


async def test_a_suggestion_becomes_the_fact_it_suggests_and_no_other(office):
    one = await suggest(office)
    for number, wrong in enumerate((
        {"code": "contract.breach.general"},
        {"code": GIVEN.code, "subject": ("USCC", "91150200MA0000001F")},
    )):  # fmt: skip
        fact = await office.propose(reference=f"履字〔2026〕{number}号", **wrong)
        with pytest.raises(Conflict) as caught:
            await take(office, one, fact)
        assert caught.value.slug == "another-fact"
    assert GIVEN in await listed(office)


async def test_a_street_handles_suggestions_about_its_own_alone(office, world):
    await world.widen()
    await world.hire("street", "street_officer", kind="street", division="150203002")
    given = replace(GIVEN, primary="project", subject="XQ-1", code="complaint.overdue")
    foreign = await suggest(office, given)
    own = await suggest(office, replace(given, subject="XQ-4", source_id="duty-4"))
    with pytest.raises(Forbidden) as caught:
        await dismiss(office, foreign, by="street")
    assert caught.value.slug == "other-division"
    subjects = [{"scheme": "USCC", "id": GIVEN.subject}, {"scheme": "PROJECT", "id": "XQ-1"},
                {"scheme": "MANAGER", "id": "FZR-1"}]  # fmt: skip
    fact = await office.propose("complaint.overdue", primary="project", subjects=subjects)
    world.actors["street"] = replace(
        world.actors["street"], person_id=world.actors["officer"].person_id
    )
    with pytest.raises(Forbidden):
        await take(office, foreign, fact, by="street")
    await take(office, foreign, fact)
    await dismiss(office, own, by="street")
    world.actors["street"] = replace(world.actors["street"], division=None)
    with pytest.raises(Forbidden) as caught:
        await dismiss(office, await suggest(office), by="street")
    assert caught.value.slug == "no-division"


async def test_what_a_source_suggests_no_more_is_set_aside(office):
    other = replace(GIVEN, source_id="duty-2")
    one, kept = await suggest(office), await suggest(office, other)
    taken = await suggest(office, replace(GIVEN, code="contract.breach.general"))
    fact = await office.propose("contract.breach.general")
    await take(office, taken, fact)

    def supersede(by=None):
        return office.act(
            lambda conn: service.supersede_suggestions(
                conn, office.world.clock, "duty", "duty-1", "争议改判为已履行", by=by
            )
        )

    assert [await supersede(), await supersede("P-1")] == [1, 0]
    assert await listed(office) == [other]
    found = [
        await office.act(lambda conn, each=each: service.suggested(conn, each))
        for each in (one, taken, kept)
    ]
    assert [(each.state, each.handled_by, each.reason) for each in found] == [
        ("dismissed", None, "争议改判为已履行"),
        ("taken", office.world.actors["officer"].person_id, None),
        ("open", None, None),
    ]


async def test_of_two_officers_at_once_one_handles_it(office):
    one = await suggest(office)
    outcomes = await asyncio.gather(
        *(dismiss(office, one) for _ in range(3)), return_exceptions=True
    )
    assert sorted(getattr(each, "slug", "") for each in outcomes) == [
        "", "suggestion-handled", "suggestion-handled",
    ]  # fmt: skip


async def test_kept_files_come_as_a_record_names_them(office):
    proof = await office.evidence()
    found = await office.act(
        lambda conn: service.suggested_evidence(conn, ["sha256:" + "0" * 64, proof.digest])
    )
    assert found == [proof]
