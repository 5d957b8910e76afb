"""A bad fact takes its course: notice, answers, hearing, decision, each by whom and when it may."""

import asyncio
from dataclasses import replace
from datetime import date
from uuid import UUID

import asyncpg
import msgspec
import pytest
from tests.events.conftest import PROOF

from credit.events import service
from credit.events.course.views import OPEN_STATES, Answer
from credit.events.service import notice_of
from credit.events.views import EvidenceRef
from credit.kit.db import PORTAL_ROLE
from credit.kit.errors import Conflict, CreditError, Forbidden, Invalid, NotFound
from credit.terms import service as terms

CITY = "150200"
ENTERPRISE, OTHER = "91150200MA0000000C", "91150200MA0000001F"
MINOR, GENERAL, SERIOUS = "disclosure.missing", "wages.arrears", "exit.refused"
PUBLIC = {"code": "penalty.administrative", "level": "市"}


async def refused(work, kind=Conflict) -> str:
    """Return the slug of a refusal."""
    with pytest.raises(kind) as caught:
        await work
    assert caught.value.detail.endswith("。")
    return caught.value.slug


# The way of a fact


async def test_a_fact_goes_from_notice_over_objection_and_hearing_to_its_decision(office, world):
    fact = await office.propose(GENERAL)
    assert (await office.course(fact)).state == "proposed"
    assert await refused(office.decide(fact)) == "notice-first"
    (course,) = await office.notify(fact)
    assert (course.state, str(course.objection_due)) == ("noticed", "2026-07-14")
    assert await office.terms(fact) == {
        "rectification": "2026-07-09",
        "objection": "2026-07-14",
        "decision": "2026-07-28",
    }
    assert await refused(office.decide(fact)) == "objection-open"
    office.at("2026-07-10")
    await office.answer(fact, "object")
    assert await office.terms(fact) == {
        "rectification": "2026-07-09",
        "hearing": "2026-07-31",
        "decision": "2026-08-14",
    }
    assert await refused(office.decide(fact)) == "objection-unheard"
    await office.hear(fact)
    assert await office.terms(fact) == {"rectification": "2026-07-09", "decision": "2026-08-14"}
    assert (await office.decide(fact)).status == "effective"
    assert await office.terms(fact) == {}
    view = await office.view(fact)
    assert [one.kind for one in view.steps] == ["noticed", "objected", "heard"]
    assert [one.number for one in view.steps] == [1, 2, 3]
    assert view.event.row.outcome == "accepted"
    await world.sequence()
    assert (await office.act(lambda conn: service.state_of(conn, fact))).index is not None


async def test_in_silence_a_general_fact_is_decided_when_the_term_is_over(office):
    fact = await office.propose(GENERAL)
    await office.notify(fact)
    office.at("2026-07-14", 15)  # 23:00 in China: the last day still counts
    assert await refused(office.decide(fact)) == "objection-open"
    office.at("2026-07-14", 16)
    assert (await office.decide(fact)).status == "effective"


async def test_on_the_last_day_an_objection_counts_and_on_the_next_it_is_late(office):
    first, second = await office.propose(GENERAL), await office.propose(GENERAL)
    await office.notify(first, second)
    office.at("2026-07-14", 15)
    assert (await office.answer(first, "object")).state == "objected"
    office.at("2026-07-14", 16)
    assert await refused(office.answer(second, "object")) == "objection-late"


async def test_silence_is_no_consent_to_a_serious_fact(office):
    fact = await office.propose(SERIOUS)
    await office.notify(fact)
    assert await office.terms(fact) == {
        "rectification": "2026-07-21",
        "objection": "2026-07-21",
        "hearing": "2026-08-18",
        "decision": "2026-09-08",
    }
    assert await refused(office.hear(fact)) == "objection-open"
    office.at("2026-08-01")
    assert await refused(office.decide(fact)) == "hearing-first"
    await office.hear(fact)
    assert await refused(office.decide(fact)) == "measures-missing"
    await office.answer(fact, "rectify")
    assert await refused(office.decide(fact)) == "measures-missing"
    await office.answer(fact, "rectify", measures=True)
    assert (await office.decide(fact)).status == "effective"


async def test_measures_may_be_laid_down_by_who_hears(office):
    fact = await office.propose(SERIOUS)
    await office.notify(fact)
    office.at("2026-08-01")
    await office.hear(fact, measures=True)
    assert (await office.decide(fact)).status == "effective"


