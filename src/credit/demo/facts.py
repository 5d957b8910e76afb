"""Facts of the demo: proposed as they come, noticed, answered, heard and decided as time goes by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec

from credit.access.views import Actor
from credit.events import service as events
from credit.events import signing
from credit.events.course.logic import needs_notice
from credit.events.course.views import Answer, Course, Extension, Hearing, Suggestion
from credit.events.logic import expected_subjects
from credit.events.repair.views import Acceptance, Application, Repair
from credit.events.service import BATCH_MAX
from credit.events.store import load_events
from credit.events.views import (
    Correction,
    Decision,
    Draft,
    EventRecord,
    EvidenceRef,
    Withdrawal,
)
from credit.kit.blobs import Blob, BlobStore
from credit.kit.canonical import parse
from credit.kit.clock import Clock
from credit.kit.db import Connection, Database
from credit.kit.ids import new_id
from credit.kit.signing import SigningKey
from credit.log import service as log
from credit.parties import service as parties
from credit.rules.model import FixedPoints
from credit.rules.pack import Pack
from credit.terms import service as terms

__all__ = ["FactDesk"]

REPORT = Answer("rectify", "已按要求整改，情况如下（演示）。", [], "限期整改到位", "纳入每月自查")
ACKNOWLEDGED = Answer("acknowledge", "情况属实（演示）。")
OBJECTION = Answer("object", "与实际情况有出入，请核查（演示）。")
WHO = "企业负责人、经办人、核查人（演示）"
# Of the facts noticed between so many days ago, every so many is forgotten, and so late.
FORGOTTEN_DAYS, LATE_DAYS, FORGOTTEN_EVERY = 120, 45, 12
REPAIR_STEPS = ("applied", "accepted", "granted", "refused", "rejected", "accepted")
UPHELD_EVERY = 4  # of so many answers one is an objection that is found to be right


@dataclass
class FactDesk:
    """Takes facts in for a city in the order of their days; somebody else moves the clock.

    What needs notice is decided once its term is over, at the next call. `own` is the enterprise
    whose user answers what comes; others stay silent. `until` is the day the story ends.
    """

    db: Database
    city: str
    pack: Pack
    clock: Clock
    keys: Mapping[str, SigningKey]
    actors: Mapping[str, Actor]
    until: date
    own: str | None = None
    noticed: list[Course] = field(default_factory=list)
    upheld: set[UUID] = field(default_factory=set)
    answered: int = 0
    numbered: int = 0

    async def take(self, bodies: Sequence[dict[str, Any]]) -> None:
        """Take facts in that happened up to today, and settle what is due by now."""
        for begin in range(0, len(bodies), BATCH_MAX):
            async with self.db.transaction(self.city) as conn:
                await self._propose(conn, bodies[begin : begin + BATCH_MAX])
        await self.settle()
        async with self.db.transaction(self.city) as conn:
            days = self.pack.on(self.clock.today()).procedure.escalation_days
            await terms.sweep(conn, self.clock, days)

    async def leave_open(self, others: Sequence[str], files: BlobStore) -> None:
        """Leave facts at every step of their course, repairs, and suggestions, for everybody to
        have something to do; `others` are enterprises without a user.
        """
        rules = self.pack.on(self.clock.today())
        listed = [
            one
            for one in rules.grading.events
            if "enterprise" in one.subjects and isinstance(one.points, FixedPoints)
        ]
        bad = [one.code for one in listed if needs_notice(one, rules.procedure)]
        good = [one.code for one in listed if one.polarity == "good"]
        own, self.own = self.own, None
        async with self.db.transaction(self.city) as conn:
            waiting = [
                self._body(bad[n % len(bad)], one) for n, one in enumerate(others[:8]) if bad
            ]
            waiting += [self._body(code, others[-1]) for code in good[:3]]
            await self._put_forward(conn, waiting)
            for number, one in enumerate(others[:6] if bad else ()):
                await events.suggest(conn, self.clock, self._suggestion(number, bad[0], one))
        self.own = own
        if bad and own is not None:
            bodies = [self._body(bad[n % len(bad)], own) for n in range(5)]
            async with self.db.transaction(self.city) as conn:
                drafts = await self._put_forward(conn, bodies)
                ids = [UUID(one.id) for one in drafts]
                await events.notify(conn, self.clock, self.actors["officer"], self.pack, ids)
                await self._take_steps(conn, ids)
            await self._apply_for_repairs(files)
        await self._undo()

    def _body(self, code: str, enterprise: str) -> dict[str, Any]:
        self.numbered += 1
        on = self.clock.today()
        return {
            "type": code,
            "primary": "enterprise",
            "subject": enterprise,
            "occurred_on": on.isoformat(),
            "reference": f"演示字〔{on.year}〕告知{self.numbered}号",
        }

    def _suggestion(self, number: int, code: str, enterprise: str) -> Suggestion:
        on = self.clock.today()
        reference = f"演示检〔{on.year}〕{number + 1}号"
        note = "检查时发现，请核对后决定是否登记（演示）。"
        return Suggestion(
            "inspection", reference, code, "enterprise", enterprise, on, reference, note
        )

    async def _put_forward(
        self, conn: Connection, bodies: Sequence[dict[str, Any]]
    ) -> list[EventRecord]:
        """Propose facts with one signature, and do nothing more."""
        drafts = await self._drafts(conn, bodies, alone=True)
        if drafts:
            await events.propose(conn, self.clock, self.actors["officer"], self.pack, drafts)
        return drafts

    async def _take_steps(self, conn: Connection, ids: Sequence[UUID]) -> None:
        """Of five facts leave the first as it is; object to two, one of them heard; acknowledge
        one; put one off.
        """
        user, clock = self.actors["enterprise"], self.clock
        _, objected, heard, acknowledged, put_off = ids
        for event_id, given in ((objected, OBJECTION), (heard, REPORT), (heard, OBJECTION),
                                (acknowledged, ACKNOWLEDGED)):  # fmt: skip
            await events.answer(conn, clock, user, self.pack, {event_id: given})
        hearing = Hearing("partly", "经核对双方材料认定（演示）。", WHO)
        await events.hear(conn, clock, self.actors["deputy"], {heard: hearing})
        extension = Extension("objection", 5, "企业申请延期举证（演示）。")
        await events.extend(conn, clock, self.actors["officer"], self.pack, put_off, extension)

    async def _apply_for_repairs(self, files: BlobStore) -> None:
        """Apply for the repair of what the enterprise with a user may have repaired, and leave
        each application at another step.
        """
        user, clock = self.actors["enterprise"], self.clock
        blob = await files.put("整改完成情况的证明（演示）。".encode(), "text/plain")
        async with self.db.transaction(self.city) as conn:
            steps = iter(REPAIR_STEPS)
            for one in await events.courses(
                conn, clock, states=["effective"], enterprise=self.own, after=UUID(int=0), limit=100
            ):
                event_id = one.course.event_id
                view = await events.course_of(conn, clock, user, self.pack, event_id)
                if view.may("repair") and (step := next(steps, None)):
                    repair = await self._apply(conn, event_id, blob)
                    await self._answer_application(conn, repair.id, step)

    async def _apply(self, conn: Connection, event_id: UUID, blob: Blob) -> Repair:
        user, clock = self.actors["enterprise"], self.clock
        await events.keep_own_evidence(conn, clock, user, event_id, blob)
        promised = await events.prepare_commitment(conn, clock, user, self.pack, event_id)
        record = log.sign_record(
            self.keys["enterprise"], "commitment", new_id(clock.now()), promised.body
        )
        proof = EvidenceRef(blob.digest, blob.size, blob.media_type)
        application = Application("义务已全部履行（演示）。", [proof])
        return await events.apply_for_repair(
            conn, clock, user, self.pack, event_id, application, record
        )

    async def _answer_application(self, conn: Connection, repair_id: UUID, step: str) -> None:
        """Take an application as far as a step."""
        clock, pack = self.clock, self.pack
        first, second = self.actors["deputy"], self.actors["reviewer"]
        if step == "applied":
            return
        outcome: Any = "rejected" if step == "rejected" else "accepted"
        given = Acceptance(outcome, "按提交的材料审查（演示）。")
        await events.accept_repair(conn, clock, first, pack, repair_id, given)
        if step in ("granted", "refused"):
            record = None
            if step == "granted":
                body = await events.prepare_repair(conn, clock, pack, repair_id)
                record_id = new_id(clock.now())
                record = log.sign_record(self.keys["reviewer"], "event-repaired", record_id, body)
            done: Any = step
            await events.decide_repair(
                conn, clock, second, pack, repair_id, done, "经核实决定（演示）。", record
            )

    async def _undo(self) -> None:
        """Take one fact back and put one right, each proposed by one and accepted by another."""
        async with self.db.transaction(self.city) as conn:
            found = await events.courses(
                conn, self.clock, states=["effective"], after=UUID(int=0), limit=40
            )
            targets = [one.course.event_id for one in found if one.course.enterprise != self.own]
            rows = await load_events(conn, targets[-2:])
            drafts: list[Draft] = []
            for kind, row in zip(
                ("event-withdrawn", "event-corrected"), rows.values(), strict=False
            ):
                body = parse(row.body)
                if kind == "event-withdrawn":
                    body = {name: body[name] for name in ("subjects", "reference", "evidence")}
                    body["reason"] = "entered-by-mistake"
                reference = self._body("", "")["reference"]
                drafts.append(self._signed(kind, body | {"target": str(row.id),
                                                         "reference": reference}))  # fmt: skip
            if drafts:
                officer = self.actors["officer"]
                await events.propose(conn, self.clock, officer, self.pack, drafts)

    def _signed(self, kind: str, body: dict[str, Any]) -> Draft:
        """Sign a withdrawal, as its decider too, or a correction, which takes its own course."""
        record_id, record = new_id(self.clock.now()), None
        for name in ("officer", "reviewer") if kind == "event-withdrawn" else ("officer",):
            sigs = record.sigs if record else ()
            record = log.sign_record(self.keys[name], kind, record_id, body, sigs)
        plain = {"id": str(record_id), "kind": kind, "body": body,
                 "sigs": msgspec.to_builtins(record.sigs) if record else []}  # fmt: skip
        if kind == "event-withdrawn":
            return msgspec.convert(plain, Withdrawal)
        return msgspec.convert(plain, Correction)

    async def settle(self) -> None:
        """Hear and decide the facts whose terms are over or whose subject has answered."""
        today = self.clock.today()
        due = [one for one in self.noticed if _ripe(one, today)][:BATCH_MAX]
        if not due:
            return
        ids = {one.event_id for one in due}
        self.noticed = [one for one in self.noticed if one.event_id not in ids]
        async with self.db.transaction(self.city) as conn:
            await self._hear(conn, [one for one in due if _must_be_heard(one)])
            await self._decide(conn, due)
        await self.settle()

    async def _propose(self, conn: Connection, bodies: Sequence[dict[str, Any]]) -> None:
        drafts = await self._drafts(conn, bodies)
        officer = self.actors["officer"]
        await events.propose(conn, self.clock, officer, self.pack, drafts)
        waiting = [UUID(draft.id) for draft in drafts if len(draft.sigs) == 1]
        if waiting:
            courses = await events.notify(conn, self.clock, officer, self.pack, waiting)
            self.noticed += [await self._answer(conn, one) for one in self._remembered(courses)]

    def _remembered(self, courses: Sequence[Course]) -> list[Course]:
        """Leave out what the office forgets: a few of the last months, which become late."""
        late_from = self.until - timedelta(days=FORGOTTEN_DAYS)
        late_until = self.until - timedelta(days=LATE_DAYS)
        forgets = late_from <= self.clock.today() <= late_until
        return [
            one
            for number, one in enumerate(courses)
            if not forgets or number % FORGOTTEN_EVERY or one.enterprise == self.own
        ]

    async def _drafts(
        self, conn: Connection, bodies: Sequence[dict[str, Any]], *, alone: bool = False
    ) -> list[EventRecord]:
        placed = await parties.place(
            conn,
            [body["primary"] for body in bodies],
            [body["subject"] for body in bodies],
            [date.fromisoformat(body["occurred_on"]) for body in bodies],
        )
        return [
            self._draft(body, place, alone=alone)
            for body, place in zip(bodies, placed, strict=True)
        ]

    def _draft(self, body: dict[str, Any], place: Any, *, alone: bool) -> EventRecord:
        """Sign a fact, as its decider too where no notice is due, unless the proposer is `alone`."""
        rules = self.pack.on(self.clock.today())
        subjects = [{"scheme": ref.scheme, "id": ref.id} for ref in expected_subjects(place)]
        whole = {**body, "pack": self.pack.head.id, "subjects": subjects, "evidence": []}
        del whole["subject"]
        signers = [self.keys["officer"]]
        if not alone and not needs_notice(rules.grader.events[body["type"]], rules.procedure):
            signers.append(self.keys["reviewer"])
        return signing.sign_event(signers, new_id(self.clock.now()), whole)

    async def _answer(self, conn: Connection, course: Course) -> Course:
        """Let the enterprise with a user report what it did, and acknowledge or object in turns."""
        if course.enterprise != self.own:
            return course
        self.answered += 1
        if self.answered % UPHELD_EVERY == 0:
            self.upheld.add(course.event_id)
        for given in (REPORT, ACKNOWLEDGED if self.answered % 2 else OBJECTION):
            (course,) = await events.answer(
                conn,
                self.clock,
                self.actors["enterprise"],
                self.pack,
                {course.event_id: given},
            )
        return course

    async def _hear(self, conn: Connection, courses: Sequence[Course]) -> None:
        hearings = {
            one.event_id: Hearing(
                "upheld" if one.event_id in self.upheld else "dismissed",
                "经核对双方材料认定（演示）。",
                WHO,
                [],
                "限期改正并公示结果",
                "建立台账，专人负责",
            )
            for one in courses
        }
        if hearings:
            await events.hear(conn, self.clock, self.actors["deputy"], hearings)

    async def _decide(self, conn: Connection, courses: Sequence[Course]) -> None:
        rows = await signing.waiting(conn, [one.event_id for one in courses], BATCH_MAX)
        key = self.keys["reviewer"]
        decisions = {
            row.id: Decision("refused", "核查认为异议成立（演示）")
            if row.id in self.upheld
            else Decision("accepted", "告知期满，证据充分（演示）", signing.countersign(key, row))
            for row in rows
        }
        await events.decide(conn, self.clock, self.actors["reviewer"], decisions)


def _ripe(course: Course, today: date) -> bool:
    """Say whether a fact may be heard or decided: acknowledged, objected to, or in silence."""
    if course.state in ("acknowledged", "objected"):
        return course.noticed_on is not None and course.noticed_on < today
    return course.objection_due is not None and course.objection_due < today


def _must_be_heard(course: Course) -> bool:
    return course.state == "objected" or (course.state == "noticed" and course.must_hear)
