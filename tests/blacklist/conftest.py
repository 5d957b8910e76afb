"""The small city with people for every part of an entry's course, and what leads it along."""

import json
from datetime import date, timedelta
from uuid import UUID

import httpx
import pytest
import schemathesis
from tests.documents.conftest import read_pdf

from credit.blacklist import service
from credit.blacklist.views import Answer, Proposal
from credit.grades import service as grades
from credit.kit.blobs import Blob
from credit.kit.ids import new_id
from credit.log import service as log

__all__ = ["read_pdf"]

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
BASIS = "DB1502/T XX-2021 §7.3.3"
LAW = "《中华人民共和国招标投标法》第五十三条"


class Office:
    """Leads entries through their course; every step is a transaction of its own."""

    def __init__(self, world) -> None:
        self.world, self.pack, self.clock = world, world.pack, world.clock

    async def build(self):
        for name, role in (
            ("second_officer", "association_officer"),
            ("second_reviewer", "association_reviewer"),
            ("partner", "partner"),
        ):
            await self.world.hire(name, role)
        # Of the small city's street: a district's own officer would have to confirm every grade.
        await self.world.hire("hearer", "district_officer", kind="street", division="150203001")
        await self.world.sequence()
        return self

    def actor(self, name):
        return self.world.actors[name]

    async def act(self, function, name, *arguments, **more):
        """Call a use case as somebody, in a transaction of its own."""
        async with self.world.db.transaction(CITY) as conn:
            return await function(conn, self.clock, self.actor(name), *arguments, **more)

    async def fact(self, code="tender.collusion", **more):
        """Make a fact effective; returns its log index."""
        draft = self.world.draft(code=code, **more)
        await self.world.propose(draft)
        await self.world.sequence()
        async with self.world.db.city(CITY) as conn:
            return (await log.index_of(conn, [UUID(draft.id)]))[UUID(draft.id)]

    async def repair(self, index):
        """Write into the log that a fact was repaired today."""
        async with self.world.db.transaction(CITY) as conn:
            row = await conn.fetchrow(
                "SELECT r.record_id, convert_from(r.fragment, 'UTF8') AS text"
                " FROM log_record r JOIN log_entry e USING (k) WHERE e.idx = $1",
                index,
            )
            body = {
                "target": str(row["record_id"]),
                "subjects": json.loads("{" + row["text"] + "}")["body"]["subjects"],
                "on": self.clock.today().isoformat(),
            }
            key, record_id = self.world.keys["reviewer"], new_id(self.clock.now())
            await log.enqueue(conn, [log.sign_record(key, "event-repaired", record_id, body)])
        await self.world.sequence()

    def proposal(self, *facts, **changed):
        values = {
            "list": "black",
            "subject_kind": "enterprise",
            "subject": ENTERPRISE,
            "list_kind": "self-discipline",
            "legal_basis": BASIS,
            "facts": facts,
            "measures": ("B-M1", "B-M2"),
            "reason": "串标，情节严重。",
        }
        return Proposal(**{**values, **changed})

    async def propose(self, *facts, by="officer", **changed):
        """Propose an entry; returns its id."""
        proposal = self.proposal(*facts, **changed)
        return UUID((await self.act(service.propose, by, self.pack, proposal)).id)

    async def notice(self, entry, by="officer"):
        return await self.act(service.notice, by, self.pack, entry)

    async def answer(self, entry, *, by="enterprise", objects=True, hearing="", text="", files=()):
        given = Answer(objects, hearing, text or "我们不同意。", tuple(files))
        return await self.act(service.answer, by, self.pack, entry, given)

    async def hear(self, entry, by="hearer"):
        return await self.act(service.hear, by, self.pack, entry, "听证笔录：双方到场。")

    async def decide(self, entry, outcome="listed", by="reviewer"):
        return await self.act(service.decide, by, self.pack, entry, outcome, "事实清楚，依据充分。")

    async def prepare(self, entry):
        async with self.world.db.city(CITY) as conn:
            return await service.prepare(conn, self.clock, self.pack, entry)

    async def publish(self, entry, by="city_authority", record=None):
        """Publish what waits for it: the entry, or its exit; returns the record."""
        await self.world.sequence()
        if record is None:
            prepared = await self.prepare(entry)
            record = log.sign_record(
                self.world.keys[by], prepared.kind, new_id(self.clock.now()), prepared.body
            )
        await self.act(service.publish, by, self.pack, entry, record)
        await self.world.sequence()
        return record

    async def leave(self, entry, kind="review", by="reviewer"):
        return await self.act(service.leave, by, self.pack, entry, kind, "已经改正。")

    async def enter(self, *facts, until="published", hearing="waived", **changed):
        """Take an entry from the proposal to some state."""
        entry = await self.propose(*facts, **changed)
        states = ["proposed", "noticed", "answered", "heard", "listed", "published"]
        steps = [
            lambda: self.notice(entry),
            lambda: self.answer(entry, hearing=hearing),
            lambda: self.hear(entry),
            lambda: self.decide(entry),
            lambda: self.publish(entry),
        ]
        for state, step in zip(states[1 : states.index(until) + 1], steps, strict=False):
            if state != "heard" or hearing != "waived" or until == "heard":
                await step()
        return entry

    def wait(self, days):
        self.clock.now_value += timedelta(days=days)

    async def view(self, entry, by="officer"):
        return await self.act(service.entry_view, by, self.pack, entry)

    async def lists(self, code=ENTERPRISE, valid_at=None, size=None):
        """What an answer about an enterprise says of lists."""
        async with self.world.db.city(CITY) as conn:
            found = await grades.standings(
                conn, [code], valid_at=valid_at or self.clock.today(), size=size
            )
        return grades.standing_json(found[code], "origin")["lists"]

    async def size(self):
        async with self.world.db.city(CITY) as conn:
            return await log.size_at(conn, None)

    async def file(self, digit="a", by="officer"):
        """Note a file that somebody uploaded; returns its digest."""
        blob = Blob(f"sha256:{digit * 64}", 3, "application/pdf")
        actor = self.world.actors[by]
        async with self.world.db.transaction(CITY) as conn:
            await service.keep_files(conn, self.clock, actor, [blob])
        return blob.digest


@pytest.fixture
async def office(world):
    """Who leads entries along in the small city."""
    return await Office(world).build()


@pytest.fixture
def today(world):
    return world.clock.today


@pytest.fixture
def first_day():
    return date(2026, 6, 30)


@pytest.fixture
async def client(app):
    """A client of the application that holds every answer against the document."""
    document = schemathesis.openapi.from_dict(app.openapi_schema.to_schema())

    async def as_the_document_says(response):
        await response.aread()
        request = response.request
        operation = document.find_operation_by_path(request.method, request.url.path)
        if operation is not None:
            operation.validate_response(response)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://credit.test",
        event_hooks={"response": [as_the_document_says]},
    ) as found:
        yield found
