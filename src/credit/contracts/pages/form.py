"""The form of a draft: what its fields say, read into a draft, and a draft written into fields."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from credit.contracts.logic.clauses import promise_text
from credit.contracts.logic.drafts import role_is_open
from credit.contracts.views import (
    AnswerPromise,
    ContractDraft,
    CountPromise,
    ItemsPromise,
    PromiseText,
    RatioPromise,
    ResponsePromise,
)
from credit.events.views import EvidenceRef
from credit.kit.decoding import fault_of_form
from credit.kit.errors import CreditError, FieldError, Invalid
from credit.kit.texts import marked, say
from credit.rules.promises import Clause, ContractTemplate

__all__ = ["SHARES", "ClauseField", "clause_fields", "draft_from", "fields_from", "keep", "placed"]

SHARES = ("total", "took_part", "in_favour")
# The inputs of a promise by its kind: the name of its value, and what the form calls it.
NUMBERS: Mapping[type[Any], tuple[tuple[str, str], ...]] = {
    CountPromise: (("count", marked("不少于")),),
    RatioPromise: (("ratio", marked("不低于（%）")),),
    ResponsePromise: (("within_hours", marked("小时内")), ("share", marked("达到（%）"))),
}
WHOLE = frozenset({"count", "within_hours"})
LABELS: Mapping[str, str] = {
    "template": marked("模板"),
    "project": marked("项目"),
    "from_on": marked("起始日期"),
    "months": marked("期限（月）"),
    "parties": marked("当事方"),
    "clauses": marked("条款"),
    "votes": marked("业主表决"),
    "attachments": marked("附件"),
}


@dataclass(frozen=True, slots=True)
class ClauseField:
    """A clause of the form: the template's own, its promise, and the inputs that change it."""

    clause: Clause
    promise: PromiseText

    @property
    def numbers(self) -> Sequence[tuple[str, str]]:
        """The numbers of the promise: (name, label)."""
        return NUMBERS.get(type(self.promise), ())

    @property
    def listed(self) -> bool:
        """Whether the promise is a list, a line an item."""
        return isinstance(self.promise, ItemsPromise)

    def value(self, name: str) -> object:
        """Return a number of the template's promise."""
        return getattr(self.promise, name)

    @property
    def words(self) -> str | None:
        """The promise's own words, where it has any: a question, or a list with a line an item."""
        match self.promise:
            case AnswerPromise(question=question):
                return question
            case ItemsPromise(items=items):
                return "\n".join(items)
            case _:
                return None


def clause_fields(template: ContractTemplate) -> list[ClauseField]:
    """Return a template's clauses as the form offers them."""
    return [ClauseField(one, promise_text(one.promise)) for one in template.clauses]


def draft_from(
    template: ContractTemplate,
    project: str | None,
    fields: Mapping[str, Any],
) -> ContractDraft:
    """Read a form whose files are kept already; what does not fit raises Invalid with its place."""
    plain = {
        "template": template.id,
        "project": project,
        "from_on": _one(fields, "from_on"),
        "parties": [
            {"role": role.role, "id": one}
            for role in template.parties
            if not role_is_open(role)
            for one in _many(fields, f"party-{role.role}")
        ],
        "clauses": list(_clauses(template, fields)),
        "attachments": _kept(fields, "kept"),
        "votes": list(_votes(template, fields)),
    }
    if months := _one(fields, "months"):
        plain["months"] = months
    try:
        return msgspec.convert(plain, ContractDraft, strict=False)
    except msgspec.ValidationError as error:
        place = re.search(r"`\$\.([a-z_]+)", str(error))
        field, fault = fault_of_form(error)
        field = place[1] if place else field
        raise placed(Invalid(say("表单有一处没有填对，请改正后再提交。"),
                             errors=(FieldError(field, fault),))) from None  # fmt: skip


