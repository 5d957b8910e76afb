"""Evaluations as pure decisions: merging entries, deriving inputs, the record of a closing."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from msgspec import Struct

from credit.kit.texts import say
from credit.log.views import ChainEntry
from credit.parties.logic import lies_within
from credit.parties.views import Placed
from credit.rules.model import EventDerived, GradeGate, Sheet
from credit.rules.sheets import SheetResult
from credit.rules.trace import text

__all__ = [
    "SUBJECTS",
    "RecordBody",
    "changed_inputs",
    "clashing_rows",
    "closing_body",
    "derived_inputs",
    "evaluable",
    "may_judge",
    "merge_inputs",
    "placement_fault",
    "reason_faults",
    "without_reasons",
]

REASON_CHARS_MAX = 1000
DISTRICT_DIGITS = 6
# The ways to give a row, what is merged row by row, and what a later entry replaces as a whole.
WAYS = ("marks", "findings", "rates")
MERGED = (*WAYS, "reasons")
WHOLE = ("variant", "negative", "survey")
# Whom an evaluation may be about; other sheets are scored by hand with `credit rules score`.
SUBJECTS = ("enterprise", "project", "street", "district")
# What stands in the log in place of a reason: the words themselves may name people.
ON_FILE = "存档"


class RecordBody(Struct, gc=False):
    """What is read here in the body of a fact, of what ends or replaces one, or of a grade."""

    type: str = ""
    occurred_on: date = date.min
    target: str = ""
    grade: str | None = None


def evaluable(sheets: Iterable[Sheet]) -> list[Sheet]:
    """Return the sheets whose subjects the register holds, so that they can be evaluated."""
    return [sheet for sheet in sheets if sheet.subject in SUBJECTS]


def may_judge(judging: str, own: str, *, closing: bool = False) -> bool:
    """Say whether people of a division (`own`) may mark, or close, what another one judges.

    What their own division or a part of it judges is theirs. A street's people fill in their rows
    on the sheets of its district and city, too, and close none of them.
    """
    part = lies_within(own, judging) and len(own) > DISTRICT_DIGITS
    return lies_within(judging, own) or (part and not closing)


def placement_fault(placed: Placed) -> str | None:
    """Say why a subject cannot be judged for the year that ends on its day; None if it can."""
    name = placed.subject.code
    if not placed.known:
        return say("登记册里没有“%(name)s”。请先登记，或核对代码。", name=name)
    if placed.exists_from is None or placed.day < placed.exists_from:
        return say(
            "“%(name)s”自 %(exists_from)s 起才有登记。请核对年度。",
            name=name,
            exists_from=placed.exists_from or say("（未定）"),
        )
    if placed.enterprise is None:
        return say(
            "%(day)s 没有企业为“%(name)s”负责。请核对年度或管理关系。", day=placed.day, name=name
        )
    return None


def merge_inputs(before: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a new entry over the earlier one: given rows replace, rows given as None are taken out,
    other rows stay.

    A row that is now given in another way (a rate instead of a mark) leaves the earlier way.
    """
    merged = {**before, **new}
    given = {row for part in WAYS for row in new.get(part) or {}}
    for part in MERGED:
        earlier = before.get(part) or {}
        kept = {row: value for row, value in earlier.items() if row not in given}
        laid = {**kept, **(new.get(part) or {})}
        merged[part] = {row: value for row, value in laid.items() if value is not None}
    return {part: value for part, value in merged.items() if value is not None and value != {}}


