"""Letters about facts and their repair: notice, decisions, commitment, as PDF for both sides."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.datastructures import State

from credit.documents.compiler import render_letter
from credit.documents.letters import (
    Block,
    Heading,
    Letter,
    Paragraph,
    Particulars,
    Points,
    SignatureLine,
    Table,
)
from credit.events import service
from credit.events.pages import enterprise_of
from credit.events.pages.timeline import of_course
from credit.events.repair.logic import repairable_from
from credit.events.service import CourseView, Notice, RepairView
from credit.kit.clock import CHINA
from credit.kit.db import PORTAL_ROLE
from credit.kit.errors import NotFound
from credit.kit.http import City, RecordKey
from credit.kit.pages import HEADERS, number
from credit.kit.texts import say
from credit.parties.logic import division_name
from credit.rules.loading import pack_of_city

__all__ = [
    "console_fact_letter",
    "console_repair_letter",
    "portal_fact_letter",
    "portal_repair_letter",
]

WORKDAYS = "期限按法定工作日计算，自次日起算，节假日和调休以国务院办公厅的安排为准。"


@dataclass(frozen=True)
class _Paper:
    """What a letter says beside whose it is; without an issuer it is the association's."""

    title: str
    number: str
    addressee: str
    blocks: tuple[Block, ...]
    at: datetime
    place: str
    issuer: str = ""
    signed: str = ""
    note: str = WORKDAYS


@get(["/console/events/{event_id:str}/notice.pdf", "/console/events/{event_id:str}/decision.pdf"],
     summary="事实的文书",
     opt={"scope": "events:read"})  # fmt: skip
async def console_fact_letter(
    request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
) -> Response[bytes]:
    """Print the notice or the decision of a fact; the notice as it would read, before it is given."""
    async with state.db.city(city) as conn:
        view = await service.course_of(
            conn, state.clock, request.state.visitor.actor, pack_of_city(city), UUID(event_id)
        )
    return await _fact_answer(state, city, view, _asked(request))


@get(["/portal/facts/{event_id:str}/notice.pdf", "/portal/facts/{event_id:str}/decision.pdf"],
     summary="本企业事实的文书",
     opt={"scope": "portal:use"})  # fmt: skip
async def portal_fact_letter(
    request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
) -> Response[bytes]:
    """Print the notice or the decision of an own fact, once there is one."""
    enterprise, actor = enterprise_of(request), request.state.visitor.actor
    async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
        view = await service.course_of(conn, state.clock, actor, pack_of_city(city), UUID(event_id))
    if _asked(request) == "notice" and view.course.noticed_on is None:
        raise NotFound(say("还没有送达告知书。"))
    return await _fact_answer(state, city, view, _asked(request))


@get(["/console/repairs/{repair_id:str}/commitment.pdf",
      "/console/repairs/{repair_id:str}/acceptance.pdf",
      "/console/repairs/{repair_id:str}/decision.pdf"], summary="修复申请的文书",
     opt={"scope": "events:read"})  # fmt: skip
async def console_repair_letter(
    request: Request[Any, Any, Any], state: State, city: City, repair_id: RecordKey
) -> Response[bytes]:
    """Print the commitment, the answer to an application, or its decision."""
    async with state.db.city(city) as conn:
        view = await service.repair_of(
            conn, state.clock, request.state.visitor.actor, pack_of_city(city), UUID(repair_id)
        )
    return await _repair_answer(state, city, view, _asked(request))


@get(["/portal/repairs/{repair_id:str}/commitment.pdf",
      "/portal/repairs/{repair_id:str}/acceptance.pdf",
      "/portal/repairs/{repair_id:str}/decision.pdf"], summary="本企业修复申请的文书",
     opt={"scope": "portal:use"})  # fmt: skip
async def portal_repair_letter(
    request: Request[Any, Any, Any], state: State, city: City, repair_id: RecordKey
) -> Response[bytes]:
    """Print the papers of an own application."""
    enterprise, actor = enterprise_of(request), request.state.visitor.actor
    async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
        view = await service.repair_of(
            conn, state.clock, actor, pack_of_city(city), UUID(repair_id)
        )
    return await _repair_answer(state, city, view, _asked(request))


def _asked(request: Request[Any, Any, Any]) -> str:
    """Return which letter is asked for: the last of the path."""
    return request.url.path.rpartition("/")[2].removesuffix(".pdf")


