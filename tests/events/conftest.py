"""An office that leads facts through their course, with everybody it takes."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from credit.events import service
from credit.events.course import store as courses
from credit.events.course.views import Answer, Extension, Hearing
from credit.events.repair.views import Acceptance, Application
from credit.events.signing import countersign
from credit.events.store import load_events
from credit.events.views import Decision, EvidenceRef
from credit.kit.blobs import Blob
from credit.kit.ids import new_id
from credit.log import service as log
from credit.terms import service as terms

CITY = "150200"
DIGEST = "sha256:" + "5" * 64
PROOF = EvidenceRef(DIGEST, 9, "application/pdf")


class Office:
    """Steps of the small city's people, each in a transaction of its own."""

    def __init__(self, world) -> None:
        self.world = world

    async def act(self, work):
        """Do something in a transaction."""
        async with self.world.db.transaction(CITY) as conn:
            return await work(conn)

    async def propose(self, code, by="officer", **more) -> UUID:
        """Propose a fact; returns its id."""
        world = self.world
        draft = world.draft((by,), code=code, **more)
        await self.act(
            lambda conn: service.propose(conn, world.clock, world.actors[by], world.pack, [draft])
        )
        return UUID(draft.id)

    async def notify(self, *ids, by="officer"):
        world = self.world
        return await self.act(
            lambda conn: service.notify(conn, world.clock, world.actors[by], world.pack, ids)
        )

    async def answer(self, event_id, kind, *, by="enterprise", measures=False, **more):
        world = self.world
        if measures:
            more |= {"corrective": "补齐公示", "preventive": "每月自查"}
        given = Answer(kind, "情况说明", **more)
        (done,) = await self.act(
            lambda conn: service.answer(
                conn, world.clock, world.actors[by], world.pack, {event_id: given}
            )
        )
        return done

    async def hear(self, event_id, finding="dismissed", *, by="hearer", measures=False):
        world = self.world
        more = {"corrective": "限期改正", "preventive": "专人负责"} if measures else {}
        given = Hearing(finding, "双方证据表明如此", "企业负责人、经办人", **more)
        (done,) = await self.act(
            lambda conn: service.hear(conn, world.clock, world.actors[by], {event_id: given})
        )
        return done

    async def extend(self, event_id, term, days, *, by="officer"):
        world = self.world
        given = Extension(term, days, "案情复杂")
        return await self.act(
            lambda conn: service.extend(
                conn, world.clock, world.actors[by], world.pack, event_id, given
            )
        )

    async def decide(self, event_id, outcome="accepted", *, by="reviewer", reason="属实"):
        world = self.world

        async def work(conn):
            row = (await load_events(conn, [event_id]))[event_id]
            decision = Decision(outcome, reason, countersign(world.keys[by], row))
            decisions = {event_id: decision}
            return await service.decide(conn, world.clock, world.actors[by], decisions)

        (state,) = await self.act(work)
        return state

    async def effective(self, code, *, by="reviewer", rectified=True, **more) -> UUID:
        """Lead a fact through notice and acknowledgement to its decision, all today."""
        event_id = await self.propose(code, **more)
        await self.notify(event_id)
        if rectified:
            await self.answer(event_id, "rectify", measures=True)
        await self.answer(event_id, "acknowledge")
        await self.decide(event_id, by=by)
        return event_id

    async def course(self, event_id):
        return (await self.act(lambda conn: courses.courses_of(conn, [event_id])))[event_id]

    async def view(self, event_id, by="officer"):
        world = self.world
        return await self.act(
            lambda conn: service.course_of(
                conn, world.clock, world.actors[by], world.pack, event_id
            )
        )

    async def terms(self, matter_id) -> dict[str, str]:
        """The open terms of a matter: last days by kind."""
        found = await self.act(lambda conn: terms.open_of_matters(conn, [matter_id]))
        return {one.kind: str(one.due_on) for one in found}

    async def evidence(self, by="enterprise"):
        """Keep a file that somebody uploads, for what they say to name."""
        world = self.world
        blob = Blob(PROOF.digest, PROOF.size, PROOF.type)
        await self.act(lambda conn: service.keep_held(conn, world.clock, world.actors[by], blob))
        return PROOF

    async def apply(self, event_id, *, by="enterprise", key=None, evidence=(PROOF,)):
        """Apply for repair as the fact's enterprise, with the commitment signed."""
        world = self.world

        async def work(conn):
            promised = await service.prepare_commitment(
                conn, world.clock, world.actors[by], world.pack, event_id
            )
            record = log.sign_record(
                world.keys[key or by], "commitment", new_id(world.clock.now()), promised.body
            )
            return await service.apply_for_repair(
                conn,
                world.clock,
                world.actors[by],
                world.pack,
                event_id,
                Application("已全部改正", list(evidence)),
                record,
            )

        return await self.act(work)

    async def accept(self, repair_id, outcome="accepted", *, by="reviewer"):
        world = self.world
        return await self.act(
            lambda conn: service.accept_repair(
                conn,
                world.clock,
                world.actors[by],
                world.pack,
                repair_id,
                Acceptance(outcome, "材料齐全"),
            )
        )

    async def grant(self, repair_id, outcome="granted", *, by="second", key=None):
        """Decide an application, signing the record where it is granted."""
        world = self.world

        async def work(conn):
            record = None
            if outcome == "granted":
                body = await service.prepare_repair(conn, world.clock, world.pack, repair_id)
                record = log.sign_record(
                    world.keys[key or by], "event-repaired", new_id(world.clock.now()), body
                )
            return await service.decide_repair(
                conn,
                world.clock,
                world.actors[by],
                world.pack,
                repair_id,
                outcome,
                "已核实",
                record,
            )

        return await self.act(work)

    def at(self, day: str, hour: int = 4) -> None:
        """Move the clock to a day, at noon in China unless another hour (UTC) is given."""
        year, month, number = map(int, day.split("-"))
        self.world.clock.now_value = datetime(year, month, number, hour, tzinfo=UTC)


@pytest.fixture
async def office(world):
    """The small city's office, with somebody who hears and a second reviewer."""
    await world.hire("hearer", "association_reviewer")
    await world.hire("second", "association_reviewer")
    return Office(world)
