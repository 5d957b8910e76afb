"""What must never count: whose key, which text, which files, which vote, whose turn."""

from dataclasses import replace

import msgspec
import pytest

from credit.contracts import service
from credit.contracts.service import SignedAct
from credit.contracts.service.drafting import known_of
from credit.contracts.views import ClauseEdit, CountPromise, PartyChoice, RatioPromise, Share
from credit.kit.errors import Conflict, CreditError, Forbidden, Invalid, NotFound
from credit.kit.ids import new_id
from credit.log.records import Record
from credit.log.service import sign_record

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"


async def offered(city, **more):
    contract = await city.draft(await city.tri_party(**more))
    await city.freeze(contract)
    return contract


async def move(city, name, office):
    """Let somebody work for another organisation from now on."""
    async with city.db.transaction(CITY) as conn:
        await conn.execute(
            "UPDATE person SET organisation_id = $2, roles = $3 WHERE id = $1",
            city.world.actors[name].person_id,
            city.offices[office],
            list(city.world.actors[office].roles),
        )
        from credit.access import service as access

        city.world.actors[name] = await access.actor_named(conn, name)


async def count(city):
    rows = await city.fetch("SELECT record_id FROM contract_signature")
    logged = await city.fetch("SELECT FROM log_record WHERE kind = 'contract-signed'")
    assert len(rows) == len(logged)
    return len(rows)


async def test_a_key_or_a_person_signs_for_one_party_alone(city):
    contract = await offered(city)
    await city.sign(contract, "committee")
    await move(city, "committee", "owners")
    with pytest.raises(Forbidden, match="已经代表另一方签署"):
        await city.sign(contract, "committee")
    # Not with a fresh key of the same person either.
    from credit.kit.signing import SigningKey
    from credit.log import service as log

    actor, key = city.world.actors["committee"], SigningKey.make()
    async with city.db.transaction(CITY) as conn:
        await log.announce_key(conn, city.clock, key=key, holder=actor.person_id, role=actor.role)
    kind, body = await city.prepare("committee", "sign", contract)
    record = sign_record(key, kind, new_id(city.clock.now()), body)
    with pytest.raises(Forbidden, match="已经代表另一方签署"):
        await city.do("committee", "sign", contract, record=record)
    assert await count(city) == 1


async def test_a_signature_over_yesterdays_text_is_refused(city):
    contract = await offered(city)
    kind, body = await city.prepare("enterprise", "sign", contract)
    old = city.record("enterprise", kind, body)
    await city.do("officer", "withdraw", contract)
    async with city.db.transaction(CITY) as conn:
        officer = city.world.actors["officer"]
        await service.amend(conn, city.clock, officer, city.pack, contract)
        _, revision, content = await service.open_draft(conn, officer, contract)
        changed = await city.tri_party(clauses=[ClauseEdit("E-5", promise=RatioPromise("95"))])
        del content
        await service.redraft(
            conn, city.clock, officer, city.pack, contract, changed, revision=revision
        )
    await city.freeze(contract)
    with pytest.raises(Conflict, match="与现在的契约不符"):
        await city.do("enterprise", "sign", contract, record=old)
    forged = {**(await city.prepare("enterprise", "sign", contract))[1], "digest": body["digest"]}
    with pytest.raises(Conflict, match="与现在的契约不符"):
        await city.do(
            "enterprise", "sign", contract, record=city.record("enterprise", kind, forged)
        )
    assert await count(city) == 0


async def test_a_signature_over_a_draft_somebody_changed_is_refused(city):
    contract = await city.draft(await city.tri_party())
    officer = city.world.actors["officer"]
    async with city.db.transaction(CITY) as conn:
        bodies = await service.prepare_freezing(conn, city.clock, officer, city.pack, [contract])
    record = city.record("officer", "contract-frozen", bodies[contract])
    async with city.db.transaction(CITY) as conn:
        changed = await city.tri_party(months=24)
        await service.redraft(conn, city.clock, officer, city.pack, contract, changed, revision=1)
    with pytest.raises(Conflict, match="与现在的契约不符"):
        async with city.db.transaction(CITY) as conn:
            await service.freeze(
                conn, city.clock, officer, city.pack, city.blobs, {contract: record}
            )


async def test_a_changed_or_missing_attachment_keeps_everybody_from_signing(city):
    annex = await city.keep(b"%PDF-1.7 annex")
    contract = await offered(city, attachments=[annex])
    path = city.blobs._path(annex.digest.removeprefix("sha256:"))
    was = path.read_bytes()
    path.write_bytes(was + b" ")
    record = city.record("enterprise", *await city.prepare("enterprise", "sign", contract))
    with pytest.raises(Conflict, match="附件") as refused:
        await city.do("enterprise", "sign", contract, record=record)
    assert refused.value.slug == "attachment-changed"
    path.unlink()
    with pytest.raises(Conflict, match="附件"):
        await city.do("enterprise", "sign", contract, record=record)
    assert await count(city) == 0
    path.write_bytes(was)
    await city.do("enterprise", "sign", contract, record=record)
    assert await count(city) == 1


