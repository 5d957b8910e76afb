"""Lists of the console: pages put together are the whole list, sorted and filtered as asked."""

import random  # noqa: TID251 - from seeds alone
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from itertools import product
from uuid import UUID

import openpyxl
import pytest

from credit.evaluations import store as evaluations
from credit.evaluations.store import Standing
from credit.events.service import reading as events
from credit.grades.reading import enterprises
from credit.grades.reading.enterprises import Chosen
from credit.kit.patterns import containing

CITY = "150200"
CONSOLE = f"/{CITY}/console"
TODAY = date(2026, 6, 30)
LADDER = ["3A", "2A", "A", "B"]
DISTRICTS = ("150203", "150204")
STREETS = ("150203001", "150203002", "150204001")
DIVISIONS = (None, *DISTRICTS, *STREETS, "150205")
PAGES = (1, 7, 100)
# Pinyin: An, Bai, Chen, Ding; a rare character, an ASCII name and one of digits beside them.
NAMES = ("安居", "白云", "陈氏", "丁香", "鑫", "㐂", "Acme", "9号")
MOST_STATEMENTS = 12


def shuffled(seed):
    return random.Random(seed)


async def a_city(conn, dice):
    """Fill the register at random; returns what is needed to say what belongs where."""
    await conn.execute(
        "INSERT INTO division VALUES"
        " ('150203', 'district', '昆都仑区', NULL), ('150204', 'district', '青山区', NULL),"
        " ('150203001', 'street', '一街道', '150203'), ('150203002', 'street', '二街道', '150203'),"
        " ('150204001', 'street', '三街道', '150204')"
    )
    firms = {}
    for number in range(40):
        code = f"N150200-{number:06d}"
        name = f"{dice.choice(NAMES)}物业{dice.randrange(6)}"
        firms[code] = (name, dice.choice((*DISTRICTS, None)))
    await conn.executemany(
        "INSERT INTO enterprise (code, kind, name, founded_on, district, created_at)"
        " VALUES ($1, 'company', $2, '2020-01-01', $3, now())",
        [(code, name, district) for code, (name, district) in firms.items()],
    )
    projects = {f"XQ-{n:03d}": dice.choice(STREETS) for n in range(30)}
    await conn.executemany(
        "INSERT INTO project VALUES ($1, '小区' || $1, '老旧小区', 1, 1, 1, $2, NULL, now())",
        list(projects.items()),
    )
    managed = [(one, dice.choice(list(firms)), dice.random() < 0.3) for one in projects]
    await conn.executemany(
        "INSERT INTO management (project, since, until, enterprise)"
        " VALUES ($1, '2024-01-01', CASE WHEN $3::bool THEN date '2025-01-01' END, $2)",
        managed,
    )
    return firms, projects, managed


def belong(city, division):
    """Which enterprises and projects are a division's, said a second time."""
    firms, projects, managed = city
    there = {one for one, street in projects.items() if street.startswith(division)}
    here = {code for code, (_, district) in firms.items() if district == division}
    return here | {firm for project, firm, over in managed if project in there and not over}, there


async def walk(page, key):
    """Put pages of every length together; each must give the same list."""
    whole = [key(one) for one in await page(None, 10_000)]
    for length in PAGES:
        found, last = [], None
        while some := await page(last, length):
            found += [key(one) for one in some]
            assert len(found) <= len(whole)
            last = key(some[-1])
        assert found == whole
    return whole


@pytest.mark.parametrize("seed", [1, 2])
async def test_enterprises_are_paged_in_every_order_under_every_filter(conn, seed):
    dice = shuffled(seed)
    city = await a_city(conn, dice)
    firms = city[0]
    grades = {
        code: (dice.choice(LADDER), Decimal(dice.randrange(6000, 6009)) / 100)
        for code in firms
        if dice.random() < 0.8
    }
    await _publish(conn, grades)
    keys = {
        "code": lambda code: (False, code),
        "name": lambda code: (False, firms[code][0].encode("gb18030")),
        "grade": lambda code: (code not in grades, LADDER.index(grades.get(code, ("B",))[0])),
        "score": lambda code: (code not in grades, grades.get(code, (0, 0))[1]),
    }
    for (name, key), down, division, grade, text in product(
        keys.items(), ("", "-"), (None, "150203", "150203001"), (None, "A", "unrated"), (None, "云")
    ):
        chosen = Chosen(f"{down}{name}", LADDER, text and containing(text), grade, division)
        found = await walk(
            lambda last, length, chosen=chosen: enterprises.office_page(
                conn, TODAY, chosen, last, length
            ),
            lambda row: row.code,
        )
        ordered = sorted(sorted(firms, reverse=bool(down)), key=key, reverse=bool(down))
        there = [c for c in ordered if not key(c)[0]] + [c for c in ordered if key(c)[0]]
        assert found == [
            code
            for code in there
            if (text is None or text in firms[code][0])
            and (grade is None or grades.get(code, ("unrated",))[0] == grade)
            and (division is None or code in belong(city, division)[0])
        ], (name, down, division, grade, text)


