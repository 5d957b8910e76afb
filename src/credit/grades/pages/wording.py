"""Rules taken apart for a template's words: what a cap or veto depends on."""

from collections.abc import Mapping

from credit.rules.model import Cap, Condition, LiveEvent, LiveSeverity, SheetBelow, Veto
from credit.rules.pack import Rules
from credit.rules.trace import text

__all__ = ["conditions_of"]


def conditions_of(rules: Rules) -> dict[str, tuple[str, ...]]:
    """Return for each cap and veto, by id, the kind of its condition and what that names.

    ("severity", name), ("event", title), ("below", sheet, points) or ("veto", sheet).
    """
    titles = {event.code: event.title for event in rules.grading.events}
    bounds: list[Cap | Veto] = [*rules.grading.caps, *rules.grading.vetoes]
    return {one.id: _condition(one.when, titles) for one in bounds}


def _condition(when: Condition, titles: Mapping[str, str]) -> tuple[str, ...]:
    if isinstance(when, LiveSeverity):
        return ("severity", when.live_severity)
    if isinstance(when, LiveEvent):
        return ("event", titles.get(when.live_event, when.live_event))
    if isinstance(when, SheetBelow):
        return ("below", when.sheet_below.sheet, text(when.sheet_below.points))
    return ("veto", when.sheet_veto)
