"""Activities as decisions: what may be announced, which code is good when, what attendance counts."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit.earning.activities.views import ActivityView, Counts, Presence
from credit.earning.logic.activities import (
    Draft,
    code_of,
    hand_refusal,
    quantity_of,
    refuse_draft,
    seconds_left,
    sign_refusal,
    slot_of,
    state_of,
    way_of,
)
from credit.earning.logic.flags import FLAG_TITLES, flags_of_activity, flags_of_presence
from credit.earning.views import Budget
from credit.rules.loading import pack_of_city

BANK = pack_of_city("150200").on(date(2026, 7, 2)).points
BEGINS = datetime(2026, 7, 2, 1, 0, tzinfo=UTC)  # nine in the morning in China
ENDS = BEGINS + timedelta(hours=2)
MINUTE = timedelta(minutes=1)
KEY = UUID("019f0000-0000-7000-8000-000000000001")
PLACES = ["150200", "150203", "150203001", "150203001001"]
SECONDS = st.integers(60, 120)
MOMENTS = st.integers(0, 366 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
SECRETS = st.binary(min_size=32, max_size=32)
WAYS = st.sampled_from(["in", "out"])


def activity(**changed):
    values = {
        "id": KEY, "title": "清洁家园", "division": "150203001001", "place": "3 号楼前",
        "rule": "service.volunteer", "campaign": KEY, "planned": 20, "begins_at": BEGINS,
        "ends_at": ENDS, "organiser": "P-1", "announced_by": "P-1",
        "announced_at": BEGINS - timedelta(days=3), "cancelled_at": None, "cancel_reason": None,
        "closed_at": None, "closed_by": None,
    }  # fmt: skip
    return ActivityView(**values | changed)


def draft(**changed):
    values = {
        "title": "清洁家园", "division": "150203001001", "place": "3 号楼前",
        "rule": "service.volunteer", "campaign": KEY, "planned": 20, "begins_at": BEGINS,
        "ends_at": ENDS,
    }  # fmt: skip
    return Draft(**values | changed)


def budget(**changed):
    values = {
        "id": KEY, "title": "预算", "division": "150203001", "account": 1, "rules": [],
        "until": None, "closed": False,
    }  # fmt: skip
    return Budget(**values | changed)


def presence(came=BEGINS, left=ENDS, **changed):
    values = {"entered_by": None, "kind": "resident", "division": "150203001001", "overlaps": False}
    return Presence("W1", came, left, **values | changed)


def refusal(now=BEGINS - timedelta(days=3), campaign=None, **changed):
    found = refuse_draft(draft(**changed), now, BANK, campaign or budget(), PLACES)
    return found and found.slug


def test_what_is_announced_in_time_by_a_known_rule_and_paid_for_is_announced():
    assert refusal() is None
    assert refusal(campaign=budget(rules=["service.volunteer"], until=date(2026, 7, 2))) is None
    assert refusal(rule="meeting.hall", campaign=budget(division="150200")) is None


@pytest.mark.parametrize(
    ("changed", "slug"),
    [
        ({"ends_at": BEGINS}, "times-in-order"),
        ({"ends_at": BEGINS + timedelta(hours=24, minutes=1)}, "too-long"),
        (
            {"begins_at": BEGINS + timedelta(days=400), "ends_at": ENDS + timedelta(days=400)},
            "too-far",
        ),
        ({"rule": "no.such"}, "unknown-rule"),
        ({"rule": "donation.money"}, "not-counted"),
        ({"campaign": budget(closed=True)}, "no-campaign"),
        ({"campaign": budget(division="150204")}, "campaign-elsewhere"),
        ({"campaign": budget(rules=["meeting.hall"])}, "campaign-other-rule"),
        ({"campaign": budget(until=date(2026, 7, 1))}, "campaign-ends"),
    ],
)
def test_what_cannot_take_place_as_drafted_is_refused(changed, slug):
    assert refusal(**changed) == slug


def test_an_unknown_campaign_pays_nothing():
    now = BEGINS - timedelta(days=3)
    assert refuse_draft(draft(), now, BANK, None, PLACES).slug == "no-campaign"


@given(st.integers(0, 72 * 60))
def test_it_is_announced_so_many_hours_before_as_the_pack_says(minutes):
    late = refusal(now=BEGINS - minutes * MINUTE) == "announced-late"
    assert late == (minutes < BANK.fraud.announced_hours * 60)


@given(MOMENTS)
def test_every_moment_has_one_state_and_the_states_follow_one_another(now):
    order = ["announced", "running", "over"]
    here, later = state_of(activity(), now), state_of(activity(), now + timedelta(hours=1))
    assert order.index(here) <= order.index(later)
    assert state_of(activity(cancelled_at=now, cancel_reason="雨"), now) == "cancelled"
    assert state_of(activity(closed_at=now, closed_by="P-1"), now) == "closed"


def test_people_sign_from_half_an_hour_before_to_half_an_hour_after():
    half = timedelta(minutes=30)
    for now, slug in (
        (BEGINS - half - MINUTE, "too-early"),
        (BEGINS - half, None),
        (ENDS + half, None),
        (ENDS + half + MINUTE, "too-late"),
    ):
        found = sign_refusal(activity(), now)
        assert (found and found.slug) == slug
    cancelled = sign_refusal(activity(cancelled_at=BEGINS, cancel_reason="大雨"), BEGINS)
    assert cancelled.slug == "cancelled"
    assert "大雨" in cancelled.message
    assert sign_refusal(activity(closed_at=ENDS, closed_by="P-1"), ENDS).slug == "closed"


@given(SECRETS, WAYS, MOMENTS, SECONDS, st.integers(-600, 600))
def test_a_code_is_good_in_its_slot_and_the_next_and_no_other_whichever_way_the_clock_jumps(
    secret, way, shown, seconds, jump
):
    code = code_of(secret, KEY, way, slot_of(shown, seconds))
    now = shown + timedelta(seconds=jump)
    between = slot_of(now, seconds) - slot_of(shown, seconds)
    # Another code of the same digits comes once in 10^8: none of these seeds has one.
    assert way_of(secret, KEY, code, now, seconds) == (way if between in (0, 1) else None)


@given(SECRETS, WAYS, MOMENTS, SECONDS)
def test_a_code_is_of_one_activity_one_way_and_one_secret(secret, way, now, seconds):
    code = code_of(secret, KEY, way, slot_of(now, seconds))
    assert len(code) == 8
    assert code.isdigit()
    other = UUID(int=KEY.int + 1)
    assert way_of(secret, other, code, now, seconds) is None
    assert way_of(bytes(32) if secret != bytes(32) else b"\1" * 32, KEY, code, now, seconds) is None
    assert way_of(secret, KEY, code, now, seconds) == way


@pytest.mark.parametrize("code", ["", "1", "一二三四五六七八", "0" * 9, "\0" * 8])
def test_what_is_no_code_is_none(code):
    assert way_of(b"\0" * 32, KEY, code, BEGINS, 90) is None


@given(MOMENTS, SECONDS)
def test_a_slot_goes_on_until_the_next_one_begins(now, seconds):
    left = seconds_left(now, seconds)
    assert 1 <= left <= seconds
    assert slot_of(now + timedelta(seconds=left), seconds) == slot_of(now, seconds) + 1


@given(st.integers(-30, 150), st.integers(0, 180))
def test_minutes_are_those_between_the_announced_beginning_and_end(came, stayed):
    arrived = BEGINS + came * MINUTE
    counted = quantity_of(activity(), presence(arrived, arrived + stayed * MINUTE), "minute")
    within = min(came + stayed, 120) - max(came, 0)
    assert counted == (within if within > 0 else None)


def test_being_there_is_once_however_long_and_minutes_need_a_sign_out():
    assert quantity_of(activity(), presence(left=None), "time") == 1
    assert quantity_of(activity(), presence(left=None), "minute") is None
    short = presence(left=BEGINS + timedelta(seconds=59))
    assert quantity_of(activity(), short, "minute") is None


def test_by_hand_only_what_lies_around_the_activity_and_in_the_past_is_written_down():
    now = ENDS + timedelta(days=1)

    def slug(came, left, **more):
        found = hand_refusal(more.get("of", activity()), came, left, more.get("now", now))
        return found and found.slug

    assert slug(BEGINS, ENDS) is None
    assert slug(BEGINS, None) is None
    assert slug(BEGINS - timedelta(minutes=31), ENDS) == "outside-activity"
    assert slug(BEGINS, ENDS + timedelta(minutes=31)) == "outside-activity"
    assert slug(ENDS, BEGINS) == "outside-activity"
    assert slug(BEGINS, ENDS, now=BEGINS + MINUTE) == "in-future"
    assert slug(BEGINS, ENDS, of=activity(closed_at=ENDS, closed_by="P-1")) == "not-open"


def test_what_is_unusual_about_an_activity_is_flagged():
    fraud = BANK.fraud
    share = fraud.entry_share_percent
    assert flags_of_activity(fraud, 100, Counts(100, 100, share, False)) == []
    assert flags_of_activity(fraud, 99, Counts(100, 100, share, False)) == ["over-plan"]
    assert flags_of_activity(fraud, 100, Counts(100, 100, share + 1, False)) == ["many-by-hand"]
    assert flags_of_activity(fraud, 100, Counts(0, 0, 0, True)) == ["organiser-elsewhere"]


def test_what_is_unusual_about_somebody_is_flagged_and_every_flag_says_what_to_check():
    assert flags_of_presence(presence()) == []
    found = flags_of_presence(presence(left=None, entered_by="P-1", overlaps=True))
    assert found == ["signed-by-hand", "no-sign-out", "overlap"]
    assert all("请" in title and "：" in title for title in FLAG_TITLES.values())
