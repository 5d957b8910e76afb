"""Runs: a city's grades computed from the log, proposed, and explained."""

import asyncio
import hashlib
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

import orjson

from credit.access.logic import require
from credit.access.service import actor_of
from credit.access.views import Actor
from credit.grades import logic, store
from credit.grades.service.records import with_digest
from credit.grades.store import ResultRow, RunRow
from credit.grades.views import PackName, RunState
from credit.kit import jobs
from credit.kit.clock import Clock, rfc3339
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, NotFound
from credit.kit.ids import new_id
from credit.kit.store import job_status
from credit.kit.texts import say
from credit.log import service as log
from credit.parties.codes import scheme_of
from credit.rules.grading import Grader, GradeResult, SubjectRecord, rank_subjects
from credit.rules.pack import Pack
from credit.rules.trace import Node

__all__ = [
    "INPUT_KINDS",
    "RUN_TASK",
    "ask_after_repairs",
    "ask_for_run",
    "explain",
    "load_run",
    "refuse_overtaken",
    "repairs_to_grade",
    "run",
    "run_state",
    "runs_page",
    "subject_records",
]

CHUNK = 5  # enterprises: their facts should fit into a socket's buffer, see `_records_by_chunk`
RUN_TASK = "grades.run"
INPUT_KINDS = (
    "credit-event",
    "event-withdrawn",
    "event-corrected",
    "event-repaired",
    "evaluation",
)
REPAIRED = ("event-repaired",)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Held:
    """A result whose trace's children wait as packed JSON, so that a city fits in memory."""

    result: GradeResult
    children: bytes


async def ask_for_run(conn: Connection, clock: Clock, actor: Actor, on: date) -> RunState:
    """Ask for a run, to be computed in the background.

    Refuses a day to come, and a second run while one for the day waits.
    """
    require(actor, "grades:run")
    if on > clock.today():
        raise Conflict(
            say("评级日 %(on)s 在今天之后。请选今天或以前的日期。", on=on), slug="future-day"
        )
    run_id = new_id(clock.now())
    arguments = {"run_id": str(run_id), "on": on.isoformat(), "person_id": actor.person_id}
    if not await jobs.enqueue(conn, RUN_TASK, arguments, once=f"{RUN_TASK} {on}"):
        raise Conflict(say("%(on)s 的评级正在等待计算，请稍后查看。", on=on), slug="run-queued")
    await store.add_request(conn, run_id, on=on, by=actor.person_id, now=clock.now())
    return RunState(str(run_id), "queued", on.isoformat())


async def repairs_to_grade(conn: Connection) -> int:
    """Count the repairs the log has numbered since the newest run: those no run has counted yet."""
    latest = await store.latest_run(conn)
    if latest is None:
        return 0
    size = (await load_run(conn, latest)).log_size
    return len(await log.entries_since(conn, size, REPAIRED))


async def ask_after_repairs(conn: Connection, clock: Clock) -> RunState | None:
    """Ask for a run of today where facts were repaired since the newest one; else return None.

    It is asked for in the name of who proposed that one, as long as they may: a run only proposes,
    and somebody else publishes it. Otherwise the repairs wait for an officer to ask.
    """
    if not await repairs_to_grade(conn):
        return None
    latest = await store.latest_run(conn)
    proposer = (await load_run(conn, latest)).proposed_by if latest else ""
    try:
        return await ask_for_run(conn, clock, await actor_of(conn, proposer), clock.today())
    except (Conflict, Forbidden, NotFound):
        return None


async def run_state(conn: Connection, run_id: UUID) -> RunState:
    """Return where a run stands: queued, failed, proposed or published, and what it found."""
    found = await store.load_run(conn, run_id)
    if found is not None:
        return _state(found)
    requested = await store.request_of(conn, run_id)
    if requested is None:
        raise NotFound(say("没有这次评级。"))
    job = await job_status(conn, f"{RUN_TASK} {requested}")
    failed = job in ("failed", "cancelled", "aborted")
    return RunState(str(run_id), "failed" if failed else "queued", requested.isoformat())


async def runs_page(conn: Connection, after: UUID, limit: int) -> list[RunState]:
    """List computed runs in the order of their ids."""
    return [_state(found) for found in await store.list_runs(conn, after, limit)]


async def run(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    on: date,
    *,
    run_id: UUID | None = None,
    progress: Progress | None = None,
) -> RunRow:
    """Compute every enterprise's grade on a day from the log as it is now, and propose it.

    The result is a function of the pack, the log's first `log_size` entries and the day alone.
    """
    require(actor, "grades:run")
    size = await log.size_at(conn, None)
    grader = pack.on(on).grader
    districts = await store.enterprises_on(conn, on)
    held: list[_Held] = []
    async for records in _records_by_chunk(conn, list(districts), size):
        held += [_hold(grader.grade(record, on)) for record in records]
        if progress is not None:
            progress(len(held), len(districts))
    if grader.grading.family == "rank":
        ranked = rank_subjects(grader, [one.result for one in held])
        held = [replace(one, result=new) for one, new in zip(held, ranked, strict=True)]
    results = [one.result for one in held]
    found = RunRow(
        run_id or new_id(clock.now()),
        pack.head.id,
        pack.head.version,
        pack.digest,
        grader.grading.status,
        on,
        size,
        {
            "distribution": _distribution(grader, results),
            "districts": _graded_by_district(results, districts),
            "enterprises": len(results),
        },
        actor.person_id,
        clock.now(),
        published=False,
        seed=new_id(clock.now()),
    )
    rows = [(*_row(one), districts[one.result.subject]) for one in held]
    kept = [ResultRow(*row[:4], *row[5:]) for row in rows]
    found = replace(found, summary=with_digest(found, pack, kept))
    if not await store.add_run(conn, found):
        return found  # a job that ran before and was only not heard of any more
    await store.add_results(conn, found.id, rows)
    return found


