"""Tables of earning: members and campaigns with their accounts, activities, participation.

Names and telephone numbers are in the vault, under a member's id.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger

from credit.kit.tables import Field, Table, binary, limited, one_of, text, texts, whole

__all__ = ["Activity", "Attendance", "Campaign", "Member", "Participation"]

_UNDECIDED = "state = 'entered'"
_UNPOSTED = "state IN ('approved', 'unfunded')"
_PENDING = "state = 'pending'"
_REVERSED = "state = 'reversed'"


class Member(Table, table=True):
    """A participant (参与者): a resident, a volunteer, an organisation; `id` is the wallet's, too.

    `kind` is one of the pack's. `person_id` is who signs in for it, if anybody does. A minor takes
    part with a guardian's consent (until `minor_until`), of which a digest of the paper is kept.
    Once closed the name is gone, and the account with it.
    """

    __tablename__ = "member"
    __table_args__ = (
        limited("id", 24),
        limited("kind", 40),
        CheckConstraint("(consent_digest IS NULL) = (consent_on IS NULL)", name="consent_whole"),
        Index("ix_member_division", "division", "id"),
        Index("ix_member_closed", "closed_at", postgresql_where="closed_at IS NOT NULL"),
    )

    id: str = text(primary_key=True)
    kind: str = text()
    division: str = text()
    person_id: str | None = text(default=None, nullable=True, foreign_key="person.id", unique=True)
    account: int = whole(unique=True)
    minor_until: date | None = Field(default=None)
    consent_digest: bytes | None = binary(default=None, nullable=True)
    consent_on: date | None = Field(default=None)
    registered_by: str = text()
    registered_at: datetime
    closed_at: datetime | None = Field(default=None)


class Campaign(Table, table=True):
    """A campaign (积分预算) of an operator: what it may award is what its account was given.

    `rules` are those of the pack it pays for; none means all.
    """

    __tablename__ = "campaign"
    __table_args__ = (
        limited("title", 120),
        CheckConstraint("cardinality(rules) <= 40", name="rules_bounded"),
        Index("ix_campaign_division", "division"),
    )

    id: UUID = Field(primary_key=True)
    title: str = text()
    division: str = text()
    account: int = whole(unique=True)
    rules: list[str] = texts()
    opened_by: str = text()
    opened_at: datetime
    until: date | None = Field(default=None)
    closed_at: datetime | None = Field(default=None)


class Activity(Table, table=True):
    """An activity (活动), announced before it begins; `secret` is what its codes are made from.

    Closing it made participations of who attended.
    """

    __tablename__ = "activity"
    __table_args__ = (
        limited("title", 120),
        limited("place", 120),
        limited("rule", 40),
        limited("cancel_reason", 400),
        CheckConstraint("ends_at > begins_at", name="times_in_order"),
        CheckConstraint("planned BETWEEN 1 AND 100000", name="planned_range"),
        CheckConstraint("(cancelled_at IS NULL) = (cancel_reason IS NULL)", name="cancelled_why"),
        CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed_whole"),
        CheckConstraint("cancelled_at IS NULL OR closed_at IS NULL", name="one_end"),
        Index("ix_activity_division", "division", "begins_at"),
        Index("ix_activity_organiser", "organiser", "begins_at"),
    )

    id: UUID = Field(primary_key=True)
    title: str = text()
    division: str = text()
    place: str = text()
    rule: str = text()
    campaign: UUID = Field(foreign_key="campaign.id")
    planned: int
    begins_at: datetime
    ends_at: datetime
    organiser: str = text()
    announced_by: str = text()
    announced_at: datetime
    secret: bytes = binary()
    cancelled_at: datetime | None = Field(default=None)
    cancel_reason: str | None = text(default=None, nullable=True)
    closed_at: datetime | None = Field(default=None)
    closed_by: str | None = text(default=None, nullable=True)


class Attendance(Table, table=True):
    """When a member signed in at an activity, and out again; `entered_by` is who wrote either of it
    down by hand, if anybody did.
    """

    __tablename__ = "attendance"
    __table_args__ = (
        CheckConstraint("signed_out_at >= signed_in_at", name="times_in_order"),
        Index("ix_attendance_member", "member", "signed_in_at"),
    )

    activity: UUID = Field(primary_key=True, foreign_key="activity.id")
    member: str = text(primary_key=True, foreign_key="member.id")
    signed_in_at: datetime
    signed_out_at: datetime | None = Field(default=None)
    entered_by: str | None = text(default=None, nullable=True)


class Participation(Table, table=True):
    """What a member did (参与记录), entered by one person and approved by another.

    `quantity` is in the unit of its rule, `points` what it is worth. An approved one is posted to
    the book under its id and `attempt`: at once, or held until `available_on` where the rule has
    it wait; `transfer` is the number of that. What was awarded wrongly is reversed by somebody else
    than who entered it; `reason` says why, as it does of a refusal.
    """

    __tablename__ = "participation"
    __table_args__ = (
        one_of("source", "sign-in", "entry", "import", "interface"),
        one_of(
            "state",
            "entered",
            "approved",
            "refused",
            "unfunded",
            "pending",
            "granted",
            "reversed",
        ),
        limited("rule", 40),
        limited("evidence", 400),
        limited("reason", 400),
        CheckConstraint("quantity > 0 AND points >= 0", name="amounts"),
        CheckConstraint("cardinality(flags) <= 10", name="flags_bounded"),
        CheckConstraint("decided_by <> entered_by", name="four_eyes"),
        CheckConstraint("reversed_by <> entered_by", name="reversal_four_eyes"),
        # What a member did at an activity counts once.
        Index(
            "uq_participation_activity",
            "activity",
            "member",
            unique=True,
            postgresql_where="state NOT IN ('refused', 'reversed')",
        ),
        Index("ix_participation_member", "member", "participated_on"),
        Index("ix_participation_undecided", "id", postgresql_where=_UNDECIDED),
        Index("ix_participation_unposted", "id", postgresql_where=_UNPOSTED),
        Index("ix_participation_pending", "available_on", postgresql_where=_PENDING),
        Index("ix_participation_reversed", "id", postgresql_where=_REVERSED),
        Index("ix_participation_entered", "entered_by", "participated_on"),
        Index("ix_participation_day", "participated_on", "id"),
    )

    id: UUID = Field(primary_key=True)
    activity: UUID | None = Field(default=None, foreign_key="activity.id")
    member: str = text(foreign_key="member.id")
    rule: str = text()
    campaign: UUID = Field(foreign_key="campaign.id")
    quantity: int
    points: int
    participated_on: date
    source: str = text()
    evidence: str = text()
    flags: list[str] = texts()
    state: str = text()
    entered_by: str = text()
    entered_at: datetime
    decided_by: str | None = text(default=None, nullable=True)
    decided_at: datetime | None = Field(default=None)
    reason: str | None = text(default=None, nullable=True)
    attempt: int = Field(sa_type=SmallInteger)
    available_on: date | None = Field(default=None)
    transfer: int | None = whole(default=None, nullable=True)
    reversed_by: str | None = text(default=None, nullable=True)
    reversed_at: datetime | None = Field(default=None)
