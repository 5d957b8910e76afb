"""People who work in one division alone deal with contracts about projects that are in it."""

from collections.abc import Sequence
from datetime import date

from credit.access.views import Actor
from credit.kit.db import Connection
from credit.kit.errors import Forbidden
from credit.kit.texts import say
from credit.parties import service as parties

__all__ = ["outside", "refuse_outside"]


async def outside(
    conn: Connection, actor: Actor, projects: Sequence[str | None], on: date
) -> dict[str, str]:
    """Return by project why somebody's division keeps them from it; nothing where it does not."""
    codes = sorted({one for one in projects if one})
    if not actor.bound or not codes:
        return {}
    if actor.division is None:
        return dict.fromkeys(
            codes, say("您的单位还没有登记负责的辖区，现在只能查看。请联系管理员。")
        )
    kinds, days = ["project"] * len(codes), [on] * len(codes)
    found = await parties.outside(conn, actor.division, kinds, codes, days)
    if not found:
        return {}
    name = await parties.territory_name(conn, actor.division)
    return {
        codes[place]: say(
            "“%(project)s”不在%(division)s。您只办理本辖区项目的契约，请由协会或所在辖区的同事办理。",
            project=located.shown,
            division=name,
        )
        for place, located in found
    }


async def refuse_outside(
    conn: Connection, actor: Actor, projects: Sequence[str | None], on: date
) -> None:
    """Refuse projects outside the actor's division."""
    for why in (await outside(conn, actor, projects, on)).values():
        raise Forbidden(why, slug="outside-division")
