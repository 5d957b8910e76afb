"""A register as workbooks: one row of every kind, changed as a test likes."""

from datetime import date
from io import BytesIO

import pytest

from credit.kit.excel import read_workbook, write_table
from credit.kit.vault import Vault
from credit.parties.excel import SHEETS, by_sheet
from credit.parties.service import apply_parties, plan_parties

VAULT = Vault(bytes(32), "150200")
ROWS = {
    "divisions": [
        {"code": "150203", "level": "district", "name": "昆都仑区"},
        {"code": "150203001", "level": "street", "name": "一街道", "parent": "150203"},
        {"code": "150203001001", "level": "community", "name": "一社区", "parent": "150203001"},
    ],
    "enterprises": [
        {
            "code": code,
            "name": name,
            "kind": "company",
            "founded_on": date(2020, 1, 1),
            "district": "150203",
        }
        for code, name in (
            ("91150200MA0000000C", "甲物业有限公司"),
            ("91150200MA0000001F", "乙物业有限公司"),
        )
    ],
    "projects": [
        {
            "code": "XQ-1",
            "name": "一小区",
            "kind": "老旧小区",
            "households": 300,
            "owners": 320,
            "area_m2": 30_000,
            "street": "150203001",
            "community": "150203001001",
            "enterprise": "91150200MA0000000C",
            "enterprise_since": date(2024, 1, 1),
            "manager": "FZR-1",
            "manager_since": date(2024, 3, 1),
        }
    ],
    "managers": [{"code": "FZR-1", "name": "负责人一"}, {"code": "FZR-2", "name": "负责人二"}],
    "committees": [
        {
            "code": "YWH-1",
            "name": "一小区业主委员会",
            "kind": "业主委员会",
            "project": "XQ-1",
            "formed_on": date(2023, 5, 1),
            "ended_on": date(2028, 5, 1),
        }
    ],
}


class Register:
    """Plans and takes in workbooks on one connection, as an import does."""

    def __init__(self, clock):
        self.clock = clock

    def row(self, sheet, place=0, **changes):
        """Return a sheet's row with changes."""
        return {**ROWS[sheet][place], **changes}

    def read(self, sheets):
        """Write rows into a workbook and read it again."""
        buffer = BytesIO()
        write_table([(SHEETS[name], rows) for name, rows in sheets.items()], buffer)
        return read_workbook(buffer.getvalue(), list(SHEETS.values()))

    async def plan(self, conn, sheets):
        """Plan a workbook of some sheets' rows."""
        reading = self.read(sheets)
        assert reading.problems == []
        plan = await plan_parties(conn, self.clock, by_sheet(reading.rows))
        assert all(fault.message.endswith("。") for fault in plan.faults)
        return plan

    async def faults(self, conn, **sheets):
        """Return what reading or planning finds wrong, as (sheet, row, column)."""
        keys = {
            (spec.name, column.title): (name, column.key)
            for name, spec in SHEETS.items()
            for column in spec.columns
        }
        if found := self.read(sheets).problems:
            named = [(*keys[one.sheet, one.title], one.row) for one in found]
            return [(sheet, row, column) for sheet, column, row in named]
        plan = await self.plan(conn, sheets)
        return [(fault.sheet, fault.row, fault.column) for fault in plan.faults]

    async def take(self, conn, **sheets):
        """Take a workbook without faults in; the whole register when no sheets are given."""
        plan = await self.plan(conn, sheets or ROWS)
        assert plan.faults == []
        await apply_parties(conn, self.clock, VAULT, plan)
        return plan

    async def hand_over(self, conn, day, enterprise=None, manager=None):
        """Give the project to another enterprise or manager from a day on."""
        row = self.row("projects", enterprise=None, manager=None)
        if enterprise:
            row |= {"enterprise": enterprise, "enterprise_since": day}
        if manager:
            row |= {"manager": manager, "manager_since": day}
        return await self.take(conn, projects=[row])


@pytest.fixture
def register(clock):
    """What takes workbooks in."""
    return Register(clock)
