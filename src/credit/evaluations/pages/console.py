"""The console's pages of evaluations: lists of a year, and score sheets to be filled in."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.access.views import Actor, Visitor
from credit.evaluations import service
from credit.evaluations.logic import may_judge
from credit.evaluations.pages.form import NO_FINDING, groups_of, input_of_fields, negatives_of
from credit.evaluations.pages.lists import (
    NAME,
    SheetName,
    Year,
    chosen_sheet,
    sheets_of,
    years_shown,
)
from credit.evaluations.service import Key, ShownSheet
from credit.evaluations.views import Submission
from credit.kit.charts import GROUPS_MAX, Picture, draw_radar
from credit.kit.db import Connection
from credit.kit.errors import CreditError, FieldError, Forbidden, Invalid, NotFound
from credit.kit.http import City, RecordKey, SearchText
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.parties import service as parties
from credit.parties.logic import division_name
from credit.rules.loading import pack_of_city
from credit.rules.model import Sheet

__all__ = ["ConsoleEvaluationPages"]

YEAR_MIN, YEAR_MAX = 2000, 2100
MATCHES_MAX = 20
DIVISION = r"^[0-9]{6,12}$(?!\n)"
Division = Annotated[str | None, QueryParameter(pattern=DIVISION, max_length=12)]
Variant = Annotated[str | None, QueryParameter(max_length=40)]


class KeyForm(msgspec.Struct, frozen=True):
    """What names an evaluation that is to begin."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "sheet": marked("评分表"),
        "subject": marked("对象"),
        "year": marked("年度"),
        "division": marked("评价单位"),
    }

    sheet: Annotated[str, msgspec.Meta(pattern=NAME)]
    subject: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,59}$(?!\n)")]
    year: Annotated[int, msgspec.Meta(ge=YEAR_MIN, le=YEAR_MAX)]
    division: Annotated[str, msgspec.Meta(pattern=DIVISION)]


