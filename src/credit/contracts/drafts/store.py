"""SQL of drafts: one at most for each contract, written over until its text is frozen."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from credit.kit.db import Connection

__all__ = ["DraftRow", "add_drafts", "drafts", "drop_drafts", "put_draft"]

ADD_DRAFTS = """
INSERT INTO contract_draft (contract_id, version, revision, content, drafter_party, edited_by,
    edited_at)
SELECT n.id, n.version, 1, n.content::jsonb, n.party, n.by, $6
FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::text[])
    AS n (id, version, content, party, by)
"""
PUT_DRAFT = """
UPDATE contract_draft SET revision = revision + 1, content = $3::jsonb, edited_by = $4,
    edited_at = $5
WHERE contract_id = $1 AND revision = $2 RETURNING revision
"""
DRAFTS = """
SELECT contract_id, version, revision, content::text FROM contract_draft
WHERE contract_id = ANY($1)
"""
DROP_DRAFTS = "DELETE FROM contract_draft WHERE contract_id = ANY($1)"


@dataclass(frozen=True, slots=True)
class DraftRow:
    """The open draft of a contract; `content` is JSON."""

    contract_id: UUID
    version: int
    revision: int
    content: bytes


async def add_drafts(
    conn: Connection,
    rows: Iterable[tuple[UUID, int, dict[str, Any], str | None, str]],
    now: datetime,
) -> None:
    """Store drafts: contract, version, content, the party that drafts, and who wrote it."""
    ids, versions, contents, parties, people = zip(*rows, strict=True)
    texts = [orjson.dumps(one).decode() for one in contents]
    await conn.execute(ADD_DRAFTS, ids, versions, texts, parties, people, now)


async def put_draft(
    conn: Connection,
    contract_id: UUID,
    revision: int,
    content: dict[str, Any],
    *,
    by: str,
    now: datetime,
) -> int | None:
    """Replace a draft's content; returns the new revision, None when it is another one already."""
    text = orjson.dumps(content).decode()
    found: int | None = await conn.fetchval(PUT_DRAFT, contract_id, revision, text, by, now)
    return found


async def drafts(conn: Connection, ids: Collection[UUID]) -> dict[UUID, DraftRow]:
    """Return the open drafts of contracts."""
    return {
        row[0]: DraftRow(row[0], row[1], row[2], row[3].encode())
        for row in await conn.fetch(DRAFTS, list(ids))
    }


async def drop_drafts(conn: Connection, ids: Collection[UUID]) -> None:
    """Delete the drafts of contracts."""
    await conn.execute(DROP_DRAFTS, list(ids))
