"""The kinds of workbooks that are taken in: their names, sheets and templates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from credit.earning.excel import participation_sheet
from credit.evaluations.excel import marks_sheet
from credit.evaluations.logic import evaluable
from credit.events.excel import event_sheet
from credit.kit.calendar import CALENDAR_SHEET
from credit.kit.excel import SheetSpec
from credit.kit.texts import marked
from credit.parties.excel import SHEETS
from credit.rules.pack import Pack, Rules

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of workbook. `name` is what commands and the database call it, `title` what people do.

    `sheets` gives the sheets of a city's workbook under its rules.
    """

    name: str
    title: str
    sheets: Callable[[Rules], Sequence[SheetSpec]]
    of_pack: bool

    def specs(self, pack: Pack) -> Sequence[SheetSpec]:
        """Return the sheets a city's workbook may have."""
        return self.sheets(_rules(pack))

    def heading(self, pack: Pack) -> str:
        """Return what stands above the template's help."""
        rules = _rules(pack).head.title
        return f"{self.title}导入模板" + (f"（{rules}）" if self.of_pack else "")


def _rules(pack: Pack) -> Rules:
    return pack.on(pack.days[-1])


KINDS = {
    kind.name: kind
    for kind in (
        Kind("parties", marked("登记册"), lambda _: list(SHEETS.values()), False),
        Kind("events", marked("信用事件"), lambda rules: [event_sheet(rules.grading)], True),
        Kind(
            "marks",
            marked("评分"),
            lambda rules: [marks_sheet(one) for one in evaluable(rules.sheets.values())],
            True,
        ),
        Kind(
            "participation",
            marked("参与记录"),
            lambda rules: [participation_sheet(rules.points)],
            True,
        ),
        Kind("calendar", marked("放假调休"), lambda _: [CALENDAR_SHEET], False),
    )
}
