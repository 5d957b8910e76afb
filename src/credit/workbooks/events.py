"""Credit events taken in from a workbook: bodies to sign, checked row by row, then proposed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from credit.access.logic import require
from credit.events import service
from credit.events.excel import body_of_row, event_sheet
from credit.events.logic import points_words
from credit.events.views import Draft, EventRecord
from credit.kit.decoding import in_words
from credit.kit.errors import Conflict
from credit.kit.excel import RowData
from credit.kit.texts import say
from credit.parties import service as parties
from credit.rules.model import EventType
from credit.workbooks.faults import ImportRefused, by_item, of_row
from credit.workbooks.taking import Line, Taken, Work

__all__ = ["check_events", "event_bodies", "event_lines", "propose_events", "unsigned"]

# A signature of nobody, where a record's shape asks for one and nothing is kept.
NOBODYS = {"kid": "-", "alg": "Ed25519", "sig": "A" * 86 + "=="}
Body = dict[str, Any]


async def event_bodies(work: Work, rows: Sequence[RowData]) -> list[Body]:
    """Return the record body of each row; its subjects are those the register names for that day."""
    placed = await parties.place(
        work.conn,
        [str(row.values["primary"]) for row in rows],
        [str(row.values["subject"]) for row in rows],
        [row.values["occurred_on"] for row in rows],  # type: ignore[misc]
    )
    bodies = [
        body_of_row(row, place, work.pack.head.id) for row, place in zip(rows, placed, strict=True)
    ]
    titles = {one.key: one for one in event_sheet(work.pack.on(work.pack.days[-1]).grading).columns}
    faults = []
    for row, body in zip(rows, bodies, strict=True):
        try:
            unsigned("00000000-0000-7000-8000-000000000000", body)
        except msgspec.ValidationError as error:
            key = str(error).rpartition("$.body.")[2].partition("[")[0].rstrip("`")
            column = titles.get(key)
            message = (
                say("写法不对。%(help)s。", help=column.help or column.format_text)
                if column
                else in_words(str(error))
            )
            faults.append(of_row(row, message, title=column.title if column else ""))
    if faults:
        raise ImportRefused(faults)
    return bodies


def unsigned(record_id: str, body: Body) -> EventRecord:
    """Return the record that is going to be signed; raises msgspec's error where it is none."""
    plain = {"id": record_id, "kind": "credit-event", "body": body, "sigs": [NOBODYS]}
    return msgspec.convert(plain, EventRecord)


async def check_events(work: Work, rows: Sequence[RowData], drafts: Sequence[Draft]) -> None:
    """Check what proposing would check but for the signatures; raises ImportRefused by rows."""
    require(work.actor, "events:propose")
    try:
        await service.plan(work.conn, work.clock, work.actor, work.pack, drafts)
        await service.refuse_known(work.conn, drafts)
    except Conflict as error:
        raise by_item(error, rows) from error


async def propose_events(
    work: Work,
    rows: Sequence[RowData],
    sign: Callable[[int], Draft],
    update: Callable[[int, int], None] = lambda _done, _total: None,
) -> Taken:
    """Propose a signed record for each row, `sign(i)` for the i-th, all or none."""
    ids: list[str] = []
    lines: list[Line] = []
    catalogue = work.pack.on(work.clock.today()).grader.events
    preview: list[str] = []
    for begin in range(0, len(rows), service.BATCH_MAX):
        part = rows[begin : begin + service.BATCH_MAX]
        drafts = [sign(begin + i) for i in range(len(part))]
        try:
            states = await service.propose(work.conn, work.clock, work.actor, work.pack, drafts)
        except Conflict as error:
            raise by_item(error, part) from error
        ids += [state.id for state in states]
        bodies = [msgspec.to_builtins(draft.body) for draft in drafts]
        lines += event_lines(part, bodies, catalogue)
        preview += [_told(row, body) for row, body in zip(part, bodies, strict=True)]
        update(len(ids), len(rows))
    message = say("%(count)s 件信用事件检查无误，等待另一人决定。", count=len(ids))
    return Taken(lines, message, preview, {"ids": ids})


def event_lines(
    rows: Sequence[RowData], bodies: Sequence[Body], catalogue: Mapping[str, EventType]
) -> list[Line]:
    """Say of each row what would be recorded."""
    return [
        Line(row.sheet, row.row_number, "added", event_words(row, body, catalogue))
        for row, body in zip(rows, bodies, strict=True)
    ]


def event_words(row: RowData, body: Body, catalogue: Mapping[str, EventType]) -> str:
    """Say a row's fact: what, how many points, about whom, when, by which document."""
    event = catalogue[body["type"]]
    points = points_words(event, body)
    subject, day = row.values["subject"], body["occurred_on"]
    return say(
        "%(title)s（%(points)s 分）　%(subject)s　%(day)s　%(reference)s",
        title=event.title,
        points=points,
        subject=subject,
        day=day,
        reference=body["reference"],
    )


def _told(row: RowData, body: Body) -> str:
    enterprise = body["subjects"][0]["id"]
    day, code = row.values["occurred_on"], row.values["type"]
    return f"第 {row.row_number} 行：{day} {code} 记在 {enterprise} 名下"
