"""`credit import`, `credit export`, `credit template`: Excel in, Excel out.

An import reads every cell, shows row by row what it would do, and takes in all or nothing. The
same file twice is noticed by its digest and changes nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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
from credit.kit.excel import RowData, write_table, write_template

if TYPE_CHECKING:
    from credit.workbooks import Taken, Work

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
    username: str
    work: "Work"


Take = Callable[[Importing, list[RowData]], Awaitable["Taken"]]


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
    name: str, take: Take, *, file: Path, city: str, username: str, dry_run: bool, as_json_: bool
) -> None:
    """Import a file of a kind, in one transaction with the note that this file was; or nothing."""
    from credit.rules.loading import pack_of_city
    from credit.workbooks import KINDS, Work, note_file, read_rows, rehearsal

    content = file.read_bytes()
    async with open_session() as session:
        actor = await acting(session, city, username)
        pack = pack_of_city(city)
        rows = read_rows(content, KINDS[name].specs(pack))
        async with (
            session.db.city(city) as conn,
            rehearsal(conn) if dry_run else conn.transaction(),
        ):
            work = Work(conn, session.clock, actor, pack, session.vault(city))
            earlier = await note_file(work, name, content, len(rows))
            if earlier is None:
                taken = await take(Importing(session, city, username, work), rows)
    if earlier is not None:
        message = f"这个文件已于 {earlier:%Y-%m-%d %H:%M}（UTC）导入过，没有重复导入。"
        document = {"rows": len(rows), "written": False, "message": message}
        answer(as_json_, document, message)
        return
    message = taken.message + ("以上只是预览，没有写入。" if dry_run else "已全部写入。")
    more = len(taken.preview) - PREVIEW_ROWS_MAX
    answer(
        as_json_,
        {
            "rows": len(rows),
            **taken.more,
            "preview": taken.preview,
            "message": message,
            "written": not dry_run,
        },
        *taken.preview[:PREVIEW_ROWS_MAX],
        *([f"… 另有 {more} 行"] if more > 0 else []),
        message,
    )


@_importer("parties")
async def import_parties(**given: Any) -> None:
    """导入登记册：行政区划、企业、项目、项目负责人、业主委员会。"""
    from credit.workbooks import take_parties

    await _import("parties", lambda one, rows: take_parties(one.work, rows), **given)


@_importer("events")
async def import_events(**given: Any) -> None:
    """导入信用事件：提出后由另一人决定（credit events decide）。"""
    await _import("events", _take_events, **given)


async def _take_events(importing: Importing, rows: list[RowData]) -> "Taken":
    from credit.events.signing import sign_event
    from credit.kit.ids import new_id
    from credit.workbooks import event_bodies, propose_events

    session = importing.session
    bodies = await event_bodies(importing.work, rows)
    key = session.logs.person_key(importing.city, importing.username)
    with progress("导入信用事件") as update:
        return await propose_events(
            importing.work,
            rows,
            lambda i: sign_event([key], new_id(session.clock.now()), bodies[i]),
            update,
        )


@_importer("marks")
async def import_marks(**given: Any) -> None:
    """导入评分：工作表名就是评分表编号，每行一个对象，每列一行评分项。"""
    from credit.workbooks import take_marks

    await _import("marks", lambda one, rows: take_marks(one.work, rows), **given)


@_importer("participation")
async def import_participation(**given: Any) -> None:
    """导入参与记录：积分由规则算出，由另一人审核；免审的一分钟内入账。"""
    from credit.workbooks import take_participation

    await _import("participation", lambda one, rows: take_participation(one.work, rows), **given)


@_importer("calendar")
async def import_calendar(**given: Any) -> None:
    """导入放假和调休安排，期限按它计算工作日。"""
    from credit.workbooks import take_calendar

    await _import("calendar", lambda one, rows: take_calendar(one.work, rows), **given)


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
    from credit.grades.excel import register_table

    async with open_session() as session, session.db.city(city) as conn:
        spec, rows = await register_table(conn, session.clock.today())
    write_table([(spec, rows)], out)
    answer(as_json_, {"out": out, "rows": len(rows)}, f"已导出 {len(rows)} 家企业到 {out}。")


@export_group.command("grades")
@city_option
@out_option
@json_option
@runs
async def export_grades(*, city: str, out: Path, as_json_: bool) -> None:
    """导出最近一次评级的结果。"""
    from credit.grades.excel import grades_table

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
    from credit.events.excel import events_table
    from credit.rules.loading import pack_of_city

    async with open_session() as session, session.db.city(city) as conn:
        catalogue = pack_of_city(city).on(session.clock.today()).grader.events
        spec, rows = await events_table(conn, catalogue)
    write_table([(spec, rows)], out)
    answer(as_json_, {"out": out, "rows": len(rows)}, f"已导出 {len(rows)} 件事件到 {out}。")


@click.command("template")
@click.argument(
    "kind", type=click.Choice(["parties", "events", "marks", "participation", "calendar"])
)
@city_option
@out_option
@json_option
def template(kind: str, *, city: str, out: Path, as_json_: bool) -> None:
    """下载导入模板：带下拉列表和填写说明。"""
    from credit.rules.loading import pack_of_city
    from credit.rules.pack import PackInvalid
    from credit.workbooks import KINDS

    try:
        pack = pack_of_city(city)
    except PackInvalid as error:
        console.print(str(error))
        raise SystemExit(2) from None
    write_template(KINDS[kind].specs(pack), out, title=KINDS[kind].heading(pack))
    answer(as_json_, {"out": out, "kind": kind, "city": city}, f"模板已写到 {out}。")
