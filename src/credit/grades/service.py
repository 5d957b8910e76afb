"""Use cases of grades: a run proposes, a publication decides, and anybody asks."""

import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from credit.access.logic import refuse_same_person, require
from credit.access.views import Actor
from credit.grades import logic, store
from credit.grades.logic import Published
from credit.grades.store import PublishedRow, RunRow
from credit.kit.canonical import canonical
from credit.kit.clock import Clock, rfc3339
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, NotFound
from credit.kit.ids import new_id
from credit.kit.signing import ALGORITHM, SigningKey, b64
from credit.log import service as log
from credit.log.records import Record
from credit.parties.logic import scheme_of
from credit.rules.arithmetic import add_months
from credit.rules.grading import Grader, GradeResult, SubjectRecord, rank_subjects
from credit.rules.pack import Pack
from credit.rules.trace import Node, text

__all__ = [
    "ANSWER_TYPE",
    "Question",
    "Standing",
    "answer_query",
    "explain",
    "known_size",
    "prepare_publication",
    "publish",
    "register",
    "run",
    "standing_json",
    "standings",
    "trace",
]

CHUNK = 25
ANSWER_TYPE = "application/vnd.credit.grade-answer.v1+json"
INPUT_KINDS = ("credit-event", "event-withdrawn", "event-corrected", "evaluation")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Standing:
    """An enterprise's grade as of a day and a state of knowledge."""

    uscc: str
    name: str
    published: Published | None
    pack: tuple[str, str, str] | None  # id, version, status
    log_size: int | None


@dataclass(frozen=True, slots=True)
class _Held:
    """A result whose trace's children wait as packed JSON, so that a city fits in memory."""

    result: GradeResult
    children: bytes


async def run(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    on: date,
    *,
    progress: Progress | None = None,
) -> RunRow:
    """Compute every enterprise's grade on a day from the log as it is now, and propose it.

    The result is a function of the pack, the log's first `log_size` entries and the day alone.
    """
    require(actor, "grades:run")
    size = await log.size_at(conn, None)
    grader = pack.on(on).grader
    codes = await store.enterprises_on(conn, on)
    held: list[_Held] = []
    for begin in range(0, len(codes), CHUNK):
        records = await _subject_records(conn, codes[begin : begin + CHUNK], size)
        held += [_hold(grader.grade(record, on)) for record in records]
        if progress is not None:
            progress(min(begin + CHUNK, len(codes)), len(codes))
    if grader.grading.family == "rank":
        ranked = rank_subjects(grader, [one.result for one in held])
        held = [replace(one, result=new) for one, new in zip(held, ranked, strict=True)]
    results = [one.result for one in held]
    found = RunRow(
        new_id(clock.now()),
        pack.head.id,
        pack.head.version,
        pack.digest,
        grader.grading.status,
        on,
        size,
        {"distribution": _distribution(grader, results), "enterprises": len(results)},
        actor.person_id,
        clock.now(),
        published=False,
    )
    await store.add_run(conn, found)
    await store.add_results(conn, found.id, [_row(one) for one in held])
    return found


async def explain(
    conn: Connection, pack: Pack, code: str, *, on: date, size: int
) -> tuple[GradeResult, dict[str, Any]]:
    """Compute one enterprise's score on a day from a log prefix; returns it with its trace.

    In a rank family the grade depends on all others: the result then has a score only.
    """
    (record,) = await _subject_records(conn, [code], size)
    result = pack.on(on).grader.grade(record, on)
    return result, result.trace.to_json()


