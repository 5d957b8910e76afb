"""Contracts on paper: the text as it was signed with its signatures, and drafts as they would be."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.datastructures import State

from credit.contracts import service
from credit.contracts.board.views import ClauseShown, ContractView
from credit.contracts.pages.shared import VersionNumber, opened, whole
from credit.contracts.views import ContractText, VoteText
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
from credit.kit.errors import Conflict
from credit.kit.http import City, RecordKey
from credit.kit.pages import HEADERS
from credit.kit.texts import say
from credit.parties.logic import division_name
from credit.rules.loading import pack_of_city

__all__ = ["CONTRACT_LETTERS", "print_letter"]

SHARES = (("总数", "total"), ("参与表决", "took_part"), ("同意", "in_favour"))


@get("/console/contracts/{contract_id:str}/text.pdf", summary="契约文本（PDF）",
     opt={"scope": "events:read"})  # fmt: skip
async def console_text(
    request: Request[Any, Any, Any],
    state: State,
    city: City,
    contract_id: RecordKey,
    version: VersionNumber = None,
) -> Response[bytes]:
    """Print a contract for an officer."""
    return await _signed(request, state, city, contract_id, version)


@get("/portal/contracts/{contract_id:str}/text.pdf", summary="本单位契约的文本（PDF）",
     opt={"scope": "portal:use"})  # fmt: skip
async def portal_text(
    request: Request[Any, Any, Any],
    state: State,
    city: City,
    contract_id: RecordKey,
    version: VersionNumber = None,
) -> Response[bytes]:
    """Print a contract for one of its parties."""
    return await _signed(request, state, city, contract_id, version)


@get("/console/contracts/{contract_id:str}/draft.pdf", summary="契约草稿（PDF）",
     opt={"scope": "events:read"})  # fmt: skip
async def console_draft(
    request: Request[Any, Any, Any], state: State, city: City, contract_id: RecordKey
) -> Response[bytes]:
    """Print a draft for an officer."""
    return await _draft(request, state, city, contract_id)


@get("/portal/contracts/{contract_id:str}/draft.pdf", summary="本单位契约的草稿（PDF）",
     opt={"scope": "portal:use"})  # fmt: skip
async def portal_draft(
    request: Request[Any, Any, Any], state: State, city: City, contract_id: RecordKey
) -> Response[bytes]:
    """Print a draft for the party that drafts it."""
    return await _draft(request, state, city, contract_id)


CONTRACT_LETTERS = (console_text, portal_text, console_draft, portal_draft)


async def _signed(
    request: Request[Any, Any, Any], state: State, city: str, contract_id: str, version: int | None
) -> Response[bytes]:
    found = await whole(request, contract_id, version)
    view = found.view
    if view.text is None:
        raise Conflict(say("这份契约还没有定稿，没有可以打印的文本。请打印草稿。"))
    blocks = [*_body(view.text, view.clauses), *_signatures(view)]
    return await _printed(_letter(state, city, view.text, blocks, view.digest), contract_id)


async def _draft(
    request: Request[Any, Any, Any], state: State, city: str, contract_id: str
) -> Response[bytes]:
    await whole(request, contract_id)
    actor, wanted = request.state.visitor.actor, UUID(contract_id)
    async with opened(request) as conn:  # a party prints its own draft alone
        await service.open_draft(conn, actor, wanted)
    async with state.db.city(city) as conn:
        text = await service.preview(conn, state.clock, actor, pack_of_city(city), wanted)
    blocks = list(_body(text, [service.clause_shown(one) for one in text.clauses]))
    return await _printed(_letter(state, city, text, blocks, None), contract_id)


def print_letter(state: State, city: str, view: ContractView) -> Letter:
    """Return the print of a frozen text for the parties' certificates, with places for their seals.

    Who signed by what key so far is left out: it is the same print for all.
    """
    if view.text is None:
        raise Conflict(say("这份契约还没有定稿，没有可以签章的文本。"))
    blocks = [
        *_body(view.text, view.clauses),
        Paragraph(f"全文和附件的摘要（SHA-256）：{view.digest}"),
    ]
    return replace(
        _letter(state, city, view.text, blocks, view.digest), signatures=_places(view.text)
    )


def _places(text: ContractText) -> tuple[SignatureLine, ...]:
    return tuple(SignatureLine(f"{one.title}：{one.name}") for one in text.parties)


def _letter(
    state: State, city: str, text: ContractText, blocks: Sequence[Block], digest: str | None
) -> Letter:
    """Return the letter of a text; without a digest it is a draft, with places for seals."""
    public_url = state.settings.public_url.rstrip("/")
    return Letter(
        city_code=city,
        city_name=division_name(city),
        issuer=_heading(city, text),
        title=text.title,
        number=f"第 {text.version} 版" + (f"　摘要 {digest[7:19]}" if digest else "　草稿"),
        addressee="",
        blocks=tuple(blocks),
        signatures=() if digest else _places(text),
        issued_at=state.clock.now(),
        note="扫码可在公开页面核对当事方、摘要和签名。" if digest else "草稿，未定稿，不具效力。",
        url=f"{public_url}/{city}/{'contracts' if digest else 'portal/contracts'}/{text.contract}",
        sample=text.template.status == "sample",
        synthetic=state.pages.environment.globals["is_demo"](city),
        draft=digest is None,
    )


def _heading(city: str, text: ContractText) -> str:
    """Return whose contract it is: the project's, or the association's that offers a pact."""
    if text.project is not None:
        return text.project.name
    return next((one.name for one in text.parties), division_name(city))


def _body(text: ContractText, clauses: Sequence[ClauseShown]) -> Iterator[Block]:
    yield Paragraph(text.preamble)
    yield Heading("当事方和期限")
    pairs = [("项目", f"{text.project.name}（{text.project.code}）")] if text.project else []
    pairs += [(one.title, one.name) for one in text.parties]
    pairs += [
        (one.title, f"签名即加入，至少 {one.at_least} 家，最多 {one.at_most} 家")
        for one in text.open_roles
    ]
    pairs.append(("期限", f"{text.from_on} 至 {text.until}"))
    if text.supersedes:
        pairs.append(("取代", f"第 {text.supersedes.version} 版（{text.supersedes.digest}）"))
    yield Particulars(tuple((str(name), str(value)) for name, value in pairs))
    for obligor in dict.fromkeys(one.obligor for one in clauses):
        yield Heading(f"{obligor}的承诺")
        rows = [
            (
                one.id,
                one.text,
                str(one.promise),
                f"{one.evidence}；期满 {one.grace_days} 个工作日内报告，由{one.confirmed_by}确认",
            )
            for one in clauses
            if one.obligor == obligor
        ]
        yield Table(("条款", "承诺", "怎样算做到", "证明和确认"), (3, 9, 11, 12), tuple(rows))
    if text.votes:
        yield Heading("业主共同决定")
        for vote in text.votes:
            yield from _vote(vote)
    if text.disputes:
        yield Heading("争议处理")
        yield Points(
            tuple(
                f"{one.level}：由{one.body}在 {one.days} 个工作日内处理。" for one in text.disputes
            )
        )
    if text.attachments:
        yield Heading("附件")
        rows_ = [
            (str(n), one.type, f"{one.size} 字节", one.digest)
            for n, one in enumerate(text.attachments, 1)
        ]
        yield Table(("序号", "类型", "大小", "摘要（SHA-256）"), (2, 4, 4, 14), tuple(rows_))
    yield Heading("其他约定")
    yield Paragraph(text.closing)
    for note in text.notes:
        yield Paragraph(note)
    yield Paragraph(
        f"依据：{text.template.source}（模板 {text.template.id} {text.template.version}）。"
    )


def _vote(one: VoteText) -> Iterator[Block]:
    vote = one.vote
    filing = f"，事前备案 {vote.filing}" if vote.filing else ""
    yield Paragraph(f"{one.title}：{vote.held_on} 表决{filing}。依据：{one.source}。")
    rows = [
        (name, str(share.persons), str(share.area_m2))
        for name, share in (
            ("全体业主（按登记册）", one.register),
            *((label, getattr(vote, key)) for label, key in SHARES),
        )
    ]
    yield Table(("", "人数", "专有面积（平方米）"), (4, 4, 5), tuple(rows))
    yield Paragraph(f"计票表摘要 {vote.tally.digest}。")


def _signatures(view: ContractView) -> Iterator[Block]:
    yield Heading("签名")
    rows = []
    for one in view.parties:
        signed = one.signature
        if signed is None and not one.needed:
            continue
        rows.append(
            (
                one.title,
                one.name,
                signed.on if signed else "未签",
                signed.kid if signed else "—",
                f"第 {signed.index} 条" if signed and signed.index is not None else "—",
            )
        )
    yield Table(("身份", "单位", "签名日", "密钥", "公开日志"), (5, 6, 4, 6, 4), tuple(rows))
    yield Paragraph(f"全文和附件的摘要（SHA-256）：{view.digest}")


async def _printed(letter: Letter, contract_id: str) -> Response[bytes]:
    name = f"contract-{contract_id[-12:]}{'-draft' if letter.draft else ''}.pdf"
    headers = {
        **HEADERS,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return Response(await render_letter(letter), media_type="application/pdf", headers=headers)
