"""A small city whose projects have committees and owners, with people who sign for them."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest

from credit.access import service as access
from credit.contracts import service
from credit.contracts.logic.verify import KeyInLog, Logged
from credit.contracts.service import SignedAct
from credit.contracts.views import (
    ContractDraft,
    OwnerVote,
    PartyChoice,
    Share,
)
from credit.events.views import EvidenceRef
from credit.kit.blobs import BlobStore
from credit.kit.clock import CHINA
from credit.kit.ids import new_id
from credit.kit.signing import unb64
from credit.log import service as log
from credit.log import store as log_store
from credit.log.records import Record, Sig, parse_entry
from credit.log.service import sign_record
from credit.parties import service as parties

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
# name: (role, kind of organisation, its name, code in the register)
PEOPLE = {
    "committee": ("committee_user", "committee", "第1小区业主委员会", "YWH-1"),
    "owners": ("owner_delegate", "owners", "第1小区业主", "XQ-1"),
    "committee3": ("committee_user", "committee", "第3小区业主委员会", "YWH-3"),
    "owners3": ("owner_delegate", "owners", "第3小区业主", "XQ-3"),
    "street": ("street_officer", "street", "一街道办事处", None),
    "custodian": ("street_officer", "street", "一街道社区党组织", None),
    "witness": ("street_officer", "street", "一街道见证处", None),
    "colleague": ("enterprise_user", "enterprise", "enterprise", ENTERPRISE),
}
OFFICES = {"officer": "市协会", "reviewer": "市协会"}


class Contracts:
    """The small city, and what its people do with contracts."""

    def __init__(self, world) -> None:
        self.world, self.clock, self.db, self.pack = world, world.clock, world.db, world.pack
        self.blobs = BlobStore(world.settings.data_dir / "files")
        self.offices: dict[str, str] = {}

    async def build(self):
        world, clock = self.world, self.clock
        async with self.db.transaction(CITY) as conn:
            for name, (role, kind, title, party) in PEOPLE.items():
                division = "150203001" if kind == "street" else None
                office = await access.add_organisation(
                    conn, clock, kind=kind, name=title, division=division, party=party
                )
                self.offices[name] = office
                person = await access.add_person(
                    conn, clock, world.vault, username=name, name=f"{name}的姓名",
                    roles=[role], organisation_id=office,
                )  # fmt: skip
                world.actors[name] = await access.actor_named(conn, name)
                world.keys[name] = world.logs.person_key(CITY, name)
                world.api_keys[name] = await access.issue_key(
                    conn, clock, person_id=person, name=name
                )
                await self._announce(conn, name)
            for name in ("enterprise", "competitor"):
                await self._announce(conn, name)
            for name, title in OFFICES.items():
                self.offices[name] = await access.add_organisation(
                    conn, clock, kind="association", name=title
                )
                await conn.execute(
                    "UPDATE person SET organisation_id = $2 WHERE id = $1",
                    world.actors[name].person_id,
                    self.offices[name],
                )
                world.actors[name] = await access.actor_named(conn, name)
            plan = await parties.plan_parties(conn, clock, _committees())
            assert plan.faults == []
            await parties.apply_parties(conn, clock, world.vault, plan)
        return self

    async def _announce(self, conn, name) -> None:
        actor = self.world.actors[name]
        await log.announce_key(
            conn, self.clock, key=self.world.keys[name], holder=actor.person_id, role=actor.role
        )

    async def keep(self, content=b"%PDF-1.7 a", kind="application/pdf", by="officer"):
        """Keep a file; returns how drafts and records name it."""
        blob = await self.blobs.put(content, kind)
        async with self.db.transaction(CITY) as conn:
            await service.keep_file(conn, self.clock, self.world.actors[by], blob)
        return EvidenceRef(blob.digest, blob.size, blob.media_type)

    def vote(self, tally, **more):
        """A vote that carries: 320 owners and 30,000 square metres are in the register."""
        given = {
            "matter": "hire",
            "held_on": "2026-06-20",
            "total": Share(320, 30_000),
            "took_part": Share(250, 22_000),
            "in_favour": Share(200, 18_000),
            "tally": tally,
            "filing": "昆住建备〔2026〕12号",
            **more,
        }
        return OwnerVote(**given)

    async def tri_party(self, number=1, **more):
        """What a drafter fills in for the tri-party contract of a project."""
        tally = await self.keep(b"%PDF-1.7 tally")
        area = {1: 30_000, 2: 10_000, 3: 20_000}[number]
        vote = self.vote(
            tally,
            total=Share(320, area),
            took_part=Share(250, area * 3 // 4),
            in_favour=Share(200, area // 2),
        )
        given = {
            "template": "chengnuo-qiyue",
            "project": f"XQ-{number}",
            "from_on": self.clock.today().isoformat(),
            "parties": [
                PartyChoice("enterprise", {1: ENTERPRISE, 3: OTHER}[number]),
                PartyChoice("committee", f"YWH-{number}"),
                PartyChoice("owners", f"XQ-{number}"),
            ],
            "votes": [vote],
            **more,
        }
        return ContractDraft(**given)

    def service_contract(self, **more):
        """What a drafter fills in for the service contract of project XQ-1."""
        given = {
            "template": "fuwu-xieyi",
            "project": "XQ-1",
            "from_on": self.clock.today().isoformat(),
            "parties": [PartyChoice("enterprise", ENTERPRISE), PartyChoice("committee", "YWH-1")],
            **more,
        }
        return ContractDraft(**given)

    def pact(self):
        """What the association fills in for the pact of its members."""
        return ContractDraft(
            template="hangye-gongyue",
            from_on=self.clock.today().isoformat(),
            parties=[PartyChoice("association", self.offices["officer"])],
        )

    async def draft(self, *drafts, by="officer"):
        """Draft; returns the id of the first."""
        async with self.db.transaction(CITY) as conn:
            ids = await service.draft(
                conn, self.clock, self.world.actors[by], self.pack, list(drafts)
            )
        return ids[0]

    async def freeze(self, contract: UUID, by="officer"):
        """Freeze a draft; returns the record."""
        actor = self.world.actors[by]
        async with self.db.transaction(CITY) as conn:
            bodies = await service.prepare_freezing(conn, self.clock, actor, self.pack, [contract])
            record = self.record(by, "contract-frozen", bodies[contract])
            await service.freeze(conn, self.clock, actor, self.pack, self.blobs, {contract: record})
        return record

    def record(self, name, kind, body):
        """A record with somebody's signature."""
        return sign_record(self.world.keys[name], kind, new_id(self.clock.now()), body)

    async def prepare(self, name, act, contract):
        """What somebody would sign: (kind, body)."""
        async with self.db.transaction(CITY) as conn:
            found = await service.prepare(
                conn, self.clock, self.world.actors[name], act, [contract]
            )
        return found[contract]

    async def do(self, name, act, contract, *, reason="双方商定", record=None):
        """Let somebody do something with a contract; returns the record."""
        if record is None:
            record = self.record(name, *await self.prepare(name, act, contract))
        actor = self.world.actors[name]
        async with self.db.transaction(CITY) as conn:
            one = SignedAct(actor, contract, act, record, reason)
            await service.act(conn, self.clock, self.blobs, [one])
        return record

    async def sign(self, contract, *names):
        """Let people sign, one after another."""
        return [await self.do(name, "sign", contract) for name in names]

    async def in_force(self, content=None, signers=("enterprise", "committee", "owners")):
        """A contract all have signed."""
        contract = await self.draft(content or await self.tri_party())
        await self.freeze(contract)
        await self.sign(contract, *signers)
        return contract

    async def view(self, contract, name="officer", **more):
        """A contract as somebody sees it."""
        async with self.db.transaction(CITY) as conn:
            by = service.find_belonging(self.world.actors[name])
            return await service.contract_view(conn, self.clock, by, contract, **more)

    async def state(self, contract) -> str:
        """A contract's state in a word."""
        return (await self.view(contract)).line.state

    async def duties(self, contract, **more):
        """A contract's duties."""
        async with self.db.transaction(CITY) as conn:
            return await service.duties_of_contract(
                conn, self.clock, self.world.actors["officer"], contract, limit=500, **more
            )

    async def duty(self, contract, clause):
        """The newest duty of a clause that is owed."""
        found = [one for one in await self.duties(contract) if one.clause == clause]
        return [one for one in found if one.state != "waived"][-1]

    async def perform(self, name, duty, done):
        """Let somebody do something about a duty."""
        async with self.db.transaction(CITY) as conn:
            return await service.perform(
                conn, self.clock, self.world.actors[name], UUID(duty), done
            )

    async def look_after(self, days=0):
        """Move the clock by days, and run the daily job."""
        from credit.contracts.jobs import look_after_duties
        from credit.kit.jobs import JobContext

        self.clock.now_value += timedelta(days=days)
        await look_after_duties(JobContext(self.db, self.clock, CITY))

    async def proof(self, version=1):
        """What a mirror of the log has of the only contract: frozen record, others, keys."""
        await self.world.sequence()
        async with self.db.city(CITY) as conn:
            size = await conn.fetchval("SELECT count(*) FROM log_entry")
            entries = await log_store.entries(conn, 0, size)
        logged, keys = _read([parse_entry(row.entry) for row in entries])
        frozen = next(
            one for one in logged
            if one.record.kind == "contract-frozen" and one.record.body["version"] == version
        )  # fmt: skip
        return frozen, [one for one in logged if one is not frozen], keys

    async def fetch(self, statement, *arguments):
        """Ask the database."""
        async with self.db.city(CITY) as conn:
            return await conn.fetch(statement, *arguments)