async def prepare_publication(
    conn: Connection, clock: Clock, pack: Pack, run_id: UUID
) -> dict[str, dict[str, Any]]:
    """Return for each enterprise the record body that would publish its grade, to be signed."""
    found = await _run(conn, run_id)
    since = await log.entries_since(conn, found.log_size, INPUT_KINDS)
    stale = next((i for i, body in since if _concerns(body, found.on_date)), None)
    logic.refuse_publication(
        published=found.published,
        on=found.on_date,
        today=clock.today(),
        stale_index=stale,
    )
    if pack.digest != found.pack_digest:
        raise Conflict("规则包在评级之后有改动，请重新计算后再公布。", slug="run-overtaken")
    until = add_months(found.on_date, pack.on(found.on_date).grading.valid_months)
    return {
        row.enterprise: {
            "grade": row.grade,
            "log_size": found.log_size,
            "on": found.on_date.isoformat(),
            "pack": found.pack,
            "pack_digest": found.pack_digest,
            "pack_status": found.pack_status,
            "pack_version": found.pack_version,
            "run": str(found.id),
            "score": None if row.score is None else text(row.score),
            "status": row.status,
            "subjects": [{"scheme": scheme_of(row.enterprise), "id": row.enterprise}],
            "trace_digest": "sha256:" + row.trace_digest.hex(),
            "valid_from": found.on_date.isoformat(),
            "valid_until": until.isoformat(),
        }
        for row in await store.results_of_run(conn, run_id)
    }


async def publish(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    run_id: UUID,
    records: Mapping[str, Record],
) -> None:
    """Publish a run with one record per enterprise, each signed by the publisher.

    Refuses the proposer's own run, one published before or overtaken by newer facts, and records
    that are not exactly what `prepare_publication` gives.
    """
    require(actor, "grades:publish")
    found = await _run(conn, run_id)
    refuse_same_person(found.proposed_by, actor.person_id)
    bodies = await prepare_publication(conn, clock, pack, run_id)
    same = {code: record.body for code, record in records.items()} == bodies
    if not same or any(record.kind != "grade" for record in records.values()):
        raise Conflict("签名的内容与评级结果不符，请重新取得要签名的内容。", slug="body-outdated")
    keys = await log.find_keys(conn, [sig.kid for r in records.values() for sig in r.sigs])
    await log.refuse_bad_signatures(list(records.values()), keys)
    if any([keys[s.kid].holder for s in r.sigs] != [actor.person_id] for r in records.values()):
        raise Forbidden("请用您自己的密钥签名。", slug="bad-signature")
    until = add_months(found.on_date, pack.on(found.on_date).grading.valid_months)
    added = await store.add_publication(
        conn,
        run_id,
        {code: UUID(record.id) for code, record in records.items()},
        valid_from=found.on_date,
        valid_until=until,
        by=actor.person_id,
        now=clock.now(),
    )
    if not added:
        raise Conflict("这次评级刚刚由别人公布。", slug="already-published")
    await log.enqueue(conn, list(records.values()))
    await store.notify_published(conn)


async def known_size(conn: Connection, moment: datetime | int | None) -> int | None:
    """Turn a state of knowledge into a log size: a size as it is, a moment by admission time."""
    if moment is None or isinstance(moment, int):
        return moment
    return await log.size_at(conn, moment)


async def standings(
    conn: Connection, codes: Sequence[str], *, valid_at: date, size: int | None
) -> dict[str, Standing]:
    """Return the standing of each known enterprise among `codes`, in two round trips at most."""
    rows = await store.published_of(conn, codes)
    ids = [row.record_id for group in rows.values() for row in group if row.record_id]
    indexes = await log.index_of(conn, ids)
    return {
        code: _standing(group, indexes, valid_at=valid_at, size=size)
        for code, group in rows.items()
    }


async def trace(conn: Connection, code: str, *, valid_at: date, size: int | None) -> dict[str, Any]:
    """Return the stored trace of the published grade in force; NotFound without one."""
    found = await standings(conn, [code], valid_at=valid_at, size=size)
    if code not in found:
        raise NotFound("登记册里没有这家企业。请核对统一社会信用代码。", slug="no-such-enterprise")
    published = found[code].published
    if published is None:
        raise NotFound("这家企业在这一天没有已公布的等级，因此没有评分说明。", slug="unrated")
    packed = await store.trace_of(conn, UUID(published.run_id), code)
    if packed is None:
        raise NotFound("这次评级没有保存评分说明。", slug="no-trace")
    value: dict[str, Any] = orjson.loads(zlib.decompress(packed))
    return value


@dataclass(frozen=True, slots=True)
class Question:
    """A bid evaluator's question."""

    city: str
    purpose: str
    tender_ref: str
    at: date
    bidders: tuple[str, ...]


