"""A report as the plain texts its template prints: pure, and bounded."""

import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from credit.documents.qr import qr_svg
from credit.documents.views import (
    Bound,
    CreditReport,
    Evaluation,
    ListEntry,
    LogPlace,
    PastGrade,
    RulePack,
    Step,
)
from credit.kit.clock import CHINA
from credit.kit.errors import TooLarge
from credit.kit.texts import say

__all__ = ["ROWS_MAX", "TEXT_CHARS_MAX", "as_document", "clean", "spelled_day"]

ROWS_MAX = 300
TEXT_CHARS_MAX = 400
SAMPLE = "示例规则包，不是任何城市的正式办法。"
SYNTHETIC = "演示数据由程序合成，不是真实企业。"
UNRATED = "企业刚刚登记，或者还没有可以计分的记录。未评级不等于信用差。"
NOTHING = "—"

_LISTS = {"red": "红名单", "black": "黑名单"}
_KINDS = {"statutory": "法定", "departmental": "部门", "self-discipline": "行业自律"}
_EFFECTS = {"reference": "供参考，不限制依法投标", "statutory bar": "依法限制投标"}
_RUNNING_NAME_CHARS = 30  # what fits one line at the top of a page


def as_document(report: CreditReport) -> dict[str, Any]:
    """Write a report as texts, in the shape `templates/report.typ` reads.

    Raises TooLarge above `ROWS_MAX` rows in a table or `TEXT_CHARS_MAX` characters in a text, and
    ValueError for a URL that no QR code holds.
    """
    tables: tuple[Sequence[object], ...] = (
        report.ladder,
        report.steps,
        report.bounds,
        report.evaluations,
        report.lists,
        report.history,
    )
    if any(len(rows) > ROWS_MAX for rows in tables):
        raise TooLarge(
            say("信用报告的一张表最多 %(most)s 行，请改用接口取得全部数据。", most=ROWS_MAX)
        )
    name = clean(report.name)
    return {
        "city": clean(report.city_name),
        "city_code": clean(report.city_code),
        "name": name,
        "short_name": _cut(name, _RUNNING_NAME_CHARS),
        "uscc": clean(report.uscc),
        "grade": _grade(report.grade),
        "graded": report.status == "graded",
        "unrated_note": UNRATED,
        "score": _score(report.score),
        "valid": _term(report.valid_from, report.valid_until),
        "published_at": _moment(report.published_at),
        "issued_at": _moment(report.issued_at),
        "pack": _pack(report.pack),
        "notices": _notices(report),
        "synthetic": report.synthetic,
        "ladder": [
            {
                "grade": clean(rung.grade),
                "note": clean(rung.note),
                "here": rung.grade == report.grade,
            }
            for rung in report.ladder
        ],
        "steps": _steps(report.steps),
        "sum": _sum(report),
        "bounds": [_bound(one) for one in report.bounds],
        "evaluations": [_evaluation(one) for one in report.evaluations],
        "lists": [_list_entry(one) for one in report.lists],
        "history": _history(report.history),
        "place": _place(report.place),
        "url": clean(report.url),
        "qr": str(qr_svg(report.url, id_="qr")),
    }


