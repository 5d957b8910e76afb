"""SQL of published listings."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from uuid import UUID

from credit.kit.db import Connection

__all__ = [
    "ListingRow",
    "NewListing",
    "add_listing",
    "end_listing",
    "listings_of",
]

ADD_LISTING = """
INSERT INTO listing (record_id, entry_id, subject_kind, subject, list_name, kind, legal_basis,
    effect, from_on, until_on, listed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
END_LISTING = """
UPDATE listing SET exit_id = $2, ended_on = $3, ended_at = $4
WHERE entry_id = $1 AND exit_id IS NULL RETURNING record_id
"""
LISTINGS_OF = """
SELECT record_id, entry_id, subject_kind, subject, list_name, kind, legal_basis, effect, from_on,
    until_on, listed_at, exit_id, ended_on
FROM listing
WHERE subject = ANY($1) AND (subject_kind = 'enterprise') = $3
    AND from_on <= $2 AND $2 < until_on ORDER BY subject, from_on, record_id
"""


@dataclass(frozen=True, slots=True)
class NewListing:
    """A published entry: in force from `from_on` on, before `until_on`.

    `effect` says what it means to a tender: `reference` or `statutory bar`.
    """

    record_id: UUID
    entry_id: UUID
    subject_kind: str
    subject: str
    list_name: str
    kind: str
    legal_basis: str
    effect: str
    from_on: date
    until_on: date
    listed_at: datetime


@dataclass(frozen=True, slots=True)
class ListingRow(NewListing):
    """A published entry with the record that took it off its list, if one did."""

    exit_id: UUID | None
    ended_on: date | None


async def add_listing(conn: Connection, new: NewListing) -> None:
    """Store a published entry."""
    await conn.execute(ADD_LISTING, *[getattr(new, field.name) for field in fields(NewListing)])


async def end_listing(
    conn: Connection, entry_id: UUID, exit_id: UUID, on: date, now: datetime
) -> bool:
    """Note the record that took an entry off its list; False when there was one before."""
    return await conn.fetchval(END_LISTING, entry_id, exit_id, on, now) is not None


async def listings_of(
    conn: Connection, codes: Sequence[str], on: date, *, people: bool
) -> list[ListingRow]:
    """Return the entries of enterprises, or of people, whose term covers a day, those taken off
    since included.
    """
    return [ListingRow(*row) for row in await conn.fetch(LISTINGS_OF, codes, on, not people)]
