"""The public pages of a city's rules: the pack as tables, with the clause every line comes from."""

from decimal import Decimal
from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import PathParameter

from credit.grades.pages.public import rules_on, unless_known
from credit.grades.pages.wording import conditions_of
from credit.kit.canonical import canonical
from credit.kit.errors import NotFound
from credit.kit.http import City, entity_tag
from credit.kit.pages import render
from credit.kit.texts import say
from credit.rules.loading import pack_of_city
from credit.rules.model import (
    Bonus,
    Cancelled,
    EventType,
    LevelPoints,
    RangePoints,
    Row,
    Sheet,
)
from credit.rules.pack import Rules
from credit.rules.trace import text

__all__ = ["RulePages"]

SheetId = Annotated[str, PathParameter(max_length=60)]


class RulePages(Controller):
    """`/{city}/rules`: how grades are made, as readable as the pack is exact."""

    path = "/rules"

    @get(summary="评分规则")
    async def rules(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Show the pack in force: score and grade, caps, catalogue of events, sheets, readings."""
        rules = rules_on(state, city, state.clock.today())
        return unless_known(
            request,
            render(
                request,
                "grades/public_rules.html",
                rules=rules,
                digest=pack_of_city(city).digest,
                conditions=conditions_of(rules),
                groups=_groups_of_events(rules),
            ),
        )

    @get("/document", summary="规则包全文")
    async def document(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[bytes]:
        """Return the pack's document as canonical JSON: its SHA-256 is the pack's digest."""
        rules_on(state, city, state.clock.today())  # refuses a city without a pack
        content = canonical(pack_of_city(city).document)
        tag = entity_tag(content)
        headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(b"", status_code=304, headers=headers)
        return Response(content, media_type="application/json", headers=headers)

    @get("/sheets/{sheet:str}", summary="一张评分表")
    async def sheet(
        self, request: Request[Any, Any, Any], state: State, city: City, sheet: SheetId
    ) -> Response[Any]:
        """Show a score sheet by groups: full marks, who marks, how points come about, sources."""
        rules = rules_on(state, city, state.clock.today())
        found = rules.sheets.get(sheet)
        if found is None:
            raise NotFound(
                say("规则包里没有这张评分表。请从评分规则页选择。"), slug="no-such-sheet"
            )
        titles = {event.code: event.title for event in rules.grading.events}
        return unless_known(
            request,
            render(
                request,
                "grades/public_sheet.html",
                rules=rules,
                sheet=found,
                groups=_groups_of_rows(found),
                titles=titles,
            ),
        )


def _groups_of_events(rules: Rules) -> dict[str, list[tuple[EventType, str]]]:
    """Group the catalogue: each event with its points in words, in the pack's order."""
    groups: dict[str, list[tuple[EventType, str]]] = {}
    for event in rules.grading.events:
        groups.setdefault(event.group, []).append((event, _points(event)))
    return groups


def _points(event: EventType) -> str:
    sign = {"good": "+", "bad": "−", "neutral": ""}[event.polarity]
    if isinstance(event.points, LevelPoints):
        return " ".join(f"{one.level}\u00a0{sign}{text(one.points)}" for one in event.points.levels)
    if isinstance(event.points, RangePoints):
        low, high = event.points.range
        return f"{sign}{text(low)}～{text(high)}"
    return f"{sign}{text(event.points.fixed)}"


def _groups_of_rows(sheet: Sheet) -> list[tuple[str, list[Row], str]]:
    """Group a sheet's rows in their order, with the full mark of each group.

    Where rows depend on the variant, the groups' marks are given for each variant that differs.
    """
    groups: dict[str, list[Row]] = {}
    for row in sheet.rows:
        groups.setdefault(row.group, []).append(row)
    variants = sheet.variants or (None,)
    return [
        (name, rows, " / ".join(dict.fromkeys(_full(rows, variant) for variant in variants)))
        for name, rows in groups.items()
    ]


def _full(rows: list[Row], variant: str | None) -> str:
    """Add up a group's full marks; those of bonus rows, which are outside the sheet's, as `+5`."""
    counted = [row for row in rows if row.variant in (None, variant)]
    counted = [row for row in counted if not isinstance(row, Cancelled)]
    base = [row.full for row in counted if not isinstance(row, Bonus)]
    bonus = [row.full for row in counted if isinstance(row, Bonus)]
    parts = [text(sum(base, Decimal(0)))] if base else []
    return " ".join([*parts, f"+{text(sum(bonus, Decimal(0)))}"] if bonus else parts)