async def _publish(conn, grades):
    run_id = UUID(int=1)
    await conn.execute(
        "INSERT INTO grade_run (id, pack, pack_version, pack_digest, pack_status, on_date,"
        " log_size, summary, proposed_by, proposed_at)"
        " VALUES ($1, 'p', '1', 'd', 'sample', '2026-01-01', 0, '{}', 'P-1', now())",
        run_id,
    )
    await conn.execute(
        "INSERT INTO grade_publication VALUES ($1, '2026-01-01', '2027-01-01', 'P-2', now())",
        run_id,
    )
    await conn.executemany(
        "INSERT INTO published_grade VALUES"
        " (gen_random_uuid(), $1, $2, 'graded', $3, $4, '2026-01-01', '2027-01-01', now())",
        [(run_id, code, grade, score) for code, (grade, score) in grades.items()],
    )


@pytest.mark.parametrize("few", [0, 1_000])  # walked along the list, or cut from what is theirs
async def test_events_are_paged_in_both_orders_under_every_filter(conn, monkeypatch, few):
    monkeypatch.setattr(events, "FEW", few)
    dice = shuffled(few)
    city = await a_city(conn, dice)
    firms = city[0]
    rows = [
        (UUID(int=n), dice.choice(list(firms)), dice.choice((None, "accepted", "refused")))
        for n in dice.sample(range(1, 10_000), 150)
    ]
    await conn.executemany(
        "INSERT INTO event (id, kind, code, subject_kind, subject, enterprise, occurred_on, target,"
        " fingerprint, attempt, body, kid, signature, proposed_by, proposed_at)"
        " VALUES ($1, 'credit-event', 'note', 'enterprise', $2, $2, '2026-01-01', NULL,"
        " uuid_send($1), 0, '{}', 'k', '', 'P-1', now())",
        [row[:2] for row in rows],
    )
    await conn.execute("INSERT INTO event_waiting SELECT unnest($1::uuid[])",
                       [one for one, _, outcome in rows if outcome is None])  # fmt: skip
    await conn.executemany(
        "INSERT INTO event_decision VALUES ($1, $2, '理由', NULL, NULL, 'P-2', now())",
        [(one, outcome) for one, _, outcome in rows if outcome],
    )
    wanted = {"": (None, "accepted", "refused"), "proposed": (None,), "refused": ("refused",)}
    for status, order, division, text in product(
        wanted, ("newest", "oldest"), DIVISIONS, (None, "云", "N150200-00000", "没有")
    ):
        found = await walk(
            lambda last, length, s=status, o=order, d=division, t=text: events.chosen_rows(
                conn, s, o, query=t, division=d, after=last, limit=length
            ),
            lambda row: row.id,
        )
        expected = [
            one
            for one, firm, outcome in rows
            if outcome in wanted[status]
            and (division is None or firm in belong(city, division)[0])
            and (text is None or text in firms[firm][0] or text in firm)
        ]
        assert found == sorted(expected, reverse=order == "newest"), (status, division, text)
        if status == "proposed" and text is None:
            assert await events.count_waiting(conn, division) == len(expected)


