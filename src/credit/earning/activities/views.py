"""Activities as the rest of earning sees them."""

from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

__all__ = [
    "ActivityLine",
    "ActivityState",
    "ActivityView",
    "Attendance",
    "Counts",
    "Presence",
    "Way",
]

ActivityState = Literal["announced", "running", "over", "closed", "cancelled"]
# A code is for coming or for leaving.
Way = Literal["in", "out"]


class ActivityView(NamedTuple):
    """An announced activity; its secret is not among what is passed around."""

    id: UUID
    title: str
    division: str
    place: str
    rule: str
    campaign: UUID
    planned: int
    begins_at: datetime
    ends_at: datetime
    organiser: str
    announced_by: str
    announced_at: datetime
    cancelled_at: datetime | None
    cancel_reason: str | None
    closed_at: datetime | None
    closed_by: str | None


class ActivityLine(NamedTuple):
    """An activity with how many have signed in."""

    activity: ActivityView
    attendants: int


class Attendance(NamedTuple):
    """When a member came and left; `entered_by` is who wrote either down by hand, if anybody did."""

    activity: UUID
    member: str
    signed_in_at: datetime
    signed_out_at: datetime | None
    entered_by: str | None


class Presence(NamedTuple):
    """An attendance with the member's kind and division, and whether the member signed in at another
    activity of the same time.
    """

    member: str
    signed_in_at: datetime
    signed_out_at: datetime | None
    entered_by: str | None
    kind: str
    division: str
    overlaps: bool


class Counts(NamedTuple):
    """Of an activity: how many came, how many of them left, how many were written down by hand; and
    whether its organiser announced another one elsewhere for the same time.
    """

    attendants: int
    signed_out: int
    by_hand: int
    elsewhere: bool
