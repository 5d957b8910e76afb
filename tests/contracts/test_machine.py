"""The life of a contract against a small model: nothing is in force but by everybody's signature."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from credit.contracts.logic.machine import Standing, after, is_complete, refusal, shown
from credit.contracts.logic.records import Named, Open, Side

ENTERPRISE, COMMITTEE, OWNERS = Side("USCC", "E"), Side("COMMITTEE", "C"), Side("OWNERS", "P")
CUSTODIAN, WITNESS, OFFICE = Side("ORG", "O-1"), Side("ORG", "O-2"), Side("ORG", "O-3")
EVERYBODY = (ENTERPRISE, COMMITTEE, OWNERS, CUSTODIAN, WITNESS, OFFICE)
NAMED = (
    Named("enterprise", ENTERPRISE, needed=True),
    Named("committee", COMMITTEE, needed=True),
    Named("owners", OWNERS, needed=True),
    Named("seal_custodian", CUSTODIAN, needed=True),
    Named("witness", WITNESS, needed=False),
)
NEEDED = {ENTERPRISE, COMMITTEE, OWNERS, CUSTODIAN}
FIRST = date(2026, 1, 1)
OFFER_DAYS, TERM_DAYS = 30, 365


@dataclass
class Model:
    """What has happened, and nothing derived from it."""

    signed: set = field(default_factory=set)
    offered: bool = False
    offered_on: date = FIRST
    drafted: bool = True
    standing: str = "none"  # none, in-force, suspended, ended
    until: date = FIRST
    proposal: tuple | None = None


class Life(RuleBasedStateMachine):
    """Anybody tries anything at any time; what is not refused must be what the model allows."""

    def __init__(self):
        super().__init__()
        self.today = FIRST
        self.standing = Standing(
            pact=False, state="draft", in_force=0, last=1, drafter=OFFICE, offer="draft"
        )
        self.model = Model()

    def attempt(self, act, side, expected):
        why = refusal(self.standing, act, side, self.today)
        assert (why is None) == expected, (act, side, why, self.standing)
        if why is None:
            self.standing = after(self.standing, act, side)
        return why is None

    @property
    def live(self):
        return self.model.standing in ("in-force", "suspended") and self.today <= self.model.until

    @property
    def lapsed(self):
        return self.model.offered_on + timedelta(OFFER_DAYS) < self.today

    @rule(days=st.sampled_from([1, 1, 2, 5, 31, 200]))
    def time_passes(self, days):
        self.today += timedelta(days)

    @rule(side=st.sampled_from(EVERYBODY))
    def freeze(self, side):
        model = self.model
        if self.attempt("freeze", side, model.drafted and self.standing.drafter == side):
            from dataclasses import replace

            self.standing = replace(
                self.standing,
                parties=NAMED,
                offer_until=self.today + timedelta(OFFER_DAYS),
                offer_term=self.today + timedelta(TERM_DAYS),
            )
            model.drafted, model.offered, model.signed = False, True, set()
            model.offered_on = self.today

    @rule(side=st.sampled_from(EVERYBODY))
    def sign(self, side):
        model = self.model
        may = (
            model.offered
            and not self.lapsed
            and model.standing != "suspended"
            and side != OFFICE
            and side not in model.signed
        )
        if self.attempt("sign", side, may):
            model.signed.add(side)
            if model.signed >= NEEDED:
                model.offered, model.standing, model.proposal = False, "in-force", None
                model.until = model.offered_on + timedelta(TERM_DAYS)

    @precondition(lambda self: self.model.drafted or self.model.offered)
    @rule(order=st.permutations(sorted(NEEDED)))
    def it_is_put_forward_and_everybody_signs(self, order):
        """What chance alone would seldom lead to."""
        if self.model.drafted:
            self.freeze(self.standing.drafter)
        for side in order:
            self.sign(side)

    @precondition(lambda self: self.model.standing in ("in-force", "suspended"))
    @rule(step=st.sampled_from(["suspend", "resume", "end"]))
    def both_agree(self, step):
        for side in (ENTERPRISE, COMMITTEE):
            self.agree(side, step)

    @rule(side=st.sampled_from(EVERYBODY))
    def refuse(self, side):
        model = self.model
        may = model.offered and side in NEEDED and side not in model.signed and not self.lapsed
        if self.attempt("refuse", side, may):
            model.offered = False

    @rule(side=st.sampled_from(EVERYBODY))
    def withdraw(self, side):
        if self.attempt("withdraw", side, self.model.offered and side == self.standing.drafter):
            self.model.offered = False

    @rule(side=st.sampled_from(EVERYBODY))
    def amend(self, side):
        model = self.model
        nothing = not model.drafted and (not model.offered or self.lapsed)
        may = nothing and (model.standing == "none" or (model.standing == "in-force" and self.live))
        bound = {one.side for one in self.standing.bound}
        allowed = side in bound or side == self.standing.drafter
        if self.attempt("amend", side, may and allowed):
            model.drafted, model.offered = True, False

    @rule(side=st.sampled_from(EVERYBODY))
    def discard(self, side):
        if self.attempt("discard", side, self.model.drafted and side == self.standing.drafter):
            self.model.drafted = False

    @rule(side=st.sampled_from(EVERYBODY), step=st.sampled_from(["suspend", "resume", "end"]))
    def agree(self, side, step):
        model = self.model
        needs = {"suspend": ("in-force",), "resume": ("suspended",)}.get(
            step, ("in-force", "suspended")
        )
        may = self.live and model.standing in needs and side in (ENTERPRISE, COMMITTEE)
        if model.proposal is not None:
            may = may and model.proposal[1] != side and model.proposal[0] == step
        if self.attempt(step, side, may):
            if model.proposal is None:
                model.proposal = (step, side)
                return
            model.proposal = None
            model.standing = {"suspend": "suspended", "resume": "in-force", "end": "ended"}[step]
            if step == "end":
                model.offered = model.drafted = False

    @rule(side=st.sampled_from(EVERYBODY))
    def retract(self, side):
        model = self.model
        if self.attempt("retract", side, model.proposal is not None and model.proposal[1] == side):
            model.proposal = None

    @rule(side=st.sampled_from(EVERYBODY))
    def close_while_it_is_managed(self, side):
        self.attempt("close", side, expected=False)

    @precondition(lambda self: self.model.standing == "in-force")
    @rule()
    def nobody_leaves(self):
        for side in EVERYBODY:
            assert refusal(self.standing, "leave", side, self.today)

    @invariant()
    def it_is_in_force_exactly_as_the_model_says(self):
        model, standing = self.model, self.standing
        found = shown(standing, self.today)
        assert (found == "in-force") == (self.live and model.standing == "in-force")
        assert (found == "suspended") == (self.live and model.standing == "suspended")
        assert (found == "ended") == (model.standing == "ended")
        assert (standing.offer == "open") == model.offered
        assert standing.offer != "open" or standing.signed == model.signed
        assert standing.offer != "open" or not is_complete(standing)
        if standing.in_force:
            assert {one.side for one in standing.bound} >= NEEDED


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestLife = Life.TestCase


def test_a_pact_binds_the_association_and_whoever_signs_until_it_is_full():
    association = Named("association", OFFICE, needed=True)
    members = [Side("USCC", f"M{n}") for n in range(4)]
    pact = Standing(
        pact=True, state="offered", in_force=0, last=1, drafter=OFFICE, offer="open",
        offer_until=FIRST, offer_term=FIRST + timedelta(100), parties=(association,),
        open_roles=(Open("member", 1, 3),),
    )  # fmt: skip
    pact = after(pact, "sign", OFFICE)
    assert pact.state == "offered"
    pact = after(pact, "sign", members[0])
    assert (pact.state, {one.side for one in pact.bound}) == ("in-force", {OFFICE, members[0]})
    later = FIRST + timedelta(50)  # the offer is over; the pact goes on
    assert refusal(pact, "sign", members[0], later)
    assert refusal(pact, "sign", COMMITTEE, later)
    for one in members[1:3]:
        assert refusal(pact, "sign", one, later) is None
        pact = after(pact, "sign", one)
    assert refusal(pact, "sign", members[3], later)  # full
    assert refusal(pact, "leave", members[1], later) is None
    pact = after(pact, "leave", members[1])
    assert members[1] not in {one.side for one in pact.bound}
    assert refusal(pact, "sign", members[1], later)
    assert refusal(pact, "sign", members[3], later) is None
    assert refusal(pact, "sign", members[3], FIRST + timedelta(101))  # expired
    assert after(pact, "end", OFFICE).state == "ended"


def test_an_office_ends_what_the_enterprise_no_longer_manages():
    standing = Standing(
        pact=False, state="in-force", in_force=1, last=1, drafter=OFFICE,
        until_on=FIRST + timedelta(10), orphaned=True,
    )  # fmt: skip
    assert refusal(standing, "close", ENTERPRISE, FIRST)
    assert refusal(standing, "close", OFFICE, FIRST) is None
    assert after(standing, "close", OFFICE).state == "ended"
