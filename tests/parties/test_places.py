"""Where subjects are, and who may speak about them: codes of divisions, and the register by days."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from credit.parties import service
from credit.parties.logic import is_within, lies_within
from credit.parties.views import Located, Subject

ENTERPRISE, OTHER, ELSEWHERE = "91150200MA0000000C", "91150200MA0000001F", "91150200MA0000002J"
TODAY = date(2026, 6, 30)
FIRST, SECOND, THIRD = "150203001", "150203002", "150204001"
digits = st.integers(1, 99).map("{:02d}".format)
districts = st.tuples(digits, digits, digits).map("".join)
streets = st.tuples(districts, st.integers(0, 999).map("{:03d}".format)).map("".join)


@given(streets, streets)
def test_a_division_is_within_itself_its_district_its_city_and_no_other(street, other):
    for above in (street, street[:6], street[:4] + "00", street[:2] + "0000"):
        assert lies_within(street, above)
    assert lies_within(street, other) == (street == other)
    assert lies_within(street, other[:6]) == (street[:6] == other[:6])
    assert not lies_within(street[:6], street)


@given(districts, streets)
def test_nobody_judges_themselves(district, street):
    assert not is_within(Located(Subject("district", district), "", (district,)), district)
    assert is_within(Located(Subject("street", street), "", (street,)), street[:6])
    assert not is_within(Located(Subject("street", street), "", (street,)), street)
    assert not is_within(Located(Subject("enterprise", "X"), "", ()), district)


INSIDE = {
    FIRST: [("project", "XQ-1"), ("enterprise", ENTERPRISE), ("manager", "FZR-1")],
    SECOND: [("project", "XQ-4"), ("enterprise", ENTERPRISE), ("manager", "FZR-4")],
    "150203": [
        ("project", "XQ-4"),
        ("enterprise", OTHER),  # is registered there
        ("manager", "FZR-4"),
        ("street", FIRST),
    ],
    "150204": [("project", "XQ-5"), ("enterprise", ELSEWHERE), ("manager", "FZR-5")],
}
OUTSIDE = {
    FIRST: [("project", "XQ-4"), ("manager", "FZR-4"), ("street", FIRST), ("street", SECOND)],
    SECOND: [
        ("enterprise", OTHER),
        ("project", "XQ-1"),
        ("manager", "XQ-4"),
        ("enterprise", "XQ-4"),
    ],
    "150203": [("enterprise", ELSEWHERE), ("district", "150203"), ("project", "XQ-99")],
    "150204": [("enterprise", ENTERPRISE), ("street", FIRST), ("manager", "FZR-1")],
}


async def test_subjects_are_where_the_register_says(world):
    await world.widen()
    async with world.db.city("150200") as conn:
        for division, inside in INSIDE.items():
            outside = OUTSIDE[division]
            kinds, codes = zip(*inside, *outside, strict=True)
            found = await service.outside(conn, division, kinds, codes, [TODAY] * len(kinds))
            places = [place for place, _ in found]
            assert places == [*range(len(inside), len(kinds))], division


async def test_a_batch_is_answered_by_one_statement_in_its_order_and_by_its_days(world):
    """XQ-2 went over to the other enterprise and another manager on 1 June 2026."""
    await world.widen()
    async with world.db.transaction("150200") as conn:
        for table, who, code in (
            ("management", "enterprise", OTHER),
            ("post", "manager", "FZR-5"),
        ):
            await conn.execute(f"UPDATE {table} SET until = '2026-06-01' WHERE project = 'XQ-2'")
            await conn.execute(
                f"INSERT INTO {table} (project, since, {who}) VALUES ('XQ-2', '2026-06-01', $1)",
                code,
            )
        await conn.execute(
            "UPDATE enterprise SET district = NULL; UPDATE project SET street = '150203002'"
            " WHERE code = 'XQ-2'"
        )
    asked = [
        ("enterprise", OTHER, date(2026, 5, 31)),
        ("enterprise", OTHER, date(2026, 6, 1)),
        ("manager", "FZR-2", date(2026, 5, 31)),
        ("manager", "FZR-2", date(2026, 6, 1)),
        ("manager", "FZR-5", date(2026, 5, 31)),
        ("manager", "FZR-5", date(2026, 6, 1)),
        ("project", "XQ-2", date(2020, 1, 1)),
    ]
    sent = []
    async with world.db.city("150200") as conn:
        with conn.query_logger(lambda record: sent.append(record.query)):
            found = await service.outside(conn, SECOND, *map(list, zip(*asked, strict=True)))
        names = [await service.territory_name(conn, one) for one in (SECOND, "150204", "150299")]
    assert len(sent) == 1
    assert [place for place, _ in found] == [0, 3, 4]
    assert [one.shown for _, one in found] == [
        "乙物业有限公司（91150200MA0000001F）",
        "FZR-2",
        "FZR-5",
    ]
    assert names == ["昆都仑区二街道", "青山区", "150299"]
