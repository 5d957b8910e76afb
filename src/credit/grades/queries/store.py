"""SQL of bid evaluators' questions: kept with their answers, listed, opened again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from credit.kit.db import Connection

__all__ = [
    "KeptQuery",
    "QueryLine",
    "add_query",
    "all_queries",
    "bidders_coded",
    "bidders_like",
    "bidders_named",
    "find_query",
    "own_queries",
]

ADD_QUERY = """
INSERT INTO grade_query (id, asked_by, asked_for, purpose, tender_ref, asked_at, bidders, answer)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_LINE = "q.id, q.asked_by, q.asked_for, q.purpose, q.tender_ref, q.asked_at, q.bidders"
_SOUGHT = "($2::text IS NULL OR q.tender_ref LIKE $2 OR q.purpose LIKE $2)"
OWN_QUERIES = f"""
SELECT {_LINE} FROM grade_query q
WHERE q.asked_for = $3 AND q.id < $1 AND {_SOUGHT} ORDER BY q.id DESC LIMIT $4
"""
ALL_QUERIES = f"""
SELECT {_LINE}, o.name FROM grade_query q LEFT JOIN organisation o ON o.id = q.asked_for
WHERE q.id < $1 AND {_SOUGHT} ORDER BY q.id DESC LIMIT $3
"""
FIND_QUERY = f"SELECT {_LINE}, q.answer FROM grade_query q WHERE q.id = $1"
BIDDERS_NAMED = "SELECT name, code FROM enterprise WHERE name = ANY($1) ORDER BY code LIMIT $2"
BIDDERS_CODED = "SELECT code, name FROM enterprise WHERE code = ANY($1)"
BIDDERS_LIKE = """
SELECT a.position, e.code, e.name FROM unnest($1::text[]) WITH ORDINALITY AS a (pattern, position)
CROSS JOIN LATERAL (
    SELECT code, name FROM enterprise WHERE name LIKE a.pattern ORDER BY code LIMIT $2) e
ORDER BY a.position, e.code
"""


@dataclass(frozen=True, slots=True)
class QueryLine:
    """A question in a list: by whom it was asked, for which organisation, about how many.

    `asked_for` is the organisation's id, or the person's own where they belong to none.
    """

    id: UUID
    asked_by: str
    asked_for: str
    purpose: str
    tender_ref: str
    asked_at: datetime
    bidders: int


@dataclass(frozen=True, slots=True)
class KeptQuery(QueryLine):
    """A question with its answer as it was signed: canonical JSON."""

    answer: bytes


async def add_query(conn: Connection, query: KeptQuery) -> None:
    """Keep a bid evaluator's question with the answer."""
    await conn.execute(
        ADD_QUERY,
        query.id,
        query.asked_by,
        query.asked_for,
        query.purpose,
        query.tender_ref,
        query.asked_at,
        query.bidders,
        query.answer,
    )


async def own_queries(
    conn: Connection, asked_for: str, before: UUID, *, like: str | None, limit: int
) -> list[QueryLine]:
    """List the questions of an organisation, the newest first, before an id."""
    rows = await conn.fetch(OWN_QUERIES, before, like, asked_for, limit)
    return [QueryLine(*row) for row in rows]


async def all_queries(
    conn: Connection, before: UUID, *, like: str | None, limit: int
) -> list[tuple[QueryLine, str | None]]:
    """List everybody's questions with their organisations' names, the newest first."""
    rows = await conn.fetch(ALL_QUERIES, before, like, limit)
    return [(QueryLine(*line), name) for *line, name in rows]


async def find_query(conn: Connection, query_id: UUID) -> KeptQuery | None:
    """Find a question by its id."""
    row = await conn.fetchrow(FIND_QUERY, query_id)
    return None if row is None else KeptQuery(*row)


async def bidders_named(
    conn: Connection, names: Sequence[str], limit: int
) -> list[tuple[str, str]]:
    """Return (name, code) of enterprises that have one of these very names."""
    return [(row["name"], row["code"]) for row in await conn.fetch(BIDDERS_NAMED, names, limit)]


async def bidders_coded(conn: Connection, codes: Sequence[str]) -> dict[str, str]:
    """Return the names of enterprises by code."""
    return {row["code"]: row["name"] for row in await conn.fetch(BIDDERS_CODED, codes)}


async def bidders_like(
    conn: Connection, patterns: Sequence[str], each: int
) -> list[list[tuple[str, str]]]:
    """Return for each pattern up to `each` enterprises by code whose names are like it."""
    found: list[list[tuple[str, str]]] = [[] for _ in patterns]
    for position, code, name in await conn.fetch(BIDDERS_LIKE, patterns, each):
        found[position - 1].append((code, name))
    return found
