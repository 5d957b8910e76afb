"""Boards: scores in by list or workbook, all or none; published with the numbers behind them."""

import asyncio
import hashlib
import io
from datetime import date
from decimal import Decimal
from uuid import UUID

import openpyxl
import pytest

from credit.blacklist.boards import scoring, service
from credit.blacklist.boards.excel import score_sheet
from credit.blacklist.boards.logic import Score
from credit.kit.errors import Conflict, Forbidden, Invalid, NotFound
from credit.kit.excel import write_table
from credit.kit.ids import LAST_ID, new_id
from credit.log import service as log

CITY = "150200"
SOURCES = ("street", "inspection", "owners")


@pytest.fixture
async def board(office):
    head = await office.act(service.begin_board, "officer", office.pack, "quarter", "2026-Q1")
    return UUID(head.id)


@pytest.fixture
def enter(office, board):
    async def put(*scores, by="officer"):
        given = [Score(*one[:2], Decimal(one[2]), "考评〔2026〕1号") for one in scores]
        return await office.act(scoring.enter_scores, by, office.pack, board, given)

    return put


def full(subject, points):
    return [(source, subject, points) for source in SOURCES]


async def page(office, board, *, draft=False, after=0, limit=50):
    async with office.world.db.city(CITY) as conn:
        return await service.board_page(
            conn, office.clock, office.pack, board, draft=draft, after=after, limit=limit
        )


async def publish(office, board, by="city_authority", **changed):
    async with office.world.db.city(CITY) as conn:
        prepared = await service.prepare_board(conn, office.clock, office.pack, board)
    record = log.sign_record(
        office.world.keys[by], "board", new_id(office.clock.now()), {**prepared.body, **changed}
    )
    await office.act(service.publish_board, by, office.pack, board, record)
    return record


async def test_a_board_is_published_with_every_number_behind_it(office, board, enter):
    await enter(*full("XQ-1", "95.5"), *full("XQ-2", "40"))
    await enter(("street", "XQ-3", "70"))
    draft = await page(office, board, draft=True)
    with pytest.raises(NotFound):
        await page(office, board)
    assert [(one.subject, one.rank, one.total, one.side) for one in draft.rows] == [
        ("XQ-1", 1, "95.5", "red"), ("XQ-2", 2, "40", "black"),
    ]  # fmt: skip
    assert [(one.subject, one.sources) for one in draft.missing] == [
        ("XQ-3", ["inspection", "owners"])
    ]
    assert draft.missing[0].name == "第3小区"
    record = await publish(office, board)
    async with office.world.db.city(CITY) as conn:
        numbers = await service.board_numbers(conn, board)
    assert record.body["numbers"] == "sha256:" + hashlib.sha256(numbers).hexdigest()
    assert (record.body["ranked"], record.body["missing"]) == (2, 1)
    shown = await page(office, board)
    assert (shown.rows, shown.digest) == (draft.rows, record.body["numbers"])
    assert (shown.head.status, shown.head.record) == ("published", record.id)
    with pytest.raises(Conflict, match="已经公布"):
        await enter(("street", "XQ-3", "70"))
    with pytest.raises(Conflict, match="已经公布"):
        await publish(office, board)
    await office.world.sequence()
    assert await office.lists() == []  # a board lists nobody


async def test_a_later_score_stands_for_an_earlier_one(office, board, enter):
    await enter(*full("XQ-1", "50"))
    await enter(("owners", "XQ-1", "100"))
    (row,) = (await page(office, board, draft=True)).rows
    assert row.total == "65"
    async with office.world.db.city(CITY) as conn:
        assert await conn.fetchval("SELECT count(*) FROM board_score") == 4


async def test_all_or_none_and_every_fault_by_its_place(office, board, enter):
    with pytest.raises(Conflict) as refused:
        await enter(
            ("street", "XQ-1", "80"), ("street", "XQ-9", "80"), ("street", "XQ-1", "81"),
            ("party", "XQ-1", "80"), ("owners", "XQ-2", "100.5"),
        )  # fmt: skip
    assert [one.field for one in refused.value.errors] == [f"items[{n}]" for n in (1, 2, 3, 4)]
    assert (await page(office, board, draft=True)).rows == []
    with pytest.raises(Invalid):
        await enter()


def workbook(office, rows, titles=None):
    rule = service.board_rules(office.pack, date(2026, 6, 30))[0]
    buffer = io.BytesIO()
    keys = [column.key for column in score_sheet(rule).columns]
    filled = [dict(zip(keys, row, strict=True)) for row in rows]
    write_table([(score_sheet(rule), filled)], buffer)
    if titles is not None:
        book = openpyxl.load_workbook(buffer)
        for cell, value in titles.items():
            book.worksheets[0][cell] = value
        buffer = io.BytesIO()
        book.save(buffer)
    return buffer.getvalue()