def _read(entries):
    """Sort a log's leaves into contracts' records and keys; nothing else is asked."""
    keys, logged = {}, []
    for index, entry in enumerate(entries):
        body, kind = entry["body"], entry["kind"]
        if kind == "key":
            keys[body["kid"]] = KeyInLog(unb64(body["public_key"]), body["holder"], index)
        elif kind == "key-revoked":
            keys[body["kid"]] = replace(keys[body["kid"]], revoked=index)
        elif kind.startswith("contract-"):
            moment = datetime.fromisoformat(entry["admitted_at"]).astimezone(CHINA)
            sigs = tuple(Sig(one["kid"], one["alg"], one["sig"]) for one in entry["sigs"])
            record = Record(entry["id"], kind, body, sigs)
            logged.append(Logged(index, moment.date(), record))
    return logged, keys


def _committees():
    rows = [
        {
            "code": f"YWH-{n}",
            "name": f"第{n}小区业主委员会",
            "kind": "业主委员会",
            "project": f"XQ-{n}",
            "formed_on": date(2024, 1, 1),
            "ended_on": None,
        }
        for n in (1, 3)
    ]
    return {"committees": list(enumerate(rows, 2))}


@pytest.fixture
async def city(world):
    """The small city with committees and owners."""
    return await Contracts(world).build()
