"""Answers: who has which grade, as of a day and a state of knowledge, and why."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from credit.access.logic import require
from credit.access.views import Actor
from credit.grades import logic, store
from credit.grades.logic import Published
from credit.grades.queries.store import KeptQuery, add_query
from credit.grades.service.listings import ListingRow, known
from credit.grades.store import PublishedRow
from credit.kit.canonical import canonical
from credit.kit.clock import Clock, rfc3339
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.ids import new_id
from credit.kit.patterns import containing
from credit.kit.signing import ALGORITHM, SigningKey, b64
from credit.kit.texts import say
from credit.log import service as log
from credit.rules.trace import text

__all__ = [
    "ANSWER_TYPE",
    "Question",
    "Standing",
    "answer_query",
    "known_size",
    "register",
    "standing_json",
    "standings",
    "trace",
]

ANSWER_TYPE = "application/vnd.credit.grade-answer.v1+json"


@dataclass(frozen=True, slots=True)
class Standing:
    """An enterprise's grade, and the lists it is on, as of a day and a state of knowledge."""

    uscc: str
    name: str
    published: Published | None
    pack: tuple[str, str, str] | None  # id, version, status
    log_size: int | None
    lists: tuple[ListingRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A bid evaluator's question."""

    city: str
    purpose: str
    tender_ref: str
    at: date
    bidders: tuple[str, ...]


async def known_size(conn: Connection, moment: datetime | int | None) -> int | None:
    """Turn a state of knowledge into a log size: a size as it is, a moment by admission time."""
    if moment is None or isinstance(moment, int):
        return moment
    return await log.size_at(conn, moment)


async def standings(
    conn: Connection, codes: Sequence[str], *, valid_at: date, size: int | None
) -> dict[str, Standing]:
    """Return the standing of each known enterprise among `codes`, in two round trips."""
    rows = await store.published_of(conn, codes, valid_at)
    ids = [row.record_id for group in rows.values() for row in group if row.record_id]
    if size is not None:
        listed = [one for group in rows.values() for one in group[0].listings]
        ids += [one for row in listed for one in (row.record_id, row.exit_id) if one]
    indexes = await log.index_of(conn, ids)
    return {
        code: replace(
            _standing(group, indexes, valid_at=valid_at, size=size),
            lists=known(group[0].listings, indexes, size),
        )
        for code, group in rows.items()
    }


async def trace(conn: Connection, code: str, *, valid_at: date, size: int | None) -> bytes:
    """Return the stored trace of the published grade in force, as JSON; NotFound without one."""
    found = await standings(conn, [code], valid_at=valid_at, size=size)
    if code not in found:
        raise NotFound(
            say("登记册里没有这家企业。请核对统一社会信用代码。"), slug="no-such-enterprise"
        )
    published = found[code].published
    if published is None:
        raise NotFound(say("这家企业在这一天没有已公布的等级，因此没有评分说明。"), slug="unrated")
    packed = await store.trace_of(conn, UUID(published.run_id), code)
    if packed is None:
        raise NotFound(say("这次评级没有保存评分说明。"), slug="no-trace")
    return zlib.decompress(packed)


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
    kept = KeptQuery(
        query_id,
        actor.person_id,
        actor.acts_for,
        question.purpose,
        question.tender_ref,
        clock.now(),
        len(question.bidders),
        canonical(signed),
    )
    await add_query(conn, kept)
    return signed


async def register(
    conn: Connection, on: date, after: str, *, query: str | None, grade: str | None, limit: int
) -> list[store.RegisterRow]:
    """Return a page of the register: enterprises after a code, with the grade in force."""
    like = containing(query) if query else None
    return await store.register_page(conn, on, after, like=like, grade=grade, limit=limit)


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
        "lists": [
            {
                "list": one.list_name,
                "kind": one.kind,
                "legal_basis": one.legal_basis,
                "effect": one.effect,
            }
            for one in standing.lists
        ],
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
