"""The console's first page, what waits for whoever looks; and its search."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.datastructures import State

from credit.access.views import Visitor
from credit.blacklist import service as blacklist
from credit.blacklist.views import Counts as ListCounts
from credit.contracts import service as contracts
from credit.contracts.lists.store import WorkRow as ContractWork
from credit.evaluations import service as evaluations
from credit.evaluations.service import OpenSheet
from credit.events import service as events
from credit.events.service import Counts
from credit.grades import service as grades
from credit.grades.pages.drawing import distribution_picture
from credit.grades.reading import runs
from credit.grades.reading.runs import RunView
from credit.grades.reading.store import LatestPublication
from credit.grades.service.runs import INPUT_KINDS
from credit.grades.views import DistrictAnswer
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.http import City, SoughtText
from credit.kit.pages import render
from credit.kit.texts import marked
from credit.market.figures import service as bank
from credit.market.figures.views import Waiting as BankCounts
from credit.rules.loading import pack_of_city
from credit.terms import service as terms
from credit.terms.views import OpenTerm
from credit.web import store
from credit.web.search import GROUP_MAX, search
from credit.web.store import ExpiringClient, Work

__all__ = ["DeskPages"]

RUNS_LOOKED_AT = 10
SHEETS_SHOWN = 12
REFUSED_WITHIN = timedelta(days=30)
ENDS_SOON = timedelta(days=30)
EXPIRING_SHOWN = 5
TERMS_SHOWN = 10


# What an officer finds on the desk: the scope it takes, what is counted, where it is, what it is,
# whether it is late already.
Tasks = tuple[tuple[str, str, str, str, bool], ...]
FACTS: Tasks = (
    ("late:city", "late_city", "terms", marked("件超时，已上报到市主管部门"), True),
    ("late:district", "late_district", "terms", marked("件超时，已上报到区县主管部门"), True),
    ("events:propose", "notice", "events?status=notice", marked("件待送达告知书"), False),
    ("events:hear", "hearing", "events?status=hearing", marked("件异议等待核查"), False),
    ("events:decide", "decidable", "events?status=decidable", marked("件可以作出决定"), False),
    ("events:decide", "to_accept", "repairs?status=applied", marked("份修复申请等待受理"), False),
    ("events:decide", "to_grant", "repairs?status=accepted", marked("份修复申请等待决定"), False),
    ("events:propose", "suggestions", "suggestions", marked("条线索等您看是否提出"), False),
)
CONTRACTS: Tasks = (
    ("contracts:inspect", "late", "duties?what=late", marked("项履约逾期没有报告"), True),
    ("contracts:inspect", "disputed", "duties?what=disputed", marked("项履约争议等待处理"), False),
    ("contracts:sign", "to_sign", "contracts?status=offered", marked("份契约等本单位签署"), False),
    (
        "contracts:inspect",
        "orphaned",
        "contracts?status=in-force",
        marked("份契约的企业已离开项目"),
        False,
    ),
)
LISTS: Tasks = (
    ("lists:propose", "notice", "lists?stage=notice", marked("条名单提请待告知"), False),
    ("events:hear", "hearing", "lists?stage=hearing", marked("条名单提请等待听证"), False),
    ("lists:decide", "decision", "lists?stage=decision", marked("条名单提请等待决定"), False),
    (
        "lists:publish",
        "publication",
        "lists?stage=publication",
        marked("条名单决定等待公布"),
        False,
    ),
    ("lists:publish", "exit", "lists?stage=exit", marked("条移出决定等待公布"), False),
    ("lists:decide", "review", "lists?stage=review", marked("条名单到了复核的时候"), False),
)
BANK: Tasks = (
    ("points:approve", "approvals", "approvals", marked("条参与记录等待审核"), False),
    (
        "points:fund",
        "unfunded",
        "approvals?state=unfunded",
        marked("条已审核的记录等待预算"),
        False,
    ),
    ("market:decide", "merchants", "merchants?standing=proposed", marked("家商户等待审核"), False),
    ("market:decide", "offers", "offers", marked("项权益等待审核"), False),
    (
        "market:settle",
        "disputed",
        "settlements?standing=disputed",
        marked("份结算单有异议"),
        False,
    ),
    (
        "market:settle",
        "confirmed",
        "settlements?standing=confirmed",
        marked("份结算单等待付款"),
        False,
    ),
)
# Whose day the bank's work is; who funds budgets and does nothing else there looks at the bank's page.
OPERATES = frozenset(one[0] for one in BANK) - {"points:fund"}


@dataclass(frozen=True, slots=True)
class Task:
    """So many things of a kind that wait: `place` below the console, `words` after the number."""

    count: int
    place: str
    words: str
    late: bool


@dataclass(frozen=True, slots=True)
class Desk:
    """What waits, seen with somebody's scopes; what they do not carry is empty.

    `work` counts the visitor's own proposals, `facts` events, repairs and suggestions by what they
    wait for, `contracts`, `lists` and `bank` likewise; `terms` is what is to be done first, `sheets` are the open
    evaluations: all of the visitor's division, if there is one. `runs` are those that came
    after the last publication, and those without a result; `answers` is what the districts say to
    those proposed. `expiring` are machines' keys that stop working soon. `key` says whether the
    visitor has an active signing key, or needs none.
    """

    work: Work
    facts: Counts | None
    contracts: ContractWork | None
    lists: ListCounts | None
    bank: BankCounts | None
    terms: list[OpenTerm]
    sheets: list[OpenSheet]
    runs: list[RunView]
    answers: Mapping[UUID, Sequence[DistrictAnswer]]
    latest: LatestPublication | None
    expiring: list[ExpiringClient]
    key: bool

    def tasks(self, scopes: Collection[str]) -> list[Task]:
        """What waits for somebody with scopes, by what it takes; what is late first."""
        found = [
            one
            for source, tasks in (
                (self.facts, FACTS),
                (self.contracts, CONTRACTS),
                (self.lists, LISTS),
                (self.bank, BANK),
            )
            for scope, name, place, words, late in tasks
            if source is not None
            and scope in scopes
            and (one := Task(getattr(source, name), place, words, late)).count
        ]
        return sorted(found, key=lambda one: not one.late)

    def asked_of(self, division: str | None) -> list[RunView]:
        """The runs that a district has yet to answer."""
        return [
            one
            for one in self.runs
            if any(answer.awaited for answer in self._of(one) if answer.division == division)
            and not self.returned(one)
        ]

    def awaited(self, run: RunView) -> int:
        """How many districts have yet to answer a run."""
        return sum(answer.awaited for answer in self._of(run))

    def returned(self, run: RunView) -> bool:
        """Whether a district returned a run."""
        return any(answer.outcome == "returned" for answer in self._of(run))

    def _of(self, run: RunView) -> Sequence[DistrictAnswer]:
        return self.answers.get(run.line.id, ())


class DeskPages(Controller):
    """`/{city}/console`: today's work, and the search."""

    path = "/console"

    @get(summary="今日工作", opt={"scope": "console:use"})
    async def desk(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Show what waits for the visitor, what takes too long, and how grades stand."""
        visitor: Visitor = request.state.visitor
        async with state.db.city(city) as conn:
            found = await _desk(conn, state.clock, visitor)
        latest, today = found.latest, state.clock.today()
        return render(
            request,
            "web/desk.html",
            desk=found,
            terms_max=TERMS_SHOWN,
            picture=distribution_picture(_ordered(latest, city, today)) if latest else None,
            ends_soon=latest is not None and latest.valid_until - today <= ENDS_SOON,
            lapsed=latest is not None and latest.valid_until <= today,
            today=today,
        )

    @get("/search", summary="搜索", opt={"scope": "console:use"})
    async def search(
        self, request: Request[Any, Any, Any], state: State, city: City, q: SoughtText = ""
    ) -> Response[str]:
        """Find a text in enterprises, projects, events and evaluations."""
        visitor: Visitor = request.state.visitor
        wanted, today, found = q.strip(), state.clock.today(), None
        records = "events:read" in visitor.actor.scopes
        if wanted:
            async with state.db.city(city) as conn:
                found = await search(conn, wanted, today, records=records)
        return render(
            request,
            "web/search.html",
            q=wanted,
            found=found,
            records=records,
            group_max=GROUP_MAX,
            catalogue=pack_of_city(city).on(today).grader.events,
        )


async def _desk(conn: Connection, clock: Clock, visitor: Visitor) -> Desk:
    actor, now, today = visitor.actor, clock.now(), clock.today()
    scopes, division = actor.scopes, actor.division
    unfinished, facts = list[RunView](), None
    sheets, expiring = list[OpenSheet](), list[ExpiringClient]()
    contract_work, list_work, bank_work = None, None, None
    latest = await runs.latest_publication(conn)
    work = await store.work(
        conn,
        actor.person_id,
        proposes="events:propose" in scopes,
        since=now - REFUSED_WITHIN,
        counted=events.WAITING_SHOWN_MAX,
        runs=RUNS_LOOKED_AT,
        kinds=INPUT_KINDS,
    )
    if "events:read" in scopes:
        facts = await events.counts(conn, clock, division)
        unfinished = _unfinished(await runs.newest_runs(conn, None, RUNS_LOOKED_AT), latest)
    if scopes & {"contracts:inspect", "contracts:sign"}:
        contract_work = await contracts.contract_work(conn, clock, actor)
    if scopes & {one[0] for one in LISTS}:
        list_work = await blacklist.counts(conn, None, on=today)
    if scopes & OPERATES:
        bank_work = await bank.waiting(conn, actor)
    if scopes & {"marks:enter", "evaluations:close"}:
        sheets = await evaluations.open_sheets(conn, division, SHEETS_SHOWN)
    if "people:write" in scopes:
        expiring = await store.expiring(conn, now, now + ENDS_SOON, EXPIRING_SHOWN)
    first_due = await terms.open_of_office(conn, actor, limit=TERMS_SHOWN + 1)
    proposed = {one.line.id: one.line.summary for one in unfinished if one.state == "proposed"}
    answers = await grades.answers_of(conn, proposed) if proposed else {}
    key = work.key or "keys:own" not in scopes
    return Desk(
        work, facts, contract_work, list_work, bank_work, first_due, sheets, unfinished,
        answers, latest, expiring, key,
    )  # fmt: skip


def _ordered(latest: LatestPublication, city: str, today: date) -> dict[str, int]:
    """Put a distribution in the order of the ladder, the best grade first; JSON has none."""
    found = latest.distribution
    ladder = pack_of_city(city).on(today).grader.ladder.grades
    return {grade: found[grade] for grade in [*ladder, *found] if grade in found}


def _unfinished(found: Sequence[RunView], latest: LatestPublication | None) -> list[RunView]:
    """Return the runs that ask for something: newer than what was published last."""
    return [
        one
        for one in found
        if one.state != "published" and (latest is None or one.line.asked_at > latest.published_at)
    ]
