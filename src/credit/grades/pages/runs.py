"""The console's pages of grade runs: asked for, compared with what is in force, published."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.access.views import Visitor
from credit.grades import service
from credit.grades.pages import drawing
from credit.grades.reading import runs
from credit.grades.store import ComparedRow
from credit.kit.db import Connection
from credit.kit.errors import Conflict, CreditError, Invalid
from credit.kit.http import UUID_PATTERN, City, IdCursor, PartyCode, RecordKey, parse_date
from credit.kit.ids import new_id
from credit.kit.pages import form_of, redirect, render
from credit.log.pages import ToSign, signatures_of, signing_page
from credit.log.records import Record, payload
from credit.parties import service as parties
from credit.rules.loading import pack_of_city
from credit.rules.trace import text

__all__ = ["ConsoleRunPages"]

PAGE = 20
CHANGES_PAGE = 50
CHANGES_MAX = 100_000
# The low bits of a record id that count the enterprises of one publication.
COUNTED_BITS = 14
Skip = Annotated[int, QueryParameter(ge=0, le=CHANGES_MAX)]


@dataclass(frozen=True, slots=True)
class _Page:
    """What the page of one run is made from."""

    request: Request[Any, Any, Any]
    state: State
    city: str
    run_id: UUID


class ConsoleRunPages(Controller):
    """`/{city}/console/runs`: grades proposed by a run, compared, and published."""

    path = "/console/runs"

    @get(summary="评级列表", opt={"scope": "events:read"})
    async def runs(
        self, request: Request[Any, Any, Any], state: State, city: City, cursor: IdCursor = None
    ) -> Response[str]:
        """List runs, the newest first."""
        return await _list_page(request, state, city, UUID(cursor) if cursor else None)

    @post(summary="提出评级", opt={"scope": "grades:run"}, status_code=200)
    async def ask(self, request: Request[Any, Any, Any], state: State, city: City) -> Response[Any]:
        """Ask for a run on a day; its page says when it is there."""
        visitor: Visitor = request.state.visitor
        fields = await form_of(request)
        try:
            day = parse_date(str(fields.get("on", "")), "评级日")
            async with state.db.transaction(city) as conn:
                asked = await service.ask_for_run(conn, state.clock, visitor.actor, day)
        except CreditError as refused:
            return await _list_page(request, state, city, None, refused)
        return redirect(f"/{city}/console/runs/{asked.id}")

    @get("/{run_id:str}", summary="一次评级", opt={"scope": "events:read"})
    async def run(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        run_id: RecordKey,
        skip: Skip = 0,
    ) -> Response[str]:
        """Show how far a run has come, what it changes and for whom, the gravest first."""
        return await _run_page(_Page(request, state, city, UUID(run_id)), skip=skip)

    @get("/{run_id:str}/changes/{code:str}", summary="等级变化的原因", opt={"scope": "events:read"})
    async def change(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        run_id: RecordKey,
        code: PartyCode,
    ) -> Response[str]:
        """Say which steps of an enterprise's score appeared, vanished or changed."""
        async with state.db.city(city) as conn:
            view = await runs.one_run(conn, UUID(run_id))
            enterprise = await parties.find_enterprise(conn, code)
            changes = await service.explain_change(conn, UUID(run_id), code)
        whole = {one.rule: one for one in changes if one.rule in ("grade", "score")}
        return render(
            request,
            "grades/console_change.html",
            view=view,
            enterprise=enterprise,
            whole=whole,
            changes=[one for one in changes if one.rule not in whole],
        )

    @get("/{run_id:str}/publication", summary="公布评级页",
         opt={"scope": "grades:publish", "confirmed": True})  # fmt: skip
    async def publication(
        self, request: Request[Any, Any, Any], state: State, city: City, run_id: RecordKey
    ) -> Response[str]:
        """Show the records to be signed, one for each enterprise; refused, show the run and why.

        Shown on GET, so that whoever has to prove who they are first comes back here. The form
        carries one id, from which those of the records count up.
        """
        page = _Page(request, state, city, UUID(run_id))
        try:
            async with state.db.city(city) as conn:
                await _refuse_own_run(conn, page)
                bodies = await service.prepare_publication(
                    conn, state.clock, pack_of_city(city), page.run_id
                )
                found = await runs.results_of(conn, page.run_id)
        except Conflict as refused:
            return await _run_page(page, refused=refused)
        first = UUID(int=new_id(state.clock.now()).int >> COUNTED_BITS << COUNTED_BITS)
        ids = _ids(first, found)
        return signing_page(
            request,
            title="公布评级",
            action=f"/{city}/console/runs/{run_id}/publication",
            carried={"first": str(first)},
            records=[
                ToSign(payload("grade", ids[code], bodies[code]), _words(row))
                for code, row in found.items()
            ],
            back=f"/{city}/console/runs/{run_id}",
        )

    @post("/{run_id:str}/publication", summary="公布评级",
          opt={"scope": "grades:publish", "confirmed": True}, status_code=200)  # fmt: skip
    async def publish(
        self, request: Request[Any, Any, Any], state: State, city: City, run_id: RecordKey
    ) -> Response[Any]:
        """Take in the publisher's signatures; the grades are in force from the run's day."""
        page = _Page(request, state, city, UUID(run_id))
        fields = await form_of(request)
        pack, visitor = pack_of_city(city), request.state.visitor
        try:
            async with state.db.transaction(city) as conn:
                bodies = await service.prepare_publication(conn, state.clock, pack, page.run_id)
                found = await runs.results_of(conn, page.run_id)
                ids = _ids(_first(fields.get("first")), found)
                sigs = signatures_of(fields, len(ids))
                records = {
                    code: Record(record_id, "grade", bodies[code], (sig,))
                    for (code, record_id), sig in zip(ids.items(), sigs, strict=True)
                }
                await service.publish(conn, state.clock, visitor.actor, pack, page.run_id, records)
        except Conflict as refused:
            return await _run_page(page, refused=refused)
        return redirect(
            f"/{city}/console/runs/{run_id}",
            notice=f"已公布 {len(records)} 家企业的等级，正在写入日志。",
        )


