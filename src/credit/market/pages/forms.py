"""Forms of merchants and offers: what is read, and what their fields are called."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from litestar.params import PathParameter, QueryParameter
from msgspec import Meta, Struct

from credit.kit.errors import CreditError, FieldError, Invalid
from credit.kit.http import parse_date
from credit.kit.pages import read_form
from credit.kit.texts import marked, say
from credit.market.logic.hours import DAY_NAMES, Hours, read_day, written_day
from credit.market.logic.merchants import FEN_MAX
from credit.market.offers.store import NewOffer

__all__ = [
    "DAYS",
    "EVERY_DAY",
    "MERCHANT_LABELS",
    "Cursor",
    "DecisionForm",
    "MerchantCode",
    "MerchantForm",
    "Number",
    "OfferActForm",
    "OfferForm",
    "PlaceForm",
    "TermsForm",
    "day_of",
    "fen_of",
    "hours_of",
    "labelled",
    "new_offer",
    "texts_of",
    "week_of",
]

MerchantCode = Annotated[
    str, PathParameter(pattern=r"^SH-[0-9]{4,8}$(?!\n)", max_length=11, description="商户编号")
]
Number = Annotated[str, PathParameter(pattern=r"^[1-9][0-9]{0,17}$(?!\n)", max_length=18)]
Cursor = Annotated[str, QueryParameter(pattern=r"^[0-9]{0,18}$(?!\n)", max_length=18)]
# The fields of a week, as the refusals of what is typed into them name them.
DAYS = tuple(f"hours[{number}]" for number in range(len(DAY_NAMES)))
EVERY_DAY = "hours_all"
# How a day of rest is written where the others have something in common.
REST = frozenset({"休息", "closed"})
_CONTROLS = r"\u0000-\u001f\u007f"
_LINE = rf"^[^\S{_CONTROLS}]*[^\s{_CONTROLS}][^{_CONTROLS}]*$(?!\n)"
_WORDS = r"^[^\u0000-\u0009\u000b-\u001f\u007f]*$(?!\n)"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)"
Day = Annotated[str, Meta(pattern=_DAY, max_length=10)]
Name = Annotated[str, Meta(max_length=120, pattern=_LINE)]
Address = Annotated[str, Meta(max_length=200, pattern=_LINE)]
Reason = Annotated[str, Meta(max_length=400, pattern=_WORDS)]
Whole = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Days = Annotated[int, Meta(ge=0, le=32_767)]


class TermsForm(Struct, frozen=True):
    """Where a merchant is, and what it agreed on; its hours and its letter are read apart."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "address": marked("地址"),
        "fen_per_point": marked("每积分结算（元）"),
        "contract_from": marked("合同开始"),
        "contract_until": marked("合同结束"),
        "commitment_on": marked("承诺书签订日期"),
        "offline": marked("断网补交"),
    }

    address: Address
    fen_per_point: Annotated[str, Meta(pattern=r"^[0-9]{1,4}(\.[0-9]{1,2})?$(?!\n)", max_length=7)]
    contract_from: Day
    contract_until: Day
    commitment_on: Day
    offline: Literal["yes"] | None = None


class MerchantForm(TermsForm, frozen=True, kw_only=True):
    """A new merchant."""

    LABELS: ClassVar[Mapping[str, str]] = {
        **TermsForm.LABELS,
        "name": marked("商户名称"),
        "category": marked("类别"),
        "division": marked("所在辖区"),
        "uscc": marked("统一社会信用代码"),
    }

    name: Name
    category: Annotated[str, Meta(max_length=40)]
    division: Annotated[str, Meta(pattern=r"^[0-9]{6}([0-9]{3}([0-9]{3})?)?$(?!\n)", max_length=12)]
    uscc: (
        Annotated[str, Meta(pattern=r"^[0-9A-HJ-NP-RT-UW-Y]{18}$(?!\n)", max_length=18)] | None
    ) = None


class PlaceForm(Struct, frozen=True):
    """Where a merchant is now; its hours are read apart."""

    LABELS: ClassVar[Mapping[str, str]] = {"address": marked("地址")}

    address: Address


