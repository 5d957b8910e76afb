"""The credit report: filled from an enterprise's grade, printed for itself and for officers."""

from datetime import date
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from credit.documents.compiler import render_report
from credit.documents.views import (
    Bound,
    CreditReport,
    Evaluation,
    ListEntry,
    LogPlace,
    PastGrade,
    RulePack,
    Rung,
    Step,
)
from credit.events.pages import enterprise_of
from credit.grades.service import (
    WITHHELD,
    OwnStep,
    Portrait,
    Standing,
    load_held,
    portray,
)
from credit.kit.db import PORTAL_ROLE, Connection
from credit.kit.http import City, PartyCode
from credit.kit.pages import attachment
from credit.parties.logic import division_name
from credit.rules import model
from credit.rules.loading import pack_of_city
from credit.rules.pack import Rules
from credit.rules.trace import text

__all__ = ["console_report", "portal_report", "report_of"]

GONE = "公布以后已撤回或更正"


@get("/portal/report.pdf", summary="本企业的信用报告", opt={"scope": "portal:use"})
async def portal_report(
    request: Request[Any, Any, Any], state: State, city: City
) -> Response[bytes]:
    """Print an enterprise's own credit report."""
    enterprise = enterprise_of(request)
    async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
        report = await report_of(conn, state, city, enterprise)
    return await _printed(report, state.clock.today())


@get("/console/enterprises/{code:str}/report.pdf", summary="一家企业的信用报告",
     opt={"scope": "events:read"})  # fmt: skip
async def console_report(state: State, city: City, code: PartyCode) -> Response[bytes]:
    """Print an enterprise's credit report for an officer."""
    async with state.db.city(city) as conn:
        report = await report_of(conn, state, city, code)
    return await _printed(report, state.clock.today())


async def report_of(conn: Connection, state: State, city: str, code: str) -> CreditReport:
    """Fill the credit report of an enterprise as of today; NotFound without the enterprise."""
    pack, today = pack_of_city(city), state.clock.today()
    shown = await portray(pack, await load_held(conn, code, today), today)
    standing, published = shown.standing, shown.standing.published
    rules = pack.on(published.valid_from) if published else shown.rules
    graded = published is not None and published.grade is not None
    public_url = state.settings.public_url.rstrip("/")
    return CreditReport(
        city_code=city,
        city_name=division_name(city),
        name=standing.name,
        uscc=standing.uscc,
        status="graded" if graded else "unrated",
        grade=published.grade if published else None,
        score=published.score if published else None,
        valid_from=published.valid_from if published else None,
        valid_until=published.valid_until if published else None,
        published_at=published.published_at if published else None,
        pack=_pack(standing, rules),
        ladder=tuple(Rung(one.grade, _takes(one)) for one in rules.grading.ladder),
        steps=tuple(_steps(shown)),
        evaluations=tuple(
            Evaluation(
                one.title,
                one.evaluation.year,
                one.evaluation.total,
                one.evaluation.closed_on,
                one.evaluation.log_index,
            )
            for one in shown.evaluations
        ),
        lists=tuple(
            ListEntry(
                one.list_name,  # type: ignore[arg-type]
                one.kind,  # type: ignore[arg-type]
                one.legal_basis,
                one.effect,  # type: ignore[arg-type]
                since=one.from_on,
                until=one.until_on,
            )
            for one in standing.lists
        ),
        history=tuple(PastGrade(one.valid_from, one.grade, one.score) for one in shown.history),
        place=LogPlace(state.logs.origin(city), published.index, standing.log_size)
        if published
        else None,
        url=f"{public_url}/{city}/enterprises/{code}",
        issued_at=state.clock.now(),
        synthetic=state.pages.environment.globals["is_demo"](city),
        bounds=tuple(
            Bound(one.step.title, one.step.source, one.step.index) for one in shown.bounds
        ),
    )


async def _printed(report: CreditReport, day: date) -> Response[bytes]:
    """Print a report once no connection waits for it, to be kept under its code and day."""
    content = await render_report(report)
    return attachment(content, "application/pdf", f"credit-report-{report.uscc}-{day}.pdf")


def _pack(standing: Standing, rules: Rules) -> RulePack | None:
    if standing.pack is None:
        return None
    name, version, status = standing.pack
    kept: model.Status = "official" if status == "official" else "sample"
    return RulePack(name, version, kept, rules.head.title, rules.grading.source)


def _takes(rung: model.Rung) -> str:
    """Say what a grade takes, in a few characters."""
    parts = []
    if rung.top_percent is not None:
        parts.append(f"前 {text(rung.top_percent)}%")
    if rung.at_least is not None:
        parts.append(f"{text(rung.at_least)} 分以上")
    return "、".join(parts) or "其余"


def _steps(shown: Portrait) -> list[Step]:
    if shown.explained is None:
        return []
    base = shown.explained.base
    steps = [_step(own, shown.on) for own in shown.steps]
    return [Step(base.title, base.source, base.points), *steps]


def _step(own: OwnStep, on: date) -> Step:
    """A bad fact that has lapsed or was repaired keeps its points only: a report is handed on."""
    over = own.lapses_on is not None and own.lapses_on <= on
    if own.step.event and own.step.points < 0 and (own.repaired or over):
        return Step(WITHHELD, "", own.step.points)
    note = GONE if own.gone else own.step.note
    return Step(
        own.title,
        own.step.source,
        own.step.points,
        own.occurred_on,
        own.lapses_on,
        own.step.index,
        note,
    )
