"""Criteria find whom an officer may propose; they list nobody."""

from dataclasses import replace as changed_with
from datetime import date

import pytest

from credit.blacklist import service
from credit.blacklist.store import NAMED_BY_FACTS
from credit.kit.errors import Conflict, NotFound
from credit.rules.listing import Criterion, HeldGrade, LiveCodes, LiveFacts

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"


@pytest.fixture
def found(office):
    """Say who meets which criteria, and on which facts."""

    async def look(name="black", pack=None, after="", limit=50):
        async with office.world.db.city(CITY) as conn:
            items, following = await service.candidates(
                conn,
                pack or office.pack,
                name,
                on=office.clock.today(),
                after=after,
                limit=limit,
            )
        return [
            (one.subject, one.criteria, tuple(fact.index for fact in one.facts)) for one in items
        ], following

    return look


async def test_live_facts_make_a_candidate_and_nothing_more(office, found):
    assert await found() == ([], None)
    first = await office.fact(code="mass.incident", points="5")
    assert await found() == ([], None)  # one grave fact is not two
    second = await office.fact(code="tender.collusion")
    assert await found() == ([(ENTERPRISE, ("B-1", "B-2"), (first, second))], None)
    async with office.world.db.city(CITY) as conn:
        assert await conn.fetchval("SELECT count(*) FROM list_entry") == 0
    office.wait(355)  # the first counted for twelve months
    assert await found() == ([(ENTERPRISE, ("B-2",), (second,))], None)


async def test_who_is_proposed_or_listed_is_no_candidate_until_it_is_over(office, found):
    fact = await office.fact()
    entry = await office.propose(fact, criterion="B-2")
    assert await found() == ([], None)
    await office.decide(entry, "rejected")
    assert await found() == ([(ENTERPRISE, ("B-2",), (fact,))], None)


async def test_what_is_only_proposed_or_was_withdrawn_makes_nobody_a_candidate(office, found):
    await office.world.propose(office.world.draft(code="tender.collusion", signers=["officer"]))
    await office.world.sequence()
    assert await found() == ([], None)


async def test_candidates_come_in_pages_by_code(office, found):
    ours, theirs = await office.fact(), await office.fact(subject=("USCC", OTHER))
    first, following = await found(limit=1)
    assert (first, following) == ([(ENTERPRISE, ("B-2",), (ours,))], ENTERPRISE)
    assert await found(limit=1, after=following) == ([(OTHER, ("B-2",), (theirs,))], None)


async def test_the_facts_of_a_project_are_its_enterprises_and_a_persons_own_are_not(office, found):
    subjects = [
        {"scheme": "USCC", "id": ENTERPRISE},
        {"scheme": "PROJECT", "id": "XQ-1"},
        {"scheme": "MANAGER", "id": "FZR-1"},
    ]
    index = await office.fact(code="fund.misuse", primary="project", subjects=subjects)
    assert await found() == ([(ENTERPRISE, ("B-2",), (index,))], None)
    await office.fact(code="neglect.duty", primary="manager", subjects=subjects)
    pack = Packed(office.pack, Criterion("X", "失职", LiveCodes(("neglect.duty",)), "示例"))
    items, _ = await found(pack=pack)
    assert [subject for subject, _, _ in items] == ["FZR-1"]


class Packed:
    """A pack whose black list has one criterion of our own."""

    def __init__(self, pack, criterion):
        self.head, self._pack, self._criterion = pack.head, pack, criterion

    def on(self, day):
        rules = self._pack.on(day)
        lists = tuple(changed_with(one, criteria=(self._criterion,)) for one in rules.lists.lists)
        return changed_with(rules, lists=changed_with(rules.lists, lists=lists))


async def test_held_grades_propose_the_red_list_unless_a_grave_fact_is_live(office, found):
    for level in ("国家", "自治区"):
        await office.fact("award.government", level=level)
    await office.fact("takeover.estate", points="8")
    await office.world.publish_grades(date(2026, 6, 10))
    assert (await found("red"))[0] == []  # one publication is not two
    office.wait(1)
    await office.world.publish_grades(date(2026, 6, 11))
    ((subject, criteria, facts),) = (await found("red"))[0]
    assert (subject, criteria, len(facts)) == (ENTERPRISE, ("R-1",), 2)
    entry = await office.enter(
        *facts, list="red", measures=("R-M1",), criterion="R-1", reason="", until="listed"
    )
    await office.publish(entry)
    assert (await found("red"))[0] == []
    await office.leave(entry)
    await office.publish(entry)
    assert len((await found("red"))[0]) == 1
    await office.fact()
    assert (await found("red"))[0] == []


async def test_a_worse_grade_in_between_ends_the_row(office, found):
    pack = Packed(office.pack, Criterion("X", "连续两次 2A 以上", HeldGrade("2A", 2), "示例"))
    await office.fact("award.government", level="市", occurred_on="2026-06-01")
    for day in (10, 11):
        await office.world.publish_grades(date(2026, 6, day))
        office.wait(1)
    assert len((await found("red", pack))[0]) == 1
    await office.fact(code="penalty.administrative", level="市", occurred_on="2026-06-02")
    await office.world.publish_grades(date(2026, 6, 12))
    assert (await found("red", pack))[0] == []


async def test_a_graver_fact_counts_for_a_lighter_criterion(office, found):
    pack = Packed(office.pack, Criterion("X", "一般以上", LiveFacts("general", 1), "示例"))
    index = await office.fact()
    assert await found(pack=pack) == ([(ENTERPRISE, ("X",), (index,))], None)


async def test_a_list_the_pack_does_not_have_is_refused(office, found):
    class Empty(Packed):
        def on(self, day):
            rules = self._pack.on(day)
            return changed_with(rules, lists=changed_with(rules.lists, lists=()))

    with pytest.raises(NotFound):
        await found(pack=Empty(office.pack, None))
    with pytest.raises((NotFound, Conflict)):
        await office.act(service.propose, "officer", Empty(office.pack, None), office.proposal(1))


async def test_facts_are_found_by_their_code_and_not_by_reading_all_of_them(office):
    async with office.world.db.transaction(CITY) as conn:
        await conn.execute("SET LOCAL enable_seqscan = off")
        plan = await conn.fetch(
            "EXPLAIN " + NAMED_BY_FACTS, ["tender.collusion"], "", ["enterprise", "manager"], 51
        )
    assert sum("ix_event_code" in row[0] for row in plan) == 2
