"""Which evaluations are foreign to people who work in one division alone."""

from collections.abc import Sequence
from typing import Protocol

from credit.access.logic import refuse_unplaced
from credit.access.views import Actor
from credit.evaluations import logic
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import CreditError, Forbidden
from credit.kit.texts import say
from credit.parties import service as parties
from credit.parties.logic import division_name

__all__ = ["Judged", "barred", "foreign", "refuse_foreign"]


class Judged(Protocol):
    """What an evaluation is about, and the division whose people judge it."""

    @property
    def subject_kind(self) -> str:
        """enterprise, project, street or district."""

    @property
    def subject(self) -> str:
        """The subject's code."""

    @property
    def division(self) -> str:
        """The code of the judging division."""


async def foreign(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    evaluations: Sequence[Judged],
    *,
    closing: bool = False,
) -> dict[int, str]:
    """Say by their places why evaluations are not for an actor to mark, or to close.

    They are for another division to judge, or about a subject that is outside the actor's today.
    Nothing is foreign to people who work everywhere.
    """
    own = actor.division
    if not actor.bound or own is None or not evaluations:
        return {}
    today = clock.today()
    outside = await parties.outside(
        conn,
        own,
        [one.subject_kind for one in evaluations],
        [one.subject for one in evaluations],
        [today] * len(evaluations),
    )
    others = [
        place
        for place, one in enumerate(evaluations)
        if not logic.may_judge(one.division, own, closing=closing)
    ]
    if not outside and not others:
        return {}
    name = await parties.territory_name(conn, own)
    reasons = {
        place: say(
            "“%(subject)s”的这份评价由%(judging)s组织，您只评价由%(division)s组织的。"
            "请核对评价单位，或请那里的同事办理。",
            subject=evaluations[place].subject,
            judging=division_name(evaluations[place].division),
            division=name,
        )
        for place in others
    }
    for place, located in outside:
        reasons[place] = say(
            "“%(subject)s”不在%(division)s。您只评价本辖区的街道、项目，和注册在或管理着本辖区"
            "项目的企业。请核对代码，或请协会、所在辖区的同事办理。",
            subject=located.shown,
            division=name,
        )
    return reasons


async def barred(conn: Connection, clock: Clock, actor: Actor, one: Judged) -> str | None:
    """Say why an evaluation is not for an actor to mark; None if it is."""
    try:
        refuse_unplaced(actor)
    except CreditError as refused:
        return refused.detail
    return (await foreign(conn, clock, actor, [one])).get(0)


async def refuse_foreign(
    conn: Connection, clock: Clock, actor: Actor, evaluations: Sequence[Judged]
) -> None:
    """Refuse to close evaluations of which one is foreign to the actor, and say which."""
    refuse_unplaced(actor)
    reasons = await foreign(conn, clock, actor, evaluations, closing=True)
    if reasons:
        raise Forbidden(reasons[min(reasons)], slug="other-division")
