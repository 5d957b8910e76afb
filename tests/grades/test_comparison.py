"""Runs compared with what is in force, and scores and distributions over time."""

import zlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise, product
from uuid import UUID

import orjson
import pytest

from credit.grades import service, store
from credit.grades.service import comparison
from credit.kit.errors import NotFound
from credit.log import service as log
from credit.rules.grading import Evaluation, Fact, Grader, SubjectRecord
from credit.rules.loading import pack_of_city

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
D = Decimal
DAY = timedelta(days=1)
PACK = pack_of_city(CITY)
LADDER = ("3A", "2A", "A", "B")


# Through the services


async def a_run(world, on=None):
    """Compute a run and leave it unpublished."""
    await world.sequence()
    async with world.db.transaction(CITY) as conn:
        return await service.run(
            conn, world.clock, world.actors["officer"], world.pack, on or world.clock.today()
        )


async def compared(world, run):
    async with world.db.city(CITY) as conn:
        return await service.compare_run(conn, world.pack, run.id)


async def places(world, *drafts):
    """Return where facts stand in the log."""
    ids = [UUID(draft.id) for draft in drafts]
    async with world.db.city(CITY) as conn:
        found = await log.index_of(conn, ids)
    return [found[one] for one in ids]


async def explained(world, run, code=ENTERPRISE):
    async with world.db.city(CITY) as conn:
        changes = await service.explain_change(conn, run.id, code)
    return [(one.change, one.rule, one.before, one.after, one.index) for one in changes]


async def test_a_run_shows_what_its_publication_will_change_and_afterwards_what_it_changed(world):
    await world.propose(world.draft(code="award.government", level="市"))
    first = await world.publish_grades(date(2026, 6, 10))
    nothing = await compared(world, await a_run(world))
    assert (nothing.changed, nothing.items) == (0, [])
    await world.propose(
        world.draft(code="penalty.administrative", level="市"),
        world.draft(subject=("USCC", OTHER)),
    )
    world.clock.now_value += DAY
    run = await a_run(world)
    found = await compared(world, run)
    assert (found.on, found.published, found.enterprises) == (run.on_date, False, 2)
    assert found.before == {"3A": 0, "2A": 1, "A": 0, "B": 0, "unrated": 1}
    assert found.after == run.summary["distribution"]
    assert list(found.after) == [*LADDER, "unrated"]
    assert found.counts == {"worse": 1, "unrated": 0, "better": 0, "rated": 1, "score": 0}
    worse, rated = found.items
    assert (worse.code, worse.name, worse.change) == (ENTERPRISE, "甲物业有限公司", "worse")
    assert (worse.grade_before, worse.score_before) == ("2A", 100)
    assert (worse.grade_after, worse.score_after) == ("A", 90)
    assert (rated.code, rated.change, rated.grade_before) == (OTHER, "rated", None)

    published = await world.publish_grades()
    later = await compared(world, run)
    assert later.items == []  # another run of the same facts is in force now
    again, older = await compared(world, published), await compared(world, first)
    assert again.published
    assert (again.before, again.after, again.items) == (found.before, found.after, found.items)
    assert older.before == {"3A": 0, "2A": 0, "A": 0, "B": 0, "unrated": 2}


async def test_a_change_is_explained_by_the_steps_that_came_and_went(world):
    award = world.draft(code="award.government", level="市", occurred_on="2025-07-05")
    await world.propose(award, world.draft(code="training.completed"))
    await world.publish_grades()
    world.clock.now_value += 10 * DAY
    penalty = world.draft(code="penalty.administrative", level="区")
    await world.propose(penalty)
    run = await a_run(world)
    old, new = await places(world, award, penalty)
    assert await explained(world, run) == [
        ("changed", "grade", "2A", "A", None),
        ("changed", "score", "101", "86", None),
        ("appeared", "penalty.administrative", None, "-5", new),
        ("vanished", "award.government", "10", None, old),
    ]
    assert await explained(world, run, OTHER) == []
    async with world.db.city(CITY) as conn:
        (_, _, appeared, _) = await service.explain_change(conn, run.id, ENTERPRISE)
    assert appeared.title == "受到行政处罚或通报批评"
    assert appeared.source == "示例，参照银川市记分标准第 8 项"