async def explain(
    conn: Connection, pack: Pack, code: str, *, on: date, size: int
) -> tuple[GradeResult, dict[str, Any]]:
    """Compute one enterprise's score on a day from a log prefix; returns it with its trace.

    In a rank family the grade depends on all others: the result then has a score only.
    """
    (record,) = await subject_records(conn, [code], size)
    result = pack.on(on).grader.grade(record, on)
    return result, result.trace.to_json()


async def load_run(conn: Connection, run_id: UUID) -> RunRow:
    """Return a computed run; NotFound without one."""
    found = await store.load_run(conn, run_id)
    if found is None:
        raise NotFound(say("没有这次评级。"))
    return found


async def refuse_overtaken(conn: Connection, clock: Clock, pack: Pack, found: RunRow) -> None:
    """Refuse to act on a run that was published, is about a day to come, or rests on a log or a
    rule pack that has changed since.
    """
    since = await log.entries_since(conn, found.log_size, INPUT_KINDS)
    stale = next((i for i, body in since if _concerns(body, found.on_date)), None)
    logic.refuse_publication(
        published=found.published,
        on=found.on_date,
        today=clock.today(),
        stale_index=stale,
    )
    if pack.digest != found.pack_digest:
        raise Conflict(say("规则包在评级之后有改动，请重新计算后再公布。"), slug="run-overtaken")


def _concerns(body: Mapping[str, Any], on: date) -> bool:
    """Say whether an entry could change a grade on a day: anything but a later fact could."""
    occurred = body.get("occurred_on") or body.get("closed_on") or body.get("on")
    return occurred is None or date.fromisoformat(occurred) <= on


def _state(found: RunRow) -> RunState:
    return RunState(
        str(found.id),
        "published" if found.published else "proposed",
        found.on_date.isoformat(),
        PackName(found.pack, found.pack_version, found.pack_status),
        found.log_size,
        rfc3339(found.proposed_at),
        found.summary["enterprises"],
        found.summary["distribution"],
    )


async def _records_by_chunk(
    conn: Connection, codes: Sequence[str], size: int
) -> AsyncIterator[list[SubjectRecord]]:
    """Yield enterprises' records a chunk at a time; the database works on the next meanwhile.

    What it finds waits in the socket's buffer until the caller has computed: chunks larger than
    that buffer would make it wait instead.
    """
    ahead: asyncio.Task[list[SubjectRecord]] | None = None
    try:
        for begin in range(0, len(codes) + CHUNK, CHUNK):
            found = await ahead if ahead else None
            chunk = codes[begin : begin + CHUNK]
            ahead = asyncio.create_task(subject_records(conn, chunk, size)) if chunk else None
            await asyncio.sleep(0)  # the question is on its way before the caller computes
            if found is not None:
                yield found
    finally:
        if ahead is not None:
            ahead.cancel()


async def subject_records(conn: Connection, codes: Sequence[str], size: int) -> list[SubjectRecord]:
    """Read enterprises' facts and evaluations from their chains below a log size."""
    subjects = {(scheme_of(code), code): code for code in codes}
    chains = await log.chains(conn, list(subjects), size, INPUT_KINDS, logic.RecordBody)
    return [
        SubjectRecord(code, *logic.read_facts(chains[subject], code))
        for subject, code in subjects.items()
    ]


def _hold(result: GradeResult) -> _Held:
    children = orjson.dumps(
        [child.to_json() for child in result.trace.children], option=orjson.OPT_SORT_KEYS
    )
    bare = Node(result.trace.rule, result.trace.title, result.trace.source, result.trace.value)
    bare.inputs = result.trace.inputs
    return _Held(replace(result, trace=bare), zlib.compress(children, 1))


def _row(held: _Held) -> tuple[str, str, str | None, Any, bytes, bytes]:
    """Build a result's row: the trace as canonical JSON, compressed, and its SHA-256."""
    result = held.result
    whole = {**result.trace.to_json(), "children": orjson.Fragment(zlib.decompress(held.children))}
    plain = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256(plain).digest()
    packed = zlib.compress(plain, 1)
    return result.subject, result.status, result.grade, result.score, packed, digest


def _distribution(grader: Grader, results: Sequence[GradeResult]) -> dict[str, int]:
    counted = Counter(one.grade or one.status for one in results)
    return {grade: counted[grade] for grade in (*grader.ladder.grades, "unrated")}


def _graded_by_district(
    results: Sequence[GradeResult], districts: Mapping[str, str | None]
) -> dict[str, int]:
    """Count the graded enterprises of each district; those registered in none are nobody's."""
    graded = (districts[one.subject] for one in results if one.status == "graded")
    return dict(sorted(Counter(one for one in graded if one is not None).items()))
