"""`credit import`, `credit export`, `credit template`: Excel in, Excel out.

An import reads every cell, shows row by row what it would do, and takes in all or nothing. The
same file twice is noticed by its digest and changes nothing.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from credit.access.views import Actor
from credit.cli.context import (
    Session,
    acting,
    answer,
    city_option,
    console,
    json_option,
    open_session,
    out_option,
    progress,
    runs,
)
from credit.kit.db import Connection
from credit.kit.errors import Conflict, FieldError, Invalid
from credit.kit.excel import Reading, SheetSpec, read_workbook, write_table, write_template

__all__ = ["export_group", "import_group", "template"]

EXPORT_PAGE = 200
PREVIEW_ROWS_MAX = 20
file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
officer_option = click.option(
    "--as", "username", default="officer", show_default=True, help="以谁的名义。"
)
dry_run_option = click.option("--dry-run", is_flag=True, help="只检查并预览，不写入。")


@dataclass(frozen=True)
class Importing:
    """One import: who imports what into which city."""

    session: Session
    city: str
    actor: Actor
    username: str
    dry_run: bool


Taken = dict[str, Any]
Take = Callable[[Connection, Importing, Reading], Awaitable[Taken]]


@click.group("import")
def import_group() -> None:
    """从 Excel 导入：逐行检查，全收或全不收。"""


def _importer(name: str) -> Callable[[Callable[..., Awaitable[None]]], click.Command]:
    """Register an import command with the options that all of them have."""

    def register(command: Callable[..., Awaitable[None]]) -> click.Command:
        options = (file_argument, city_option, officer_option, dry_run_option, json_option)
        wrapped: Callable[..., Any] = runs(command)
        for option in reversed(options):
            wrapped = option(wrapped)
        return import_group.command(name)(wrapped)

    return register


async def _import(
    kind: str,
    specs: Callable[[str], Sequence[SheetSpec]],
    take: Take,
    *,
    file: Path,
    city: str,
    username: str,
    dry_run: bool,
    as_json_: bool,
) -> None:
    """Import a file of a kind; `specs` gives the sheets a city's workbook has."""
    content = file.read_bytes()
    async with open_session() as session:
        actor = await acting(session, city, username)
        reading = read_workbook(content, specs(city))
        if reading.problems:
            raise _unreadable(reading)
        if not reading.rows:
            raise Invalid("表里没有数据行。请从第 2 行起填写。")
        importing = Importing(session, city, actor, username, dry_run)
        taken = await _take(kind, content, importing, reading, take)
    preview = taken.get("preview", [])
    more = len(preview) - PREVIEW_ROWS_MAX
    answer(
        as_json_,
        taken,
        *preview[:PREVIEW_ROWS_MAX],
        *([f"… 另有 {more} 行"] if more > 0 else []),
        taken["message"],
    )


async def _take(
    kind: str, content: bytes, importing: Importing, reading: Reading, take: Take
) -> Taken:
    """Take the rows in, in one transaction with the note that this file was; or nothing."""
    from credit.kit import store

    session = importing.session
    async with session.db.city(importing.city) as conn:
        transaction = conn.transaction()
        await transaction.start()
        try:
            earlier = await store.keep_import(
                conn,
                kind,
                hashlib.sha256(content).digest(),
                rows=len(reading.rows),
                by=importing.actor.person_id,
                now=session.clock.now(),
            )
            if earlier is not None:
                await transaction.rollback()
                message = f"这个文件已于 {earlier:%Y-%m-%d %H:%M}（UTC）导入过，没有重复导入。"
                return {"rows": len(reading.rows), "written": False, "message": message}
            taken = await take(conn, importing, reading)
        except BaseException:
            await transaction.rollback()
            raise
        if importing.dry_run:
            await transaction.rollback()
        else:
            await transaction.commit()
    tail = "以上只是预览，没有写入。" if importing.dry_run else "已全部写入。"
    return {**taken, "written": not importing.dry_run, "message": taken["message"] + tail}


def _unreadable(reading: Reading) -> Conflict:
    errors = tuple(FieldError(problem.sheet, str(problem)) for problem in reading.problems)
    return Conflict(f"有 {reading.problems_total} 处要改，什么都没有导入。", errors=errors)


def _by_row(error: Conflict, reading: Reading) -> Conflict:
    """Turn faults named by `items[i]` into faults named by the file's rows."""
    errors = []
    for fault in error.errors:
        head, _, rest = fault.field.partition("]")
        position = head.removeprefix("items[")
        if position.isdigit():
            row = reading.rows[int(position)]
            place = f"{row.sheet} 第 {row.row_number} 行{rest}"
            errors.append(FieldError(place, fault.message))
        else:
            errors.append(fault)
    return Conflict(
        f"有 {len(errors)} 处要改，什么都没有导入。", slug=error.slug, errors=tuple(errors)
    )


