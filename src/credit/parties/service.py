"""Use cases of parties: placing a subject on a day, and taking a whole register in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.patterns import containing
from credit.kit.texts import say
from credit.kit.vault import Vault
from credit.parties import store
from credit.parties.logic import (
    codes_named,
    division_name,
    find_faults,
    give_numbers,
    identify,
    is_within,
    names_without_code,
    normalise,
)
from credit.parties.views import (
    Fault,
    FoundSubject,
    Located,
    Placed,
    RegisteredEnterprise,
    Represented,
    Row,
    Sheets,
)

__all__ = [
    "PartiesPlan",
    "apply_parties",
    "areas_by_district",
    "areas_of_projects",
    "districts",
    "division_names",
    "divisions",
    "find_enterprise",
    "find_subjects",
    "matching",
    "outside",
    "place",
    "plan_parties",
    "represented",
    "territory_name",
]

MANAGER_NAME = "name"
MATCHING_MAX = 50
DISTRICTS_MAX = 100
DIVISIONS_MAX = 500
LEVEL_DIGITS = (6, 9, 12)


@dataclass(frozen=True, slots=True)
class PartiesPlan:
    """What a register file would do: rows by sheet, every fault found, and counts by sheet.

    `held` says for each row, in the file's order, whether the register has it already.
    """

    rows: Mapping[str, Sequence[Row]]
    faults: Sequence[Fault]
    held: Mapping[str, Sequence[bool]]

    @property
    def updated(self) -> Mapping[str, int]:
        """How many rows the register has, by sheet."""
        return {sheet: sum(flags) for sheet, flags in self.held.items()}

    @property
    def added(self) -> Mapping[str, int]:
        """How many rows are new, by sheet."""
        return {sheet: len(flags) - sum(flags) for sheet, flags in self.held.items()}


async def find_enterprise(conn: Connection, code: str) -> RegisteredEnterprise:
    """Return an enterprise; NotFound when the register has none of that code."""
    found = await store.find_enterprise(conn, code)
    if found is None:
        raise NotFound(
            say("登记册里没有这家企业。请核对统一社会信用代码。"), slug="no-such-enterprise"
        )
    return found


async def matching(
    conn: Connection,
    query: str | None,
    division: str | None,
    limit: int,
    *,
    code: str | None = None,
) -> list[str]:
    """Return the codes of enterprises whose name or code holds a text, of a division, with a code;
    None leaves any of these out.
    """
    like = containing(query) if query else None
    return await store.matching(conn, like, division, limit, code=code)


async def find_subjects(
    conn: Connection, kind: str, query: str, limit: int = MATCHING_MAX
) -> list[FoundSubject]:
    """Return enterprises, projects, streets or districts by code or part of the name.

    Whoever has the very code stands first.
    """
    return await store.find_subjects(conn, kind, query, containing(query), limit)


async def districts(conn: Connection) -> list[tuple[str, str]]:
    """Return (code, name) of the city's districts."""
    return await store.districts(conn, DISTRICTS_MAX)


async def divisions(conn: Connection) -> list[tuple[str, str]]:
    """Return (code, name) of the city's districts and streets, each district before its streets."""
    return await store.divisions(conn, DIVISIONS_MAX)


async def place(
    conn: Connection, kinds: Sequence[str], codes: Sequence[str], days: Sequence[date]
) -> list[Placed]:
    """Say for each subject (kind, code) who answered for it on its day; one round trip."""
    return await store.place(conn, kinds, codes, days)


async def outside(
    conn: Connection,
    division: str,
    kinds: Sequence[str],
    codes: Sequence[str],
    days: Sequence[date],
) -> list[tuple[int, Located]]:
    """Return the subjects (kind, code) that were not in a division on their days, with their
    places in the order given; one round trip.
    """
    located = await store.locate(conn, kinds, codes, days)
    return [(place, one) for place, one in enumerate(located) if not is_within(one, division)]


async def territory_name(conn: Connection, division: str) -> str:
    """Return a division's name as the register has it, a street's after its district's.

    One the register does not have goes by the name of GB/T 2260, or by its code.
    """
    return await store.division_name(conn, division) or division_name(division)


async def division_names(conn: Connection, codes: Sequence[str]) -> dict[str, str]:
    """Return divisions' names by code, those they lie in first; one unknown goes by its code."""
    wanted = {code[:digits] for code in codes for digits in LEVEL_DIGITS}
    names = await store.division_names(conn, sorted(wanted))
    return {code: _whole_name(code, names) for code in codes}


def _whole_name(code: str, names: Mapping[str, str]) -> str:
    above = "".join(names.get(code[:digits], "") for digits in LEVEL_DIGITS if digits < len(code))
    return above + names[code] if code in names else f"{above} {code}".lstrip()


async def areas_by_district(
    conn: Connection, on: date, enterprises: Sequence[str]
) -> dict[tuple[str, str], int]:
    """Return the square metres each enterprise managed on a day, by (enterprise, district)."""
    return await store.area_managed(conn, on, enterprises)


async def areas_of_projects(conn: Connection, projects: Sequence[str]) -> dict[str, int]:
    """Return each project's area in square metres."""
    return await store.project_areas(conn, projects)


async def represented(conn: Connection, committee: str, on: date) -> Represented:
    """Return a committee with its project and the enterprise managing it; NotFound without it."""
    found = await store.represented(conn, committee, on)
    if found is None:
        raise NotFound(say("登记册里没有您的业主委员会。请联系协会管理员核对账号。"))
    return found


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
    held = {
        sheet: [row.get("code") in codes for row in rows.get(sheet, ())]
        for sheet, codes in register.codes().items()
    }
    return PartiesPlan(rows, find_faults(sheets, register, clock.today()), held)


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
