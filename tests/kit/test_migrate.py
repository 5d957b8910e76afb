"""Migrations: from nothing to the tables as declared, once, one at a time."""

import asyncio
from types import SimpleNamespace

import asyncpg
import psycopg
import pytest
import sqlalchemy as sa
from alembic import command

from credit.kit.errors import CreditError, NotFound
from credit.kit.migrate import drift, head_revision, migrate
from credit.tables import metadata

CITY, NEW = "150200", "510700"
DECLARED = """
SELECT 'column', c.relname, a.attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
    pg_get_expr(adbin, adrelid)
FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0
    AND NOT attisdropped
UNION ALL
SELECT 'constraint', c.relname, conname, pg_get_constraintdef(k.oid), NULL, NULL, NULL
FROM pg_constraint k JOIN pg_class c ON c.oid = conrelid
WHERE relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'index', tablename, indexname, replace(indexdef, schemaname || '.', ''), NULL, NULL, NULL
FROM pg_indexes WHERE schemaname = current_schema()
"""
CATALOGUE = """
SELECT 'relation', oid::text, relname, relacl::text FROM pg_class WHERE relnamespace = $1::regnamespace
UNION ALL
SELECT 'column', attrelid::text, attname, attacl::text FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
WHERE relnamespace = $1::regnamespace
UNION ALL
SELECT 'function', oid::text, proname, proacl::text FROM pg_proc WHERE pronamespace = $1::regnamespace
UNION ALL
SELECT 'trigger', t.oid::text, tgname, tgenabled::text FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
WHERE relnamespace = $1::regnamespace
"""


async def contents(url, city):
    """Return everything the city's schema is made of, and how far its versions say it is."""
    conn = await asyncpg.connect(url)
    try:
        schema = f"city_{city}"
        if not await conn.fetchval("SELECT to_regnamespace($1)", schema):
            return set()
        versions = await conn.fetch(
            f"SELECT version_num FROM {schema}.schema_version"
            f" UNION ALL SELECT name FROM {schema}.job_schema_step"
        )
        return {*map(tuple, await conn.fetch(CATALOGUE, schema)), *map(tuple, versions)}
    finally:
        await conn.close()


def declared(conn, schema):
    """Return columns, constraints and indexes of a schema's own tables."""
    conn.execute(f"SET search_path = {schema}")
    rows = conn.execute(DECLARED).fetchall()
    return {row for row in rows if row[1] in metadata.tables}


async def run(url, *cities):
    await asyncio.to_thread(migrate, url, cities)


async def test_a_second_migration_of_a_city_changes_nothing(database_url):
    assert await contents(database_url, NEW) == set()
    others = await contents(database_url, CITY)
    await run(database_url, NEW)
    before = await contents(database_url, NEW)
    assert (head_revision(),) in before
    await run(database_url, NEW)
    assert await contents(database_url, NEW) == before
    assert await contents(database_url, CITY) == others


async def test_two_migrations_at_once_wait_for_each_other(database_url, lock_awaited):
    holder = await asyncpg.connect(database_url)
    await holder.execute("SELECT pg_advisory_lock(hashtext('credit migrate'), $1)", int(NEW))
    both = asyncio.gather(run(database_url, NEW), run(database_url, NEW))
    await lock_awaited(database_url)
    assert await contents(database_url, NEW) == set()
    await holder.close()
    await both
    assert drift(database_url, NEW) == []


def test_the_schema_is_what_the_tables_describe(database_url):
    engine = sa.create_engine(
        sa.make_url(database_url).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool
    )
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA described")
        connection.exec_driver_sql("SET search_path = described")
        metadata.create_all(connection)
    with psycopg.connect(database_url) as conn:
        migrated = declared(conn, f"city_{CITY}")
        assert {row[0] for row in migrated} == {"column", "constraint", "index"}
        assert migrated ^ declared(conn, "described") == set()


def test_every_kind_of_drift_is_noticed(database_url):
    changes = (
        "ALTER TABLE project ADD COLUMN colour text",
        "ALTER TABLE project ALTER COLUMN name DROP NOT NULL",
        "ALTER TABLE project ALTER COLUMN households TYPE bigint",
        "ALTER TABLE committee DROP CONSTRAINT fk_committee_project",
        "DROP INDEX ix_project_street",
        "CREATE TABLE extra (a int)",
    )
    found = 0
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(f"SET search_path = city_{CITY}")
        for change in changes:
            conn.execute(change)
            before, found = found, len(drift(database_url, CITY))
            assert found > before, change


