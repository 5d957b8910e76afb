"""Pages of access: signing in and out, and one's own account."""

from credit.access.pages.account import AccountPages
from credit.access.pages.signin import SignInPages, open_session

__all__ = ["AccountPages", "SignInPages", "open_session"]
