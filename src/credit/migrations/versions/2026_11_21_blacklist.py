"""Red and black lists, boards, the exchange."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from credit.migrations.helpers import forward_only, run_sql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "list_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("list_name", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("enterprise", sa.Text(), nullable=True),
        sa.Column("list_kind", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("law", sa.Text(), nullable=True),
        sa.Column("measures", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("facts", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("criterion", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("steps", sa.SmallInteger(), nullable=False),
        sa.Column("answer_due", sa.Date(), nullable=True),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.Column("hearing", sa.Text(), nullable=False),
        sa.Column("heard_by", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("retain_until", sa.Date(), nullable=True),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column("exit_kind", sa.Text(), nullable=True),
        sa.Column("exit_id", sa.Uuid(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "(list_kind = 'statutory') = (law IS NOT NULL)",
            name=op.f("ck_list_entry_law_fits_kind"),
        ),
        sa.CheckConstraint(
            "exit_kind IN ('repaired', 'overturned', 'review')",
            name=op.f("ck_list_entry_exit_kind_known"),
        ),
        sa.CheckConstraint(
            "hearing IN ('', 'asked', 'waived')", name=op.f("ck_list_entry_hearing_known")
        ),
        sa.CheckConstraint("legal_basis <> ''", name=op.f("ck_list_entry_basis_given")),
        sa.CheckConstraint(
            "list_kind IN ('statutory', 'departmental', 'self-discipline')",
            name=op.f("ck_list_entry_list_kind_known"),
        ),
        sa.CheckConstraint(
            "list_name IN ('red', 'black')", name=op.f("ck_list_entry_list_name_known")
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'noticed', 'answered', 'heard', 'listed', 'rejected', 'published', 'leaving', 'exited', 'ended')",
            name=op.f("ck_list_entry_state_known"),
        ),
        sa.CheckConstraint(
            "subject_kind IN ('enterprise', 'manager', 'practitioner')",
            name=op.f("ck_list_entry_subject_kind_known"),
        ),
        sa.CheckConstraint(
            "cardinality(facts) BETWEEN 1 AND 20", name=op.f("ck_list_entry_facts_given")
        ),
        sa.CheckConstraint(
            "cardinality(measures) BETWEEN 1 AND 10", name=op.f("ck_list_entry_measures_given")
        ),
        sa.CheckConstraint(
            "char_length(criterion) <= 40", name=op.f("ck_list_entry_criterion_length")
        ),
        sa.CheckConstraint("char_length(law) <= 200", name=op.f("ck_list_entry_law_length")),
        sa.CheckConstraint(
            "char_length(legal_basis) <= 200", name=op.f("ck_list_entry_legal_basis_length")
        ),
        sa.CheckConstraint("char_length(reason) <= 4000", name=op.f("ck_list_entry_reason_length")),
        sa.CheckConstraint("char_length(subject) <= 24", name=op.f("ck_list_entry_subject_length")),
        sa.CheckConstraint(
            "record_id IS NULL OR (from_on < until_on AND review_on <= until_on)",
            name=op.f("ck_list_entry_span"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_entry")),
    )
    op.create_index("ix_list_entry_enterprise", "list_entry", ["enterprise", "id"], unique=False)
    op.create_index("ix_list_entry_state", "list_entry", ["list_name", "state", "id"], unique=False)
    op.create_index("ix_list_entry_subject", "list_entry", ["subject", "id"], unique=False)
    op.create_index(
        "uq_list_entry_open",
        "list_entry",
        ["list_name", "subject"],
        unique=True,
        postgresql_where="state NOT IN ('rejected', 'exited', 'ended')",
    )
    op.create_table(
        "list_step",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('proposed', 'notice', 'answer', 'hear', 'list', 'reject', 'publish', 'continue', 'leave', 'exit')",
            name=op.f("ck_list_step_kind_known"),
        ),
        sa.CheckConstraint(
            "cardinality(evidence) <= 20", name=op.f("ck_list_step_evidence_bounded")
        ),
        sa.CheckConstraint("char_length(outcome) <= 40", name=op.f("ck_list_step_outcome_length")),
        sa.CheckConstraint(
            "char_length(statement) <= 4000", name=op.f("ck_list_step_statement_length")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["list_entry.id"], name=op.f("fk_list_step_entry_id")
        ),
        sa.PrimaryKeyConstraint("entry_id", "number", name=op.f("pk_list_step")),
    )
    op.create_table(
        "board",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("board", sa.Text(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column("numbers", sa.LargeBinary(), nullable=True),
        sa.Column("published_by", sa.Text(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'published') = (record_id IS NOT NULL AND numbers IS NOT NULL)",
            name=op.f("ck_board_published_whole"),
        ),
        sa.CheckConstraint("state IN ('draft', 'published')", name=op.f("ck_board_state_known")),
        sa.CheckConstraint(
            "subject_kind IN ('enterprise', 'project')", name=op.f("ck_board_subject_kind_known")
        ),
        sa.CheckConstraint("char_length(board) <= 60", name=op.f("ck_board_board_length")),
        sa.CheckConstraint("char_length(pack) <= 60", name=op.f("ck_board_pack_length")),
        sa.CheckConstraint("char_length(period) <= 10", name=op.f("ck_board_period_length")),
        sa.CheckConstraint("char_length(title) <= 120", name=op.f("ck_board_title_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_board")),
    )
    op.create_index("ix_board_state", "board", ["state", "id"], unique=False)
    op.create_index("uq_board_period", "board", ["board", "period"], unique=True)
    op.create_table(
        "board_score",
        sa.Column("board_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("points", sa.Numeric(precision=5, scale=2), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "char_length(document) <= 64", name=op.f("ck_board_score_document_length")
        ),
        sa.CheckConstraint("char_length(source) <= 60", name=op.f("ck_board_score_source_length")),
        sa.CheckConstraint(
            "char_length(subject) <= 24", name=op.f("ck_board_score_subject_length")
        ),
        sa.CheckConstraint("points BETWEEN 0 AND 100", name=op.f("ck_board_score_points_bounded")),
        sa.ForeignKeyConstraint(["board_id"], ["board.id"], name=op.f("fk_board_score_board_id")),
        sa.PrimaryKeyConstraint(
            "board_id", "subject", "source", "version", name=op.f("pk_board_score")
        ),
    )
    op.create_table(
        "exchange_item",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('entry', 'exit')", name=op.f("ck_exchange_item_kind_known")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["list_entry.id"], name=op.f("fk_exchange_item_entry_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_item")),
    )
    op.create_index("ix_exchange_item_entry", "exchange_item", ["entry_id"], unique=False)
    op.create_table(
        "listing",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("list_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("exit_id", sa.Uuid(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "effect = 'reference' OR kind = 'statutory'", name=op.f("ck_listing_bar_is_statutory")
        ),
        sa.CheckConstraint(
            "effect IN ('reference', 'statutory bar')", name=op.f("ck_listing_effect_known")
        ),
        sa.CheckConstraint(
            "kind IN ('statutory', 'departmental', 'self-discipline')",
            name=op.f("ck_listing_kind_known"),
        ),
        sa.CheckConstraint(
            "list_name IN ('red', 'black')", name=op.f("ck_listing_list_name_known")
        ),
        sa.CheckConstraint(
            "subject_kind IN ('enterprise', 'manager', 'practitioner')",
            name=op.f("ck_listing_subject_kind_known"),
        ),
        sa.CheckConstraint(
            "char_length(legal_basis) <= 400", name=op.f("ck_listing_legal_basis_length")
        ),
        sa.CheckConstraint("char_length(subject) <= 24", name=op.f("ck_listing_subject_length")),
        sa.CheckConstraint("from_on < until_on", name=op.f("ck_listing_span")),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_listing")),
    )
    op.create_index("ix_listing_subject", "listing", ["subject", "from_on"], unique=False)
    op.create_index("uq_listing_entry", "listing", ["entry_id"], unique=True)
    op.create_index("ix_event_code", "event", ["code", "enterprise"], unique=False)
    run_sql("blacklist_v1.sql")


downgrade = forward_only
