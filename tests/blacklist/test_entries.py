"""An entry goes the whole way in and out, and what is not allowed on the way is refused."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import asyncpg
import pytest

from credit.blacklist import service
from credit.blacklist.logic import digest_of
from credit.blacklist.reading.store import Sought
from credit.grades import service as grades
from credit.kit.errors import Conflict, Forbidden, Invalid, NotFound
from credit.kit.ids import LAST_ID, new_id
from credit.log import service as log
from credit.log.check.fsck import check_log
from credit.terms import service as terms

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
LAW = "《中华人民共和国招标投标法》第五十三条"


async def rows(office, statement, *arguments):
    async with office.world.db.city(CITY) as conn:
        return await conn.fetch(statement, *arguments)


async def due_of(office, entry):
    async with office.world.db.city(CITY) as conn:
        found = await terms.open_of_matters(conn, [entry])
    return [(one.kind, one.scope, one.party, one.due_on) for one in found]


async def test_a_black_list_entry_goes_the_whole_way_in_and_out(office):
    fact = await office.fact()
    entry = await office.propose(fact, criterion="B-2", reason="")
    assert await due_of(office, entry) == [("notice", "lists:propose", None, date(2026, 7, 21))]
    assert (await office.notice(entry)).status == "noticed"
    # Ten working days of an answer, then fifteen of the hearing.
    assert await due_of(office, entry) == [
        ("answer", None, ENTERPRISE, date(2026, 7, 14)),
        ("hearing", "events:hear", None, date(2026, 8, 4)),
    ]
    await office.answer(entry, hearing="asked")
    assert await due_of(office, entry) == [("hearing", "events:hear", None, date(2026, 7, 21))]
    await office.hear(entry)
    assert await due_of(office, entry) == [("decision", "lists:decide", None, date(2026, 7, 21))]
    await office.decide(entry)
    assert await due_of(office, entry) == [
        ("publication", "lists:publish", None, date(2026, 7, 21))
    ]
    assert await office.lists() == []  # nothing before publication
    before = await office.size()
    record = await office.publish(entry)
    assert await due_of(office, entry) == [("review", "lists:decide", None, date(2026, 12, 30))]
    assert record.body == {
        "basis": "DB1502/T XX-2021 §7.3.3",
        "criterion": "B-2",
        "decision": record.body["decision"],
        "effect": "reference",
        "entry": str(entry),
        "facts": [fact],
        "from": "2026-06-30",
        "kind": "self-discipline",
        "list": "black",
        "measures": ["B-M1", "B-M2"],
        "pack": office.pack.head.id,
        "pack_digest": office.pack.digest,
        "review_on": "2026-12-30",
        "subject_kind": "enterprise",
        "subjects": [{"scheme": "USCC", "id": ENTERPRISE}],
        "until": "2027-06-30",
    }
    listed = [
        {
            "list": "black",
            "kind": "self-discipline",
            "legal_basis": "DB1502/T XX-2021 §7.3.3",
            "effect": "reference",
        }
    ]
    assert await office.lists() == listed
    during = await office.size()
    await office.leave(entry, "overturned")
    assert (await office.view(entry)).status == "leaving"
    assert await due_of(office, entry) == [("exit", "lists:publish", None, date(2026, 7, 21))]
    assert await office.lists() == listed  # until the city's officer publishes it
    office.wait(1)
    out = await office.publish(entry)
    assert out.kind == "list-exit"
    assert await due_of(office, entry) == []
    assert {name: out.body[name] for name in ("target", "reason", "on", "list")} == {
        "target": record.id,
        "reason": "overturned",
        "on": "2026-07-01",
        "list": "black",
    }
    # As known before, between and after: whatever day is asked for, what was taken off is gone.
    day = date(2026, 6, 30)
    assert await office.lists(valid_at=day, size=before) == []
    assert await office.lists(valid_at=day, size=during) == listed
    assert await office.lists(valid_at=day - timedelta(days=1), size=during) == []
    assert await office.lists(valid_at=day, size=await office.size()) == []
    assert await office.lists(valid_at=day) == []
    checked = await check_log(
        office.world.db, CITY, office.world.logs.verifier(CITY), None, signatures=True
    )
    assert checked == []


async def test_reasons_stay_in_the_table_and_the_record_commits_to_them(office):
    entry = await office.enter(await office.fact())
    (step,) = [
        one for one in (await office.view(entry, by="enterprise")).steps if one.kind == "list"
    ]
    (record,) = await rows(
        office,
        "SELECT convert_from(fragment, 'UTF8') AS text FROM log_record WHERE kind = 'list-entry'",
    )
    assert (
        digest_of(step.text, bytes.fromhex(step.salt)) in record["text"]
    )  # as its subject can say
    assert "情节严重" not in record["text"]
    assert "事实清楚" not in record["text"]


async def test_the_steps_in_the_table_are_the_course_and_cannot_be_changed(office):
    entry = await office.enter(await office.fact(), hearing="asked")
    found = await rows(office, "SELECT kind, number FROM list_step WHERE entry_id = $1", entry)
    assert sorted((row["number"], row["kind"]) for row in found) == list(
        enumerate(["proposed", "notice", "answer", "hear", "list", "publish"], 1)
    )
    async with office.world.db.transaction(CITY) as conn:
        for statement in ("UPDATE list_step SET statement = ''", "DELETE FROM list_step",
                          "UPDATE list_entry SET legal_basis = 'x'", "DELETE FROM list_entry"):  # fmt: skip
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with conn.transaction():
                    await conn.execute(statement)
    owner = await asyncpg.connect(office.world.db.url)
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await owner.execute(f"UPDATE city_{CITY}.list_step SET statement = ''")
    await owner.close()


FAULTS = [
    ({"legal_basis": ""}, "legal_basis"),
    ({"legal_basis": "协会认为应当列入"}, "legal_basis"),
    ({"legal_basis": "《包头市物业管理条例》"}, "legal_basis"),  # a document without its clause
    ({"legal_basis": "第三条第二款第一项"}, "legal_basis"),
    ({"legal_basis": "《办法》第三条\x00"}, "legal_basis"),
    ({"legal_basis": "《办法》第三条\n"}, "legal_basis"),
    ({"legal_basis": "《办法》第三条<script>"}, "legal_basis"),
    ({"law": LAW}, "law"),
    ({"list_kind": "statutory", "measures": ("B-M6",)}, "law"),
    ({"list_kind": "statutory", "measures": ("B-M6",), "law": "《行业公约》第三条"}, "law"),
    ({"measures": ("B-M6",)}, "measures"),  # bars tendering, and is not by law
    ({"measures": ("B-M5",)}, "measures"),
    ({"measures": ("R-M1",)}, "measures"),
    ({"measures": ()}, "measures"),
    ({"measures": ("B-M1", "B-M1")}, "measures"),
    ({"facts": ()}, "facts"),
    ({"facts": (10**9,)}, "facts"),
    ({"subject": OTHER}, "facts"),
    ({"criterion": "B-1"}, "criterion"),  # one grave fact, not two
    ({"criterion": "B-9"}, "criterion"),
    ({"reason": " \n"}, "reason"),
    ({"subject": "91150200MA0000099X"}, "subject"),
    ({"subject_kind": "resident", "subject": "W-1"}, "subject"),
    ({"subject_kind": "practitioner", "subject": "CY-1"}, "subject"),
]


async def test_a_proposal_that_the_rules_do_not_allow_is_refused_by_name(office):
    fact = await office.fact()
    for case, field in FAULTS:
        changed = dict(case)
        with pytest.raises(Conflict) as refused:
            await office.propose(*changed.pop("facts", (fact,)), **changed)
        assert field in [one.field for one in refused.value.errors], case
    assert await rows(office, "SELECT FROM list_entry") == []
    assert await office.propose(fact)  # and without a fault it is taken


async def test_only_live_bad_facts_of_that_very_subject_carry_a_black_list_entry(office):
    grave = await office.fact()
    good = await office.fact("award.government", level="市")
    neutral = await office.fact("note.registered")
    old = await office.fact(occurred_on="2024-06-01")  # counted for 24 months
    others = await office.fact(subject=("USCC", OTHER))
    for index in (good, neutral, old, others, 0):  # 0 is the announcement of a key
        with pytest.raises(Conflict, match=f"第 {index} 条"):
            await office.propose(grave, index)
    assert await office.propose(grave)


async def test_nobody_is_listed_twice_or_by_two_at_once(office, lock_awaited):
    fact = await office.fact()
    first, second = await asyncio.gather(
        office.propose(fact), office.propose(fact, by="second_officer"), return_exceptions=True
    )
    (refused,) = [one for one in (first, second) if isinstance(one, Exception)]
    assert isinstance(refused, Conflict)
    assert refused.slug == "entry-exists"
    (entry,) = [one for one in (first, second) if isinstance(one, UUID)]
    await office.decide(entry, "rejected")
    assert await office.propose(fact)  # a proposal that was rejected bars no other


async def test_two_decisions_at_once_are_one_decision(office, lock_awaited):
    entry = await office.enter(await office.fact(), until="answered")
    holder = await asyncpg.connect(office.world.db.url)
    async with holder.transaction():
        await holder.execute(f"SELECT FROM city_{CITY}.list_entry FOR UPDATE")
        both = [
            asyncio.create_task(office.decide(entry, "listed", "reviewer")),
            asyncio.create_task(office.decide(entry, "rejected", "second_reviewer")),
        ]
        await lock_awaited(office.world.db.url, sessions=2)
    await holder.close()
    done = await asyncio.gather(*both, return_exceptions=True)
    # To reject what was decided to be listed is allowed until it is published, not the reverse.
    refused = [one for one in done if isinstance(one, Exception)]
    kinds = [
        row["kind"] for row in await rows(office, "SELECT kind FROM list_step ORDER BY number")
    ]
    if refused:
        assert kinds[3:] == ["reject"]
        assert isinstance(refused[0], Conflict)
    else:
        assert kinds[3:] == ["list", "reject"]
    assert (await office.view(entry)).status == "rejected"


async def test_two_publications_at_once_are_one_record(office, lock_awaited):
    entry = await office.enter(await office.fact(), until="listed")
    await office.world.hire("second_city", "city_officer")
    await office.world.sequence()
    body = (await office.prepare(entry)).body
    signed = {
        name: log.sign_record(
            office.world.keys[name], "list-entry", new_id(office.clock.now()), body
        )
        for name in ("city_authority", "second_city")
    }
    holder = await asyncpg.connect(office.world.db.url)
    async with holder.transaction():
        await holder.execute(f"SELECT FROM city_{CITY}.list_entry FOR UPDATE")
        both = [
            asyncio.create_task(office.act(service.publish, name, office.pack, entry, record))
            for name, record in signed.items()
        ]
        await lock_awaited(office.world.db.url, sessions=2)
    await holder.close()
    done = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "EntryState"]
    await office.world.sequence()
    assert len(await rows(office, "SELECT FROM log_record WHERE kind = 'list-entry'")) == 1
    assert len(await rows(office, "SELECT FROM exchange_item")) == 1


async def test_each_part_is_somebody_elses(office):
    office.world.actors["all"] = await office.world.hire("all", "association_officer")
    everything = frozenset().union(*(one.scopes for one in office.world.actors.values()))
    for name in ("officer", "hearer", "reviewer", "city_authority"):
        actor = office.world.actors[name]
        office.world.actors[name] = replace(actor, scopes=everything)
    entry = await office.enter(await office.fact(), until="answered", hearing="asked")
    with pytest.raises(Forbidden, match="提请人不能主持听证"):
        await office.hear(entry, by="officer")
    await office.hear(entry)
    for name in ("officer", "hearer"):
        with pytest.raises(Forbidden) as refused:
            await office.decide(entry, by=name)
        assert refused.value.slug == "four-eyes"
    await office.decide(entry)
    for name in ("officer", "reviewer"):
        with pytest.raises(Forbidden):
            await office.publish(entry, by=name)
    await office.publish(entry)
    await office.leave(entry, by="second_reviewer")
    with pytest.raises(Forbidden):
        await office.publish(entry, by="officer")
    await office.publish(entry)


async def test_a_role_without_the_scope_takes_no_step(office):
    fact = await office.fact()
    for name in ("reviewer", "city_authority", "enterprise", "bidder", "auditor", "partner"):
        with pytest.raises(Forbidden):
            await office.propose(fact, by=name)
    entry = await office.propose(fact)
    for step, names in (
        (office.notice, ("reviewer", "city_authority", "enterprise")),
        (office.hear, ("officer", "city_authority", "enterprise")),
        (office.decide, ("officer", "hearer", "city_authority")),
        (office.leave, ("officer", "hearer", "city_authority")),
        (office.publish, ("officer", "reviewer", "hearer")),
    ):
        for name in names:
            with pytest.raises((Forbidden, Conflict)) as refused:
                await step(entry, by=name)
            assert refused.type is Forbidden or step == office.publish
    with pytest.raises(NotFound):
        await office.answer(entry, by="competitor")


async def test_silence_waives_nothing_and_a_late_answer_is_refused(office):
    entry = await office.enter(await office.fact(), until="noticed")
    with pytest.raises(Conflict, match="还没有答复"):
        await office.decide(entry)
    with pytest.raises(Conflict, match="还没有答复"):
        await office.hear(entry)
    office.wait(14)  # 2026-07-14 is the last day
    assert (await office.view(entry, by="enterprise")).days_left == 0
    with pytest.raises(Conflict, match="还没有答复"):
        await office.decide(entry)
    office.wait(1)
    with pytest.raises(Conflict, match="已经过了"):
        await office.answer(entry)
    with pytest.raises(Conflict, match="还没有听证"):
        await office.decide(entry)
    await office.hear(entry)
    assert (await office.decide(entry)).status == "listed"


async def test_a_red_list_entry_needs_no_hearing_unless_asked_for(office):
    index = await office.fact("award.government", level="市")
    red = {"list": "red", "measures": ("R-M1",), "reason": "多次受到表彰"}
    entry = await office.enter(index, until="noticed", **red)
    await office.answer(entry, objects=False, hearing="")
    assert (await office.decide(entry)).status == "listed"
    other = await office.fact("award.government", level="市", subject=("USCC", OTHER))
    asked = await office.enter(other, until="noticed", subject=OTHER, **red)
    await office.answer(asked, by="competitor", objects=True, hearing="asked")
    with pytest.raises(Conflict, match="还没有听证"):
        await office.decide(asked)


async def test_the_red_list_is_closed_while_a_grave_fact_is_live(office):
    award = await office.fact("award.government", level="市")
    red = {"list": "red", "measures": ("R-M1",), "reason": "表彰"}
    entry = await office.enter(award, until="answered", **red)
    grave = await office.fact()
    with pytest.raises(Conflict, match=f"第 {grave} 条"):
        await office.decide(entry)
    with pytest.raises(Conflict) as refused:
        await office.propose(award, by="second_officer", **red)
    assert refused.value.slug == "entry-barred"


async def test_the_red_list_is_closed_at_publication_too_and_while_the_log_is_behind(office):
    award = await office.fact("award.government", level="市")
    red = {"list": "red", "measures": ("R-M1",), "reason": "表彰"}
    entry = await office.enter(award, until="listed", **red)
    record = (await office.prepare(entry)).body
    await office.world.propose(office.world.draft(code="tender.collusion"))
    with pytest.raises(Conflict) as refused:  # effective, and not numbered yet
        await office.prepare(entry)
    assert refused.value.slug == "log-behind"
    await office.world.sequence()
    signed = log.sign_record(
        office.world.keys["city_authority"], "list-entry", new_id(office.clock.now()), record
    )
    with pytest.raises(Conflict) as refused:
        await office.publish(entry, record=signed)
    assert refused.value.slug == "entry-barred"
    assert await office.lists() == []
    await office.decide(entry, "rejected")  # the decision is taken back instead


async def test_who_is_on_the_black_list_does_not_come_onto_the_red_one(office):
    grave = await office.fact(occurred_on="2024-07-15")  # counts until 2026-07-15
    award = await office.fact("award.government", level="市")
    await office.enter(grave)
    office.wait(30)
    with pytest.raises(Conflict, match="还在黑名单上"):
        await office.propose(award, list="red", measures=("R-M1",), reason="表彰")


async def test_an_entry_whose_fact_is_gone_is_neither_decided_nor_published(office):
    fact = await office.fact(occurred_on="2024-07-15")
    entry = await office.enter(fact, until="answered")
    office.wait(15)  # the fact counts no more
    with pytest.raises(Conflict, match=f"第 {fact} 条"):
        await office.decide(entry)
    office.wait(-15)
    await office.decide(entry)
    office.wait(15)
    with pytest.raises(Conflict, match=f"第 {fact} 条"):
        await office.prepare(entry)
    await office.decide(entry, "rejected")


async def test_only_the_very_record_shown_signed_by_the_publisher_is_taken(office):
    entry = await office.enter(await office.fact(), until="listed")
    body = (await office.prepare(entry)).body
    keys, now = office.world.keys, office.clock.now()

    def sign(name="city_authority", kind="list-entry", **changed):
        return log.sign_record(keys[name], kind, new_id(now), {**body, **changed})

    for record in (
        sign(measures=["B-M6"]), sign(until="2036-06-30"), sign(basis="《办法》第一条"),
        sign(kind="list-exit"), sign(facts=[]), sign(subjects=[{"scheme": "USCC", "id": OTHER}]),
    ):  # fmt: skip
        with pytest.raises(Conflict) as refused:
            await office.publish(entry, record=record)
        assert refused.value.slug == "body-outdated"
    with pytest.raises(Forbidden, match="自己的密钥"):
        await office.publish(entry, record=sign("reviewer"))
    twice = log.sign_record(keys["reviewer"], "list-entry", new_id(now), body)
    twice = log.sign_record(keys["city_authority"], twice.kind, UUID(twice.id), body, twice.sigs)
    with pytest.raises(Forbidden):
        await office.publish(entry, record=twice)
    yesterday = sign()
    office.wait(1)
    with pytest.raises(Conflict) as refused:
        await office.publish(entry, record=yesterday)
    assert refused.value.slug == "body-outdated"


async def test_a_statutory_bar_says_so_with_its_article(office):
    entry = await office.enter(
        await office.fact(), list_kind="statutory", law=LAW, measures=("B-M6",)
    )
    assert (await office.view(entry)).effect == "statutory bar"
    assert await office.lists() == [
        {
            "list": "black",
            "kind": "statutory",
            "legal_basis": f"{LAW}；DB1502/T XX-2021 §7.3.3",
            "effect": "statutory bar",
        }
    ]


async def test_an_entry_ends_by_its_term_without_anybodys_doing(office, first_day):
    fact = await office.fact(code="fund.misuse")  # counts for 36 months
    entry = await office.enter(fact)
    last = date(2027, 6, 29)
    assert await office.lists(valid_at=last)
    assert await office.lists(valid_at=last + timedelta(days=1)) == []
    office.wait(364)
    assert (await office.view(entry)).status == "published"
    office.wait(1)
    assert (await office.view(entry)).status == "ended"
    assert await office.lists(
        valid_at=first_day
    )  # it was in force on that day, and nothing undid it
    async with office.world.db.city(CITY) as conn:
        listed = await service.listed_page(
            conn, office.pack, Sought(LAST_ID, "black"), on=office.clock.today(), limit=10
        )
        (suggestion,) = await service.suggestions(conn, office.pack, on=office.clock.today())
    assert (listed, suggestion.reason) == ([], "term")
    with pytest.raises(Conflict, match="已到期"):
        await office.leave(entry)
    assert await due_of(office, entry) != []
    async with office.world.db.transaction(CITY) as conn:
        assert await service.end_lapsed(conn, office.clock) == 1
        assert await service.end_lapsed(conn, office.clock) == 0
    assert await due_of(office, entry) == []  # a late review is nobody's business any more
    again = await office.propose(fact)  # and there is room for a new proposal
    assert (await office.view(again)).status == "proposed"
    assert (await office.view(entry)).status == "ended"


async def test_reviews_follow_each_other_and_never_pass_the_term(office):
    entry = await office.enter(await office.fact(code="fund.misuse"))

    async def review():
        await office.act(service.review, "reviewer", office.pack, entry, "继续列入。")
        return (await office.view(entry)).review_on, await due_of(office, entry)

    office.wait(180)
    day, due = await review()
    assert (day, due) == ("2027-06-27", [("review", "lists:decide", None, date(2027, 6, 27))])
    office.wait(100)
    assert await review() == ("2027-06-30", [])  # the term's own end: nothing to review then
    with pytest.raises(Forbidden):
        await office.act(service.review, "officer", office.pack, entry, "继续列入。")


async def test_a_repaired_fact_is_a_reason_to_look_and_not_an_exit_by_itself(office):
    fact = await office.fact(occurred_on="2024-07-15")
    lasting = await office.fact(code="fund.misuse")
    entry = await office.enter(fact, lasting)
    with pytest.raises(Conflict, match="都还有效"):
        await office.leave(entry, "repaired")

    async def suggested():
        async with office.world.db.city(CITY) as conn:
            found = await service.suggestions(conn, office.pack, on=office.clock.today())
        return [(one.reason, one.facts) for one in found]

    assert await suggested() == []
    office.wait(20)
    assert await suggested() == [("facts", (fact,))]
    assert len(await office.lists()) == 1
    await office.act(service.review, "reviewer", office.pack, entry, "其余事实仍有效。")
    await office.leave(entry, "repaired")
    await office.publish(entry)
    assert await office.lists() == []
    assert await suggested() == []


async def test_a_repair_is_suggested_for_an_exit_and_its_fact_is_named_no_more(office):
    fact = await office.fact()
    entry = await office.enter(fact)
    assert [one.title for one in (await office.view(entry)).facts] == ["串标、买标"]
    await office.repair(fact)
    (shown,) = (await office.view(entry)).facts
    assert (shown.index, shown.title, shown.record, shown.live) == (fact, "", None, False)
    async with office.world.db.city(CITY) as conn:
        (one,) = await service.suggestions(conn, office.pack, on=office.clock.today())
    assert (one.reason, one.facts) == ("facts", (fact,))
    assert len(await office.lists()) == 1  # until somebody decides
    await office.leave(entry, "repaired")
    record = await office.publish(entry)
    assert record.body["reason"] == "repaired"
    assert await office.lists() == []
    with pytest.raises(Conflict):
        await office.propose(fact)


async def test_an_entry_without_a_live_fact_cannot_be_continued(office):
    entry = await office.enter(await office.fact(occurred_on="2024-07-15"))
    office.wait(20)
    with pytest.raises(Conflict, match="应当移出"):
        await office.act(service.review, "reviewer", office.pack, entry, "继续。")


async def test_who_left_a_list_is_sealed_for_the_auditor(office):
    entry = await office.enter(await office.fact())
    await office.leave(entry)
    await office.publish(entry)

    async def seen(name):
        lines = await office.act(service.entries_page, name, after=UUID(int=0), limit=10)
        return [UUID(one.id) for one in lines]

    assert await seen("officer") == []
    with pytest.raises(NotFound):
        await office.view(entry)
    assert await seen("auditor") == [entry]
    assert (await office.view(entry, by="auditor")).exit_kind == "review"
    # The enterprise itself sees what became of its own entry, another one nothing.
    assert await seen("enterprise") == [entry]
    assert await seen("competitor") == []
    with pytest.raises(NotFound):
        await office.view(entry, by="competitor")


async def test_a_managers_entry_names_a_pseudonym_and_is_forgotten_in_time(office):
    index = await office.fact(
        "neglect.duty",
        primary="manager",
        subjects=[{"scheme": "USCC", "id": ENTERPRISE}, {"scheme": "PROJECT", "id": "XQ-1"},
                  {"scheme": "MANAGER", "id": "FZR-1"}],
    )  # fmt: skip
    with pytest.raises(Conflict):  # a person's own conduct is not the enterprise's
        await office.propose(index)
    paper = await office.file(by="enterprise")
    entry = await office.enter(index, until="noticed", subject_kind="manager", subject="FZR-1")
    assert await due_of(office, entry) != []
    with pytest.raises(Invalid, match="书面材料"):  # an employer does not speak for the person
        await office.answer(entry, hearing="waived")
    await office.answer(entry, hearing="waived", files=[paper])
    await office.decide(entry)
    record = await office.publish(entry)
    assert record.body["subjects"] == [{"scheme": "MANAGER", "id": "FZR-1"}]
    assert "负责人1" not in str(record.body)
    view = await office.view(entry)
    assert (view.name, view.until, view.retain_until) == (None, "2027-06-30", "2027-12-30")
    assert await office.lists() == []  # it is not the enterprise's
    async with office.world.db.city(CITY) as conn:
        found = await grades.listings(conn, ["FZR-1"], valid_at=office.clock.today(), people=True)
    assert [one.kind for one in found["FZR-1"]] == ["self-discipline"]
    office.wait(365 + 184)
    for name in ("officer", "enterprise"):
        with pytest.raises(NotFound):
            await office.view(entry, by=name)
    assert (await office.view(entry, by="auditor")).status == "ended"


async def test_an_answer_names_what_its_own_side_uploaded_alone(office):
    fact = await office.fact()
    entry = await office.enter(fact, until="noticed")
    theirs = await office.file(by="competitor")
    with pytest.raises(Conflict) as refused:
        await office.answer(entry, files=[theirs])
    assert refused.value.slug == "evidence-unknown"
    own = await office.file("b", by="enterprise")
    assert (await office.answer(entry, hearing="asked", files=[own])).status == "answered"
    # The hearing goes back to what the entry names, not to what others uploaded.
    hear = service.hear, "hearer", office.pack, entry, "听证笔录。"
    with pytest.raises(Conflict):
        await office.act(*hear, [own, theirs])
    assert (await office.act(*hear, [own])).status == "heard"


async def test_a_person_without_an_employer_is_told_by_the_officer(office):
    index = await office.fact(
        "neglect.duty",
        primary="manager",
        subjects=[{"scheme": "USCC", "id": ENTERPRISE}, {"scheme": "PROJECT", "id": "XQ-1"},
                  {"scheme": "MANAGER", "id": "FZR-1"}],
    )  # fmt: skip
    async with office.world.db.city(CITY) as conn:
        await conn.execute("UPDATE post SET until = '2026-06-15' WHERE manager = 'FZR-1'")
    entry = await office.enter(index, until="noticed", subject_kind="manager", subject="FZR-1")
    terms_ = [(kind, scope, party) for kind, scope, party, _ in await due_of(office, entry)]
    assert terms_ == [("answer", "lists:propose", None), ("hearing", "events:hear", None)]
    with pytest.raises(NotFound):  # it stands in nobody's portal, not in a former employer's
        await office.view(entry, by="enterprise")
    paper = await office.file()
    with pytest.raises(Forbidden) as refused:  # nobody speaks for the subject against itself
        await office.answer(entry, by="officer", hearing="waived", files=[paper])
    assert refused.value.slug == "four-eyes"
    done = await office.answer(entry, by="second_officer", hearing="waived", files=[paper])
    assert done.status == "answered"


async def test_no_officer_takes_the_hearing_of_an_enterprise_away(office):
    entry = await office.propose(await office.fact())
    await office.notice(entry, by="second_officer")
    paper = await office.file()
    for name in ("officer", "second_officer"):
        with pytest.raises(Forbidden) as refused:
            await office.answer(entry, by=name, files=[paper])
        assert refused.value.slug == "four-eyes"
    await office.world.hire("third_officer", "association_officer")
    with pytest.raises(Conflict) as refused:
        await office.answer(entry, by="third_officer", hearing="waived", files=[paper])
    assert refused.value.slug == "waiver-by-portal"
    await office.answer(entry, by="third_officer", files=[paper])
    hears, decides = office.actor("hearer").scopes, office.actor("reviewer").scopes
    for name in ("second_officer", "third_officer"):
        office.world.actors[name] = replace(office.actor(name), scopes=hears | decides)
        for step in (office.hear, office.decide):
            with pytest.raises(Forbidden) as refused:
                await step(entry, by=name)
            assert refused.value.slug == "four-eyes"
    assert (await office.hear(entry)).status == "heard"


async def test_a_rejected_persons_entry_is_forgotten_too(office):
    index = await office.fact(
        "neglect.duty",
        primary="manager",
        subjects=[{"scheme": "USCC", "id": ENTERPRISE}, {"scheme": "PROJECT", "id": "XQ-1"},
                  {"scheme": "MANAGER", "id": "FZR-1"}],
    )  # fmt: skip
    entry = await office.propose(index, subject_kind="practitioner", subject="FZR-1")
    with pytest.raises(Conflict) as refused:  # one person, whatever the role is called
        await office.propose(index, subject_kind="manager", subject="FZR-1")
    assert refused.value.slug == "entry-exists"
    await office.decide(entry, "rejected")
    assert (await office.view(entry)).retain_until == "2026-12-30"
    office.wait(200)
    with pytest.raises(NotFound):
        await office.view(entry)


async def test_a_view_says_what_may_be_done_now_and_why_not(office):
    entry = await office.enter(await office.fact(), until="noticed")

    async def may(name):
        return {one.act: one.refusal for one in (await office.view(entry, by=name)).may}

    assert (await may("officer"))["notice"].startswith("这一条已告知")
    assert set(await may("reviewer")) == {"hear", "list", "reject", "continue", "leave"}
    assert "还没有答复" in (await may("reviewer"))["list"]
    assert (await may("reviewer"))["reject"] is None
    assert await may("enterprise") == {"answer": None}
    view = await office.view(entry, by="enterprise")
    assert (view.proposed_by, {one.by for one in view.steps}) == (None, {None})
    assert (await office.view(entry)).proposed_by == office.actor("officer").person_id
    assert (view.days_left, view.answer_due) == (10, "2026-07-14")
    assert [one.live for one in view.facts] == [True]
    assert [one.text for one in view.measures] == ["警告", "行业内通报批评"]


async def test_hostile_texts_are_kept_as_texts(office):
    text = "'; DROP TABLE list_step; -- <script>alert(1)</script> {{7*7}} %s \u202e"
    entry = await office.propose(await office.fact(), reason=text)
    assert (await office.view(entry)).reason == text
    await office.notice(entry)
    with pytest.raises(Invalid):
        await office.answer(entry, text="a\0b")
    with pytest.raises(Invalid):
        await office.answer(entry, text="很" * 4001)
    await office.answer(entry, text=text)
    assert (await office.view(entry)).steps[-1].text == text


async def test_files_nobody_kept_are_refused(office):
    entry = await office.enter(await office.fact(), until="noticed")
    with pytest.raises(Conflict) as refused:
        await office.answer(entry, files=["sha256:" + "0" * 64])
    assert refused.value.slug == "evidence-unknown"
    with pytest.raises(Invalid, match="书面材料"):
        await office.answer(entry, by="second_officer")
    paper = await office.file()
    done = await office.answer(entry, by="second_officer", files=[paper])
    assert done.status == "answered"
