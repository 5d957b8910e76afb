"""Use cases of parties: placing a subject on a day, and taking a whole register in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.parties import store
from credit.parties.logic import CodeRefused, check_code, internal_code
from credit.parties.views import Placed, RegisteredEnterprise

__all__ = [
    "Fault",
    "PartiesPlan",
    "Row",
    "apply_parties",
    "areas_by_district",
    "areas_of_projects",
    "find_enterprise",
    "place",
    "plan_parties",
]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be taken in: sheet, row number as in the file, column key, message."""

    sheet: str
    row: int
    column: str
    message: str


@dataclass(slots=True)
class PartiesPlan:
    """What a register file would do: rows by sheet, and every fault found."""

    rows: dict[str, list[dict[str, Any]]]
    faults: list[Fault] = field(default_factory=list)
    added: dict[str, int] = field(default_factory=dict)
    updated: dict[str, int] = field(default_factory=dict)


async def find_enterprise(conn: Connection, code: str) -> RegisteredEnterprise:
    """Return an enterprise; NotFound when the register has none of that code."""
    found = await store.find_enterprise(conn, code)
    if found is None:
        raise NotFound("登记册里没有这家企业。请核对统一社会信用代码。", slug="no-such-enterprise")
    return found


async def place(
    conn: Connection, kinds: Sequence[str], codes: Sequence[str], days: Sequence[date]
) -> list[Placed]:
    """Say for each subject (kind, code) who answered for it on its day; one round trip."""
    return await store.place(conn, kinds, codes, days)


async def areas_by_district(
    conn: Connection, on: date, enterprises: Sequence[str]
) -> dict[tuple[str, str], int]:
    """Return the square metres each enterprise managed on a day, by (enterprise, district)."""
    return await store.area_managed(conn, on, enterprises)


async def areas_of_projects(conn: Connection, projects: Sequence[str]) -> dict[str, int]:
    """Return each project's area in square metres."""
    return await store.project_areas(conn, projects)


async def plan_parties(
    conn: Connection, clock: Clock, sheets: Mapping[str, Sequence[tuple[int, Row]]]
) -> PartiesPlan:
    """Check a register file whole: sheets divisions, enterprises, projects, managers, committees.

    Each sheet is a list of (row number, values). Nothing is written. Every row that names
    something must find it in the file or in the register.
    """
    plan = PartiesPlan(
        {name: [dict(values) for _, values in rows] for name, rows in sheets.items()}
    )
    numbers = {name: [number for number, _ in rows] for name, rows in sheets.items()}
    checker = _Checker(plan, numbers, clock.today())
    checker.unique_codes()
    checker.enterprise_codes()
    known = {}
    for table, sheet in _TABLES.items():
        wanted = checker.codes_wanted(table)
        known[table] = await store.existing(conn, table, sorted(wanted))
        here = [row["code"] for row in plan.rows.get(sheet, ()) if row.get("code")]
        plan.updated[sheet] = len(known[table] & set(here))
        plan.added[sheet] = len(plan.rows.get(sheet, ())) - plan.updated[sheet]
        known[table] |= set(here)
    checker.references(known)
    projects = [row["code"] for row in plan.rows.get("projects", ())]
    checker.handovers(
        await store.open_managements(conn, projects), await store.open_posts(conn, projects)
    )
    return plan


async def apply_parties(conn: Connection, clock: Clock, city: str, plan: PartiesPlan) -> None:
    """Write a plan without faults, in the caller's transaction."""
    await store.lock_parties(conn)
    now = clock.now()
    rows = plan.rows
    number = await store.next_internal_number(conn)
    for enterprise in rows.get("enterprises", ()):
        if not enterprise.get("code"):
            enterprise["code"] = internal_code(city, number)
            number += 1
    divisions = sorted(rows.get("divisions", ()), key=lambda row: len(row["code"]))
    await store.put_divisions(conn, _columns(divisions, "code level name parent"))
    await store.put_enterprises(
        conn,
        _columns(rows.get("enterprises", ()), "code kind name former_code founded_on district"),
        now,
    )
    projects = rows.get("projects", ())
    await store.put_projects(
        conn,
        _columns(projects, "code name kind households owners area_m2 street community"),
        now,
    )
    await store.put_managers(conn, _columns(rows.get("managers", ()), "code name"), now)
    managed = [row for row in projects if row.get("enterprise")]
    await store.put_managements(conn, _columns(managed, "code enterprise enterprise_since"))
    headed = [row for row in projects if row.get("manager")]
    await store.put_posts(conn, _columns(headed, "code manager manager_since"))
    await store.put_committees(
        conn, _columns(rows.get("committees", ()), "code kind name project formed_on ended_on")
    )


