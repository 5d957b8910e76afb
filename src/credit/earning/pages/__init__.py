"""Pages of earning: members in the console, one's own data, awards made public."""

from credit.earning.pages.leaving import LeavingPages
from credit.earning.pages.member import MemberPages
from credit.earning.pages.members import MemberListPages
from credit.earning.pages.own import OwnPointPages, own_section
from credit.earning.pages.postings import PostingPages

__all__ = ["MEMBER_PAGES", "own_section"]

MEMBER_PAGES = (MemberListPages, MemberPages, LeavingPages, OwnPointPages, PostingPages)
