"""Scores of boards: entered one by one or by workbook, all or none, over earlier ones."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from credit.access.logic import refuse_unplaced, require
from credit.access.views import Actor
from credit.blacklist.boards import logic, store
from credit.blacklist.boards.excel import score_of_row, score_sheet
from credit.blacklist.boards.logic import Score
from credit.blacklist.boards.service import board_rule, draft_of
from credit.blacklist.boards.store import BoardRow, NewScore
from credit.blacklist.boards.views import BoardEntered
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, FieldError, Invalid
from credit.kit.excel import read_workbook
from credit.kit.texts import say
from credit.parties import service as parties
from credit.rules.listing import Board
from credit.rules.pack import Pack

__all__ = ["check_workbook", "enter_scores", "enter_workbook"]

SCORES_MAX = 20_000


async def enter_scores(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, board_id: UUID, given: Sequence[Score]
) -> BoardEntered:
    """Enter scores over earlier ones, all or none; every fault stands under `items[i]`."""
    require(actor, "marks:enter")
    if not 0 < len(given) <= SCORES_MAX:
        raise Invalid(say("一次录入 1 到 %(most)s 个得分，请分批。", most=f"{SCORES_MAX:,}"))
    row = await draft_of(conn, board_id)
    rule = board_rule(pack, row.board, clock.today())
    await _refuse_faults(conn, clock, actor, row, rule, given)
    new = [NewScore(one.subject, one.source, one.points, one.document) for one in given]
    await store.add_scores(conn, board_id, new, by=actor.person_id, now=clock.now())
    return BoardEntered(str(board_id), len(new))


async def enter_workbook(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, board_id: UUID, content: bytes
) -> BoardEntered:
    """Enter the scores of a workbook, all or none; every fault names its sheet, row and cell."""
    scores = await check_workbook(conn, clock, actor, pack, board_id, content)
    return await enter_scores(conn, clock, actor, pack, board_id, scores)


async def check_workbook(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, board_id: UUID, content: bytes
) -> list[Score]:
    """Return the scores of a workbook; refuses it whole with every fault, as entering would."""
    require(actor, "marks:enter")
    row = await draft_of(conn, board_id)
    rule = board_rule(pack, row.board, clock.today())
    reading = await asyncio.to_thread(read_workbook, content, [score_sheet(rule)])
    if reading.problems:
        raise Conflict(
            say(
                "有 %(total)s 处要改，什么都没有录入：%(first)s",
                total=reading.problems_total,
                first=reading.problems[0],
            ),
            slug="scores-refused",
            errors=tuple(FieldError(one.sheet, str(one)) for one in reading.problems),
        )
    if not 0 < len(reading.rows) <= SCORES_MAX:
        raise Invalid(say("表里要有 1 到 %(most)s 行，从第 2 行起填写。", most=f"{SCORES_MAX:,}"))
    scores = [score_of_row(one) for one in reading.rows]
    try:
        await _refuse_faults(conn, clock, actor, row, rule, scores)
    except Conflict as refused:
        raise Conflict(
            refused.detail,
            slug=refused.slug,
            errors=tuple(_in_file(one, reading.rows) for one in refused.errors),
        ) from refused
    return scores


async def _refuse_faults(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    row: BoardRow,
    rule: Board,
    given: Sequence[Score],
) -> None:
    outside = await _outside(conn, clock, actor, row, given)
    known = await store.names_of(conn, row.subject_kind, [one.subject for one in given])
    held = {one.subject for one in await store.scores(conn, row.id)}
    if len(held.union(known)) > logic.SUBJECTS_MAX:
        raise Invalid(say("一期最多 %(most)s 个对象。", most=f"{logic.SUBJECTS_MAX:,}"))
    faults, seen = [], set()
    for position, one in enumerate(given):
        message = logic.score_fault(one, rule)
        if message is None and one.subject not in known:
            message = say(
                "登记册里没有“%(subject)s”。请先登记，或核对代码。", subject=one.subject[:40]
            )
        if message is None:
            message = outside.get(position)
        if message is None and (one.subject, one.source) in seen:
            message = say("同一对象的同一来源出现了两次，请只留一个。")
        seen.add((one.subject, one.source))
        if message is not None:
            faults.append(FieldError(f"items[{position}]", message))
    if faults:
        raise Conflict(
            say(
                "有 %(faults)s 处不能录入：%(message)s",
                faults=len(faults),
                message=faults[0].message,
            ),
            slug="scores-refused",
            errors=tuple(faults),
        )


async def _outside(
    conn: Connection, clock: Clock, actor: Actor, row: BoardRow, given: Sequence[Score]
) -> dict[int, str]:
    """Say by their places why scores are not for people who work in one division alone to enter."""
    refuse_unplaced(actor)
    if not actor.bound or actor.division is None:
        return {}
    found = await parties.outside(
        conn,
        actor.division,
        [row.subject_kind] * len(given),
        [one.subject for one in given],
        [clock.today()] * len(given),
    )
    name = await parties.territory_name(conn, actor.division) if found else ""
    return {
        place: say(
            "“%(subject)s”不在%(division)s。您只录入本辖区的得分，请由协会或所在辖区的同事录入。",
            subject=located.shown,
            division=name,
        )
        for place, located in found
    }


def _in_file(fault: FieldError, rows: Sequence[Any]) -> FieldError:
    """Name a fault by the row of the file instead of its place in the list."""
    found = re.fullmatch(r"items\[([0-9]+)\]", fault.field)
    if found is None:
        return fault
    row = rows[int(found[1])]
    return FieldError(
        say("%(sheet)s 第 %(row_number)s 行", sheet=row.sheet, row_number=row.row_number),
        fault.message,
    )
