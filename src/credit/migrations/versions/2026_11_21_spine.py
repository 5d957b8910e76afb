"""The first tables: parties, events, evaluations, grades and the log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from credit.migrations.helpers import forward_only, run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:  # noqa: PLR0915 - generated: a statement a table
    """Apply the revision."""
    op.create_table(
        "calendar_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("workday", sa.Boolean(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_day")),
    )
    op.create_table(
        "division",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(level = 'district') = (parent IS NULL)", name=op.f("ck_division_parent_fits_level")
        ),
        sa.CheckConstraint(
            "char_length(code) = CASE level WHEN 'district' THEN 6 WHEN 'street' THEN 9 ELSE 12 END",
            name=op.f("ck_division_code_fits_level"),
        ),
        sa.CheckConstraint(
            "level IN ('district', 'street', 'community')", name=op.f("ck_division_level_known")
        ),
        sa.CheckConstraint("char_length(name) <= 80", name=op.f("ck_division_name_length")),
        sa.ForeignKeyConstraint(["parent"], ["division.code"], name=op.f("fk_division_parent")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_division")),
    )
    op.create_table(
        "evaluation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("sheet", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("enterprise", sa.Text(), nullable=True),
        sa.Column("division", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("weight", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "subject_kind IN ('enterprise', 'project', 'street', 'district')",
            name=op.f("ck_evaluation_subject_kind_known"),
        ),
        sa.CheckConstraint("char_length(sheet) <= 40", name=op.f("ck_evaluation_sheet_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation")),
    )
    op.create_index("ix_evaluation_enterprise", "evaluation", ["enterprise", "year"], unique=False)
    op.create_index(
        "uq_evaluation_subject_year",
        "evaluation",
        ["sheet", "subject", "year", "division"],
        unique=True,
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("enterprise", sa.Text(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("target", sa.Uuid(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('credit-event', 'event-withdrawn', 'event-corrected')",
            name=op.f("ck_event_kind_known"),
        ),
        sa.CheckConstraint(
            "subject_kind IN ('enterprise', 'project', 'manager')",
            name=op.f("ck_event_subject_kind_known"),
        ),
        sa.CheckConstraint("char_length(code) <= 80", name=op.f("ck_event_code_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_enterprise", "event", ["enterprise", "occurred_on"], unique=False)
    op.create_index(
        "ix_event_target", "event", ["target"], unique=False, postgresql_where="target IS NOT NULL"
    )
    op.create_index("uq_event_fingerprint", "event", ["fingerprint", "attempt"], unique=True)
    op.create_table(
        "evidence",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("uploaded_by", sa.Text(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("char_length(digest) <= 71", name=op.f("ck_evidence_digest_length")),
        sa.CheckConstraint(
            "char_length(media_type) <= 100", name=op.f("ck_evidence_media_type_length")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_evidence")),
    )
    op.create_table(
        "grade_query",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("tender_ref", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "char_length(purpose) <= 200", name=op.f("ck_grade_query_purpose_length")
        ),
        sa.CheckConstraint(
            "char_length(tender_ref) <= 200", name=op.f("ck_grade_query_tender_ref_length")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grade_query")),
    )
    op.create_index(
        "ix_grade_query_asked_by", "grade_query", ["asked_by", "asked_at"], unique=False
    )
    op.create_table(
        "grade_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("pack_digest", sa.Text(), nullable=False),
        sa.Column("pack_status", sa.Text(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("log_size", sa.BigInteger(), nullable=False),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("char_length(pack) <= 60", name=op.f("ck_grade_run_pack_length")),
        sa.CheckConstraint(
            "char_length(pack_version) <= 40", name=op.f("ck_grade_run_pack_version_length")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grade_run")),
    )
    op.create_table(
        "grade_run_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grade_run_request")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "char_length(client) <= 64", name=op.f("ck_idempotency_key_client_length")
        ),
        sa.CheckConstraint("char_length(key) <= 100", name=op.f("ck_idempotency_key_key_length")),
        sa.PrimaryKeyConstraint("client", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(
        op.f("ix_idempotency_key_created_at"), "idempotency_key", ["created_at"], unique=False
    )
    op.create_table(
        "import_batch",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "char_length(imported_by) <= 64", name=op.f("ck_import_batch_imported_by_length")
        ),
        sa.CheckConstraint("char_length(kind) <= 40", name=op.f("ck_import_batch_kind_length")),
        sa.PrimaryKeyConstraint("kind", "digest", name=op.f("pk_import_batch")),
    )
    op.create_table(
        "job_schema_step",
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job_schema_step")),
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_checkpoint")),
    )
    op.create_index(
        op.f("ix_log_checkpoint_signed_at"), "log_checkpoint", ["signed_at"], unique=False
    )
    op.create_table(
        "log_entry",
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("k", sa.BigInteger(), nullable=False),
        sa.Column("admitted_at", sa.Text(), nullable=False),
        sa.Column("tail", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_log_entry")),
    )
    op.create_index("uq_log_entry_k", "log_entry", ["k"], unique=True, postgresql_include=["idx"])
    op.create_table(
        "log_intake",
        sa.Column("k", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("k", name=op.f("pk_log_intake")),
    )
    op.create_table(
        "log_record",
        sa.Column("k", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("kids", sa.Text(), nullable=False),
        sa.Column("subjects", sa.LargeBinary(), nullable=False),
        sa.Column("fragment", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "mod(octet_length(subjects), 32) = 0", name=op.f("ck_log_record_subjects_whole")
        ),
        sa.CheckConstraint(
            "octet_length(fragment) <= 64511", name=op.f("ck_log_record_fragment_length")
        ),
        sa.PrimaryKeyConstraint("k", name=op.f("pk_log_record")),
    )
    op.create_index("uq_log_record_record_id", "log_record", ["record_id"], unique=True)
    op.create_table(
        "log_refusal",
        sa.Column("k", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('unknown-key', 'revoked-key')", name=op.f("ck_log_refusal_reason_known")
        ),
        sa.PrimaryKeyConstraint("k", name=op.f("pk_log_refusal")),
    )
    op.create_table(
        "log_state",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("stack", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_log_state_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_state")),
    )
    op.create_table(
        "log_subject",
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("k", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "k", name=op.f("pk_log_subject")),
    )
    op.create_table(
        "log_tile",
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("octet_length(data) = 8192", name=op.f("ck_log_tile_full")),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_log_tile")),
    )
    op.create_table(
        "manager",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("char_length(code) <= 24", name=op.f("ck_manager_code_length")),
        sa.CheckConstraint("char_length(name) <= 40", name=op.f("ck_manager_name_length")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_manager")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("division", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('association_officer', 'association_reviewer', 'street_officer', 'district_officer', 'city_officer', 'bidder', 'auditor', 'administrator')",
            name=op.f("ck_person_role_known"),
        ),
        sa.CheckConstraint(
            "char_length(display_name) <= 80", name=op.f("ck_person_display_name_length")
        ),
        sa.CheckConstraint("char_length(id) <= 40", name=op.f("ck_person_id_length")),
        sa.CheckConstraint("char_length(username) <= 40", name=op.f("ck_person_username_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("username", name=op.f("uq_person_username")),
    )
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("announced_by", sa.Uuid(), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('record', 'answer')", name=op.f("ck_signing_key_purpose_known")
        ),
        sa.CheckConstraint("char_length(kid) <= 100", name=op.f("ck_signing_key_kid_length")),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_key")),
    )
    op.create_index("ix_signing_key_holder", "signing_key", ["holder"], unique=False)
    op.create_table(
        "subject_head",
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_subject_head")),
    )
    op.create_table(
        "api_client",
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("char_length(name) <= 80", name=op.f("ck_api_client_name_length")),
        sa.CheckConstraint("char_length(prefix) <= 20", name=op.f("ck_api_client_prefix_length")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_api_client_person_id")),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_api_client")),
    )
    op.create_index("ix_api_client_person", "api_client", ["person_id"], unique=False)
    op.create_table(
        "enterprise",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("former_code", sa.Text(), nullable=True),
        sa.Column("founded_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("district", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('company', 'other_manager')", name=op.f("ck_enterprise_kind_known")
        ),
        sa.CheckConstraint("char_length(code) <= 18", name=op.f("ck_enterprise_code_length")),
        sa.CheckConstraint(
            "char_length(former_code) <= 40", name=op.f("ck_enterprise_former_code_length")
        ),
        sa.CheckConstraint("char_length(name) <= 120", name=op.f("ck_enterprise_name_length")),
        sa.ForeignKeyConstraint(
            ["district"], ["division.code"], name=op.f("fk_enterprise_district")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_enterprise")),
    )
    op.create_index("ix_enterprise_name", "enterprise", ["name"], unique=False)
    op.create_table(
        "evaluation_closing",
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("total", sa.Numeric(precision=12, scale=4), nullable=False),
        sa.Column("veto", sa.Boolean(), nullable=False),
        sa.Column("valid", sa.Boolean(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name=op.f("fk_evaluation_closing_evaluation_id")
        ),
        sa.PrimaryKeyConstraint("evaluation_id", name=op.f("pk_evaluation_closing")),
    )
    op.create_table(
        "evaluation_entry",
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("input", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name=op.f("fk_evaluation_entry_evaluation_id")
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "version", name=op.f("pk_evaluation_entry")),
    )
    op.create_table(
        "event_decision",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'refused')", name=op.f("ck_event_decision_outcome_known")
        ),
        sa.CheckConstraint(
            "char_length(reason) <= 1000", name=op.f("ck_event_decision_reason_length")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event.id"], name=op.f("fk_event_decision_event_id")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_decision")),
    )
    op.create_table(
        "event_waiting",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_event_waiting_event_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_waiting")),
    )
    op.create_table(
        "grade_publication",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["grade_run.id"], name=op.f("fk_grade_publication_run_id")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_grade_publication")),
    )
    op.create_table(
        "grade_result",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=True),
        sa.Column("score", sa.Numeric(precision=12, scale=4), nullable=True),
        sa.Column("trace", sa.LargeBinary(), nullable=False),
        sa.Column("trace_digest", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "status IN ('graded', 'unrated')", name=op.f("ck_grade_result_status_known")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["grade_run.id"], name=op.f("fk_grade_result_run_id")),
        sa.PrimaryKeyConstraint("run_id", "enterprise", name=op.f("pk_grade_result")),
    )
    op.create_table(
        "project",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("households", sa.Integer(), nullable=False),
        sa.Column("owners", sa.Integer(), nullable=False),
        sa.Column("area_m2", sa.BigInteger(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("community", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('既有民用建筑', '老旧小区', '商圈楼宇', '产业功能区')",
            name=op.f("ck_project_kind_known"),
        ),
        sa.CheckConstraint("char_length(code) <= 24", name=op.f("ck_project_code_length")),
        sa.CheckConstraint("char_length(name) <= 120", name=op.f("ck_project_name_length")),
        sa.CheckConstraint(
            "households >= 0 AND owners >= 0 AND area_m2 >= 0", name=op.f("ck_project_sizes")
        ),
        sa.ForeignKeyConstraint(
            ["community"], ["division.code"], name=op.f("fk_project_community")
        ),
        sa.ForeignKeyConstraint(["street"], ["division.code"], name=op.f("fk_project_street")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_project")),
    )
    op.create_index("ix_project_street", "project", ["street"], unique=False)
    op.create_table(
        "committee",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("formed_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('业主委员会', '物业管理委员会')", name=op.f("ck_committee_kind_known")
        ),
        sa.CheckConstraint("char_length(code) <= 24", name=op.f("ck_committee_code_length")),
        sa.CheckConstraint("char_length(name) <= 120", name=op.f("ck_committee_name_length")),
        sa.CheckConstraint(
            "ended_on IS NULL OR ended_on > formed_on", name=op.f("ck_committee_period")
        ),
        sa.ForeignKeyConstraint(["project"], ["project.code"], name=op.f("fk_committee_project")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_committee")),
    )
    op.create_index("ix_committee_project", "committee", ["project"], unique=False)
    op.create_table(
        "management",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("enterprise", sa.Text(), nullable=False),
        sa.CheckConstraint("until IS NULL OR until > since", name=op.f("ck_management_period")),
        sa.ForeignKeyConstraint(
            ["enterprise"], ["enterprise.code"], name=op.f("fk_management_enterprise")
        ),
        sa.ForeignKeyConstraint(["project"], ["project.code"], name=op.f("fk_management_project")),
        sa.PrimaryKeyConstraint("project", "since", name=op.f("pk_management")),
    )
    op.create_index("ix_management_enterprise", "management", ["enterprise", "since"], unique=False)
    op.create_index(
        "uq_management_open",
        "management",
        ["project"],
        unique=True,
        postgresql_where="until IS NULL",
    )
    op.create_table(
        "post",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("manager", sa.Text(), nullable=False),
        sa.CheckConstraint("until IS NULL OR until > since", name=op.f("ck_post_period")),
        sa.ForeignKeyConstraint(["manager"], ["manager.code"], name=op.f("fk_post_manager")),
        sa.ForeignKeyConstraint(["project"], ["project.code"], name=op.f("fk_post_project")),
        sa.PrimaryKeyConstraint("project", "since", name=op.f("pk_post")),
    )
    op.create_index("ix_post_manager", "post", ["manager", "since"], unique=False)
    op.create_index(
        "uq_post_open", "post", ["project"], unique=True, postgresql_where="until IS NULL"
    )
    op.create_table(
        "published_grade",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=True),
        sa.Column("score", sa.Numeric(precision=12, scale=4), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["grade_publication.run_id"], name=op.f("fk_published_grade_run_id")
        ),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_published_grade")),
    )
    op.create_index(
        "ix_published_grade_enterprise",
        "published_grade",
        ["enterprise", "published_at"],
        unique=False,
    )
    run_sql("spine_v1.sql")


downgrade = forward_only
