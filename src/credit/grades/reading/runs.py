"""Runs as officers look at them: asked for, computed, published, or come to nothing."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from credit.grades.reading import store
from credit.grades.reading.store import LatestPublication, RunLine
from credit.grades.store import ComparedRow
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.ids import LAST_ID
from credit.kit.texts import say

__all__ = ["RunView", "changed_first", "latest_publication", "newest_runs", "one_run"]

State = Literal["queued", "working", "failed", "proposed", "published"]

STATES: dict[str, State] = {"todo": "queued", "doing": "working"}  # by the job's


@dataclass(frozen=True, slots=True)
class RunView:
    """A run and how far it has come."""

    line: RunLine
    state: State

    @property
    def comes(self) -> bool:
        """Whether there will be a result without anybody doing anything."""
        return self.state in ("queued", "working")


async def newest_runs(conn: Connection, before: UUID | None, limit: int) -> list[RunView]:
    """List runs before an id, the newest first."""
    return [_view(line) for line in await store.run_lines(conn, before or LAST_ID, limit)]


async def one_run(conn: Connection, run_id: UUID) -> RunView:
    """Return a run; NotFound without one."""
    line = await store.run_line(conn, run_id)
    if line is None:
        raise NotFound(say("没有这次评级。请从评级列表里选一次。"))
    return _view(line)


async def changed_first(conn: Connection, run_id: UUID, limit: int) -> list[ComparedRow]:
    """Return some of what a run found beside what was in force before it.

    Those whose grade changes come first, each part by code.
    """
    return await store.changed_first(conn, run_id, limit)


async def latest_publication(conn: Connection) -> LatestPublication | None:
    """Return the last publication; None before the first."""
    return await store.latest_publication(conn)


def _view(line: RunLine) -> RunView:
    """Say how far a run has come; a job that is gone without a result will bring none."""
    if line.published_at is not None:
        return RunView(line, "published")
    if line.proposed_at is not None:
        return RunView(line, "proposed")
    return RunView(line, STATES.get(line.job or "", "failed"))
