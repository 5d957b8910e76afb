"""The book of points."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from credit.migrations.helpers import forward_only, run_sql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "point_account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("division", sa.Text(), nullable=True),
        sa.Column("floor", sa.BigInteger(), nullable=True),
        sa.Column("lots", sa.Boolean(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("balance >= floor", name=op.f("ck_point_account_floor_held")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_account")),
        sa.UniqueConstraint("code", name=op.f("uq_point_account_code")),
    )
    op.create_index(
        "ix_point_account_owner",
        "point_account",
        ["owner"],
        unique=False,
        postgresql_where="owner IS NOT NULL",
    )
    op.create_index(
        "uq_point_account_single",
        "point_account",
        ["kind"],
        unique=True,
        postgresql_where="kind IN ('issuance', 'held', 'pending', 'expired', 'adjustment')",
    )
    op.create_table(
        "point_book",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_point_book_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_book")),
    )
    op.create_table(
        "point_epoch",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_epoch")),
        sa.UniqueConstraint("upto", name=op.f("uq_point_epoch_upto")),
    )
    op.create_table(
        "point_hold",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.BigInteger(), nullable=False),
        sa.Column("beneficiary", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_hold")),
    )
    op.create_index("ix_point_hold_beneficiary", "point_hold", ["beneficiary", "id"], unique=False)
    op.create_index(
        "ix_point_hold_account",
        "point_hold",
        ["account"],
        unique=False,
        postgresql_where="captured = 0 AND returned = 0",
    )
    op.create_index(
        "ix_point_hold_until",
        "point_hold",
        ["until"],
        unique=False,
        postgresql_where="captured = 0 AND returned = 0",
    )
    op.create_table(
        "point_key",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("transfer", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_point_key")),
    )
    op.create_table(
        "point_lot",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("reversed", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "remaining BETWEEN 0 AND amount", name=op.f("ck_point_lot_remaining_range")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_lot")),
    )
    op.create_index(
        "ix_point_lot_account",
        "point_lot",
        ["account", "priority", "valid_until", "id"],
        unique=False,
    )
    op.create_table(
        "point_lot_use",
        sa.Column("transfer", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lot", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("regranted", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("transfer", "lot", name=op.f("pk_point_lot_use")),
    )
    op.create_table(
        "point_transfer",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("debit", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("debit_balance", sa.BigInteger(), nullable=False),
        sa.Column("credit_balance", sa.BigInteger(), nullable=False),
        sa.Column("about", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_transfer")),
    )
    op.create_index("ix_point_transfer_credit", "point_transfer", ["credit", "id"], unique=False)
    op.create_index("ix_point_transfer_debit", "point_transfer", ["debit", "id"], unique=False)
    op.create_table(
        "point_token",
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("beneficiary", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hold", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_point_token")),
    )
    op.create_index(op.f("ix_point_token_until"), "point_token", ["until"], unique=False)
    run_sql("points_v1.sql")


downgrade = forward_only
