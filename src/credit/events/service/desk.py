"""What waits for officers: undecided events by stage, terms of those listed, counts of it all."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from credit.events.course.views import TERM_TITLES, TermView
from credit.events.desk import store
from credit.events.desk.store import Counts
from credit.events.service.reading import Order
from credit.events.store import ShownRow
from credit.kit.calendar import city_calendar
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.ids import LAST_ID
from credit.kit.patterns import containing
from credit.kit.workdays import WorkCalendar
from credit.terms import service as terms
from credit.terms.views import OpenTerm

__all__ = ["at_stage", "counts", "days_left", "next_terms", "term_view"]


async def counts(conn: Connection, clock: Clock, division: str | None = None) -> Counts:
    """Count what there is to do in one statement, everywhere or in a division."""
    return await store.counts(conn, clock.today(), division)


async def at_stage(
    conn: Connection,
    stage: str,
    *,
    query: str | None,
    after: UUID | None,
    limit: int,
    today: date,
    division: str | None = None,
    order: Order = "",
) -> list[ShownRow]:
    """List undecided events by whose turn it is (notice, noticed, hearing, decidable), or those
    with an office's term that is over (late); oldest first, unless an `order` is asked for.
    """
    order = order or "oldest"
    return await store.show_stage(
        conn,
        stage,
        order,
        after=after or (UUID(int=0) if order == "oldest" else LAST_ID),
        limit=limit,
        like=containing(query) if query else None,
        division=division,
        today=today,
    )


async def next_terms(
    conn: Connection, clock: Clock, matters: Sequence[UUID]
) -> dict[UUID, TermView]:
    """Return the open term of each matter that asks for something next.

    A party's term that is over asks for nothing any more.
    """
    opened = await terms.open_of_matters(conn, matters) if matters else []
    if not opened:
        return {}
    today = clock.today()
    calendar = await city_calendar(conn, today)
    found: dict[UUID, TermView] = {}
    for one in sorted(opened, key=lambda one: one.party is not None and one.due_on < today):
        found.setdefault(one.matter_id, term_view(one, calendar, today))
    return found


def term_view(term: OpenTerm, calendar: WorkCalendar, today: date, extendable: int = 0) -> TermView:
    """Return a term with the working days left; one that is over can be extended no more."""
    return TermView(
        term.kind,
        TERM_TITLES[term.kind],
        term.due_on,
        days_left(calendar, today, term.due_on),
        term.level,
        term.scope,
        term.party,
        max(0, extendable) if today <= term.due_on else 0,
    )


def days_left(calendar: WorkCalendar, today: date, due_on: date) -> int:
    """Count the working days after today up to a day: 0 on the day itself, below 0 when over."""
    if due_on >= today:
        return calendar.workdays_between(today, due_on)
    return -max(1, calendar.workdays_between(due_on, today))
