"""`credit points`: the book of points checked, and merchants' statements computed again."""

from typing import Any

import click

from credit.cli.context import (
    answer,
    city_option,
    json_option,
    open_session,
    parse_id,
    progress,
    runs,
)

__all__ = ["group"]


@click.group("points")
def group() -> None:
    """积分账本：核对账本和商户结算单。"""


@group.command("verify")
@city_option
@json_option
@runs
async def verify(*, city: str, as_json_: bool) -> None:
    """核对整个积分账本：借贷、余额、批次、保留和幂等键；有任何不符时退出码为 1。"""
    from credit.points.service.verifying import verify_book

    async with open_session() as session:
        with progress("核对账本") as update:
            found = await verify_book(session.db, city, session.logs.book_secret(city), update)
    findings = [{"what": what, "where": where} for what, where in found]
    answer(
        as_json_,
        {"city": city, "ok": not findings, "findings": findings},
        *(f"不符：{what}（{where}）" for what, where in found),
        f"共 {len(findings)} 处不符。" if findings else "账本核对无误。",
    )
    raise SystemExit(1 if findings else 0)


@group.command("statement")
@click.argument("settlement", metavar="SETTLEMENT")
@city_option
@json_option
@runs
async def statement(*, settlement: str, city: str, as_json_: bool) -> None:
    """按账本重新计算一张商户结算单，与出单时的数目和摘要比较；不同时退出码为 1。"""
    from credit.market.logic.settlements import body_of
    from credit.market.service import settlements, statements

    number = parse_id(settlement, "不是结算单的编号。编号在结算单页上，或由接口列出。")
    async with open_session() as session, session.db.city(city) as conn:
        found = await settlements.settlement(conn, number)
        checked = await statements.check(conn, city, found)
    body = body_of(checked.statement) if checked.statement else None
    computed = checked.digest.hex() if checked.digest else None
    answer(
        as_json_,
        {
            "settlement": str(number),
            "ok": checked.agrees,
            "drawn": found.digest.hex(),
            "computed": computed,
            "findings": list(checked.faults),
            "statement": body,
        },
        f"商户 {found.merchant}　账本第 {found.after} 号之后，至第 {found.upto} 号",
        *([_sums(body)] if body else []),
        f"出单时的摘要　{found.digest.hex()}",
        f"重新算的摘要　{computed or '无法计算'}",
        *(f"不符：{one}" for one in checked.faults),
        "与账本一致。" if checked.agrees else "与账本不一致。",
    )
    raise SystemExit(0 if checked.agrees else 1)


def _sums(body: dict[str, Any]) -> str:
    return (
        f"按账本：收取 {body['captures']} 笔 {body['captured']} 积分，退还 {body['refunds']} 笔 "
        f"{body['refunded']} 积分，上期结转 {body['carried']}，金额 {body['fen']} 分"
    )