def fields_from(draft: ContractDraft) -> dict[str, Any]:
    """Write a draft into the fields of its form."""
    plain = msgspec.to_builtins(draft)
    fields: dict[str, Any] = {
        "template": draft.template,
        "project": draft.project or "",
        "from_on": draft.from_on,
        "months": plain.get("months", ""),
        "kept": [ref_text(one) for one in draft.attachments],
    }
    for party in draft.parties:
        fields.setdefault(f"party-{party.role}", []).append(party.id)
    for edit in plain["clauses"]:
        name = edit["id"]
        if "text" in edit:
            fields[f"text-{name}"] = edit["text"]
        for key, value in edit.get("promise", {}).items():
            if key in ("items", "question"):
                fields[f"words-{name}"] = "\n".join(value) if key == "items" else value
            elif key not in ("kind", "unit"):
                fields[f"{key}-{name}"] = value
    for vote in draft.votes:
        name = vote.matter
        fields |= {f"held_on-{name}": vote.held_on, f"filing-{name}": vote.filing or ""}
        fields[f"tally-kept-{name}"] = ref_text(vote.tally)
        for share in SHARES:
            fields[f"{share}-persons-{name}"] = getattr(vote, share).persons
            fields[f"{share}-area-{name}"] = getattr(vote, share).area_m2
    return fields


def keep(fields: dict[str, Any], name: str, refs: Sequence[EvidenceRef], *, one: bool) -> None:
    """Write files just kept into the fields of a form, so that it carries them on.

    With `one` the newest takes the place of the one before.
    """
    texts = [ref_text(ref) for ref in refs]
    if one:
        fields[name] = texts[0] if texts else fields.get(name, "")
    else:
        fields[name] = [*_many(fields, name), *texts]


def placed(refused: CreditError) -> CreditError:
    """Give the faults of a draft the labels and places of its form."""
    errors = []
    for one in refused.errors:
        field = one.field.removeprefix("items[0].")
        name = field.partition("[")[0].partition(".")[0]
        errors.append(FieldError(name, one.message, LABELS.get(name, "")))
    return type(refused)(refused.detail, slug=refused.slug, errors=tuple(errors))


def ref_text(ref: EvidenceRef) -> str:
    """Write which file is meant, for a form to carry."""
    return f"{ref.digest} {ref.size} {ref.type}"


def _clauses(template: ContractTemplate, fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return what a form changes in the template's clauses; what is left empty stays."""
    for one in clause_fields(template):
        name = one.clause.id
        promise: dict[str, Any] = msgspec.to_builtins(one.promise)
        before = dict(promise)
        for key, _ in one.numbers:
            if given := _one(fields, f"{key}-{name}"):
                promise[key] = _number(given) if key in WHOLE else given
        if given := _one(fields, f"words-{name}"):
            lines = [line.strip() for line in given.splitlines() if line.strip()]
            promise |= {"items": lines} if "items" in promise else {"question": " ".join(lines)}
        words = " ".join(_one(fields, f"text-{name}").split()) or one.clause.text
        edit: dict[str, Any] = {"id": name}
        if words != one.clause.text:
            edit["text"] = words
        if promise != before:
            edit["promise"] = promise
        if len(edit) > 1:
            yield edit


def _votes(template: ContractTemplate, fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the votes that were filled in: those with a day."""
    for rule in template.votes:
        name = rule.matter
        held_on = _one(fields, f"held_on-{name}")
        if not held_on:
            continue
        tally = _kept(fields, f"tally-kept-{name}")
        if not tally:
            raise placed(
                Invalid(
                    say("请上传计票表，再保存草稿。"),
                    errors=(FieldError("votes", say("“%(title)s”没有计票表。", title=rule.title)),),
                )
            )
        vote: dict[str, Any] = {"matter": name, "held_on": held_on, "tally": tally[0]}
        for share in SHARES:
            vote[share] = {
                "persons": _number(_one(fields, f"{share}-persons-{name}") or "0"),
                "area_m2": _number(_one(fields, f"{share}-area-{name}") or "0"),
            }
        if filing := _one(fields, f"filing-{name}"):
            vote["filing"] = filing
        yield vote


def _kept(fields: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the files a form carries along; what is no file's name is left out."""
    parts = [one.split(" ") for one in _many(fields, name)]
    return [
        {"digest": part[0], "size": int(part[1]), "type": part[2]}
        for part in parts
        if len(part) == 3 and part[1].isascii() and part[1].isdigit() and len(part[1]) < 12
    ]


def _one(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _many(fields: Mapping[str, Any], name: str) -> list[str]:
    value = fields.get(name, [])
    listed = value if isinstance(value, list) else [value]
    return [one.strip() for one in listed if isinstance(one, str) and one.strip()]


def _number(text: str) -> int | str:
    """Read a whole number; what is none is left as it is, for the shape to refuse."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else text
