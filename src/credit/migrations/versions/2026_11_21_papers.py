"""Prints of contracts signed with certificates."""

import sqlalchemy as sa
from alembic import op

from credit.migrations.helpers import forward_only, run_sql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "contract_paper",
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("signer", sa.Text(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("serial", sa.Text(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trusted", sa.Boolean(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "number BETWEEN 0 AND 20", name=op.f("ck_contract_paper_number_bounded")
        ),
        sa.CheckConstraint(
            "(number = 0) = (party IS NULL AND signer IS NULL AND trusted IS NULL)",
            name=op.f("ck_contract_paper_signed_or_print"),
        ),
        sa.CheckConstraint(
            "char_length(signer) <= 200", name=op.f("ck_contract_paper_signer_length")
        ),
        sa.CheckConstraint(
            "char_length(issuer) <= 200", name=op.f("ck_contract_paper_issuer_length")
        ),
        sa.CheckConstraint(
            "char_length(serial) <= 80", name=op.f("ck_contract_paper_serial_length")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id", "version"],
            ["contract_version.contract_id", "contract_version.version"],
            name=op.f("fk_contract_paper_contract_id_version"),
        ),
        sa.PrimaryKeyConstraint("contract_id", "version", "number", name=op.f("pk_contract_paper")),
    )
    run_sql("papers_v1.sql")


downgrade = forward_only
