"""Whose a bid evaluator's questions are: the organisation's they were asked for."""

from alembic import op

from credit.migrations.helpers import forward_only, run_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    run_sql("queries_v1.sql")
    op.drop_index("ix_grade_query_asked_by", table_name="grade_query")
    op.create_index("ix_grade_query_asked_for", "grade_query", ["asked_for", "id"], unique=False)


downgrade = forward_only
