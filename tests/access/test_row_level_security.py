"""A party's session sees its own rows, whatever is asked: the database itself leaves out others'.

Every table of the schema is asked without any filter, as each of the roles a session may be bound
to. What is neither everybody's nor the party's own must be refused.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest
from tests.bank import COMMUNITY, MERCHANT, Bank

from credit.access import service as access
from credit.blacklist import service as blacklist
from credit.blacklist.views import Answer, Proposal
from credit.evaluations import service as evaluations
from credit.evaluations.views import Submission
from credit.events import service as events
from credit.events.repair.views import Application
from credit.events.views import Decision, EvidenceRef
from credit.grades import service as grades
from credit.grades.api import service as answering
from credit.kit.blobs import Blob
from credit.kit.db import (
    APP_ROLE,
    BIDDER_ROLE,
    MERCHANT_ROLE,
    PORTAL_ROLE,
    RESIDENT_ROLE,
    Database,
)
from credit.kit.ids import new_id
from credit.log.service import index_of, sign_record, sign_records
from credit.points.logic import operations
from credit.points.service import accounts as book

CITY = "150200"
RIVAL = "SH-0002"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
# What everybody may see: the register, what was published, the log.
PUBLIC = {
    "division", "enterprise", "project", "management", "committee", "published_grade",
    "grade_publication", "log_record", "log_subject", "log_entry", "log_tile", "log_checkpoint",
    "log_sealed", "log_state", "subject_head", "signing_key",
}  # fmt: skip
# A resident has to do with the bank alone: where things happen, and when.
EVERYBODYS = {RESIDENT_ROLE: {"activity", "division"}}
_OF_EVENT = "event_id IN (SELECT id FROM event WHERE enterprise = $1)"
_OF_EVALUATION = "evaluation_id IN (SELECT id FROM evaluation WHERE enterprise = $1)"
_OF_CONTRACT = "contract_id IN (SELECT id FROM contract WHERE $1 = ANY (parties))"
_PUBLISHED = "IN (SELECT run_id FROM grade_publication)"
_WALLET = "(SELECT account FROM member WHERE person_id = $1)"
_MEMBER = "member = (SELECT id FROM member WHERE person_id = $1)"
_PAYABLE = "(SELECT account FROM merchant WHERE code = $1)"
_LISTED = "exit_id IS NULL AND $1::text <> ''"
# Which rows are one's own, said a second time here, in every table where one may see any.
OWN = {
    PORTAL_ROLE: {
        "event": "enterprise = $1",
        "event_decision": _OF_EVENT,
        "event_waiting": _OF_EVENT,
        "event_course": "enterprise = $1",
        "event_step": _OF_EVENT,
        "evidence_holder": "holder = $1",
        "repair": "enterprise = $1",
        "repair_step": "repair_id IN (SELECT id FROM repair WHERE enterprise = $1)",
        "term": "party = $1 OR about = $1",
        "contract": "$1 = ANY (parties)",
        "contract_draft": "drafter_party = $1",
        "contract_version": _OF_CONTRACT,
        "contract_party": _OF_CONTRACT,
        "contract_signature": _OF_CONTRACT,
        "contract_paper": _OF_CONTRACT,
        "contract_step": _OF_CONTRACT,
        "owner_vote": _OF_CONTRACT,
        "duty": _OF_CONTRACT,
        "duty_step": f"duty_id IN (SELECT id FROM duty WHERE {_OF_CONTRACT})",
        "evaluation": "enterprise = $1",
        "evaluation_entry": _OF_EVALUATION,
        "evaluation_closing": _OF_EVALUATION,
        "grade_run": f"id {_PUBLISHED} AND $1::text <> ''",
        "grade_result": f"enterprise = $1 AND run_id {_PUBLISHED}",
        "list_entry": "enterprise = $1",
        "list_step": "entry_id IN (SELECT id FROM list_entry WHERE enterprise = $1)",
        "listing": _LISTED,
    },
    BIDDER_ROLE: {
        "grade_query": "asked_for = $1",
        "idempotency_key": "client = $1",
        "grade_run": f"id {_PUBLISHED} AND $1::text <> ''",
        "listing": _LISTED,
    },
    MERCHANT_ROLE: {
        "listing": _LISTED,
        "merchant": "code = $1",
        "offer": "merchant = $1",
        "settlement": "merchant = $1",
        "webhook": "merchant = $1",
        "webhook_delivery": "webhook IN (SELECT id FROM webhook WHERE merchant = $1)",
        "point_account": f"id = {_PAYABLE}",
        "point_hold": f"beneficiary = {_PAYABLE}",
        # What came and went, how its holds were made, and which of them nobody captured in time.
        "point_transfer": f"{_PAYABLE} IN (debit, credit)"
        f" OR id IN (SELECT id FROM point_hold WHERE beneficiary = {_PAYABLE})"
        f" OR kind = 'lapse' AND about IN (SELECT id FROM point_hold WHERE beneficiary = {_PAYABLE})",
    },
    RESIDENT_ROLE: {
        "member": "person_id = $1",
        "participation": _MEMBER,
        "attendance": _MEMBER,
        "point_account": f"id = {_WALLET}",
        "point_lot": f"account = {_WALLET}",
        "point_hold": f"{_WALLET} IN (account, beneficiary)",
        "point_transfer": f"{_WALLET} IN (debit, credit)",
        "merchant": "state = 'open' AND $1::text <> ''",
        "offer": "state = 'open' AND $1::text <> ''",
    },
}
# What was published is everybody's, and so is shown to a session that is nobody's too.
NOT_ONES_OWN = {
    PORTAL_ROLE: {"grade_run", "listing"},
    BIDDER_ROLE: {"grade_run", "listing"},
    MERCHANT_ROLE: {"listing"},
    RESIDENT_ROLE: {"merchant", "offer"},
}
TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'city_150200'::regnamespace
    AND relkind IN ('r', 'p', 'v', 'm', 'f')
"""