async def test_without_a_grade_in_force_every_step_appeared(world):
    note = world.draft()
    await world.propose(note)
    run = await a_run(world)
    assert await explained(world, run) == [
        ("appeared", "grade", None, "A", None),
        ("appeared", "score", None, "90", None),
        ("appeared", "base", None, "90", None),
        ("appeared", "note.registered", None, "0", *await places(world, note)),
    ]


async def test_a_run_or_an_enterprise_there_is_not_is_refused(world):
    run = await a_run(world)
    async with world.db.city(CITY) as conn:
        with pytest.raises(NotFound):
            await service.compare_run(conn, world.pack, UUID(int=1))
        with pytest.raises(NotFound):
            await service.explain_change(conn, UUID(int=1), ENTERPRISE)
        with pytest.raises(NotFound, match="没有这家企业"):
            await service.explain_change(conn, run.id, "91150200MA0000009X")


async def test_scores_and_distributions_follow_the_publications(world):
    await world.propose(world.draft(code="training.completed", occurred_on="2026-05-01"))
    for day, code, more in (
        (date(2026, 6, 1), "note.registered", {}),
        (date(2026, 6, 20), "wages.arrears", {}),
        (date(2026, 6, 10), "penalty.administrative", {"level": "区"}),
    ):
        world.clock.now_value += DAY
        await world.propose(world.draft(code=code, occurred_on="2026-06-05", **more))
        await world.publish_grades(day)
    async with world.db.city(CITY) as conn:
        history = await service.score_history(conn, ENTERPRISE)
        # The publication for the 20th was replaced by a later one that begins on the 10th.
        assert [(one.valid_from, one.score, one.grade) for one in history] == [
            (date(2026, 6, 1), 91, "A"),
            (date(2026, 6, 10), 80, "B"),
        ]
        others = await service.score_history(conn, OTHER)
        assert [(one.score, one.grade) for one in others] == [(None, None)] * 2
        assert await service.score_history(conn, "nobody") == []
        for day, counts in (
            (date(2026, 5, 31), {"unrated": 2}),
            (date(2026, 6, 9), {"A": 1, "unrated": 1}),
            (date(2026, 6, 30), {"B": 1, "unrated": 1}),
            (date(2027, 6, 10), {"A": 1, "unrated": 1}),  # of the 20th, which ends later
            (date(2027, 6, 20), {"unrated": 2}),
        ):
            assert await service.distribution_in_force(conn, day) == counts
        points = await service.distribution_history(conn)
    assert [one.valid_from.day for one in points] == [1, 20, 10]
    assert [one.distribution for one in points] == [
        {"3A": 0, "2A": 0, "A": 1, "B": 0, "unrated": 1},
        {"3A": 0, "2A": 0, "A": 1, "B": 0, "unrated": 1},
        {"3A": 0, "2A": 0, "A": 0, "B": 1, "unrated": 1},
    ]


# A whole register, put into the tables as runs would

ON = date(2026, 6, 30)
NOON = datetime(2026, 6, 30, 4, tzinfo=UTC)
SCORES = {"3A": D(125), "2A": D(110), "A": D(90), "B": D(50)}


def code_of(number):
    return f"N-{number:03d}"


async def put_run(conn, number, results, *, on=ON, published_at=None):
    """Store a run of {code: (grade, score)}, and publish it when told a moment."""
    run_id = UUID(int=number)
    run = store.RunRow(
        run_id, "p", "1", "d", "sample", on, 1, {"distribution": {}, "enterprises": 0}, "o", NOON, False
    )  # fmt: skip
    await store.add_run(conn, run)
    rows = [
        (code, "graded" if grade else "unrated", grade, score, b"", b"", None)
        for code, (grade, score) in results.items()
    ]
    await store.add_results(conn, run_id, rows)
    if published_at is not None:
        await store.add_publication(
            conn,
            run_id,
            {code: UUID(int=number * 1000 + place) for place, code in enumerate(results)},
            valid_from=on,
            valid_until=on.replace(year=on.year + 1),
            by="c",
            now=published_at,
        )
    return run_id