def clean(text: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    """Take out what cannot be printed or would reorder its surroundings; one space between words.

    Raises TooLarge above `chars_max` characters.
    """
    if len(text) > chars_max:
        raise TooLarge(
            say(
                "文书里的一段文字最多 %(most)s 个字，请先改短：%(text)s…",
                most=chars_max,
                text=text[:20],
            )
        )
    return " ".join("".join(map(_printable, text)).split())


def _printable(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cc":
        return " "
    # Private and unassigned characters stay: rare names are written with them.
    return "" if category in ("Cf", "Cs") else char


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1] + "…"


def _notices(report: CreditReport) -> list[str]:
    found = []
    if report.pack and report.pack.status == "sample":
        found.append(SAMPLE)
    if report.synthetic:
        found.append(SYNTHETIC)
    today = report.issued_at.astimezone(CHINA).date()
    if report.valid_until and report.valid_until < today:
        found.append(
            f"这一等级的有效期到 {spelled_day(report.valid_until)} 为止，出具本报告时已过。"
        )
    return found


def _grade(grade: str | None) -> str:
    return "未评级" if grade is None else clean(grade)


def _pack(pack: RulePack | None) -> dict[str, str] | None:
    if pack is None:
        return None
    return {
        "name": clean(f"{pack.id} {pack.version}"),
        "status": "示例" if pack.status == "sample" else "正式",
        "title": clean(pack.title),
        "source": clean(pack.source),
    }


def _steps(steps: Sequence[Step]) -> list[dict[str, Any]]:
    places = _places(*(step.points for step in steps))
    return [
        {
            "title": clean(step.title),
            "source": clean(step.source),
            "note": clean(step.note),
            "days": _days(step),
            "index": _index(step.log_index),
            "points": _signed(step.points, places),
        }
        for step in steps
    ]


def _days(step: Step) -> list[str]:
    """Return the day a fact happened and the day it lapses, one above the other."""
    days = [_day(step.occurred_on), _day(step.lapses_on)]
    return days if set(days) != {NOTHING} else [NOTHING]


def _sum(report: CreditReport) -> str | None:
    """Return what the steps add up to where the score is another: it was rounded or limited."""
    total = sum((step.points for step in report.steps), Decimal(0))
    if report.score is None or total == report.score:
        return None
    return _decimal(total, _places(report.score))


def _bound(bound: Bound) -> dict[str, str]:
    return {
        "title": clean(bound.title),
        "source": clean(bound.source),
        "index": _index(bound.log_index),
    }


def _evaluation(evaluation: Evaluation) -> dict[str, str]:
    return {
        "title": clean(evaluation.title),
        "year": str(evaluation.year),
        "total": _decimal(evaluation.total),
        "closed_on": _day(evaluation.closed_on),
        "index": _index(evaluation.log_index),
    }


def _list_entry(entry: ListEntry) -> dict[str, str]:
    return {
        "list": _LISTS[entry.list],
        "kind": _KINDS[entry.kind],
        "title": clean(entry.title),
        "legal_basis": clean(entry.legal_basis),
        "effect": _EFFECTS[entry.effect],
        "since": _day(entry.since),
        "until": _day(entry.until),
    }


def _history(history: Sequence[PastGrade]) -> list[dict[str, str]]:
    """Write the published grades, newest first, each with its change from the one before."""
    places = _places(*(one.score for one in history))
    rows = []
    before: PastGrade | None = None
    for one in sorted(history, key=lambda past: past.day):
        change = NOTHING
        if before and before.score is not None and one.score is not None:
            change = _signed(one.score - before.score, places)
        rows.append(
            {
                "day": _day(one.day),
                "grade": _grade(one.grade),
                "score": _score(one.score, places),
                "change": change,
            }
        )
        before = one
    return rows[::-1]


def _place(place: LogPlace | None) -> dict[str, str] | None:
    if place is None:
        return None
    return {
        "origin": clean(place.origin),
        "index": _index(place.index),
        "size": _index(place.size),
    }


def _index(index: int | None) -> str:
    return NOTHING if index is None else str(index)


def _day(day: date | None) -> str:
    return NOTHING if day is None else day.isoformat()


def spelled_day(day: date) -> str:
    """Write a day in words, `2026年6月30日`."""
    return f"{day.year}年{day.month}月{day.day}日"


def _term(begin: date | None, end: date | None) -> str:
    parts = [spelled_day(begin)] if begin else []
    parts += [f"至 {spelled_day(end)}"] if end else []
    return " ".join(parts) or NOTHING


def _moment(moment: datetime | None) -> str:
    if moment is None:
        return NOTHING
    local = moment.astimezone(CHINA)
    return f"{spelled_day(local)} {local:%H:%M}"


def _score(score: Decimal | None, places: int = 0) -> str:
    return NOTHING if score is None else _decimal(score, places)


def _decimal(value: Decimal, places: int = 0, sign: str = "") -> str:
    """Write a decimal exactly, with at least so many places and a real minus sign."""
    return f"{value or Decimal(0):{sign}.{max(places, _places(value))}f}".replace("-", "−")


def _signed(value: Decimal, places: int) -> str:
    return _decimal(value, places, "+" if value else "")


def _places(*values: Decimal | None) -> int:
    """Return the places that write all of these exactly, so that a column of them aligns."""
    known = (f"{value:f}".partition(".")[2] for value in values if value is not None)
    return max((len(places.rstrip("0")) for places in known), default=0)
