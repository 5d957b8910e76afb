"""`credit rules`: packs listed, shown, tested; a sheet scored as a pure function."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import click

from credit.cli.context import as_json, console, json_option
from credit.kit.clock import SystemClock
from credit.rules.cases import run_cases
from credit.rules.loading import list_packs, load_pack
from credit.rules.pack import Pack, PackInvalid
from credit.rules.schema import pack_schema
from credit.rules.sheets import InputRefused, score_sheet
from credit.rules.trace import text

__all__ = ["group"]

INPUT_BYTES_MAX = 1024 * 1024


@click.group("rules")
def group() -> None:
    """规则包：查看、检查、按表打分。"""


def _load(name: str) -> Pack:
    try:
        return load_pack(Path(name) if "/" in name else name)
    except PackInvalid as error:
        for fault in error.faults:
            console.print(f"  • {fault}", highlight=False, markup=False)
        raise SystemExit(2) from None


@group.command("list")
@json_option
def list_(*, as_json_: bool) -> None:
    """列出随服务提供的规则包。"""
    packs = [_load(name) for name in list_packs()]
    rows = [
        {
            "id": pack.head.id,
            "version": pack.head.version,
            "title": pack.head.title,
            "status": pack.head.status,
            "jurisdictions": list(pack.head.jurisdictions),
            "digest": pack.digest,
        }
        for pack in packs
    ]
    if as_json_:
        as_json(rows)
        return
    for row in rows:
        status = "示例" if row["status"] == "sample" else "正式"
        click.echo(f"{row['id']:<16}{row['version']:<10}{status}  {row['title']}")


@group.command("show")
@click.argument("pack")
@json_option
def show(pack: str, *, as_json_: bool) -> None:
    """显示一个规则包：来源、评分表、等级和事件目录。"""
    loaded = _load(pack)
    if as_json_:
        as_json({**loaded.document, "digest": loaded.digest})
        return
    rules = loaded.on(SystemClock().today())
    click.echo(
        f"{rules.head.title}（{rules.head.id} {rules.head.version}）\n来源：{rules.head.source}"
    )
    for note in rules.head.notes:
        click.echo(f"说明：{note}")
    for sheet in rules.sheets.values():
        click.echo(f"\n{sheet.id}　{sheet.title}　{len(sheet.rows)} 行，满分 {text(sheet.full)}")
    click.echo(f"\n{rules.grading.title}　来源：{rules.grading.source}")
    for rung in rules.grading.ladder:
        bound = ""
        if rung.at_least is not None:
            bound += f"　{text(rung.at_least)} 分及以上"
        if rung.top_percent is not None:
            bound += f"　前 {text(rung.top_percent)}%"
        click.echo(f"  {rung.grade}{bound}")
    click.echo(f"\n事件目录 {len(rules.grading.events)} 种：")
    for event in rules.grading.events:
        click.echo(f"  {event.code:<28}{event.title}")


@group.command("test")
@click.argument("pack", required=False)
def test(pack: str | None) -> None:
    """运行规则包旁边的用例。"""
    failed = 0
    for name in [pack] if pack else list_packs():
        for case, fault in run_cases(_load(name), name):
            failed += fault is not None
            mark = "通过" if fault is None else "失败"
            click.echo(f"{mark}  {name}  {case}" + (f"：{fault}" if fault else ""))
    raise SystemExit(1 if failed else 0)


@group.command("schema")
def schema() -> None:
    """输出规则包文件的 JSON Schema，供编辑器使用。"""
    as_json(pack_schema())


@group.command("score")
@click.argument("pack")
@click.argument("sheet")
@click.argument("input_file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--on", "on_", help="按这一天的规则打分，默认今天。")
def score(pack: str, sheet: str, input_file: str, on_: str | None) -> None:
    """按评分表打分：读入 JSON，输出 JSON。不能打分时列出所有错误，退出码 2。"""
    rules = _load(pack).on(date.fromisoformat(on_) if on_ else SystemClock().today())
    if sheet not in rules.sheets:
        _refuse([{"row": "", "message": f"没有评分表“{sheet}”。可用：{'、'.join(rules.sheets)}。"}])
    try:
        with click.open_file(input_file, encoding="utf-8") as file:
            data = json.loads(file.read(INPUT_BYTES_MAX), object_pairs_hook=_no_twins)
        result = score_sheet(rules.sheets[sheet], data, pack=pack, ladder=rules.grader.ladder)
    except InputRefused as refused:
        _refuse([problem.to_json() for problem in refused.problems])
    except (ValueError, RecursionError) as error:
        _refuse([{"row": "", "message": f"输入不是可读的 JSON：{error}"}])
    else:
        as_json(result.to_json())


def _refuse(problems: list[dict[str, str]]) -> None:
    as_json({"problems": problems})
    for problem in problems:
        console.print(f"  • {problem['row']}　{problem['message']}", highlight=False, markup=False)
    raise SystemExit(2)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("有一个键出现了两次")
    return found