async def _fact_answer(state: State, city: str, view: CourseView, letter: str) -> Response[bytes]:
    pack, course, row = pack_of_city(city), view.course, view.event.row
    rules = pack.on(course.noticed_on or state.clock.today())
    if row.code not in rules.grader.events:
        raise NotFound(say("规则包里已经没有这个事件，不能出具文书。"))
    notice = service.notice_of(view.event, course, rules)
    if letter == "notice":
        given = next((one.at for one in view.steps if one.kind == "noticed"), None)
        at, blocks = given or state.clock.now(), _notice_blocks(notice, given is not None)
        title, mark = "信用信息认定告知书（含信用修复告知）", "信告"
    elif row.decided_at is None:
        raise NotFound(say("还没有作出决定。"))
    else:
        at, blocks = row.decided_at, _decision_blocks(view, notice)
        title = "信用信息认定决定书" if row.outcome == "accepted" else "不予认定决定书"
        mark = "信决"
    numbered, place = _number(mark, at, row.id), f"portal/facts/{row.id}"
    paper = _Paper(title, numbered, notice.enterprise_name, blocks, at, place)
    return await _pdf(_letter(state, city, paper), f"{letter}-{row.id}")


async def _repair_answer(state: State, city: str, view: RepairView, letter: str) -> Response[bytes]:
    repair = view.repair
    name = view.event.row.enterprise_name or repair.enterprise
    place = f"portal/repairs/{repair.id}"
    if letter == "commitment":
        made = _commitment(city, view, name, place)
    else:
        kinds = ("accepted", "rejected") if letter == "acceptance" else ("granted", "refused")
        step = next((one for one in view.steps if one.kind in kinds), None)
        if step is None:
            raise NotFound(say("这份申请还没有办到这一步，没有这份文书。"))
        title, mark, blocks = _repair_paper(city, view, step.kind, step.statement or "")
        numbered = _number(mark, step.at, repair.id)
        made = _Paper(title, numbered, name, blocks, step.at, place)
    return await _pdf(_letter(state, city, made), f"repair-{letter}-{repair.id}")


def _notice_blocks(notice: Notice, given: bool) -> tuple[Block, ...]:
    """What is found, by which clause, at what cost; the rights; and how it is repaired."""
    lead = (
        "下列不良信用信息依据有权机关已经生效的决定登记，现将登记情况和信用修复办法告知你单位。"
        if notice.with_decision
        else "经初步核实，拟将下列情况认定为你单位的不良信用信息，现将事实、依据和你单位的权利告知如下。"
    )
    repair = notice.repair
    shortest = f"最短公示 {repair.min_months} 个月，" if repair.min_months else ""
    warning = () if given or notice.with_decision else (
        Paragraph("（样稿，尚未送达，期限以送达的文本为准。）", strong=True),
    )  # fmt: skip
    return (
        *warning,
        Paragraph(lead),
        Heading("登记的事实" if notice.with_decision else "拟认定的事实"),
        Particulars(_fact_pairs(notice)),
        Heading("你单位的权利"),
        Points(notice.rights),
        Heading("信用修复告知"),
        Paragraph(
            f"本条属于{repair.severity}失信信息，认定后{shortest}最长公示 {repair.max_months} 个月，"
            "期满自动终止公示、不再计分。"
            "公示期内具备下列条件的，可以在企业门户申请修复："
        ),
        Points(repair.conditions),
    )


def _decision_blocks(view: CourseView, notice: Notice) -> tuple[Block, ...]:
    """What was decided and why, how it came to that, what follows, and how it is repaired."""
    row, accepted = view.event.row, view.event.row.outcome == "accepted"
    steps = tuple(
        (f"{one.at.astimezone(CHINA):%Y-%m-%d}", str(one.title))
        for one in of_course(view.event, view.steps)
    )
    decided = (
        "经审查，决定将下列情况认定为你单位的不良信用信息，自本决定作出之日起计入信用得分。"
        if accepted
        else "经审查，下列情况不予认定为你单位的不良信用信息，不计分、不公示。"
    )
    after: tuple[Block, ...] = ()
    if accepted:
        repair = notice.repair
        after = (
            Heading("信用修复"),
            Paragraph(
                f"{_until(repair.from_on)} 起可以申请修复；到 {_until(repair.ends_on)} 自动失效，"
                "不再计分和公示。申请修复应当具备下列条件："
            ),
            Points(repair.conditions),
            Heading("不服决定的"),
            Paragraph(
                "可以持新的证据书面请求更正或者撤回；更正、撤回由提出人以外的人决定，记录写入公开日志。"
            ),
        )
    return (
        Paragraph(decided),
        Heading("认定的事实" if accepted else "审查的事实"),
        Particulars(_fact_pairs(notice)),
        Heading("办理经过"),
        Table(("日期", "步骤"), (2, 7), steps),
        Heading("理由"),
        Paragraph(row.reason or ""),
        *after,
    )


