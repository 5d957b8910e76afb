"""Migrations: roles once per server, then every city's schema under its own advisory lock."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from procrastinate.schema import SchemaManager
from psycopg.errors import LockNotAvailable

from credit.kit.db import APP_ROLE, ROLES, city_schema
from credit.kit.errors import Conflict, Overloaded

__all__ = ["drift", "head_revision", "is_ours", "migrate"]

LOCK_TIMEOUT = "4s"
STATEMENT_TIMEOUT = "60s"
SERVER_VERSION_MIN = 150000
JOB_PREFIX = "procrastinate_"
JOB_GRANTS = f"""
DO $$
DECLARE
    item record;
BEGIN
    FOR item IN SELECT relname, relkind FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'S')
            AND relname LIKE '{JOB_PREFIX}%'
    LOOP
        EXECUTE format(
            CASE item.relkind WHEN 'r' THEN 'GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO {APP_ROLE}'
            ELSE 'GRANT USAGE ON SEQUENCE %I TO {APP_ROLE}' END, item.relname);
    END LOOP;
END
$$
"""
MIGRATIONS_DIR = Path(__file__).parent.parent / "migrations"


def migrate(url: str, cities: Iterable[str]) -> None:
    """Create roles and schemas where they are missing and bring each city to the newest revision.

    Two migrations of one city wait for each other; a table that stays locked by somebody else
    for longer than `LOCK_TIMEOUT` fails the migration, which then left nothing half done.
    """
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            _refuse_old_server(connection)
            _create_roles(connection)
        for city in cities:
            with engine.connect() as connection, _locks_told(city):
                _migrate_city(connection, city)
    finally:
        engine.dispose()


@contextmanager
def _locks_told(city: str) -> Iterator[None]:
    try:
        yield
    except (sa.exc.OperationalError, LockNotAvailable) as error:
        if not isinstance(getattr(error, "orig", error), LockNotAvailable):
            raise
        raise Overloaded(
            f"城市 {city} 有一张表被别人锁着超过 {LOCK_TIMEOUT}，没有升级，也没有改动。"
            "请等长时间的查询结束后再执行一次。",
            slug="tables-locked",
        ) from error


def drift(url: str, city: str) -> list[object]:
    """List the differences between the tables declared in code and those of the city's schema."""
    from credit.tables import metadata  # noqa: PLC0415 - the toolbox knows no slice at import

    engine = _engine(url)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"SET search_path = {city_schema(city)}")
            options = {
                "version_table": "schema_version",
                "compare_type": True,
                "include_name": is_ours,
            }
            context = MigrationContext.configure(connection, opts=options)
            return list(compare_metadata(context, metadata))
    finally:
        engine.dispose()


def is_ours(name: str | None, kind: str, _: object) -> bool:
    """Say whether a table is declared here; the job queue brings its own."""
    return kind != "table" or not (name or "").startswith(JOB_PREFIX)


def head_revision() -> str:
    """Name the newest revision."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise Conflict("没有任何数据库迁移脚本，安装不完整。")
    return head


def _engine(url: str) -> sa.Engine:
    parsed = sa.make_url(url).set(drivername="postgresql+psycopg")
    return sa.create_engine(parsed, poolclass=sa.NullPool)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_DIR))
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    return config


def _refuse_old_server(connection: sa.Connection) -> None:
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if version < SERVER_VERSION_MIN:
        raise Conflict(f"需要 PostgreSQL 15 或更新的版本，现在连接的是 {version // 10000}。")


def _create_roles(connection: sa.Connection) -> None:
    """Roles belong to the whole server: made under a lock, and only where they are missing."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('credit roles'))")
    for role in ROLES:
        exists = connection.execute(
            sa.text("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = :role"), {"role": role}
        ).scalar_one_or_none()
        if exists is None:
            connection.exec_driver_sql(f"CREATE ROLE {role} NOLOGIN")
            connection.exec_driver_sql(f"GRANT {role} TO CURRENT_USER")
    connection.commit()


def _migrate_city(connection: sa.Connection, city: str) -> None:
    schema = city_schema(city)
    connection.execute(
        sa.text("SELECT pg_advisory_lock(hashtext('credit migrate'), :city)"), {"city": int(city)}
    )
    connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    connection.exec_driver_sql(f"SET search_path = {schema}")
    connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    connection.exec_driver_sql(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")
    connection.commit()
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
    _migrate_jobs(connection)


def _migrate_jobs(connection: sa.Connection) -> None:
    """Bring the job queue's tables to the installed procrastinate's state, step by step.

    The package ships its whole schema for a new city and numbered steps for an old one; which of
    them were taken is kept beside our own version. The server's role may use all of it.
    """
    folder = Path(SchemaManager.get_migrations_path())
    steps = {path.name: path for path in sorted(folder.glob("*.sql"))}
    found = connection.exec_driver_sql("SELECT name FROM job_schema_step")
    taken = set(found.scalars())
    if not taken:
        texts = [SchemaManager.get_schema()]
    else:
        texts = [
            path.read_text(encoding="utf-8") for name, path in steps.items() if name not in taken
        ]
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    for text in (*texts, JOB_GRANTS):
        driver.execute(text)  # past SQLAlchemy, for which a per cent sign is a placeholder
    for name in sorted(steps.keys() - taken):
        connection.execute(sa.text("INSERT INTO job_schema_step VALUES (:name)"), {"name": name})
    connection.commit()
