"""Clauses: from the template, as the drafter changed them, in words, and what was kept of them."""

from decimal import Decimal
from typing import Annotated

from msgspec import UNSET, Meta, Struct

from credit.contracts.views import (
    AnswerPromise,
    ClauseEdit,
    ClauseText,
    CountPromise,
    ItemsPromise,
    OutcomeText,
    PromiseText,
    RatioPromise,
    ResponsePromise,
)
from credit.kit.http import is_line
from credit.kit.texts import marked, say
from credit.rules.promises import (
    Checklist,
    Clause,
    CountPerPeriod,
    Promise,
    Ratio,
    ResponseTime,
)
from credit.rules.trace import text

__all__ = [
    "PERIOD_TITLES",
    "Answer",
    "Counted",
    "Measured",
    "Ticked",
    "Value",
    "clause_text",
    "code_of",
    "edit_fault",
    "is_kept",
    "promise_text",
    "promise_words",
    "value_fault",
    "value_words",
]

AMOUNT_MAX = 10**15
PERIOD_TITLES = {
    "month": marked("每月"),
    "quarter": marked("每季度"),
    "half-year": marked("每半年"),
    "year": marked("每年"),
    "once": marked("契约期内"),
}
LEVELS = ("minor", "general", "serious")


class Counted(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="count"):
    """How many times it was done."""

    count: Annotated[int, Meta(ge=0, le=1_000_000)]


class Measured(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="measured"):
    """`part` of `whole`: cases in time of all cases, satisfied of asked, fen paid of fen due."""

    part: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
    whole: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]


class Answer(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="answer"):
    """Whether the question of the clause can be answered with yes."""

    done: bool


class Ticked(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="items"):
    """Which items of the list were done, in the list's own words."""

    items: Annotated[list[str], Meta(max_length=60)]


Value = Counted | Measured | Answer | Ticked
VALUES: dict[type[Struct], type[Struct]] = {
    CountPromise: Counted,
    RatioPromise: Measured,
    ResponsePromise: Measured,
    AnswerPromise: Answer,
    ItemsPromise: Ticked,
}


def promise_text(promise: Promise) -> PromiseText:
    """Write a template's promise as it stands in a text."""
    match promise:
        case CountPerPeriod(count=count, unit=unit):
            return CountPromise(count, unit)
        case Ratio(ratio=ratio):
            return RatioPromise(text(ratio))
        case ResponseTime(within_hours=hours, share=share):
            return ResponsePromise(hours, text(share))
        case Checklist(items=items):
            return ItemsPromise(list(items))
        case _:
            return AnswerPromise(promise.question)


def clause_text(clause: Clause, edit: ClauseEdit | None = None) -> ClauseText:
    """Write a clause of a template as it is signed, with what the draft changes in it."""
    words, promise = clause.text, promise_text(clause.promise)
    if edit is not None:
        words = words if edit.text is UNSET else edit.text
        promise = promise if edit.promise is UNSET else edit.promise
    outcome = clause.outcome
    return ClauseText(
        clause.id,
        clause.obligor,
        words,
        promise,
        clause.period,
        clause.evidence,
        clause.source,
        clause.grace_days,
        clause.confirmed_by,
        OutcomeText(
            outcome.fulfilled,
            outcome.breach_minor,
            outcome.breach_general,
            outcome.breach_serious,
        ),
    )


def edit_fault(clause: Clause | None, edit: ClauseEdit) -> str | None:
    """Say why a draft cannot change a clause so; None where it can."""
    if clause is None:
        return say("模板里没有条款“%(id)s”。请核对条款编号。", id=edit.id)
    if edit.promise is not UNSET and type(edit.promise) is not type(promise_text(clause.promise)):
        return say("条款 %(id)s 的承诺只能改数值，不能改成另一种承诺。", id=edit.id)
    if isinstance(edit.promise, ItemsPromise) and not all(map(is_line, edit.promise.items)):
        return say("条款 %(id)s 的每一项写成一行，1 至 200 字。", id=edit.id)
    return None


def promise_words(clause: ClauseText) -> str:
    """Write what is measured in words, as 每季度不少于 1 次检查."""
    often = PERIOD_TITLES[clause.period]
    match clause.promise:
        case CountPromise(count=count, unit=unit):
            return say("%(often)s不少于 %(count)s %(unit)s", often=often, count=count, unit=unit)
        case RatioPromise(ratio=ratio):
            return say("%(often)s不低于 %(ratio)s%%", often=often, ratio=ratio)
        case ResponsePromise(within_hours=hours, share=share):
            return say(
                "%(often)s有 %(share)s%% 以上在 %(hours)s 小时内响应",
                often=often,
                share=share,
                hours=hours,
            )
        case ItemsPromise(items=items):
            return say(
                "%(often)s完成 %(items)s 项：%(names)s",
                often=often,
                items=len(items),
                names="、".join(items),
            )
        case _:
            return f"{often}：{clause.promise.question}"


def value_words(value: Value) -> str:
    """Write a reported value in words."""
    match value:
        case Counted(count=count):
            return say("%(count)s 次", count=count)
        case Measured(part=part, whole=whole):
            return say("%(whole)s 中有 %(part)s", whole=whole, part=part)
        case Ticked(items=items):
            return (
                say("完成 %(items)s 项：%(names)s", items=len(items), names="、".join(items))
                if items
                else say("一项也没有完成")
            )
        case _:
            return say("是") if value.done else say("否")


def value_fault(promise: PromiseText, value: Value) -> str | None:
    """Say why a value cannot be held against a promise; None where it can."""
    if type(value) is not VALUES[type(promise)]:
        return say("填报的内容与这条承诺的计量方式不同。请按条款填报。")
    if isinstance(value, Measured):
        if value.part > value.whole:
            return say(
                "部分 %(part)s 大于总数 %(whole)s。请核对。", part=value.part, whole=value.whole
            )
        if not value.whole and isinstance(promise, RatioPromise):
            return say("总数是 0，算不出比例。请填写总数；确实没有的，请联系核查人员。")
    if isinstance(promise, ItemsPromise) and isinstance(value, Ticked):
        unknown = [one for one in value.items if one not in promise.items]
        if unknown or len(set(value.items)) != len(value.items):
            return say(
                "“%(value)s”不在清单里，或者写了两次。",
                value="、".join(unknown) or "、".join(value.items),
            )
    return None


def is_kept(promise: PromiseText, value: Value) -> bool:
    """Say whether a value keeps a promise; without any case, all of them were in time."""
    match promise, value:
        case CountPromise(count=needed), Counted(count=count):
            return count >= needed
        case ((RatioPromise(ratio=share) | ResponsePromise(share=share)), Measured() as found):
            return found.part * 100 >= Decimal(share) * found.whole
        case ItemsPromise(items=needed_items), Ticked(items=items):
            return set(items) >= set(needed_items)
        case _:
            return isinstance(value, Answer) and value.done


def code_of(outcome: OutcomeText, finding: str, severity: str | None) -> str | None:
    """Return the catalogue code a finding may suggest: at its level, or the next lower with one."""
    if finding == "fulfilled":
        return outcome.fulfilled
    codes = (outcome.breach_minor, outcome.breach_general, outcome.breach_serious)
    upto = LEVELS.index(severity or "minor") + 1
    return next((code for code in reversed(codes[:upto]) if code), None)
