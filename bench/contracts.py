"""Freezing a contract and its three signatures, against single signed events: each in the log."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from bench.report import Line
from bench.stage import CODE, Stage, analyze
from credit.access import service as access
from credit.contracts import service
from credit.contracts.logic.records import FROZEN
from credit.contracts.service import SignedAct
from credit.contracts.views import ContractDraft, OwnerVote, PartyChoice, Share
from credit.events import service as events
from credit.events.views import EvidenceRef
from credit.kit.blobs import BlobStore
from credit.kit.clock import SystemClock
from credit.kit.ids import new_id
from credit.log import service as log
from credit.log.records import Record
from credit.log.service import sign_record

CONTRACTS = 20
ROUNDS = 15
FACTOR = 5
SIGNERS = {
    "enterprise": "enterprise_user",
    "committee": "committee_user",
    "owners": "owner_delegate",
}


@dataclass(frozen=True)
class Times:
    """Seconds of one item: taking it in, and the whole until it is in the log."""

    taken_in: float
    whole: float

    def __add__(self, other: "Times") -> "Times":
        return Times(self.taken_in + other.taken_in, self.whole + other.whole)


async def measure(stage: Stage) -> list[Line]:
    """Conclude contracts one by one, as four people would, and take in events one by one."""
    clock, blobs = SystemClock(), BlobStore(Path(stage.settings.data_dir) / "files")
    places = await _places(stage)
    tally = await _tally(stage, blobs)
    rounds: list[tuple[Times, Times]] = []
    catalogue = stage.pack.on(clock.today()).grader.events
    facts = stage.maker.events(catalogue, date(clock.today().year - 1, 1, 1), clock.today(), 9_999)
    # Facts that are effective at once, each with a file as evidence, as the contracts have one.
    bodies = (
        body | {"evidence": [msgspec.to_builtins(tally)]}
        for body in facts
        if catalogue[body["type"]].polarity == "good"
    )
    for _ in range(ROUNDS + 1):
        drafts = [_draft(place, tally) for place in places]
        facts_drafted = await stage.drafts(list(islice(bodies, CONTRACTS)))
        rounds.append((await _conclude(stage, blobs, drafts), await _events(stage, facts_drafted)))
        await analyze(stage.url)
    contract, event = sorted(rounds[1:], key=lambda one: one[0].whole / one[1].whole)[ROUNDS // 2]
    ratio, within = contract.whole / event.whole, contract.taken_in / event.taken_in
    return [
        Line(
            "freezing and three signatures of a contract, each until it is in the log",
            f"{contract.whole * 1000:.1f} ms for four records",
            f"one signed event: {event.whole * 1000:.1f} ms for one",
            ratio,
            f"≤ {FACTOR}",
            ok=ratio <= FACTOR,
            note="the last one opens nine duties",
        ),
        Line(
            "… of that, taking them in",
            f"{contract.taken_in * 1000:.1f} ms in four transactions",
            f"{event.taken_in * 1000:.1f} ms in one",
            within,
            "",
            ok=True,
            note="before the log numbers them",
        ),
    ]


async def _places(stage: Stage) -> list[dict[str, Any]]:
    """Return projects with an enterprise, a committee and owners, each with people who sign."""
    clock, today = SystemClock(), SystemClock().today()
    async with stage.db.transaction(CODE) as conn:
        rows = await conn.fetch(
            "SELECT p.code, p.owners, p.area_m2, m.enterprise, min(c.code) AS committee"
            " FROM project p JOIN committee c ON c.project = p.code AND c.formed_on <= $1"
            "     AND (c.ended_on IS NULL OR $1 < c.ended_on)"
            " JOIN management m ON m.project = p.code AND m.until IS NULL"
            " WHERE p.owners > 0 AND p.area_m2 > 0"
            " GROUP BY p.code, p.owners, p.area_m2, m.enterprise ORDER BY p.code LIMIT $2",
            today,
            CONTRACTS,
        )
        assert rows, "the stage has no project with a committee"
        association = await access.add_organisation(
            conn, clock, kind="association", name="市物业管理行业协会"
        )
        await conn.execute(
            "UPDATE person SET organisation_id = $2 WHERE id = $1",
            stage.actors["officer"].person_id,
            association,
        )
        stage.actors["officer"] = await access.actor_named(conn, "officer")
        for row in rows:
            for kind, party in zip(
                SIGNERS, (row["enterprise"], row["committee"], row["code"]), strict=True
            ):
                await _hire(stage, conn, kind, party)
    return [dict(row) for row in rows]


async def _hire(stage: Stage, conn: Any, kind: str, party: str) -> None:
    name = f"{kind}-{party}".lower()
    if name in stage.actors:
        return
    clock = SystemClock()
    office = await access.add_organisation(conn, clock, kind=kind, name=name, party=party)
    person = await access.add_person(
        conn, clock, stage.logs.vault(CODE), username=name, name=name, roles=[SIGNERS[kind]],
        organisation_id=office,
    )  # fmt: skip
    stage.actors[name] = await access.actor_named(conn, name)
    stage.keys[name] = stage.logs.person_key(CODE, name)
    await log.announce_key(conn, clock, key=stage.keys[name], holder=person, role=SIGNERS[kind])


async def _tally(stage: Stage, blobs: BlobStore) -> EvidenceRef:
    blob = await blobs.put(b"%PDF-1.7 tally", "application/pdf")
    async with stage.db.transaction(CODE) as conn:
        await service.keep_file(conn, SystemClock(), stage.actors["officer"], blob)
    return EvidenceRef(blob.digest, blob.size, blob.media_type)


def _draft(place: dict[str, Any], tally: EvidenceRef) -> ContractDraft:
    today = SystemClock().today().isoformat()
    whole = Share(place["owners"], place["area_m2"])
    vote = OwnerVote("hire", today, whole, whole, whole, tally, "昆住建备〔2026〕1号")
    parties = [
        PartyChoice("enterprise", place["enterprise"]),
        PartyChoice("committee", place["committee"]),
        PartyChoice("owners", place["code"]),
    ]
    return ContractDraft("chengnuo-qiyue", today, parties, place["code"], votes=[vote])


async def _conclude(stage: Stage, blobs: BlobStore, drafts: list[ContractDraft]) -> Times:
    """Return the times of one contract: what is signed is prepared before, outside of them."""
    clock, pack, officer = SystemClock(), stage.pack, stage.actors["officer"]
    async with stage.db.transaction(CODE) as conn:
        ids = await service.draft(conn, clock, officer, pack, drafts)
        frozen = await service.prepare_freezing(conn, clock, officer, pack, ids)

    async def freeze(item: tuple[UUID, Record]) -> None:
        async with stage.db.transaction(CODE) as conn:
            await service.freeze(conn, clock, officer, pack, blobs, dict([item]))

    key = stage.keys["officer"]
    offers = [(one, sign_record(key, FROZEN, new_id(clock.now()), frozen[one])) for one in ids]
    times = await _timed(stage, offers, freeze)
    for place, kind in enumerate(SIGNERS):
        names = [f"{kind}-{draft.parties[place].id}".lower() for draft in drafts]
        items = []
        for one, name in zip(ids, names, strict=True):
            async with stage.db.city(CODE) as conn:
                found = await service.prepare(conn, clock, stage.actors[name], "sign", [one])
            record = sign_record(
                stage.keys[name], found[one][0], new_id(clock.now()), found[one][1]
            )
            items.append(SignedAct(stage.actors[name], one, "sign", record))

        async def sign(item: SignedAct) -> None:
            async with stage.db.transaction(CODE) as conn:
                await service.act(conn, clock, blobs, [item])

        times += await _timed(stage, items, sign)
    return times


async def _events(stage: Stage, drafts: list[Any]) -> Times:
    clock, officer = SystemClock(), stage.actors["officer"]

    async def propose(draft: Any) -> None:
        async with stage.db.transaction(CODE) as conn:
            await events.propose(conn, clock, officer, stage.pack, [draft])

    return await _timed(stage, drafts, propose)


async def _timed(stage: Stage, items: list[Any], work: Callable[[Any], Awaitable[None]]) -> Times:
    """Do one after the other, each until the log has numbered it; returns the times of one."""
    await stage.sequence()
    sequencer = stage.logs.sequencer(stage.db, SystemClock(), CODE)
    assert await sequencer.take_over()
    taken_in = whole = 0.0
    for item in items:
        begin = time.perf_counter()
        await work(item)
        taken_in += time.perf_counter() - begin
        assert await sequencer.sequence_batch() == 1
        whole += time.perf_counter() - begin
    await sequencer.drop()
    return Times(taken_in / len(items), whole / len(items))