_TABLES = {
    "division": "divisions",
    "enterprise": "enterprises",
    "project": "projects",
    "manager": "managers",
    "committee": "committees",
}
# Which column of which sheet names a row of which table.
_REFERENCES = (
    ("divisions", "parent", "division"),
    ("enterprises", "district", "division"),
    ("projects", "street", "division"),
    ("projects", "community", "division"),
    ("projects", "enterprise", "enterprise"),
    ("projects", "manager", "manager"),
    ("committees", "project", "project"),
)
_LABELS = {
    "division": "行政区划",
    "enterprise": "企业",
    "project": "项目",
    "manager": "项目负责人",
    "committee": "业主委员会",
}


class _Checker:
    """Collects faults over all sheets of a plan."""

    def __init__(self, plan: PartiesPlan, numbers: Mapping[str, list[int]], today: date) -> None:
        self.plan = plan
        self.numbers = numbers
        self.today = today

    def fault(self, sheet: str, position: int, column: str, message: str) -> None:
        self.plan.faults.append(Fault(sheet, self.numbers[sheet][position], column, message))

    def unique_codes(self) -> None:
        for sheet, rows in self.plan.rows.items():
            first: dict[str, int] = {}
            for position, row in enumerate(rows):
                code = row.get("code")
                if not code:
                    continue
                if code in first:
                    where = self.numbers[sheet][first[code]]
                    self.fault(
                        sheet, position, "code", f"代码“{code}”与第 {where} 行重复。请只留一行。"
                    )
                first.setdefault(code, position)

    def enterprise_codes(self) -> None:
        for position, row in enumerate(self.plan.rows.get("enterprises", ())):
            if row["founded_on"] > self.today:
                self.fault("enterprises", position, "founded_on", "成立日期在今天之后。请核对。")
            if not row.get("code"):
                continue
            try:
                row["code"] = check_code(row["code"])
            except CodeRefused as refused:
                self.fault("enterprises", position, "code", str(refused))

    def codes_wanted(self, table: str) -> set[str]:
        wanted = {
            row[column]
            for sheet, column, target in _REFERENCES
            if target == table
            for row in self.plan.rows.get(sheet, ())
            if row.get(column)
        }
        return wanted | {
            row["code"] for row in self.plan.rows.get(_TABLES[table], ()) if row.get("code")
        }

    def references(self, known: Mapping[str, set[str]]) -> None:
        for sheet, column, table in _REFERENCES:
            for position, row in enumerate(self.plan.rows.get(sheet, ())):
                code = row.get(column)
                if code and code not in known[table]:
                    self.fault(
                        sheet,
                        position,
                        column,
                        f"没有代码为“{code}”的{_LABELS[table]}。"
                        f"请先在“{_LABELS[table]}”表里登记，或改正代码。",
                    )

    def handovers(
        self,
        managements: Mapping[str, tuple[date, str]],
        posts: Mapping[str, tuple[date, str]],
    ) -> None:
        for position, row in enumerate(self.plan.rows.get("projects", ())):
            self._handover(position, row, "enterprise", managements.get(row["code"]))
            self._handover(position, row, "manager", posts.get(row["code"]))

    def _handover(
        self, position: int, row: Row, column: str, present: tuple[date, str] | None
    ) -> None:
        since_column = f"{column}_since"
        if not row.get(column):
            return
        since = row.get(since_column)
        if since is None:
            self.fault("projects", position, since_column, "填了代码就要填起始日期。")
        elif since > self.today:
            self.fault("projects", position, since_column, "起始日期在今天之后。请到当天再登记。")
        elif present is not None and present[1] != row[column] and since <= present[0]:
            self.fault(
                "projects",
                position,
                since_column,
                f"现有记录自 {present[0]} 起由“{present[1]}”负责，新的起始日期要在这之后。",
            )


def _columns(rows: Sequence[Row], names: str) -> list[list[Any]]:
    return [[row.get(name) for row in rows] for name in names.split()]