WRITES = """
SELECT role, privilege, relname::text FROM pg_class,
    unnest($1::text[]) AS role, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
WHERE relnamespace = 'city_150200'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f') AND CASE
    WHEN privilege IN ('INSERT', 'UPDATE') THEN has_any_column_privilege(role, oid, privilege)
    ELSE has_table_privilege(role, oid, privilege) END
"""


@pytest.fixture
async def full(world, app):
    """The small city with rows of both enterprises and of two bidders where there can be any."""
    officer, reviewer = world.actors["officer"], world.actors["reviewer"]
    refused = []
    for code in (ENTERPRISE, OTHER):
        signers = (["officer"], ["officer"], ["officer", "reviewer"])
        drafts = [world.draft(signers=names, subject=("USCC", code)) for names in signers]
        await world.propose(*drafts)
        refused.append(UUID(drafts[0].id))
    marks = {"marks": {"A2-01": "2"}}
    async with world.db.transaction(CITY) as conn:
        no = Decision("refused", "证据不足")
        await events.decide(conn, world.clock, reviewer, dict.fromkeys(refused, no))
        both = [
            Submission("A.2", "enterprise", code, 2025, "150203", marks)
            for code in (ENTERPRISE, OTHER)
        ]
        states = await evaluations.submit(conn, world.clock, officer, world.pack, both)
        ids = [UUID(one.id) for one in states]
        bodies = await evaluations.prepare_closings(conn, world.clock, world.pack, ids)
        records = sign_records(world.keys["reviewer"], "evaluation", bodies, world.clock)
        await evaluations.close(conn, world.clock, reviewer, world.pack, records)
    await world.publish_grades()
    await list_both(world)
    await apply_for_both(world)
    await sign_for_both(world)
    world.clock.now_value += timedelta(days=1)
    async with world.db.transaction(CITY) as conn:  # and a run that nobody has published
        await grades.run(conn, world.clock, officer, world.pack, world.clock.today())
        person = await access.add_person(
            conn, world.clock, world.vault, username="bidder2", name="乙专家", roles=["bidder"]
        )
        world.actors["bidder2"] = await access.actor_named(conn, "bidder2")
        world.api_keys["bidder2"] = await access.issue_key(
            conn, world.clock, person_id=person, name="乙平台"
        )
    for bidder in ("bidder", "bidder2"):
        assert (await ask(world, app, bidder)).status_code == 201
    await bank_for_both(world)
    return world


