"""The demo's contracts: in force and in every other state, kept, broken and in dispute."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec

from credit.access import service as access
from credit.access.views import Actor
from credit.contracts import service
from credit.contracts.duties import store as duties
from credit.contracts.duties.store import DutyRow, DutyStepRow
from credit.contracts.logic.clauses import Answer, Counted, Measured, Ticked, Value, promise_text
from credit.contracts.logic.machine import Act
from credit.contracts.logic.records import FROZEN
from credit.contracts.service import Done, SignedAct
from credit.contracts.signing import Signer, conclude
from credit.contracts.views import (
    ContractDraft,
    CountPromise,
    ItemsPromise,
    OwnerVote,
    PartyChoice,
    PromiseText,
    RatioPromise,
    ResponsePromise,
    Share,
)
from credit.events.views import EvidenceRef
from credit.kit.blobs import BlobStore
from credit.kit.clock import CHINA, FixedClock
from credit.kit.db import Connection, Database
from credit.kit.ids import new_id
from credit.kit.signing import SigningKey
from credit.log import service as log
from credit.log.service import sign_record, sign_records
from credit.logs import Logs
from credit.rules.pack import Pack
from credit.terms import service as terms

__all__ = ["ContractDesk"]

TRI_PARTY, SERVICE, PACT = "chengnuo-qiyue", "fuwu-xieyi", "hangye-gongyue"
OTHERS = 60  # projects besides those of the enterprise with a user
MEMBERS = 20
ROLES = {"enterprise": "enterprise_user", "committee": "committee_user", "owners": "owner_delegate"}
SCHEMES = {"enterprise": "USCC", "committee": "COMMITTEE", "owners": "OWNERS"}
DUTIES_MAX = 500


class ContractDesk:
    """Lets a city's enterprises, committees and owners conclude contracts and keep them.

    `users` are the people of the demo who can sign in, by user name, with their keys.
    """

    def __init__(
        self,
        db: Database,
        city: str,
        pack: Pack,
        clock: FixedClock,
        *,
        logs: Logs,
        files: BlobStore,
        users: Mapping[str, Actor],
        keys: Mapping[str, SigningKey],
    ) -> None:
        self.db, self.city, self.pack, self.clock = db, city, pack, clock
        self.logs, self.files, self.users, self.keys = logs, files, users, keys
        self.people: dict[str, Signer] = {}
        self.tally: EvidenceRef | None = None
        self.ids: dict[str, UUID] = {}
        self.sides: dict[UUID, dict[str, str]] = {}
        self.promises: dict[tuple[str, str], PromiseText] = {
            (clause.id, clause.obligor): promise_text(clause.promise)
            for name, template in pack.on(clock.today()).contracts.items()
            if name == TRI_PARTY
            for clause in template.clauses
        }

    @property
    def officer(self) -> Signer:
        """The association's officer, who drafts."""
        return self.users["officer"], self.keys["officer"]

    async def conclude(self, projects: Sequence[Mapping[str, Any]]) -> None:
        """Let the parties of some projects conclude their contracts for a year, and some not."""
        chosen = list(self._chosen(projects))
        async with self.db.transaction(self.city) as conn:
            await self._hire(conn, chosen)
            blob = await self.files.put("业主表决计票表（演示）。".encode(), "text/plain")
            await service.keep_file(conn, self.clock, self.users["officer"], blob)
            self.tally = EvidenceRef(blob.digest, blob.size, blob.media_type)
            signed = chosen[:-4]
            ids = await self._conclude(conn, [self._tri_party(one) for one in signed])
            for one, found in zip(signed, ids, strict=True):
                self.ids[one["code"]] = found
                self.sides[found] = {
                    "enterprise": one["enterprise"],
                    "committee": _committee(one),
                    "owners": one["code"],
                }
            short = [msgspec.structs.replace(self._service(one), months=3) for one in chosen[1:4]]
            await self._conclude(conn, short)  # expired by now
            await self._unsigned(conn, chosen[-4:])
            await self._pact(conn, [one["enterprise"] for one in chosen])

    async def keep(self, project: str) -> None:
        """Make the duties of the periods since, report and answer them, and leave some open: those
        of the users' own project at every step.
        """
        async with self.db.transaction(self.city) as conn:
            while await service.make_due_duties(conn, self.clock):
                pass
            await self._perform(conn)
            await self._showcases(conn, project)
            while await service.hand_up_late(conn, self.clock, 5):
                pass

    async def leave_open(self, projects: Sequence[Mapping[str, Any]]) -> None:
        """Leave something for everybody to sign, to agree to, and to draft on."""
        own, second, third, *others = self._chosen(projects)
        async with self.db.transaction(self.city) as conn:
            witness = PartyChoice("witness", self.users["street"].organisation or "")
            fresh = self._service(own)
            parties = [*fresh.parties, witness]
            await self._freeze(conn, [msgspec.structs.replace(fresh, parties=parties)])
            await service.draft(
                conn, self.clock, self.users["officer"], self.pack, [self._tri_party(third)]
            )
            await self._act(conn, self.ids[second["code"]], "suspend", _committee(second))
            paused, ended, amended = others[:3]
            for act, one in (("suspend", paused), ("end", ended)):
                for code in (_committee(one), one["enterprise"]):
                    await self._act(conn, self.ids[one["code"]], act, code)  # type: ignore[arg-type]
            await service.amend(
                conn, self.clock, self.users["officer"], self.pack, self.ids[amended["code"]]
            )

    def _chosen(self, projects: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Yield projects with a committee: those of the enterprise with a user first."""
        own = self.users["enterprise"].party
        known = [one for number, one in enumerate(projects) if number % 4]
        yield from (one for one in known if one["enterprise"] == own)
        yield from [one for one in known if one["enterprise"] != own][:OTHERS]

    async def _hire(self, conn: Connection, projects: Sequence[Mapping[str, Any]]) -> None:
        """Give every party of the projects somebody with a key; a user of the demo where it has one."""
        for name in ("enterprise", "committee", "owners"):
            actor = self.users[name]
            self.people[actor.party or ""] = (actor, self.keys[name])
        for one in projects:
            parties = {
                "enterprise": one["enterprise"],
                "committee": _committee(one),
                "owners": one["code"],
            }
            for kind, code in parties.items():
                if code in self.people:
                    continue
                name = f"demo-{kind}-{code}".lower()
                office = await access.add_organisation(
                    conn, self.clock, kind=kind, name=f"{one['name']}（{code}）", party=code
                )
                person = await access.add_person(
                    conn, self.clock, self.logs.vault(self.city), username=name,
                    name="演示签名人", roles=[ROLES[kind]], organisation_id=office,
                )  # fmt: skip
                key = self.logs.person_key(self.city, name)
                await log.announce_key(conn, self.clock, key=key, holder=person, role=ROLES[kind])
                self.people[code] = (await access.actor_named(conn, name), key)

    def _tri_party(self, project: Mapping[str, Any]) -> ContractDraft:
        owners, area = project["owners"], project["area_m2"]
        assert self.tally is not None  # noqa: S101 - kept before anything is drafted
        vote = OwnerVote(
            matter="hire",
            held_on=(self.clock.today() - timedelta(days=20)).isoformat(),
            total=Share(owners, area),
            took_part=Share(owners * 4 // 5, area * 4 // 5),
            in_favour=Share(owners * 3 // 5, area * 3 // 5),
            tally=self.tally,
            filing=f"演示备〔{self.clock.today().year}〕{project['code'][-4:]}号",
        )
        parties = [
            PartyChoice("enterprise", project["enterprise"]),
            PartyChoice("committee", _committee(project)),
            PartyChoice("owners", project["code"]),
        ]
        return self._draft(TRI_PARTY, parties, project["code"], [vote])

    def _service(self, project: Mapping[str, Any]) -> ContractDraft:
        parties = [
            PartyChoice("enterprise", project["enterprise"]),
            PartyChoice("committee", _committee(project)),
        ]
        return self._draft(SERVICE, parties, project["code"])

    def _draft(
        self,
        template: str,
        parties: list[PartyChoice],
        project: str | None,
        votes: Sequence[OwnerVote] = (),
    ) -> ContractDraft:
        return ContractDraft(
            template=template,
            from_on=self.clock.today().isoformat(),
            parties=parties,
            project=project,
            votes=list(votes),
        )

    async def _conclude(self, conn: Connection, drafts: Sequence[ContractDraft]) -> list[UUID]:
        return await conclude(
            conn, self.clock, self.pack, self.files, drafts,
            drafter=self.officer,
            signers=lambda draft: [self.people[one.id] for one in draft.parties],
        )  # fmt: skip

    async def _freeze(self, conn: Connection, drafts: Sequence[ContractDraft]) -> list[UUID]:
        """Offer contracts that nobody has signed yet."""
        actor, key = self.officer
        ids = await service.draft(conn, self.clock, actor, self.pack, drafts)
        bodies = await service.prepare_freezing(conn, self.clock, actor, self.pack, ids)
        records = sign_records(key, FROZEN, bodies, self.clock)
        await service.freeze(conn, self.clock, actor, self.pack, self.files, records)
        return ids

    async def _unsigned(self, conn: Connection, projects: Sequence[Mapping[str, Any]]) -> None:
        """Offer four contracts: two lapse, one is refused, one withdrawn."""
        first, _, refused, withdrawn = await self._freeze(
            conn, [self._tri_party(one) for one in projects]
        )
        await self._act(conn, first, "sign", projects[0]["enterprise"])
        await self._act(conn, refused, "refuse", _committee(projects[2]))
        await self._act(conn, withdrawn, "withdraw", None)

    async def _pact(self, conn: Connection, enterprises: Sequence[str]) -> None:
        """Let the association and some members conclude the pact; one leaves it."""
        office = self.users["officer"].organisation or ""
        draft = self._draft(PACT, [PartyChoice("association", office)], None)
        (pact,) = await self._freeze(conn, [draft])
        members = list(dict.fromkeys(enterprises))[:MEMBERS]
        await self._act(conn, pact, "sign", None)
        for code in members:
            await self._act(conn, pact, "sign", code)
        await self._act(conn, pact, "leave", members[-1])

    async def _act(self, conn: Connection, contract: UUID, act: Act, party: str | None) -> None:
        """Let a party, or the officer, do something with a contract."""
        actor, key = self.people[party] if party else self.officer
        prepared = await service.prepare(conn, self.clock, actor, act, [contract])
        kind, body = prepared[contract]
        record = sign_record(key, kind, new_id(self.clock.now()), body)
        reason = None if act == "sign" else "各方商定（演示）。"
        one = SignedAct(actor, contract, act, record, reason)
        await service.act(conn, self.clock, self.files, [one])

    async def _perform(self, conn: Connection) -> None:
        """Report and confirm most duties of periods that are over, all at once."""
        rows: list[DutyRow] = []
        steps: list[DutyStepRow] = []
        number = 0
        for contract, sides in self.sides.items():
            for row in await duties.of_contract(
                conn, contract, state="open", after=None, limit=DUTIES_MAX
            ):
                number += 1
                if row.due_on >= self.clock.today() or number % 23 == 7:
                    continue  # runs still, or is late
                kept = number % 9 != 4
                found, severity = ("fulfilled", None) if kept else ("breached", "minor")
                rows.append(replace(row, state=found, waits_until=None, severity=severity, steps=2))
                steps += self._steps(row, sides[row.confirmer], kept=kept)
        await duties.put_duties(conn, rows)
        await duties.add_steps(conn, steps)
        await terms.close_terms(conn, self.clock, [one.id for one in rows])

    def _steps(self, row: DutyRow, other: str, *, kept: bool) -> list[DutyStepRow]:
        """Return a report and its confirmation, days after the period's end."""
        on = min(row.period_end + timedelta(days=3), self.clock.today())
        value = msgspec.to_builtins(_value(self.promises[row.clause, row.role], kept=kept))
        found, severity = ("fulfilled", None) if kept else ("breached", "minor")
        first = DutyStepRow(
            row.id, 1, "reported", on, 0, value, kept, None, None, None, [],
            row.scheme, row.party, self.people[row.party][0].person_id, _moment(on),
        )  # fmt: skip
        second = replace(
            first, number=2, step="confirmed", value=None, kept=None, finding=found,
            severity=severity, scheme=SCHEMES[row.confirmer], party=other,
            person_id=self.people[other][0].person_id,
        )  # fmt: skip
        return [first, second]

    async def _showcases(self, conn: Connection, project: str) -> None:
        """Leave the duties of the users' own project reported, disputed, raised, settled, inspected."""
        rows = await duties.of_contract(
            conn, self.ids[project], state="open", after=None, limit=DUTIES_MAX
        )
        own = [one for one in rows if one.role == "enterprise" and one.confirmer == "committee"]
        dispute = ("committee", Done("dispute", 0, reason="与实际不符（演示）。"))
        upward = ("street", Done("raise", 0, reason="双方各执一词（演示）。"))
        settle = ("officer", Done("settle", 0, finding="breached", reason="查实（演示）。"))
        inspect = ("officer", Done("inspect", 0, finding="breached", severity="general",
                                   reason="现场核查（演示）。"))  # fmt: skip
        stories = ((), (dispute,), (dispute, upward), (dispute, upward, settle), None)
        for row, story in zip(own, stories, strict=False):
            value = _value(self.promises[row.clause, row.role], kept=story == ())
            report = ("enterprise", Done("report", 0, value=value, reason="本期情况（演示）。"))
            told = (inspect,) if story is None else (report, *story)
            for seen, (who, done) in enumerate(told):
                actor = replace(self.users[who], bound=False)  # the project is of any street
                await service.perform(conn, self.clock, actor, row.id, replace(done, seen=seen))


def _committee(project: Mapping[str, Any]) -> str:
    """Return the code of a project's committee, as the demo's register numbers them."""
    return f"YWH-{project['code'][-4:]}"


def _value(promise: PromiseText, *, kept: bool) -> Value:
    """Return a report that keeps a promise, or does not."""
    match promise:
        case CountPromise(count=count):
            return Counted(count if kept else 0)
        case RatioPromise() | ResponsePromise():
            return Measured(99 if kept else 40, 100)
        case ItemsPromise(items=items):
            return Ticked(list(items) if kept else list(items[:1]))
        case _:
            return Answer(kept)


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(15, 0), CHINA)
