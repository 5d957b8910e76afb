"""Boards as the interface sees them; points are decimal strings, moments RFC 3339."""

from typing import Any, Literal

from msgspec import Struct

__all__ = [
    "BoardEntered",
    "BoardHead",
    "BoardLine",
    "BoardRecord",
    "BoardSource",
    "BoardStanding",
    "MissingLine",
    "SourcePoints",
]


class BoardHead(Struct, frozen=True):
    """A board in a list; `record` publishes it."""

    id: str
    board: str
    title: str
    period: str
    subject_kind: Literal["enterprise", "project"]
    status: Literal["draft", "published"]
    pack: str
    published_at: str | None
    record: str | None


class BoardSource(Struct, frozen=True):
    """A source of a board's points, and its share of the total."""

    id: str
    title: str
    share: str


class SourcePoints(Struct, frozen=True):
    """Points of a source, and the document they stand in."""

    source: str
    points: str
    document: str


class BoardLine(Struct, frozen=True):
    """A subject in the ranking; `side` is null for whom no end shows."""

    subject: str
    name: str | None
    rank: int
    total: str
    side: Literal["red", "black"] | None
    points: list[SourcePoints]


class MissingLine(Struct, frozen=True):
    """A subject that is not ranked (未参评), and the sources it has no points of."""

    subject: str
    name: str | None
    sources: list[str]


class BoardStanding(Struct, frozen=True):
    """A board with a page of its ranking. `digest` names its numbers, which the log's record signs.

    `ranked` and `missing_total` count all; `missing` stands on the first page, cut at 200.
    """

    head: BoardHead
    sources: list[BoardSource]
    top_percent: str
    bottom_percent: str
    red_at_least: str
    black_below: str
    source: str
    digest: str
    ranked: int
    missing_total: int
    rows: list[BoardLine]
    missing: list[MissingLine]
    next_cursor: str | None


class BoardEntered(Struct, frozen=True):
    """How many scores were entered."""

    id: str
    entered: int


class BoardRecord(Struct, frozen=True):
    """What publishing a board would sign now."""

    kind: Literal["board"]
    body: dict[str, Any]
