"""Awards made public, so that whoever knows better can say so: a community's of a month.

Nobody's sum is told and nobody is ranked; people stand there with the first letter of their name.
"""

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from credit.earning.logic.names import posted_name
from credit.earning.members import store as members
from credit.earning.reading import store
from credit.earning.reading.store import Posted
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Invalid
from credit.kit.texts import say
from credit.kit.vault import Vault
from credit.rules.arithmetic import add_months
from credit.rules.pack import Pack

__all__ = [
    "MONTHS_SHOWN",
    "MONTH_PATTERN",
    "Posting",
    "communities",
    "month_of",
    "months",
    "postings",
]

MONTH_PATTERN = r"^20[0-9]{2}-(0[1-9]|1[0-2])$(?!\n)"
MONTHS_SHOWN = 12
COMMUNITIES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Posting:
    """An award made public: `status` is `pending` (available from `available_on` unless somebody
    objects with reason) or `granted`. `id` is what an objection names.
    """

    id: UUID
    name: str
    kind: str
    rule: str
    participated_on: date
    points: int
    status: str
    available_on: date | None


def month_of(text: str | None, clock: Clock) -> date:
    """Read a month, `2026-06`, as its first day; none is the present one."""
    if not text:
        return clock.today().replace(day=1)
    if re.fullmatch(MONTH_PATTERN, text) is None:
        raise Invalid(say("月份请写成 2026-06。"))
    return date.fromisoformat(f"{text}-01")


def months(clock: Clock) -> list[str]:
    """List the months to choose from, the present one first."""
    first = clock.today().replace(day=1)
    return [f"{add_months(first, -back):%Y-%m}" for back in range(MONTHS_SHOWN)]


async def postings(
    conn: Connection,
    vault: Vault,
    pack: Pack,
    division: str,
    month: date,
    *,
    before: UUID | None = None,
    limit: int,
) -> list[Posting]:
    """List a community's awards for what was done in a month, the newest first."""
    rows = await store.postings(
        conn, division, month, add_months(month, 1), before=before, limit=limit
    )
    return [_posting(vault, pack, one) for one in rows]


async def communities(conn: Connection) -> list[str]:
    """List the communities that have members, by code."""
    return await members.communities(conn, COMMUNITIES_MAX)


def _posting(vault: Vault, pack: Pack, one: Posted) -> Posting:
    bank = pack.on(one.participated_on).points
    kind = next((kind for kind in bank.participants if kind.code == one.kind), None)
    rule = next((rule.title for rule in bank.earning if rule.code == one.rule), one.rule)
    name = None
    if one.key is not None and one.name is not None:
        name = vault.read(one.member, "name", one.key, one.name)
    unit = kind is not None and kind.unit
    shown = posted_name(name, unit=unit, minor=bool(one.minor))
    title = kind.title if kind else one.kind
    return Posting(
        one.id, shown, title, rule, one.participated_on, one.points, one.state,
        one.available_on,
    )  # fmt: skip