def changed_inputs(before: Mapping[str, Any], filled: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry that turns one input into another, to be laid over by `merge_inputs`.

    `filled` is a whole form: what it leaves out and `before` has is taken out.
    """
    changed: dict[str, Any] = {}
    for part in MERGED:
        old, new = before.get(part) or {}, filled.get(part) or {}
        rows = {row: new.get(row) for row in {**old, **new} if old.get(row) != new.get(row)}
        if rows:
            changed[part] = rows
    touched = {row for part in WAYS for row in changed.get(part, {})}
    reasons = {r: why for r, why in (filled.get("reasons") or {}).items() if r in touched}
    if reasons:  # a row that is given anew loses its reason unless that is given, too
        changed["reasons"] = {**reasons, **changed.get("reasons", {})}
    for part in WHOLE:
        if (before.get(part) or None) != (filled.get(part) or None):
            changed[part] = filled.get(part) or None
    return changed


def clashing_rows(
    before: Mapping[str, Any], now: Mapping[str, Any], changed: Mapping[str, Any]
) -> list[str]:
    """Name what a form filled in over `before` changes although it was changed meanwhile to
    something else: rows by their id, else the part of the input.
    """
    clashes = {}
    for part, rows in changed.items():
        if part in WHOLE:
            old, new = before.get(part) or None, now.get(part) or None
            clashes[part] = new not in (old, rows)
            continue
        old, new = before.get(part) or {}, now.get(part) or {}
        for row, value in rows.items():
            clash = new.get(row) not in (old.get(row), value)
            clashes[row] = clashes.get(row, False) or clash
    return [name for name, clash in clashes.items() if clash]


def reason_faults(given: Mapping[str, Any], sheet: Sheet) -> list[str]:
    """Return what is wrong with the reasons of an entry; they are kept as written."""
    rows = {row.id for row in sheet.rows}
    faults = []
    for row, reason in (given.get("reasons") or {}).items():
        if row not in rows:
            faults.append(say("理由写在“%(row)s”名下，表里没有这一行。", row=row[:40]))
        elif reason is None:  # taken out
            continue
        elif not 0 < len(reason) <= REASON_CHARS_MAX or not reason.isprintable():
            faults.append(
                say(
                    "%(row)s 的理由要在 %(most)s 字以内，不分行，不含控制字符。",
                    row=row,
                    most=REASON_CHARS_MAX,
                )
            )
    return faults


def derived_inputs(
    sheet: Sheet, chain: Iterable[ChainEntry[RecordBody]], year: int
) -> dict[str, Any]:
    """Read from an enterprise's chain what rows derive: its last published grade (X-08) and the
    codes of the calendar year's facts; one taken back or repaired is none of them. Only what the sheet has rows for is given.
    """
    grade: str | None = None
    events: dict[str, str] = {}
    for entry in chain:
        body = entry.body
        if entry.kind == "grade":
            grade = body.grade
        elif entry.kind in ("event-withdrawn", "event-repaired"):
            events.pop(body.target, None)
        elif entry.kind in ("credit-event", "event-corrected"):
            events.pop(body.target, None)
            if body.occurred_on.year == year:
                events[entry.id] = body.type
    inputs: dict[str, Any] = {}
    if any(isinstance(row, GradeGate) for row in sheet.rows):
        inputs["grade"] = grade
    if any(isinstance(row, EventDerived) for row in sheet.rows):
        inputs["events"] = sorted(set(events.values()))
    return inputs


def without_reasons(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input as it goes into the log, where reasons only say that they are on file."""
    public = {key: value for key, value in given.items() if key != "reasons" and value is not None}
    if "negative" in public:
        public["negative"] = [{**one, "reason": ON_FILE} for one in public["negative"]]
    return public


def closing_body(  # noqa: PLR0913 - one parameter a key
    *,
    evaluation_id: str,
    pack_id: str,
    pack_digest: str,
    subjects: list[dict[str, str]],
    sheet: str,
    year: int,
    division: str,
    weight: int,
    given: Mapping[str, Any],
    result: SheetResult,
    closed_on: date,
) -> dict[str, Any]:
    """Return the body of the record that closes an evaluation: input and result, so that anybody
    can score the sheet again.
    """
    return {
        "closed_on": closed_on.isoformat(),
        "division": division,
        "evaluation": evaluation_id,
        "input": without_reasons(given),
        "pack": pack_id,
        "pack_digest": pack_digest,
        "sheet": sheet,
        "subjects": subjects,
        "total": text(result.total),
        "valid": result.valid,
        "veto": result.veto,
        "weight": str(weight),
        "year": year,
    }
