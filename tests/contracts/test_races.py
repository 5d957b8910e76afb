"""Two things at once, on real connections: the database lets exactly one of them come first."""

import asyncio

from credit.contracts import service
from credit.contracts.logic.clauses import Counted
from credit.contracts.service import Done, SignedAct
from credit.kit.errors import CreditError

CITY = "150200"


async def together(*works):
    return await asyncio.gather(*works, return_exceptions=True)


def refused(outcomes):
    unexpected = [
        one for one in outcomes if isinstance(one, Exception) and not isinstance(one, CreditError)
    ]
    assert unexpected == []
    return sum(isinstance(one, CreditError) for one in outcomes)


async def offered(city):
    contract = await city.draft(await city.tri_party())
    await city.freeze(contract)
    return contract


async def test_two_last_signatures_at_once_bring_it_into_force_exactly_once(city):
    for _ in range(10):
        contract = await offered(city)
        await city.sign(contract, "enterprise")
        records = {
            name: city.record(name, *await city.prepare(name, "sign", contract))
            for name in ("committee", "owners")
        }
        outcomes = await together(
            *(city.do(name, "sign", contract, record=one) for name, one in records.items())
        )
        assert refused(outcomes) == 0
        view = await city.view(contract)
        assert view.line.state == "in-force"
        assert [one.step for one in view.steps].count("in-force") == 1
        assert len(await city.duties(contract)) == 9


async def test_two_colleagues_at_once_sign_once(city):
    contract = await offered(city)
    records = {
        name: city.record(name, *await city.prepare(name, "sign", contract))
        for name in ("enterprise", "colleague")
    }
    outcomes = await together(
        *(city.do(name, "sign", contract, record=one) for name, one in records.items())
    )
    assert refused(outcomes) == 1
    assert len(await city.fetch("SELECT FROM contract_signature")) == 1


async def test_signing_and_withdrawing_at_once_end_in_one_of_both(city):
    seen = set()
    for _ in range(10):
        contract = await offered(city)
        await city.sign(contract, "enterprise", "committee")
        sign = city.record("owners", *await city.prepare("owners", "sign", contract))
        withdraw = city.record("officer", *await city.prepare("officer", "withdraw", contract))
        outcomes = await together(
            city.do("owners", "sign", contract, record=sign),
            city.do("officer", "withdraw", contract, record=withdraw),
        )
        assert refused(outcomes) == 1
        state = await city.state(contract)
        assert state == ("withdrawn" if isinstance(outcomes[0], Exception) else "in-force")
        seen.add(state)
    assert seen <= {"withdrawn", "in-force"}


async def test_batches_that_cross_wait_for_each_other_and_never_both(city):
    first, second = await offered(city), await offered(city)

    async def batch(name, order):
        items = [
            SignedAct(
                city.world.actors[name], one, "sign",
                city.record(name, *await city.prepare(name, "sign", one)),
            )
            for one in order
        ]  # fmt: skip
        async with city.db.transaction(CITY) as conn:
            await service.act(conn, city.clock, city.blobs, items)

    outcomes = await together(
        batch("enterprise", [first, second]),
        batch("committee", [second, first]),
        batch("owners", [first, second]),
    )
    assert refused(outcomes) == 0
    assert [await city.state(one) for one in (first, second)] == ["in-force", "in-force"]


async def test_two_answers_to_one_report_at_once_are_one(city):
    contract = await city.in_force()
    duty = await city.duty(contract, "E-4")
    await city.perform("enterprise", duty.id, Done("report", 0, value=Counted(1)))
    outcomes = await together(
        city.perform("committee", duty.id, Done("confirm", 1)),
        city.perform("committee", duty.id, Done("dispute", 1, reason="没有检查")),
        city.perform("street", duty.id, Done("inspect", 1, finding="breached", reason="抽查")),
    )
    assert refused(outcomes) == 2
    steps = await city.fetch("SELECT number FROM duty_step ORDER BY number")
    assert [row[0] for row in steps] == [1, 2]


async def test_two_jobs_at_once_make_each_duty_once(city):
    contract = await city.in_force()
    before = len(await city.duties(contract))
    from datetime import timedelta

    city.clock.now_value += timedelta(days=31)
    await together(*(city.look_after() for _ in range(4)))
    duties = await city.duties(contract)
    assert len(duties) == before + 1  # the one monthly clause
    waits = await city.fetch("SELECT matter_id FROM term WHERE kind = 'report'")
    assert len(waits) == len({row[0] for row in waits}) == len(duties)
