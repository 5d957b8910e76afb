"""The two indicators, counted a second time in plain Python from the rows alone."""

from datetime import date, timedelta

import msgspec
import pytest

from credit.contracts import service
from credit.contracts.logic.clauses import Counted
from credit.contracts.service import Done
from credit.kit.errors import Conflict

CITY = "150200"


async def recount(city, on):
    """Count A4-36 and A4-37 as of a day, division by division, one row after another."""
    managed = {
        row["project"]: row["enterprise"]
        for row in await city.fetch("SELECT * FROM management")
        if row["since"] <= on and (row["until"] is None or on < row["until"])
    }
    speaking = {
        row["project"]
        for row in await city.fetch("SELECT * FROM committee")
        if row["formed_on"] <= on and (row["ended_on"] is None or on < row["ended_on"])
    }
    steps, versions, decided = {}, {}, set()
    for row in await city.fetch("SELECT * FROM contract_step ORDER BY number"):
        if row["on_day"] <= on and row["step"] in (
            "in-force", "suspended", "resumed", "ended", "closed"
        ):  # fmt: skip
            steps[row["contract_id"]] = row
    for row in await city.fetch("SELECT * FROM contract_version"):
        versions[row["contract_id"], row["version"]] = (row["from_on"], row["until_on"])
    for row in await city.fetch(
        "SELECT d.contract_id, s.on_day, s.finding FROM duty_step s JOIN duty d ON d.id = s.duty_id"
    ):
        if row["finding"] and date(on.year, 1, 1) <= row["on_day"] <= on:
            decided.add(row["contract_id"])
    counts = {}
    contracts = await city.fetch("SELECT * FROM contract WHERE project IS NOT NULL")
    standing = [row for row in contracts if stands(steps.get(row["id"]), versions, on)]
    for project in await city.fetch("SELECT code, street FROM project"):
        own = [row for row in standing if row["project"] == project["code"]]
        eligible = project["code"] in managed and project["code"] in speaking
        signed = eligible and any(
            row["kind"] == "tri-party" and row["enterprise"] == managed[project["code"]]
            for row in own
        )
        line = (eligible, signed, len(own), sum(row["id"] in decided for row in own))
        for code in (None, project["street"][:6], project["street"]):
            counts[code] = tuple(
                a + int(b) for a, b in zip(counts.get(code, (0, 0, 0, 0)), line, strict=True)
            )
    return counts


def stands(step, versions, on):
    """Say whether a contract is in force by its last step, within its version's days."""
    if step is None or step["step"] not in ("in-force", "resumed"):
        return False
    first, last = versions[step["contract_id"], step["version"]]
    return first <= on <= last


async def indicators(city, on):
    async with city.db.city(CITY) as conn:
        rows = await service.indicators(conn, city.clock, city.world.actors["officer"], on)
    found = {row.code: (row.eligible, row.signed, row.in_force, row.in_credit) for row in rows}
    assert len(found) == len(rows)
    return found, rows


async def test_they_agree_with_a_recount_on_every_day_of_a_changing_year(city):
    begin = city.clock.today()
    first = await city.in_force()
    await city.in_force(city.service_contract(), ("enterprise", "committee"))
    city.clock.now_value += timedelta(days=10)
    await city.in_force(await city.tri_party(3), ("competitor", "committee3", "owners3"))
    later = (city.clock.today() + timedelta(5)).isoformat()
    await city.in_force(city.service_contract(from_on=later), ("enterprise", "committee"))
    await city.draft(await city.tri_party(3))
    duty = (await city.duty(first, "E-4")).id
    await city.perform("enterprise", duty, Done("report", 0, value=Counted(1)))
    city.clock.now_value += timedelta(days=10)
    await city.perform("committee", duty, Done("confirm", 1))
    for name in ("enterprise", "committee"):
        await city.do(name, "suspend", first)
    city.clock.now_value += timedelta(days=10)
    for name in ("enterprise", "committee"):
        await city.do(name, "resume", first)
    city.clock.now_value += timedelta(days=10)
    async with city.db.transaction(CITY) as conn:  # the enterprise leaves, the committee ends
        await conn.execute(
            "UPDATE management SET until = $1 WHERE project = 'XQ-3'", city.clock.today()
        )
        await conn.execute(
            "UPDATE committee SET ended_on = $1 WHERE code = 'YWH-1'",
            city.clock.today() + timedelta(10),
        )
    city.clock.now_value += timedelta(days=400)
    seen = set()
    for days in (-1, 0, 5, 9, 10, 15, 19, 20, 29, 30, 39, 40, 49, 50, 51, 190, 364, 365, 370, 400):
        on = begin + timedelta(days)
        found, _ = await indicators(city, on)
        assert found == await recount(city, on), on
        seen.add(found[None])
    assert len(seen) >= 7  # the days differ, or nothing was compared


async def test_percentages_names_and_days_to_come(city):
    await city.in_force()
    _, (whole, district, street) = await indicators(city, city.clock.today())
    assert (whole.level, whole.code, whole.signed_percent) == ("city", None, "50.00")
    assert (district.level, district.code, district.name) == ("district", "150203", "昆都仑区")
    assert (street.level, street.name, street.in_credit_percent) == ("street", "一街道", "0.00")
    assert msgspec.to_builtins(whole)["in_force"] == 1
    _, rows = await indicators(city, date(2020, 1, 1))
    assert rows[0].signed_percent is None
    with pytest.raises(Conflict):
        await indicators(city, city.clock.today() + timedelta(1))