async def test_a_workbook_is_taken_whole_or_its_wrong_cells_are_named(office, board):
    async def take(content):
        return await office.act(scoring.enter_workbook, "officer", office.pack, board, content)

    good = [(one, "XQ-1", Decimal("88.5"), "考评〔2026〕1号") for one in SOURCES]
    with pytest.raises(Conflict) as refused:
        await take(workbook(office, good, {"C3": "很好", "B4": "XQ 1"}))
    assert [one.message[:10] for one in refused.value.errors] == [
        "第 3 行 C 列「",
        "第 4 行 B 列「",
    ]
    with pytest.raises(Conflict) as refused:
        await take(workbook(office, [*good, ("street", "XQ-9", Decimal(1), "考评〔2026〕1号")]))
    assert [one.field for one in refused.value.errors] == ["红黑榜得分 第 5 行"]
    assert (await page(office, board, draft=True)).rows == []
    assert (await take(workbook(office, good))).entered == 3
    (row,) = (await page(office, board, draft=True)).rows
    assert row.total == "88.5"


async def test_who_entered_or_began_does_not_publish_and_the_period_is_over(office, board, enter):
    await enter(*full("XQ-1", "90"))
    for name in ("officer", "reviewer", "bidder"):
        with pytest.raises(Forbidden):
            await publish(office, board, by=name)
    with pytest.raises(Conflict) as refused:
        await publish(office, board, numbers="sha256:" + "0" * 64)
    assert refused.value.slug == "body-outdated"
    running = await office.act(service.begin_board, "officer", office.pack, "quarter", "2026-Q2")
    given = [Score("street", "XQ-1", Decimal(1), "考评〔2026〕1号")]
    await office.act(scoring.enter_scores, "officer", office.pack, UUID(running.id), given)
    with pytest.raises(Conflict, match="还没有结束"):
        await publish(office, UUID(running.id))
    office.wait(1)  # the quarter is over, and nobody is ranked in it
    with pytest.raises(Conflict, match="没有可以公布的排名"):
        await publish(office, UUID(running.id))


async def test_a_period_is_begun_once_and_not_before_it_begins(office, board):
    for period, refusal in (
        ("2026-Q1", Conflict), ("2026-Q3", Invalid), ("2026", Invalid), ("2026-Q9", Invalid),
    ):  # fmt: skip
        with pytest.raises(refusal):
            await office.act(service.begin_board, "officer", office.pack, "quarter", period)
    with pytest.raises(NotFound):
        await office.act(service.begin_board, "officer", office.pack, "monthly", "2026-Q1")
    with pytest.raises(Forbidden):
        await office.act(service.begin_board, "hearer", office.pack, "quarter", "2026-Q2")


async def test_scores_that_come_while_a_board_is_published_are_in_it_or_refused(
    office, board, enter, lock_awaited
):
    await enter(*full("XQ-1", "90"))
    done = await asyncio.gather(
        publish(office, board), enter(*full("XQ-2", "95")), return_exceptions=True
    )
    failed = [one for one in done if isinstance(one, Exception)]
    assert all(isinstance(one, Conflict) for one in failed)
    async with office.world.db.city(CITY) as conn:
        head = (await service.boards_page(conn, draft=False, before=LAST_ID, limit=5))[:1]
    if head:
        shown = await page(office, board)
        subjects = [one.subject for one in shown.rows]
        assert subjects == (["XQ-1"] if failed else ["XQ-2", "XQ-1"])
        async with office.world.db.city(CITY) as conn:
            numbers = await service.board_numbers(conn, board)
        assert shown.digest == "sha256:" + hashlib.sha256(numbers).hexdigest()
    else:
        assert failed  # what was signed was outdated by then


async def test_a_long_ranking_comes_in_pages(office, board, enter):
    await enter(*full("XQ-1", "90"), *full("XQ-2", "80"), *full("XQ-3", "70"))
    first = await page(office, board, draft=True, limit=2)
    assert ([one.subject for one in first.rows], first.next_cursor) == (["XQ-1", "XQ-2"], "2")
    last = await page(office, board, draft=True, after=2, limit=2)
    assert ([one.subject for one in last.rows], last.next_cursor) == (["XQ-3"], None)
    assert first.digest == last.digest


async def test_who_works_in_one_division_enters_scores_of_its_subjects_alone(office, enter):
    await enter(("street", "XQ-1", "70"), by="hearer")
    await office.world.hire("far", "street_officer", kind="street", division="150204001")
    with pytest.raises(Conflict) as refused:
        await enter(("street", "XQ-1", "70"), by="far")
    (fault,) = refused.value.errors
    assert fault.field == "items[0]"
    assert "您只录入本辖区的得分" in fault.message
    await enter(("street", "XQ-1", "70"))  # the association works everywhere
