"""The console's search: one question to enterprises, projects, events and evaluations."""

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from credit.kit.db import Connection
from credit.kit.patterns import containing
from credit.web import store
from credit.web.store import FoundEnterprise, FoundEvaluation, FoundEvent, FoundProject

__all__ = ["GROUP_MAX", "Found", "search"]

GROUP_MAX = 20
# Events and evaluations are listed for enterprises only where the text names so few.
NAMED_MAX = 3
ID_DIGITS_MIN, ID_DIGITS = 8, 32


@dataclass(frozen=True, slots=True)
class Found:
    """What a text was found in: at most GROUP_MAX of each, with one more as a sign of more."""

    enterprises: list[FoundEnterprise]
    projects: list[FoundProject]
    events: list[FoundEvent]
    evaluations: list[FoundEvaluation]

    @property
    def nothing(self) -> bool:
        """Whether nothing was found at all."""
        return not (self.enterprises or self.projects or self.events or self.evaluations)


async def search(conn: Connection, text: str, on: date, *, records: bool) -> Found:
    """Look for a text in names and codes, and in record ids by their beginning.

    `records` says whether events and evaluations may be shown; those of an enterprise are listed
    where the text names no more than NAMED_MAX enterprises.
    """
    name = containing(text)
    code = containing(text.upper())
    limit = GROUP_MAX + 1
    enterprises = await store.enterprises(conn, name, code, on, limit)
    projects = await store.projects(conn, name, code, limit)
    if not records:
        return Found(enterprises, projects, [], [])
    bounds = id_bounds(text)
    if bounds is not None:
        events = await store.events_by_id(conn, *bounds, limit)
        return Found(
            enterprises, projects, events, await store.evaluations_by_id(conn, *bounds, limit)
        )
    codes = [one.code for one in enterprises] if len(enterprises) <= NAMED_MAX else []
    if not codes:
        return Found(enterprises, projects, [], [])
    events = await store.events_of(conn, codes, limit)
    return Found(enterprises, projects, events, await store.evaluations_of(conn, codes, limit))


def id_bounds(text: str) -> tuple[UUID, UUID] | None:
    """Return the least and the greatest id that begin with a text; None where none can."""
    digits = text.lower().replace("-", "")
    if not re.fullmatch(rf"[0-9a-f]{{{ID_DIGITS_MIN},{ID_DIGITS}}}", digits):
        return None
    return UUID(digits.ljust(ID_DIGITS, "0")), UUID(digits.ljust(ID_DIGITS, "f"))
