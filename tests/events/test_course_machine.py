"""Any order of steps by anybody on any day: the database and a small model agree on each."""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from credit.access.logic import SCOPES
from credit.access.views import Actor
from credit.events.course import logic
from credit.events.course.views import Course
from credit.kit.errors import CreditError
from credit.kit.workdays import WorkCalendar
from credit.rules.loading import pack_of_city

BEGIN = date(2026, 9, 21)
CALENDAR = WorkCalendar()
PROCEDURE = pack_of_city("150200").on(BEGIN).procedure
ENTERPRISE = "91150200MA0000000C"
ROLES = {
    "officer": "association_officer",
    "colleague": "association_officer",
    "reviewer": "association_reviewer",
    "second": "association_reviewer",
    "district": "district_officer",
    "auditor": "auditor",
    "user": "enterprise_user",
    "stranger": "enterprise_user",
}
PEOPLE = {
    name: Actor(
        name, (role,), None, SCOPES[role],
        {"user": ENTERPRISE, "stranger": "91150200MA0000001F"}.get(name),
    )
    for name, role in ROLES.items()
}  # fmt: skip


@dataclass
class Model:
    """What a clerk would note on a card: who did what, and what is still missing."""

    severity: str
    public: bool
    noticed: date | None = None
    notifier: str = ""
    last_day: date | None = None
    said: str = ""  # "", "acknowledged", "objected"
    hearer: str = ""
    finding: str = ""
    reported: bool = False
    measures: bool = False
    outcome: str = ""

    def allows(self, act: str, who: str, today: date) -> bool:
        """Say by the words of the procedure whether somebody may take a step."""
        role, open_ = ROLES[who], not self.outcome
        by_hand = role == "association_officer" and who not in ("officer", self.notifier)
        own = who == "user" or by_hand
        over = self.last_day is not None and today > self.last_day
        match act:
            case "notify":
                return (
                    role == "association_officer" and open_ and not self.public
                    and self.noticed is None
                )  # fmt: skip
            case "acknowledge":
                return own and open_ and bool(self.noticed) and not self.said and not self.hearer
            case "object":
                return (
                    own and open_ and bool(self.noticed) and not self.said and not self.hearer
                    and not over
                )  # fmt: skip
            case "rectify":
                return own and (self.outcome == "accepted" or (open_ and self.noticed is not None))
            case "hear":
                ripe = bool(self.said) or over
                return (
                    role in ("association_reviewer", "district_officer") and open_
                    and bool(self.noticed) and not self.hearer and ripe
                )  # fmt: skip
            case "refuse":
                return role == "association_reviewer" and open_ and who != self.hearer
        return self.acceptable(who, today)

    def acceptable(self, who: str, today: date) -> bool:
        if ROLES[who] != "association_reviewer" or self.outcome or who == self.hearer:
            return False
        if self.public:
            return True
        if self.noticed is None or self.finding == "upheld":
            return False
        answered = self.said == "acknowledged" or bool(self.hearer)
        silent = not self.said and self.last_day is not None and today > self.last_day
        heard_enough = answered or (silent and self.severity != "serious")
        return heard_enough and (self.severity != "serious" or self.measures)


def take(course: Course, act: str, who: str, finding: str, measures: bool, today: date) -> Course:
    """Take a step as the service does once nothing bars it."""
    match act:
        case "notify":
            rules = PROCEDURE.of(course.severity)
            return logic.noticed(
                course, rules, on=today, by=who,
                rectify_by=CALENDAR.add_workdays(today, rules.rectification_days).due,
                object_by=CALENDAR.add_workdays(today, rules.objection_days).due,
            )  # fmt: skip
        case "acknowledge":
            return logic.acknowledged(course, today)
        case "object":
            return logic.objected(course, today)
        case "rectify":
            return logic.rectified(course, today, measures=measures)
        case "hear":
            return logic.heard(course, finding, on=today, by=who, measures=measures)
    outcome = "accepted" if act == "accept" else "refused"
    return logic.decided(course, outcome, today, who)


def note(model: Model, act: str, who: str, finding: str, measures: bool, today: date) -> None:
    """Write a step on the card."""
    match act:
        case "notify":
            days = {"minor": 10, "general": 10, "serious": 15}[model.severity]
            model.noticed, model.notifier = today, who
            model.last_day = today
            while days:
                model.last_day += timedelta(days=1)
                days -= CALENDAR.is_workday(model.last_day)
        case "acknowledge":
            model.said = "acknowledged"
        case "object":
            model.said = "objected"
        case "rectify":
            model.reported = True
            model.measures |= measures
        case "hear":
            model.hearer, model.finding = who, finding
            model.measures |= measures
        case "accept" | "refuse":
            model.outcome = {"accept": "accepted", "refuse": "refused"}[act]


