"""Activities: announced before they begin, looked up, cancelled with a reason."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from credit.access import service as access
from credit.access.logic import scopes_of
from credit.access.views import Actor
from credit.earning.activities import store
from credit.earning.activities.views import ActivityLine, ActivityState, ActivityView, Counts
from credit.earning.logic.activities import Draft, refuse_draft, state_of
from credit.earning.members import store as members
from credit.earning.service.places import above, covers, reach, refuse_elsewhere
from credit.earning.views import Budget
from credit.kit.clock import CHINA, Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, NotFound
from credit.kit.ids import new_id
from credit.kit.texts import say
from credit.parties.logic import lies_within
from credit.rules.pack import Pack

__all__ = [
    "Colleague",
    "Found",
    "activities",
    "activity",
    "activity_of",
    "announce",
    "cancel",
    "colleagues",
    "work_on",
]

SECRET_OCTETS = 32
RECORDS = "points:record"
NOT_FOUND = say("没有这个活动，或不在您的辖区。请从活动列表里选。")
COLLEAGUES_MAX = 200


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who may organise an activity."""

    person_id: str
    username: str


@dataclass(frozen=True, slots=True)
class Found:
    """An activity with where it stands, its attendance, and the campaign that pays."""

    activity: ActivityView
    state: ActivityState
    counts: Counts
    budget: Budget | None


async def announce(
    conn: Connection,
    clock: Clock,
    city: str,
    actor: Actor,
    pack: Pack,
    draft: Draft,
    organiser: str | None = None,
) -> ActivityView:
    """Announce an activity; who announces it organises it, unless another person is named.

    Raises Forbidden for a division the actor does not work in, Conflict where it cannot take place
    as drafted.
    """
    refuse_elsewhere(actor, draft.division)
    if not lies_within(draft.division, city):
        raise Conflict(say("本市没有这个区划。请核对代码。"), slug="unknown-division")
    bank = pack.on(draft.begins_at.astimezone(CHINA).date()).points
    campaign = await members.campaign(conn, draft.campaign)
    refused = refuse_draft(draft, clock.now(), bank, campaign, above(draft.division, city))
    if refused is not None:
        raise Conflict(refused.message, slug=refused.slug)
    if organiser not in (None, actor.person_id):
        await _check_organiser(conn, organiser or "", draft.division)
    made = ActivityView(
        new_id(clock.now()), draft.title, draft.division, draft.place, draft.rule, draft.campaign,
        draft.planned, draft.begins_at, draft.ends_at, organiser or actor.person_id,
        actor.person_id, clock.now(), None, None, None, None,
    )  # fmt: skip
    await store.add(conn, made, secrets.token_bytes(SECRET_OCTETS))
    return made


async def _check_organiser(conn: Connection, person_id: str, division: str) -> None:
    """Refuse an organiser who could not show the codes there."""
    try:
        organiser = await access.actor_of(conn, person_id)
    except NotFound:
        organiser = None
    if organiser is None or RECORDS not in organiser.scopes or not covers(organiser, division):
        raise Conflict(
            say("这个人不能组织这里的活动：要在岗、能登记参与、负责这个辖区。请从列表里选。"),
            slug="unknown-organiser",
        )


async def colleagues(conn: Connection, actor: Actor) -> list[Colleague]:
    """List who may organise an activity beside the actor: people of the same office."""
    own = actor.belongs_to.name if actor.belongs_to else None
    found = [
        Colleague(one["id"], one["username"])
        for one in await access.people(conn)
        if one["active"]
        and one["organisation"] == own
        and RECORDS in scopes_of(one["roles"])
        and one["id"] != actor.person_id
    ]
    return found[:COLLEAGUES_MAX] if own else []


async def activities(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    *,
    state: ActivityState | None = None,
    since: date | None = None,
    until: date | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[ActivityLine]:
    """List activities of the actor's division that begin from a day to another, the latest first."""
    between = (_midnight(since), _midnight(until and until + timedelta(days=1)))
    return await store.activities(conn, reach(actor), state, clock.now(), between, after, limit)


async def activity(conn: Connection, clock: Clock, actor: Actor, activity_id: UUID) -> Found:
    """Return an activity of the actor's division with its attendance; NotFound for another one."""
    found = await activity_of(conn, actor, activity_id)
    return Found(
        found,
        state_of(found, clock.now()),
        await store.counts(conn, activity_id),
        await members.campaign(conn, found.campaign),
    )


async def activity_of(conn: Connection, actor: Actor, activity_id: UUID) -> ActivityView:
    """Return an activity of the actor's division; NotFound for another one."""
    found = await store.activity(conn, activity_id)
    if found is None or not covers(actor, found.division):
        raise NotFound(NOT_FOUND)
    return found


async def work_on(conn: Connection, actor: Actor, activity_id: UUID) -> ActivityView:
    """Return an activity nobody else works on before the end of the transaction.

    Raises NotFound for one of another division.
    """
    found = await store.lock(conn, activity_id)
    if found is None or not covers(actor, found.division):
        raise NotFound(NOT_FOUND)
    return found


async def cancel(
    conn: Connection, clock: Clock, actor: Actor, activity_id: UUID, reason: str
) -> ActivityView:
    """Cancel an activity that has not ended; who signed in earns nothing by it.

    Raises Conflict for one that has ended, or was cancelled before.
    """
    found = await work_on(conn, actor, activity_id)
    match state_of(found, clock.now()):
        case "cancelled":
            raise Conflict(say("这个活动已经取消过了，不用再办。"), slug="cancelled")
        case "over" | "closed":
            raise Conflict(
                say("活动已经结束，不能取消。不该记分的，请在审核时不予记分。"), slug="over"
            )
    await store.cancel(conn, activity_id, clock.now(), reason)
    return found._replace(cancelled_at=clock.now(), cancel_reason=reason)


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), CHINA)