async def test_only_ones_own_live_key_signs(city):
    contract = await offered(city)
    kind, body = await city.prepare("enterprise", "sign", contract)
    by_colleague = city.record("colleague", kind, body)
    with pytest.raises(Forbidden, match="自己的密钥"):
        await city.do("enterprise", "sign", contract, record=by_colleague)
    twice = sign_record(
        city.world.keys["colleague"], kind, new_id(city.clock.now()), body,
        city.record("enterprise", kind, body).sigs,
    )  # fmt: skip
    other = city.record("enterprise", kind, {**body, "version": 1})
    bad = Record(str(new_id(city.clock.now())), kind, body, other.sigs)
    none = Record(str(new_id(city.clock.now())), kind, body, ())
    for record in (twice, bad, none):
        with pytest.raises(Forbidden):
            await city.do("enterprise", "sign", contract, record=record)
    from credit.log import service as log

    async with city.db.transaction(CITY) as conn:
        kid = city.world.keys["enterprise"].kid
        await log.revoke_key(conn, city.clock, kid, city.world.keys["enterprise"])
    with pytest.raises(Forbidden, match="吊销"):
        await city.sign(contract, "enterprise")
    assert await count(city) == 0


async def test_who_is_no_party_cannot_sign_and_a_party_signs_once(city):
    contract = await offered(city)
    for name in ("officer", "street", "reviewer"):
        with pytest.raises(Conflict, match="不是这份契约的当事方"):
            await city.sign(contract, name)
    for name in ("competitor", "committee3", "owners3"):
        with pytest.raises(NotFound):  # to a stranger it is not there at all
            await city.sign(contract, name)
    with pytest.raises(Forbidden):
        await city.sign(contract, "city_authority")
    await city.sign(contract, "enterprise")
    with pytest.raises(Conflict, match="已经签署"):
        await city.sign(contract, "colleague")
    with pytest.raises(Conflict, match="已经签署"):
        await city.do("enterprise", "refuse", contract)
    # One record twice, and a record for another contract.
    again = await offered(city)
    kind, body = await city.prepare("committee", "sign", again)
    with pytest.raises(Conflict):
        await city.do("committee", "sign", contract, record=city.record("committee", kind, body))


async def test_a_batch_is_taken_in_whole_or_not_at_all(city):
    first, second = await offered(city), await offered(city)
    items = []
    for contract in (first, second):
        for name in ("enterprise", "committee", "owners"):
            record = city.record(name, *await city.prepare(name, "sign", contract))
            items.append(SignedAct(city.world.actors[name], contract, "sign", record))
    stolen = SignedAct(city.world.actors["owners"], second, "sign", items[0].record)
    with pytest.raises(CreditError):
        async with city.db.transaction(CITY) as conn:
            await service.act(conn, city.clock, city.blobs, [*items[:5], stolen])
    assert await count(city) == 0
    async with city.db.transaction(CITY) as conn:
        await service.act(conn, city.clock, city.blobs, items)
    assert [await city.state(one) for one in (first, second)] == ["in-force", "in-force"]


async def test_an_enterprise_that_left_and_a_committee_that_ended_sign_no_more(city):
    contract = await offered(city)
    async with city.db.transaction(CITY) as conn:
        await conn.execute(
            "UPDATE committee SET ended_on = $1 WHERE code = 'YWH-1'", city.clock.today()
        )
    with pytest.raises(Conflict, match="换届"):
        await city.sign(contract, "committee")
    with pytest.raises(Conflict, match="换届"):  # nor does anybody else, on such a text
        await city.sign(contract, "enterprise")


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"votes": []}, "votes", "业主表决"),
        ({"project": "XQ-9"}, "project", "没有项目"),
        ({"from_on": "2027-07-02"}, "from_on", "起始日期"),
        ({"from_on": "2026-02-30"}, "from_on", "没有这一天"),
        ({"clauses": [ClauseEdit("E-9", text="没有")]}, "clauses[0]", "没有条款"),
        ({"clauses": [ClauseEdit("E-5", promise=CountPromise(2))]}, "clauses[0]", "只能改数值"),
        ({"months": 120, "from_on": "2026-06-30"}, None, None),
    ],
)
async def test_a_draft_that_cannot_stand_names_each_fault(city, changes, field, words):
    content = await city.tri_party(**changes)
    if field is None:
        await city.draft(content)
        return
    with pytest.raises(Conflict) as refused:
        await city.draft(content)
    assert any(
        one.field == f"items[0].{field}" and words in one.message for one in refused.value.errors
    ), refused.value.errors


