"""Earning and the market: members, campaigns, activities, participation; merchants to settlements."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from credit.migrations.helpers import forward_only, run_sql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "campaign",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("division", sa.Text(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("rules", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("cardinality(rules) <= 40", name=op.f("ck_campaign_rules_bounded")),
        sa.CheckConstraint("char_length(title) <= 120", name=op.f("ck_campaign_title_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("account", name=op.f("uq_campaign_account")),
    )
    op.create_index("ix_campaign_division", "campaign", ["division"], unique=False)
    op.create_table(
        "merchant",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("division", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=True),
        sa.Column("hours", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("fen_per_point", sa.Integer(), nullable=False),
        sa.Column("contract_from", sa.Date(), nullable=False),
        sa.Column("contract_until", sa.Date(), nullable=False),
        sa.Column("commitment_digest", sa.LargeBinary(), nullable=False),
        sa.Column("commitment_on", sa.Date(), nullable=False),
        sa.Column("offline", sa.Boolean(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "account IS NOT NULL OR state IN ('proposed', 'refused')",
            name=op.f("ck_merchant_open_has_account"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'open', 'suspended', 'refused', 'closed')",
            name=op.f("ck_merchant_state_known"),
        ),
        sa.CheckConstraint("char_length(address) <= 200", name=op.f("ck_merchant_address_length")),
        sa.CheckConstraint("char_length(category) <= 40", name=op.f("ck_merchant_category_length")),
        sa.CheckConstraint("char_length(code) <= 24", name=op.f("ck_merchant_code_length")),
        sa.CheckConstraint("char_length(name) <= 120", name=op.f("ck_merchant_name_length")),
        sa.CheckConstraint("char_length(reason) <= 400", name=op.f("ck_merchant_reason_length")),
        sa.CheckConstraint("char_length(uscc) <= 18", name=op.f("ck_merchant_uscc_length")),
        sa.CheckConstraint(
            "contract_until > contract_from", name=op.f("ck_merchant_contract_in_order")
        ),
        sa.CheckConstraint("decided_by <> proposed_by", name=op.f("ck_merchant_four_eyes")),
        sa.CheckConstraint(
            "fen_per_point BETWEEN 1 AND 100000", name=op.f("ck_merchant_price_range")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_merchant")),
        sa.UniqueConstraint("account", name=op.f("uq_merchant_account")),
    )
    op.create_index("ix_merchant_division", "merchant", ["division"], unique=False)
    op.create_table(
        "activity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("division", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Uuid(), nullable=False),
        sa.Column("planned", sa.Integer(), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organiser", sa.Text(), nullable=False),
        sa.Column("announced_by", sa.Text(), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(cancelled_at IS NULL) = (cancel_reason IS NULL)",
            name=op.f("ck_activity_cancelled_why"),
        ),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_by IS NULL)", name=op.f("ck_activity_closed_whole")
        ),
        sa.CheckConstraint(
            "cancelled_at IS NULL OR closed_at IS NULL", name=op.f("ck_activity_one_end")
        ),
        sa.CheckConstraint(
            "char_length(cancel_reason) <= 400", name=op.f("ck_activity_cancel_reason_length")
        ),
        sa.CheckConstraint("char_length(place) <= 120", name=op.f("ck_activity_place_length")),
        sa.CheckConstraint("char_length(rule) <= 40", name=op.f("ck_activity_rule_length")),
        sa.CheckConstraint("char_length(title) <= 120", name=op.f("ck_activity_title_length")),
        sa.CheckConstraint("ends_at > begins_at", name=op.f("ck_activity_times_in_order")),
        sa.CheckConstraint("planned BETWEEN 1 AND 100000", name=op.f("ck_activity_planned_range")),
        sa.ForeignKeyConstraint(["campaign"], ["campaign.id"], name=op.f("fk_activity_campaign")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    op.create_index("ix_activity_division", "activity", ["division", "begins_at"], unique=False)
    op.create_index("ix_activity_organiser", "activity", ["organiser", "begins_at"], unique=False)
    op.create_table(
        "offer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("merchant", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=True),
        sa.Column("points_max", sa.BigInteger(), nullable=True),
        sa.Column("stock", sa.Integer(), nullable=True),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("per_person", sa.SmallInteger(), nullable=True),
        sa.Column("per_person_days", sa.SmallInteger(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "CASE kind WHEN 'reduction' THEN points IS NULL AND points_max > 0 AND stock IS NULL ELSE points > 0 AND points_max IS NULL END",
            name=op.f("ck_offer_price_fits_kind"),
        ),
        sa.CheckConstraint(
            "kind <> 'goods' OR stock IS NOT NULL", name=op.f("ck_offer_goods_have_stock")
        ),
        sa.CheckConstraint(
            "kind IN ('goods', 'discount', 'reduction')", name=op.f("ck_offer_kind_known")
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'open', 'paused', 'refused', 'ended')",
            name=op.f("ck_offer_state_known"),
        ),
        sa.CheckConstraint("char_length(reason) <= 400", name=op.f("ck_offer_reason_length")),
        sa.CheckConstraint("char_length(terms) <= 1000", name=op.f("ck_offer_terms_length")),
        sa.CheckConstraint("char_length(title) <= 120", name=op.f("ck_offer_title_length")),
        sa.CheckConstraint("decided_by <> proposed_by", name=op.f("ck_offer_four_eyes")),
        sa.CheckConstraint(
            "per_person > 0 AND (per_person_days IS NULL OR per_person_days > 0) OR per_person IS NULL AND per_person_days IS NULL",
            name=op.f("ck_offer_limit_whole"),
        ),
        sa.CheckConstraint(
            "taken BETWEEN 0 AND stock OR stock IS NULL AND taken = 0",
            name=op.f("ck_offer_in_stock"),
        ),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("ck_offer_days_in_order")),
        sa.ForeignKeyConstraint(["merchant"], ["merchant.code"], name=op.f("fk_offer_merchant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
    )
    op.create_index("ix_offer_merchant", "offer", ["merchant", "id"], unique=False)
    op.create_index(
        "ix_offer_open", "offer", ["id"], unique=False, postgresql_where="state = 'open'"
    )
    op.create_table(
        "settlement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merchant", sa.Text(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("captures", sa.Integer(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("refunds", sa.Integer(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("carried", sa.BigInteger(), nullable=False),
        sa.Column("fen_per_point", sa.Integer(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("drawn_by", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dispute", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("voucher", sa.Text(), nullable=True),
        sa.Column("paid_by", sa.Text(), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("transfer", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state = 'paid') = (voucher IS NOT NULL)", name=op.f("ck_settlement_paid_by_voucher")
        ),
        sa.CheckConstraint(
            "state IN ('drawn', 'confirmed', 'disputed', 'paid', 'carried')",
            name=op.f("ck_settlement_state_known"),
        ),
        sa.CheckConstraint("char_length(answer) <= 1000", name=op.f("ck_settlement_answer_length")),
        sa.CheckConstraint(
            "char_length(dispute) <= 1000", name=op.f("ck_settlement_dispute_length")
        ),
        sa.CheckConstraint(
            "char_length(voucher) <= 200", name=op.f("ck_settlement_voucher_length")
        ),
        sa.CheckConstraint("paid_by <> drawn_by", name=op.f("ck_settlement_four_eyes")),
        sa.CheckConstraint(
            "points = captured - refunded", name=op.f("ck_settlement_points_add_up")
        ),
        sa.CheckConstraint("upto > after", name=op.f("ck_settlement_numbers_in_order")),
        sa.ForeignKeyConstraint(
            ["merchant"], ["merchant.code"], name=op.f("fk_settlement_merchant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement")),
    )
    op.create_index("uq_settlement_merchant", "settlement", ["merchant", "after"], unique=True)
    op.create_table(
        "webhook",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merchant", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(previous_secret IS NULL) = (previous_until IS NULL)",
            name=op.f("ck_webhook_previous_whole"),
        ),
        sa.CheckConstraint("char_length(url) <= 400", name=op.f("ck_webhook_url_length")),
        sa.ForeignKeyConstraint(["merchant"], ["merchant.code"], name=op.f("fk_webhook_merchant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_index("uq_webhook_merchant_url", "webhook", ["merchant", "url"], unique=True)
    op.create_table(
        "member",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("division", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=True),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("minor_until", sa.Date(), nullable=True),
        sa.Column("consent_digest", sa.LargeBinary(), nullable=True),
        sa.Column("consent_on", sa.Date(), nullable=True),
        sa.Column("registered_by", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(consent_digest IS NULL) = (consent_on IS NULL)", name=op.f("ck_member_consent_whole")
        ),
        sa.CheckConstraint("char_length(id) <= 24", name=op.f("ck_member_id_length")),
        sa.CheckConstraint("char_length(kind) <= 40", name=op.f("ck_member_kind_length")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_member_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
        sa.UniqueConstraint("account", name=op.f("uq_member_account")),
        sa.UniqueConstraint("person_id", name=op.f("uq_member_person_id")),
    )
    op.create_index("ix_member_division", "member", ["division", "id"], unique=False)
    op.create_index(
        "ix_member_closed",
        "member",
        ["closed_at"],
        unique=False,
        postgresql_where="closed_at IS NOT NULL",
    )
    op.create_table(
        "offer_use",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("offer", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["offer"], ["offer.id"], name=op.f("fk_offer_use_offer")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_offer_use")),
    )
    op.create_index(
        "ix_offer_use_account", "offer_use", ["offer", "account", "made_at"], unique=False
    )
    op.create_index(
        "ix_offer_use_open", "offer_use", ["until"], unique=False, postgresql_where="NOT settled"
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("webhook", sa.Uuid(), nullable=False),
        sa.Column("transfer", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("millis", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "char_length(fault) <= 200", name=op.f("ck_webhook_delivery_fault_length")
        ),
        sa.ForeignKeyConstraint(
            ["webhook"], ["webhook.id"], name=op.f("fk_webhook_delivery_webhook")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
    )
    op.create_index(
        "ix_webhook_delivery_webhook", "webhook_delivery", ["webhook", "id"], unique=False
    )
    op.create_table(
        "attendance",
        sa.Column("activity", sa.Uuid(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entered_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "signed_out_at >= signed_in_at", name=op.f("ck_attendance_times_in_order")
        ),
        sa.ForeignKeyConstraint(["activity"], ["activity.id"], name=op.f("fk_attendance_activity")),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("fk_attendance_member")),
        sa.PrimaryKeyConstraint("activity", "member", name=op.f("pk_attendance")),
    )
    op.create_index("ix_attendance_member", "attendance", ["member", "signed_in_at"], unique=False)
    op.create_table(
        "participation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("activity", sa.Uuid(), nullable=True),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("participated_on", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("available_on", sa.Date(), nullable=True),
        sa.Column("transfer", sa.BigInteger(), nullable=True),
        sa.Column("reversed_by", sa.Text(), nullable=True),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "source IN ('sign-in', 'entry', 'import', 'interface')",
            name=op.f("ck_participation_source_known"),
        ),
        sa.CheckConstraint(
            "state IN ('entered', 'approved', 'refused', 'unfunded', 'pending', 'granted', 'reversed')",
            name=op.f("ck_participation_state_known"),
        ),
        sa.CheckConstraint("cardinality(flags) <= 10", name=op.f("ck_participation_flags_bounded")),
        sa.CheckConstraint(
            "char_length(evidence) <= 400", name=op.f("ck_participation_evidence_length")
        ),
        sa.CheckConstraint(
            "char_length(reason) <= 400", name=op.f("ck_participation_reason_length")
        ),
        sa.CheckConstraint("char_length(rule) <= 40", name=op.f("ck_participation_rule_length")),
        sa.CheckConstraint("decided_by <> entered_by", name=op.f("ck_participation_four_eyes")),
        sa.CheckConstraint(
            "reversed_by <> entered_by", name=op.f("ck_participation_reversal_four_eyes")
        ),
        sa.CheckConstraint("quantity > 0 AND points >= 0", name=op.f("ck_participation_amounts")),
        sa.ForeignKeyConstraint(
            ["activity"], ["activity.id"], name=op.f("fk_participation_activity")
        ),
        sa.ForeignKeyConstraint(
            ["campaign"], ["campaign.id"], name=op.f("fk_participation_campaign")
        ),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name=op.f("fk_participation_member")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participation")),
    )
    op.create_index(
        "ix_participation_day", "participation", ["participated_on", "id"], unique=False
    )
    op.create_index(
        "ix_participation_entered", "participation", ["entered_by", "participated_on"], unique=False
    )
    op.create_index(
        "ix_participation_member", "participation", ["member", "participated_on"], unique=False
    )
    op.create_index(
        "ix_participation_pending",
        "participation",
        ["available_on"],
        unique=False,
        postgresql_where="state = 'pending'",
    )
    op.create_index(
        "ix_participation_reversed",
        "participation",
        ["id"],
        unique=False,
        postgresql_where="state = 'reversed'",
    )
    op.create_index(
        "ix_participation_undecided",
        "participation",
        ["id"],
        unique=False,
        postgresql_where="state = 'entered'",
    )
    op.create_index(
        "ix_participation_unposted",
        "participation",
        ["id"],
        unique=False,
        postgresql_where="state IN ('approved', 'unfunded')",
    )
    op.create_index(
        "uq_participation_activity",
        "participation",
        ["activity", "member"],
        unique=True,
        postgresql_where="state NOT IN ('refused', 'reversed')",
    )
    run_sql("bank_v1.sql")


downgrade = forward_only