class DecisionForm(Struct, frozen=True):
    """What is decided about a merchant, and why."""

    LABELS: ClassVar[Mapping[str, str]] = {"act": marked("决定"), "reason": marked("理由")}

    act: Literal["admit", "refuse", "suspend", "resume", "close"]
    reason: Reason | None = None


class OfferActForm(Struct, frozen=True):
    """What is done about an offer, and why; for a merchant of how many pieces there are."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "act": marked("办理"),
        "reason": marked("理由"),
        "stock": marked("总份数"),
    }

    act: Literal["open", "refuse", "pause", "resume", "end", "restock"]
    reason: Reason | None = None
    stock: Whole | None = None


class OfferForm(Struct, frozen=True):
    """An offer as it is proposed."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "kind": marked("类别"),
        "title": marked("名称"),
        "terms": marked("使用说明"),
        "points": marked("价格（积分）"),
        "points_max": marked("一次最多减免（积分）"),
        "stock": marked("份数"),
        "per_person": marked("每人次数"),
        "per_person_days": marked("在多少天内"),
        "valid_from": marked("开始日期"),
        "valid_until": marked("结束日期"),
    }

    kind: Literal["goods", "discount", "reduction"]
    title: Name
    terms: Annotated[str, Meta(max_length=1000, pattern=_WORDS)]
    valid_from: Day
    valid_until: Day | None = None
    points: Whole | None = None
    points_max: Whole | None = None
    stock: Whole | None = None
    per_person: Days | None = None
    per_person_days: Days | None = None


# What the form of a merchant calls its fields, with those that are read apart.
MERCHANT_LABELS: Mapping[str, str] = {
    **MerchantForm.LABELS,
    "letter": marked("诚信经营承诺书"),
    **dict(zip(DAYS, DAY_NAMES, strict=True)),
}


def new_offer(fields: Mapping[str, Any]) -> NewOffer:
    """Read an offer's form."""
    form = read_form(OfferForm, fields)
    return NewOffer(
        form.kind, form.title.strip(), form.terms.strip(), form.points, form.points_max, form.stock,
        form.per_person, form.per_person_days, day_of(form.valid_from, "valid_from"),
        day_of(form.valid_until, "valid_until") if form.valid_until else None,
    )  # fmt: skip


def day_of(text: str, field: str) -> date:
    """Read a day; Invalid for one there is not, at its field."""
    try:
        return parse_date(text, field)
    except Invalid:
        raise _at(field, say("没有这一天，请核对日期。")) from None


def fen_of(yuan: str) -> int:
    """Read an amount of yuan as the whole fen it is."""
    fen = Decimal(yuan) * 100
    if not 1 <= fen <= FEN_MAX:
        raise _at("fen_per_point", say("每积分应在 0.01 到 1000 元之间。"))
    return int(fen)


def hours_of(fields: Mapping[str, str]) -> Hours:
    """Read a week as it was typed; Invalid with every day that cannot be read.

    What is typed for every day goes for those left empty.
    """
    week, faults = [], []
    every = fields.get(EVERY_DAY, "")
    for name in DAYS:
        typed = fields.get(name, "").strip() or every
        try:
            week.append([] if typed.casefold() in REST else read_day(typed))
        except Invalid as refused:
            faults.append(FieldError(name, refused.detail))
    if faults:
        raise Invalid(faults[0].message, slug="bad-hours", errors=tuple(faults))
    return week


def week_of(hours: Hours) -> dict[str, str]:
    """Return the fields of a week as they would be typed."""
    days = [written_day(day) for day in hours]
    if len(set(days)) == 1:
        return {EVERY_DAY: days[0]}
    return dict(zip(DAYS, days, strict=True))


def labelled(refused: CreditError, labels: Mapping[str, str]) -> CreditError:
    """Give the faults of a refusal the names of their fields on the form."""
    refused.errors = tuple(
        one if one.label else replace(one, label=labels.get(one.field, ""))
        for one in refused.errors
    )
    return refused


def texts_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return what a form holds besides its files."""
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _at(field: str, message: str) -> Invalid:
    faults: Sequence[FieldError] = (FieldError(field, message),)
    return Invalid(say("表单有一处没有填对，请改正后再提交。"), errors=tuple(faults))
