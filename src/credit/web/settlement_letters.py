"""A merchant's statement on paper, for the operator and for the merchant."""

from collections import defaultdict
from collections.abc import Sequence
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
    SignatureLine,
    Table,
)
from credit.kit.clock import CHINA
from credit.kit.db import MERCHANT_ROLE
from credit.kit.errors import Conflict
from credit.kit.http import City, RecordKey
from credit.kit.pages import HEADERS
from credit.kit.texts import say
from credit.market.logic.settlements import STATE_WORDS, Line
from credit.market.service import settlements, statements
from credit.market.settlements.excel import KINDS, yuan_of
from credit.market.settlements.views import Checked, Settled
from credit.parties.logic import division_name
from credit.rules.loading import pack_of_city

__all__ = ["console_statement", "till_statement"]

TITLE = "商户积分结算单"
LINES_PRINTED = 400  # of more, every day is a line
NOTE = "结算单按积分账本的编号出具：相邻两张不漏不重，任何一方都可以按账本重新计算并核对摘要。"


@get("/console/settlements/{settlement:str}/statement.pdf", summary="结算单（PDF）",
     opt={"scope": "points:read"})  # fmt: skip
async def console_statement(
    request: Request[Any, Any, Any], state: State, city: City, settlement: RecordKey
) -> Response[bytes]:
    """Print a statement for an officer."""
    async with state.db.city(city) as conn:
        found = await settlements.seen_by(conn, request.state.visitor.actor, UUID(settlement))
        checked = await statements.check(conn, city, found)
    return await _printed(state, city, checked, f"console/settlements/{settlement}")


@get("/till/statements/{settlement:str}/statement.pdf", summary="本店的结算单（PDF）",
     opt={"scope": "till:use"})  # fmt: skip
async def till_statement(
    request: Request[Any, Any, Any], state: State, city: City, settlement: RecordKey
) -> Response[bytes]:
    """Print a merchant's own statement."""
    party = request.state.visitor.actor.party or ""
    async with state.db.bound(city, MERCHANT_ROLE, party=party) as conn:
        found = await settlements.settlement(conn, UUID(settlement), merchant=party)
        checked = await statements.check(conn, city, found)
    return await _printed(state, city, checked, f"till/statements/{settlement}")


async def _printed(state: State, city: str, checked: Checked, place: str) -> Response[bytes]:
    found = checked.settled
    if checked.statement is None or not checked.agrees:
        raise Conflict(
            say("这张结算单与账本不一致，不能打印。请先查明原因。"), slug="statement-differs"
        )
    bank = pack_of_city(city).on(found.drawn_at.astimezone(CHINA).date()).points
    issuer = f"{division_name(city)}红色信用银行"
    letter = Letter(
        city_code=city,
        city_name=division_name(city),
        issuer=issuer,
        title=TITLE,
        number=f"积结〔{found.drawn_at.astimezone(CHINA).year}〕{found.id.hex[-8:].upper()} 号",
        addressee=found.name,
        blocks=(
            *_sums(found),
            Heading("明细"),
            *_lines(checked.statement.lines),
            Heading("办理"),
            _course(found),
        ),
        signatures=(SignatureLine(issuer), SignatureLine(f"商户：{found.name}")),
        issued_at=found.drawn_at,
        note=NOTE,
        url=f"{state.settings.public_url.rstrip('/')}/{city}/{place}",
        sample=bank.status == "sample",
        synthetic=state.pages.environment.globals["is_demo"](city),
    )
    headers = {
        **HEADERS,
        "Content-Disposition": f'inline; filename="statement-{found.merchant}-{found.upto}.pdf"',
        "Cache-Control": "no-store",
    }
    return Response(await render_letter(letter), media_type="application/pdf", headers=headers)


def _sums(found: Settled) -> tuple[Block, ...]:
    lead = f"你单位 {found.begins_on} 至 {found.ends_on} 收取和退还的积分结算如下。" + (
        f"应付人民币 {yuan_of(found.fen)} 元。" if found.fen else "本期不用付款，结转下一期。"
    )
    pairs = (
        ("商户编号", found.merchant),
        ("账本编号", f"第 {found.after} 号之后，至第 {found.upto} 号"),
        ("收取", f"{found.captures} 笔，{found.captured} 积分"),
        ("退还", f"{found.refunds} 笔，{found.refunded} 积分"),
        ("上期结转", f"{found.carried} 积分"),
        ("结算", f"{found.payable} 积分，每积分 {yuan_of(found.fen_per_point)} 元"),
        ("金额", f"{yuan_of(found.fen)} 元"),
        ("摘要（SHA-256）", found.digest.hex()),
    )
    return Paragraph(lead), Heading("合计"), Particulars(pairs)


def _lines(lines: Sequence[Line]) -> tuple[Block, ...]:
    if len(lines) <= LINES_PRINTED:
        rows = tuple(
            (
                f"{one.at.astimezone(CHINA):%Y-%m-%d %H:%M}", KINDS[one.kind], _signed(one),
                one.reference or "", str(one.transfer),
            )
            for one in lines
        )  # fmt: skip
        return (Table(("时间", "类别", "积分", "小票号或备注", "账本编号"), (4, 2, 2, 5, 3), rows),)
    days: dict[str, list[Line]] = defaultdict(list)
    for one in lines:
        days[f"{one.at.astimezone(CHINA):%Y-%m-%d}"].append(one)
    by_day = tuple(
        (
            day, str(len(found)), *(
                str(sum(one.amount for one in found if one.kind == kind)) for kind in KINDS
            ),
        )
        for day, found in days.items()
    )  # fmt: skip
    return (
        Paragraph(f"共 {len(lines)} 笔，这里按日合计；逐笔的明细见 Excel。"),
        Table(("日期", "笔数", "收取积分", "退还积分"), (4, 2, 3, 3), by_day),
    )


def _signed(line: Line) -> str:
    return str(line.amount) if line.kind == "capture" else f"−{line.amount}"


def _course(found: Settled) -> Block:
    pairs = [("状态", str(STATE_WORDS[found.state])), ("出单", _moment(found.drawn_at))]
    if found.confirmed_at:
        pairs.append(("商户确认", _moment(found.confirmed_at)))
    if found.paid_at:
        pairs.append(("付款", f"{_moment(found.paid_at)}，凭证号 {found.voucher}"))
    return Particulars(tuple(pairs))


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M}"
