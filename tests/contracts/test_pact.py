"""The pact of the trade: the association and whoever joins, each bound from the own signature on."""

from datetime import timedelta

import pytest

from credit.contracts.logic.clauses import Answer, Counted
from credit.contracts.logic.verify import verify_contract
from credit.contracts.service import Done
from credit.kit.errors import Conflict

ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"


async def offered(city):
    contract = await city.draft(city.pact())
    await city.freeze(contract)
    return contract


async def test_it_is_in_force_with_the_association_and_a_first_member_and_others_join(city):
    contract = await offered(city)
    await city.sign(contract, "officer")
    assert await city.state(contract) == "offered"
    await city.sign(contract, "enterprise")
    view = await city.view(contract)
    assert view.line.state == "in-force"
    assert {(one.role, one.name) for one in view.parties} == {
        ("association", "市协会"), ("member", "甲物业有限公司")
    }  # fmt: skip
    assert {(one.clause, one.party) for one in await city.duties(contract)} == {
        ("M-1", ENTERPRISE), ("M-2", ENTERPRISE), ("M-3", ENTERPRISE),
        ("A-1", city.offices["officer"]),
    }  # fmt: skip
    city.clock.now_value += timedelta(days=200)  # long after the offer's last day
    assert {one.act: one.why for one in (await city.view(contract, "competitor")).may}[
        "sign"
    ] is None
    await city.sign(contract, "competitor")
    own = [one for one in await city.duties(contract) if one.party == OTHER]
    assert {(one.clause, one.period_start) for one in own} == {
        ("M-1", "2027-01-16"), ("M-2", "2027-01-16"), ("M-3", "2027-01-16")
    }  # fmt: skip
    for name in ("colleague", "competitor", "reviewer"):
        with pytest.raises(Conflict, match="已经签署"):
            await city.sign(contract, name)
    with pytest.raises(Conflict, match="不是这份契约的当事方"):
        await city.sign(contract, "committee")
    frozen, records, keys = await city.proof()
    verdict = verify_contract(frozen, records, keys, city.clock.today())
    assert (verdict.in_force, len(verdict.signed), verdict.faults) == (True, 3, ())


async def test_members_records_stand_in_their_own_chains_and_the_pacts_in_the_associations(city):
    contract = await offered(city)
    await city.sign(contract, "officer", "enterprise")
    frozen, records, _ = await city.proof()
    association = [{"id": city.offices["officer"], "scheme": "ORG"}]
    assert frozen.record.body["subjects"] == association
    subjects = {one.record.body["role"]: one.record.body["subjects"] for one in records}
    assert subjects == {
        "association": association,
        "member": [{"id": ENTERPRISE, "scheme": "USCC"}],
    }


async def test_a_member_leaves_and_owes_nothing_more_and_the_others_stay(city):
    contract = await offered(city)
    await city.sign(contract, "officer", "enterprise", "competitor")
    await city.do("competitor", "leave", contract, reason="退出本市市场")
    assert await city.state(contract) == "in-force"
    states = {(one.party, one.state) for one in await city.duties(contract)}
    assert states == {
        (ENTERPRISE, "open"), (OTHER, "waived"), (city.offices["officer"], "open")
    }  # fmt: skip
    with pytest.raises(Conflict, match="已退出"):
        await city.sign(contract, "competitor")
    frozen, records, keys = await city.proof()
    verdict = verify_contract(frozen, records, keys, city.clock.today())
    assert (verdict.in_force, verdict.faults) == (True, ())


async def test_member_and_association_answer_for_each_other_and_a_street_inspects(city):
    contract = await offered(city)
    await city.sign(contract, "officer", "enterprise")
    duty = (await city.duty(contract, "M-1")).id
    await city.perform("enterprise", duty, Done("report", 0, value=Answer(done=True)))
    with pytest.raises(Conflict, match="不是当事方"):
        await city.perform("officer", duty, Done("inspect", 1, finding="breached", reason="核查"))
    assert (await city.perform("officer", duty, Done("confirm", 1))).state == "fulfilled"
    own = (await city.duty(contract, "A-1")).id
    await city.perform("officer", own, Done("report", 0, value=Counted(1)))
    done = Done("inspect", 1, finding="breached", reason="没有公开检查结果")
    with pytest.raises(Conflict, match="不是当事方"):
        await city.perform("officer", own, done)
    assert (await city.perform("street", own, done)).state == "breached"
    rows = await city.fetch("SELECT code FROM event_suggestion")  # nobody scores the association
    assert rows == []


async def test_who_has_left_answers_for_nobody_any_more(city):
    contract = await offered(city)
    await city.sign(contract, "officer", "enterprise", "competitor")
    own = (await city.duty(contract, "A-1")).id
    await city.perform("officer", own, Done("report", 0, value=Counted(1)))
    await city.do("competitor", "leave", contract, reason="退出本市市场")
    for act in ("confirm", "dispute"):
        with pytest.raises(Conflict, match="由会员单位确认"):
            await city.perform("competitor", own, Done(act, 1, reason="没有公开"))
    assert (await city.perform("enterprise", own, Done("confirm", 1))).state == "fulfilled"


async def test_the_association_ends_it_alone(city):
    contract = await offered(city)
    await city.sign(contract, "officer", "enterprise")
    await city.do("officer", "end", contract, reason="另立新公约")
    assert await city.state(contract) == "ended"
    assert {one.state for one in await city.duties(contract)} == {"waived"}