async def bank_for_both(world):
    """Open the bank with two residents and two merchants, and one of each that is not open: rows of
    all where there can be any.
    """
    bank = Bank(world, None)
    await bank.build()
    accounts = {code: await bank.add_merchant(code) for code in (RIVAL, "SH-0003")}
    async with world.db.city(CITY) as conn:
        accounts[MERCHANT] = (await book.accounts_named(conn, [f"merchant:{MERCHANT}"]))[
            f"merchant:{MERCHANT}"
        ].id
        held = (await book.accounts_named(conn, ["held"]))["held"].id
        await conn.execute("UPDATE merchant SET state = 'suspended' WHERE code = 'SH-0003'")
    for number, (name, code) in enumerate(zip(("Li", "Wang"), (MERCHANT, RIVAL), strict=True)):
        await bank.grant(name, 100)
        async with world.db.city(CITY) as conn:
            wallet = await conn.fetchval(
                "SELECT account FROM member WHERE id = $1", bank.wallets[name]
            )
        over = world.clock.now() + timedelta(minutes=1)
        for turn, act in enumerate(("capture", "refund", "void", "lapse", "open")):
            key = [operations.key_of("test", str(turn), f"{number}{step}", b"") for step in "abc"]
            hold = await posted(
                bank, operations.hold(key[0], wallet, held, accounts[code], 10, over, reason="小票")
            )
            if act in ("capture", "refund"):
                await posted(bank, operations.capture(key[1], hold, 9))
            if act == "refund":
                await posted(bank, operations.refund(key[2], hold, 4))
            if act in ("void", "lapse"):
                await posted(bank, operations.void(key[1], hold, act))
        await keep_for_bank(world, code, bank.wallets[name], bank.campaign.id)
    await bank.writer.close()


async def posted(bank, operation):
    outcome = await bank.writer.post(operation)
    assert outcome.outcome == "posted"
    return outcome.transfer


async def keep_for_bank(world, code, member, campaign):
    """Keep offers, a settlement and a webhook of a merchant; an activity somebody was at."""
    names = {"id": new_id(world.clock.now()), "code": code, "member": member, "campaign": campaign}
    rows = {
        "offer (merchant, kind, title, terms, points, taken, valid_from, state, proposed_by, proposed_at)": "('{code}', 'discount', '洗车', '一次', 5, 0, '2026-01-01', 'open', 'P-1', now()),"
        " ('{code}', 'discount', '洗车', '一次', 5, 0, '2026-01-01', 'paused', 'P-1', now())",
        "settlement": "('{id}', '{code}', 0, 9, '2026-06-01', '2026-06-30', 2, 18, 1, 4, 14, 0, 100,"
        " 1400, '', 'drawn', 'P-1', now())",
        "webhook": "('{id}', '{code}', 'https://shop.example', '', NULL, NULL, 0, 0, NULL, NULL, 'P-1',"
        " now())",
        "webhook_delivery (webhook, transfer, at, status, millis)": "('{id}', 1, now(), 200, 5)",
        "activity": f"('{{id}}', '清扫', '{COMMUNITY}', '广场', 'service.volunteer', '{{campaign}}', 60,"
        " now(), now() + interval '1 hour', 'P-1', 'P-1', now(), '', NULL, NULL)",
        "attendance": "('{id}', '{member}', now(), NULL)",
        "participation (id, member, rule, campaign, quantity, points, participated_on, source, evidence,"
        " flags, state, entered_by, entered_at, attempt)": "('{id}', '{member}', 'service.volunteer',"
        " '{campaign}', 60, 1, '2026-06-01', 'entry', '签到表', '{{}}', 'entered', 'P-1', now(), 0)",
    }
    async with world.db.transaction(CITY) as conn:
        for table, values in rows.items():
            await conn.execute(f"INSERT INTO {table} VALUES {values.format(**names)}")


