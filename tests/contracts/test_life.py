"""A contract's life with real people and keys: in force by its parties' signatures alone."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from credit.contracts import service
from credit.contracts.logic.records import digest_of
from credit.contracts.views import ClauseEdit, PartyChoice, RatioPromise
from credit.kit.canonical import canonical
from credit.kit.errors import Conflict, Forbidden, NotFound
from credit.terms import service as terms

CITY = "150200"


async def test_signatures_in_any_order_bring_it_into_force_and_stand_in_the_log(city):
    contract = await city.draft(await city.tri_party())
    assert await city.state(contract) == "draft"
    frozen = await city.freeze(contract)
    assert await city.state(contract) == "offered"
    await city.sign(contract, "owners", "enterprise")
    assert await city.state(contract) == "offered"
    await city.sign(contract, "committee")
    await city.world.sequence()
    view = await city.view(contract)
    assert (view.line.state, view.state_title) == ("in-force", "有效")
    assert [one.step for one in reversed(view.steps)] == [
        "drafted", "frozen", "signed", "signed", "signed", "in-force"
    ]  # fmt: skip
    assert all(one.signature.index is not None for one in view.parties)
    async with city.db.city(CITY) as conn:
        text = await service.contract_text(conn, contract, 1)
    assert digest_of(text) == frozen.body["digest"] == view.digest
    assert canonical(msgspec.json.decode(text)) == text
    logged = await city.fetch(
        "SELECT kind, convert_from(fragment, 'UTF8') AS text FROM log_record WHERE kind LIKE 'contract%'"
    )
    assert sorted(row["kind"] for row in logged) == [
        "contract-frozen", "contract-signed", "contract-signed", "contract-signed"
    ]  # fmt: skip
    for row in logged:  # neither names nor words of the contract are in the log
        assert "物业" not in row["text"]
        assert "小区" not in row["text"]


async def test_a_form_offers_who_may_take_a_role_and_shows_what_would_be_signed(city):
    officer = city.world.actors["officer"]
    async with city.db.transaction(CITY) as conn:
        offered = await service.choices(
            conn, city.clock, officer, city.pack, "chengnuo-qiyue", "XQ-1"
        )
        alone = await service.choices(
            conn, city.clock, officer, city.pack, "chengnuo-qiyue", "XQ-2"
        )
        pact = await service.choices(conn, city.clock, officer, city.pack, "hangye-gongyue", None)
    assert {role: [(one.id, one.ready) for one in ones] for role, ones in offered.items()} == {
        "enterprise": [("91150200MA0000000C", True)],
        "committee": [("YWH-1", True)],
        "owners": [("XQ-1", True)],
        "seal_custodian": offered_offices(city),
        "witness": offered_offices(city),
    }
    assert (alone["committee"], [one.ready for one in alone["owners"]]) == ([], [False])
    assert [one.name for one in pact["association"]] == ["市协会"]
    contract = await city.draft(await city.tri_party())
    async with city.db.transaction(CITY) as conn:
        text = await service.preview(conn, city.clock, officer, city.pack, contract)
    record = await city.freeze(contract)
    assert digest_of(canonical(msgspec.to_builtins(text))) == record.body["digest"]


def offered_offices(city):
    names = {"street": "一街道办事处", "custodian": "一街道社区党组织", "witness": "一街道见证处"}
    return [(city.offices[one], True) for one in sorted(names, key=names.get)]


async def test_the_custodian_of_the_seal_has_to_sign_and_a_witness_need_not(city):
    content = await city.tri_party()
    parties = [
        *content.parties,
        PartyChoice("seal_custodian", city.offices["custodian"]),
        PartyChoice("witness", city.offices["witness"]),
    ]
    contract = await city.draft(msgspec.structs.replace(content, parties=parties))
    await city.freeze(contract)
    await city.sign(contract, "enterprise", "committee", "owners")
    assert await city.state(contract) == "offered"
    await city.sign(contract, "custodian")
    assert await city.state(contract) == "in-force"
    with pytest.raises(Conflict):  # too late for a witness
        await city.sign(contract, "witness")


async def test_a_party_drafts_for_itself_and_what_it_changes_stands_in_the_text(city):
    content = city.service_contract(
        clauses=[ClauseEdit("E-2", text="急修 2 小时内到场。")], months=6
    )
    contract = await city.draft(content, by="enterprise")
    seen = await city.view(contract, "enterprise")
    assert {one.act: one.why for one in seen.may}["freeze"] is None
    await city.freeze(contract, by="enterprise")
    view = await city.view(contract, "committee")
    assert next(one for one in view.clauses if one.id == "E-2").text == "急修 2 小时内到场。"
    assert (view.line.from_on, view.text.until) == (None, "2026-12-29")
    assert {one.act: one.why for one in view.may}["sign"] is None
    await city.sign(contract, "enterprise", "committee")
    assert await city.state(contract) == "in-force"
    with pytest.raises(Conflict, match="自己是当事方"):
        await city.draft(city.service_contract(), by="competitor")
    with pytest.raises(Forbidden):
        await city.draft(city.service_contract(), by="owners")


async def test_refusal_withdrawal_and_lapse_end_an_offer_and_close_its_terms(city):
    for name, act, state in (("owners", "refuse", "refused"), ("officer", "withdraw", "withdrawn")):
        contract = await city.draft(await city.tri_party())
        await city.freeze(contract)
        await city.sign(contract, "enterprise")
        assert {one.kind for one in await open_terms(city, contract)} == {
            "offer", "sign-YWH-1", "sign-XQ-1"
        }  # fmt: skip
        await city.do(name, act, contract, reason="不同意第三条")
        assert await city.state(contract) == state
        assert await open_terms(city, contract) == []
        with pytest.raises(Conflict):
            await city.sign(contract, "committee")
        step = (await city.view(contract)).steps[0]
        assert (step.reason, step.step) == ("不同意第三条", state)
    contract = await city.draft(await city.tri_party())
    await city.freeze(contract)
    (offer,) = (one for one in await open_terms(city, contract) if one.kind == "offer")
    city.clock.now_value += offer.due_on - city.clock.today() + timedelta(1)
    assert await city.state(contract) == "lapsed"
    with pytest.raises(Conflict, match="签署期限已过"):
        await city.sign(contract, "enterprise")
    await city.do("officer", "withdraw", contract)
    assert await city.state(contract) == "withdrawn"


async def test_a_new_version_takes_the_place_of_the_old_once_all_have_signed_it(city):
    contract = await city.in_force()
    async with city.db.transaction(CITY) as conn:
        officer = city.world.actors["officer"]
        assert await service.amend(conn, city.clock, officer, city.pack, contract) == 2
        version, revision, content = await service.open_draft(conn, officer, contract)
        assert (version, revision, content.votes) == (2, 1, [])
        tally = (await city.tri_party()).votes
        changed = msgspec.structs.replace(
            content, votes=tally, clauses=[ClauseEdit("E-5", promise=RatioPromise("90"))], months=24
        )
        assert await service.redraft(
            conn, city.clock, officer, city.pack, contract, changed, revision=1
        ) == 2  # fmt: skip
    before = await city.view(contract)
    assert (before.line.state, before.version) == ("in-force", 1)
    frozen = await city.freeze(contract)
    assert frozen.body["supersedes"] == before.digest
    await city.sign(contract, "enterprise", "committee")
    assert (await city.view(contract, version=1)).line.state == "in-force"
    await city.sign(contract, "owners")
    view = await city.view(contract)
    assert (view.line.state, view.version, view.line.until) == ("in-force", 2, "2028-06-29")
    assert next(one for one in view.clauses if one.id == "E-5").promise == "每年不低于 90%"
    # The running periods stay owed as they were; no clause is owed twice for the same days.
    duties = await city.duties(contract)
    assert len({(one.clause, one.party) for one in duties}) == len(duties)
    assert {one.version for one in duties} == {1}


async def test_enterprise_and_committee_suspend_resume_and_end_it_together(city):
    contract = await city.in_force()
    await city.do("enterprise", "suspend", contract)
    assert await city.state(contract) == "in-force"
    with pytest.raises(Conflict, match="等待对方同意"):
        await city.do("colleague", "suspend", contract)
    with pytest.raises(Conflict, match="协商一致"):
        await city.do("owners", "suspend", contract)
    with pytest.raises(Conflict, match="对方已提出"):
        await city.do("committee", "end", contract)
    await city.do("enterprise", "retract", contract)
    await city.do("committee", "suspend", contract)
    await city.do("enterprise", "suspend", contract)
    assert await city.state(contract) == "suspended"
    assert {one.state for one in await city.duties(contract)} == {"waived"}
    await city.do("enterprise", "resume", contract)
    await city.do("committee", "resume", contract)
    assert await city.state(contract) == "in-force"
    assert sum(one.state == "open" for one in await city.duties(contract)) == 9
    await city.do("enterprise", "end", contract)
    await city.do("committee", "end", contract)
    assert await city.state(contract) == "ended"
    assert {one.state for one in await city.duties(contract)} == {"waived"}
    waits = await city.fetch("SELECT kind FROM term WHERE closed_at IS NULL")
    assert waits == []


async def test_an_office_ends_it_only_when_the_enterprise_has_left(city):
    contract = await city.in_force()
    with pytest.raises(Conflict, match="仍在管理"):
        await city.do("street", "close", contract)
    async with city.db.transaction(CITY) as conn:
        await conn.execute(
            "UPDATE management SET until = $1 WHERE project = 'XQ-1'", city.clock.today()
        )
        found = await service.orphaned(conn, city.clock, city.world.actors["officer"])
    assert [one.id for one in found] == [str(contract)]
    assert (await city.view(contract)).orphaned
    await city.do("street", "close", contract, reason="企业已退出项目")
    assert await city.state(contract) == "ended"


async def test_it_expires_by_its_days_and_nothing_else_happens(city):
    contract = await city.in_force()
    city.clock.now_value += timedelta(days=364)
    assert (await city.view(contract)).line.until == "2027-06-29"
    assert await city.state(contract) == "in-force"
    city.clock.now_value += timedelta(days=1)
    assert await city.state(contract) == "expired"
    with pytest.raises(Conflict):
        await city.do("enterprise", "end", contract)


async def test_a_draft_is_changed_by_one_at_a_time_and_thrown_away(city):
    contract = await city.draft(await city.tri_party())
    officer = city.world.actors["officer"]
    content = await city.tri_party(months=24)
    async with city.db.transaction(CITY) as conn:
        await service.redraft(conn, city.clock, officer, city.pack, contract, content, revision=1)
    with pytest.raises(Conflict, match="刚刚改过"):
        async with city.db.transaction(CITY) as conn:
            await service.redraft(
                conn, city.clock, officer, city.pack, contract, content, revision=1
            )
    with pytest.raises(Conflict, match="起草单位"):
        async with city.db.transaction(CITY) as conn:
            await service.discard(conn, city.clock, city.world.actors["street"], contract)
    async with city.db.transaction(CITY) as conn:
        await service.discard(conn, city.clock, officer, contract)
    assert await city.state(contract) == "withdrawn"
    assert await city.fetch("SELECT FROM contract_draft") == []


async def amend(city, contract, by):
    async with city.db.transaction(CITY) as conn:
        actor = city.world.actors[by]
        return await service.amend(conn, city.clock, actor, city.pack, contract)


async def test_a_new_version_is_begun_by_the_parties_the_drafter_or_the_association(city):
    contract = await city.draft(city.service_contract(), by="enterprise")
    await city.freeze(contract, by="enterprise")
    await city.sign(contract, "enterprise", "committee")
    with pytest.raises(Conflict, match="起草单位、当事方和协会"):  # an office that is no party
        await amend(city, contract, "street")
    may = {one.act: one.why for one in (await city.view(contract, "street")).may}
    assert "起草单位、当事方和协会" in may["amend"]
    assert {one.act: one.why for one in (await city.view(contract)).may}["amend"] is None
    assert await amend(city, contract, "officer") == 2


async def test_a_lapsed_offer_keeps_nobody_from_a_new_version_and_nobody_waits_for_it(city):
    contract = await city.in_force()
    assert await amend(city, contract, "officer") == 2
    async with city.db.transaction(CITY) as conn:
        officer = city.world.actors["officer"]
        votes = (await city.tri_party()).votes
        _, revision, content = await service.open_draft(conn, officer, contract)
        changed = msgspec.structs.replace(content, votes=votes)
        await service.redraft(
            conn, city.clock, officer, city.pack, contract, changed, revision=revision
        )
    await city.freeze(contract)
    await city.sign(contract, "enterprise")
    waiting = await open_terms(city, contract)
    assert {one.kind for one in waiting} == {"offer", "sign-YWH-1", "sign-XQ-1"}
    with pytest.raises(Conflict, match="请先办完或撤回"):  # it may still be signed
        await amend(city, contract, "committee")
    days = (waiting[0].due_on - city.clock.today()).days
    await city.look_after(days=days)
    assert len(await open_terms(city, contract)) == 3
    await city.look_after(days=1)
    assert await open_terms(city, contract) == []
    assert await amend(city, contract, "committee") == 3
    assert (await city.view(contract, version=1)).line.state == "in-force"


async def test_an_office_does_not_read_the_draft_of_a_party(city):
    contract = await city.draft(city.service_contract(), by="enterprise")
    async with city.db.city(CITY) as conn:
        for name in ("officer", "street"):
            with pytest.raises(NotFound):
                await service.open_draft(conn, city.world.actors[name], contract)
    theirs = await city.draft(await city.tri_party())
    async with city.db.city(CITY) as conn:
        assert (await service.open_draft(conn, city.world.actors["officer"], theirs))[0] == 1
        with pytest.raises(NotFound):
            await service.open_draft(conn, city.world.actors["street"], theirs)


async def test_who_belongs_to_no_organisation_acts_for_nobody(city):
    city.world.actors["officer"] = replace(city.world.actors["officer"], belongs_to=None)
    with pytest.raises(Forbidden, match="归属单位"):
        await city.draft(await city.tri_party())


async def open_terms(city, contract):
    async with city.db.city(CITY) as conn:
        return await terms.open_of_matters(conn, [contract])