async def test_what_was_acknowledged_waits_for_no_term_and_can_be_objected_to_no_more(office):
    fact = await office.propose(GENERAL)
    await office.notify(fact)
    assert (await office.answer(fact, "acknowledge")).state == "acknowledged"
    assert await refused(office.answer(fact, "object")) == "already-acknowledged"
    assert await refused(office.answer(fact, "acknowledge")) == "already-acknowledged"
    assert (await office.decide(fact)).status == "effective"


async def test_an_upheld_objection_can_only_end_in_a_refusal(office, world):
    fact = await office.propose(GENERAL)
    await office.notify(fact)
    await office.answer(fact, "object")
    await office.hear(fact, "upheld")
    assert await refused(office.decide(fact)) == "objection-upheld"
    assert (await office.decide(fact, "refused")).status == "refused"
    assert (await office.course(fact)).state == "dropped"
    await world.sequence()
    assert (await office.act(lambda conn: service.state_of(conn, fact))).index is None


async def test_a_partly_upheld_objection_needs_the_deciders_reason(office):
    fact = await office.propose(GENERAL)
    await office.notify(fact)
    await office.answer(fact, "object")
    await office.hear(fact, "partly")
    assert await refused(office.decide(fact, reason="　")) == "reason-missing"
    assert (await office.decide(fact, reason="只认定第二项")).status == "effective"


async def test_a_proposal_may_be_dropped_at_any_time(office):
    for steps in ((), ("notify",), ("notify", "object")):
        fact = await office.propose(GENERAL)
        for step in steps:
            await (office.notify(fact) if step == "notify" else office.answer(fact, step))
        assert (await office.decide(fact, "refused")).status == "refused"
        assert await office.terms(fact) == {}


async def test_good_and_neutral_facts_take_no_course(office, world):
    (state,) = await world.propose(world.draft(code="award.government", level="市"))
    assert state.status == "effective"
    with pytest.raises(NotFound):
        await office.notify(UUID(state.id))
    with pytest.raises(NotFound):
        await office.view(UUID(state.id))


async def test_an_authoritys_decision_is_decided_at_once_and_noticed_with_it(office, world):
    (state,) = await world.propose(world.draft(**PUBLIC))
    fact = UUID(state.id)
    assert state.status == "effective"
    course = await office.course(fact)
    assert (course.state, course.elsewhere, str(course.noticed_on)) == (
        "effective", True, "2026-06-30",
    )  # fmt: skip
    view = await office.view(fact)
    assert [one.kind for one in view.steps] == ["noticed"]
    notice = notice_of(view.event, view.course, world.pack.on(date(2026, 6, 30)))
    assert notice.with_decision
    assert str(notice.repair.from_on) == "2026-09-30"
    proposed = await office.propose(PUBLIC["code"], level="区")
    assert await refused(office.notify(proposed)) == "notice-with-decision"
    assert await refused(office.answer(proposed, "object")) == "objection-elsewhere"
    assert await refused(office.hear(proposed)) == "not-heard-here"
    assert (await office.decide(proposed)).status == "effective"


async def test_two_signatures_at_once_are_refused_where_notice_is_due(office, world):
    good, bad = world.draft(), world.draft(code=GENERAL)
    with pytest.raises(Conflict) as caught:
        await office.act(
            lambda conn: service.propose(
                conn, world.clock, world.actors["officer"], world.pack, [good, bad]
            )
        )
    assert caught.value.slug == "notice-first"
    assert [one.field for one in caught.value.errors] == ["items[1].sigs"]
    assert "告知" in caught.value.detail


async def test_a_correction_to_a_bad_fact_is_noticed_like_one(office, world):
    import msgspec

    from credit.events.views import Correction
    from credit.kit.ids import new_id
    from credit.log.service import sign_record

    (_state,) = await world.propose(fact := world.draft())
    body = {**world.body(code=GENERAL), "target": fact.id}
    record = sign_record(world.keys["officer"], "event-corrected", new_id(world.clock.now()), body)
    sigs = [{"kid": s.kid, "alg": s.alg, "sig": s.sig} for s in record.sigs]
    draft = msgspec.convert(
        {"id": record.id, "kind": "event-corrected", "body": body, "sigs": sigs}, Correction
    )
    await world.propose(draft)
    assert await refused(office.decide(UUID(draft.id))) == "notice-first"
    await office.notify(UUID(draft.id))
    await office.answer(UUID(draft.id), "acknowledge")
    assert (await office.decide(UUID(draft.id))).status == "effective"