async def test_evaluations_are_paged_in_every_order_under_every_filter(conn):
    dice = shuffled(3)
    city = await a_city(conn, dice)
    firms, projects, _ = city
    rows = {}
    for subject, judging in product([*firms, *projects], (*DISTRICTS, CITY)):
        if dice.random() < 0.5:
            total = Decimal(dice.randrange(60, 66)) if dice.random() < 0.6 else None
            rows[UUID(int=len(rows) + 1)] = (subject, judging, total)
    await _evaluate(conn, firms, rows)

    def belongs(row, division):
        subject, judging, _ = row
        here, there = belong(city, division)
        above = (division[:6], CITY)
        return judging.startswith(division) or (judging in above and subject in here | there)

    def named(row, text):
        subject = row[0]
        name = firms[subject][0] if subject in firms else f"小区{subject}"
        return text in subject or text in name

    keys = {
        "state": lambda one: (rows[one][2] is not None, *rows[one][:2]),
        "total": lambda one: (rows[one][2] is None, rows[one][2] or 0, *rows[one][:2]),
        "-total": lambda one: (rows[one][2] is None, -(rows[one][2] or 0), *rows[one][:2]),
    }
    for (sort, key), division, text in product(
        keys.items(), DIVISIONS, (None, "云", "小区XQ-00", "没有")
    ):
        standing = Standing("A.2", 2026, division)
        found = await walk(
            lambda last, length, standing=standing, sort=sort, text=text: evaluations.show_list(
                conn, standing, like=text and containing(text), sort=sort, after=last, limit=length
            ),
            lambda row: row.id,
        )
        own = [one for one, row in rows.items() if division is None or belongs(row, division)]
        expected = [one for one in own if text is None or named(rows[one], text)]
        assert found == sorted(expected, key=key), (sort, division, text)
        closed = sum(rows[one][2] is not None for one in own)
        assert await evaluations.count_standing(conn, standing) == (len(own), closed)
        for sheet in await evaluations.open_sheets(conn, division, 9):
            assert (sheet.evaluations, sheet.everywhere) == (
                len(own) - closed,
                sum(row[2] is None for row in rows.values()),
            )


async def _evaluate(conn, firms, rows):
    begun = [
        evaluations.NewEvaluation(
            one,
            "p",
            "A.2",
            "enterprise" if subject in firms else "project",
            subject,
            subject if subject in firms else None,
            judging,
            2026,
            1,
        )
        for one, (subject, judging, _) in rows.items()
    ]
    await evaluations.ensure_evaluations(conn, begun, datetime(2026, 1, 1, tzinfo=UTC))
    closings = [
        evaluations.NewClosing(one, 1, total, veto=False, valid=True)
        for one, (_, _, total) in rows.items()
        if total is not None
    ]
    stored = await evaluations.add_closings(
        conn, closings, on=TODAY, by="P-2", now=datetime(2026, 2, 1, tzinfo=UTC)
    )
    await evaluations.remove_open(conn, list(stored))


async def test_an_unknown_place_in_a_list_is_no_fault(browse):
    officer = await browse("officer")
    for place, cursor in (
        ("enterprises", "N999999-999999"), ("events", "f" * 32), ("evaluations", "0" * 32),
    ):  # fmt: skip
        page = await officer.get(f"{CONSOLE}/{place}", params={"cursor": cursor})
        assert page.status_code == 200
    for place, bad in (
        ("enterprises", "sort=body"), ("enterprises", "size=31"), ("events", "division=15020"),
        ("events", "sort=-"), ("evaluations", "sort=-state"), ("evaluations", "division=x"),
    ):  # fmt: skip
        assert (await officer.get(f"{CONSOLE}/{place}?{bad}")).status_code == 400, bad


async def test_people_of_a_division_begin_with_its_work_and_may_see_everything(
    world, browse, statements
):
    await world.widen()  # ELSEWHERE is of district 150204
    await world.hire("district", "district_officer", kind="district_department", division="150204")
    here, there = "丙物业有限公司", "甲物业有限公司"
    code = await _code_of(world, here)
    await world.propose(
        world.draft(signers=("officer",)),
        world.draft(signers=("officer",), subject=("USCC", code)),
    )
    district, officer = await browse("district"), await browse("officer")
    for place in ("enterprises", "events"):
        own = await district.get(f"{CONSOLE}/{place}")
        statements.clear()
        await district.get(f"{CONSOLE}/{place}")
        assert len(statements) <= MOST_STATEMENTS, statements
        assert (here in own.text, there in own.text) == (True, False), place
        assert "只看：青山区" in own.text
        everywhere = re.search(r'class="chip on" href="([^"]*)"', own.text)[1]
        for page in (
            await district.get(everywhere.replace("&amp;", "&")),
            await district.get(f"{CONSOLE}/{place}?division=all"),
            await officer.get(f"{CONSOLE}/{place}"),
        ):
            assert (here in page.text, there in page.text) == (True, True), place
            assert "只看：" not in page.text
        other = await officer.get(f"{CONSOLE}/{place}?division=150203001")
        assert (here in other.text, there in other.text) == (False, True), place
        # A link that names somebody leads there from anywhere.
        assert there in (await district.get(f"{CONSOLE}/{place}?q={there}")).text
    await district.get(CONSOLE)
    statements.clear()
    await district.get(CONSOLE)
    assert len(statements) <= MOST_STATEMENTS, statements


