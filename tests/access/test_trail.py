"""The access trail: looked through, taken away, never changed, and kept as long as it must be."""

import csv
import html
import re
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO

import asyncpg
import pytest
from openpyxl import load_workbook

from credit.access import service as access
from credit.access.views import Seen

CITY = "150200"
PAGE = f"/{CITY}/console/trail"


@pytest.fixture
def note(world):
    """What adds lines to the trail, some time ago."""

    async def add(*actions, person="P-00000000000000aa", ago=timedelta(0), **more):
        async with world.db.transaction(CITY) as conn:
            world.clock.now_value -= ago
            for action in actions:
                seen = Seen(action, person, **more)
                await access.note_trail(conn, world.clock, seen, status=200, address="192.0.2.1")
            world.clock.now_value += ago

    return add


def lines(page):
    return re.findall(r"动作\d+", page.text)


async def test_lines_come_newest_first_page_by_page_even_of_one_moment(world, note, browse):
    """Lines of one moment, and lines written out of the order of their moments."""
    await note(*(f"动作{number}" for number in range(130)))
    await note("动作900", ago=timedelta(days=2))
    await note("动作901", ago=timedelta(days=1))
    auditor = await browse("auditor")
    first = await auditor.get(PAGE)
    second = await auditor.get(
        html.unescape(re.search(r'rel="next" href="([^"]*)"', first.text)[1])
    )
    expected = [f"动作{number}" for number in range(129, -1, -1)] + ["动作901", "动作900"]
    assert lines(first) + lines(second) == expected
    assert 'rel="next"' not in second.text


async def test_the_filter_takes_days_a_person_and_words(world, note, browse):
    await note("动作1", about="91150200MA0000000C")
    await note("动作2", person="P-00000000000000bb")
    await note("动作3", ago=timedelta(days=8))
    await note("动作4", ago=timedelta(hours=13))  # 23:00 in China on the day before
    auditor = await browse("auditor")

    async def found(query):
        return lines(await auditor.get(f"{PAGE}?{query}"))

    assert await found("") == ["动作2", "动作1", "动作4"]
    assert await found("from=2026-06-30&to=2026-06-30") == ["动作2", "动作1"]
    assert await found("to=2026-06-29") == ["动作4"]
    assert await found("from=2026-06-20&to=2026-06-22") == ["动作3"]
    assert await found("person=P-00000000000000bb") == ["动作2"]
    assert await found("person=P-00000000000000aa&from=2026-06-20") == ["动作3"]
    assert await found("q=9115") == ["动作1"]
    assert await found("q=作%252") == []
    assert await found("q=%25") == []
    for wrong in ("from=2026-06-31", "from=2026-01-01&to=2026-06-30", "from=2026-06-30&to=2026-06-29",
                  "to=9999-12-31", "from=0001-01-01&to=0001-01-01"):  # fmt: skip
        assert (await auditor.get(f"{PAGE}?{wrong}")).status_code in (200, 400), wrong
    refused = await auditor.get(f"{PAGE}?from=2026-01-01&to=2026-06-30")
    assert refused.status_code == 400
    assert "不超过 92 天" in refused.text
    for wrong in ("cursor=1", "cursor=99999999999999999.1", "person=P-x"):
        assert (await auditor.get(f"{PAGE}?{wrong}")).status_code in (200, 400), wrong


async def test_names_are_shown_when_asked_for_and_that_is_noted(world, browse):
    officer = world.actors["officer"].person_id
    await browse("officer")
    auditor = await browse("auditor")
    plain = await auditor.get(PAGE)
    assert officer in plain.text
    assert "officer的姓名" not in plain.text
    assert "officer的姓名" in (await auditor.get(f"{PAGE}?names=yes")).text
    async with world.db.city(CITY) as conn:
        rows = await conn.fetch("SELECT personal FROM trail WHERE action = '访问记录' ORDER BY id")
    assert [row[0] for row in rows] == [False, True]


async def test_nobody_else_reads_the_trail(browse):
    for name in ("officer", "administrator", "enterprise"):
        assert (await (await browse(name)).get(PAGE)).status_code == 403


HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")', '动作，带"引号"']


