"""Publication: the city officer's decision, one signed record for every enterprise."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from credit.access.logic import refuse_same_person, require
from credit.access.views import Actor
from credit.grades import store
from credit.grades.service.confirmation import refuse_answerer, refuse_unconfirmed
from credit.grades.service.records import publication_bodies, publication_records, valid_until
from credit.grades.service.runs import load_run, refuse_overtaken
from credit.grades.store import RunRow
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden
from credit.kit.texts import say
from credit.log import service as log
from credit.log.records import Record
from credit.rules.pack import Pack

__all__ = ["check_publication", "prepare_publication", "prepare_records", "publish"]


async def check_publication(conn: Connection, clock: Clock, pack: Pack, run_id: UUID) -> RunRow:
    """Refuse a run published before, overtaken, returned by a district, or awaiting one."""
    found = await load_run(conn, run_id)
    await refuse_overtaken(conn, clock, pack, found)
    await refuse_unconfirmed(conn, found)
    return found


async def prepare_publication(
    conn: Connection, clock: Clock, pack: Pack, run_id: UUID
) -> dict[str, dict[str, Any]]:
    """Return for each enterprise the record body that would publish its grade, to be signed.

    Refuses what `check_publication` does, and results that are not those the districts confirmed.
    """
    return await _bodies(conn, clock, pack, await load_run(conn, run_id))


async def prepare_records(
    conn: Connection, clock: Clock, pack: Pack, run_id: UUID
) -> dict[str, Record]:
    """Return the record of each enterprise as pages sign it; refuses what `prepare_publication`
    does.
    """
    found = await load_run(conn, run_id)
    return publication_records(found, await _bodies(conn, clock, pack, found))


async def publish(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    pack: Pack,
    run_id: UUID,
    records: Mapping[str, Record],
) -> None:
    """Publish a run with one record per enterprise, each signed by the publisher.

    Refuses the proposer's own run, one the actor confirmed for a district, and records that are not
    exactly what `prepare_publication` gives.
    """
    require(actor, "grades:publish")
    found = await load_run(conn, run_id)
    refuse_same_person(found.proposed_by, actor.person_id)
    await refuse_answerer(conn, actor, run_id)
    bodies = await _bodies(conn, clock, pack, found)
    same = {code: record.body for code, record in records.items()} == bodies
    if not same or any(record.kind != "grade" for record in records.values()):
        raise Conflict(
            say("签名的内容与评级结果不符，请重新取得要签名的内容。"), slug="body-outdated"
        )
    keys = await log.find_keys(conn, [sig.kid for r in records.values() for sig in r.sigs])
    await log.refuse_bad_signatures(list(records.values()), keys)
    if any([keys[s.kid].holder for s in r.sigs] != [actor.person_id] for r in records.values()):
        raise Forbidden(say("请用您自己的密钥签名。"), slug="bad-signature")
    added = await store.add_publication(
        conn,
        run_id,
        {code: UUID(record.id) for code, record in records.items()},
        valid_from=found.on_date,
        valid_until=valid_until(found, pack),
        by=actor.person_id,
        now=clock.now(),
    )
    if not added:
        raise Conflict(say("这次评级刚刚由别人公布。"), slug="already-published")
    await log.enqueue(conn, list(records.values()))
    await store.notify_published(conn)


async def _bodies(
    conn: Connection, clock: Clock, pack: Pack, found: RunRow
) -> dict[str, dict[str, Any]]:
    await refuse_overtaken(conn, clock, pack, found)
    results = await store.results_of_run(conn, found.id)
    await refuse_unconfirmed(conn, found, results)
    return publication_bodies(found, pack, results)