@pytest.fixture
async def register(conn):
    """Every move from one grade or none to another, with the score up, down or as it was."""
    kinds = (*LADDER, None)
    moves = [
        (before, after, rise)
        for before, after, rise in product(kinds, kinds, (-1, 0, 1))
        if rise == 0 or (before and after)
    ]
    before, after = {}, {}
    for number, (old, new, rise) in enumerate(moves):
        before[code_of(number)] = (old, SCORES.get(old))
        after[code_of(number)] = (new, SCORES[new] + rise if new else None)
    await conn.execute(
        "INSERT INTO enterprise (code, kind, name, founded_on, created_at)"
        " SELECT c, 'company', '企业' || c, '2020-01-01', now() FROM unnest($1::text[]) AS c",
        list(before),
    )
    return conn, before, after


def severity(one):
    """Say how grave a change is, in words of its own: rungs fallen, and points fallen."""
    place = {grade: rank for rank, grade in enumerate(LADDER)}
    rungs = 0
    if one.grade_before and one.grade_after:
        rungs = place[one.grade_after] - place[one.grade_before]
    fall = (one.score_before or 0) - (one.score_after or 0)
    return rungs, fall


async def test_the_changes_of_a_run_come_the_gravest_first_and_page_by_page(register):
    conn, before, after = register
    await put_run(conn, 1, before, on=ON - 30 * DAY, published_at=NOON - 30 * DAY)
    run_id = await put_run(conn, 2, after)
    whole = await service.compare_run(conn, PACK, run_id, limit=200)
    changed = {code for code in before if before[code] != after[code]}
    assert {one.code for one in whole.items} == changed
    assert (whole.enterprises, whole.changed) == (len(before), len(changed))
    for one in whole.items:
        assert (one.grade_before, one.score_before) == before[one.code]
        assert (one.grade_after, one.score_after) == after[one.code]
        assert one.name == f"企业{one.code}"
    kinds = [one.change for one in whole.items]
    assert kinds == [kind for kind, count in whole.counts.items() for _ in range(count)]
    assert list(whole.counts) == ["worse", "unrated", "better", "rated", "score"]
    assert {one.change for one in whole.items if severity(one)[0] > 0} == {"worse"}
    assert {one.change for one in whole.items if severity(one)[0] < 0} == {"better"}
    worse = [one for one in whole.items if one.change == "worse"]
    assert [severity(one) for one in worse] == sorted(map(severity, worse), reverse=True)
    assert (worse[0].grade_before, worse[0].grade_after) == ("3A", "B")
    score = [severity(one)[1] for one in whole.items if one.change == "score"]
    assert score == sorted(score, reverse=True)
    assert score[0] > 0 > score[-1]
    for grade in (*LADDER, "unrated"):
        assert whole.before[grade] == [old or "unrated" for old, _ in before.values()].count(grade)
        assert whole.after[grade] == [new or "unrated" for new, _ in after.values()].count(grade)
    pages = [
        await service.compare_run(conn, PACK, run_id, limit=9, offset=offset)
        for offset in range(0, len(changed) + 9, 9)
    ]
    assert [one for page in pages for one in page.items] == whole.items
    assert {(page.changed, len(page.items) <= 9) for page in pages} == {(len(changed), True)}


async def test_a_page_is_never_longer_than_allowed(register, monkeypatch):
    conn, before, after = register
    await put_run(conn, 1, before, published_at=NOON)
    run_id = await put_run(conn, 2, after)
    monkeypatch.setattr(comparison, "COMPARED_MAX", 5)
    for limit, offset, length in ((200, 0, 5), (5, -7, 5), (0, 0, 0), (-3, 0, 0), (5, 10_000, 0)):
        found = await service.compare_run(conn, PACK, run_id, limit=limit, offset=offset)
        assert len(found.items) == length


