"""The console's pages of grade runs: asked for, compared with what is in force, published."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter
from litestar.response import Stream

from credit.access.guard import actor_of
from credit.access.views import Visitor
from credit.grades import service
from credit.grades.pages import drawing
from credit.grades.pages.run_page import RunPage, is_own, run_page
from credit.grades.reading import runs
from credit.grades.store import ComparedRow
from credit.kit.db import Connection
from credit.kit.errors import Conflict, CreditError
from credit.kit.http import City, IdCursor, PartyCode, RecordKey, parse_date
from credit.kit.pages import form_of, redirect, render
from credit.kit.texts import listed, marked, say
from credit.log.pages import (
    Batch,
    approved_signatures,
    payloads_answer,
    signing_page,
)
from credit.log.records import Record
from credit.parties import service as parties
from credit.rules.loading import pack_of_city
from credit.rules.trace import text

__all__ = ["ConsoleRunPages"]

PAGE = 20
WORDS = 50  # records put into words where all are signed, changed grades first
CHANGES_MAX = 100_000
Skip = Annotated[int, QueryParameter(ge=0, le=CHANGES_MAX)]
# A form sends what was left open as an empty text.
DistrictText = Annotated[str, QueryParameter(pattern=r"^(?:all|[0-9]{6})?$(?!\n)", max_length=6)]


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
            day = parse_date(str(fields.get("on", "")), marked("评级日"))
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
        district: DistrictText = "",
    ) -> Response[str]:
        """Show how far a run has come, what it changes and for whom, the gravest first."""
        page = RunPage(request, state, city, UUID(run_id))
        return await run_page(page, district=district, skip=skip)

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
        """Say what is to be signed, a record for each enterprise; refused, show the run and why.

        Shown on GET, so that whoever has to prove who they are first comes back here.
        """
        page = RunPage(request, state, city, UUID(run_id))
        pack = pack_of_city(city)
        try:
            async with state.db.city(city) as conn:
                await _refuse_own_run(conn, page)
                found = await service.check_publication(conn, state.clock, pack, page.run_id)
                shown = await runs.changed_first(conn, page.run_id, WORDS)
            digest = service.records_digest(found)
        except Conflict as refused:
            return await run_page(page, refused=refused)
        here = f"/{city}/console/runs/{run_id}"
        counted, grades = found.summary["distribution"], _grades(city, found.on_date)
        summary = [("" if one == "unrated" else one, counted[one]) for one in grades]
        return signing_page(
            request,
            title=say("公布评级"),
            action=f"{here}/publication",
            carried={},
            records=Batch(
                f"{here}/publication/payloads", found.summary["enterprises"], digest, summary
            ),
            words=[_words(row) for row in shown],
            back=here,
        )

    @get("/{run_id:str}/publication/payloads", summary="公布评级要签的内容",
         opt={"scope": "grades:publish", "confirmed": True})  # fmt: skip
    async def payloads(
        self, request: Request[Any, Any, Any], state: State, city: City, run_id: RecordKey
    ) -> Stream:
        """Return the exact bytes of the records, for the browser to sign them."""
        page = RunPage(request, state, city, UUID(run_id))
        async with state.db.city(city) as conn:
            await _refuse_own_run(conn, page)
            records = await service.prepare_records(
                conn, state.clock, pack_of_city(city), page.run_id
            )
        return payloads_answer(list(records.values()))

    @post("/{run_id:str}/publication", summary="公布评级",
          opt={"scope": "grades:publish", "confirmed": True}, status_code=200)  # fmt: skip
    async def publish(
        self, request: Request[Any, Any, Any], state: State, city: City, run_id: RecordKey
    ) -> Response[Any]:
        """Take in the publisher's signatures; the grades are in force from the run's day."""
        page = RunPage(request, state, city, UUID(run_id))
        fields = await form_of(request)
        pack, visitor = pack_of_city(city), request.state.visitor
        try:
            async with state.db.transaction(city) as conn:
                records = await service.prepare_records(conn, state.clock, pack, page.run_id)
                sigs = await approved_signatures(conn, request, fields, list(records.values()))
                signed = {
                    code: Record(one.id, one.kind, one.body, (sig,))
                    for (code, one), sig in zip(records.items(), sigs, strict=True)
                }
                await service.publish(conn, state.clock, visitor.actor, pack, page.run_id, signed)
        except Conflict as refused:
            return await run_page(page, refused=refused)
        return redirect(
            f"/{city}/console/runs/{run_id}",
            notice=say("已公布 %(count)s 家企业的等级，正在写入日志。", count=len(records)),
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
        waiting = {one.line.id: one.line.summary for one in found if one.state == "proposed"}
        answers = await service.answers_of(conn, waiting) if waiting else {}
    return render(
        request,
        "grades/console_runs.html",
        http_status=refused.status if refused else 200,
        runs=found[:PAGE],
        answers=answers,
        today=state.clock.today(),
        grades=_grades(city, state.clock.today()),
        cursor=found[PAGE - 1].line.id.hex if len(found) > PAGE else None,
        problem=refused,
    )


async def _refuse_own_run(conn: Connection, page: RunPage) -> None:
    """Refuse before anything is signed what `publish` would refuse after."""
    view = await runs.one_run(conn, page.run_id)
    if view.comes or view.state == "failed":
        raise Conflict(
            say("这次评级还没有结果，不能公布。请等它算完，或重新提出。"), slug="no-result"
        )
    if is_own(view, page):
        raise Conflict(say("这次评级是您自己提出的，请由另一位同事公布。"), slug="four-eyes")
    await service.refuse_answerer(conn, actor_of(page.request), page.run_id)


def _words(row: ComparedRow) -> str:
    """Say what a record says: the grade, and where it changes the one before."""
    grade, before = row.grade_after or drawing.UNRATED, row.grade_before or drawing.UNRATED
    words: list[str] = [row.name, grade]
    if row.score_after is not None:
        words.append(say("%(points)s 分", points=text(row.score_after)))
    if grade != before:
        words.append(say("（原 %(grade)s）", grade=before))
    return listed(words, "　")


def _grades(city: str, day: date) -> list[str]:
    return [*pack_of_city(city).on(day).grader.ladder.grades, "unrated"]
