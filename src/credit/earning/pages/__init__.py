"""Pages of earning: members, activities, signing in at them, entries and approvals, what is public."""

from credit.earning.pages.activities import ActivityPages
from credit.earning.pages.approvals import ApprovalPages
from credit.earning.pages.attending import ActivityCodePages, AttendPages
from credit.earning.pages.closing import AttendancePages
from credit.earning.pages.correcting import CorrectingPages
from credit.earning.pages.entry import ParticipationEntryPages
from credit.earning.pages.leaving import LeavingPages
from credit.earning.pages.member import MemberPages
from credit.earning.pages.members import MemberListPages
from credit.earning.pages.own import OwnPointPages, own_section
from credit.earning.pages.postings import PostingPages

__all__ = ["EARNING_PAGES", "own_section"]

EARNING_PAGES = (
    ActivityPages, ActivityCodePages, AttendancePages, AttendPages, ApprovalPages, ParticipationEntryPages,
    MemberListPages, MemberPages, CorrectingPages, LeavingPages, OwnPointPages, PostingPages,
)  # fmt: skip
