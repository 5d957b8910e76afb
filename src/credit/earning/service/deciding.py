"""Approving participation: by somebody else than who entered it."""

from collections.abc import Sequence
from uuid import UUID

from credit.access.views import Actor
from credit.earning.participation import store
from credit.earning.service.places import reach
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Forbidden, Invalid
from credit.kit.texts import say

__all__ = ["DECISIONS_MAX", "decide"]

DECISIONS_MAX = 1_000


async def decide(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    ids: Sequence[UUID],
    *,
    approve: bool,
    reason: str | None = None,
) -> list[UUID]:
    """Approve or refuse entered participations; returns those it was done for.

    Left out are those the actor entered or signed in by hand, those of activities the actor
    organised, those of another division, and those decided already. A refusal has a reason. Raises
    Forbidden where one of them is the actor's own.
    """
    if not approve and not reason:
        raise Invalid(say("不予记分要写明理由，参与者会看到。"))
    if await store.has_own(conn, ids, actor.person_id):
        raise Forbidden(
            say("其中有您自己的积分，不能自己审核。请去掉这一条，由另一位同事审核。"),
            slug="own-wallet",
        )
    state = "approved" if approve else "refused"
    return await store.decide(
        conn, ids, state, actor.person_id, clock.now(), reason,
        division=reach(actor),
    )  # fmt: skip