# Who may


async def test_nobody_decides_or_hears_what_passed_through_their_hands(office, world):
    await world.hire("all", "association_officer")
    everything = frozenset().union(*(one.scopes for one in world.actors.values()))
    from dataclasses import replace

    for name in ("officer", "all", "hearer", "reviewer"):
        world.actors[name] = replace(world.actors[name], scopes=everything, party=None)
    fact = await office.propose(GENERAL)
    await office.notify(fact, by="all")
    await office.answer(fact, "object")
    for name in ("officer", "all"):
        assert await refused(office.hear(fact, by=name), Forbidden) == "four-eyes"
    await office.hear(fact)
    for name in ("officer", "hearer"):
        assert await refused(office.decide(fact, by=name), Forbidden) == "four-eyes"
        assert await refused(office.decide(fact, "refused", by=name), Forbidden) == "four-eyes"
    assert (await office.decide(fact)).status == "effective"


async def test_each_step_asks_for_its_scope(office):
    fact = await office.propose(GENERAL)
    assert await refused(office.notify(fact, by="reviewer"), Forbidden) == "forbidden"
    await office.notify(fact)
    await office.answer(fact, "object")
    assert await refused(office.hear(fact, by="officer"), Forbidden) == "forbidden"
    assert await refused(office.extend(fact, "hearing", 1, by="officer"), Forbidden) == "forbidden"
    await office.hear(fact)
    assert await refused(office.decide(fact, by="city_authority"), Forbidden) == "forbidden"


async def test_only_the_subject_answers_and_only_it_and_the_office_look(office, world):
    fact = await office.propose(GENERAL)
    await office.notify(fact)
    assert await refused(office.answer(fact, "object", by="competitor"), NotFound) == "not-found"
    assert await refused(office.answer(fact, "object", by="auditor"), Forbidden) == "forbidden"
    for name in ("enterprise", "officer", "auditor"):
        assert (await office.view(fact, by=name)).course.event_id == fact
    for name in ("competitor", "bidder"):
        with pytest.raises(NotFound):
            await office.view(fact, by=name)


async def test_an_answer_on_paper_is_taken_in_by_somebody_new_with_the_paper(office, world):
    fact = await office.propose(GENERAL)
    await office.notify(fact)
    assert await refused(office.answer(fact, "object", by="officer"), Forbidden) == "four-eyes"
    colleague = replace(world.actors["officer"], person_id=world.actors["hearer"].person_id)
    world.actors["colleague"] = colleague
    taken = office.answer(fact, "object", by="colleague")
    assert await refused(taken, Invalid) == "paper-missing"
    paper = await office.evidence(by="colleague")
    done = await office.answer(fact, "object", by="colleague", evidence=[paper])
    assert done.state == "objected"
    view = await office.view(fact)
    assert view.steps[-1].done_by == colleague.person_id
    assert [one.kind for one in view.terms] == ["rectification", "hearing", "decision"]


async def test_an_objection_without_a_word_or_with_unknown_evidence_is_refused(office, world):
    fact = await office.propose(GENERAL)
    await office.notify(fact)
    user, clock = world.actors["enterprise"], world.clock
    unknown = EvidenceRef("sha256:" + "0" * 64, 1, "application/pdf")
    for given, kind, slug in (
        (Answer("object"), Invalid, "statement-missing"),
        (Answer("rectify", " \n "), Invalid, "statement-missing"),
        (Answer("object", "不属实", [unknown]), Conflict, "no-such-evidence"),
    ):
        assert slug == await refused(
            office.act(
                lambda conn, given=given: service.answer(
                    conn, clock, user, world.pack, {fact: given}
                )
            ),
            kind,
        )
    proof = await office.evidence()
    assert (await office.answer(fact, "object", evidence=[proof])).state == "objected"
    named = await office.act(
        lambda conn: service.step_evidence(conn, world.actors["officer"], fact, proof.digest)
    )
    assert named == proof
    for actor, digest in (("competitor", proof.digest), ("officer", unknown.digest)):
        with pytest.raises(NotFound):
            await office.act(
                lambda conn, actor=actor, digest=digest: service.step_evidence(
                    conn, world.actors[actor], fact, digest
                )
            )


