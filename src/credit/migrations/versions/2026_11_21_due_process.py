"""Notice, objection, hearing and repair of events."""

import sqlalchemy as sa
from alembic import op

from credit.migrations.helpers import forward_only, run_sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "event_course",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("elsewhere", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("steps", sa.SmallInteger(), nullable=False),
        sa.Column("noticed_on", sa.Date(), nullable=True),
        sa.Column("noticed_by", sa.Text(), nullable=True),
        sa.Column("rectification_due", sa.Date(), nullable=True),
        sa.Column("objection_due", sa.Date(), nullable=True),
        sa.Column("must_hear", sa.Boolean(), nullable=False),
        sa.Column("must_measure", sa.Boolean(), nullable=False),
        sa.Column("acknowledged_on", sa.Date(), nullable=True),
        sa.Column("rectified_on", sa.Date(), nullable=True),
        sa.Column("measures", sa.Boolean(), nullable=False),
        sa.Column("objected_on", sa.Date(), nullable=True),
        sa.Column("heard_on", sa.Date(), nullable=True),
        sa.Column("heard_by", sa.Text(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "finding IN ('upheld', 'partly', 'dismissed')",
            name=op.f("ck_event_course_finding_known"),
        ),
        sa.CheckConstraint(
            "severity IN ('minor', 'general', 'serious')",
            name=op.f("ck_event_course_severity_known"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'noticed', 'acknowledged', 'objected', 'heard', 'effective', 'dropped', 'withdrawn', 'corrected', 'repaired')",
            name=op.f("ck_event_course_state_known"),
        ),
        sa.CheckConstraint(
            "char_length(enterprise) <= 40", name=op.f("ck_event_course_enterprise_length")
        ),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_event_course_event_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_course")),
    )
    op.create_index(
        "ix_event_course_enterprise", "event_course", ["enterprise", "event_id"], unique=False
    )
    op.create_index("ix_event_course_state", "event_course", ["state", "event_id"], unique=False)
    op.create_table(
        "event_suggestion",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("evidence", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("suggested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("handled_by", sa.Text(), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "source_kind IN ('duty', 'contract', 'entry', 'inspection', 'evaluation')",
            name=op.f("ck_event_suggestion_source_kind_known"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'taken', 'dismissed')", name=op.f("ck_event_suggestion_state_known")
        ),
        sa.CheckConstraint(
            "subject_kind IN ('enterprise', 'project', 'manager')",
            name=op.f("ck_event_suggestion_subject_kind_known"),
        ),
        sa.CheckConstraint("char_length(code) <= 80", name=op.f("ck_event_suggestion_code_length")),
        sa.CheckConstraint(
            "char_length(note) <= 4000", name=op.f("ck_event_suggestion_note_length")
        ),
        sa.CheckConstraint(
            "char_length(reason) <= 4000", name=op.f("ck_event_suggestion_reason_length")
        ),
        sa.CheckConstraint(
            "char_length(reference) <= 64", name=op.f("ck_event_suggestion_reference_length")
        ),
        sa.CheckConstraint(
            "char_length(source_id) <= 60", name=op.f("ck_event_suggestion_source_id_length")
        ),
        sa.CheckConstraint(
            "char_length(subject) <= 40", name=op.f("ck_event_suggestion_subject_length")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event.id"], name=op.f("fk_event_suggestion_event_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_suggestion")),
    )
    op.create_index(
        "ix_event_suggestion_open",
        "event_suggestion",
        ["id"],
        unique=False,
        postgresql_where="state = 'open'",
    )
    op.create_index(
        "uq_event_suggestion_source",
        "event_suggestion",
        ["source_kind", "source_id", "code"],
        unique=True,
    )
    op.create_table(
        "event_step",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=True),
        sa.Column("evidence", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("term", sa.Text(), nullable=True),
        sa.Column("days", sa.SmallInteger(), nullable=True),
        sa.Column("participants", sa.Text(), nullable=True),
        sa.Column("corrective", sa.Text(), nullable=True),
        sa.Column("preventive", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "finding IN ('upheld', 'partly', 'dismissed')", name=op.f("ck_event_step_finding_known")
        ),
        sa.CheckConstraint(
            "kind IN ('noticed', 'acknowledged', 'rectified', 'objected', 'extended', 'heard')",
            name=op.f("ck_event_step_kind_known"),
        ),
        sa.CheckConstraint(
            "term IN ('rectification', 'objection', 'hearing', 'decision')",
            name=op.f("ck_event_step_term_known"),
        ),
        sa.CheckConstraint(
            "char_length(corrective) <= 4000", name=op.f("ck_event_step_corrective_length")
        ),
        sa.CheckConstraint(
            "char_length(participants) <= 4000", name=op.f("ck_event_step_participants_length")
        ),
        sa.CheckConstraint(
            "char_length(preventive) <= 4000", name=op.f("ck_event_step_preventive_length")
        ),
        sa.CheckConstraint(
            "char_length(statement) <= 4000", name=op.f("ck_event_step_statement_length")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event_course.event_id"], name=op.f("fk_event_step_event_id")
        ),
        sa.PrimaryKeyConstraint("event_id", "number", name=op.f("pk_event_step")),
    )
    op.create_table(
        "repair",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("steps", sa.SmallInteger(), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("commitment_id", sa.Uuid(), nullable=False),
        sa.Column("applied_by", sa.Text(), nullable=False),
        sa.Column("applied_on", sa.Date(), nullable=False),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.Column("accepted_on", sa.Date(), nullable=True),
        sa.Column("extended", sa.Boolean(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('applied', 'rejected', 'accepted', 'granted', 'refused')",
            name=op.f("ck_repair_state_known"),
        ),
        sa.CheckConstraint(
            "char_length(commitment) <= 4000", name=op.f("ck_repair_commitment_length")
        ),
        sa.CheckConstraint(
            "char_length(enterprise) <= 40", name=op.f("ck_repair_enterprise_length")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event_course.event_id"], name=op.f("fk_repair_event_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repair")),
    )
    op.create_index("ix_repair_enterprise", "repair", ["enterprise", "id"], unique=False)
    op.create_index("ix_repair_state", "repair", ["state", "id"], unique=False)
    op.create_index(
        "uq_repair_open",
        "repair",
        ["event_id"],
        unique=True,
        postgresql_where="state IN ('applied', 'accepted', 'granted')",
    )
    op.create_table(
        "repair_step",
        sa.Column("repair_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=True),
        sa.Column("evidence", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("days", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('applied', 'rejected', 'accepted', 'extended', 'granted', 'refused')",
            name=op.f("ck_repair_step_kind_known"),
        ),
        sa.CheckConstraint(
            "char_length(statement) <= 4000", name=op.f("ck_repair_step_statement_length")
        ),
        sa.ForeignKeyConstraint(
            ["repair_id"], ["repair.id"], name=op.f("fk_repair_step_repair_id")
        ),
        sa.PrimaryKeyConstraint("repair_id", "number", name=op.f("pk_repair_step")),
    )
    op.create_table(
        "log_sealed",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_log_sealed")),
    )
    op.create_table(
        "evidence_holder",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "char_length(holder) <= 40", name=op.f("ck_evidence_holder_holder_length")
        ),
        sa.ForeignKeyConstraint(
            ["digest"], ["evidence.digest"], name=op.f("fk_evidence_holder_digest")
        ),
        sa.PrimaryKeyConstraint("digest", "holder", name=op.f("pk_evidence_holder")),
    )
    run_sql("due_process_v1.sql")


downgrade = forward_only
