"""Terms: what is due, until when, for whom."""

import sqlalchemy as sa
from alembic import op

from credit.migrations.helpers import forward_only, run_sql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OPEN = "closed_at IS NULL"


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "term",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("matter", sa.Text(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("escalates_on", sa.Date(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "matter IN ('event', 'repair', 'contract', 'duty', 'entry')",
            name=op.f("ck_term_matter_known"),
        ),
        sa.CheckConstraint("(scope IS NULL) <> (party IS NULL)", name=op.f("ck_term_one_actor")),
        sa.CheckConstraint("level BETWEEN 0 AND 2", name=op.f("ck_term_level_known")),
        sa.CheckConstraint("char_length(kind) <= 40", name=op.f("ck_term_kind_length")),
        sa.CheckConstraint("char_length(scope) <= 40", name=op.f("ck_term_scope_length")),
        sa.CheckConstraint("char_length(party) <= 40", name=op.f("ck_term_party_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_term")),
    )
    for name, columns, unique, where in (
        ("uq_term_open", ["matter_id", "kind"], True, OPEN),
        ("ix_term_escalates_on", ["escalates_on"], False, OPEN),
        ("ix_term_scope", ["scope", "due_on", "id"], False, OPEN),
        ("ix_term_party", ["party", "due_on", "id"], False, OPEN),
        ("ix_term_level", ["level", "due_on", "id"], False, f"{OPEN} AND level > 0"),
    ):
        op.create_index(name, "term", columns, unique=unique, postgresql_where=where)
    run_sql("terms_v1.sql")


downgrade = forward_only
