"""Use cases of boards: begin a period, enter scores, look at the ranking, publish it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import orjson

from credit.access.logic import refuse_same_person, require
from credit.access.views import Actor
from credit.blacklist.boards import logic, store
from credit.blacklist.boards.logic import Score
from credit.blacklist.boards.store import BoardRow
from credit.blacklist.boards.views import (
    BoardHead,
    BoardLine,
    BoardRecord,
    BoardSource,
    BoardStanding,
    MissingLine,
    SourcePoints,
)
from credit.kit.canonical import canonical
from credit.kit.clock import Clock, rfc3339
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, Invalid, NotFound
from credit.kit.ids import new_id
from credit.kit.texts import say
from credit.log import service as log
from credit.log.records import Record
from credit.rules.listing import Board
from credit.rules.pack import Pack

__all__ = [
    "begin_board",
    "board_head",
    "board_numbers",
    "board_page",
    "board_rule",
    "board_rules",
    "boards_page",
    "draft_of",
    "period_over",
    "prepare_board",
    "publish_board",
    "refuse_enterer",
]

MISSING_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class _Whole:
    """A board with all its numbers and what names them."""

    row: BoardRow
    numbers: Mapping[str, Any]
    digest: str


def board_rules(pack: Pack, on: date) -> tuple[Board, ...]:
    """Return the boards a pack has on a day."""
    return pack.on(on).lists.boards


async def begin_board(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, board: str, period: str
) -> BoardHead:
    """Begin a board for a period; refuses one that has not begun, and a second one."""
    require(actor, "lists:propose")
    rule = board_rule(pack, board, clock.today())
    span = logic.period_span(rule.period, period)
    if span is None:
        raise Invalid(
            say(
                "“%(title)s”的期次应写成 %(period_form)s。",
                title=rule.title,
                period_form=logic.period_form(rule.period),
            )
        )
    if span[0] > clock.today():
        raise Invalid(say("这一期还没有开始。请核对期次。"))
    row = BoardRow(
        new_id(clock.now()),
        rule.id,
        pack.head.id,
        rule.subject,
        period,
        rule.title,
        actor.person_id,
        clock.now(),
        "draft",
        None,
        None,
        None,
    )
    if not await store.add_board(conn, row):
        raise Conflict(say("这一期已经建好，请在其中录入得分。"), slug="board-exists")
    return _head(row)


async def board_page(
    conn: Connection,
    clock: Clock,
    pack: Pack,
    board_id: UUID,
    *,
    draft: bool,
    after: int,
    limit: int,
) -> BoardStanding:
    """Return a published board, or a draft as it would come out now, with a page of its ranking.

    NotFound for a draft where only published ones are asked for.
    """
    whole = await _whole(conn, clock, pack, board_id, draft=draft)
    numbers, row = whole.numbers, whole.row
    rule, missing = numbers["rule"], numbers["missing"][:MISSING_SHOWN_MAX] if not after else []
    page = numbers["rows"][after : after + limit]
    codes = [one["subject"] for one in (*page, *missing)]
    names = await store.names_of(conn, row.subject_kind, codes)
    return BoardStanding(
        _head(row),
        [BoardSource(**one) for one in rule["sources"]],
        rule["top_percent"],
        rule["bottom_percent"],
        rule["red_at_least"],
        rule["black_below"],
        rule["source"],
        whole.digest,
        len(numbers["rows"]),
        len(numbers["missing"]),
        [
            BoardLine(
                one["subject"],
                names.get(one["subject"]),
                one["rank"],
                one["total"],
                one["side"],
                [SourcePoints(**part) for part in one["points"]],
            )
            for one in page
        ],
        [MissingLine(one["subject"], names.get(one["subject"]), one["sources"]) for one in missing],
        str(after + limit) if after + limit < len(numbers["rows"]) else None,
    )


async def boards_page(
    conn: Connection, *, draft: bool, before: UUID, limit: int
) -> list[BoardHead]:
    """List published boards, or drafts, before an id, the newest first."""
    state = "draft" if draft else "published"
    return [_head(row) for row in await store.boards(conn, state, before, limit)]


async def board_head(conn: Connection, board_id: UUID) -> BoardHead:
    """Return what a board is, published or not; NotFound without one."""
    row = await store.board(conn, board_id)
    if row is None:
        raise NotFound(say("没有这份红黑榜。"))
    return _head(row)


def period_over(pack: Pack, head: BoardHead, on: date) -> bool:
    """Say whether a board's period is over, so that it may be published."""
    rule = next((one for one in board_rules(pack, on) if one.id == head.board), None)
    span = logic.period_span(rule.period, head.period) if rule else None
    return span is not None and span[1] <= on


async def board_numbers(conn: Connection, board_id: UUID) -> bytes:
    """Return the very bytes whose digest the published record signs; NotFound for a draft."""
    numbers = await store.numbers_of(conn, board_id)
    if numbers is None:
        raise NotFound(say("没有这份已公布的红黑榜。"))
    return numbers