async def test_a_migration_that_fails_midway_is_finished_by_the_next_one(database_url, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("credit.kit.migrate.JOB_GRANTS", "SELECT 1 / 0")
        with pytest.raises(psycopg.errors.DivisionByZero):
            await run(database_url, NEW)
    names = {row[2] for row in await contents(database_url, NEW) if len(row) > 2}
    assert "log_entry" in names
    assert not any(name.startswith("procrastinate_") for name in names)
    await run(database_url, NEW)
    names = {row[2] for row in await contents(database_url, NEW) if len(row) > 2}
    assert "procrastinate_jobs" in names


async def locked_out(url, monkeypatch):
    """Migrate while somebody else holds a table; returns what that raised."""
    monkeypatch.setattr("credit.kit.migrate.LOCK_TIMEOUT", "20ms")
    holder = await asyncpg.connect(url)
    async with holder.transaction():
        await holder.execute(f"LOCK TABLE city_{CITY}.schema_version")
        async with asyncio.timeout(5):
            with pytest.raises((CreditError, sa.exc.OperationalError)) as caught:
                await run(url, CITY)
    await holder.close()
    return caught.value


async def test_a_table_that_stays_locked_fails_the_migration_and_leaves_all_as_it_was(
    database_url, monkeypatch
):
    before = await contents(database_url, CITY)
    await locked_out(database_url, monkeypatch)
    assert await contents(database_url, CITY) == before
    await run(database_url, CITY)
    assert await contents(database_url, CITY) == before


async def test_a_table_that_stays_locked_is_told_with_city_and_cure(database_url, monkeypatch):
    error = await locked_out(database_url, monkeypatch)
    assert isinstance(error, CreditError)
    assert CITY in error.detail
    assert "锁" in error.detail


async def test_what_is_no_city_is_refused(database_url):
    for city in ("", "1502", "15020a", "150200; DROP SCHEMA public", "１５０２００"):
        with pytest.raises(NotFound):
            await run(database_url, city)


async def test_a_division_of_people_becomes_their_organisation_s(database_url, monkeypatch):
    """Where all who have one agree, and it is of the level the organisation works at."""
    to_doors = SimpleNamespace(upgrade=lambda config, _: command.upgrade(config, "0002"))
    with monkeypatch.context() as patch:
        patch.setattr("credit.kit.migrate.command", to_doors)
        await run(database_url, NEW)
    offices = (  # kind, own division, divisions of the people, division afterwards
        ("street", None, ["510703001", None, "510703001"], "510703001"),
        ("street", None, ["510703001", "510703002"], None),
        ("street", None, ["510703"], None),
        ("street", "510703", ["510703009"], "510703009"),
        ("district_department", None, ["510703"], "510703"),
        ("district_department", "510704", ["510703"], "510704"),
        ("association", "510703", ["510703"], None),
        ("other", None, ["510703001"], None),
    )
    conn = await asyncpg.connect(database_url)
    try:
        await conn.execute(f"SET search_path = city_{NEW}")
        for number, (kind, own, people, _) in enumerate(offices):
            await conn.execute(
                "INSERT INTO organisation (id, kind, name, division, created_at)"
                " VALUES ($1, $2, $1, $3, now())", str(number), kind, own
            )  # fmt: skip
            for place, division in enumerate(people):
                await conn.execute(
                    "INSERT INTO person (id, username, roles, organisation_id, division, active,"
                    " created_at) VALUES ($1, $1, '{street_officer}', $2, $3, true, now())",
                    f"{number} {place}", str(number), division,
                )  # fmt: skip
        await run(database_url, NEW)
        rows = await conn.fetch("SELECT division FROM organisation ORDER BY id::int")
        assert [row["division"] for row in rows] == [after for *_, after in offices]
    finally:
        await conn.close()


async def test_a_question_kept_before_becomes_its_asker_s_organisation_s(database_url, monkeypatch):
    before = SimpleNamespace(upgrade=lambda config, _: command.upgrade(config, "0005"))
    with monkeypatch.context() as patch:
        patch.setattr("credit.kit.migrate.command", before)
        await run(database_url, NEW)
    conn = await asyncpg.connect(database_url)
    try:
        await conn.execute(f"SET search_path = city_{NEW}")
        await conn.execute(
            "INSERT INTO organisation (id, kind, name, created_at) VALUES ('O', 'other', 'O', now())"
        )
        for person, house in (("P-1", "O"), ("P-2", None)):
            await conn.execute(
                "INSERT INTO person (id, username, roles, organisation_id, active, created_at)"
                " VALUES ($1, $1, '{bidder}', $2, true, now())", person, house
            )  # fmt: skip
            await conn.execute(
                "INSERT INTO grade_query (id, asked_by, purpose, tender_ref, asked_at, answer)"
                " VALUES (gen_random_uuid(), $1, '', '', now(), $2)",
                person, '{"answers": [{"name": "甲"}, {}]}'.encode(),
            )  # fmt: skip
        await run(database_url, NEW)
        rows = await conn.fetch("SELECT asked_by, asked_for, bidders FROM grade_query ORDER BY 1")
        assert [tuple(row) for row in rows] == [("P-1", "O", 2), ("P-2", "P-2", 2)]
        for change in ("UPDATE grade_query SET bidders = 3", "DELETE FROM grade_query"):
            with pytest.raises(asyncpg.PostgresError, match="append-only"):
                await conn.execute(change)
        assert drift(database_url, NEW) == []
    finally:
        await conn.close()
