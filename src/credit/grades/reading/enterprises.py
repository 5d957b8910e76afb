"""Enterprises as officers look at them: the list with trends, and one with everything known."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import orjson

from credit.events import service as events
from credit.events.service import OwnFact
from credit.grades import logic
from credit.grades import store as grade_store
from credit.grades.reading import store
from credit.grades.reading.shapes import ClosingBody, SheetShape, shape_of
from credit.grades.reading.store import (
    Chosen,
    EnterpriseHead,
    EnterpriseRow,
    EvaluatedYear,
    ManagedProject,
)
from credit.grades.service.answers import Standing, standings
from credit.grades.service.portrait import Held, Portrait, portray
from credit.grades.service.runs import INPUT_KINDS
from credit.grades.views import ScorePoint
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.texts import say
from credit.kit.vault import Vault
from credit.log import service as log
from credit.log.views import ChainEntry
from credit.parties.codes import scheme_of
from credit.parties.service import MANAGER_NAME
from credit.rules.grading import SubjectRecord
from credit.rules.pack import Pack

__all__ = [
    "FACTS_SHOWN_MAX",
    "PROJECTS_SHOWN_MAX",
    "Chosen",
    "EnterpriseFile",
    "PublishedLine",
    "enterprise_file",
    "office_page",
]

FACTS_SHOWN_MAX = 20
PROJECTS_SHOWN_MAX = 200
YEARS_SHOWN_MAX = 60
HISTORY_MAX = 240
KINDS = (*INPUT_KINDS, "grade")


class FileBody(ClosingBody):
    """What grading reads of a record; also an evaluation's input, and a published grade.

    A grade's last day is in `valid_until`, as a fact's is.
    """

    run: str = ""
    grade: str | None = None
    score: Decimal | None = None
    valid_from: date = date.min


Entry = ChainEntry[FileBody]


@dataclass(frozen=True, slots=True)
class PublishedLine:
    """A published grade as its record in the log says; in force before `valid_until`."""

    index: int
    run_id: str
    grade: str | None
    score: Decimal | None
    valid_from: date
    valid_until: date


@dataclass(frozen=True, slots=True)
class EnterpriseFile:
    """Everything about one enterprise; lists are the newest first.

    `managers` are names by code. `facts` and `projects` are cut at FACTS_SHOWN_MAX and
    PROJECTS_SHOWN_MAX, with one more as a sign that there are more.
    """

    head: EnterpriseHead
    portrait: Portrait
    published: list[PublishedLine]
    facts: list[OwnFact]
    projects: list[ManagedProject]
    managers: dict[str, str]
    years: list[EvaluatedYear]
    shape: SheetShape | None


async def office_page(
    conn: Connection, on: date, chosen: Chosen, after: str | None, limit: int
) -> list[EnterpriseRow]:
    """Return a page of enterprises after one of them: the grade on a day, its trend, the work."""
    return await store.enterprises(conn, on, chosen, after, limit)


async def enterprise_file(
    conn: Connection, vault: Vault, pack: Pack, code: str, *, on: date
) -> EnterpriseFile:
    """Return everything about an enterprise as it is on a day; NotFound without it."""
    head = await store.enterprise_head(conn, code)
    if head is None:
        raise NotFound(
            say("登记册里没有这家企业。请核对统一社会信用代码。"), slug="no-such-enterprise"
        )
    subject = (scheme_of(code), code)
    size = await log.size_at(conn, None)
    entries = (await log.chains(conn, [subject], size, KINDS, FileBody))[subject]
    published = [_published(one) for one in reversed(entries) if one.kind == "grade"]
    plain = cast("list[ChainEntry[logic.RecordBody]]", entries)
    standing = (await standings(conn, [code], valid_at=on, size=None))[code]
    held = Held(
        standing,
        await _trace(conn, standing),
        _history(published),
        SubjectRecord(code, *logic.read_facts(plain, code)),
    )
    projects = await store.managed_projects(
        conn, code, PROJECTS_SHOWN_MAX + 1, name_field=MANAGER_NAME
    )
    return EnterpriseFile(
        head,
        await portray(pack, held, on),
        published,
        await events.own_facts(
            conn, pack.on(on).grader, code, on=on, before=None, limit=FACTS_SHOWN_MAX + 1
        ),
        projects,
        {
            one.manager: vault.read(one.manager, MANAGER_NAME, *one.sealed)
            for one in projects
            if one.manager and one.sealed
        },
        await store.evaluated_years(conn, code, YEARS_SHOWN_MAX),
        _shape([one for one in entries if one.kind == "evaluation"], pack, code),
    )


def _published(entry: Entry) -> PublishedLine:
    body = entry.body
    return PublishedLine(
        entry.index,
        body.run,
        body.grade,
        body.score,
        body.valid_from,
        body.valid_until or date.max,
    )


def _history(newest_first: Sequence[PublishedLine]) -> tuple[ScorePoint, ...]:
    """Return the published scores, oldest first, without those covered on their own first day."""
    kept = [
        ScorePoint(one.valid_from, one.score, one.grade)
        for place, one in enumerate(newest_first[:HISTORY_MAX])
        if not any(
            later.valid_from <= one.valid_from < later.valid_until for later in newest_first[:place]
        )
    ]
    return tuple(sorted(kept, key=lambda point: point.valid_from))


async def _trace(conn: Connection, standing: Standing) -> dict[str, Any] | None:
    if standing.published is None or standing.published.score is None:
        return None
    packed = await grade_store.trace_of(conn, UUID(standing.published.run_id), standing.uscc)
    trace: dict[str, Any] | None = orjson.loads(zlib.decompress(packed)) if packed else None
    return trace


def _shape(closed: Sequence[Entry], pack: Pack, code: str) -> SheetShape | None:
    """Score the newest closed evaluation again by groups, beside the same one of a year before.

    One about the enterprise itself goes before one about a project.
    """
    own = [one for one in closed if one.body.subjects[-1].id == code]
    latest = max(own or closed, key=lambda one: (one.body.year, one.index), default=None)
    if latest is None:
        return None
    about = latest.body.subjects[-1].id
    return shape_of(latest, closed, pack, latest.body.division if about == code else about)