async def list_both(world):
    """Put both enterprises on the black list, and take the second one off it again."""

    async def act(function, name, *arguments):
        async with world.db.transaction(CITY) as conn:
            return await function(conn, world.clock, world.actors[name], world.pack, *arguments)

    async def publish(entry):
        await world.sequence()
        async with world.db.city(CITY) as conn:
            prepared = await blacklist.prepare(conn, world.clock, world.pack, entry)
        key, record_id = world.keys["city_authority"], new_id(world.clock.now())
        record = sign_record(key, prepared.kind, record_id, prepared.body)
        await act(blacklist.publish, "city_authority", entry, record)

    for code, user in ((ENTERPRISE, "enterprise"), (OTHER, "competitor")):
        draft = world.draft(code="tender.collusion", subject=("USCC", code))
        await world.propose(draft)
        await world.sequence()
        async with world.db.city(CITY) as conn:
            (index,) = (await index_of(conn, [UUID(draft.id)])).values()
        basis = "DB1502/T XX-2021 §7.3.3"
        proposal = Proposal(
            "black",
            "enterprise",
            code,
            "self-discipline",
            basis,
            (index,),
            ("B-M1",),
            reason="串标",
        )
        entry = UUID((await act(blacklist.propose, "officer", proposal)).id)
        await act(blacklist.notice, "officer", entry)
        await act(blacklist.answer, user, entry, Answer(False, "waived", ""))
        await act(blacklist.decide, "reviewer", entry, "listed", "属实")
        await publish(entry)
    await act(blacklist.leave, "reviewer", entry, "review", "已改正")
    await publish(entry)


async def apply_for_both(world):
    """Let both enterprises apply for the repair of a minor fact."""
    for code, user in ((ENTERPRISE, "enterprise"), (OTHER, "competitor")):
        await world.announce(user)
        draft = world.draft(code="disclosure.missing", subject=("USCC", code))
        await world.propose(draft)
        fact, actor, clock = UUID(draft.id), world.actors[user], world.clock
        blob = Blob("sha256:" + "7" * 64, 9, "application/pdf")
        async with world.db.transaction(CITY) as conn:
            await events.keep_own_evidence(conn, clock, actor, fact, blob)
            promised = await events.prepare_commitment(conn, clock, actor, world.pack, fact)
            record = sign_record(world.keys[user], "commitment", new_id(clock.now()), promised.body)
            given = Application("已改正", [EvidenceRef(blob.digest, blob.size, blob.media_type)])
            await events.apply_for_repair(conn, clock, actor, world.pack, fact, given, record)


async def sign_for_both(world):
    """Keep a signed contract of each enterprise, its next draft, and a duty that was reported."""
    rows = {
        "contract": "('{id}', 'fuwu-xieyi', 'service', '协议', '{project}', '{code}', 'in-force', 1,"
        " 2, 'draft', NULL, now(), now(), NULL, NULL, 'USCC', '{code}', ARRAY['{code}'], NULL, 1,"
        " now())",
        "contract_draft": "('{id}', 2, 1, '{{}}', '{code}', 'P-1', now())",
        "contract_version": "('{id}', 1, '1', '', 'sha256:', '{{}}', '{id}', now(), now(), now(),"
        " 'P-1', now())",
        "contract_party": "('{id}', 1, 'USCC', '{code}', 'enterprise', '企业', true, 1)",
        "contract_signature": "('{id}', 1, 'USCC', '{code}', 'enterprise', 'k', '', '{id}', 'P-1',"
        " now())",
        "contract_paper": "('{id}', 1, 0, 'sha256:', NULL, 'P-1', NULL, NULL, NULL, NULL, NULL, now())",
        "contract_step": "('{id}', 1, 1, 'in-force', NULL, NULL, now(), NULL, NULL, 'P-1', now())",
        "owner_vote": "('{id}', 1, 'hire', now(), 1, 1, 1, 1, 1, 1, NULL, 'sha256:')",
        "duty": "('{id}', '{id}', 1, 'E-1', 'enterprise', 'USCC', '{code}', 'committee',"
        " '{project}', '{code}', now(), now(), 5, now(), NULL, false, 'fulfilled', 0, NULL, false, 1,"
        " now())",
        "duty_step": "('{id}', 1, 'confirmed', now(), 0, NULL, NULL, 'fulfilled', NULL, NULL, '[]',"
        " NULL, NULL, 'P-1', now())",
    }
    async with world.db.transaction(CITY) as conn:
        for code, project in ((ENTERPRISE, "XQ-1"), (OTHER, "XQ-3")):
            names = {"id": new_id(world.clock.now()), "code": code, "project": project}
            for table, values in rows.items():
                await conn.execute(f"INSERT INTO {table} VALUES {values.format(**names)}")