async def test_a_file_is_named_by_the_side_that_uploaded_it_not_by_who_read_its_digest(
    office, world
):
    for by in ("competitor", "officer"):
        await office.evidence(by=by)
    stated = await office.propose(GENERAL, evidence=[msgspec.to_builtins(PROOF)])
    fact = await office.propose(GENERAL, reference="协告〔2026〕2号")
    await office.notify(stated, fact)
    for kind in ("object", "rectify"):
        assert await refused(office.answer(fact, kind, evidence=[PROOF]), Conflict)
    with pytest.raises(NotFound):
        await office.act(
            lambda conn: service.step_evidence(conn, world.actors["enterprise"], fact, PROOF.digest)
        )
    # What the fact itself names is the subject's to point to, and what it uploads too.
    await office.answer(stated, "rectify", evidence=[PROOF])
    await office.evidence()
    assert (await office.answer(fact, "object", evidence=[PROOF])).state == "objected"
    held = [
        await office.act(
            lambda conn, by=by: service.held_evidence(conn, world.actors[by], [PROOF.digest])
        )
        for by in ("enterprise", "competitor", "officer", "reviewer", "bidder")
    ]
    assert held == [{PROOF.digest}] * 5
    world.actors["enterprise"] = replace(world.actors["enterprise"], party="XQ-1")
    assert not await office.act(
        lambda conn: service.held_evidence(conn, world.actors["enterprise"], [PROOF.digest])
    )


# Terms


async def test_what_waits_for_its_notice_or_an_authoritys_decision_falls_due_and_goes_up(
    office, world
):
    fact, elsewhere = await office.propose(GENERAL), await office.propose(**PUBLIC)
    good = await office.propose("award.government", level="市")
    # Ten working days to decide; a good fact has no term.
    assert [await office.terms(one) for one in (fact, elsewhere, good)] == [
        {"notice": "2026-07-14"}, {"decision": "2026-07-14"}, {}
    ]  # fmt: skip
    desk = await office.act(lambda conn: terms.open_of_office(conn, world.actors["officer"]))
    assert [(one.matter_id, one.title) for one in desk] == [(fact, "送达告知书")]
    (term,) = (await office.view(fact)).terms
    assert (term.title, term.extendable) == ("告知期限", 0)
    assert not (await office.view(fact)).may("extend")
    office.at("2026-07-15")
    assert await office.act(lambda conn: terms.sweep(conn, world.clock, 3)) == 2
    counts = await office.act(lambda conn: service.counts(conn, world.clock))
    assert (counts.late_events, counts.notice) == (2, 1)
    await office.notify(fact)
    assert "notice" not in await office.terms(fact)
    await office.decide(elsewhere)
    assert await office.terms(elsewhere) == {}
    dropped = await office.propose(GENERAL, reference="协告〔2026〕9号")
    await office.decide(dropped, "refused")
    assert await office.terms(dropped) == {}


async def test_a_term_over_national_day_is_counted_by_the_calendar(office):
    office.at("2026-09-28")
    fact = await office.propose(GENERAL)
    (course,) = await office.notify(fact)
    # 29 and 30 September; 1 to 7 October are free, the 10th, a Saturday, is worked.
    assert str(course.objection_due) == "2026-10-16"
    office.at("2026-09-30")
    assert {one.kind: one.days_left for one in (await office.view(fact)).terms} == {
        "rectification": 5, "objection": 8, "decision": 18,
    }  # fmt: skip
    office.at("2026-10-16")
    assert (await office.view(fact)).terms[1].days_left == 0
    office.at("2026-10-19")
    assert (await office.view(fact)).terms[1].days_left == -1


async def test_a_term_is_extended_with_a_reason_and_what_follows_moves_with_it(office):
    fact = await office.propose(GENERAL)
    await office.notify(fact)
    course = await office.extend(fact, "objection", 4)
    assert str(course.objection_due) == "2026-07-20"
    assert await office.terms(fact) == {
        "rectification": "2026-07-09",
        "objection": "2026-07-20",
        "decision": "2026-08-03",
    }
    assert await refused(office.extend(fact, "objection", 7)) == "extended-too-far"
    await office.extend(fact, "objection", 6)
    assert await refused(office.extend(fact, "objection", 1)) == "extended-too-far"
    office.at("2026-07-28")
    assert (await office.answer(fact, "object")).state == "objected"
    assert await refused(office.extend(fact, "objection", 1)) == "term-closed"
    office.at("2026-07-10")
    assert await refused(office.extend(fact, "rectification", 1)) == "term-over"
    await office.extend(fact, "hearing", 10, by="hearer")
    await office.hear(fact)
    view = await office.view(fact)
    assert [one.statement for one in view.steps if one.kind == "extended"] == ["案情复杂"] * 3


