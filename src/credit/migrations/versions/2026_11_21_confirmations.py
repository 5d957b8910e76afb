"""Divisions of organisations, confirmation of grades by the districts, and the seed of runs."""

import sqlalchemy as sa
from alembic import op

from credit.migrations.helpers import forward_only, run_sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "grade_confirmation",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("division", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("results_digest", sa.LargeBinary(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(outcome = 'returned') = (reason IS NOT NULL)",
            name=op.f("ck_grade_confirmation_reason_fits_outcome"),
        ),
        sa.CheckConstraint(
            "outcome IN ('confirmed', 'returned')", name=op.f("ck_grade_confirmation_outcome_known")
        ),
        sa.CheckConstraint(
            "char_length(division) <= 6", name=op.f("ck_grade_confirmation_division_length")
        ),
        sa.CheckConstraint(
            "char_length(reason) <= 1000", name=op.f("ck_grade_confirmation_reason_length")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["grade_run.id"], name=op.f("fk_grade_confirmation_run_id")
        ),
        sa.PrimaryKeyConstraint("run_id", "division", name=op.f("pk_grade_confirmation")),
    )
    op.add_column("grade_result", sa.Column("district", sa.Text(), nullable=True))
    op.add_column("grade_run", sa.Column("seed", sa.Uuid(), nullable=True))
    run_sql("confirmations_v1.sql")


downgrade = forward_only
