"""Publication: the city officer's decision, one signed record for every enterprise."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from credit.access.logic import refuse_same_person, require
from credit.access.views import Actor
from credit.grades import logic, store
from credit.grades.service.runs import INPUT_KINDS, load_run
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden
from credit.log import service as log
from credit.log.records import Record
from credit.parties.logic import scheme_of
from credit.rules.arithmetic import add_months
from credit.rules.pack import Pack
from credit.rules.trace import text

__all__ = ["prepare_publication", "publish"]


async def prepare_publication(
    conn: Connection, clock: Clock, pack: Pack, run_id: UUID
) -> dict[str, dict[str, Any]]:
    """Return for each enterprise the record body that would publish its grade, to be signed."""
    found = await load_run(conn, run_id)
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
    found = await load_run(conn, run_id)
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


def _concerns(body: Mapping[str, Any], on: date) -> bool:
    """Say whether an entry could change a grade on a day: anything but a later fact could."""
    occurred = body.get("occurred_on") or body.get("closed_on")
    return occurred is None or date.fromisoformat(occurred) <= on
