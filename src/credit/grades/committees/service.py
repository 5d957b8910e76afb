"""A project as its owners' committee may see it: what the public log says of it, and no more."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import msgspec

from credit.events.logic import points_words
from credit.grades.committees import store
from credit.grades.committees.store import Management
from credit.grades.reading.shapes import ClosingBody, SheetShape, groups_of, shape_of
from credit.kit.db import Connection
from credit.log import service as log
from credit.log.views import ChainEntry
from credit.parties.codes import scheme_of
from credit.rules.grading import lapse_of
from credit.rules.model import EventType
from credit.rules.pack import Pack

__all__ = ["Evaluated", "ProjectFact", "ProjectFile", "project_file"]

SCHEME = "PROJECT"
FACTS = frozenset({"credit-event", "event-corrected"})
UNDOING = ("event-corrected", "event-repaired", "event-withdrawn")
ALL_ENTRIES = 2**62  # more than any log holds
KINDS = ("evaluation", *sorted(FACTS))
Entry = ChainEntry[ClosingBody]


class Undoing(msgspec.Struct, gc=False):
    """Which record a withdrawal, a correction or a repair undoes."""

    target: str


@dataclass(frozen=True, slots=True)
class ProjectFact:
    """A fact in force about a project: clause, points, days, log entry.

    `points` are those of the catalogue in words; `lapses_on` is the first day it counts no more.
    """

    title: str
    points: str
    polarity: str
    severity: str | None
    source: str
    occurred_on: date
    lapses_on: date
    index: int
    record_id: str


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A closed evaluation of a project: (group, points, full mark), none where unreadable now."""

    sheet: str
    year: int
    enterprise: str
    total: Decimal
    veto: bool
    valid: bool
    closed_on: date
    index: int
    groups: tuple[tuple[str, Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """A project: facts in force and evaluations, the newest first, and who managed it.

    `shape` is the newest evaluation by groups, beside the one of a year before.
    """

    facts: tuple[ProjectFact, ...]
    evaluated: tuple[Evaluated, ...]
    shape: SheetShape | None
    managements: Sequence[Management]


async def project_file(conn: Connection, pack: Pack, project: str, on: date) -> ProjectFile:
    """Return a project as it is on a day, from its chain in the log.

    A correction may name another project, so that what was undone is looked for in the chains of
    the enterprises that answered for the facts: those that managed it.
    """
    managed = await store.managements(conn, project)
    subject = (SCHEME, project)
    answering = dict.fromkeys((scheme_of(one.enterprise), one.enterprise) for one in managed)
    entries = (await log.chains(conn, [subject], ALL_ENTRIES, KINDS, ClosingBody))[subject]
    # Of the enterprises, whose chains are long, what undoes something alone.
    chains = await log.chains(conn, [subject, *answering], ALL_ENTRIES, UNDOING, Undoing)
    undone = {one.body.target for chain in chains.values() for one in chain}
    # What is about whoever heads the project names it, too, but is about a person.
    facts = [one for one in entries if one.kind in FACTS and one.body.primary == "project"]
    closed = list(_last_of_each(one for one in entries if one.kind == "evaluation"))
    latest = max(closed, key=lambda one: (one.body.year, one.index), default=None)
    catalogue = pack.on(on).grader.events
    return ProjectFile(
        tuple(_in_force((one for one in facts if one.id not in undone), catalogue, on)),
        tuple(_evaluated(one, pack) for one in sorted(closed, key=_newest_first)),
        None if latest is None else shape_of(latest, closed, pack, project),
        managed,
    )


def _in_force(
    facts: Iterable[Entry], catalogue: Mapping[str, EventType], on: date
) -> Iterator[ProjectFact]:
    for entry in sorted(facts, key=lambda one: (one.body.occurred_on, one.index), reverse=True):
        body, event = entry.body, catalogue.get(entry.body.type)
        if event is None:
            continue
        lapses_on = lapse_of(event, body.occurred_on, body.valid_until)
        if lapses_on <= on:
            continue
        yield ProjectFact(
            event.title,
            points_words(event, {"level": body.level, "points": str(body.points or 0)}),
            event.polarity,
            event.severity,
            event.source,
            body.occurred_on,
            lapses_on,
            entry.index,
            entry.id,
        )


def _last_of_each(closings: Iterable[Entry]) -> Iterable[Entry]:
    """Keep the last closing of each sheet, year and division, as grading does."""
    found = {(one.body.sheet, one.body.year, one.body.division): one for one in closings}
    return found.values()


def _evaluated(entry: Entry, pack: Pack) -> Evaluated:
    body = entry.body
    return Evaluated(
        body.sheet,
        body.year,
        body.subjects[0].id,
        body.total,
        body.veto,
        body.valid,
        body.closed_on,
        entry.index,
        groups_of(entry, pack) or (),
    )


def _newest_first(entry: Entry) -> tuple[int, str, int]:
    return -entry.body.year, entry.body.sheet, -entry.index
