"""What anybody may look at: the city at a glance, and one enterprise with what explains its grade."""

import hashlib
import zlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

import orjson

from credit.grades import store as grade_store
from credit.grades.reading import store
from credit.grades.reading.store import EnterpriseHead, LatestPublication, ManagedProject
from credit.grades.reading.trace import Explained, TraceStep, explain_trace
from credit.grades.service import (
    Standing,
    distribution_history,
    distribution_in_force,
    hidden_facts,
    score_history,
    standings,
    withhold,
)
from credit.grades.views import DistributionPoint, ScorePoint
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.texts import say
from credit.log import reading as log
from credit.log.views import LogHead
from credit.rules.grading import Grader

__all__ = ["PROJECTS_MAX", "CityHome", "PublicEnterprise", "city_home", "public_enterprise"]

PROJECTS_MAX = 200
Reason = Literal["never", "before", "expired", "no-record"]


@dataclass(frozen=True, slots=True)
class CityHome:
    """A city at a glance: the register by grade in force, publications oldest first, the log."""

    in_force: dict[str, int]
    history: list[DistributionPoint]
    latest: LatestPublication | None
    head: LogHead | None

    @property
    def enterprises(self) -> int:
        """How many enterprises the register has."""
        return sum(self.in_force.values())


@dataclass(frozen=True, slots=True)
class PublicEnterprise:
    """An enterprise on a day; `explained` and `trace_digest` (hex SHA-256) are of its grade then.

    There is no digest where the trace is not shown whole. `earned` is the grade before caps and vetoes; `rank` is (place, of how many) where grades go by
    rank. `projects` are those managed on the day, cut at PROJECTS_MAX.
    """

    head: EnterpriseHead
    on: date
    standing: Standing
    explained: Explained | None
    trace_digest: str | None
    earned: str | None
    rank: tuple[int, int] | None
    history: list[ScorePoint]
    projects: list[ManagedProject]
    log_head: LogHead | None

    @property
    def scores(self) -> list[tuple[date, Decimal]]:
        """The published scores, without the times of no rating."""
        return [(one.valid_from, one.score) for one in self.history if one.score is not None]

    @property
    def events(self) -> dict[int, str]:
        """The record ids of the facts behind the score, by log index."""
        if self.explained is None:
            return {}
        steps = self.explained.steps
        return {one.index: one.event for one in steps if one.index is not None and one.event}

    @property
    def sums(self) -> dict[str, Decimal]:
        """What moved the score, added up by kind: good, bad, limit, sheet, rounding; no zeros."""
        found: dict[str, Decimal] = {}
        if self.explained is None:
            return found
        for one in self.explained.steps:
            kind = _kind(one)
            found[kind] = found.get(kind, Decimal(0)) + one.points
        exact = self.explained.base.points + sum(found.values(), Decimal(0))
        found["rounding"] = self.explained.score - exact
        return {kind: points for kind, points in found.items() if points}

    @property
    def reason(self) -> Reason | None:
        """Why there is no grade on the day; None when there is one.

        Never published, not yet published on that day, expired without a successor, or published
        as unrated for want of any record.
        """
        published = self.standing.published
        if published is not None:
            return "no-record" if published.grade is None else None
        if not self.history:
            return "never"
        return "before" if self.on < self.history[0].valid_from else "expired"


async def city_home(conn: Connection, on: date) -> CityHome:
    """Return what a city's first page shows."""
    return CityHome(
        await distribution_in_force(conn, on),
        await distribution_history(conn),
        await store.latest_publication(conn),
        await log.head_of(conn),
    )


async def public_enterprise(
    conn: Connection, code: str, on: date, *, grader: Grader, today: date
) -> PublicEnterprise:
    """Return what the public page of an enterprise shows; NotFound without the enterprise.

    Bad facts that have lapsed or were repaired by today keep their points and nothing else.
    """
    head = await store.enterprise_head(conn, code)
    if head is None:
        raise NotFound(
            say("登记册里没有这家企业。请核对统一社会信用代码，或在企业名单里按名称查找。"),
            slug="no-such-enterprise",
        )
    standing = (await standings(conn, [code], valid_at=on, size=None))[code]
    published, packed = standing.published, None
    if published is not None:
        packed = await grade_store.trace_of(conn, UUID(published.run_id), code)
    trace = zlib.decompress(packed) if packed else None
    tree = orjson.loads(trace) if trace else {"inputs": {}}
    inputs = tree["inputs"]
    hidden = await hidden_facts(conn, grader, code, tree, today) if trace else frozenset()
    if hidden:
        tree = withhold(tree, hidden)
    rated = published is not None and published.score is not None
    projects = await store.managed_projects(conn, code, PROJECTS_MAX)
    return PublicEnterprise(
        head,
        on,
        standing,
        explain_trace(tree) if trace and rated else None,
        hashlib.sha256(trace).hexdigest() if trace and not hidden else None,
        inputs.get("earned"),
        (inputs["rank"], inputs["ranked"]) if "rank" in inputs else None,
        await score_history(conn, code),
        [one for one in projects if one.since <= on and (one.until is None or on < one.until)],
        await log.head_of(conn),
    )


def _kind(step: TraceStep) -> str:
    if step.rule.startswith("limit:"):
        return "limit"
    if step.rule.startswith("sheet:"):
        return "sheet"
    return "good" if step.points > 0 else "bad"
