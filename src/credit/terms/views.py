"""Terms as other slices see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from credit.kit.texts import marked

__all__ = ["LEVEL_TITLES", "Matter", "NewTerm", "OpenTerm"]

# What a term is about: the table its `matter_id` points into.
Matter = Literal["event", "repair", "contract", "duty", "entry"]
# Who looks at something late: the office itself, then the district, then the city.
LEVEL_TITLES = (marked("经办单位"), marked("区县主管部门"), marked("市主管部门"))
# Where a matter stands in the console and in the portal.
CONSOLE_PLACES: Mapping[str, str] = {
    "event": "events",
    "repair": "repairs",
    "contract": "contracts",
    "duty": "duties",
    "entry": "lists",
}
PORTAL_PLACES: Mapping[str, str] = {
    "event": "facts",
    "repair": "repairs",
    "contract": "contracts",
    "duty": "promises",
    "entry": "lists",
}
# What has to be done, by matter and by kind up to its first hyphen.
TITLES: Mapping[tuple[str, str], str] = {
    ("event", "notice"): marked("送达告知书"),
    ("event", "rectification"): marked("报告整改情况"),
    ("event", "objection"): marked("答复告知书"),
    ("event", "hearing"): marked("核查异议"),
    ("event", "decision"): marked("作出认定决定"),
    ("repair", "acceptance"): marked("受理修复申请"),
    ("repair", "finish"): marked("作出修复决定"),
    ("contract", "offer"): marked("各方签齐契约"),
    ("contract", "sign"): marked("签署契约"),
    ("duty", "report"): marked("报告履约情况"),
    ("duty", "confirm"): marked("确认履约报告"),
    ("duty", "dispute"): marked("处理履约争议"),
    ("duty", "inspect"): marked("核查逾期未报的履约"),
    ("entry", "notice"): marked("送达列入名单告知书"),
    ("entry", "answer"): marked("陈述申辩"),
    ("entry", "hearing"): marked("听证"),
    ("entry", "decision"): marked("决定是否列入名单"),
    ("entry", "publication"): marked("公布列入名单"),
    ("entry", "review"): marked("复核名单条目"),
    ("entry", "exit"): marked("公布移出名单"),
}


@dataclass(frozen=True, slots=True)
class NewTerm:
    """A term to be opened: for a matter, until the end of a day, for somebody.

    `scope` names whose desk it stands on, `party` (a code) whose portal; one of them is given.
    `about` is the enterprise concerned. Only an office's term goes up when it is late.
    """

    matter: Matter
    matter_id: UUID
    kind: str
    due_on: date
    scope: str | None = None
    party: str | None = None
    about: str | None = None


@dataclass(frozen=True, slots=True)
class OpenTerm:
    """An open term; `level` counts from 0, the office itself, and rises while it is late.

    `about_name` is the name of the enterprise `about`, where a list asks for it.
    """

    id: UUID
    matter: Matter
    matter_id: UUID
    kind: str
    due_on: date
    scope: str | None
    party: str | None
    about: str | None
    level: int
    about_name: str | None = None

    @property
    def title(self) -> str:
        """What has to be done."""
        return TITLES[self.matter, self.kind.partition("-")[0]]

    @property
    def level_title(self) -> str:
        """With whom it is by now."""
        return LEVEL_TITLES[self.level]

    @property
    def in_console(self) -> str:
        """Its matter's place below the console."""
        return f"{CONSOLE_PLACES[self.matter]}/{self.matter_id}"

    @property
    def in_portal(self) -> str:
        """Its matter's place below the portal."""
        return f"{PORTAL_PLACES[self.matter]}/{self.matter_id}"

    def late(self, today: date) -> bool:
        """Say whether its last day is over."""
        return self.due_on < today