async def _list_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    before: UUID | None,
    refused: CreditError | None = None,
) -> Response[str]:
    async with state.db.city(city) as conn:
        found = await runs.newest_runs(conn, before, PAGE + 1)
    return render(
        request,
        "grades/console_runs.html",
        http_status=refused.status if refused else 200,
        runs=found[:PAGE],
        today=state.clock.today(),
        grades=_grades(city, state.clock.today()),
        cursor=found[PAGE - 1].line.id.hex if len(found) > PAGE else None,
        problem=refused,
    )


async def _run_page(
    page: _Page, *, skip: int = 0, refused: CreditError | None = None
) -> Response[str]:
    pack, comparison = pack_of_city(page.city), None
    async with page.state.db.city(page.city) as conn:
        view = await runs.one_run(conn, page.run_id)
        if view.state in ("proposed", "published"):
            comparison = await service.compare_run(
                conn, pack, page.run_id, limit=CHANGES_PAGE, offset=skip
            )
    visitor: Visitor = page.request.state.visitor
    now = page.state.clock.now()
    picture = None
    if comparison is not None:
        picture = drawing.distribution_picture(comparison.after, comparison.before)
    return render(
        page.request,
        "grades/console_run.html",
        http_status=refused.status if refused else 200,
        view=view,
        waited=int((now - view.line.asked_at).total_seconds()),
        comparison=comparison,
        picture=picture,
        skip=skip,
        onward=skip + CHANGES_PAGE,
        own=view.line.proposed_at is not None and _is_own(view, visitor),
        problem=refused,
    )


async def _refuse_own_run(conn: Connection, page: _Page) -> None:
    """Refuse before anything is signed what `publish` would refuse after."""
    view = await runs.one_run(conn, page.run_id)
    if view.comes or view.state == "failed":
        raise Conflict("这次评级还没有结果，不能公布。请等它算完，或重新提出。", slug="no-result")
    if _is_own(view, page.request.state.visitor):
        raise Conflict("这次评级是您自己提出的，请由另一位同事公布。", slug="four-eyes")


def _is_own(view: runs.RunView, visitor: Visitor) -> bool:
    return view.line.asked_by == visitor.actor.person_id


def _first(sent: object) -> UUID:
    """Read the id that the record ids of a publication count up from."""
    if not isinstance(sent, str) or re.fullmatch(UUID_PATTERN, sent) is None:
        raise Invalid("要公布的内容读不出来，请返回后重新签名。")
    return UUID(sent)


def _ids(first: UUID, codes: Collection[str]) -> dict[str, str]:
    """Give each enterprise its record id, counted up from the first."""
    if len(codes) > 1 << COUNTED_BITS:
        raise Invalid(f"一次最多公布 {1 << COUNTED_BITS} 家企业。请联系管理员。")
    base = first.int >> COUNTED_BITS << COUNTED_BITS
    return {code: str(UUID(int=base | place)) for place, code in enumerate(codes)}


def _words(row: ComparedRow) -> str:
    """Say what a record says: the grade, and where it changes the one before."""
    grade, before = row.grade_after or drawing.UNRATED, row.grade_before or drawing.UNRATED
    score = "" if row.score_after is None else f"　{text(row.score_after)} 分"
    change = "" if grade == before else f"　（原 {before}）"
    return f"{row.name}　{grade}{score}{change}"


def _grades(city: str, day: date) -> list[str]:
    return [*pack_of_city(city).on(day).grader.ladder.grades, "unrated"]
