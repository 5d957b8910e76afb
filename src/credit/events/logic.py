"""Credit events as pure decisions: is this record one the catalogue allows, about whom, when."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UNSET

from credit.events.views import (
    Correction,
    CorrectionBody,
    Draft,
    EventBody,
    SubjectRef,
    WithdrawalBody,
)
from credit.kit.canonical import canonical
from credit.kit.texts import listed, marked, say
from credit.parties.codes import scheme_of
from credit.parties.views import Placed
from credit.rules.arithmetic import add_months
from credit.rules.model import EventType, LevelPoints, RangePoints
from credit.rules.procedure import Procedure
from credit.rules.trace import text

__all__ = [
    "SUBJECT_WORDS",
    "Proposal",
    "body_of",
    "check_catalogue",
    "check_display",
    "check_placement",
    "expected_subjects",
    "fingerprint",
    "parse_day",
    "points_words",
    "read_proposal",
    "subjects_or_as_written",
]


SUBJECT_WORDS = {
    "enterprise": marked("企业"),
    "project": marked("项目"),
    "manager": marked("项目负责人"),
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a draft proposes, in plain values; `code` and `occurred_on` are a fact's own."""

    id: str
    kind: str
    code: str
    primary: str
    subject: str
    enterprise: str
    occurred_on: date | None
    target: str | None


def body_of(draft: Draft) -> dict[str, Any]:
    """Return the body as the plain values that are signed; what was left out stays out."""
    body: dict[str, Any] = msgspec.to_builtins(draft.body)
    return body


def read_proposal(draft: Draft) -> Proposal:
    """Read a draft's particulars; raises ValueError for a date or a subject that is not one."""
    body = draft.body
    if isinstance(body, WithdrawalBody):
        subject = body.subjects[0].id
        return Proposal(
            draft.id, draft.kind, "withdrawn", "enterprise", subject, subject, None, body.target
        )
    if body.valid_until is not UNSET:
        parse_day(body.valid_until)
    return Proposal(
        draft.id,
        draft.kind,
        body.type,
        body.primary,
        _primary_of(body),
        body.subjects[0].id,
        parse_day(body.occurred_on),
        body.target if isinstance(draft, Correction) and isinstance(body, CorrectionBody) else None,
    )


def parse_day(text: str) -> date:
    """Read a day; raises ValueError with a sentence for one that does not exist."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(say("没有 %(text)s 这一天。请核对日期。", text=text)) from None


def _primary_of(body: EventBody) -> str:
    schemes = {
        "enterprise": ("USCC", "INT"),
        "project": ("PROJECT",),
        "manager": ("MANAGER",),
    }[body.primary]
    for ref in body.subjects:
        if ref.scheme in schemes:
            return ref.id
    raise ValueError(
        say("primary 是 %(primary)s，subjects 里却没有它。请核对。", primary=body.primary)
    )


def check_catalogue(body: EventBody, catalogue: Mapping[str, EventType], pack: str) -> list[str]:
    """Return what is wrong with a fact by the catalogue, each in a sentence that says the cure."""
    if body.pack != pack:
        return [
            say(
                "本市用规则包 %(pack)s，记录写的是 %(written)s。请按 %(pack)s 的事件目录重新填写。",
                pack=pack,
                written=body.pack,
            )
        ]
    event = catalogue.get(body.type)
    if event is None:
        return [say("事件目录里没有“%(type)s”。请从目录中选择代码。", type=body.type)]
    faults = []
    if body.primary not in event.subjects:
        kinds = listed(SUBJECT_WORDS[kind] for kind in event.subjects)
        faults.append(
            say(
                "“%(event)s”只能记在 %(kinds)s 名下，不能记在 %(primary)s 名下。",
                event=event.title,
                kinds=kinds,
                primary=SUBJECT_WORDS[body.primary],
            )
        )
    faults += _check_points(body, event)
    if body.valid_until is not UNSET and body.valid_until <= body.occurred_on:
        faults.append(say("有效期止日要在发生日期之后。"))
    return faults


def expected_subjects(placed: Placed) -> list[SubjectRef]:
    """Return the subjects a fact must name: the enterprise answering that day, then the rest."""
    refs = []
    if placed.enterprise is not None:
        refs.append(SubjectRef(scheme_of(placed.enterprise), placed.enterprise))  # type: ignore[arg-type]
    if placed.project is not None:
        refs.append(SubjectRef("PROJECT", placed.project))
    if placed.manager is not None:
        refs.append(SubjectRef("MANAGER", placed.manager))
    return refs


def subjects_or_as_written(placed: Placed) -> list[dict[str, str]]:
    """Name a fact's subjects; one nobody answers for as it was written, to be refused by name."""
    kind, code = placed.subject.kind, placed.subject.code
    scheme = scheme_of(code) if kind == "enterprise" else kind.upper()
    found = [{"scheme": ref.scheme, "id": ref.id} for ref in expected_subjects(placed)]
    return found or [{"scheme": scheme, "id": code}]


