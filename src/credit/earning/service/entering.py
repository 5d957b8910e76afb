"""Entering participation: valued by the rule pack, kept for somebody else to approve."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from credit.access.logic import refuse_unplaced
from credit.access.views import Actor
from credit.earning.logic.awards import OWN_WALLET, Award, Awarding, Refused
from credit.earning.logic.flags import flags_of
from credit.earning.members import store as members
from credit.earning.participation import store
from credit.earning.participation.store import NewParticipation
from credit.earning.service.campaigns import campaign_for, live_campaigns
from credit.earning.service.places import covers
from credit.earning.views import Budget, Claim, Entered, MemberView, Occasion
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.ids import new_id
from credit.kit.texts import say
from credit.rules.bank import Fraud
from credit.rules.pack import Pack

__all__ = ["CLAIMS_MAX", "enter"]

CLAIMS_MAX = 1_000
NO_BUDGET = Refused(
    "no-budget", say("这个辖区没有支付这条规则的积分预算。请街道或区县先开设预算。")
)
OTHER_YEAR = Refused(
    "other-year", say("只能登记今年和去年的参与；更早的请由上级核实后用账本调整。")
)


async def enter(
    conn: Connection,
    clock: Clock,
    city: str,
    actor: Actor,
    pack: Pack,
    claims: Sequence[Claim],
    *,
    source: str,
    occasion: Occasion | None = None,
) -> list[Entered]:
    """Enter what members did; answers each claim in its order, and refuses none for another.

    What its rule lets pass without approval is approved at once, and posted by whoever posts next.
    With an `occasion` all claims are about its activity, and of members wherever they are at home.
    Nobody enters what they did themselves; where they attended an activity they organised or close,
    somebody else always looks at it.
    """
    refuse_unplaced(actor)
    if not claims:
        return []
    today = clock.today()
    found = await members.lock_members(conn, sorted({one.member for one in claims}))
    known = {key: one for key, one in found.items() if occasion or covers(actor, one.division)}
    awarding = Awarding(
        lambda day: pack.on(day).points,
        known,
        await store.done(
            conn,
            [one.member for one in claims],
            [one.rule for one in claims],
            [one.on.year for one in claims],
        ),
    )
    live = await live_campaigns(conn, today)
    answers_for = occasion.organiser if occasion else actor.person_id
    counted = [one for one in claims if one.on.year >= today.year - 1]
    usual = await _Usual.read(conn, pack.on(today).points.fraud, answers_for, counted, today)
    rows: list[NewParticipation] = []
    answers: list[Entered] = []
    for claim in claims:
        budget = occasion.budget if occasion else _budget(live, city, known, claim)
        award: Award | Refused
        own = _is_own(known.get(claim.member), actor, occasion)
        if own and occasion is None:
            award = OWN_WALLET
        elif claim.on.year < today.year - 1:
            award = OTHER_YEAR
        elif budget is None and claim.member in known:
            award = NO_BUDGET
        else:
            award = awarding.value(claim, today)
        if isinstance(award, Refused) or budget is None:
            why = award if isinstance(award, Refused) else NO_BUDGET
            answers.append(Entered(claim.member, None, "refused", 0, [], why.slug, why.message))
            continue
        flags = [*usual.flags(claim), *(occasion.flags[claim.member] if occasion else ())]
        flags += ["own-part"] if own else []
        free = not flags and not pack.on(claim.on).points.rule(claim.rule).approval
        state = "approved" if free else "entered"
        row = _row(new_id(clock.now()), claim, budget, award, flags, state)
        rows.append(row)
        answers.append(Entered(claim.member, row.id, state, award.points, flags))
    if rows:
        await store.add(conn, rows, source, actor.person_id, clock.now())
    return answers


def _budget(
    live: Sequence[Budget], city: str, known: Mapping[str, MemberView], claim: Claim
) -> Budget | None:
    member = known.get(claim.member)
    return member and campaign_for(live, city, member.division, claim.rule)


def _is_own(member: MemberView | None, actor: Actor, occasion: Occasion | None) -> bool:
    """Say whether a member is who enters it, or who organised the activity."""
    by = {actor.person_id, occasion.organiser if occasion else actor.person_id}
    return member is not None and member.person_id in by


def _row(
    key: UUID, claim: Claim, budget: Budget, award: Award, flags: Sequence[str], state: str
) -> NewParticipation:
    return NewParticipation(
        key, claim.activity, claim.member, claim.rule, budget.id, award.quantity, award.points,
        claim.on, claim.evidence, ",".join(flags), state,
    )  # fmt: skip


class _Usual:
    """How much somebody enters: what is beyond the usual is flagged."""

    def __init__(self, fraud: Fraud, by_day: Counter[object], by_member: Counter[str]) -> None:
        self._fraud = fraud
        self._by_day = by_day
        self._by_member = by_member

    @classmethod
    async def read(
        cls, conn: Connection, fraud: Fraud, person_id: str, claims: Sequence[Claim], today: date
    ) -> "_Usual":
        """Count what somebody answers for so far, by day and by member."""
        days = [one.on for one in claims]
        since = min([today, *days]) - timedelta(days=fraud.pair_days)
        by_day, by_member = await store.entered_by(
            conn, person_id, days, [one.member for one in claims], since
        )
        return cls(fraud, Counter(by_day), Counter(by_member))

    def flags(self, claim: Claim) -> list[str]:
        """Count a claim in, and return what is unusual about it."""
        self._by_day[claim.on] += 1
        self._by_member[claim.member] += 1
        return flags_of(
            self._fraud,
            claim,
            entered_of_day=self._by_day[claim.on],
            with_member=self._by_member[claim.member],
        )
