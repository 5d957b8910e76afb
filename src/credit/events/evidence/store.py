"""SQL of evidence files: which are kept, who uploaded them, which a fact names."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from credit.kit.db import Connection

__all__ = ["add_evidence", "held_evidence", "known_evidence", "named_evidence"]

ADD_EVIDENCE = """
INSERT INTO evidence (digest, size, media_type, uploaded_by, uploaded_at)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""
ADD_HOLDER = """
INSERT INTO evidence_holder (digest, holder) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""
KNOWN_EVIDENCE = "SELECT digest, size, media_type FROM evidence WHERE digest = ANY($1)"
HELD_EVIDENCE = "SELECT digest FROM evidence_holder WHERE digest = ANY($1) AND holder = $2"
# What facts themselves name, the steps of their courses, and those of their repairs.
NAMED_EVIDENCE = """
SELECT ref ->> 'digest' AS digest FROM event e,
    jsonb_array_elements(convert_from(e.body, 'UTF8')::jsonb -> 'evidence') AS ref
WHERE e.id = ANY($1::uuid[])
UNION
SELECT unnest(evidence) FROM event_step WHERE event_id = ANY($1::uuid[])
UNION
SELECT unnest(s.evidence) FROM repair r JOIN repair_step s ON s.repair_id = r.id
WHERE r.event_id = ANY($1::uuid[])
"""


async def add_evidence(
    conn: Connection,
    digest: str,
    *,
    size: int,
    media_type: str,
    by: str,
    holder: str,
    now: datetime,
) -> None:
    """Note an evidence file, once for the same content, and whose side uploaded it."""
    await conn.execute(ADD_EVIDENCE, digest, size, media_type, by, now)
    await conn.execute(ADD_HOLDER, digest, holder)


async def known_evidence(conn: Connection, digests: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Return (size, media type) of each known digest."""
    rows = await conn.fetch(KNOWN_EVIDENCE, digests)
    return {row["digest"]: (row["size"], row["media_type"]) for row in rows}


async def held_evidence(conn: Connection, digests: Sequence[str], holder: str) -> set[str]:
    """Return those digests whose files a side uploaded."""
    return {row["digest"] for row in await conn.fetch(HELD_EVIDENCE, digests, holder)}


async def named_evidence(conn: Connection, ids: Sequence[UUID]) -> set[str]:
    """Return the digests that facts, their courses and repairs name."""
    return {row["digest"] for row in await conn.fetch(NAMED_EVIDENCE, ids)}
