"""Boards as pure decisions: periods, what is wrong with scores, and the ranking."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from credit.kit.texts import say
from credit.rules.arithmetic import add_months
from credit.rules.listing import Board
from credit.rules.trace import text

__all__ = [
    "DOCUMENT_PATTERN",
    "SUBJECTS_MAX",
    "Ranked",
    "Ranking",
    "Score",
    "board_body",
    "numbers_of",
    "period_form",
    "period_span",
    "rank",
    "score_fault",
]

SUBJECTS_MAX = 5_000
POINTS_MAX = 100
DOCUMENT_PATTERN = r"^[0-9A-Za-z\u4e00-\u9fff〔〕\[\]（）()第号._/-]{1,64}$(?!\n)"
YEAR_MIN, YEAR_MAX = 2000, 2100
# How a period is written, and how many months it has.
PERIODS = {
    "quarter": (re.compile(r"([0-9]{4})-Q([1-4])", re.ASCII), 3),
    "half-year": (re.compile(r"([0-9]{4})-H([12])", re.ASCII), 6),
    "year": (re.compile(r"([0-9]{4})()", re.ASCII), 12),
}
FORMS = {"quarter": "2026-Q2", "half-year": "2026-H1", "year": "2026"}
Side = Literal["red", "black"]


@dataclass(frozen=True, slots=True)
class Score:
    """Points of one source for one subject, with the document they stand in."""

    source: str
    subject: str
    points: Decimal
    document: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """A subject in the ranking: equal totals share a rank. `points` go by source."""

    subject: str
    rank: int
    total: Decimal
    points: Mapping[str, Decimal]
    side: Side | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """Who ranks where, the best first; `missing` names the sources others have no points of (未参评)."""

    rows: tuple[Ranked, ...]
    missing: Mapping[str, tuple[str, ...]]


def period_span(kind: str, period: str) -> tuple[date, date] | None:
    """Return a period's first day and the day after its last; None for a text that names none."""
    pattern, months = PERIODS[kind]
    found = pattern.fullmatch(period)
    if found is None or not YEAR_MIN <= int(found[1]) <= YEAR_MAX:
        return None
    first = date(int(found[1]), months * (int(found[2] or 1) - 1) + 1, 1)
    return first, add_months(first, months)


def period_form(kind: str) -> str:
    """Return how a period of a kind is written."""
    return FORMS[kind]


def score_fault(score: Score, board: Board) -> str | None:
    """Say what is wrong with a score by itself; None when nothing is."""
    if score.source not in [one.id for one in board.sources]:
        named = "、".join(f"{one.id}（{one.title}）" for one in board.sources)
        return say("没有来源“%(source)s”。可选：%(named)s。", source=score.source[:40], named=named)
    if not (score.points.is_finite() and 0 <= score.points <= POINTS_MAX):
        return say("得分应在 0 到 100 之间。")
    if score.points != score.points.quantize(Decimal("0.01")):
        return say("得分最多两位小数。")
    if re.match(DOCUMENT_PATTERN, score.document) is None:
        return say("请写明得分出自哪份文件（文号），不写句子。")
    return None


def rank(board: Board, scores: Iterable[Score]) -> Ranking:
    """Rank the subjects that have points of every source, by the sum of shares.

    Who shares a total shares the rank. A subject is red when fewer than `top_percent` of the ranked
    are ahead of it and it has `red_at_least` points; black when fewer than `bottom_percent` are
    behind it and it has less than `black_below`. The order of the scores does not matter.
    """
    given: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for one in scores:
        given[one.subject][one.source] = one.points
    names = [source.id for source in board.sources]
    missing = {
        subject: absent
        for subject, points in sorted(given.items())
        if (absent := tuple(name for name in names if name not in points))
    }
    totals = {
        subject: sum((source.share * points[source.id] for source in board.sources), Decimal(0))
        for subject, points in given.items()
        if subject not in missing
    }
    ordered = sorted(totals, key=lambda subject: (-totals[subject], subject))
    first: dict[Decimal, int] = {}  # the first place of each total, and the last
    last: dict[Decimal, int] = {}
    for place, subject in enumerate(ordered):
        first.setdefault(totals[subject], place)
        last[totals[subject]] = place
    rows = []
    for subject in ordered:
        total = totals[subject]
        ahead, behind = first[total], len(ordered) - 1 - last[total]
        side = _side(board, total, ahead, behind, len(ordered))
        rows.append(Ranked(subject, ahead + 1, total, given[subject], side))
    return Ranking(tuple(rows), missing)


def _side(board: Board, total: Decimal, ahead: int, behind: int, ranked: int) -> Side | None:
    """Compare places as whole numbers: a percentage of few would be rounded."""
    if total >= board.red_at_least and 100 * ahead < board.top_percent * ranked:
        return "red"
    if total < board.black_below and 100 * behind < board.bottom_percent * ranked:
        return "black"
    return None


def numbers_of(
    board: Board, period: str, ranking: Ranking, documents: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    """Write a board whole, as it is published and hashed: the rule, every number, every document.

    `documents` go by (subject, source).
    """
    return {
        "board": board.id,
        "period": period,
        "rule": {
            "sources": [
                {"id": one.id, "title": one.title, "share": text(one.share)}
                for one in board.sources
            ],
            "top_percent": text(board.top_percent),
            "bottom_percent": text(board.bottom_percent),
            "red_at_least": text(board.red_at_least),
            "black_below": text(board.black_below),
            "source": board.source,
        },
        "rows": [
            {
                "subject": one.subject,
                "rank": one.rank,
                "total": text(one.total),
                "side": one.side,
                "points": [
                    {
                        "source": source.id,
                        "points": text(one.points[source.id]),
                        "document": documents[one.subject, source.id],
                    }
                    for source in board.sources
                ],
            }
            for one in ranking.rows
        ],
        "missing": [
            {"subject": subject, "sources": list(absent)}
            for subject, absent in ranking.missing.items()
        ],
    }


def board_body(
    board_id: str, kind: str, numbers: Mapping[str, Any], *, digest: str, pack: tuple[str, str]
) -> dict[str, Any]:
    """Return the record that publishes a board: what it is, and the digest of its numbers."""
    return {
        "board": numbers["board"],
        "board_id": board_id,
        "missing": len(numbers["missing"]),
        "numbers": digest,
        "pack": pack[0],
        "pack_digest": pack[1],
        "period": numbers["period"],
        "ranked": len(numbers["rows"]),
        "subject_kind": kind,
    }