async def ask(world, app, bidder, key="k-1"):
    """Ask for grades over the interface, as a bid evaluator's system does."""
    headers = {"Authorization": f"Bearer {world.api_keys[bidder]}", "Idempotency-Key": key}
    question = {"purpose": "政府采购", "tender_ref": "包采〔2026〕7号", "bidders": [ENTERPRISE]}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://credit.test") as client:
        path = f"/api/v1/{CITY}/grade-queries"
        return await client.post(path, json=question, headers=headers)


async def rows_of(conn, table, where="", *arguments):
    """Return every row of a table as text; None where that is refused."""
    try:
        async with conn.transaction():
            found = await conn.fetch(f'SELECT t::text FROM "{table}" t {where}', *arguments)
    except asyncpg.InsufficientPrivilegeError:
        return None
    return sorted(row[0] for row in found)


async def seen(world, role, **who):
    """Return what a session of a role finds in each table of the schema."""
    async with world.db.pool.acquire() as conn:
        tables = [row[0] for row in await conn.fetch(TABLES)]
    async with world.db.bound(CITY, role, **who) as conn:
        assert await conn.fetchval("SELECT current_user") == role
        return {table: await rows_of(conn, table) for table in tables}


def whose(world, role):
    """Return each party of a role: (what is set, what its rows name)."""
    if role in (PORTAL_ROLE, MERCHANT_ROLE):
        codes = (ENTERPRISE, OTHER) if role == PORTAL_ROLE else (MERCHANT, RIVAL)
        return [({"party": code}, code) for code in codes]
    if role == RESIDENT_ROLE:
        people = [world.actors[name].person_id for name in ("Li", "Wang")]
        return [({"person": person}, person) for person in people]
    # They belong to no organisation, and ask for themselves.
    people = [world.actors[name].person_id for name in ("bidder", "bidder2")]
    return [({"party": person, "person": person}, person) for person in people]


async def test_every_table_shows_ones_own_rows_everybodys_or_none(full):
    for role, own in OWN.items():
        for who, name in whose(full, role):
            found = await seen(full, role, **who)
            assert len(found) > 40
            for table, rows in found.items():
                async with full.db.city(CITY) as conn:
                    everything = await rows_of(conn, table)
                    expected = None
                    if table in EVERYBODYS.get(role, PUBLIC):
                        expected = everything
                    elif table in own:
                        expected = await rows_of(conn, table, f"WHERE {own[table]}", name)
                        # Nothing would be shown by a table that has nothing, or nobody else's.
                        assert expected, (role, table)
                        assert len(expected) < len(everything), (role, table)
                assert rows == expected, (role, table)


async def test_a_session_that_says_not_whose_it_is_sees_nobodys_rows(full):
    for role, own in OWN.items():
        found = await seen(full, role)
        assert all(found[table] == [] for table in own.keys() - NOT_ONES_OWN[role])
        async with full.db.transaction(CITY) as conn:  # nor one that never set anything
            await conn.execute(f"SET LOCAL ROLE {role}")
            for table in own.keys() - NOT_ONES_OWN[role]:
                assert await rows_of(conn, table) == []


async def test_a_bound_session_writes_nothing_but_ones_own_questions(full):
    (who, name), (_, other) = whose(full, BIDDER_ROLE)
    add = (
        "INSERT INTO grade_query"
        " (id, asked_by, asked_for, purpose, tender_ref, asked_at, bidders, answer)"
        " VALUES (gen_random_uuid(), $1, $2, '', '', now(), 1, '')"
    )
    async with full.db.bound(CITY, BIDDER_ROLE, **who) as conn:
        await conn.execute(add, name, name)
        for names in ((other, other), (other, name), (name, other)):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with conn.transaction():
                    await conn.execute(add, *names)
    async with full.db.pool.acquire() as conn:
        may = await conn.fetch(WRITES, list(OWN))
    assert {tuple(row) for row in may} == {
        (BIDDER_ROLE, "INSERT", "grade_query"),
        (BIDDER_ROLE, "INSERT", "idempotency_key"),
    }


