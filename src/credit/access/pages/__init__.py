"""Pages of access: signing in and out, one's own account, people, machines, the trail."""

from credit.access.pages.account import AccountPages
from credit.access.pages.clients import ClientPages
from credit.access.pages.colleagues import PortalPeoplePages
from credit.access.pages.identities import IdentityPages, IdentitySignInPages
from credit.access.pages.invitation import InvitationPages
from credit.access.pages.passkeys import PasskeyPages, PasskeySignInPages
from credit.access.pages.people import ConsolePeoplePages
from credit.access.pages.signin import SignInPages, open_session
from credit.access.pages.trail import TrailPages

__all__ = [
    "AccountPages",
    "ClientPages",
    "ConsolePeoplePages",
    "IdentityPages",
    "IdentitySignInPages",
    "InvitationPages",
    "PasskeyPages",
    "PasskeySignInPages",
    "PortalPeoplePages",
    "SignInPages",
    "TrailPages",
    "open_session",
]