async def test_what_is_late_goes_up_a_level_a_time_and_is_decided_by_nobody(office, world):
    fact = await office.propose(GENERAL)
    await office.notify(fact)
    await office.answer(fact, "object")  # the hearing is due on 2026-07-21

    async def levels(day):
        office.at(day)
        await office.act(lambda conn: terms.sweep(conn, world.clock, 3))
        found = await office.act(lambda conn: terms.open_of_matters(conn, [fact]))
        return {one.kind: one.level for one in found}

    assert await levels("2026-07-21") == {"rectification": 0, "hearing": 0, "decision": 0}
    assert (await levels("2026-07-22"))["hearing"] == 1
    assert (await levels("2026-07-23"))["hearing"] == 1
    assert (await levels("2026-07-27"))["hearing"] == 2
    assert (await levels("2026-12-01")) == {"rectification": 0, "hearing": 2, "decision": 1}
    assert (await office.course(fact)).state == "objected"
    (listed,) = await office.act(
        lambda conn: service.courses(
            conn, world.clock, states=["objected"], after=UUID(int=0), limit=9
        )
    )
    assert (listed.due_kind, listed.level, listed.code) == ("hearing", 2, GENERAL)


async def test_facts_from_before_there_were_courses_begin_where_they_stand(office, world):
    good = world.draft()
    await world.propose(good)
    kept, waiting, dropped = [await office.propose(GENERAL) for _ in range(3)]
    await office.notify(kept)
    await office.answer(kept, "acknowledge")
    await office.decide(kept)
    await office.decide(dropped, "refused")
    owner = await asyncpg.connect(world.db.url)
    await owner.execute("SET search_path = city_150200")
    for table in ("event_step", "event_course"):
        await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await owner.execute(f"DELETE FROM {table}")
    await owner.close()
    assert await refused(office.decide(waiting)) == "notice-first"
    assert await refused(office.notify(kept)) == "already-decided"
    assert await refused(office.notify(dropped)) == "already-decided"
    await office.answer(kept, "rectify")
    await office.notify(waiting)
    found = [await office.course(one) for one in (kept, waiting)]
    assert [one.state for one in found] == ["effective", "noticed"]
    assert str(found[0].decided_on) == "2026-06-30"
    with pytest.raises(NotFound):
        await office.notify(UUID(good.id))


# At once


async def test_of_two_decisions_at_once_one_counts(office):
    fact = await office.propose(GENERAL)
    await office.notify(fact)
    await office.answer(fact, "acknowledge")
    outcomes = await asyncio.gather(
        office.decide(fact),
        office.decide(fact, by="second"),
        office.decide(fact, "refused", by="second"),
        return_exceptions=True,
    )
    slugs = [getattr(one, "slug", None) for one in outcomes]
    assert sorted(slugs, key=str) == [None, "already-decided", "already-decided"]


async def test_of_two_objections_at_once_one_counts_and_of_two_notices(office, world):
    fact = await office.propose(GENERAL)
    outcomes = await asyncio.gather(
        office.notify(fact), office.notify(fact), return_exceptions=True
    )
    assert {getattr(one, "slug", None) for one in outcomes} == {None, "already-noticed"}
    outcomes = await asyncio.gather(
        *(office.answer(fact, "object") for _ in range(4)), return_exceptions=True
    )
    assert sorted(getattr(one, "slug", "") for one in outcomes) == ["", *["already-objected"] * 3]
    assert [one.number for one in (await office.view(fact)).steps] == [1, 2]