async def answer_query(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    question: Question,
    *,
    key: SigningKey,
    origin: str,
) -> dict[str, Any]:
    """Answer a question for every bidder in order, sign the whole, and keep it.

    A bidder nobody has registered, or whose code cannot be one, is answered as unknown and not
    refused: a stranger to the city must not be worse off than one without a grade. The service signs as itself, with a key of its own.
    """
    require(actor, "grades:query")
    codes = [code for code in dict.fromkeys(question.bidders) if logic.is_code(code)]
    found = await standings(conn, codes, valid_at=question.at, size=None)  # fmt: skip
    query_id = new_id(clock.now())
    answer = {
        "id": str(query_id),
        "purpose": question.purpose,
        "tender_ref": question.tender_ref,
        "at": question.at.isoformat(),
        "asked_at": rfc3339(clock.now()),
        "answers": [
            standing_json(found[code], origin)
            if code in found
            else {"uscc": code, "name": None, "grade": None, "score": None, "status": "unknown"}
            for code in question.bidders
        ],
    }
    signature = key.sign(ANSWER_TYPE, canonical(answer))
    signed = {**answer, "signature": {"kid": key.kid, "alg": ALGORITHM, "sig": b64(signature)}}
    await store.add_query(
        conn,
        query_id,
        by=actor.person_id,
        purpose=question.purpose,
        tender_ref=question.tender_ref,
        now=clock.now(),
        answer=canonical(signed),
    )
    return signed


async def register(
    conn: Connection, on: date, after: str, *, query: str | None, grade: str | None, limit: int
) -> list[store.RegisterRow]:
    """Return a page of the register: enterprises after a code, with the grade in force."""
    like = None
    if query:
        escaped = query.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        like = f"%{escaped}%"
    return await store.register_page(conn, on, after, like=like, grade=grade, limit=limit)


async def _run(conn: Connection, run_id: UUID) -> RunRow:
    found = await store.load_run(conn, run_id)
    if found is None:
        raise NotFound("没有这次评级。")
    return found


async def _subject_records(
    conn: Connection, codes: Sequence[str], size: int
) -> list[SubjectRecord]:
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


def _concerns(body: Mapping[str, Any], on: date) -> bool:
    """Say whether an entry could change a grade on a day: anything but a later fact could."""
    occurred = body.get("occurred_on") or body.get("closed_on")
    return occurred is None or date.fromisoformat(occurred) <= on


def _standing(
    group: Sequence[PublishedRow],
    indexes: Mapping[UUID, int],
    *,
    valid_at: date,
    size: int | None,
) -> Standing:
    by_record = {str(row.record_id): row for row in group}
    candidates = [
        Published(
            str(row.record_id),
            indexes.get(row.record_id),
            str(row.run_id),
            row.code,
            row.status or "unrated",
            row.grade,
            row.score,
            row.valid_from,
            row.valid_until,
            row.published_at,
        )
        for row in group
        if row.record_id and row.valid_from and row.valid_until and row.published_at
    ]
    chosen = logic.choose_published(candidates, valid_at, size)
    head = group[0]
    if chosen is None:
        return Standing(head.code, head.name, None, None, None)
    row = by_record[chosen.record_id]
    pack = (row.pack or "", row.pack_version or "", row.pack_status or "")
    return Standing(head.code, head.name, chosen, pack, row.log_size)


def standing_json(standing: Standing, origin: str) -> dict[str, Any]:
    """Write a standing as the interface answers it."""
    published = standing.published
    answer: dict[str, Any] = {
        "uscc": standing.uscc,
        "name": standing.name,
        "grade": None,
        "score": None,
        "status": "unrated",
        "pack": None,
        "valid_from": None,
        "valid_until": None,
        "published_at": None,
        "log": None,
        "lists": [],
    }
    if published is not None and standing.pack is not None:
        answer |= {
            "grade": published.grade,
            "score": None if published.score is None else text(published.score),
            "status": published.status,
            "pack": dict(zip(("id", "version", "status"), standing.pack, strict=True)),
            "valid_from": published.valid_from.isoformat(),
            "valid_until": published.valid_until.isoformat(),
            "published_at": rfc3339(published.published_at),
            "log": {"origin": origin, "index": published.index, "size": standing.log_size},
        }
    return answer
