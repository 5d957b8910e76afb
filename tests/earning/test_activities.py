"""Activities from announcement to approved participation: codes, attendance, closing, flags."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

import pytest
from tests.bank import CITY
from tests.earning.square import BEGINS, ENDS, SHOW, square

from credit.earning.activities.views import ActivityState
from credit.earning.logic.activities import state_of
from credit.earning.service import activities, attending
from credit.kit.errors import Conflict, CreditError, Forbidden, Invalid, NotFound

__all__ = ["square"]

MINUTE = timedelta(minutes=1)


async def refused(awaited, kind=Conflict):
    with pytest.raises(kind) as found:
        await awaited
    return found.value.slug


async def test_an_activity_is_announced_attended_closed_approved_and_pays(square, bank):
    activity = await square.announce()
    await square.attend("Li", activity, BEGINS, BEGINS + 61 * MINUTE)
    await square.attend("Wang", activity, BEGINS - 20 * MINUTE, ENDS + 20 * MINUTE)
    closed = await square.close(activity)
    assert (closed.waiting, closed.approved, closed.left_out) == (2, [], 0)
    rows = await square.rows(activity)
    li, wang = rows[bank.wallets["Li"]], rows[bank.wallets["Wang"]]
    assert [(one["quantity"], one["points"]) for one in (li, wang)] == [(61, 1), (120, 2)]
    assert li["source"] == "sign-in"
    assert li["evidence"] == "现场签到 09:00–10:01"
    assert li["participated_on"] == date(2026, 7, 2)
    assert li["campaign"] == bank.campaign.id
    body = {"items": [str(li["id"]), str(wang["id"])], "approve": True}
    decided = await bank.send("/points/decisions", body, by="head", status=200)
    assert len(decided["items"]) == 2
    assert (await bank.wallet("Wang"))["pending"] == 2


async def test_what_needs_no_approval_is_approved_by_its_rule_unless_something_is_unusual(
    square, bank
):
    activity = await square.announce(rule=SHOW, planned=2)
    await square.attend("Li", activity)
    await square.attend("Wang", activity, left=None)  # nobody signed out: somebody looks
    closed = await square.close(activity)
    assert (len(closed.approved), closed.waiting, closed.left_out) == (1, 1, 0)
    rows = await square.rows(activity)
    assert rows[bank.wallets["Li"]]["state"] == "approved"
    assert rows[bank.wallets["Wang"]]["flags"] == ["no-sign-out"]
    assert rows[bank.wallets["Wang"]]["evidence"] == "现场签到 09:00–未签退"


async def test_nobody_announces_too_late_elsewhere_or_for_a_stranger(square, bank):
    hours = timedelta(hours=bank.rules.fraud.announced_hours)
    square.at(BEGINS - hours + MINUTE)
    assert await refused(square.announce()) == "announced-late"
    square.at(BEGINS - hours)
    await square.announce()
    square.at(BEGINS - 3 * hours)
    assert await refused(square.announce(division="150203001002"), Forbidden) == "outside-division"
    assert await refused(square.announce(division="150203001"), Forbidden) == "outside-division"
    await square.announce(by="street", division="150203001002")
    assert await refused(square.announce(organiser="Li")) == "unknown-organiser"
    await bank.world.hire("far", "community_officer", kind="community", division="150204001001")
    assert await refused(square.announce(organiser="far")) == "unknown-organiser"
    await bank.world.hire("whole", "city_officer")
    assert await refused(square.announce(by="whole", division="410402001")) == "unknown-division"


async def test_two_residents_sign_in_by_one_code_and_each_once(square, bank):
    activity = await square.announce()
    square.at(BEGINS)
    code = await square.code(activity)
    assert (await square.sign("Li", code)).way == "in"
    assert (await square.sign("Wang", code, activity)).activity.id == activity
    assert await refused(square.sign("Li", code)) == "signed-in"
    assert await refused(square.sign("Li", await square.code(activity))) == "signed-in"
    square.at(ENDS)
    out = await square.code(activity, "out")
    assert (await square.sign("Li", out)).way == "out"
    assert await refused(square.sign("Li", out)) == "signed-out"


async def test_a_code_shown_again_after_its_slot_is_good_for_nothing(square, bank):
    activity, seconds = await square.announce(), bank.rules.code_seconds
    square.at(BEGINS)
    code = await square.code(activity)
    square.at(BEGINS + timedelta(seconds=2 * seconds))
    assert await refused(square.sign("Li", code)) == "unknown-code"
    assert await refused(square.sign("Li", code, activity)) == "unknown-code"
    square.at(BEGINS - timedelta(seconds=1))  # a clock set back does not make it good early
    assert await refused(square.sign("Li", code, activity)) == "unknown-code"
    square.at(BEGINS + timedelta(seconds=seconds))
    assert (await square.sign("Li", code)).way == "in"


async def test_a_code_of_one_activity_signs_in_at_no_other(square):
    here, there = await square.announce(), await square.announce(place="5 号楼前")
    square.at(BEGINS)
    code = await square.code(here)
    assert await refused(square.sign("Li", code, there)) == "unknown-code"
    assert await refused(square.sign("Li", code, UUID(int=1))) == "unknown-code"
    assert (await square.sign("Li", code)).activity.id == here


async def test_nobody_signs_out_who_did_not_come(square):
    activity = await square.announce()
    square.at(ENDS)
    assert await refused(square.sign("Li", await square.code(activity, "out"))) == "not-signed-in"


async def test_a_clock_set_back_makes_nobody_leave_before_they_came(square, bank):
    activity = await square.announce()
    square.at(BEGINS + 5 * MINUTE)
    await square.sign("Li", await square.code(activity))
    square.at(BEGINS)
    await square.sign("Li", await square.code(activity, "out"))
    closed = await square.close(activity)
    assert (closed.entered, closed.left_out) == ([], 1)


async def test_people_sign_around_the_activity_and_at_none_that_is_cancelled(square):
    activity, gone = await square.announce(), await square.announce(title="取消的")
    async with square.db.transaction(CITY) as conn:
        await activities.cancel(conn, square.clock, square.actors["head"], gone, "大雨")
    half = timedelta(minutes=30)
    for moment, slug in ((BEGINS - half - MINUTE, "too-early"), (ENDS + half + MINUTE, "too-late")):
        square.at(moment)
        assert await refused(square.sign("Li", await square.code(activity), activity)) == slug
        assert await refused(square.sign("Li", await square.code(activity))) == "unknown-code"
    square.at(BEGINS)
    assert await refused(square.sign("Li", await square.code(gone), gone)) == "cancelled"
    assert await refused(square.close(gone)) == "cancelled"


async def test_points_are_for_the_kinds_of_the_rule_and_the_places_of_the_campaign(square, bank):
    await bank.world.hire("whole", "city_officer")
    (unit,) = await square.register("某单位", kind="dual_unit")
    (far,) = await square.register("远方居民", division="150204001001", by="whole")
    activity = await square.announce()
    square.at(BEGINS)
    assert await refused(square.write_down(unit, activity, left=None)) == "kind-not-eligible"
    assert await refused(square.write_down(far, activity, left=None)) == "outside-campaign"
    (near,) = await square.register("邻社区居民", division="150203001002", by="street")
    await square.write_down(near, activity, left=None)


async def test_two_sign_ins_at_the_same_moment_make_one(square, bank):
    activity = await square.announce()
    square.at(BEGINS)
    code = await square.code(activity)
    found = await asyncio.gather(
        *(square.sign("Li", code) for _ in range(8)), return_exceptions=True
    )
    made = [one for one in found if not isinstance(one, CreditError)]
    assert len(made) == 1
    assert {one.slug for one in found if isinstance(one, CreditError)} == {"signed-in"}
    async with square.db.city(CITY) as conn:
        assert await conn.fetchval("SELECT count(*) FROM attendance") == 1


async def test_an_activity_is_closed_once_whoever_closes_it(square, bank):
    activity = await square.announce()
    await square.attend("Li", activity)
    found = await asyncio.gather(
        square.close(activity), square.close(activity, by="head"), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in found) == ["Closed", "Conflict"]
    assert await refused(square.close(activity)) == "closed"
    assert len(await square.rows(activity)) == 1


async def test_who_signs_while_it_is_closed_comes_before_or_is_told_so(
    square, bank, lock_awaited, database_url
):
    activity = await square.announce()
    await square.attend("Li", activity, left=None)
    square.at(ENDS + MINUTE)
    out = await square.code(activity, "out")
    async with square.db.transaction(CITY) as conn:
        await activities.work_on(conn, square.actors["clerk"], activity)  # as closing does
        signing = asyncio.create_task(square.sign("Li", out, activity))
        await lock_awaited(database_url)
        await conn.execute(
            "UPDATE activity SET closed_at = $2, closed_by = 'P-1' WHERE id = $1",
            activity, square.clock.now(),
        )  # fmt: skip
    assert await refused(signing) == "closed"


async def test_nothing_is_closed_before_its_end_and_nothing_cancelled_after(square, bank):
    activity = await square.announce()
    square.at(ENDS - MINUTE)
    async with square.db.transaction(CITY) as conn:
        from credit.earning.service import closing

        closes = closing.close(
            conn, square.clock, CITY, square.actors["clerk"], square.pack, activity, evidence=""
        )
        assert await refused(closes) == "not-over"
    square.at(ENDS)
    async with square.db.transaction(CITY) as conn:
        clerk = square.actors["clerk"]
        assert await refused(activities.cancel(conn, square.clock, clerk, activity, "迟")) == "over"
    await square.close(activity)
    async with square.db.transaction(CITY) as conn:
        assert await refused(activities.cancel(conn, square.clock, clerk, activity, "迟")) == "over"
    square.at(ENDS + 2 * MINUTE)
    wallet = bank.wallets["Li"]
    assert await refused(square.write_down(wallet, activity)) == "not-open"


async def test_by_hand_only_what_is_missing_is_added_and_it_needs_evidence(square, bank):
    activity, wallet = await square.announce(), bank.wallets["Li"]
    await square.attend("Li", activity, BEGINS + 7 * MINUTE, None)
    square.at(ENDS + MINUTE)
    assert await refused(square.write_down(wallet, activity, left=None)) == "signed-in"
    await square.write_down(wallet, activity)  # leaves; when they came stays
    assert await refused(square.write_down(wallet, activity)) == "signed-in"
    assert await refused(square.write_down("WAAAA", activity)) == "unknown-resident"
    assert await refused(square.close(activity), Invalid) == "no-evidence"
    await square.close(activity, evidence="签到表存 3 号柜")
    row = (await square.rows(activity))[wallet]
    assert (row["quantity"], row["source"], row["evidence"]) == (113, "entry", "签到表存 3 号柜")
    assert row["flags"] == ["many-by-hand", "signed-by-hand"]


async def test_more_people_than_planned_and_an_organiser_elsewhere_are_flagged(square, bank):
    activity = await square.announce(planned=1)
    await square.announce(place="另一个广场", begins_at=ENDS - MINUTE, ends_at=ENDS + 60 * MINUTE)
    for name in ("Li", "Wang"):
        await square.attend(name, activity)
    await square.close(activity)
    for row in (await square.rows(activity)).values():
        assert row["flags"] == ["over-plan", "organiser-elsewhere"]


async def test_an_organiser_at_the_same_place_or_one_after_the_other_is_usual(square, bank):
    activity = await square.announce()
    await square.announce(title="同一处")
    await square.announce(place="另一个广场", begins_at=ENDS, ends_at=ENDS + 60 * MINUTE)
    await square.announce(by="head", place="另一个广场")
    await square.attend("Li", activity)
    await square.close(activity)
    assert (await square.rows(activity))[bank.wallets["Li"]]["flags"] == []


async def test_who_is_at_two_activities_at_once_is_flagged_at_both(square, bank):
    first = await square.announce()
    second = await square.announce(
        by="head", begins_at=BEGINS + 60 * MINUTE, ends_at=ENDS + 60 * MINUTE
    )
    await square.attend("Li", first, left=ENDS - 30 * MINUTE)
    await square.attend("Wang", first)
    await square.attend("Li", second, ENDS - 20 * MINUTE, ENDS)
    await square.close(first)
    rows = await square.rows(first)
    assert rows[bank.wallets["Li"]]["flags"] == ["overlap"]
    assert rows[bank.wallets["Wang"]]["flags"] == []
    square.at(ENDS + 61 * MINUTE)
    await square.close(second)
    assert (await square.rows(second))[bank.wallets["Li"]]["flags"] == ["overlap"]


async def test_what_an_organiser_answers_for_is_counted_whoever_closes_it(
    square, bank, monkeypatch
):
    """With small numbers in the pack: three of a day, two of the same member in the days before."""
    import dataclasses

    rules = square.pack.on(BEGINS.date())
    fraud = dataclasses.replace(rules.points.fraud, organiser_daily=3, pair_repeats=2)
    few = dataclasses.replace(rules, points=dataclasses.replace(rules.points, fraud=fraud))
    monkeypatch.setattr(square.pack, "on", lambda _: few)
    flags = []
    for hours in (0, 3, 6, 9):
        later = timedelta(hours=hours)
        activity = await square.announce(begins_at=BEGINS + later, ends_at=ENDS + later)
        flags.append(activity)
    for number, activity in enumerate(flags):
        later = timedelta(hours=3 * number)
        await square.attend("Li", activity, BEGINS + later, ENDS + later)
        await square.close(activity, by=("clerk", "head")[number % 2])
    found = [(await square.rows(one))[bank.wallets["Li"]]["flags"] for one in flags]
    assert found == [[], [], ["repeated-pair"], ["busy-enterer", "repeated-pair"]]


async def test_who_had_a_hand_in_it_does_not_approve(square, bank):
    """The organiser, who signed somebody in by hand, who closed it, and the member."""
    await bank.world.hire("third", "community_officer", kind="community", division="150203001001")
    activity = await square.announce(by="clerk", organiser="head")
    await square.attend("Li", activity)
    await square.write_down(bank.wallets["Wang"], activity, by="third")
    await square.close(activity, by="clerk", evidence="签到表")
    rows = await square.rows(activity)
    li, wang = rows[bank.wallets["Li"]]["id"], rows[bank.wallets["Wang"]]["id"]
    assert await square.decide(li, wang, by="clerk") == []
    assert await square.decide(li, wang, by="head") == []
    await sign_in_for(square, bank.wallets["Wang"], "street")
    assert await square.decide(li, wang, by="third") == [li]
    assert await refused(square.decide(wang, by="street"), Forbidden) == "own-wallet"
    await bank.world.hire("fourth", "community_officer", kind="community", division="150203001001")
    assert await square.decide(wang, by="fourth") == [wang]


async def test_an_organiser_or_closer_who_attended_is_always_looked_at(square, bank):
    """Under a rule that needs no approval otherwise."""
    activity = await square.announce(rule=SHOW)
    for name in ("Li", "Wang"):
        await square.attend(name, activity)
    await sign_in_for(square, bank.wallets["Li"], "clerk")  # announced, and so organised it
    await sign_in_for(square, bank.wallets["Wang"], "head")
    assert (await square.close(activity, by="head")).waiting == 2
    rows = await square.rows(activity)
    assert [one["flags"] for one in rows.values()] == [["own-part"]] * 2
    li = rows[bank.wallets["Li"]]["id"]
    assert await refused(square.decide(li, by="clerk"), Forbidden) == "own-wallet"
    assert await square.decide(li, by="street") == [li]


async def test_nobody_writes_themselves_down(square, bank):
    activity = await square.announce()
    await sign_in_for(square, bank.wallets["Li"], "clerk")
    square.at(ENDS)
    mine = square.write_down(bank.wallets["Li"], activity)
    assert await refused(mine, Forbidden) == "own-wallet"
    await square.write_down(bank.wallets["Li"], activity, by="head")


async def sign_in_for(square, wallet, name):
    """Have somebody of the staff sign in for a member."""
    async with square.db.city(CITY) as conn:
        await conn.execute(
            "UPDATE member SET person_id = $2 WHERE id = $1", wallet, square.actors[name].person_id
        )


async def test_a_neighbour_s_participation_is_decided_where_the_activity_was(square, bank):
    (near,) = await square.register("邻社区居民", division="150203001002", by="street")
    activity = await square.announce()
    square.at(ENDS)
    await square.write_down(near, activity)
    await square.close(activity, evidence="签到表")
    row = (await square.rows(activity))[near]
    await bank.world.hire("near", "community_officer", kind="community", division="150203001002")
    assert await square.decide(row["id"], by="near") == []
    assert await square.decide(row["id"], by="head") == [row["id"]]


async def test_closing_says_who_could_not_be_counted_and_why(square, bank):
    (child,) = await square.register("小张", born_on=date(2014, 1, 1))
    activity = await square.announce()
    await square.attend("Li", activity, left=None)
    square.at(ENDS)
    await square.write_down(child, activity)
    closed = await square.close(activity, evidence="签到表")
    assert [one.reason for one in closed.refused] == ["no-consent"]
    assert closed.left_out == 1
    assert await square.rows(activity) == {}


async def test_looking_at_what_closing_would_make_keeps_nothing(square, bank):
    from credit.earning.service import closing

    activity = await square.announce()
    await square.attend("Li", activity)
    square.at(ENDS)
    async with square.db.city(CITY) as conn:
        would = await closing.preview(
            conn, square.clock, CITY, square.actors["head"], square.pack, activity
        )
    assert (would.waiting, would.points) == (1, 2)
    assert await square.rows(activity) == {}
    assert (await square.close(activity)).points == 2


async def test_another_division_s_activity_is_not_there(square, bank):
    await bank.world.hire("far", "community_officer", kind="community", division="150204001001")
    activity = await square.announce()
    far = square.actors["far"]
    assert await refused(square.close(activity, by="far"), NotFound) == "not-found"
    wallet = bank.wallets["Li"]
    assert await refused(square.write_down(wallet, activity, by="far"), NotFound) == "not-found"
    async with square.db.transaction(CITY) as conn:
        code = attending.code_now(conn, square.clock, far, square.pack, activity, "in")
        assert await refused(code, NotFound) == "not-found"


async def test_the_list_s_states_are_those_of_the_decision(square, bank):
    later = timedelta(days=1)
    first = await square.announce()
    second = await square.announce(begins_at=BEGINS + later, ends_at=ENDS + later)
    gone = await square.announce(title="取消的")
    async with square.db.transaction(CITY) as conn:
        await activities.cancel(conn, square.clock, square.actors["head"], gone, "大雨")
    await square.close(first)
    for moment in (BEGINS - MINUTE, BEGINS + later, ENDS + later - MINUTE, ENDS + later):
        square.at(moment)
        async with square.db.city(CITY) as conn:
            whole = await listed(square, conn)
            for state in ActivityState.__args__:
                expected = [
                    one.activity.id for one in whole if state_of(one.activity, moment) == state
                ]
                found = await listed(square, conn, state=state)
                assert [one.activity.id for one in found] == expected
    async with square.db.city(CITY) as conn:
        found = await listed(square, conn, since=date(2026, 7, 3), until=date(2026, 7, 3))
        assert [one.activity.id for one in found] == [second]
        assert await listed(square, conn, until=date(2026, 7, 1)) == []


async def listed(square, conn, **more):
    return await activities.activities(conn, square.clock, square.actors["clerk"], limit=10, **more)


async def test_activities_over_http(square, bank):
    body = {
        "title": "清洁家园", "division": "150203001001", "place": "3 号楼前",
        "rule": "service.volunteer", "campaign": str(bank.campaign.id), "planned": 20,
        "begins_at": "2026-07-02T09:00:00+08:00", "ends_at": "2026-07-02T11:00:00+08:00",
    }  # fmt: skip
    made = await bank.send("/activities", body, by="clerk", key="a", status=201)
    assert await bank.send("/activities", body, by="clerk", key="a", status=201) == made
    assert (made["state"], made["attendants"]) == ("announced", 0)
    late = body | {
        "begins_at": "2026-06-30T13:00:00+08:00", "ends_at": "2026-06-30T14:00:00+08:00"
    }  # fmt: skip
    answer = await bank.send("/activities", late, by="clerk", status=409)
    assert answer["type"].endswith("announced-late")
    naive = await bank.send("/activities", body | {"ends_at": "2026-07-02T11:00:00"}, by="clerk")
    assert naive.status_code == 400
    assert "时区" in naive.text
    await bank.send("/activities", body, by="Li", status=403)
    await square.attend("Li", made["id"])
    found = await bank.look(f"/activities/{made['id']}", by="clerk")
    assert (found["state"], found["attendants"]) == ("over", 1)
    page = await bank.look("/activities?state=over&limit=1", by="head")
    assert [one["id"] for one in page["items"]] == [made["id"]]
    assert (await bank.look("/activities?state=running", by="head"))["items"] == []
    await bank.world.hire("far", "community_officer", kind="community", division="150204001001")
    assert (await bank.look("/activities", by="far"))["items"] == []
    await bank.look(f"/activities/{made['id']}", by="far", status=404)


async def test_an_activity_is_cancelled_over_http_once(square, bank):
    activity = await square.announce()
    path, body = f"/activities/{activity}/cancel", {"reason": "大雨，改到下周"}
    gone = await bank.send(path, body, by="head", key="c", status=200)
    assert (gone["state"], gone["cancel_reason"]) == ("cancelled", "大雨，改到下周")
    assert await bank.send(path, body, by="head", key="c", status=200) == gone
    await bank.send(path, body, by="head", status=409)
    await bank.send(path, {"reason": " "}, by="head", status=400)
    await bank.send(path, body, by="Li", status=403)


async def test_awards_are_listed_by_state_and_page_within_the_division(square, bank):
    activity = await square.announce()
    for name in ("Li", "Wang"):
        await square.attend(name, activity)
    await square.close(activity)
    first = await bank.look("/points/awards?state=entered&limit=1", by="head")
    cursor = first["next_cursor"]
    second = await bank.look(f"/points/awards?state=entered&limit=1&cursor={cursor}", by="head")
    (one,), (two,) = first["items"], second["items"]
    assert {one["resident"], two["resident"]} == set(bank.wallets.values())
    assert second["next_cursor"] is None
    assert one["activity"] == str(activity)
    assert (await bank.look("/points/awards?state=granted", by="head"))["items"] == []
    await bank.world.hire("far", "community_officer", kind="community", division="150204001001")
    assert (await bank.look("/points/awards", by="far"))["items"] == []
    await bank.look("/points/awards", by="Li", status=403)
