"""SQL of boards."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from credit.kit.db import Connection

__all__ = [
    "BoardRow",
    "NewScore",
    "ScoreRow",
    "add_board",
    "add_scores",
    "board",
    "boards",
    "lock_board",
    "names_of",
    "numbers_of",
    "publish",
    "scores",
]

ADD_BOARD = """
INSERT INTO board (id, board, pack, subject_kind, period, title, created_by, created_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'draft')
ON CONFLICT (board, period) DO NOTHING RETURNING id
"""
_BOARD = """
SELECT b.id, b.board, b.pack, b.subject_kind, b.period, b.title, b.created_by, b.created_at,
    b.state, b.record_id, b.published_by, b.published_at
FROM board b
"""
BOARD = f"{_BOARD} WHERE b.id = $1"
LOCK_BOARD = f"{BOARD} FOR UPDATE"
BOARDS = f"{_BOARD} WHERE b.state = $1 AND b.id < $2 ORDER BY b.id DESC LIMIT $3"
NUMBERS_OF = "SELECT numbers FROM board WHERE id = $1 AND state = 'published'"
PUBLISH = """
UPDATE board SET state = 'published', record_id = $2, numbers = $3, published_by = $4,
    published_at = $5
WHERE id = $1 AND state = 'draft' RETURNING id
"""
# The board's row is locked meanwhile, so that versions follow each other.
ADD_SCORES = """
INSERT INTO board_score (board_id, subject, source, version, points, document, entered_by,
    entered_at)
SELECT $1, n.subject, n.source, 1 + coalesce((
        SELECT max(version) FROM board_score s
        WHERE s.board_id = $1 AND s.subject = n.subject AND s.source = n.source), 0),
    n.points, n.document, $6, $7
FROM unnest($2::text[], $3::text[], $4::numeric[], $5::text[])
    AS n (subject, source, points, document)
"""
SCORES = """
SELECT DISTINCT ON (subject, source) subject, source, points, document, entered_by
FROM board_score WHERE board_id = $1 ORDER BY subject, source, version DESC
"""
# Names of subjects by the register, by kind of subject.
NAMES = {
    "enterprise": "SELECT code, name FROM enterprise WHERE code = ANY($1)",
    "project": "SELECT code, name FROM project WHERE code = ANY($1)",
}


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A board as stored, without its numbers."""

    id: UUID
    board: str
    pack: str
    subject_kind: str
    period: str
    title: str
    created_by: str
    created_at: datetime
    state: str
    record_id: UUID | None
    published_by: str | None
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewScore:
    """A score to store."""

    subject: str
    source: str
    points: Decimal
    document: str


@dataclass(frozen=True, slots=True)
class ScoreRow(NewScore):
    """The newest score of a subject by a source."""

    entered_by: str


async def add_board(conn: Connection, row: BoardRow) -> bool:
    """Store a board; False when there is one for the period."""
    values = [getattr(row, field.name) for field in fields(BoardRow)[:8]]
    return await conn.fetchval(ADD_BOARD, *values) is not None


async def board(conn: Connection, board_id: UUID) -> BoardRow | None:
    """Return a board."""
    row = await conn.fetchrow(BOARD, board_id)
    return None if row is None else BoardRow(*row)


async def lock_board(conn: Connection, board_id: UUID) -> BoardRow | None:
    """Return a board that nobody else can change until the transaction ends."""
    row = await conn.fetchrow(LOCK_BOARD, board_id)
    return None if row is None else BoardRow(*row)


async def boards(conn: Connection, state: str, before: UUID, limit: int) -> list[BoardRow]:
    """List boards of a state before an id, the newest first."""
    return [BoardRow(*row) for row in await conn.fetch(BOARDS, state, before, limit)]


async def numbers_of(conn: Connection, board_id: UUID) -> bytes | None:
    """Return the numbers a board was published with."""
    found: bytes | None = await conn.fetchval(NUMBERS_OF, board_id)
    return found


async def publish(
    conn: Connection, board_id: UUID, record_id: UUID, numbers: bytes, *, by: str, now: datetime
) -> bool:
    """Publish a draft with its numbers; False when it was published before."""
    return await conn.fetchval(PUBLISH, board_id, record_id, numbers, by, now) is not None


async def add_scores(
    conn: Connection, board_id: UUID, scores: Sequence[NewScore], *, by: str, now: datetime
) -> None:
    """Store scores over earlier ones; lock the board first."""
    columns = [[getattr(one, field.name) for one in scores] for field in fields(NewScore)]
    await conn.execute(ADD_SCORES, board_id, *columns, by, now)


async def scores(conn: Connection, board_id: UUID) -> list[ScoreRow]:
    """Return a board's newest scores."""
    return [ScoreRow(*row) for row in await conn.fetch(SCORES, board_id)]


async def names_of(conn: Connection, kind: str, codes: Sequence[str]) -> dict[str, str]:
    """Return the names of those subjects the register has."""
    return {row["code"]: row["name"] for row in await conn.fetch(NAMES[kind], codes)}
