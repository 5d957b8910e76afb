"""Award gates (评优资格): may this subject apply? Answered with reasons and the log behind them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import msgspec

from credit.blacklist import logic
from credit.blacklist.service.facts import unrepaired
from credit.blacklist.views import GateAnswer, GateReason
from credit.grades import service as grades
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Invalid, NotFound
from credit.kit.texts import say
from credit.log import service as log
from credit.parties import service as parties
from credit.rules.eligibility import EligibilityFacts, check_eligibility
from credit.rules.gates import EligibilityRule
from credit.rules.grading import Fact
from credit.rules.model import Grading, Sheet
from credit.rules.pack import Pack

__all__ = ["GateQuestion", "award_gates", "flags_asked"]

PROJECT_KINDS = ("credit-event", "event-corrected")


@dataclass(frozen=True, slots=True)
class GateQuestion:
    """Who wants to apply for the award of a sheet, with what only the asker can state.

    `flags` say yes or no by name, `awards` are sheets of which an award was won this year.
    """

    sheet: str
    subject: str
    flags: Mapping[str, bool]
    awards: Collection[str] = ()


class _Subject(msgspec.Struct, gc=False):
    """A subject as a record names it."""

    scheme: str
    id: str


class _Body(msgspec.Struct, gc=False):
    """What is read here of a fact."""

    subjects: list[_Subject]


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What counts for a subject, each with the log index it comes from (None: not numbered yet)."""

    events: tuple[tuple[int, str, date], ...] = ()
    grade: tuple[int | None, str] | None = None
    listed: tuple[tuple[int | None, str], ...] = ()


async def award_gates(
    conn: Connection, clock: Clock, pack: Pack, question: GateQuestion
) -> GateAnswer:
    """Answer whether a subject may apply for the award of a sheet today.

    Facts, grade and black list come from the log; a flag nobody states bars nothing and is named.
    NotFound without the sheet or the subject.
    """
    today = clock.today()
    rules = pack.on(today)
    sheet = rules.sheets.get(question.sheet)
    if sheet is None:
        raise NotFound(
            say("规则包 %(id)s 没有评分表“%(sheet)s”。", id=pack.head.id, sheet=question.sheet)
        )
    asked = [rule for rule in rules.grading.eligibility if question.sheet in rule.sheets]
    size = await log.size_at(conn, None)
    evidence = await _evidence(conn, sheet, question.subject, today, size)
    reasons, note = _reasons(rules.grading, question, evidence, today), ""
    if not asked:
        note = say(
            "规则包 %(id)s 没有为“%(title)s”规定参评条件，请按当期评选文件办理。",
            id=pack.head.id,
            title=sheet.title,
        )
    unstated = logic.flags_of(asked) - set(question.flags)
    return GateAnswer(
        question.sheet,
        question.subject,
        today.isoformat(),
        pack.head.id,
        size,
        not reasons if asked else None,
        tuple(reasons),
        tuple(sorted(unstated)),
        evidence.grade[1] if evidence.grade else None,
        note,
    )


def flags_asked(rules: Collection[EligibilityRule], sheet: str) -> set[str]:
    """Return what the gates of a sheet ask that only the applicant can state."""
    return logic.flags_of([one for one in rules if sheet in one.sheets])


async def _evidence(conn: Connection, sheet: Sheet, subject: str, on: date, size: int) -> _Evidence:
    """Gather what the log says of a subject of the sheet's kind."""
    if sheet.subject == "enterprise":
        await parties.find_enterprise(conn, subject)
        return await _of_enterprise(conn, subject, on, size)
    if sheet.subject == "project":
        return await _of_project(conn, subject, on, size)
    if sheet.subject == "practitioner":
        (placed,) = await parties.place(conn, ["manager"], [subject], [on])
        _refuse_unknown(known=placed.known)
        return _Evidence(listed=await _on_blacklist(conn, [], [subject], on))
    if sheet.subject == "committee":
        await parties.represented(conn, subject, on)
        return _Evidence()
    raise Invalid(say("“%(title)s”评的不是可以申请奖项的对象。", title=sheet.title))


