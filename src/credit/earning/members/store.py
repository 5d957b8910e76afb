"""SQL of members and campaigns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from credit.earning.views import Budget, MemberView
from credit.kit.db import Connection

__all__ = [
    "MemberRow", "Registered", "Sought", "add_campaign", "add_members", "campaign", "campaign_uses",
    "campaigns", "close_campaign",
    "close_member", "communities", "give_consent", "link_person", "lock_members", "member_of",
    "members", "members_by_id", "registered",
]  # fmt: skip

_MEMBER = """
m.id, m.kind, m.division, m.account, m.person_id, m.minor_until, m.consent_digest IS NOT NULL,
m.registered_at, m.closed_at IS NOT NULL
"""
MEMBERS_BY_ID = f"SELECT {_MEMBER} FROM member m WHERE m.id = ANY ($1)"
# Whose points are counted are locked one after the other, so that no two counts miss each other.
LOCK_MEMBERS = (
    f"SELECT {_MEMBER} FROM member m WHERE m.id = ANY ($1) ORDER BY m.id FOR NO KEY UPDATE"
)
MEMBER_OF = f"SELECT {_MEMBER} FROM member m WHERE m.person_id = $1 AND m.closed_at IS NULL"
# Within a division by its code: those of the communities in it begin with it and go on with digits.
MEMBERS = f"""
SELECT {_MEMBER}, n.key, n.name
FROM (
    SELECT * FROM member
    WHERE division >= $1 AND division <= $1 || '999999999999' AND (division, id) > ($2, $3)
        AND (closed_at IS NOT NULL) = $4 AND ($5::text IS NULL OR kind = $5)
    ORDER BY division, id LIMIT $6
) m LEFT JOIN LATERAL (
    SELECT k.sealed AS key, v.sealed AS name FROM vault_key k
    JOIN vault_value v ON v.subject = k.subject AND v.field = 'name' WHERE k.subject = m.id OFFSET 0
) n ON true
ORDER BY m.division, m.id
"""
REGISTERED = f"""
SELECT {_MEMBER}, m.consent_digest, m.consent_on, m.registered_by, m.closed_at
FROM member m WHERE m.id = $1
"""
# From one community to the next along the index, however many members each of them has.
COMMUNITIES = """
WITH RECURSIVE d AS (
    (SELECT division FROM member ORDER BY division LIMIT 1)
    UNION ALL
    SELECT (SELECT m.division FROM member m WHERE m.division > d.division ORDER BY m.division LIMIT 1)
    FROM d WHERE d.division IS NOT NULL
)
SELECT division FROM d WHERE division IS NOT NULL LIMIT $1
"""
ADD_MEMBERS = """
INSERT INTO member (id, kind, division, account, minor_until, registered_by, registered_at)
SELECT i.id, i.kind, i.division, i.account, i.minor_until, $6, $7
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::date[])
    AS i (id, kind, division, account, minor_until)
"""
LINK_PERSON = "UPDATE member SET person_id = $2 WHERE id = $1"
GIVE_CONSENT = "UPDATE member SET consent_digest = $2, consent_on = $3 WHERE id = $1"
CLOSE_MEMBER = "UPDATE member SET closed_at = $2, person_id = NULL WHERE id = $1"
_CAMPAIGN = """
c.id, c.title, c.division, c.account, c.rules, c.until, c.closed_at IS NOT NULL
"""
CAMPAIGN = f"SELECT {_CAMPAIGN} FROM campaign c WHERE c.id = $1"
# Of a division and of those above it: a street's campaign pays in its communities, too.
CAMPAIGNS = f"""
SELECT {_CAMPAIGN} FROM campaign c
WHERE ($1::text IS NULL OR c.division = ANY ($2) OR c.division LIKE $1 || '%')
    AND ($3 OR c.closed_at IS NULL)