async def test_parties_are_who_the_register_says_they_are(city):
    content = await city.tri_party()

    async def faults(*choices):
        changed = msgspec.structs.replace(content, parties=[PartyChoice(*one) for one in choices])
        with pytest.raises(Conflict) as refused:
            await city.draft(changed)
        return " ".join(one.message for one in refused.value.errors)

    right = [("enterprise", ENTERPRISE), ("committee", "YWH-1"), ("owners", "XQ-1")]
    assert "不是“第1小区”的" in await faults(("enterprise", OTHER), *right[1:])
    assert "不是“第1小区”的" in await faults(right[0], ("committee", "YWH-3"), right[2])
    assert "不是“第1小区”的" in await faults(*right[:2], ("owners", "XQ-3"))
    assert "应有一个" in await faults(*right[:2])
    assert "不是这类单位" in await faults(*right, ("seal_custodian", city.offices["officer"]))
    assert "不能在一份契约里担任两方" in await faults(
        *right, ("seal_custodian", city.offices["custodian"]),
        ("witness", city.offices["custodian"]),
    )  # fmt: skip
    project2 = msgspec.structs.replace(content, project="XQ-2", votes=[], parties=[
        PartyChoice("enterprise", ENTERPRISE), PartyChoice("owners", "XQ-2")])  # fmt: skip
    with pytest.raises(Conflict) as refused:
        await city.draft(project2)
    messages = " ".join(one.message for one in refused.value.errors)
    assert "还没有开通账号" in messages
    assert "“业主委员会（或物业管理委员会）”应有一个" in messages


async def test_a_vote_with_more_owners_than_exist_freezes_nothing(city):
    content = await city.tri_party()
    (vote,) = content.votes
    many = msgspec.structs.replace(vote, total=Share(321, 30_000))
    with pytest.raises(Conflict, match="多于登记册里的 320"):
        await city.draft(msgspec.structs.replace(content, votes=[many]))
    # The register may shrink between draft and text, too.
    contract = await city.draft(content)
    async with city.db.transaction(CITY) as conn:
        await conn.execute("UPDATE project SET owners = 200 WHERE code = 'XQ-1'")
    with pytest.raises(Conflict, match="多于登记册里的 200"):
        await city.freeze(contract)
    assert await city.fetch("SELECT FROM contract_version") == []


async def test_files_must_have_been_kept_as_they_are_named(city):
    annex = await city.keep(b"%PDF-1.7 annex")
    wrong = msgspec.structs.replace(annex, size=annex.size + 1)
    with pytest.raises(Conflict, match="没有这份文件"):
        await city.draft(await city.tri_party(attachments=[wrong]))
    with pytest.raises(Conflict, match="列了两次"):
        await city.draft(await city.tri_party(attachments=[annex, annex]))


async def test_a_file_of_another_side_is_not_drafted_in_by_its_digest(city):
    theirs = await city.keep(b"%PDF-1.7 theirs", by="committee")
    content = city.service_contract(attachments=[theirs])
    for by in ("enterprise", "officer"):
        with pytest.raises(Conflict, match="没有这份文件"):
            await city.draft(content, by=by)
    contract = await city.draft(content, by="committee")
    # What a draft names once stays in it, whoever writes it on.
    committee = city.world.actors["committee"]
    city.world.actors["committee"] = replace(committee, party=None)
    async with city.db.transaction(CITY) as conn:
        another = city.world.actors["committee"]
        again = await known_of(conn, another, [content], {})
        kept = await known_of(conn, another, [content], {}, stored=[content])
        city.world.actors["committee"] = committee
        await service.redraft(conn, city.clock, committee, city.pack, contract, content, revision=1)
    assert [len(one.evidence) for one in (*again, *kept)] == [0, 1]


async def test_steps_say_why(city):
    contract = await offered(city)
    with pytest.raises(Invalid, match="要写明理由"):
        await city.do("owners", "refuse", contract, reason=" ")
    with pytest.raises(Invalid, match="最多"):
        await city.do("owners", "refuse", contract, reason="长" * 4001)


async def test_a_code_is_that_of_one_kind_of_organisation(city):
    import asyncpg

    from credit.access import service as access

    async with city.db.transaction(CITY) as conn:
        with pytest.raises(Conflict, match="另一类单位"):
            await access.add_organisation(
                conn, city.clock, kind="owners", name="别处业主", party="YWH-1"
            )
        with pytest.raises(asyncpg.UniqueViolationError):
            await conn.execute(
                "INSERT INTO organisation (id, kind, name, party, created_at)"
                " VALUES ('O-x', 'owners', '别处业主', 'YWH-1', now())"
            )