async def _of_enterprise(conn: Connection, code: str, on: date, size: int) -> _Evidence:
    (record,) = await grades.subject_records(conn, [code], size)
    return _Evidence(
        _events(unrepaired(record.facts, on)),
        await _grade(conn, code, on),
        await _on_blacklist(conn, [code], [], on),
    )


async def _of_project(conn: Connection, code: str, on: date, size: int) -> _Evidence:
    """Gather a project's own facts, whoever managed it, and the black list of its people today."""
    (placed,) = await parties.place(conn, ["project"], [code], [on])
    _refuse_unknown(known=placed.known)
    subject = ("PROJECT", code)
    chain = (await log.chains(conn, [subject], size, PROJECT_KINDS, _Body))[subject]
    named = {entry.id for entry in chain}
    answering = list(dict.fromkeys(entry.body.subjects[0].id for entry in chain))
    records = await grades.subject_records(conn, answering, size)
    facts = [one for record in records for one in record.facts if one.id in named]
    grade = await _grade(conn, placed.enterprise, on) if placed.enterprise else None
    enterprises = [placed.enterprise] if placed.enterprise else []
    people = [placed.manager] if placed.manager else []
    return _Evidence(
        _events(unrepaired(facts, on)), grade, await _on_blacklist(conn, enterprises, people, on)
    )


async def _grade(conn: Connection, code: str, on: date) -> tuple[int | None, str] | None:
    standing = (await grades.standings(conn, [code], valid_at=on, size=None)).get(code)
    if standing is None or standing.published is None or standing.published.grade is None:
        return None
    return standing.published.index, standing.published.grade


async def _on_blacklist(
    conn: Connection, enterprises: list[str], people: list[str], on: date
) -> tuple[tuple[int | None, str], ...]:
    """Return (log index, kind) of black-list entries; a manager is one of the practitioners."""
    kinds: tuple[tuple[list[str], bool, Literal["enterprise", "practitioner"]], ...] = (
        (enterprises, False, "enterprise"),
        (people, True, "practitioner"),
    )
    listed = []
    for codes, of_people, kind in kinds:
        found = await grades.listings(conn, codes, valid_at=on, people=of_people)
        rows = [one for group in found.values() for one in group if one.list_name == "black"]
        indexes = await log.index_of(conn, [one.record_id for one in rows]) if rows else {}
        listed += [(indexes.get(one.record_id), kind) for one in rows]
    return tuple(listed)


def _events(facts: Collection[Fact]) -> tuple[tuple[int, str, date], ...]:
    return tuple((one.log_index, one.code, one.occurred_on) for one in facts)


def _refuse_unknown(*, known: bool) -> None:
    if not known:
        raise NotFound(say("登记册里没有这个对象。请核对代码。"), slug="no-such-subject")


def _reasons(
    grading: Grading, question: GateQuestion, evidence: _Evidence, on: date
) -> list[GateReason]:
    """Return every gate that holds, with the log entries that alone would make it hold."""
    stated = EligibilityFacts(
        dict(question.flags), awards=frozenset((sheet, on.year) for sheet in question.awards)
    )
    whole = replace(
        stated,
        events=tuple((code, day) for _, code, day in evidence.events),
        grade=evidence.grade[1] if evidence.grade else None,
        blacklists=frozenset(kind for _, kind in evidence.listed),
    )
    alone: list[tuple[int | None, EligibilityFacts]] = [
        (index, replace(stated, events=((code, day),))) for index, code, day in evidence.events
    ]
    alone += [
        (index, replace(stated, blacklists=frozenset({kind}))) for index, kind in evidence.listed
    ]
    if evidence.grade:
        alone.append((evidence.grade[0], replace(stated, grade=evidence.grade[1])))
    behind: dict[str, set[int]] = {}
    given = {one.id for one in check_eligibility(grading, question.sheet, stated, on)}
    for index, facts in alone:
        for one in check_eligibility(grading, question.sheet, facts, on):
            if index is not None and one.id not in given:
                behind.setdefault(one.id, set()).add(index)
    return [
        GateReason(one.id, one.text, one.source, tuple(sorted(behind.get(one.id, ()))))
        for one in check_eligibility(grading, question.sheet, whole, on)
    ]