ORDER BY char_length(c.division) DESC, c.opened_at DESC LIMIT $4
"""
ADD_CAMPAIGN = """
INSERT INTO campaign (id, title, division, account, rules, opened_by, opened_at, until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

# Whoever enters a participation names the campaign, and so waits for this, or is waited for.
LOCK_CAMPAIGN = "SELECT FROM campaign WHERE id = $1 FOR UPDATE"
CAMPAIGN_USES = """
SELECT
    (SELECT count(*) FROM participation WHERE campaign = $1 AND state = 'entered')
    + (SELECT count(*) FROM participation WHERE campaign = $1 AND state IN ('approved', 'unfunded'))
        AS participations,
    (SELECT count(*) FROM activity WHERE campaign = $1 AND cancelled_at IS NULL AND closed_at IS NULL)
        AS activities
"""
CLOSE_CAMPAIGN = "UPDATE campaign SET closed_at = coalesce(closed_at, $2) WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Sought:
    """Which members a list shows: of a division and those within it, of a kind (None: of all), those
    closed or the others; behind the place (division, id).
    """

    division: str
    kind: str | None = None
    closed: bool = False
    after: tuple[str, str] = ("", "")


class MemberRow(NamedTuple):
    """A member with the name as it is sealed; both parts are None where it was erased."""

    member: MemberView
    key: bytes | None
    name: bytes | None


class Registered(NamedTuple):
    """A member with the digest of a guardian's consent, who registered them, and when they left."""

    member: MemberView
    consent_digest: bytes | None
    consent_on: date | None
    registered_by: str
    closed_at: datetime | None


async def members_by_id(conn: Connection, ids: Sequence[str]) -> dict[str, MemberView]:
    """Return members by their ids; unknown ones are left out."""
    return {row[0]: MemberView(*row) for row in await conn.fetch(MEMBERS_BY_ID, ids)}


async def lock_members(conn: Connection, ids: Sequence[str]) -> dict[str, MemberView]:
    """Return members by their ids, locked to the end of the transaction."""
    return {row[0]: MemberView(*row) for row in await conn.fetch(LOCK_MEMBERS, ids)}


async def member_of(conn: Connection, person_id: str) -> MemberView | None:
    """Return the member somebody signs in for."""
    row = await conn.fetchrow(MEMBER_OF, person_id)
    return MemberView(*row) if row else None


async def members(conn: Connection, sought: Sought, limit: int) -> list[MemberRow]:
    """List members by division and id, with their names as they are sealed."""
    rows = await conn.fetch(
        MEMBERS, sought.division, *sought.after, sought.closed, sought.kind, limit
    )
    return [MemberRow(MemberView(*row[:-2]), *row[-2:]) for row in rows]


async def registered(conn: Connection, member: str) -> Registered | None:
    """Return a member with what is kept of the registration."""
    row = await conn.fetchrow(REGISTERED, member)
    return Registered(MemberView(*row[:-4]), *row[-4:]) if row else None


async def communities(conn: Connection, limit: int) -> list[str]:
    """List the divisions that have members, by code."""
    return [row[0] for row in await conn.fetch(COMMUNITIES, limit)]


async def add_members(
    conn: Connection,
    rows: Sequence[tuple[str, str, str, int, date | None]],
    by: str,
    at: datetime,
) -> None:
    """Add members: (id, kind, division, account, minor until)."""
    await conn.execute(ADD_MEMBERS, *map(list, zip(*rows, strict=True)), by, at)


async def link_person(conn: Connection, member: str, person_id: str | None) -> None:
    """Say who signs in for a member."""
    await conn.execute(LINK_PERSON, member, person_id)


async def give_consent(conn: Connection, member: str, digest: bytes, on: date) -> None:
    """Keep the digest of a guardian's written consent."""
    await conn.execute(GIVE_CONSENT, member, digest, on)


async def close_member(conn: Connection, member: str, at: datetime) -> None:
    """Close a member; nobody signs in for it any more."""
    await conn.execute(CLOSE_MEMBER, member, at)


async def campaign(conn: Connection, campaign_id: UUID) -> Budget | None:
    """Return a campaign."""
    row = await conn.fetchrow(CAMPAIGN, campaign_id)
    return Budget(*row) if row else None


async def campaigns(
    conn: Connection, division: str | None, above: Sequence[str], *, closed: bool, limit: int
) -> list[Budget]:
    """List campaigns of a division, of those within it and those above it; None: of everywhere.

    Those of the smallest division stand first.
    """
    rows = await conn.fetch(CAMPAIGNS, division, above, closed, limit)
    return [Budget(*row) for row in rows]


async def campaign_uses(conn: Connection, campaign_id: UUID) -> tuple[int, int]:
    """Hold a campaign, and count the participations and the activities not closed yet that it is to pay."""
    await conn.execute(LOCK_CAMPAIGN, campaign_id)
    row = await conn.fetchrow(CAMPAIGN_USES, campaign_id)
    return (row["participations"], row["activities"]) if row else (0, 0)


async def close_campaign(conn: Connection, campaign_id: UUID, at: datetime) -> None:
    """Close a campaign: it pays for nothing new."""
    await conn.execute(CLOSE_CAMPAIGN, campaign_id, at)


async def add_campaign(conn: Connection, budget: Budget, by: str, at: datetime) -> None:
    """Add a campaign."""
    await conn.execute(
        ADD_CAMPAIGN, budget.id, budget.title, budget.division, budget.account, budget.rules, by, at,
        budget.until,
    )  # fmt: skip
