"""Tables of the market: merchants, offers and their use, settlements, and where merchants are told.

A redemption has no table: it is a hold of the book for the merchant's account.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger

from credit.kit.tables import (
    Field,
    Table,
    big_identity,
    binary,
    json_field,
    limited,
    one_of,
    text,
    whole,
)

__all__ = ["Merchant", "Offer", "OfferUse", "Settlement", "Webhook", "WebhookDelivery"]


class Merchant(Table, table=True):
    """A merchant (商户) with its commitment letter and its contract with the operator.

    `hours` are seven lists of intervals, Monday first; `fen_per_point` is what a captured point is
    worth to it; `offline` says that its tills may hand captures in late. The account is opened
    when somebody admits it.
    """

    __tablename__ = "merchant"
    __table_args__ = (
        limited("code", 24),
        limited("name", 120),
        limited("category", 40),
        limited("address", 200),
        limited("uscc", 18),
        limited("reason", 400),
        one_of("state", "proposed", "open", "suspended", "refused", "closed"),
        CheckConstraint("fen_per_point BETWEEN 1 AND 100000", name="price_range"),
        CheckConstraint("contract_until > contract_from", name="contract_in_order"),
        CheckConstraint("decided_by <> proposed_by", name="four_eyes"),
        CheckConstraint(
            "account IS NOT NULL OR state IN ('proposed', 'refused')", name="open_has_account"
        ),
        Index("ix_merchant_division", "division"),
    )

    code: str = text(primary_key=True)
    name: str = text()
    category: str = text()
    division: str = text()
    address: str = text()
    uscc: str | None = text(default=None, nullable=True)
    hours: list[list[list[str]]] = json_field()
    fen_per_point: int
    contract_from: date
    contract_until: date
    commitment_digest: bytes = binary()
    commitment_on: date
    offline: bool
    account: int | None = whole(default=None, nullable=True, unique=True)
    state: str = text()
    proposed_by: str = text()
    proposed_at: datetime
    decided_by: str | None = text(default=None, nullable=True)
    decided_at: datetime | None = Field(default=None)
    reason: str | None = text(default=None, nullable=True)


class Offer(Table, table=True):
    """An offer (权益) of one of three kinds: goods, a discounted service, a reduction of a bill.

    Goods and services cost `points`; a reduction takes what is chosen, up to `points_max`. Of goods
    there are `stock`, of which `taken` are gone. A person may use it `per_person` times within
    `per_person_days` (None: ever).
    """

    __tablename__ = "offer"
    __table_args__ = (
        one_of("kind", "goods", "discount", "reduction"),
        one_of("state", "proposed", "open", "paused", "refused", "ended"),
        limited("title", 120),
        limited("terms", 1000),
        limited("reason", 400),
        CheckConstraint(
            "CASE kind WHEN 'reduction' THEN points IS NULL AND points_max > 0 AND stock IS NULL"
            " ELSE points > 0 AND points_max IS NULL END",
            name="price_fits_kind",
        ),
        CheckConstraint("kind <> 'goods' OR stock IS NOT NULL", name="goods_have_stock"),
        CheckConstraint(
            "taken BETWEEN 0 AND stock OR stock IS NULL AND taken = 0", name="in_stock"
        ),
        CheckConstraint(
            "per_person > 0 AND (per_person_days IS NULL OR per_person_days > 0)"
            " OR per_person IS NULL AND per_person_days IS NULL",
            name="limit_whole",
        ),
        CheckConstraint("valid_until >= valid_from", name="days_in_order"),
        CheckConstraint("decided_by <> proposed_by", name="four_eyes"),
        Index("ix_offer_merchant", "merchant", "id"),
        Index("ix_offer_open", "id", postgresql_where="state = 'open'"),
    )

    id: int = big_identity()
    merchant: str = text(foreign_key="merchant.code")
    kind: str = text()
    title: str = text()
    terms: str = text()
    points: int | None = whole(default=None, nullable=True)
    points_max: int | None = whole(default=None, nullable=True)
    stock: int | None = Field(default=None)
    taken: int
    per_person: int | None = Field(default=None, sa_type=SmallInteger)
    per_person_days: int | None = Field(default=None, sa_type=SmallInteger)
    valid_from: date
    valid_until: date | None = Field(default=None)
    state: str = text()
    proposed_by: str = text()
    proposed_at: datetime
    decided_by: str | None = text(default=None, nullable=True)
    decided_at: datetime | None = Field(default=None)
    reason: str | None = text(default=None, nullable=True)


class OfferUse(Table, table=True):
    """One use of an offer that is limited, reserved under its redemption's key before the hold is
    posted; given back where the hold came to nothing.
    """

    __tablename__ = "offer_use"
    __table_args__ = (
        Index("ix_offer_use_account", "offer", "account", "made_at"),
        Index("ix_offer_use_open", "until", postgresql_where="NOT settled"),
    )

    key: bytes = binary(primary_key=True)
    offer: int = whole(foreign_key="offer.id")
    account: int = whole()
    made_at: datetime
    until: datetime
    settled: bool
    released: bool


class Settlement(Table, table=True):
    """A statement (结算单) of what a merchant captured and refunded by the transfers numbered above
    `after` through `upto`; `digest` is that of the statement both sides can compute again.
    """

    __tablename__ = "settlement"
    __table_args__ = (
        one_of("state", "drawn", "confirmed", "disputed", "paid", "carried"),
        limited("dispute", 1000),
        limited("answer", 1000),
        limited("voucher", 200),
        CheckConstraint("upto > after", name="numbers_in_order"),
        CheckConstraint("points = captured - refunded", name="points_add_up"),
        CheckConstraint("(state = 'paid') = (voucher IS NOT NULL)", name="paid_by_voucher"),
        CheckConstraint("paid_by <> drawn_by", name="four_eyes"),
        Index("uq_settlement_merchant", "merchant", "after", unique=True),
    )

    id: UUID = Field(primary_key=True)
    merchant: str = text(foreign_key="merchant.code")
    after: int = whole()
    upto: int = whole()
    begins_on: date
    ends_on: date
    captures: int
    captured: int = whole()
    refunds: int
    refunded: int = whole()
    points: int = whole()
    carried: int = whole()
    fen_per_point: int
    fen: int = whole()
    digest: bytes = binary()
    state: str = text()
    drawn_by: str = text()
    drawn_at: datetime
    confirmed_by: str | None = text(default=None, nullable=True)
    confirmed_at: datetime | None = Field(default=None)
    dispute: str | None = text(default=None, nullable=True)
    answer: str | None = text(default=None, nullable=True)
    answered_by: str | None = text(default=None, nullable=True)
    voucher: str | None = text(default=None, nullable=True)
    paid_by: str | None = text(default=None, nullable=True)
    paid_at: datetime | None = Field(default=None)
    transfer: int | None = whole(default=None, nullable=True)


class Webhook(Table, table=True):
    """Where a merchant is told what happened to its redemptions: every transfer above `cursor`."""

    __tablename__ = "webhook"
    __table_args__ = (
        limited("url", 400),
        CheckConstraint(
            "(previous_secret IS NULL) = (previous_until IS NULL)", name="previous_whole"
        ),
        Index("uq_webhook_merchant_url", "merchant", "url", unique=True),
    )

    id: UUID = Field(primary_key=True)
    merchant: str = text(foreign_key="merchant.code")
    url: str = text()
    secret: bytes = binary()
    previous_secret: bytes | None = binary(default=None, nullable=True)
    previous_until: datetime | None = Field(default=None)
    cursor: int = whole()
    failures: int = Field(sa_type=SmallInteger)
    retry_at: datetime | None = Field(default=None)
    disabled_at: datetime | None = Field(default=None)
    made_by: str = text()
    made_at: datetime


class WebhookDelivery(Table, table=True):
    """An attempt to tell a merchant about a transfer: the answer's status, and how long it took."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        limited("fault", 200),
        Index("ix_webhook_delivery_webhook", "webhook", "id"),
    )

    id: int = big_identity()
    webhook: UUID = Field(foreign_key="webhook.id")
    transfer: int = whole()
    at: datetime
    status: int | None = Field(default=None, sa_type=SmallInteger)
    fault: str | None = text(default=None, nullable=True)
    millis: int
