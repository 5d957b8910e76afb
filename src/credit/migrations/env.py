"""Alembic's entry: runs every revision on the connection that `credit.kit.migrate` hands over.

The connection's search path already names the city's schema and it holds the city's advisory
lock. Each revision is a transaction of its own with a lock time-out, so that a migration waits
for nobody longer than a few seconds and a failed one leaves the schema as it was.
"""

from alembic import context

from credit.kit.migrate import is_ours
from credit.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=True,
    include_name=is_ours,
    version_table="schema_version",
)
with context.begin_transaction():
    context.run_migrations()
