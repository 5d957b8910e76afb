"""What desks keep: open evaluations, and views people saved; which parties a division has."""

import sqlalchemy as sa
from alembic import op

from credit.migrations.helpers import forward_only, run_sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "evaluation_open",
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("sheet", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("division", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name=op.f("fk_evaluation_open_evaluation_id")
        ),
        sa.PrimaryKeyConstraint("evaluation_id", name=op.f("pk_evaluation_open")),
    )
    op.create_table(
        "saved_view",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "place IN ('enterprises', 'events', 'evaluations')",
            name=op.f("ck_saved_view_place_known"),
        ),
        sa.CheckConstraint(
            "char_length(name) BETWEEN 1 AND 40", name=op.f("ck_saved_view_name_fits")
        ),
        sa.CheckConstraint("char_length(query) <= 1000", name=op.f("ck_saved_view_query_length")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_saved_view_person_id")),
        sa.PrimaryKeyConstraint("person_id", "place", "name", name=op.f("pk_saved_view")),
    )
    op.drop_index("uq_evaluation_subject_year", table_name="evaluation")
    op.create_index(
        "uq_evaluation_year_subject",
        "evaluation",
        ["sheet", "year", "subject", "division"],
        unique=True,
    )
    op.create_index("ix_enterprise_district", "enterprise", ["district"], unique=False)
    run_sql("desks_v1.sql")
    op.create_index(
        "ix_evaluation_open_listed",
        "evaluation_open",
        ["sheet", "year", "subject", "division"],
        unique=False,
    )


downgrade = forward_only