async def test_what_is_taken_away_runs_as_nothing(note, browse):
    await note(*HOSTILE, about="=cmd|' /C calc'!A0")
    auditor = await browse("auditor")
    book = await auditor.get(f"{PAGE}/export?q=cmd")
    sheet = load_workbook(BytesIO(book.content)).active
    rows = list(sheet.iter_rows(min_row=2))
    assert [row[3].value for row in rows] == HOSTILE[::-1]
    assert {row[3].data_type for row in rows} == {"s"}
    assert all(row[4].quotePrefix for row in rows)
    text = await auditor.get(f"{PAGE}/export?q=cmd&format=csv")
    assert text.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in text.headers["content-disposition"]
    table = list(csv.reader(StringIO(text.content.decode("utf-8-sig"))))
    assert len(table) == 1 + len(HOSTILE)
    for line in table[1:]:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in line)
    assert table[1][1] == "P-00000000000000aa"


async def test_too_much_to_take_away_is_said(world, browse):
    async with world.db.transaction(CITY) as conn:
        await conn.execute(
            "INSERT INTO trail (at, action, status, personal)"
            " SELECT $1, 'x', 200, false FROM generate_series(1, 10001)", world.clock.now()
        )  # fmt: skip
    auditor = await browse("auditor")
    refused = await auditor.get(f"{PAGE}/export")
    assert refused.status_code == 413
    assert "10000" in refused.text


async def owner_of(world):
    """A connection of the role that owns the tables, the strongest the service ever has."""
    conn = await asyncpg.connect(world.db.url)
    await conn.execute("SET search_path = city_150200")
    return conn


async def test_a_line_is_changed_by_nobody_not_even_the_owner(world, note):
    await note("动作1", "动作2", personal=True)
    owner = await owner_of(world)
    try:
        for role in ("credit_app", "none"):
            await owner.execute(f"SET ROLE {role}")
            for statement in (
                "UPDATE trail SET action = '别的'",
                "DELETE FROM trail",
                "TRUNCATE trail",
            ):
                with pytest.raises(
                    (asyncpg.InsufficientPrivilegeError, asyncpg.PostgresError)
                ) as refused:
                    await owner.execute(statement)
                assert refused.value.sqlstate in ("CR001", "42501")
                assert role == "credit_app" or refused.value.sqlstate == "CR001"
        await owner.execute("SET session_replication_role = replica")
        with pytest.raises(asyncpg.PostgresError) as refused:
            await owner.execute("DELETE FROM trail")
        assert refused.value.sqlstate == "CR001"
    finally:
        await owner.close()
    async with world.db.city(CITY) as conn:
        assert await conn.fetchval("SELECT count(*) FROM trail") == 2


async def test_a_purge_deletes_what_was_kept_long_enough_and_nothing_else(world, note):
    """Time is the database's: who sets the service's clock on deletes nothing sooner."""
    world.clock.now_value = datetime.now(UTC)  # noqa: TID251 - the database's clock is the real one
    day = timedelta(days=1)
    kept = [
        ("动作1", 170 * day, False),
        ("动作2", 3 * 360 * day, True),
        ("动作3", 0 * day, False),
    ]
    gone = [("动作4", 190 * day, False), ("动作5", 3 * 370 * day, True)]
    for action, ago, personal in kept + gone:
        await note(action, ago=ago, personal=personal)
    async with world.db.city(CITY) as conn:
        await access.purge_trail(conn)
        rows = await conn.fetch("SELECT action FROM trail ORDER BY action")
        assert [row[0] for row in rows] == [action for action, _, _ in kept]
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            await conn.execute("DELETE FROM trail WHERE at < now() - interval '100 days'")
        assert await conn.fetchval("SELECT count(*) FROM trail") == len(kept)


async def test_both_ways_through_the_trail_follow_an_index(world, note):
    from credit.access.admin.store import TRAIL_BY_TIME, TRAIL_OF

    await note("动作1")
    now = world.clock.now()
    period = now - timedelta(days=7), now
    async with world.db.transaction(CITY) as conn:
        await conn.execute(
            "INSERT INTO trail (at, person_id, action, status, personal)"
            " SELECT $1::timestamptz - n * interval '1 minute', 'P-' || n % 500, 'x', 200, false"
            " FROM generate_series(1, 20000) AS n", now
        )  # fmt: skip
    owner = await owner_of(world)
    await owner.execute("ANALYZE trail")
    await owner.execute("SET plan_cache_mode = force_generic_plan")
    for text, index, arguments in (
        (TRAIL_BY_TIME, "ix_trail_at", [*period, now, 0, None, 100]),
        (TRAIL_OF, "ix_trail_person", ["P-7", 2**62, *period, None, 100]),
    ):
        plan = await owner.fetch(f"EXPLAIN {text}", *arguments)
        said = "\n".join(row[0] for row in plan)
        assert index in said, said
        assert "Seq Scan" not in said
    await owner.close()
