"""Every SQL statement of every store is prepared against the migrated schema, as the role that
runs it; the schema is the one the tables declare, and its grants are the ones written down.
"""

import importlib
from pathlib import Path

import asyncpg
import pytest

from credit.kit.migrate import drift
from credit.log import store as log_store

SOURCE = Path(__file__).parents[2] / "src" / "credit"
STORES = [
    importlib.import_module(".".join(("credit", *path.relative_to(SOURCE).with_suffix("").parts)))
    for path in sorted(SOURCE.rglob("store.py"))
]


def statements():
    for store in STORES:
        for name, value in vars(store).items():
            values = value.items() if isinstance(value, dict) else [("", value)]
            for part, text in values:
                if (
                    name.isupper()
                    and not name.startswith("_")
                    and isinstance(text, str)
                    and " " in text
                    and part.islower() | (part == "")
                ):
                    label = f"{store.__name__.removeprefix('credit.')}.{name}{part and '.' + part}"
                    yield pytest.param(text, id=label)


@pytest.mark.parametrize("text", list(statements()))
async def test_the_statement_fits_the_schema(conn, text):
    await conn.prepare(text)


def test_there_is_no_drift_between_tables_and_schema(database_url):
    assert drift(database_url, "150200") == []


async def test_the_grants_are_those_written_down(database_url):
    owner = await asyncpg.connect(database_url)  # a role sees only the grants of roles it is in
    try:
        rows = await owner.fetch(
            r"""
            SELECT grantee || ' ' || privilege_type || ' ' || table_name AS line
            FROM information_schema.column_privileges
            WHERE table_schema = 'city_150200' AND grantee LIKE 'credit_%'
                AND (privilege_type <> 'SELECT' OR grantee NOT IN ('credit_app', 'credit_sequencer'))
            UNION
            SELECT grantee || ' ' || privilege_type || ' ' || table_name
            FROM information_schema.role_table_grants
            WHERE table_schema = 'city_150200' AND grantee LIKE 'credit_%'
                AND (privilege_type <> 'SELECT' OR grantee NOT IN ('credit_app', 'credit_sequencer'))
            UNION
            SELECT 'policy ' || tablename || ' ' || array_to_string(roles, ',') || ' ' || cmd
                || ' ' || regexp_replace(qual, '\s+', ' ', 'g')
            FROM pg_policies WHERE schemaname = 'city_150200'
            """
        )
    finally:
        await owner.close()
    written = (Path(__file__).parent / "grants.txt").read_text().splitlines()
    lines = {row["line"] for row in rows if "procrastinate_" not in row["line"]}
    assert sorted(lines) == written


def test_the_log_store_is_among_the_stores():
    assert log_store in STORES
