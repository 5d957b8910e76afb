"""Use cases of parties: placing a subject on a day, and taking a whole register in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.vault import Vault
from credit.parties import store
from credit.parties.logic import (
    codes_named,
    find_faults,
    give_numbers,
    identify,
    names_without_code,
    normalise,
)
from credit.parties.views import Fault, Placed, RegisteredEnterprise, Row, Sheets

__all__ = [
    "PartiesPlan",
    "apply_parties",
    "areas_by_district",
    "areas_of_projects",
    "find_enterprise",
    "matching",
    "place",
    "plan_parties",
]

MANAGER_NAME = "name"
MATCHING_MAX = 50


@dataclass(frozen=True, slots=True)
class PartiesPlan:
    """What a register file would do: rows by sheet, every fault found, and counts by sheet."""

    rows: Mapping[str, Sequence[Row]]
    faults: Sequence[Fault]
    added: Mapping[str, int]
    updated: Mapping[str, int]


async def find_enterprise(conn: Connection, code: str) -> RegisteredEnterprise:
    """Return an enterprise; NotFound when the register has none of that code."""
    found = await store.find_enterprise(conn, code)
    if found is None:
        raise NotFound("登记册里没有这家企业。请核对统一社会信用代码。", slug="no-such-enterprise")
    return found


async def matching(conn: Connection, query: str) -> list[str]:
    """Return the codes of enterprises whose name or code holds a text, up to fifty."""
    escaped = query.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return await store.matching(conn, f"%{escaped}%", MATCHING_MAX)


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


async def plan_parties(conn: Connection, clock: Clock, sheets: Sheets) -> PartiesPlan:
    """Check a register file whole: sheets divisions, enterprises, projects, managers, committees.

    Each sheet is a list of (row number, values). Nothing is written, but until the caller's
    transaction ends no other import begins, so that what was checked still holds when it is.
    """
    await store.lock_parties(conn)
    sheets = normalise(sheets)
    register = await store.load_register(conn, codes_named(sheets), names_without_code(sheets))
    sheets = identify(sheets, register)
    rows = {sheet: [row for _, row in numbered] for sheet, numbered in sheets.items()}
    updated = {
        sheet: sum(row.get("code") in held for row in rows.get(sheet, ()))
        for sheet, held in register.codes().items()
    }
    added = {sheet: len(rows.get(sheet, ())) - count for sheet, count in updated.items()}
    return PartiesPlan(rows, find_faults(sheets, register, clock.today()), added, updated)


async def apply_parties(conn: Connection, clock: Clock, vault: Vault, plan: PartiesPlan) -> None:
    """Write a plan without faults, in the transaction that made it; names of people are sealed."""
    now = clock.now()
    rows = plan.rows
    number = await store.next_internal_number(conn)
    enterprises = give_numbers(rows.get("enterprises", ()), vault.city, number)
    divisions = sorted(rows.get("divisions", ()), key=lambda row: len(row["code"]))
    await store.put_divisions(conn, _columns(divisions, "code level name parent"))
    await store.put_enterprises(
        conn,
        _columns(enterprises, "code kind name former_code founded_on district"),
        now,
    )
    projects = rows.get("projects", ())
    await store.put_projects(
        conn,
        _columns(projects, "code name kind households owners area_m2 street community"),
        now,
    )
    managers = rows.get("managers", ())
    await store.put_managers(conn, [row["code"] for row in managers], now)
    await vault.put(conn, MANAGER_NAME, {row["code"]: row["name"] for row in managers})
    managed = [row for row in projects if row.get("enterprise")]
    await store.put_managements(conn, _columns(managed, "code enterprise enterprise_since"))
    headed = [row for row in projects if row.get("manager")]
    await store.put_posts(conn, _columns(headed, "code manager manager_since"))
    await store.put_committees(
        conn, _columns(rows.get("committees", ()), "code kind name project formed_on ended_on")
    )


def _columns(rows: Sequence[Row], names: str) -> list[list[Any]]:
    return [[row.get(name) for row in rows] for name in names.split()]