async def prepare_board(conn: Connection, clock: Clock, pack: Pack, board_id: UUID) -> BoardRecord:
    """Return the record that would publish a board now, to be signed; refuses a running period."""
    row = await draft_of(conn, board_id)
    return _record(pack, await _computed(conn, clock, pack, row))


async def refuse_enterer(conn: Connection, actor: Actor, board_id: UUID) -> None:
    """Refuse as publisher of a board whoever began it or entered a score."""
    row = await store.board(conn, board_id)
    if row is not None:
        refuse_same_person(row.created_by, actor.person_id)
    for one in await store.scores(conn, board_id):
        refuse_same_person(one.entered_by, actor.person_id)


async def publish_board(
    conn: Connection, clock: Clock, actor: Actor, pack: Pack, board_id: UUID, record: Record
) -> BoardHead:
    """Publish a board by a record over the digest of its numbers, signed by who entered none."""
    require(actor, "lists:publish")
    row = await draft_of(conn, board_id)
    await refuse_enterer(conn, actor, board_id)
    whole = await _computed(conn, clock, pack, row)
    if (record.kind, record.body) != ("board", _record(pack, whole).body):
        raise Conflict(
            say("签名的内容与现在的得分不符，请重新取得要签名的内容。"), slug="body-outdated"
        )
    keys = await log.find_keys(conn, [sig.kid for sig in record.sigs])
    await log.refuse_bad_signatures([record], keys)
    if [keys[sig.kid].holder for sig in record.sigs] != [actor.person_id]:
        raise Forbidden(say("请用您自己的密钥签名。"), slug="bad-signature")
    await log.enqueue(conn, [record])
    await store.publish(
        conn,
        board_id,
        UUID(record.id),
        canonical(whole.numbers),
        by=actor.person_id,
        now=clock.now(),
    )
    found = await store.board(conn, board_id)
    assert found is not None  # noqa: S101 - it was locked
    return _head(found)


def _record(pack: Pack, whole: _Whole) -> BoardRecord:
    body = logic.board_body(
        str(whole.row.id),
        whole.row.subject_kind,
        whole.numbers,
        digest=whole.digest,
        pack=(pack.head.id, pack.digest),
    )
    return BoardRecord("board", body)


async def _computed(conn: Connection, clock: Clock, pack: Pack, row: BoardRow) -> _Whole:
    """Rank a draft for publication; refuses an empty one, and one whose period is not over."""
    rule = board_rule(pack, row.board, clock.today())
    span = logic.period_span(rule.period, row.period)
    if span is None or span[1] > clock.today():
        raise Conflict(say("这一期还没有结束，不能公布。"), slug="period-running")
    whole = await _ranked(conn, rule, row)
    if not whole.numbers["rows"]:
        raise Conflict(say("还没有一个对象的得分齐全，没有可以公布的排名。"), slug="board-empty")
    return whole


async def _ranked(conn: Connection, rule: Board, row: BoardRow) -> _Whole:
    scores = await store.scores(conn, row.id)
    ranking = logic.rank(
        rule, [Score(one.source, one.subject, one.points, one.document) for one in scores]
    )
    documents = {(one.subject, one.source): one.document for one in scores}
    numbers = logic.numbers_of(rule, row.period, ranking, documents)
    return _Whole(row, numbers, _digest(canonical(numbers)))


async def _whole(
    conn: Connection, clock: Clock, pack: Pack, board_id: UUID, *, draft: bool
) -> _Whole:
    row = await store.board(conn, board_id)
    if row is None or (row.state == "draft" and not draft):
        raise NotFound(say("没有这份红黑榜，或者还没有公布。"))
    if row.state == "draft":
        return await _ranked(conn, board_rule(pack, row.board, clock.today()), row)
    content = await board_numbers(conn, board_id)
    return _Whole(row, orjson.loads(content), _digest(content))


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


async def draft_of(conn: Connection, board_id: UUID) -> BoardRow:
    """Return a draft nobody else can change or publish meanwhile."""
    row = await store.lock_board(conn, board_id)
    if row is None:
        raise NotFound(say("没有这份红黑榜。"))
    if row.state != "draft":
        raise Conflict(say("这份红黑榜已经公布，不能再改。"), slug="already-published")
    return row


def board_rule(pack: Pack, board: str, on: date) -> Board:
    """Return the rule of a board on a day; NotFound where the pack has none."""
    rule = next((one for one in board_rules(pack, on) if one.id == board), None)
    if rule is None:
        raise NotFound(
            say("规则包 %(id)s 没有红黑榜“%(board)s”。", id=pack.head.id, board=board[:40]),
            slug="no-such-board",
        )
    return rule


def _head(row: BoardRow) -> BoardHead:
    return BoardHead(
        str(row.id),
        row.board,
        row.title,
        row.period,
        row.subject_kind,  # type: ignore[arg-type]
        row.state,  # type: ignore[arg-type]
        row.pack,
        None if row.published_at is None else rfc3339(row.published_at),
        None if row.record_id is None else str(row.record_id),
    )
