"""Taking a workbook's rows in, all or none: the register, marks, days off; or rehearsing that."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

from credit.access.logic import require
from credit.access.views import Actor
from credit.evaluations import service as evaluations
from credit.evaluations.excel import marks_sheet, submission_of_row
from credit.kit import store
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Invalid
from credit.kit.excel import RowData, SheetSpec, read_workbook
from credit.kit.texts import plain, say
from credit.kit.vault import Vault
from credit.parties import service as parties
from credit.parties.excel import SHEETS, by_sheet
from credit.rules.model import Sheet
from credit.rules.pack import Pack
from credit.workbooks.faults import ImportRefused, by_item, of_register, of_row, unreadable

__all__ = [
    "Line",
    "Taken",
    "Work",
    "note_file",
    "read_rows",
    "rehearsal",
    "take_calendar",
    "take_marks",
    "take_parties",
]


@dataclass(frozen=True, slots=True)
class Work:
    """In whose hands an import is, and what it works with."""

    conn: Connection
    clock: Clock
    actor: Actor
    pack: Pack
    vault: Vault


@dataclass(frozen=True, slots=True)
class Line:
    """What one row of the file does, in words."""

    sheet: str
    row: int
    act: Literal["added", "changed"]
    words: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import did: a line for each row, a sentence, and what a command prints besides."""

    lines: Sequence[Line]
    message: str
    preview: Sequence[str]
    more: dict[str, Any] = field(default_factory=dict)


def read_rows(content: bytes, specs: Sequence[SheetSpec]) -> list[RowData]:
    """Read a workbook's rows; raises ImportRefused with every wrong cell, Invalid for no rows."""
    reading = read_workbook(content, specs)
    if reading.problems:
        raise unreadable(reading)
    if not reading.rows:
        raise Invalid(say("表里没有数据行。请从第 2 行起填写。"))
    return reading.rows


@asynccontextmanager
async def rehearsal(conn: Connection) -> AsyncIterator[None]:
    """Do things in a transaction of which nothing stays."""
    transaction = conn.transaction()
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()


async def note_file(work: Work, kind: str, content: bytes, rows: int) -> datetime | None:
    """Note a file as taken in, in the transaction that takes it in; says when the very same bytes
    were before, and then nothing is to be done.
    """
    return await store.keep_import(
        work.conn,
        kind,
        hashlib.sha256(content).digest(),
        rows=rows,
        by=work.actor.person_id,
        now=work.clock.now(),
    )


async def take_parties(work: Work, rows: Sequence[RowData]) -> Taken:
    """Add and update what the register's workbook holds."""
    require(work.actor, "parties:write")
    plan = await parties.plan_parties(work.conn, work.clock, by_sheet(rows))
    if plan.faults:
        raise of_register(plan.faults)
    await parties.apply_parties(work.conn, work.clock, work.vault, plan)
    preview = [
        say(
            "%(sheet)s：新增 %(added)s，更新 %(updated)s",
            sheet=spec.name,
            added=plan.added[key],
            updated=plan.updated[key],
        )
        for key, spec in SHEETS.items()
        if plan.added[key] or plan.updated[key]
    ]
    names = {spec.name: key for key, spec in SHEETS.items()}
    held = {key: iter(flags) for key, flags in plan.held.items()}
    lines = [
        Line(
            row.sheet,
            row.row_number,
            "changed" if next(held[names[row.sheet]]) else "added",
            say(
                "%(name)s %(code)s",
                name=row.values["name"],
                code=row.values["code"] or say("（由系统编号）"),
            ),
        )
        for row in rows
    ]
    return Taken(lines, say("登记册 %(count)s 行检查无误。", count=len(rows)), preview)


async def take_marks(work: Work, rows: Sequence[RowData]) -> Taken:
    """Enter marks: a row an evaluation, laid over what was entered before."""
    sheets = work.pack.on(work.clock.today()).sheets
    submissions = [submission_of_row(sheets[row.sheet], row) for row in rows]
    try:
        states = await evaluations.submit(work.conn, work.clock, work.actor, work.pack, submissions)
    except Conflict as error:
        raise by_item(error, rows, lambda row, key: _title(sheets[row.sheet], key)) from error
    told = [
        say(
            "%(subject)s %(year)s 年度 %(total)s 分",
            subject=state.subject,
            year=state.year,
            total=state.result.total,
        )
        for state in states
    ]
    lines = [
        Line(row.sheet, row.row_number, "added" if state.version == 1 else "changed", words)
        for row, state, words in zip(rows, states, told, strict=True)
    ]
    return Taken(
        lines,
        say("%(count)s 份评分检查无误。", count=len(states)),
        [f"{line.sheet} 第 {line.row} 行：{line.words}" for line in lines],
        {"results": msgspec.to_builtins(states, enc_hook=plain)},
    )


async def take_calendar(work: Work, rows: Sequence[RowData]) -> Taken:
    """Keep days as free or working."""
    require(work.actor, "parties:write")
    days: dict[Any, bool] = {}
    faults = []
    for row in rows:
        day = row.values["day"]
        if day in days:
            faults.append(of_row(row, say("%(day)s 出现了两次。请只留一行。", day=day)))
        days[day] = row.values["workday"] == "work"
    if faults:
        raise ImportRefused(faults)
    await store.declare_days(
        work.conn, list(days), list(days.values()), by=work.actor.person_id, now=work.clock.now()
    )
    words: list[str] = [
        say("%(day)s 上班", day=day) if works else say("%(day)s 放假", day=day)
        for day, works in days.items()
    ]
    lines = [
        Line(row.sheet, row.row_number, "added", text)
        for row, text in zip(rows, words, strict=True)
    ]
    return Taken(lines, say("放假调休 %(count)s 天检查无误。", count=len(days)), words)


def _title(sheet: Sheet, row: str) -> str:
    """Return the title of the column that a row of a score sheet has, "" if it has none."""
    columns = marks_sheet(sheet).columns
    return next((one.title for one in columns if one.key in (row, f"{row} points")), "")
