"""Lists of the demo: entries at every step of their course, a board published and one begun."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Literal
from uuid import UUID

from credit.access.views import Actor
from credit.blacklist import service
from credit.blacklist.boards import scoring
from credit.blacklist.boards import service as boards
from credit.blacklist.boards.logic import Score
from credit.blacklist.views import Answer, ListName, Proposal, SubjectFacts
from credit.kit.blobs import BlobStore
from credit.kit.clock import Clock
from credit.kit.db import Connection, Database
from credit.kit.errors import Conflict
from credit.kit.ids import new_id
from credit.kit.signing import SigningKey
from credit.log import service as log
from credit.log.records import Record
from credit.rules.pack import Pack

__all__ = ["ListDesk"]

OBJECTION = "列入的理由不充分，我们已经整改（演示）。"
HEARD = "双方到场，当面核对证据并记入笔录（演示）。"
REASON = "事实清楚，证据确凿，符合规则包的条件；当事人的意见已经逐条核对（演示）。"
# How far an entry goes, by its last step; a year ago there were some that have ended since.
YEARLY: tuple[tuple[ListName, str], ...] = (("black", "publish"), ("red", "publish"))
PRESENT: tuple[tuple[ListName, str], ...] = (
    ("black", "publish"),
    ("black", "proposed"),
    ("black", "answer"),
    ("black", "hear"),
    ("black", "list"),
    ("black", "reject"),
    ("black", "leave"),
    ("black", "exit"),
    ("red", "publish"),
    ("red", "notice"),
    ("red", "proposed"),
)


@dataclass
class ListDesk:
    """Leads entries and boards of a city along; somebody else moves the clock and numbers the log.

    `own` is the enterprise with a user in the demo: in the end it has a notice to answer.
    """

    db: Database
    city: str
    pack: Pack
    clock: Clock
    keys: Mapping[str, SigningKey]
    actors: Mapping[str, Actor]
    files: BlobStore
    own: str | None
    subjects: Sequence[str]

    async def tell(self, plan: Sequence[tuple[ListName, str]], *, own: bool = False) -> None:
        """Propose entries about whoever has facts for them, and lead each as far as planned."""
        wanted = list(plan)
        async with self.db.transaction(self.city) as conn:
            await service.end_lapsed(conn, self.clock)
            if own and self.own is not None:
                await self._begin(conn, "black", self.own, "notice")
            others = [code for code in self.subjects if code != self.own]
            # Who meets a criterion comes first; the rest is proposed with reasons.
            for must_meet, code in product((True, False), others):
                if not wanted:
                    return
                name, last = wanted[0]
                if await self._begin(conn, name, code, last, must_meet=must_meet):
                    wanted.pop(0)

    async def boards(self, projects: Sequence[str]) -> None:
        """Publish the board of the last quarter that is over, and begin the present one's."""
        rules = boards.board_rules(self.pack, self.clock.today())
        for rule in rules[:1]:
            for period, whole in zip(_quarters(self.clock.today()), (True, False), strict=True):
                await self._board(rule.id, period, projects, whole=whole)

    async def _board(
        self, board: str, period: str, projects: Sequence[str], *, whole: bool
    ) -> None:
        today, actor = self.clock.today(), self.actors["officer"]
        rule = boards.board_rule(self.pack, board, today)
        scores = [
            Score(source.id, code, points, f"演示考评〔{today.year}〕{number}号")
            for number, source in enumerate(rule.sources, 1)
            for code in projects
            if (points := _points(source.id, code, period, whole=whole)) is not None
        ]
        async with self.db.transaction(self.city) as conn:
            head = await boards.begin_board(conn, self.clock, actor, self.pack, board, period)
            board_id = UUID(head.id)
            await scoring.enter_scores(conn, self.clock, actor, self.pack, board_id, scores)
            if whole:
                prepared = await boards.prepare_board(conn, self.clock, self.pack, board_id)
                record = self._signed("board", prepared.body)
                authority = self.actors["city_authority"]
                await boards.publish_board(conn, self.clock, authority, self.pack, board_id, record)

    async def _begin(
        self, conn: Connection, name: ListName, code: str, last: str, *, must_meet: bool = False
    ) -> bool:
        """Propose an enterprise where it has what an entry rests on; False where it has not."""
        today = self.clock.today()
        facts = await service.subject_facts(conn, self.pack, name, "enterprise", code, on=today)
        if facts.barred_by or not facts.facts or ((must_meet or name == "red") and not facts.met):
            return False
        proposal = self._proposal(name, code, facts)
        officer = self.actors["officer"]
        try:
            done = await service.propose(conn, self.clock, officer, self.pack, proposal)
        except Conflict:  # it is on a list already
            return False
        await self._lead(conn, UUID(done.id), code, last, red=name == "red")
        return True

    def _proposal(self, name: ListName, code: str, facts: SubjectFacts) -> Proposal:
        rule = service.rule_of(self.pack, name, self.clock.today())
        criterion = next(iter(facts.met), None)
        chosen = facts.met[criterion] if criterion else tuple(one.index for one in facts.facts[:2])
        measures = [one.id for one in rule.measures if "self-discipline" in one.kinds]
        return Proposal(
            name,
            "enterprise",
            code,
            "self-discipline",
            "《物业管理行业自律公约（演示）》第八条",
            tuple(chosen),
            tuple(measures[:2]),
            criterion=criterion,
            reason="" if criterion else "一年内有多项不良信息，经提醒没有改正（演示）。",
        )

    async def _lead(
        self, conn: Connection, entry: UUID, code: str, last: str, *, red: bool
    ) -> None:
        """Take an entry's steps up to the last one planned; the enterprise answers for itself."""
        officer, pack, clock = self.actors["officer"], self.pack, self.clock
        if last == "proposed":
            return
        await service.notice(conn, clock, officer, pack, entry)
        if last == "notice":
            return
        subject = replace(self.actors["enterprise"], party=code)
        paper = (await self._paper(conn, subject),)
        content = Answer(False, "waived", "没有意见（演示）。", paper)
        given = content if red else Answer(True, "asked", OBJECTION, paper)
        await service.answer(conn, clock, subject, pack, entry, given)
        if last == "answer":
            return
        if not red:
            await service.hear(conn, clock, self.actors["deputy"], pack, entry, HEARD)
        if last == "hear":
            return
        reviewer = self.actors["reviewer"]
        outcome: Literal["listed", "rejected"] = "rejected" if last == "reject" else "listed"
        await service.decide(conn, clock, reviewer, pack, entry, outcome, REASON)
        if last not in ("list", "reject"):
            await self._publish(conn, entry)
        if last in ("leave", "exit"):
            await service.leave(conn, clock, reviewer, pack, entry, "review", REASON)
        if last == "exit":
            await self._publish(conn, entry)

    async def _publish(self, conn: Connection, entry: UUID) -> None:
        prepared = await service.prepare(conn, self.clock, self.pack, entry)
        record = self._signed(prepared.kind, prepared.body)
        authority = self.actors["city_authority"]
        await service.publish(conn, self.clock, authority, self.pack, entry, record)

    async def _paper(self, conn: Connection, actor: Actor) -> str:
        blob = await self.files.put("书面陈述申辩（演示）。".encode(), "text/plain")
        await service.keep_files(conn, self.clock, actor, [blob])
        return blob.digest

    def _signed(self, kind: str, body: Mapping[str, object]) -> Record:
        record_id = new_id(self.clock.now())
        return log.sign_record(self.keys["city_authority"], kind, record_id, dict(body))


def _quarters(today: date) -> tuple[str, str]:
    """Name the last quarter that is over, and the present one."""
    year, quarter = today.year, (today.month - 1) // 3 + 1
    before = (year, quarter - 1) if quarter > 1 else (year - 1, 4)
    return f"{before[0]}-Q{before[1]}", f"{year}-Q{quarter}"


def _points(source: str, code: str, period: str, *, whole: bool) -> Decimal | None:
    """Return the same points each time, none of them above 100; some are missing unless whole."""
    digest = hashlib.sha256(f"{source} {code} {period}".encode()).digest()
    if not whole and digest[0] > 150:
        return None
    own = hashlib.sha256(f"{code} {period}".encode()).digest()
    quality = 50 + (own[0] + own[1]) * 46 // 510  # of the project; each source sees it otherwise
    return min(Decimal(100), Decimal(quality + digest[1] % 9 - 4) + Decimal(digest[2] % 10) / 10)
