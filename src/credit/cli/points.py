"""`credit points`: the book of points checked."""

import click

from credit.cli.context import answer, city_option, json_option, open_session, progress, runs

__all__ = ["group"]


@click.group("points")
def group() -> None:
    """积分账本：核对。"""


@group.command("verify")
@city_option
@json_option
@runs
async def verify(*, city: str, as_json_: bool) -> None:
    """核对整个积分账本：借贷、余额、批次、冻结和幂等键；有任何不符时退出码为 1。"""
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