async def test_a_step_is_never_changed_or_taken_twice(office, world):
    fact = await office.propose(GENERAL)
    await office.notify(fact)
    again = "INSERT INTO event_step SELECT * FROM event_step"
    with pytest.raises(asyncpg.UniqueViolationError):
        await office.act(lambda conn: conn.execute(again))
    for statement in (
        "UPDATE event_step SET kind = 'heard'",
        "DELETE FROM event_step",
        "UPDATE event_course SET severity = 'minor'",
        "UPDATE event_course SET elsewhere = true",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await office.act(lambda conn, statement=statement: conn.execute(statement))


# What is shown


async def test_the_notice_says_what_by_which_clause_at_what_cost_and_which_rights(office, world):
    fact = await office.propose(SERIOUS, occurred_on="2026-06-10")
    before = notice_of(*(await _of(office, fact)), world.pack.on(date(2026, 6, 30)))
    assert (before.noticed_on, before.object_by, before.repair.from_on) == (None, None, None)
    await office.notify(fact)
    notice = notice_of(*(await _of(office, fact)), world.pack.on(date(2026, 6, 30)))
    assert (notice.title, notice.severity, notice.points) == ("擅自撤离或拒不移交", "严重", -30)
    assert (str(notice.rectify_by), str(notice.object_by)) == ("2026-07-21", "2026-07-21")
    assert notice.enterprise_name == "甲物业有限公司"
    assert "宝鸡" in notice.clause
    assert any("2026-07-21" in one and "异议" in one for one in notice.rights)
    assert any("预防措施" in one for one in notice.rights)
    assert any("不视为认可" in one for one in notice.rights)
    assert (notice.repair.min_months, notice.repair.max_months) == (12, 36)


async def _of(office, fact):
    view = await office.view(fact)
    return view.event, view.course


async def test_who_looks_is_told_what_may_be_done_and_why_not(office):
    fact = await office.propose(GENERAL)
    await office.notify(fact)
    acts = {one.act: one.why_not for one in (await office.view(fact, by="enterprise")).acts}
    assert {act for act, why in acts.items() if why is None} == {"acknowledge", "rectify", "object"}
    assert "还没有生效" in acts["repair"]
    view = await office.view(fact, by="reviewer")
    assert not view.may("accept")
    assert view.may("refuse")
    acts = {one.act: one.why_not for one in view.acts}
    assert "2026-07-14" in acts["accept"]
    assert "权限" in acts["notify"]
    assert (await office.view(fact, by="officer")).may("extend")


async def test_an_enterprise_reads_its_own_course_in_its_own_role(office, world):
    mine = await office.propose(GENERAL)
    theirs = await office.propose(GENERAL, subject=("USCC", OTHER))
    await office.notify(mine, theirs)
    for party, own, other in ((ENTERPRISE, mine, theirs), (OTHER, theirs, mine)):
        name = "enterprise" if party == ENTERPRISE else "competitor"
        async with world.db.bound(CITY, PORTAL_ROLE, party=party) as conn:
            view = await service.course_of(conn, world.clock, world.actors[name], world.pack, own)
            assert {one.kind for one in view.terms} == {"rectification", "objection", "decision"}
            listed = await service.courses(
                conn, world.clock, states=OPEN_STATES, after=UUID(int=0), limit=9, enterprise=party
            )
            assert [one.course.event_id for one in listed] == [own]
            with pytest.raises(NotFound):
                await service.course_of(conn, world.clock, world.actors[name], world.pack, other)


async def test_of_a_batch_each_fact_that_cannot_be_decided_is_named(office, world):
    from credit.events.signing import countersign
    from credit.events.store import load_events
    from credit.events.views import Decision

    ready, early = await office.propose(GENERAL), await office.propose(GENERAL)
    await office.notify(ready, early)
    await office.answer(ready, "acknowledge")

    async def work(conn):
        rows = await load_events(conn, [ready, early])
        key = world.keys["reviewer"]
        decisions = {i: Decision("accepted", "属实", countersign(key, rows[i])) for i in rows}
        return await service.decide(conn, world.clock, world.actors["reviewer"], decisions)

    with pytest.raises(CreditError) as caught:
        await office.act(work)
    assert [one.field for one in caught.value.errors] == [str(early)]
    told = await office.act(
        lambda conn: service.decidable(
            conn, world.clock, world.actors["reviewer"], [ready, early], "accepted"
        )
    )
    assert told[ready] is None
    assert "异议期限" in told[early]


async def test_a_bad_fact_shows_no_longer_than_the_rules_allow(office):
    with pytest.raises(Conflict, match="最多公示 12 个月"):
        await office.propose(GENERAL, valid_until="2027-06-02")
    await office.propose(GENERAL, valid_until="2027-06-01")
