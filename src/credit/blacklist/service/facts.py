"""What the log says of subjects, as far as an entry may rest on it."""

from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from credit.blacklist import store
from credit.blacklist.logic import subject_ref
from credit.blacklist.views import KnownFact
from credit.grades import service as grades
from credit.kit.db import Connection
from credit.kit.errors import Conflict
from credit.kit.texts import say
from credit.log import service as log
from credit.log.records import subject_hash
from credit.parties.codes import scheme_of
from credit.rules.grading import Fact, Grader, SubjectRecord, lapse_of

__all__ = ["Known", "known_facts", "refuse_behind", "unrepaired"]

PERSON_KINDS = ("credit-event", "event-corrected")
# What is known of subjects, by (kind, code), in the order of the log.
Known = dict[tuple[str, str], list[KnownFact]]


class _Named(msgspec.Struct, gc=False):
    """A subject as a record names it."""

    id: str


class _Body(msgspec.Struct, gc=False):
    """What is read here of a fact or a published grade."""

    subjects: list[_Named]
    primary: str = ""
    grade: str | None = None
    valid_from: date = date.min


async def known_facts(
    conn: Connection, grader: Grader, subjects: Sequence[tuple[str, str]], on: date
) -> Known:
    """Return what the log says of subjects (kind, code), live on a day or not, in four round trips.

    Which facts stand is read as grading reads it: from the chain of the enterprise that answers.
    """
    size = await log.size_at(conn, None)
    enterprises = [code for kind, code in subjects if kind == "enterprise"]
    people = [code for kind, code in subjects if kind != "enterprise"]
    own, employers = await _own_conduct(conn, people, size)
    codes = list(dict.fromkeys([*enterprises, *employers]))
    standing = {one.subject: one for one in await grades.subject_records(conn, codes, size)}
    published = await _grades(conn, enterprises, size)
    known: Known = {}
    for kind, code in subjects:
        if kind == "enterprise":
            facts = [
                _known(one, grader, on, one.primary != "manager")
                for one in unrepaired(standing[code].facts, on)
            ]
            found = [*facts, *published[code]]
        else:
            found = [
                _known(one, grader, on, own=True)
                for record in standing.values()
                for one in unrepaired(_of_person(record, own[code]), on)
            ]
        known[kind, code] = sorted(found, key=lambda one: one.index)
    return known


def unrepaired(facts: Iterable[Fact], on: date) -> list[Fact]:
    """Leave out what was repaired by a day: it counts for nothing and is shown nowhere."""
    return [one for one in facts if one.repaired_on is None or on < one.repaired_on]


async def refuse_behind(conn: Connection, kind: str, code: str) -> None:
    """Refuse to decide about a subject while the log has not numbered all it was sent of it."""
    ref = subject_ref(kind, code)
    if await store.behind(conn, subject_hash(ref["scheme"], ref["id"])):
        raise Conflict(
            say("这个对象还有新的记录正在编入日志。请过几秒再试，以免遗漏。"), slug="log-behind"
        )


async def _own_conduct(
    conn: Connection, people: Sequence[str], size: int
) -> tuple[dict[str, set[str]], list[str]]:
    """Return the records about each person's own conduct, and who answered for them then."""
    chains = await log.chains(conn, [("MANAGER", one) for one in people], size, PERSON_KINDS, _Body)
    own: dict[str, set[str]] = {one: set() for one in people}
    employers: list[str] = []
    for (_, person), entries in chains.items():
        for entry in entries:
            if entry.body.primary == "manager":
                own[person].add(entry.id)
                employers.append(entry.body.subjects[0].id)
    return own, employers


async def _grades(
    conn: Connection, enterprises: Sequence[str], size: int
) -> dict[str, list[KnownFact]]:
    subjects = {(scheme_of(one), one): one for one in enterprises}
    chains = await log.chains(conn, list(subjects), size, ("grade",), _Body)
    return {
        subjects[subject]: [
            KnownFact(
                entry.index,
                entry.id,
                "grade",
                entry.body.grade or "",
                entry.body.grade or "",
                "neutral",
                None,
                live=True,
                own=True,
                occurred_on=entry.body.valid_from,
            )
            for entry in entries
        ]
        for subject, entries in chains.items()
    }


def _of_person(record: SubjectRecord, own: set[str]) -> list[Fact]:
    return [one for one in record.facts if one.id in own and one.primary == "manager"]


def _known(fact: Fact, grader: Grader, on: date, own: bool) -> KnownFact:
    """Put a fact beside its catalogue entry; one the catalogue no longer has counts for nothing."""
    event = grader.events.get(fact.code)
    live = event is not None and fact.occurred_on <= on < lapse_of(
        event, fact.occurred_on, fact.valid_until
    )
    return KnownFact(
        fact.log_index,
        fact.id,
        "fact",
        fact.code,
        event.title if event else fact.code,
        event.polarity if event else "neutral",
        event.severity if event else None,
        live,
        own,
        fact.occurred_on,
    )
