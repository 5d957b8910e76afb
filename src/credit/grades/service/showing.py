"""What a published grade's trace shows of facts that are shown no more: lapsed or repaired ones.

The stored trace stays as its digest in the log says; only what is shown leaves such facts out.
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import orjson

from credit.grades.service.answers import trace
from credit.grades.service.runs import subject_records
from credit.kit.db import Connection
from credit.kit.texts import marked
from credit.log import service as log
from credit.rules.grading import Grader, lapse_of

__all__ = ["WITHHELD", "hidden_facts", "public_trace", "withhold"]

WITHHELD = marked("已到期或已修复的不良信息，不再公示")


async def public_trace(
    conn: Connection,
    code: str,
    *,
    valid_at: date,
    size: int | None,
    grader: Grader,
    today: date,
) -> bytes:
    """Return the trace of the grade in force, without facts that today are shown no more, as JSON.

    NotFound without a grade. Where nothing is left out these are the stored bytes.
    """
    stored = await trace(conn, code, valid_at=valid_at, size=size)
    tree: dict[str, Any] = orjson.loads(stored)
    hidden = await hidden_facts(conn, grader, code, tree, today)
    return orjson.dumps(withhold(tree, hidden), option=orjson.OPT_SORT_KEYS) if hidden else stored


async def hidden_facts(
    conn: Connection, grader: Grader, code: str, tree: Mapping[str, Any], today: date
) -> frozenset[str]:
    """Return the record ids of bad facts in a trace that are shown no more.

    That is what the log has repaired, taken back or corrected since, and what has lapsed.
    """
    named = {
        one["inputs"]["id"]
        for one in _facts(tree)
        if one["rule"] not in grader.events or grader.events[one["rule"]].polarity == "bad"
    }
    if not named:
        return frozenset()
    size = await log.size_at(conn, None)
    (record,) = await subject_records(conn, [code], size)
    shown = {
        fact.id
        for fact in record.facts
        if (event := grader.events.get(fact.code)) is not None
        and today < lapse_of(event, fact.occurred_on, fact.valid_until)
    }
    return frozenset(named - shown)


def withhold(tree: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """Return a trace in which hidden facts have their points and nothing else."""
    score, *bounds = tree["children"]
    gone = {one["index"] for one in _facts(tree) if one["inputs"]["id"] in hidden}
    steps = [
        _bare(one) if one["index"] in gone and "id" in one["inputs"] else one
        for one in score["children"]
    ]
    return {
        **tree,
        "children": [
            {**score, "children": steps},
            *({**one, "index": None} if one["index"] in gone else one for one in bounds),
        ],
    }


def _facts(tree: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the steps of a trace that are facts: they name their record and stand in the log."""
    steps = tree["children"][0]["children"] if tree["children"] else []
    return [one for one in steps if one["index"] is not None and "id" in one["inputs"]]


def _bare(step: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "value": step["value"],
        "rule": "withheld",
        "title": WITHHELD,
        "source": "",
        "inputs": {},
        "index": None,
        "children": [],
    }