def _check_points(body: EventBody, event: EventType) -> list[str]:
    """Level and points stand in a fact exactly where the catalogue asks for them."""
    faults = []
    if isinstance(event.points, LevelPoints):
        levels = [one.level for one in event.points.levels]
        if body.level is UNSET or body.level not in levels:
            faults.append(
                say(
                    "“%(event)s”要写级别，可选：%(levels)s。",
                    event=event.title,
                    levels=listed(levels),
                )
            )
    elif body.level is not UNSET:
        faults.append(say("“%(event)s”不分级别，请去掉级别。", event=event.title))
    if isinstance(event.points, RangePoints):
        low, high = event.points.range
        if body.points is UNSET or not low <= Decimal(body.points) <= high:
            faults.append(
                say(
                    "“%(event)s”的分值应在 %(low)s 到 %(high)s 之间。",
                    event=event.title,
                    low=low,
                    high=high,
                )
            )
    elif body.points is not UNSET:
        faults.append(say("“%(event)s”的分值由目录规定，请去掉分值。", event=event.title))
    return faults


def check_placement(body: EventBody, placed: Placed, today: date) -> list[str]:
    """Return what is wrong with a fact's subjects and day."""
    day = date.fromisoformat(body.occurred_on)
    name = placed.subject.code
    if day > today:
        return [say("发生日期 %(day)s 在今天之后。请核对日期。", day=day)]
    if not placed.known:
        return [
            say(
                "登记册里没有%(kind)s“%(name)s”。请先登记，或核对代码。",
                kind=SUBJECT_WORDS[placed.subject.kind],
                name=name,
            )
        ]
    if placed.exists_from is None or day < placed.exists_from:
        return [
            say(
                "“%(name)s”自 %(exists_from)s 起才有登记，%(day)s 的事实不能记在它名下。",
                name=name,
                exists_from=placed.exists_from or say("（未定）"),
                day=day,
            )
        ]
    if placed.enterprise is None:
        return [
            say(
                "%(day)s 没有企业管理“%(name)s”，没有企业为这件事负责。请核对日期或管理关系。",
                day=day,
                name=name,
            )
        ]
    expected = expected_subjects(placed)
    if body.subjects != expected:
        wanted = "、".join(f"{ref.scheme} {ref.id}" for ref in expected)
        return [say("subjects 与登记不符：%(day)s 应依次为 %(wanted)s。", day=day, wanted=wanted)]
    return []


def check_display(
    body: EventBody, catalogue: Mapping[str, EventType], procedure: Procedure
) -> list[str]:
    """Return what is wrong with the day until which a bad fact is to count: it shows no longer."""
    event = catalogue.get(body.type)
    if body.valid_until is UNSET or event is None or event.severity is None:
        return []
    most = procedure.of(event.severity).display_max_months
    last = add_months(date.fromisoformat(body.occurred_on), most)
    if date.fromisoformat(body.valid_until) <= last:
        return []
    return [
        say(
            "“%(title)s”自发生之日起最多公示 %(most)s 个月，有效期止日不能晚于 %(last)s。",
            title=event.title,
            most=most,
            last=last,
        )
    ]


def fingerprint(draft: Draft) -> bytes:
    """Name what a draft says happened, so that the same fact is recognised under another id."""
    body = draft.body
    if isinstance(body, WithdrawalBody | CorrectionBody):
        # A fact is taken back or replaced once; after that its correction may be.
        parts = ["replaced", body.target]
    else:
        level = "" if body.level is UNSET else body.level
        subject = _primary_of(body)
        parts = [draft.kind, body.type, subject, body.occurred_on, body.reference, level]
    return hashlib.sha256(canonical(parts)).digest()


def points_words(event: EventType, body: Mapping[str, Any]) -> str:
    """Say how many points a fact's subject gains or loses: `+3`, `−2`, by level or as stated."""
    sign = {"good": "+", "bad": "−", "neutral": ""}[event.polarity]
    if isinstance(event.points, LevelPoints):
        by_level = {one.level: one.points for one in event.points.levels}
        points = by_level.get(str(body.get("level")), Decimal(0))
    elif isinstance(event.points, RangePoints):
        points = Decimal(body.get("points", "0"))
    else:
        points = event.points.fixed
    return f"{sign}{text(points)}"
