"""Letters about entries of lists: notice, decisions, exit, as PDF for both sides."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.datastructures import State

from credit.blacklist import service
from credit.blacklist.pages import WORDS
from credit.blacklist.views import EntryFact, EntryView, StepView
from credit.documents.compiler import render_letter
from credit.documents.letters import (
    Block,
    Heading,
    Letter,
    Paragraph,
    Particulars,
    Points,
    SignatureLine,
)
from credit.events.pages import enterprise_of
from credit.kit.clock import CHINA
from credit.kit.db import PORTAL_ROLE
from credit.kit.errors import NotFound
from credit.kit.http import City, RecordKey
from credit.kit.pages import HEADERS
from credit.kit.texts import say
from credit.parties.logic import division_name
from credit.rules.listing import ListRule
from credit.rules.loading import pack_of_city

__all__ = ["console_list_letter", "portal_list_letter"]

WORKDAYS = "期限按法定工作日计算，自次日起算，节假日和调休以国务院办公厅的安排为准。"


@dataclass(frozen=True)
class _Paper:
    """What a letter says beside whom it is to."""

    title: str
    mark: str
    step: StepView
    blocks: tuple[Block, ...]


@get(["/console/lists/{entry_id:str}/letters/notice.pdf",
      "/console/lists/{entry_id:str}/letters/decision.pdf",
      "/console/lists/{entry_id:str}/letters/exit.pdf"], summary="名单记录的文书",
     opt={"scope": "events:read", "personal": True})  # fmt: skip
async def console_list_letter(
    request: Request[Any, Any, Any], state: State, city: City, entry_id: RecordKey
) -> Response[bytes]:
    """Print the notice or a decision about an entry, once there is one."""
    actor, pack = request.state.visitor.actor, pack_of_city(city)
    async with state.db.city(city) as conn:
        view = await service.entry_view(conn, state.clock, actor, pack, UUID(entry_id))
    return await _answer(request, state, city, view)


@get(["/portal/lists/{entry_id:str}/letters/notice.pdf",
      "/portal/lists/{entry_id:str}/letters/decision.pdf",
      "/portal/lists/{entry_id:str}/letters/exit.pdf"], summary="与本企业有关的名单记录的文书",
     opt={"scope": "portal:use", "personal": True})  # fmt: skip
async def portal_list_letter(
    request: Request[Any, Any, Any], state: State, city: City, entry_id: RecordKey
) -> Response[bytes]:
    """Print the notice or a decision about an own entry, once there is one."""
    enterprise, actor = enterprise_of(request), request.state.visitor.actor
    async with state.db.bound(city, PORTAL_ROLE, party=enterprise) as conn:
        view = await service.entry_view(
            conn, state.clock, actor, pack_of_city(city), UUID(entry_id)
        )
    return await _answer(request, state, city, view)


async def _answer(
    request: Request[Any, Any, Any], state: State, city: str, view: EntryView
) -> Response[bytes]:
    """Print the letter the path names, once no connection waits for it."""
    name = request.url.path.rpartition("/")[2].removesuffix(".pdf")
    lists = pack_of_city(city).on(state.clock.today()).lists
    rule = lists.of(view.list)
    if rule is None:
        raise NotFound(say("规则包里已经没有这份名单，不能出具文书。"))
    paper = {"notice": _notice, "decision": _decision, "exit": _exit}[name](view, rule)
    at = datetime.fromisoformat(paper.step.at)
    issuer = _issuer(city)
    public_url = state.settings.public_url.rstrip("/")
    letter = Letter(
        city_code=city,
        city_name=division_name(city),
        issuer=issuer,
        title=paper.title,
        number=f"{paper.mark}〔{at.astimezone(CHINA).year}〕{view.id.replace('-', '')[-8:].upper()} 号",
        addressee=_who(view),
        blocks=paper.blocks,
        signatures=(SignatureLine(issuer),),
        issued_at=at,
        note=WORKDAYS,
        url=f"{public_url}/{city}/portal/lists/{view.id}",
        sample=lists.status == "sample",
        synthetic=state.pages.environment.globals["is_demo"](city),
    )
    headers = {
        **HEADERS,
        "Content-Disposition": f'inline; filename="list-{name}-{view.id}.pdf"',
        "Cache-Control": "no-store",
    }
    return Response(await render_letter(letter), media_type="application/pdf", headers=headers)


def _notice(view: EntryView, rule: ListRule) -> _Paper:
    """What is proposed and why, and what the subject may do until when."""
    step = _last(view, "notice")
    title = WORDS["lists"][view.list]
    black = view.list == "black"
    hearing = (
        "要求举行听证，或者书面放弃听证。没有书面放弃的，决定列入以前举行听证；"
        f"听证由没有参与提请的人员主持，在陈述申辩期满后 {rule.hearing_days} 个工作日内举行。"
        if black
        else "要求举行听证。要求听证的，决定以前举行听证，由没有参与提请的人员主持。"
    )
    rights = (
        f"在 {view.answer_due} 以前（含当日，收到本告知书次日起 {rule.answer_days} 个工作日）陈述和申辩，提交证据。",
        hearing,
        "查阅、复制与本事项有关的材料。",
        f"决定由没有参与提请和听证的人员在听证或者答复期满后 {rule.decision_days} 个工作日内作出，不因陈述申辩加重措施。",
    )
    lead = f"现拟将{_you(view)}列入{title}，将事实、依据、拟采取的措施和{_you(view)}的权利告知如下。本告知书不是决定，公布以前不生效。"
    return _Paper(
        f"拟列入{title}告知书",
        "名告",
        step,
        (
            Paragraph(lead),
            Heading("拟列入的内容"),
            *_content(view, rule, "拟采取的措施"),
            Heading(f"{_you(view)}的权利"),
            Points(rights),
            Paragraph(
                "可以在企业门户“名单”页提交，也可以书面送交本协会；个人和没有门户的，书面送交。"
            ),
        ),
    )


def _decision(view: EntryView, rule: ListRule) -> _Paper:
    """What was decided and why, how it came to that, and what may be done against it."""
    title = WORDS["lists"][view.list]
    if view.status == "rejected":
        step = _last(view, "reject")
        return _Paper(
            f"不予列入{title}决定书",
            "名决",
            step,
            (
                Paragraph(f"经审查，决定不将{_you(view)}列入{title}。"),
                Heading("审查的事项"),
                *_content(view, rule, ""),
                Heading("办理经过"),
                _course(view, step),
                Heading("理由"),
                Paragraph(step.text),
            ),
        )
    step = _last(view, "list")
    term = (
        f"列入期自公布之日起 {rule.term_months} 个月，期满自动结束；"
        f"公布后每 {rule.review_months} 个月复核一次。所依据的事实修复、更正、撤回，"
        "或者所依据的决定被撤销的，可以书面请求提前移出。"
    )
    if view.since:
        term = f"已于 {view.since} 公布，到 {view.until} 结束（不含当日）。" + term
    return _Paper(
        f"列入{title}决定书",
        "名决",
        step,
        (
            Paragraph(f"经审查，决定将{_you(view)}列入{title}，由市主管部门签名公布后生效。"),
            Heading("列入的内容"),
            *_content(view, rule, "采取的措施"),
            Heading("办理经过"),
            _course(view, step),
            Heading("理由"),
            Paragraph(step.text),
            Heading("期限、复核、移出和救济"),
            Paragraph(f"{term}\n{_remedy(view)}"),
        ),
    )


def _exit(view: EntryView, rule: ListRule) -> _Paper:
    """Why and how an entry leaves its list."""
    step, title = _last(view, "leave"), rule.title
    reason = WORDS["exits"].get(view.exit_kind or "", "")
    return _Paper(
        f"移出{title}决定书",
        "名移",
        step,
        (
            Paragraph(
                f"经复核，决定将{_you(view)}移出{title}。由市主管部门签名公布后，"
                "不再公开，不再提供查询和共享，措施同时解除。"
            ),
            Heading("原列入的内容"),
            *_content(view, rule, ""),
            Heading("移出的原因"),
            Particulars((("原因", str(reason)), ("公布移出", _published_exit(view)))),
            Heading("理由"),
            Paragraph(step.text),
        ),
    )


def _content(view: EntryView, rule: ListRule, measures: str) -> tuple[Block, ...]:
    """The entry: its kind, basis and facts, and the measures under a name unless it is empty."""
    criterion = next((one.text for one in rule.criteria if one.id == view.criterion), "")
    pairs = [
        ("对象", f"{_who(view)}（{view.subject}）" if view.name else _who(view)),
        ("名单", f"{rule.title}（{WORDS['kinds'][view.list_kind]}）"),
        ("依据", view.legal_basis),
        ("法律法规条款", view.law or ""),
        ("符合的条件", criterion),
        ("提请的理由", view.reason),
        ("对投标", str(WORDS["effects"][view.effect])),
    ]
    facts = tuple(f"{_fact(view, one)}（公开日志第 {one.index} 条）" for one in view.facts)
    blocks: list[Block] = [
        Particulars(tuple((name, value) for name, value in pairs if value)),
        Paragraph("所依据的事实：", strong=True),
        Points(facts),
    ]
    if measures:
        taken = tuple(
            f"{one.text}，依据{one.basis}" if one.basis else one.text for one in view.measures
        )
        blocks += [Paragraph(f"{measures}：", strong=True), Points(taken)]
    return tuple(blocks)


def _course(view: EntryView, until: StepView) -> Paragraph:
    """The days of what was done up to a step."""
    done = [one for one in view.steps if one.number <= until.number]
    words = [f"{_day(one)} {WORDS['acts'][one.kind]}{_said(one)}" for one in done]
    return Paragraph("；".join(words) + "。")


def _said(step: StepView) -> str:
    words = WORDS["answers"].get(step.outcome or "", "")
    return f"（{words}）" if words else ""


def _remedy(view: EntryView) -> str:
    if view.list_kind == "self-discipline":
        return "不服本决定的，可以书面请求本协会复核，或者请求市主管部门督促纠正。"
    return "不服本决定的，可以在收到本决定书之日起六十日内依法申请行政复议，或者在六个月内依法提起行政诉讼。"


def _published_exit(view: EntryView) -> str:
    done: Sequence[StepView] = [one for one in view.steps if one.kind == "exit"]
    return f"{_day(done[-1])} 已公布" if done else "尚未公布，公布以前仍在名单上"


def _last(view: EntryView, kind: str) -> StepView:
    found = [one for one in view.steps if one.kind == kind]
    if not found:
        raise NotFound(say("还没有办到这一步，没有这份文书。"))
    return found[-1]


def _day(step: StepView) -> str:
    return f"{datetime.fromisoformat(step.at).astimezone(CHINA):%Y-%m-%d}"


def _who(view: EntryView) -> str:
    return view.name or f"{WORDS['subjects'][view.subject_kind]} {view.subject}"


def _fact(view: EntryView, fact: EntryFact) -> str:
    """Name a fact; what a red-list entry rests on may be a published grade."""
    if view.list == "red" and re.fullmatch(r"[0-9]?[A-Z]{1,3}", fact.title):
        return f"公布的等级 {fact.title}"
    return fact.title or "已撤回或修复的事实"


def _you(view: EntryView) -> str:
    return "你单位" if view.subject_kind == "enterprise" else "你"


def _issuer(city: str) -> str:
    return f"{division_name(city)}物业管理行业协会"
