"""Whether people who work in one division alone speak about subjects that are in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from credit.access.views import Actor
from credit.events import store
from credit.events.logic import Proposal
from credit.events.store import EventRow, ShownRow
from credit.kit.db import Connection
from credit.kit.errors import FieldError, Forbidden
from credit.kit.texts import say
from credit.parties import service as parties

__all__ = ["Place", "elsewhere", "outside_faults", "refuse_elsewhere"]

# The place of a draft, and whom it is about on which day: kind, code, day.
About = tuple[int, str, str, date]


@dataclass(frozen=True, slots=True)
class Place:
    """Whom something that is no event yet is about, and on which day."""

    id: UUID
    subject_kind: str
    subject: str
    occurred_on: date


async def outside_faults(
    conn: Connection, actor: Actor, proposals: Sequence[Proposal]
) -> list[FieldError]:
    """Return a fault for each proposal about a subject outside the actor's division, under
    `items[i]`; none for people who work everywhere.

    Whoever takes a fact back or replaces it speaks about that fact's subject, too.
    """
    if not actor.bound or actor.division is None:
        return []
    subjects = [
        (place, one.primary, one.subject, one.occurred_on)
        for place, one in enumerate(proposals)
        if one.occurred_on is not None
    ]
    subjects += await _targets(conn, proposals)
    places, kinds, codes, days = zip(*subjects, strict=True) if subjects else ((), (), (), ())
    outside = await parties.outside(conn, actor.division, kinds, codes, days)
    if not outside:
        return []
    division = await parties.territory_name(conn, actor.division)
    faults = {
        places[position]: say(
            "“%(name)s” %(day)s 不在%(division)s。您只登记本辖区的项目、注册在或管理着本辖区"
            "项目的企业，以及这些项目的负责人的事件。请核对代码和日期，或请协会、所在辖区的同事登记。",
            name=located.shown,
            day=days[position],
            division=division,
        )
        for position, located in outside
    }
    return [FieldError(f"items[{place}]", message) for place, message in faults.items()]


async def elsewhere(
    conn: Connection, actor: Actor, rows: Sequence[EventRow | ShownRow | Place]
) -> dict[UUID, Forbidden]:
    """Say of facts why somebody who works in one division alone takes no step of their course;
    facts about subjects of that division, and everybody else's, are left out.
    """
    if not actor.bound or not rows:
        return {}
    if actor.division is None:
        refused = Forbidden(
            say("您的单位还没有登记负责的辖区，现在只能查看。请联系管理员。"),
            slug="no-division",
        )
        return {row.id: refused for row in rows}
    outside = await parties.outside(
        conn,
        actor.division,
        [row.subject_kind for row in rows],
        [row.subject for row in rows],
        [row.occurred_on for row in rows],
    )
    if not outside:
        return {}
    division = await parties.territory_name(conn, actor.division)
    return {
        rows[position].id: Forbidden(
            say(
                "“%(name)s”不在%(division)s，由协会或所在辖区的同事办理。",
                name=located.shown,
                division=division,
            ),
            slug="other-division",
        )
        for position, located in outside
    }


async def refuse_elsewhere(
    conn: Connection, actor: Actor, rows: Sequence[EventRow | ShownRow | Place]
) -> None:
    """Refuse who works in one division alone a step of facts about subjects outside of it."""
    for refused in (await elsewhere(conn, actor, rows)).values():
        raise refused


async def _targets(conn: Connection, proposals: Sequence[Proposal]) -> list[About]:
    targets = {place: UUID(one.target) for place, one in enumerate(proposals) if one.target}
    rows = await store.load_events(conn, list(targets.values())) if targets else {}
    return [
        (place, row.subject_kind, row.subject, row.occurred_on)
        for place, target in targets.items()
        if (row := rows.get(target)) is not None
    ]
