"""`credit log`: the signed log checked, its keys shown."""

import click

from credit.cli.context import answer, city_option, json_option, open_session, progress, runs

__all__ = ["group"]


@click.group("log")
def group() -> None:
    """签名日志：核对、查看公钥。"""


@group.command("fsck")
@city_option
@click.option("--signatures", is_flag=True, help="同时验证每条记录的签名（较慢）。")
@json_option
@runs
async def fsck(*, city: str, signatures: bool, as_json_: bool) -> None:
    """核对数据库、哈希树、哈希块、检查点和主体链；有任何不符时退出码为 1。"""
    from credit.log.check.fsck import check_log

    async with open_session() as session:
        with progress("核对日志") as update:
            findings = await check_log(
                session.db,
                city,
                session.logs.verifier(city),
                session.logs.keeper(city),
                signatures=signatures,
                progress=update,
            )
    answer(
        as_json_,
        {"city": city, "ok": not findings, "findings": findings},
        *(f"不符：{finding}" for finding in findings),
        f"共 {len(findings)} 处不符。" if findings else "日志核对无误。",
    )
    raise SystemExit(1 if findings else 0)


@group.command("vkey")
@city_option
@json_option
@runs
async def vkey(*, city: str, as_json_: bool) -> None:
    """显示验证检查点用的公钥（C2SP vkey）。"""
    async with open_session() as session:
        found = session.logs.verifier(city)
    answer(as_json_, {"origin": found.name, "vkey": found.vkey}, found.vkey)
