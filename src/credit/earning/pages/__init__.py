"""Pages of earning: activities, signing in at them, entries and their approval."""

from credit.earning.pages.activities import ActivityPages
from credit.earning.pages.approvals import ApprovalPages
from credit.earning.pages.attending import ActivityCodePages, AttendPages
from credit.earning.pages.closing import AttendancePages
from credit.earning.pages.entry import ParticipationEntryPages

__all__ = [
    "ActivityCodePages",
    "ActivityPages",
    "ApprovalPages",
    "AttendPages",
    "AttendancePages",
    "ParticipationEntryPages",
]
