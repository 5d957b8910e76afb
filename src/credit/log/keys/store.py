"""SQL of announced keys beside the people who hold them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from credit.kit.db import Connection

__all__ = ["KeyLine", "count_live", "count_orphans", "keys"]

# The page is chosen first; then only its own records are looked up in the log.
KEYS = """
SELECT c.*,
    (SELECT e.idx FROM log_record r JOIN log_entry e USING (k) WHERE r.record_id = c.announced_by)
        AS announced,
    (SELECT e.idx FROM log_record r JOIN log_entry e USING (k) WHERE r.record_id = c.revoked_by)
        AS revoked
FROM (
    SELECT k.kid, k.algorithm, k.purpose, k.holder, p.username, p.roles, o.name AS organisation,
        p.active, k.announced_by, k.announced_at, k.revoked_by, k.revoked_at
    FROM signing_key k LEFT JOIN person p ON p.id = k.holder
    LEFT JOIN organisation o ON o.id = p.organisation_id
    WHERE ($1::text IS NULL OR k.holder = $1)
        AND CASE $2::text WHEN 'live' THEN k.revoked_by IS NULL
            WHEN 'orphan' THEN k.revoked_by IS NULL AND NOT p.active
            WHEN 'revoked' THEN k.revoked_by IS NOT NULL ELSE true END
        AND ($3::text IS NULL OR p.username LIKE $3 OR o.name LIKE $3 OR k.kid LIKE $3
            OR k.holder LIKE $3)
        AND ($4::text IS NULL OR (k.announced_at, k.kid)
            < (SELECT announced_at, kid FROM signing_key WHERE kid = $4))
    ORDER BY k.announced_at DESC, k.kid DESC LIMIT $5
) c ORDER BY c.announced_at DESC, c.kid DESC
"""
COUNT_LIVE = "SELECT count(*) FROM signing_key WHERE holder = $1 AND revoked_by IS NULL"
COUNT_ORPHANS = """
SELECT count(*) FROM signing_key k JOIN person p ON p.id = k.holder
WHERE k.revoked_by IS NULL AND NOT p.active
"""


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key in the list, with its holder as far as the city knows them.

    `announced` and `revoked` are indexes in the log, None until the record has one.
    """

    kid: str
    algorithm: str
    purpose: str
    holder: str
    username: str | None
    roles: tuple[str, ...]
    organisation: str | None
    active: bool
    announced_at: datetime
    revoked_at: datetime | None
    announced: int | None
    revoked: int | None


async def keys(
    conn: Connection,
    after: str | None,
    *,
    holder: str | None,
    state: str,
    like: str | None,
    limit: int,
) -> Sequence[KeyLine]:
    """List keys, those announced last first, after a key's id."""
    lines = []
    for row in await conn.fetch(KEYS, holder, state, like, after, limit):
        values = dict(row)
        del values["announced_by"], values["revoked_by"]
        values["roles"] = tuple(values["roles"] or ())
        values["active"] = values["active"] is not False
        lines.append(KeyLine(**values))
    return lines


async def count_live(conn: Connection, holder: str) -> int:
    """Count a person's keys that are not revoked."""
    count: int = await conn.fetchval(COUNT_LIVE, holder)
    return count


async def count_orphans(conn: Connection) -> int:
    """Count the keys not revoked of people who are no longer active."""
    count: int = await conn.fetchval(COUNT_ORPHANS)
    return count
