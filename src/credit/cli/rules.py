"""`credit rules`: packs listed, shown, tested; a sheet scored as a pure function."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import click

from credit.cli.context import answer, console, json_option
from credit.kit.clock import SystemClock
from credit.rules.bank import EarningRule
from credit.rules.cases import run_cases
from credit.rules.loading import list_packs, load_pack
from credit.rules.pack import Pack, PackInvalid, Rules
from credit.rules.schema import pack_schema
from credit.rules.sheets import InputRefused, score_sheet
from credit.rules.trace import text

__all__ = ["group"]

INPUT_BYTES_MAX = 1024 * 1024
UNITS = {"minute": "分钟", "time": "次", "yuan": "元"}


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
    words = {"sample": "示例", "official": "正式"}
    lines = (
        f"{r['id']:<16}{r['version']:<10}{words[str(r['status'])]}  {r['title']}" for r in rows
    )
    answer(as_json_, rows, *lines)


@group.command("show")
@click.argument("pack")
@json_option
def show(pack: str, *, as_json_: bool) -> None:
    """显示一个规则包：来源、评分表、等级、事件目录、程序、名单、契约和积分。"""
    loaded = _load(pack)
    document = {**loaded.document, "digest": loaded.digest}
    answer(as_json_, document, *_described(loaded.on(SystemClock().today())))


def _described(rules: Rules) -> Iterator[str]:
    head, grading = rules.head, rules.grading
    yield f"{head.title}（{head.id} {head.version}）"
    yield f"来源：{head.source}"
    yield from (f"说明：{note}" for note in head.notes)
    yield ""
    for sheet in rules.sheets.values():
        yield f"{sheet.id}　{sheet.title}　{len(sheet.rows)} 行，满分 {text(sheet.full)}"
    yield ""
    yield f"{grading.title}　来源：{grading.source}"
    for rung in grading.ladder:
        points = "" if rung.at_least is None else f"　{text(rung.at_least)} 分及以上"
        percent = "" if rung.top_percent is None else f"　前 {text(rung.top_percent)}%"
        yield f"  {rung.grade}{points}{percent}"
    yield ""
    yield f"事件目录 {len(grading.events)} 种："
    yield from (f"  {event.code:<28}{event.title}" for event in grading.events)
    yield from _described_process(rules)
    yield from _described_bank(rules)


def _described_process(rules: Rules) -> Iterator[str]:
    procedure, lists = rules.procedure, rules.lists
    yield ""
    yield f"{procedure.title}　来源：{procedure.source}"
    for one in procedure.severities:
        yield (
            f"  {one.severity}　整改 {one.rectification_days}、异议 {one.objection_days}、"
            f"核查 {one.hearing_days}、决定 {one.decision_days} 个工作日；"
            f"公示 {one.display_min_months} 到 {one.display_max_months} 个月"
        )
    yield ""
    yield f"{lists.title}　来源：{lists.source}"
    for rule in lists.lists:
        yield f"  {rule.title}　期限 {rule.term_months} 个月，每 {rule.review_months} 个月复核"
    yield from (f"  {board.title}　{board.period}" for board in lists.boards)
    if rules.contracts:
        yield ""
        yield f"契约 {len(rules.contracts)} 种："
    for name, template in rules.contracts.items():
        yield f"  {name:<28}{template.title}　{len(template.clauses)} 条承诺"


def _described_bank(rules: Rules) -> Iterator[str]:
    bank = rules.points
    lasting = f"积分有效 {bank.valid_months} 个月" if bank.valid_months else "积分永久有效"
    yield ""
    yield f"{bank.title}　来源：{bank.source}"
    yield f"  参与者：{'、'.join(one.title for one in bank.participants)}"
    yield f"  商户：{'、'.join(one.title for one in bank.merchant_categories)}"
    yield f"  {lasting}，每分成本 {bank.fen_per_point} 分钱，兑换保留 {bank.hold_minutes} 分钟"
    yield from (f"  {rule.code:<28}{rule.title}　{_earned(rule)}" for rule in bank.earning)


def _earned(rule: EarningRule) -> str:
    unit = UNITS[rule.unit]
    steps = [
        (f"满 {step.above} {unit}后" if step.above else "")
        + (f"每{unit}" if step.per == 1 else f"每 {step.per} {unit}")
        + f" {step.points} 分"
        for step in rule.steps
    ]
    caps = (("每次活动", rule.per_activity), ("每日", rule.per_day), ("每年", rule.per_year))
    return "，".join([*steps, *(f"{when}最多 {cap} 分" for when, cap in caps if cap is not None)])


@group.command("test")
@click.argument("pack", required=False)
@json_option
def test(pack: str | None, *, as_json_: bool) -> None:
    """运行规则包旁边的用例。"""
    outcomes = [
        {"pack": name, "case": case, "fault": fault}
        for name in ([pack] if pack else list_packs())
        for case, fault in run_cases(_load(name), name)
    ]
    failed = sum(one["fault"] is not None for one in outcomes)
    lines = (
        f"{'失败' if one['fault'] else '通过'}  {one['pack']}  {one['case']}"
        + (f"：{one['fault']}" if one["fault"] else "")
        for one in outcomes
    )
    total = f"{len(outcomes)} 个用例，{failed} 个失败。"
    answer(as_json_, {"ok": not failed, "cases": outcomes}, *lines, total)
    raise SystemExit(1 if failed else 0)


@group.command("schema")
@json_option
def schema(*, as_json_: bool) -> None:  # noqa: ARG001 - JSON is all there is
    """输出规则包文件的 JSON Schema，供编辑器使用。"""
    answer(True, pack_schema())


@group.command("score")
@click.argument("pack")
@click.argument("sheet")
@click.argument("input_file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--on", "on_", help="按这一天的规则打分，默认今天。")
@json_option
def score(
    pack: str,
    sheet: str,
    input_file: str,
    *,
    on_: str | None,
    as_json_: bool,  # noqa: ARG001 - JSON is all there is
) -> None:
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
        answer(True, result.to_json())


def _refuse(problems: list[dict[str, str]]) -> None:
    answer(True, {"problems": problems})
    for problem in problems:
        console.print(f"  • {problem['row']}　{problem['message']}", highlight=False, markup=False)
    raise SystemExit(2)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("有一个键出现了两次")
    return found