async def test_what_a_run_is_compared_with_is_what_stands_in_force(register):
    """Of several publications the standings choose, and the comparison chooses the same."""
    conn, before, after = register
    codes = list(before)
    shifted = dict(zip(codes, [*before.values()][7:], strict=False))  # all but the last seven
    few = dict(list(after.items())[:20])
    await put_run(conn, 1, before, on=ON - 400 * DAY, published_at=NOON - 400 * DAY)
    await put_run(conn, 2, few, on=ON - 365 * DAY, published_at=NOON - 300 * DAY)
    await put_run(conn, 3, shifted, on=ON - 90 * DAY, published_at=NOON - 20 * DAY)
    await put_run(conn, 4, few, on=ON - 60 * DAY, published_at=NOON - 30 * DAY)
    await put_run(conn, 5, before, on=ON + DAY, published_at=NOON)
    run_id = await put_run(conn, 6, dict.fromkeys(codes, ("A", D("0.5"))))
    found = await service.compare_run(conn, PACK, run_id, limit=200)
    standings = await service.standings(conn, codes, valid_at=ON, size=None)
    assert found.changed == len(codes)
    for one in found.items:
        published = standings[one.code].published
        expected = (published.grade, published.score) if published else (None, None)
        assert (one.grade_before, one.score_before) == expected
    in_force = await service.distribution_in_force(conn, ON)
    assert in_force == {grade: count for grade, count in found.before.items() if count}
    for grade in in_force:
        page = await service.register(conn, ON, "", query=None, grade=grade, limit=500)
        assert len(page) == in_force[grade]
    later = await put_run(conn, 7, before, published_at=NOON + DAY)
    await put_run(conn, 8, shifted, published_at=NOON + 2 * DAY)
    assert (await service.compare_run(conn, PACK, later)).before == found.before


async def test_a_grade_the_ladder_no_longer_has_counts_as_below_all_others(register):
    conn, before, _ = register
    (code, *_) = before
    await put_run(conn, 1, {code: ("C", D(10))}, published_at=NOON)
    run_id = await put_run(conn, 2, {code: ("B", D(10))})
    found = await service.compare_run(conn, PACK, run_id)
    assert [one.change for one in found.items] == ["better"]
    assert found.before == {"3A": 0, "2A": 0, "A": 0, "B": 0, "C": 1, "unrated": 0}
    await put_run(conn, 3, {code: ("B", D(10))}, published_at=NOON + DAY)
    run_id = await put_run(conn, 4, {code: ("C", D(10))})
    found = await service.compare_run(conn, PACK, run_id)
    assert [one.change for one in found.items] == ["worse"]


async def test_a_later_publication_of_an_earlier_time_leaves_a_score_alone_that_it_does_not_cover(
    register,
):
    conn, before, _ = register
    (code, *_) = before
    days = (ON - 30 * DAY, ON - 395 * DAY, ON - 30 * DAY, ON - 396 * DAY, ON - 20 * DAY)
    for number, day in enumerate(days, 1):
        moment = NOON + number * DAY
        await put_run(conn, number, {code: ("A", D(number))}, on=day, published_at=moment)
    history = await service.score_history(conn, code)
    assert [(one.valid_from, one.score) for one in history] == [
        (ON - 396 * DAY, 4),
        (ON - 30 * DAY, 3),
        (ON - 20 * DAY, 5),
    ]


# Traces

GRADER = PACK.on(ON).grader


def fact(code, index, occurred_on=ON, **more):
    more = {"level": None, "points": None, "fact_key": None, "valid_until": None, **more}
    return Fact(index, f"f{index}", code, occurred_on, "enterprise", **more)


def sheet(index, total, year):
    return Evaluation(index, "e", "A.2", year, D(total), D(1), False, True, date(year, 6, 1))


def tree(*facts, evaluations=(), grader=GRADER):
    return grader.grade(SubjectRecord("x", facts, tuple(evaluations)), ON).trace.to_json()


def differences(before, after):
    packed = [zlib.compress(orjson.dumps(one)) for one in (before, after)]
    return comparison._differences(*map(comparison._steps, packed))


