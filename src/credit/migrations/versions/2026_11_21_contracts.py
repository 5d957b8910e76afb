"""Contracts: drafts, signatures, duties, votes; owners of a project sign as an organisation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from credit.migrations.helpers import forward_only, run_sql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROLES = (
    "association_officer",
    "association_reviewer",
    "street_officer",
    "district_officer",
    "city_officer",
    "enterprise_user",
    "committee_user",
    "owner_delegate",
    "merchant_user",
    "resident",
    "bidder",
    "auditor",
    "administrator",
)
KINDS = (
    "association",
    "street",
    "district_department",
    "city_department",
    "enterprise",
    "committee",
    "owners",
    "merchant",
    "other",
)


def upgrade() -> None:
    """Apply the revision."""
    _widen_access()
    op.create_table(
        "contract",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("enterprise", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("in_force", sa.SmallInteger(), nullable=False),
        sa.Column("last_version", sa.SmallInteger(), nullable=False),
        sa.Column("offer", sa.Text(), nullable=True),
        sa.Column("offer_until", sa.Date(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("proposal", sa.Text(), nullable=True),
        sa.Column("proposal_role", sa.Text(), nullable=True),
        sa.Column("drafter_scheme", sa.Text(), nullable=False),
        sa.Column("drafter", sa.Text(), nullable=False),
        sa.Column("parties", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("duties_next", sa.Date(), nullable=True),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'pact') = (project IS NULL)", name=op.f("ck_contract_project_fits_kind")
        ),
        sa.CheckConstraint(
            "(offer IS NOT DISTINCT FROM 'open') = (offer_until IS NOT NULL)",
            name=op.f("ck_contract_offer_fits"),
        ),
        sa.CheckConstraint(
            "drafter_scheme IN ('USCC', 'INT', 'COMMITTEE', 'OWNERS', 'ORG')",
            name=op.f("ck_contract_drafter_scheme_known"),
        ),
        sa.CheckConstraint(
            "kind IN ('tri-party', 'service', 'pact')", name=op.f("ck_contract_kind_known")
        ),
        sa.CheckConstraint("offer IN ('draft', 'open')", name=op.f("ck_contract_offer_known")),
        sa.CheckConstraint(
            "proposal IN ('suspend', 'resume', 'end')", name=op.f("ck_contract_proposal_known")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'offered', 'refused', 'withdrawn', 'in-force', 'suspended', 'ended')",
            name=op.f("ck_contract_state_known"),
        ),
        sa.CheckConstraint(
            "(in_force = 0) = (until_on IS NULL)", name=op.f("ck_contract_term_fits")
        ),
        sa.CheckConstraint(
            "(proposal IS NULL) = (proposal_role IS NULL)", name=op.f("ck_contract_proposal_fits")
        ),
        sa.CheckConstraint("char_length(template) <= 60", name=op.f("ck_contract_template_length")),
        sa.CheckConstraint("char_length(title) <= 200", name=op.f("ck_contract_title_length")),
        sa.ForeignKeyConstraint(["project"], ["project.code"], name=op.f("fk_contract_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract")),
    )
    op.create_index(
        "ix_contract_duties_next",
        "contract",
        ["duties_next"],
        unique=False,
        postgresql_where="state = 'in-force' AND duties_next IS NOT NULL",
    )
    op.create_index("ix_contract_enterprise", "contract", ["enterprise"], unique=False)
    op.create_index(
        "ix_contract_parties", "contract", ["parties"], unique=False, postgresql_using="gin"
    )
    op.create_index("ix_contract_project", "contract", ["project"], unique=False)
    op.create_index("ix_contract_state", "contract", ["state", "id"], unique=False)
    op.create_table(
        "contract_draft",
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("drafter_party", sa.Text(), nullable=True),
        sa.Column("edited_by", sa.Text(), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_contract_draft_contract_id")
        ),
        sa.PrimaryKeyConstraint("contract_id", name=op.f("pk_contract_draft")),
    )
    op.create_table(
        "contract_step",
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "step IN ('drafted', 'discarded', 'frozen', 'signed', 'in-force', 'refused', 'withdrawn', 'amended', 'proposed-suspend', 'proposed-resume', 'proposed-end', 'retracted', 'suspended', 'resumed', 'ended', 'closed', 'left')",
            name=op.f("ck_contract_step_step_known"),
        ),
        sa.CheckConstraint(
            "char_length(reason) <= 4000", name=op.f("ck_contract_step_reason_length")
        ),
        sa.CheckConstraint("char_length(role) <= 40", name=op.f("ck_contract_step_role_length")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_contract_step_contract_id")
        ),
        sa.PrimaryKeyConstraint("contract_id", "number", name=op.f("pk_contract_step")),
    )
    op.create_table(
        "contract_version",
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("template_version", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("files", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("offer_until", sa.Date(), nullable=False),
        sa.Column("frozen_by", sa.Text(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "char_length(digest) <= 71", name=op.f("ck_contract_version_digest_length")
        ),
        sa.CheckConstraint(
            "char_length(template_version) <= 40",
            name=op.f("ck_contract_version_template_version_length"),
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_contract_version_contract_id")
        ),
        sa.PrimaryKeyConstraint("contract_id", "version", name=op.f("pk_contract_version")),
        sa.UniqueConstraint("record_id", name=op.f("uq_contract_version_record_id")),
    )
    op.create_table(
        "contract_party",
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("needed", sa.Boolean(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "role IN ('enterprise', 'committee', 'owners', 'association', 'member', 'seal_custodian', 'witness')",
            name=op.f("ck_contract_party_role_known"),
        ),
        sa.CheckConstraint(
            "scheme IN ('USCC', 'INT', 'COMMITTEE', 'OWNERS', 'ORG')",
            name=op.f("ck_contract_party_scheme_known"),
        ),
        sa.CheckConstraint("char_length(name) <= 200", name=op.f("ck_contract_party_name_length")),
        sa.CheckConstraint("char_length(party) <= 40", name=op.f("ck_contract_party_party_length")),
        sa.ForeignKeyConstraint(
            ["contract_id", "version"],
            ["contract_version.contract_id", "contract_version.version"],
            name=op.f("fk_contract_party_contract_id_version"),
        ),
        sa.PrimaryKeyConstraint(
            "contract_id", "version", "scheme", "party", name=op.f("pk_contract_party")
        ),
    )
    op.create_index("ix_contract_party_party", "contract_party", ["party"], unique=False)
    op.create_table(
        "contract_signature",
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('enterprise', 'committee', 'owners', 'association', 'member', 'seal_custodian', 'witness')",
            name=op.f("ck_contract_signature_role_known"),
        ),
        sa.CheckConstraint(
            "scheme IN ('USCC', 'INT', 'COMMITTEE', 'OWNERS', 'ORG')",
            name=op.f("ck_contract_signature_scheme_known"),
        ),
        sa.ForeignKeyConstraint(
            ["contract_id", "version"],
            ["contract_version.contract_id", "contract_version.version"],
            name=op.f("fk_contract_signature_contract_id_version"),
        ),
        sa.PrimaryKeyConstraint(
            "contract_id", "version", "scheme", "party", name=op.f("pk_contract_signature")
        ),
        sa.UniqueConstraint("record_id", name=op.f("uq_contract_signature_record_id")),
    )
    op.create_index(
        "uq_contract_signature_key",
        "contract_signature",
        ["contract_id", "version", "kid"],
        unique=True,
    )
    op.create_index(
        "uq_contract_signature_person",
        "contract_signature",
        ["contract_id", "version", "person_id"],
        unique=True,
    )
    op.create_table(
        "duty",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("confirmer", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("enterprise", sa.Text(), nullable=True),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("grace_days", sa.SmallInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("waits_until", sa.Date(), nullable=True),
        sa.Column("handed_up", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("by_office", sa.Boolean(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "confirmer IN ('enterprise', 'committee', 'owners', 'association', 'member', 'seal_custodian', 'witness')",
            name=op.f("ck_duty_confirmer_known"),
        ),
        sa.CheckConstraint(
            "role IN ('enterprise', 'committee', 'owners', 'association', 'member', 'seal_custodian', 'witness')",
            name=op.f("ck_duty_role_known"),
        ),
        sa.CheckConstraint(
            "scheme IN ('USCC', 'INT', 'COMMITTEE', 'OWNERS', 'ORG')",
            name=op.f("ck_duty_scheme_known"),
        ),
        sa.CheckConstraint(
            "severity IN ('minor', 'general', 'serious')", name=op.f("ck_duty_severity_known")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'reported', 'disputed', 'fulfilled', 'breached', 'waived')",
            name=op.f("ck_duty_state_known"),
        ),
        sa.CheckConstraint("char_length(clause) <= 60", name=op.f("ck_duty_clause_length")),
        sa.CheckConstraint("period_end >= period_start", name=op.f("ck_duty_period")),
        sa.ForeignKeyConstraint(
            ["contract_id", "version"],
            ["contract_version.contract_id", "contract_version.version"],
            name=op.f("fk_duty_contract_id_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty")),
    )
    op.create_index("ix_duty_contract_id", "duty", ["contract_id", "period_start"], unique=False)
    op.create_index(
        "ix_duty_disputed", "duty", ["id"], unique=False, postgresql_where="state = 'disputed'"
    )
    op.create_index("ix_duty_enterprise", "duty", ["enterprise", "period_start"], unique=False)
    op.create_index("ix_duty_party", "duty", ["party", "period_start"], unique=False)
    op.create_index(
        "ix_duty_waits_until",
        "duty",
        ["waits_until"],
        unique=False,
        postgresql_where="NOT handed_up",
    )
    op.create_index(
        "uq_duty_period",
        "duty",
        ["contract_id", "clause", "scheme", "party", "period_start"],
        unique=True,
        postgresql_where="state <> 'waived'",
    )
    op.create_table(
        "owner_vote",
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("matter", sa.Text(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("persons", sa.BigInteger(), nullable=False),
        sa.Column("persons_part", sa.BigInteger(), nullable=False),
        sa.Column("persons_favour", sa.BigInteger(), nullable=False),
        sa.Column("area", sa.BigInteger(), nullable=False),
        sa.Column("area_part", sa.BigInteger(), nullable=False),
        sa.Column("area_favour", sa.BigInteger(), nullable=False),
        sa.Column("filing", sa.Text(), nullable=True),
        sa.Column("tally", sa.Text(), nullable=False),
        sa.CheckConstraint("char_length(filing) <= 64", name=op.f("ck_owner_vote_filing_length")),
        sa.CheckConstraint("char_length(matter) <= 60", name=op.f("ck_owner_vote_matter_length")),
        sa.ForeignKeyConstraint(
            ["contract_id", "version"],
            ["contract_version.contract_id", "contract_version.version"],
            name=op.f("fk_owner_vote_contract_id_version"),
        ),
        sa.PrimaryKeyConstraint("contract_id", "version", "matter", name=op.f("pk_owner_vote")),
    )
    op.create_table(
        "duty_step",
        sa.Column("duty_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("kept", sa.Boolean(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=True),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "finding IN ('fulfilled', 'breached')", name=op.f("ck_duty_step_finding_known")
        ),
        sa.CheckConstraint(
            "severity IN ('minor', 'general', 'serious')", name=op.f("ck_duty_step_severity_known")
        ),
        sa.CheckConstraint(
            "step IN ('reported', 'confirmed', 'disputed', 'raised', 'settled', 'inspected', 'waived')",
            name=op.f("ck_duty_step_step_known"),
        ),
        sa.CheckConstraint("char_length(reason) <= 4000", name=op.f("ck_duty_step_reason_length")),
        sa.ForeignKeyConstraint(["duty_id"], ["duty.id"], name=op.f("fk_duty_step_duty_id")),
        sa.PrimaryKeyConstraint("duty_id", "number", name=op.f("pk_duty_step")),
    )
    op.create_index(
        "ix_duty_step_found",
        "duty_step",
        ["on_day"],
        unique=False,
        postgresql_where="finding IS NOT NULL",
    )
    run_sql("contracts_v1.sql")


def _widen_access() -> None:
    """Let in the owners of a project, and those whom they send to sign."""
    roles = ", ".join(f"'{role}'" for role in ROLES)
    kinds = ", ".join(f"'{kind}'" for kind in KINDS)
    for table, name, condition in (
        (
            "person",
            "roles_known",
            f"roles <@ ARRAY[{roles}]::text[] AND cardinality(roles) BETWEEN 1 AND 4",
        ),
        ("organisation", "kind_known", f"kind IN ({kinds})"),
        (
            "organisation",
            "party_fits_kind",
            "(party IS NOT NULL) = (kind IN ('enterprise', 'committee', 'owners', 'merchant'))",
        ),
    ):
        constraint = op.f(f"ck_{table}_{name}")
        op.drop_constraint(constraint, table, type_="check")
        op.create_check_constraint(constraint, table, condition)


downgrade = forward_only