async def _code_of(world, name):
    async with world.db.city(CITY) as conn:
        return await conn.fetchval("SELECT code FROM enterprise WHERE name = $1", name)


async def test_the_desk_says_what_runs_out_of_time(world, browse):
    from credit.evaluations import service
    from credit.evaluations.views import Submission
    from credit.grades import service as grades

    officer, administrator = await browse("officer"), await browse("administrator")
    assert "快到期" not in (await administrator.get(CONSOLE)).text
    marks = Submission("A.2", "enterprise", "91150200MA0000000C", 2025, "150203", {"marks": {}})
    async with world.db.transaction(CITY) as conn:
        actor = world.actors["officer"]
        await service.submit(conn, world.clock, actor, world.pack, [marks])
        await grades.run(conn, world.clock, actor, world.pack, world.clock.today())
    desk = (await officer.get(CONSOLE)).text
    assert "这个年度已经过去" in desk
    assert "又有新的事实" not in desk
    world.clock.now_value += timedelta(days=1)  # a fact after the run's day changes nothing in it
    await world.propose(world.draft(occurred_on="2026-07-01"))
    await world.sequence()
    officer = await browse("officer")
    assert "又有新的事实" not in (await officer.get(CONSOLE)).text
    await world.propose(world.draft())
    await world.sequence()
    assert "又有新的事实" in (await officer.get(CONSOLE)).text
    await world.publish_grades()
    assert "又有新的事实" not in (await officer.get(CONSOLE)).text
    world.clock.now_value += timedelta(days=365 - 29)
    assert "快到期" in (await (await browse("administrator")).get(CONSOLE)).text
    assert "已经失效" not in (await (await browse("officer")).get(CONSOLE)).text
    world.clock.now_value += timedelta(days=30)
    assert "已经失效" in (await (await browse("officer")).get(CONSOLE)).text


async def test_a_list_is_taken_away_as_excel_under_its_filter(world, browse):
    from credit.evaluations import service
    from credit.evaluations.views import Submission

    await world.widen()
    codes = [await _code_of(world, name) for name in ("甲物业有限公司", "丙物业有限公司")]
    await world.propose(
        *(world.draft(subject=("USCC", one), signers=("officer",)) for one in codes),
        world.draft(subject=("USCC", codes[1])),
    )
    await world.publish_grades()
    sheets = [
        Submission("A.2", "enterprise", code, 2026, division, {"marks": {"A2-01": "1"}})
        for code, division in zip(codes, DISTRICTS, strict=True)
    ]
    async with world.db.transaction(CITY) as conn:
        await service.submit(conn, world.clock, world.actors["officer"], world.pack, sheets)
    officer = await browse("officer")
    for place, query, column, expected in (
        ("enterprises", "division=150204&sort=-score&size=100", "名称", ["丙物业有限公司"]),
        ("enterprises", "q=甲&grade=unrated", "名称", ["甲物业有限公司"]),
        ("events", "division=150204", "企业代码", [codes[1]] * 2),
        ("events", "status=proposed&q=丙", "企业代码", codes[1:]),
        ("evaluations", "sheet=A.2&division=150204", "对象", ["丙物业有限公司"]),
        ("evaluations", "sheet=A.2&year=2026", "状态", ["没有结束"] * 2),
    ):
        page = await officer.get(f"{CONSOLE}/{place}?{query}")
        (link,) = re.findall(r'href="([^"]*/exports/[^"]*)" download', page.text)
        answer = await officer.get(link.replace("&amp;", "&"))
        (sheet,) = openpyxl.load_workbook(BytesIO(answer.content)).worksheets
        head, *rows = sheet.iter_rows(values_only=True)
        assert [dict(zip(head, row, strict=True))[column] for row in rows] == expected, query