@_importer("parties")
async def import_parties(**given: Any) -> None:
    """导入登记册：行政区划、企业、项目、项目负责人、业主委员会。"""
    from credit.parties.excel import SHEETS

    await _import("parties", lambda _city: list(SHEETS.values()), _take_parties, **given)


async def _take_parties(conn: Connection, importing: Importing, reading: Reading) -> Taken:
    from credit.access.logic import require
    from credit.parties import service
    from credit.parties.excel import SHEETS, by_sheet, title_of

    require(importing.actor, "parties:write")
    plan = await service.plan_parties(conn, importing.session.clock, by_sheet(reading.rows))
    if plan.faults:
        errors = tuple(
            FieldError(
                f"{SHEETS[f.sheet].name} 第 {f.row} 行「{title_of(f.sheet, f.column)}」", f.message
            )
            for f in plan.faults
        )
        raise Conflict(f"有 {len(errors)} 处要改，什么都没有导入。", errors=errors)
    await service.apply_parties(
        conn, importing.session.clock, importing.session.vault(importing.city), plan
    )
    preview = [
        f"{spec.name}：新增 {plan.added[key]}，更新 {plan.updated[key]}"
        for key, spec in SHEETS.items()
        if plan.added[key] or plan.updated[key]
    ]
    count = len(reading.rows)
    return {"rows": count, "preview": preview, "message": f"登记册 {count} 行检查无误。"}


@_importer("events")
async def import_events(**given: Any) -> None:
    """导入信用事件：提出后由另一人决定（credit events decide）。"""
    from credit.events.excel import event_sheet
    from credit.rules.loading import pack_of_city

    def specs(city: str) -> list[SheetSpec]:
        pack = pack_of_city(city)
        return [event_sheet(pack.on(pack.days[-1]).grading)]

    await _import("events", specs, _take_events, **given)


async def _take_events(conn: Connection, importing: Importing, reading: Reading) -> Taken:
    from credit.events import service
    from credit.events.excel import body_of_row
    from credit.events.signing import sign_event
    from credit.kit.ids import new_id
    from credit.parties import service as parties
    from credit.rules.loading import pack_of_city

    session, rows = importing.session, reading.rows
    pack = pack_of_city(importing.city)
    placed = await parties.place(
        conn,
        [str(row.values["primary"]) for row in rows],
        [str(row.values["subject"]) for row in rows],
        [row.values["occurred_on"] for row in rows],  # type: ignore[misc]
    )
    key = session.logs.person_key(importing.city, importing.username)
    ids: list[str] = []
    with progress("导入信用事件") as update:
        for begin in range(0, len(rows), service.BATCH_MAX):
            chunk = range(begin, min(begin + service.BATCH_MAX, len(rows)))
            drafts = [
                sign_event(
                    [key],
                    new_id(session.clock.now()),
                    body_of_row(rows[i], placed[i], pack.head.id),
                )
                for i in chunk
            ]
            part = Reading(rows=[rows[i] for i in chunk])
            try:
                states = await service.propose(conn, session.clock, importing.actor, pack, drafts)
            except Conflict as error:
                raise _by_row(error, part) from error
            ids += [state.id for state in states]
            update(len(ids), len(rows))
    preview = [
        f"第 {row.row_number} 行：{row.values['occurred_on']} {row.values['type']} "
        f"记在 {place.enterprise} 名下"
        for row, place in zip(rows, placed, strict=True)
    ]
    message = f"{len(ids)} 件信用事件检查无误，等待另一人决定。"
    return {"rows": len(rows), "ids": ids, "preview": preview, "message": message}


@_importer("marks")
async def import_marks(**given: Any) -> None:
    """导入评分：工作表名就是评分表编号，每行一个对象，每列一行评分项。"""
    from credit.evaluations.excel import marks_sheet
    from credit.rules.loading import pack_of_city

    def specs(city: str) -> list[SheetSpec]:
        pack = pack_of_city(city)
        return [marks_sheet(sheet) for sheet in pack.on(pack.days[-1]).sheets.values()]

    await _import("marks", specs, _take_marks, **given)


async def _take_marks(conn: Connection, importing: Importing, reading: Reading) -> Taken:
    from credit.evaluations import service
    from credit.evaluations.excel import submission_of_row
    from credit.rules.loading import pack_of_city

    pack = pack_of_city(importing.city)
    sheets = pack.on(importing.session.clock.today()).sheets
    submissions = [submission_of_row(sheets[row.sheet], row) for row in reading.rows]
    try:
        states = await service.submit(
            conn, importing.session.clock, importing.actor, pack, submissions
        )
    except Conflict as error:
        raise _by_row(error, reading) from error
    preview = [
        f"{row.sheet} 第 {row.row_number} 行：{state.subject} {state.year} 年度 "
        f"{state.result.total} 分"
        for row, state in zip(reading.rows, states, strict=True)
    ]
    results = msgspec.to_builtins(states)
    message = f"{len(states)} 份评分检查无误。"
    return {"rows": len(states), "results": results, "preview": preview, "message": message}


