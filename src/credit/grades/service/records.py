"""The records that publish a run: settled when it is computed, whoever signs them, and when."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from credit.grades.store import ResultRow, RunRow
from credit.kit.errors import Conflict
from credit.kit.texts import say
from credit.log.carried import batch_digest, counted_ids
from credit.log.records import Record
from credit.parties.codes import scheme_of
from credit.rules.arithmetic import add_months
from credit.rules.pack import Pack
from credit.rules.trace import text

__all__ = [
    "publication_bodies",
    "publication_records",
    "records_digest",
    "valid_until",
    "with_digest",
]

DIGEST = "records_digest"  # its name in the summary of a run


def valid_until(found: RunRow, pack: Pack) -> date:
    """Return the day on which the grades of a run cease to be valid."""
    return add_months(found.on_date, pack.on(found.on_date).grading.valid_months)


def publication_bodies(
    found: RunRow, pack: Pack, results: Iterable[ResultRow]
) -> dict[str, dict[str, Any]]:
    """Return for each enterprise the record body that publishes its grade, in order of the codes."""
    shared = {
        "log_size": found.log_size,
        "on": found.on_date.isoformat(),
        "pack": found.pack,
        "pack_digest": found.pack_digest,
        "pack_status": found.pack_status,
        "pack_version": found.pack_version,
        "run": str(found.id),
        "valid_from": found.on_date.isoformat(),
        "valid_until": valid_until(found, pack).isoformat(),
    }
    return {
        row.enterprise: {
            **shared,
            "grade": row.grade,
            "score": None if row.score is None else text(row.score),
            "status": row.status,
            "subjects": [{"scheme": scheme_of(row.enterprise), "id": row.enterprise}],
            "trace_digest": "sha256:" + row.trace_digest.hex(),
        }
        for row in sorted(results, key=lambda row: row.enterprise)
    }


def publication_records(found: RunRow, bodies: Mapping[str, dict[str, Any]]) -> dict[str, Record]:
    """Return the records that pages sign, by enterprise; refuses older runs.

    Their ids count up from the run's seed: whoever could tell them beforehand might use one for a
    record of their own, and the run could never be published.
    """
    _refuse_older(found)
    ids = counted_ids(str(found.seed), len(bodies))
    return {
        code: Record(record_id, "grade", body)
        for (code, body), record_id in zip(bodies.items(), ids, strict=True)
    }


def with_digest(found: RunRow, pack: Pack, results: Iterable[ResultRow]) -> dict[str, Any]:
    """Return a run's summary with the digest of the records that would publish it."""
    records = publication_records(found, publication_bodies(found, pack, results))
    return {**found.summary, DIGEST: batch_digest(list(records.values()))}


def records_digest(found: RunRow) -> str:
    """Return the digest (SHA-256, hex) of what publishing a run signs; refuses older runs."""
    _refuse_older(found)
    digest: str = found.summary[DIGEST]
    return digest


def _refuse_older(found: RunRow) -> None:
    if found.seed is None:
        raise Conflict(
            say("这次评级是旧版本算的，没有要签内容的摘要。请重新评级后再公布。"),
            slug="run-overtaken",
        )
