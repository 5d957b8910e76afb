"""Confirmation: between a run and its publication each district answers for its enterprises.

A district's department confirms what the run found for the enterprises registered there, or
returns the run with a reason; either is a signed record. A run that awaits a district, or that one
has returned, is not published. Where a district has no department with an officer nothing waits.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from credit.access import service as access
from credit.access.logic import refuse_unplaced, require
from credit.access.views import Actor
from credit.grades import logic
from credit.grades import store as grade_store
from credit.grades.confirming import store
from credit.grades.confirming.store import AnswerRow
from credit.grades.service.runs import load_run, refuse_overtaken
from credit.grades.store import ResultRow, RunRow
from credit.grades.views import DistrictAnswer
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, Invalid
from credit.kit.texts import say
from credit.log import service as log
from credit.log.records import Record
from credit.parties.logic import division_name
from credit.rules.pack import Pack

__all__ = [
    "CONFIRMED_KIND",
    "answers_of",
    "confirm",
    "prepare_confirmation",
    "refuse_answerer",
    "refuse_unconfirmed",
]

SCOPE = "grades:confirm"
CONFIRMED_KIND = "grades-confirmed"
OUTCOMES = ("confirmed", "returned")
REASON_CHARS_MAX = 1000


async def answers_of(
    conn: Connection, summaries: Mapping[UUID, Mapping[str, Any] | None]
) -> dict[UUID, list[DistrictAnswer]]:
    """Return what the districts say to each run so far; `summaries` are the runs' own, by id.

    A district is there when the run grades an enterprise of it, or when it has answered.
    """
    staffed = await access.staffed_districts(conn, SCOPE)
    given: dict[UUID, dict[str, AnswerRow]] = {}
    for row in await store.answers(conn, list(summaries)):
        given.setdefault(row.run_id, {})[row.division] = row
    return {
        run_id: [
            _answer(division, graded, staffed, given.get(run_id, {}).get(division))
            for division, graded in _districts(summary, given.get(run_id, {})).items()
        ]
        for run_id, summary in summaries.items()
    }


async def prepare_confirmation(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, run_id: UUID, outcome: str
) -> dict[str, Any]:
    """Return the record body by which the actor's district confirms or returns a run now.

    Refuses the proposer, a district that has nothing to answer or has answered, and a run that was
    returned, published or overtaken.
    """
    require(actor, SCOPE)
    refuse_unplaced(actor)
    if outcome not in OUTCOMES:
        raise Invalid(say("请选择确认或退回。"))
    found = await load_run(conn, run_id)
    if found.proposed_by == actor.person_id:
        raise Conflict(say("这次评级是您自己提出的，请由另一位同事确认。"), slug="four-eyes")
    await refuse_overtaken(conn, clock, pack, found)
    _refuse_old(found)
    division = actor.division or ""
    logic.refuse_answer((await answers_of(conn, {run_id: found.summary}))[run_id], division)
    results = await grade_store.results_of_run(conn, run_id, division)
    return {
        "division": division,
        "log_size": found.log_size,
        "on": found.on_date.isoformat(),
        "outcome": outcome,
        "pack_digest": found.pack_digest,
        "results": "sha256:" + _digest(results).hex(),
        "run": str(run_id),
    }


async def confirm(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    run_id: UUID,
    record: Record,
    *,
    reason: str | None = None,
) -> None:
    """Take in a district's answer to a run, signed with the actor's own key.

    The record is what `prepare_confirmation` gives now. A return has a reason, which stays in the
    register of answers and out of the log.
    """
    outcome = record.body.get("outcome", "")
    body = await prepare_confirmation(conn, clock, actor, pack, run_id, outcome)
    if record.kind != CONFIRMED_KIND or record.body != body:
        raise Conflict(
            say("签名的内容与评级结果不符，请重新取得要签名的内容。"), slug="body-outdated"
        )
    if (outcome == "returned") != bool(reason) or len(reason or "") > REASON_CHARS_MAX:
        raise Invalid(
            say(
                "退回要写明理由，不超过 %(most)s 字；确认不写理由。请核对后重新提交。",
                most=REASON_CHARS_MAX,
            )
        )
    keys = await log.find_keys(conn, [sig.kid for sig in record.sigs])
    await log.refuse_bad_signatures([record], keys)
    if [keys[sig.kid].holder for sig in record.sigs] != [actor.person_id]:
        raise Forbidden(say("请用您自己的密钥签名。"), slug="bad-signature")
    digest = bytes.fromhex(body["results"].removeprefix("sha256:"))
    row = AnswerRow(
        run_id,
        body["division"],
        UUID(record.id),
        outcome,
        reason,
        digest,
        actor.person_id,
        clock.now(),
    )
    if not await store.add_answer(conn, row):
        raise Conflict(say("本区刚刚由同事答复，请刷新后再看。"), slug="already-answered")
    await log.enqueue(conn, [record])


async def refuse_unconfirmed(
    conn: Connection, found: RunRow, results: Sequence[ResultRow] | None = None
) -> None:
    """Refuse to publish a run that a district returned or has yet to confirm, or whose results, if
    given, are not those that were confirmed.
    """
    if "districts" not in found.summary and not await access.staffed_districts(conn, SCOPE):
        return
    _refuse_old(found)
    answers = (await answers_of(conn, {found.id: found.summary}))[found.id]
    logic.refuse_unconfirmed(answers)
    for answer in answers:
        if results is None or answer.digest is None:
            continue
        own = [one for one in results if one.district == answer.division]
        if answer.digest != _digest(own):
            raise Conflict(
                say("区县确认之后，评级结果有了变化，不能公布。请联系管理员核对日志，并重新评级。"),
                slug="run-tampered",
            )


async def refuse_answerer(conn: Connection, actor: Actor, run_id: UUID) -> None:
    """Four eyes: nobody publishes a run that they confirmed for a district."""
    if await store.has_answered(conn, run_id, actor.person_id):
        raise Conflict(say("这次评级由您代表区县确认过，请由另一位同事公布。"), slug="four-eyes")


def _refuse_old(found: RunRow) -> None:
    """A run of before districts confirmed does not know whose enterprises it graded."""
    if "districts" not in found.summary:
        raise Conflict(
            say("这次评级是在启用区县确认之前算的，没有分区县的结果。请重新评级。"),
            slug="run-overtaken",
        )


def _districts(summary: Mapping[str, Any] | None, given: Mapping[str, AnswerRow]) -> dict[str, int]:
    """Return how many enterprises a run grades, by district; with those that have answered."""
    graded: Mapping[str, int] = (summary or {}).get("districts", {})
    return {division: graded.get(division, 0) for division in sorted({*graded, *given})}


def _answer(
    division: str,
    graded: int,
    staffed: set[str],
    row: AnswerRow | None,
) -> DistrictAnswer:
    return DistrictAnswer(
        division,
        division_name(division),
        graded,
        division in staffed,
        row.outcome if row else None,  # type: ignore[arg-type]
        row.reason if row else None,
        row.answered_by if row else None,
        row.answered_at if row else None,
        row.results_digest if row else None,
    )


def _digest(results: Sequence[ResultRow]) -> bytes:
    return logic.results_digest(
        [(one.enterprise, one.grade, one.score, one.trace_digest) for one in results]
    )