def told(changes):
    return [(one.change, one.rule, one.before, one.after, one.index) for one in changes]


HONOURS = [fact("award.government", n, level="国家", fact_key=str(n)) for n in (1, 2)]
DUTIES = [fact("duty.rescue", n, points=D(8), fact_key=str(n)) for n in (3, 4, 5)]
TWINS = [
    fact("award.government", 6, level="区", fact_key="同"),
    fact("award.government", 7, level="市", fact_key="同"),
]
SERIOUS = [fact("mass.incident", n, points=D(5)) for n in (8, 9)]
RECORDS = [
    tree(),
    tree(*HONOURS),
    tree(*HONOURS, *DUTIES),
    tree(*TWINS),
    tree(TWINS[0]),
    tree(*SERIOUS),
    tree(SERIOUS[1], *TWINS, evaluations=[sheet(20, 55, 2025)]),
    tree(SERIOUS[0], evaluations=[sheet(20, 55, 2025), sheet(21, 90, 2026)]),
]


def values(trace):
    """Return every step's value, by whatever tells it from the others of its trace."""
    found = {}

    def walk(node, beside):
        sign = node["value"][:1] == "-" if node["rule"].startswith("limit:") else None
        key = node["rule"], None if beside else node["index"], sign
        assert key not in found
        found[key] = node["value"]
        for child in node["children"]:
            walk(child, beside=node["rule"] == "grade")

    walk(trace, beside=True)
    return found


@pytest.mark.parametrize(("before", "after"), list(product(RECORDS, RECORDS)))
def test_the_changes_lead_from_one_trace_to_the_other_and_name_nothing_that_stayed(before, after):
    old, new = values(before), values(after)
    changes = differences(before, after)
    kinds = {"appeared": set(new) - set(old), "vanished": set(old) - set(new)}
    kinds["changed"] = {key for key in set(old) & set(new) if old[key] != new[key]}
    assert {kind: len(keys) for kind, keys in kinds.items()} == {
        kind: sum(one.change == kind for one in changes) for kind in kinds
    }
    for one in changes:
        matching = [k for k in kinds[one.change] if k[0] == one.rule and k[1] in (one.index, None)]
        assert (one.before, one.after) in [(old.get(key), new.get(key)) for key in matching]


def test_a_cap_that_rests_on_another_fact_than_before_did_not_change():
    changes = told(differences(tree(SERIOUS[0]), tree(SERIOUS[1])))
    assert changes == [
        ("appeared", "mass.incident", None, "-5", 9),
        ("vanished", "mass.incident", "-5", None, 8),
    ]
    gone = told(differences(tree(*SERIOUS, TWINS[0]), tree(TWINS[0])))
    assert gone[-1] == ("vanished", "CAP-SERIOUS", "A", None, 8)


def test_a_fact_that_no_longer_counts_because_a_better_one_does_changed_to_nothing():
    assert told(differences(tree(TWINS[0]), tree(*TWINS)))[2:] == [
        ("changed", "award.government", "5", "0", 6),
        ("appeared", "award.government", None, "10", 7),
    ]


def test_the_two_sides_of_a_group_are_cut_each_on_its_own():
    events = tuple(
        replace(event, group="荣誉") if event.code == "penalty.heavy" else event
        for event in GRADER.grading.events
    )
    grader = Grader(replace(GRADER.grading, events=events))
    bad = [fact("penalty.heavy", n, fact_key=str(n)) for n in (30, 31)]
    changes = told(differences(tree(*bad, grader=grader), tree(*HONOURS, *bad, grader=grader)))
    assert [one for one in changes if one[1].startswith("limit:")] == [
        ("appeared", "limit:荣誉", None, "-15", None)
    ]


def test_changes_follow_the_run_s_trace_and_then_what_vanished():
    first, second = RECORDS[2], RECORDS[7]
    kinds = [one.change == "vanished" for one in differences(first, second)]
    assert kinds == sorted(kinds)
    assert any(one and not other for other, one in pairwise(kinds))