class VersionForm(msgspec.Struct, frozen=True):
    """Over which version a form was filled in."""

    version: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class ConsoleEvaluationPages(Controller):
    """`/{city}/console/evaluations`: evaluations looked up, begun and filled in."""

    path = "/console/evaluations"

    @get("/new", summary="开始一份评价", opt={"scope": "marks:enter"})
    async def begin(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        sheet: SheetName = None,
        year: Year = None,
        division: Division = None,
        subject: SearchText = None,
        variant: Variant = None,
    ) -> Response[Any]:
        """Ask what is evaluated; once that is clear, show the sheet or lead to the one begun."""
        chosen = chosen_sheet(_sheets(state, city), sheet)
        if subject is None or year is None or division is None:
            return await _choice(request, state, city)
        async with state.db.city(city) as conn:
            found = await parties.find_subjects(conn, chosen.subject, subject.strip(), MATCHES_MAX)
            exact = [one for one in found if one.code == subject.strip()]
            if not exact and len(found) != 1:
                return await _choice(request, state, city, found)
            key = (chosen.id, (exact or found)[0].code, year, division)
            begun = await service.find_begun(conn, key)
            if begun is not None:
                return redirect(f"/{city}/console/evaluations/{begun}")
            try:
                shown = await service.begin(conn, state.clock, pack_of_city(city), key)
                await _refuse_barred(conn, request, state, shown)
            except CreditError as refused:
                return await _choice(request, state, city, found, refused)
        return _sheet_page(request, shown, _with_variant(shown, variant))

    @post("/new", summary="开始一份评价并录入", opt={"scope": "marks:enter"}, status_code=200)
    async def enter_first(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Take in the first marks of an evaluation."""
        fields = await form_of(request)
        form = read_form(KeyForm, fields)
        key = (form.sheet, form.subject, form.year, form.division)
        return await _save(request, state, city, key, None)

    @get("/{evaluation_id:str}", summary="一份评价", opt={"scope": "events:read"})
    async def evaluation(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        evaluation_id: RecordKey,
        variant: Variant = None,
    ) -> Response[str]:
        """Show a score sheet as it stands, to be filled in by whoever may."""
        async with state.db.city(city) as conn:
            shown = await service.shown_sheet(
                conn, state.clock, pack_of_city(city), UUID(evaluation_id)
            )
            barred = await _barred(conn, request, state, shown)
        return _sheet_page(request, shown, _with_variant(shown, variant), barred=barred)

    @post("/{evaluation_id:str}", summary="录入评分", opt={"scope": "marks:enter"}, status_code=200)
    async def enter(
        self, request: Request[Any, Any, Any], state: State, city: City, evaluation_id: RecordKey
    ) -> Response[Any]:
        """Take in marks; what others changed meanwhile stays."""
        async with state.db.city(city) as conn:
            shown = await service.shown_sheet(
                conn, state.clock, pack_of_city(city), UUID(evaluation_id)
            )
        return await _save(request, state, city, shown.row.key, UUID(evaluation_id))


async def _barred(
    conn: Connection, request: Request[Any, Any, Any], state: State, shown: ShownSheet
) -> str | None:
    """Say why a sheet is not for the visitor to fill in; None if it is, or needs no reason."""
    visitor: Visitor = request.state.visitor
    if "marks:enter" not in visitor.actor.scopes or shown.row.closed:
        return None
    return await service.barred(conn, state.clock, visitor.actor, shown.row)


async def _refuse_barred(
    conn: Connection, request: Request[Any, Any, Any], state: State, shown: ShownSheet
) -> None:
    reason = await _barred(conn, request, state, shown)
    if reason is not None:
        raise Forbidden(reason)


def _sheets(state: State, city: str) -> dict[str, Sheet]:
    return sheets_of(pack_of_city(city), state.clock.today())


def _with_variant(shown: ShownSheet, variant: str | None) -> dict[str, Any]:
    """Return what a sheet is filled in with, for another variant if one is asked for."""
    if variant in shown.sheet.variants and not shown.row.closed:
        return {**shown.given, "variant": variant}
    return shown.given


async def _choice(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    found: list[Any] | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    """Ask what is to be evaluated; `found` are several whom a name may mean, or nobody."""
    if found == [] and refused is None:
        refused = NotFound(say("登记册里没有这样的对象。请核对代码或名称，或先登记。"))
    async with state.db.city(city) as conn:
        districts = await parties.districts(conn)
    today = state.clock.today()
    actor: Actor = request.state.visitor.actor
    divisions = {
        code: name
        for code, name in {city: division_name(city), **dict(districts)}.items()
        if actor.division is None or may_judge(code, actor.division)
    }
    return render(
        request,
        "evaluations/new.html",
        http_status=refused.status if refused else 200,
        sheets=_sheets(state, city).values(),
        years=years_shown(today.year, today.year),
        divisions=list(divisions.items()),
        fields=defaultdict(str, request.query_params.items()),
        found=(found or []) if refused is None else [],
        found_max=MATCHES_MAX,
        problem=refused,
    )


async def _save(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    key: Key,
    evaluation_id: UUID | None,
) -> Response[Any]:
    """Enter a form and lead to the result, or show the form again with what is wrong with it."""
    fields = await form_of(request)
    version = read_form(VersionForm, fields).version
    sheets = _sheets(state, city)
    sheet = chosen_sheet(sheets, key[0])
    filled = Submission(
        key[0], sheet.subject, key[1], key[2], key[3], input_of_fields(sheet, fields)
    )
    pack, visitor = pack_of_city(city), request.state.visitor
    try:
        async with state.db.transaction(city) as conn:
            entered = await service.submit_form(
                conn, state.clock, visitor.actor, pack, filled, version=version
            )
    except CreditError as refused:
        async with state.db.city(city) as conn:
            return await _again(request, state, conn, filled, version, evaluation_id, refused)
    return redirect(
        f"/{city}/console/evaluations/{entered.id}",
        notice=say(
            "已保存第 %(version)s 版，现在共 %(total)s 分。",
            version=entered.version,
            total=entered.result.total,
        ),
    )


async def _again(
    request: Request[Any, Any, Any],
    state: State,
    conn: Connection,
    filled: Submission,
    version: int,
    evaluation_id: UUID | None,
    refused: CreditError,
) -> Response[str]:
    """Show a form that was refused: the newest marks, and over them what the form changes."""
    pack = pack_of_city(request.path_params["city"])
    key = (filled.sheet, filled.subject, filled.year, filled.division)
    evaluation_id = evaluation_id or await service.find_begun(conn, key)
    if evaluation_id is None:
        shown = await service.begin(conn, state.clock, pack, key)
    else:
        shown = await service.shown_sheet(conn, state.clock, pack, evaluation_id)
    newest, given = await service.laid_over(conn, filled, version=version)
    from_log: dict[str, Any] = {k: v for k, v in shown.given.items() if k in ("grade", "events")}
    return _sheet_page(
        request, shown, {**given, **from_log}, version=newest, problem=_by_field(refused)
    )


def _by_field(refused: CreditError) -> CreditError:
    """Name faults by the rows of the form they belong to."""
    errors = tuple(
        FieldError(one.field.removeprefix("items[0]").removeprefix("."), one.message)
        for one in refused.errors
    )
    named = Invalid(refused.detail, slug=refused.slug, errors=errors)
    named.status = refused.status
    return named


def _sheet_page(
    request: Request[Any, Any, Any],
    shown: ShownSheet,
    given: Mapping[str, Any],
    *,
    version: int | None = None,
    problem: CreditError | None = None,
    barred: str | None = None,
) -> Response[str]:
    visitor: Visitor = request.state.visitor
    row, scopes = shown.row, visitor.actor.scopes if barred is None else frozenset()
    variant = given.get("variant")
    if problem or variant != shown.given.get("variant"):
        shown = replace(shown, result=None)  # the points would not be those of what is filled in
    groups = groups_of(shown, given) if variant or not shown.sheet.variants else []
    waiting = "evaluations:close" in scopes and row.version > 0 and not row.closed
    return render(
        request,
        "evaluations/sheet.html",
        http_status=problem.status if problem else 200,
        shown=shown,
        row=row,
        sheet=shown.sheet,
        begun=row.version > 0,
        base=request.url.path,
        version=row.version if version is None else version,
        given=defaultdict(lambda: None, given),  # what was not filled in is None
        groups=groups,
        negatives=negatives_of(shown.sheet, given),
        no_finding=NO_FINDING,
        picture=_picture(shown, groups),
        problems=[*shown.faults, *(shown.result.problems if shown.result else ())],
        barred=barred,
        may_enter="marks:enter" in scopes and not row.closed,
        may_close=waiting and row.entered_by != visitor.actor.person_id,
        own=waiting and row.entered_by == visitor.actor.person_id,
        problem=problem,
    )


def _picture(shown: ShownSheet, groups: list[Any]) -> Picture | None:
    """Draw how far each group reaches its full mark, once there are marks."""
    if shown.result is None or not shown.row.version:
        return None
    axes = [(one.name, one.points, one.full) for one in groups if one.points is not None]
    axes = [axis for axis in axes if axis[2] > 0][:GROUPS_MAX]
    return draw_radar(axes, id_="groups", title=say("各部分得分率"))
