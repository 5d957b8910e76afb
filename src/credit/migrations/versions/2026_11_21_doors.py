"""The doors: organisations, roles, sessions, passkeys, the trail, the vault."""

import sqlalchemy as sa
from alembic import op

from credit.migrations.helpers import forward_only, run_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "challenge",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('invitation', 'passkey', 'oidc', 'signature')",
            name=op.f("ck_challenge_kind_known"),
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_challenge")),
    )
    op.create_index("ix_challenge_expires_at", "challenge", ["expires_at"], unique=False)
    op.create_table(
        "organisation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("division", sa.Text(), nullable=True),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(party IS NOT NULL) = (kind IN ('enterprise', 'committee', 'merchant'))",
            name=op.f("ck_organisation_party_fits_kind"),
        ),
        sa.CheckConstraint(
            "kind IN ('association', 'street', 'district_department', 'city_department', 'enterprise', 'committee', 'merchant', 'other')",
            name=op.f("ck_organisation_kind_known"),
        ),
        sa.CheckConstraint("char_length(id) <= 40", name=op.f("ck_organisation_id_length")),
        sa.CheckConstraint("char_length(name) <= 120", name=op.f("ck_organisation_name_length")),
        sa.CheckConstraint("char_length(party) <= 24", name=op.f("ck_organisation_party_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    op.create_index("uq_organisation_name", "organisation", ["kind", "name"], unique=True)
    op.create_table(
        "trail",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=True),
        sa.Column("client", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("personal", sa.Boolean(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.CheckConstraint("char_length(action) <= 60", name=op.f("ck_trail_action_length")),
        sa.CheckConstraint("char_length(address) <= 45", name=op.f("ck_trail_address_length")),
        sa.CheckConstraint("char_length(object) <= 100", name=op.f("ck_trail_object_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trail")),
    )
    op.create_index("ix_trail_at", "trail", ["at"], unique=False)
    op.create_index("ix_trail_person", "trail", ["person_id", "id"], unique=False)
    op.create_table(
        "vault_key",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("char_length(subject) <= 40", name=op.f("ck_vault_key_subject_length")),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_vault_key")),
    )
    op.create_table(
        "vault_value",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("char_length(field) <= 40", name=op.f("ck_vault_value_field_length")),
        sa.ForeignKeyConstraint(
            ["subject"], ["vault_key.subject"], name=op.f("fk_vault_value_subject")
        ),
        sa.PrimaryKeyConstraint("subject", "field", name=op.f("pk_vault_value")),
    )
    op.create_table(
        "credential",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "char_length(password_hash) <= 200", name=op.f("ck_credential_password_hash_length")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_credential_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_credential")),
    )
    op.create_table(
        "external_identity",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "char_length(issuer) <= 200", name=op.f("ck_external_identity_issuer_length")
        ),
        sa.CheckConstraint(
            "char_length(subject) <= 200", name=op.f("ck_external_identity_subject_length")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_external_identity_person_id")
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_external_identity")),
    )
    op.create_table(
        "passkey",
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("char_length(name) <= 60", name=op.f("ck_passkey_name_length")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_passkey_person_id")),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_passkey")),
    )
    op.create_index("ix_passkey_person", "passkey", ["person_id"], unique=False)
    op.create_table(
        "web_session",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.CheckConstraint("char_length(agent) <= 80", name=op.f("ck_web_session_agent_length")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_web_session_person_id")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_web_session")),
    )
    op.create_index("ix_web_session_person", "web_session", ["person_id"], unique=False)
    run_sql("doors_columns_v1.sql")
    op.create_index("ix_person_organisation", "person", ["organisation_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_person_organisation_id"), "person", "organisation", ["organisation_id"], ["id"]
    )
    op.create_index(
        "ix_event_decision_refused",
        "event_decision",
        ["event_id"],
        unique=False,
        postgresql_where="outcome = 'refused'",
    )
    run_sql("doors_v1.sql")


downgrade = forward_only