async def test_a_house_s_questions_are_its_people_s_whoever_of_them_asked(full, app):
    async with full.db.transaction(CITY) as conn:
        house = await access.add_organisation(
            conn, full.clock, kind="other", name="公共资源交易中心"
        )
        for name in ("expert", "partner"):
            person = await access.add_person(
                conn, full.clock, full.vault, username=name, name=name, roles=["bidder"],
                organisation_id=house,
            )  # fmt: skip
            full.actors[name] = await access.actor_named(conn, name)
            full.api_keys[name] = await access.issue_key(
                conn, full.clock, person_id=person, name="平台"
            )
    for name in ("expert", "partner"):
        assert (await ask(full, app, name)).status_code == 201
        assert full.actors[name].acts_for == house
    people = {full.actors[name].person_id for name in ("expert", "partner")}
    for person in people:
        async with full.db.bound(CITY, BIDDER_ROLE, party=house, person=person) as conn:
            asked = await conn.fetch("SELECT asked_by FROM grade_query")
            assert {row[0] for row in asked} == people
            kept = await conn.fetch("SELECT client FROM idempotency_key")
            assert [row[0] for row in kept] == [person]


async def test_the_role_ends_with_the_transaction_however_it_ends(full):
    """On one connection, whose prepared statements and plans are used by one role after another."""
    async with Database(full.db.url, size_max=1) as db:
        everything = await count(db)
        for who, name in whose(full, PORTAL_ROLE) * 2:
            with suppress(ZeroDivisionError):
                async with db.bound(CITY, PORTAL_ROLE, **who) as conn:
                    own = await conn.fetch("SELECT enterprise FROM event")
                    assert {row[0] for row in own} == {name}
                    raise ZeroDivisionError
            assert await state_of(db) == (APP_ROLE, "", "")
            async with db.bound(CITY, PORTAL_ROLE, **who) as conn:
                assert 0 < await conn.fetchval("SELECT count(*) FROM event") < everything
            assert await state_of(db) == (APP_ROLE, "", "")
            assert await count(db) == everything


async def count(db):
    async with db.city(CITY) as conn:
        return await conn.fetchval("SELECT count(*) FROM event")


async def state_of(db):
    async with db.city(CITY) as conn:
        row = await conn.fetchrow(
            "SELECT current_user::text, coalesce(current_setting('credit.party', true), ''),"
            " coalesce(current_setting('credit.person', true), '')"
        )
    return tuple(row)


async def test_requests_cancelled_at_any_moment_leave_no_role_behind(full):
    parties = whose(full, PORTAL_ROLE)
    outcomes = []
    moment = 0

    async def look(db, who, name):
        async with db.bound(CITY, PORTAL_ROLE, **who) as conn:
            for _ in range(3):
                found = await conn.fetch("SELECT enterprise FROM event")
                assert {row[0] for row in found} == {name}
        return "finished"

    async with Database(full.db.url, size_max=2) as db:
        everything = await count(db)
        for turn in range(200):
            task = asyncio.create_task(look(db, *parties[turn % 2]))
            for _ in range(moment):
                await asyncio.sleep(0)
            task.cancel()
            outcomes += await asyncio.gather(task, return_exceptions=True)
            # One step later each time, and from the start again once it came to its end: how
            # many steps that takes depends on the machine.
            moment = 0 if outcomes[-1] == "finished" else moment + 1
            # Both connections, since either may be the one that was left.
            states = await asyncio.gather(state_of(db), state_of(db))
            assert set(states) == {(APP_ROLE, "", "")}
            assert await count(db) == everything
    kinds = {type(one).__name__ for one in outcomes}
    assert kinds <= {"CancelledError", "str"}
    assert sum(isinstance(one, asyncio.CancelledError) for one in outcomes) > 100


async def test_a_bid_evaluators_question_is_answered_within_what_they_may_see(
    full, app, monkeypatch
):
    roles = []
    answer_query = answering.answer_query

    async def noting(conn, *args, **kwargs):
        roles.append(
            tuple(
                await conn.fetchrow(
                    "SELECT current_user::text, current_setting('credit.party'),"
                    " current_setting('credit.person')"
                )
            )
        )
        return await answer_query(conn, *args, **kwargs)

    monkeypatch.setattr(answering, "answer_query", noting)
    first, again = [await ask(full, app, "bidder", "k-2") for _ in range(2)]
    assert (first.status_code, first.content) == (201, again.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert first.json()["answers"][0]["grade"]
    person = full.actors["bidder"].person_id
    assert roles == [(BIDDER_ROLE, person, person)]