def _fact_pairs(notice: Notice) -> tuple[tuple[str, str], ...]:
    pairs = (
        ("事项", notice.title),
        ("对象", notice.subject),
        ("发生日期", notice.occurred_on.isoformat()),
        ("文号", notice.reference),
        ("级别", notice.level or ""),
        ("严重程度", f"{notice.severity}失信"),
        ("依据", notice.clause),
        ("计分", f"{number(notice.points)} 分（目录分值 {notice.points_words}）"),
        ("证据", f"{notice.evidence} 份，可以在企业门户查看" if notice.evidence else "凭文号查阅"),
        ("程序依据", notice.source),
    )
    return tuple((name, str(value)) for name, value in pairs if value)


def _repair_paper(
    city: str, view: RepairView, kind: str, reason: str
) -> tuple[str, str, tuple[Block, ...]]:
    """Return the title, the mark of the number and the content of an answer to an application."""
    repair, event = view.repair, view.event
    pack = pack_of_city(city)
    rules = pack.on(repair.applied_on).procedure.repair
    about = Particulars(
        (
            ("申请修复的信息", str(event.title)),
            ("发生日期", event.row.occurred_on.isoformat()),
            ("文号", event.body["reference"]),
            ("认定日期", _until(view.course.decided_on)),
            ("最短公示期满", _until(
                repairable_from(view.course, service.repair_terms(pack, view.course)))),
            ("申请日期", repair.applied_on.isoformat()),
        )
    )  # fmt: skip
    why: tuple[Block, ...] = (Heading("理由"), Paragraph(reason))
    match kind:
        case "accepted":
            lead = (
                f"你单位的信用修复申请已经受理，将在 {rules.finish_days} 个工作日内办结，"
                "由受理人以外的人决定，不收取任何费用。"
            )
            return "信用修复申请受理通知书", "修受", (Paragraph(lead), about, *why)
        case "rejected":
            lead = (
                "你单位的信用修复申请不符合受理条件，决定不予受理。按下列理由补正后可以再次申请。"
            )
            return "信用修复申请不予受理通知书", "修受", (Paragraph(lead), about, *why)
        case "granted":
            lead = (
                "经审查，你单位符合信用修复条件，决定准予修复。自本决定作出之日起，"
                "该信息不再计入信用得分，不再提供查询、共享和公示；信用等级随下一次评级重算后公布。"
            )
            return "信用修复决定书", "修决", (Paragraph(lead), about, *why)
        case _:
            lead = (
                "经审查，你单位的申请尚不符合信用修复条件，决定不予修复。条件具备后可以再次申请。"
            )
            return "不予信用修复决定书", "修决", (Paragraph(lead), about, *why)


def _commitment(city: str, view: RepairView, name: str, place: str) -> _Paper:
    """The letter that an enterprise signed, word by word, and where its signature is kept."""
    repair = view.repair
    lines = repair.commitment.splitlines()
    digest = hashlib.sha256(repair.commitment.encode()).hexdigest()
    at = view.steps[0].at
    signed = (
        f"{at.astimezone(CHINA):%Y-%m-%d %H:%M} 由本单位用户用登记的密钥签名，"
        f"日志记录 {repair.commitment_id}，文本摘要 sha256:{digest}"
    )
    return _Paper(
        lines[0],
        _number("修诺", at, repair.id),
        _issuer(city),
        (Paragraph("\n".join(lines[1:])),),
        at,
        place,
        name,
        signed,
        "本承诺书由承诺单位签名，向社会公开；文本与摘要不符的不是所签的承诺书。",
    )


def _letter(state: State, city: str, paper: _Paper) -> Letter:
    issuer = paper.issuer or _issuer(city)
    procedure = pack_of_city(city).on(paper.at.astimezone(CHINA).date()).procedure
    return Letter(
        city_code=city,
        city_name=division_name(city),
        issuer=issuer,
        title=paper.title,
        number=paper.number,
        addressee=paper.addressee,
        blocks=paper.blocks,
        signatures=(SignatureLine(issuer, paper.signed),),
        issued_at=paper.at,
        note=paper.note,
        url=f"{state.settings.public_url.rstrip('/')}/{city}/{paper.place}",
        sample=procedure.status == "sample",
        synthetic=state.pages.environment.globals["is_demo"](city),
    )


def _issuer(city: str) -> str:
    return f"{division_name(city)}物业管理行业协会"


def _number(mark: str, at: datetime, matter: UUID) -> str:
    """Return a document's number: the same matter gives the same one."""
    return f"{mark}〔{at.astimezone(CHINA).year}〕{matter.hex[-10:].upper()} 号"


def _until(day: object) -> str:
    return "—" if day is None else str(day)


async def _pdf(letter: Letter, name: str) -> Response[bytes]:
    """Print a letter once no connection waits for it."""
    headers = {
        **HEADERS,
        "Content-Disposition": f'attachment; filename="{name}.pdf"',
        "Cache-Control": "no-store",
    }
    return Response(await render_letter(letter), media_type="application/pdf", headers=headers)