@_importer("calendar")
async def import_calendar(**given: Any) -> None:
    """导入放假和调休安排，期限按它计算工作日。"""
    from credit.kit.calendar import CALENDAR_SHEET

    await _import("calendar", lambda _city: [CALENDAR_SHEET], _take_calendar, **given)


async def _take_calendar(conn: Connection, importing: Importing, reading: Reading) -> Taken:
    from credit.access.logic import require
    from credit.kit import store

    require(importing.actor, "parties:write")
    days: dict[Any, bool] = {}
    faults = []
    for row in reading.rows:
        if row.values["day"] in days:
            message = f"{row.values['day']} 出现了两次。请只留一行。"
            faults.append(FieldError(f"{row.sheet} 第 {row.row_number} 行", message))
        days[row.values["day"]] = row.values["workday"] == "work"
    if faults:
        raise Conflict(f"有 {len(faults)} 处要改，什么都没有导入。", errors=tuple(faults))
    await store.declare_days(
        conn,
        list(days),
        list(days.values()),
        by=importing.actor.person_id,
        now=importing.session.clock.now(),
    )
    preview = [f"{day} {'上班' if work else '放假'}" for day, work in days.items()]
    return {"rows": len(days), "preview": preview, "message": f"放假调休 {len(days)} 天检查无误。"}


@click.group("export")
def export_group() -> None:
    """导出为 Excel。"""


@export_group.command("register")
@city_option
@out_option
@json_option
@runs
async def export_register(*, city: str, out: Path, as_json_: bool) -> None:
    """导出公开登记册：企业和今天有效的等级。"""
    from credit.cli.exports import register_table

    async with open_session() as session, session.db.city(city) as conn:
        spec, rows = await register_table(conn, session.clock.today(), EXPORT_PAGE)
    write_table([(spec, rows)], out)
    answer(as_json_, {"out": out, "rows": len(rows)}, f"已导出 {len(rows)} 家企业到 {out}。")


@export_group.command("grades")
@city_option
@out_option
@json_option
@runs
async def export_grades(*, city: str, out: Path, as_json_: bool) -> None:
    """导出最近一次评级的结果。"""
    from credit.cli.exports import grades_table

    async with open_session() as session, session.db.city(city) as conn:
        spec, rows = await grades_table(conn)
    write_table([(spec, rows)], out)
    answer(as_json_, {"out": out, "rows": len(rows)}, f"已导出 {len(rows)} 条结果到 {out}。")


@export_group.command("events")
@city_option
@out_option
@json_option
@runs
async def export_events(*, city: str, out: Path, as_json_: bool) -> None:
    """导出信用事件和决定。"""
    from credit.cli.exports import events_table

    async with open_session() as session, session.db.city(city) as conn:
        spec, rows = await events_table(conn, EXPORT_PAGE)
    write_table([(spec, rows)], out)
    answer(as_json_, {"out": out, "rows": len(rows)}, f"已导出 {len(rows)} 件事件到 {out}。")


@click.command("template")
@click.argument("kind", type=click.Choice(["parties", "events", "marks", "calendar"]))
@city_option
@out_option
@json_option
def template(kind: str, *, city: str, out: Path, as_json_: bool) -> None:
    """下载导入模板：带下拉列表和填写说明。"""
    from credit.evaluations.excel import marks_sheet
    from credit.events.excel import event_sheet
    from credit.kit.calendar import CALENDAR_SHEET
    from credit.parties.excel import SHEETS
    from credit.rules.loading import pack_of_city
    from credit.rules.pack import PackInvalid

    try:
        pack = pack_of_city(city)
    except PackInvalid as error:
        console.print(str(error))
        raise SystemExit(2) from None
    rules = pack.on(pack.days[-1])
    specs, title = {
        "parties": (list(SHEETS.values()), "登记册导入模板"),
        "events": ([event_sheet(rules.grading)], f"信用事件导入模板（{rules.head.title}）"),
        "marks": (
            [marks_sheet(sheet) for sheet in rules.sheets.values()],
            f"评分导入模板（{rules.head.title}）",
        ),
        "calendar": ([CALENDAR_SHEET], "放假调休导入模板"),
    }[kind]
    write_template(specs, out, title=title)
    answer(as_json_, {"out": out, "kind": kind, "city": city}, f"模板已写到 {out}。")