class CourseMachine(RuleBasedStateMachine):
    """Takes any step by anybody, with days passing between; model and logic say the same."""

    @initialize(severity=st.sampled_from(["minor", "general", "serious"]), public=st.booleans())
    def begin(self, severity, public):
        self.course = Course(UUID(int=1), ENTERPRISE, severity, public, "proposed", 0, "officer")
        self.model, self.today = Model(severity, public), BEGIN

    @rule(days=st.integers(0, 20))
    def wait(self, days):
        self.today += timedelta(days=days)

    @rule(
        act=st.sampled_from(sorted(logic.ACTS.keys() - {"repair"})),
        who=st.sampled_from(sorted(PEOPLE)),
        finding=st.sampled_from(["upheld", "partly", "dismissed"]),
        measures=st.booleans(),
    )
    def step(self, act, who, finding, measures):
        course, model, today = self.course, self.model, self.today
        refusal = logic.barred(course, act, PEOPLE[who], today)
        assert (refusal is None) == model.allows(act, who, today), (act, who, course, refusal)
        if refusal is not None:
            assert refusal.detail.endswith("。")
            return
        self.course = take(course, act, who, finding, measures, today)
        taken = (act not in ("accept", "refuse")) + (course.elsewhere and act == "accept")
        assert self.course.steps - course.steps == taken
        note(model, act, who, finding, measures, today)

    @invariant()
    def agrees(self):
        course, model = self.course, self.model
        assert (course.rectified_on is not None, course.measures) == (
            model.reported, model.measures,
        )  # fmt: skip
        assert (course.objection_due, course.heard_by or "") == (model.last_day, model.hearer)
        ended = {"": None, "accepted": "effective", "refused": "dropped"}[model.outcome]
        assert ended in (None, course.state)
        # Nothing bad is ever in effect without notice, and none over an upheld objection.
        if course.state == "effective":
            assert course.noticed_on is not None
            assert course.finding != "upheld"


TestCourse = CourseMachine.TestCase
TestCourse.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


class Dice:
    """Throws that look like chance and are the same in every run."""

    def __init__(self, seed: int) -> None:
        self.seed, self.thrown = seed, 0

    def below(self, most: int) -> int:
        self.thrown += 1
        digest = hashlib.sha256(f"{self.seed} {self.thrown}".encode()).digest()
        return int.from_bytes(digest[:4], "big") % most

    def choice(self, among):
        return among[self.below(len(among))]


@pytest.mark.parametrize("seed", range(3))
async def test_the_service_takes_the_steps_the_state_machine_allows(office, seed):
    """Drive real facts through random steps; where the logic allows one, the service takes it."""
    dice = Dice(seed)
    day = date(2026, 7, 1)
    facts = [await office.propose(code) for code in ("wages.arrears", "exit.refused")]
    for _ in range(30):
        day += timedelta(days=dice.below(6))
        office.at(day.isoformat())
        fact, act = dice.choice(facts), dice.choice(sorted(logic.ACTS.keys() - {"repair"}))
        by = {
            "notify": ["officer", "reviewer"],
            "hear": ["hearer", "officer", "reviewer"],
            "accept": ["reviewer", "second", "hearer"],
            "refuse": ["second"],
        }.get(act, ["enterprise", "competitor"])
        who = dice.choice(by)
        if act == "refuse" and dice.below(5):
            continue
        before = await office.course(fact)
        allowed = logic.barred(before, act, office.world.actors[who], day) is None
        try:
            match act:
                case "notify":
                    await office.notify(fact, by=who)
                case "hear":
                    await office.hear(fact, "dismissed", by=who, measures=True)
                case "accept" | "refuse":
                    outcome = "accepted" if act == "accept" else "refused"
                    await office.decide(fact, outcome, by=who)
                case _:
                    await office.answer(fact, act, by=who)
        except CreditError:
            assert not allowed, (act, who, before)
            assert await office.course(fact) == before
        else:
            assert allowed, (act, who, before)
            after = await office.course(fact)
            view = await office.view(fact)
            assert [one.number for one in view.steps] == list(range(1, after.steps + 1))
            terms = {one.kind for one in view.terms}
            assert (terms == set()) == (after.decided_on is not None or after.noticed_on is None)
