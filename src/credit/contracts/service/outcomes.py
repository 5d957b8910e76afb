"""What came of a duty, suggested to the officers: never an event by itself."""

from datetime import date
from uuid import UUID

from credit.contracts.duties.store import DutyRow
from credit.contracts.logic.clauses import code_of, promise_words
from credit.contracts.views import ClauseText
from credit.events.course.views import Suggestion
from credit.events.service import suggest, supersede_suggestions
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.texts import say

__all__ = ["suggest_outcome"]

ENTERPRISES = frozenset({"USCC", "INT"})


async def suggest_outcome(
    conn: Connection,
    clock: Clock,
    duty: DutyRow,
    clause: ClauseText,
    *,
    before: DutyRow,
    evidence: tuple[str, ...],
) -> UUID | None:
    """Suggest the fact that a clause names for what came of a duty; returns the suggestion.

    What was suggested for what was found of it `before`, and nobody took up yet, is set aside
    unless it still holds: a source suggests a code once.
    Only an enterprise's own duty suggests anything, and only what the clause names at that level.
    """
    code = code_of(clause.outcome, duty.state, duty.severity)
    earlier = code_of(clause.outcome, before.state, before.severity)
    if earlier is not None and earlier != code:
        reason = say("后来对同一项履约另有认定，原来的建议不再成立。")
        await supersede_suggestions(conn, clock, "duty", str(duty.id), reason)
    if code is None or duty.scheme not in ENTERPRISES:
        return None
    found = say("已履行") if duty.state == "fulfilled" else say("违约")
    period = say(
        "%(period_start)s 至 %(period_end)s",
        period_start=duty.period_start,
        period_end=duty.period_end,
    )
    return await suggest(
        conn,
        clock,
        Suggestion(
            source_kind="duty",
            source_id=str(duty.id),
            code=code,
            primary="enterprise",
            subject=duty.party,
            occurred_on=_day(duty, clock.today()),
            reference=f"契约-{duty.contract_id.hex[-12:]}-{clause.id}-{duty.period_start:%Y%m%d}",
            note=say(
                "条款 %(id)s（%(promise_words)s），%(period)s：%(found)s。%(text)s",
                id=clause.id,
                promise_words=promise_words(clause),
                period=period,
                found=found,
                text=clause.text,
            ),
            evidence=evidence,
        ),
    )


def _day(duty: DutyRow, today: date) -> date:
    """Return when it happened: on the last day of the period, today while that is to come."""
    return min(duty.period_end, today)
