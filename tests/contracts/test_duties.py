"""Performance: reported, confirmed or disputed, inspected; suggested to officers, never decided."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from credit.contracts import service
from credit.contracts.logic.clauses import Answer, Counted, Measured, Ticked
from credit.contracts.service import Done
from credit.kit.errors import Conflict, Forbidden, Invalid, NotFound
from credit.kit.workdays import WorkCalendar
from credit.terms import service as terms

CITY = "150200"
ENTERPRISE = "91150200MA0000000C"


async def suggestions(city):
    rows = await city.fetch(
        "SELECT source_id, code, subject, occurred_on, evidence FROM event_suggestion ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def waits(city, duty):
    async with city.db.city(CITY) as conn:
        found = await terms.open_of_matters(conn, [UUID(duty)])
    return [(one.kind, one.party or one.scope, one.due_on) for one in found]


async def test_a_version_in_force_opens_a_duty_for_each_clause_with_its_term(city):
    contract = await city.in_force()
    duties = {one.clause: one for one in await city.duties(contract)}
    assert set(duties) == {"E-1", "E-2", "E-3", "E-4", "E-5", "C-1", "C-2", "O-1", "O-2"}
    monthly = duties["E-3"]
    assert (monthly.period_start, monthly.period_end) == ("2026-06-30", "2026-07-29")
    assert monthly.due_on == "2026-08-05"  # five working days after a Wednesday
    assert (monthly.scheme, monthly.party, monthly.enterprise) == ("USCC", ENTERPRISE, ENTERPRISE)
    assert await waits(city, monthly.id) == [("report", ENTERPRISE, date(2026, 8, 5))]
    assert await waits(city, duties["C-1"].id) == [
        ("report", "YWH-1", date.fromisoformat(duties["C-1"].due_on))
    ]
    calendar = WorkCalendar()
    for one in duties.values():
        end = date.fromisoformat(one.period_end)
        assert one.due_on == calendar.add_workdays(end, 5).due.isoformat()


async def test_what_the_parties_agree_on_is_decided_as_it_measures(city):
    contract = await city.in_force()
    kept, broken = await city.duty(contract, "E-4"), await city.duty(contract, "E-3")
    proof = await city.keep(b"%PDF-1.7 proof", by="enterprise")
    done = Done("report", 0, value=Counted(2), evidence=[proof])
    assert (await city.perform("enterprise", kept.id, done)).state == "reported"
    due = date(2026, 7, 7)  # five working days to answer
    assert await waits(city, kept.id) == [("confirm", "YWH-1", due)]
    assert (await city.perform("committee", kept.id, Done("confirm", 1))).state == "fulfilled"
    assert await waits(city, kept.id) == []
    await city.perform("enterprise", broken.id, Done("report", 0, value=Measured(9, 10)))
    after = await city.perform("committee", broken.id, Done("confirm", 1))
    assert (after.state, after.severity) == ("breached", "minor")
    assert sorted(await suggestions(city), key=lambda one: one[1]) == [
        (broken.id, "contract.breach.minor", ENTERPRISE, city.clock.today(), []),
        (kept.id, "contract.fulfilled", ENTERPRISE, city.clock.today(), [proof.digest]),
    ]
    assert await city.fetch("SELECT FROM event") == []  # a suggestion is no event


async def test_a_file_of_the_other_side_is_not_named_by_its_digest(city):
    contract = await city.in_force()
    duty = (await city.duty(contract, "E-4")).id
    theirs = await city.keep(b"%PDF-1.7 theirs", by="committee")
    report = Done("report", 0, value=Counted(2), evidence=[theirs])
    with pytest.raises(Invalid, match="没有上传"):
        await city.perform("enterprise", duty, report)
    await city.perform("enterprise", duty, Done("report", 0, value=Counted(2)))
    dispute = Done("dispute", 1, reason="只做了一次", evidence=[theirs])
    assert (await city.perform("committee", duty, dispute)).state == "disputed"
    # What the duty names once, the office may point to again.
    raised = Done("raise", 2, reason="双方意见不一", evidence=[theirs])
    assert (await city.perform("street", duty, raised)).state == "disputed"


async def test_a_dispute_climbs_its_levels_and_weighs_as_the_one_it_reached(city):
    contract = await city.in_force()
    duty = (await city.duty(contract, "E-1")).id
    items = [one.promise for one in (await city.view(contract)).text.clauses if one.id == "E-1"]
    done = Done("report", 0, value=Ticked(list(items[0].items)))
    await city.perform("enterprise", duty, done)
    await city.perform("committee", duty, Done("dispute", 1, reason="没有公开公共收益"))
    assert await waits(city, duty) == [("dispute-0", "contracts:inspect", date(2026, 7, 7))]
    await city.perform("street", duty, Done("raise", 2, reason="双方意见不一"))
    assert await waits(city, duty) == [("dispute-1", "contracts:inspect", date(2026, 7, 14))]
    await city.perform("street", duty, Done("raise", 3, reason="社区协调未果"))
    with pytest.raises(Conflict, match="最高一级"):
        await city.perform("street", duty, Done("raise", 4, reason="再提交"))
    with pytest.raises(Conflict, match="先作出处理"):
        await city.perform("street", duty, Done("inspect", 4, finding="breached", reason="核"))
    settled = Done("settle", 4, finding="breached", reason="查实没有公开")
    with pytest.raises(Conflict, match="另一位同事"):  # who raised it does not settle it
        await city.perform("street", duty, settled)
    after = await city.perform("officer", duty, settled)
    assert (after.state, after.level, after.severity) == ("breached", 2, "serious")
    assert [row[1] for row in await suggestions(city)] == ["contract.breach.serious"]
    assert await waits(city, duty) == []
    async with city.db.transaction(CITY) as conn:
        by = service.belonging_of(city.world.actors["committee"])
        view = await service.duty_view(conn, city.clock, by, UUID(duty))
    assert [one.step for one in view.steps] == [
        "reported", "disputed", "raised", "raised", "settled"
    ]  # fmt: skip
    assert (view.level_title, view.body) == ("重大", "街道物业党建联席会议")
    assert all(one.why for one in view.may)


async def test_each_part_is_played_by_whom_it_belongs_to(city):
    contract = await city.in_force()
    duty = (await city.duty(contract, "E-4")).id
    value = Counted(1)
    for name in ("committee", "owners"):
        with pytest.raises(Conflict, match="由承诺方"):
            await city.perform(name, duty, Done("report", 0, value=value))
    with pytest.raises(NotFound):
        await city.perform("competitor", duty, Done("report", 0, value=value))
    with pytest.raises(Forbidden):
        await city.perform("street", duty, Done("report", 0, value=value))
    with pytest.raises(Forbidden):
        await city.perform("enterprise", duty, Done("inspect", 0, finding="fulfilled", reason="好"))
    with pytest.raises(Conflict, match="可以确认或提出争议"):
        await city.perform("committee", duty, Done("confirm", 0))
    await city.perform("enterprise", duty, Done("report", 0, value=value))
    with pytest.raises(Conflict, match="不能再报告"):
        await city.perform("colleague", duty, Done("report", 1, value=value))
    with pytest.raises(Conflict, match="由业主委员会确认"):
        await city.perform("owners", duty, Done("confirm", 1))
    with pytest.raises(Conflict, match="刚刚有了新的进展"):
        await city.perform("committee", duty, Done("confirm", 0))
    with pytest.raises(Conflict, match="没有争议"):
        await city.perform("street", duty, Done("settle", 1, finding="breached", reason="没有"))


async def test_an_inspection_overrules_what_the_parties_agreed_but_no_other_office(city):
    contract = await city.in_force()
    duty = (await city.duty(contract, "E-4")).id
    await city.perform("enterprise", duty, Done("report", 0, value=Counted(1)))
    await city.perform("committee", duty, Done("confirm", 1))
    done = Done("inspect", 2, finding="breached", severity="general", reason="检查记录是补的")
    after = await city.perform("officer", duty, done)
    assert (after.state, after.severity) == ("breached", "general")
    with pytest.raises(Conflict, match="不能重复核查"):
        await city.perform("street", duty, Done("inspect", 3, finding="fulfilled", reason="复查"))
    assert {row[1] for row in await suggestions(city)} == {
        "contract.fulfilled",
        "contract.breach.general",
    }
    rows = await city.fetch("SELECT code FROM event_suggestion WHERE state = 'open'")
    assert [row["code"] for row in rows] == ["contract.breach.general"]  # the other holds no more


async def test_an_inspection_that_finds_the_same_leaves_what_was_suggested(city):
    contract = await city.in_force()
    duty = (await city.duty(contract, "E-3")).id
    await city.perform("enterprise", duty, Done("report", 0, value=Measured(9, 10)))
    await city.perform("committee", duty, Done("confirm", 1))
    done = Done("inspect", 2, finding="breached", severity="minor", reason="情况属实")
    await city.perform("officer", duty, done)
    rows = await city.fetch("SELECT code FROM event_suggestion WHERE state = 'open'")
    assert [row["code"] for row in rows] == ["contract.breach.minor"]


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (Done("report", 0), "请填写"),
        (Done("report", 0, value=Answer(done=True)), "计量方式不同"),
        (Done("report", 0, value=Counted(1), reason="长" * 4001), "最多 4000"),
    ],
)
async def test_reports_fit_the_clause(city, done, words):
    contract = await city.in_force(city.service_contract(), ("enterprise", "committee"))
    with pytest.raises(Invalid, match=words):
        await city.perform("enterprise", (await city.duty(contract, "E-3")).id, done)


async def test_what_is_late_comes_before_the_inspectors_and_is_not_decided(city):
    contract = await city.in_force()
    duty = (await city.duty(contract, "E-3")).id
    answered = (await city.duty(contract, "E-4")).id
    await city.perform("enterprise", answered, Done("report", 0, value=Counted(1)))
    await city.look_after(days=7)
    assert await waits(city, answered) == [("confirm", "YWH-1", date(2026, 7, 7))]
    await city.look_after(days=1)  # silence of the committee is no consent
    found = {kind: who for kind, who, _ in await waits(city, answered)}
    assert found == {"confirm": "YWH-1", "inspect": "contracts:inspect"}
    assert (await city.duty(contract, "E-4")).state == "reported"
    await city.look_after(days=29)  # 6 August: the monthly report was due the day before
    for _ in range(2):  # twice, and nothing more
        await city.look_after()
    kinds = [kind for kind, _, _ in await waits(city, duty)]
    assert sorted(kinds) == ["inspect", "report"]
    async with city.db.city(CITY) as conn:
        late = await service.duties_to_inspect(conn, city.clock, city.world.actors["street"])
    assert [one.id for one in late] == [answered, duty]
    assert all(one.late for one in late)
    done = Done("inspect", 0, finding="breached", reason="逾期未报")
    assert (await city.perform("street", duty, done)).state == "breached"
    assert await waits(city, duty) == []
    assert (await suggestions(city))[0][1] == "contract.breach.minor"


async def test_a_late_report_still_counts_and_leaves_the_inspectors_desk(city):
    contract = await city.in_force()
    duty = (await city.duty(contract, "E-3")).id
    await city.look_after(days=60)
    assert (await city.duties(contract))[0] is not None
    late = next(one for one in await city.duties(contract) if one.id == duty)
    assert late.late
    await city.perform("enterprise", duty, Done("report", 0, value=Measured(10, 10)))
    assert [kind for kind, _, _ in await waits(city, duty)] == ["confirm"]


async def test_the_daily_job_makes_the_next_periods_and_catches_up_after_a_pause(city):
    contract = await city.in_force()
    await city.look_after(days=29)  # 29 July, the last day of the first month
    assert len(await city.duties(contract)) == 9
    await city.look_after(days=1)
    assert len(await city.duties(contract)) == 10
    await city.look_after(days=125)  # 2 December: down for four months
    starts = sorted(one.period_start for one in await city.duties(contract) if one.clause == "E-3")
    assert starts == [
        "2026-06-30", "2026-07-30", "2026-08-30", "2026-09-30", "2026-10-30", "2026-11-30"
    ]  # fmt: skip
    await city.look_after(days=400)
    monthly = [one for one in await city.duties(contract) if one.clause == "E-3"]
    assert len(monthly) == 12  # none beyond the contract's last day
    assert max(one.period_end for one in monthly) == "2027-06-29"
    rows = await city.fetch("SELECT duties_next FROM contract")
    assert rows[0][0] is None


async def test_holidays_loaded_later_move_what_is_due(city):
    """The package does not know 2027: an officer loads a week off, and the last day moves."""
    contract = await city.in_force(city.service_contract(), ("enterprise", "committee"))
    await city.look_after(days=250)  # 7 March 2027
    duty = await city.duty(contract, "E-1")
    assert (duty.period_end, duty.due_on) == ("2027-03-29", "2027-04-05")
    async with city.db.transaction(CITY) as conn:
        for n in range(3):
            await conn.execute(
                "INSERT INTO calendar_day (day, workday, entered_by, entered_at)"
                " VALUES ($1, false, 'P-1', now())",
                date(2027, 4, 1) + timedelta(n),
            )
    await city.look_after(days=1)
    duty = await city.duty(contract, "E-1")
    assert duty.due_on == "2027-04-07"
    assert await waits(city, duty.id) == [("report", ENTERPRISE, date(2027, 4, 7))]
    assert duty.waits_until == "2027-04-07"


async def test_a_contract_that_begins_later_owes_nothing_before(city):
    later = (city.clock.today() + timedelta(20)).isoformat()
    contract = await city.in_force(await city.tri_party(from_on=later))
    duty = await city.duty(contract, "E-3")
    assert duty.period_start == later
    with pytest.raises(Conflict, match="还不能办理"):
        await city.perform("enterprise", duty.id, Done("report", 0, value=Measured(1, 1)))
    rows = await city.fetch("SELECT on_day FROM contract_step WHERE step = 'in-force'")
    assert rows[0][0].isoformat() == later


async def test_the_board_shows_every_clause_by_period_and_counts_by_state(city):
    contract = await city.in_force()
    await city.perform(
        "enterprise", (await city.duty(contract, "E-4")).id, Done("report", 0, value=Counted(1))
    )
    await city.look_after(days=31)
    async with city.db.city(CITY) as conn:
        officer = city.world.actors["officer"]
        rows = await service.performance(conn, city.clock, officer, contract)
        counts = await service.fulfillment(conn, city.clock, contract)
    cells = {row.clause: [(one.period_start, one.state) for one in row.cells] for row in rows}
    assert cells["E-3"] == [("2026-07-30", "open"), ("2026-06-30", "open")]
    assert cells["E-4"] == [("2026-06-30", "reported")]
    assert len(rows) == 9
    assert (counts.open, counts.reported, counts.late) == (9, 1, 1)
