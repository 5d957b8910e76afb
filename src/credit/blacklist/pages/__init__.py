"""Pages of lists: the console's, the portal's and everybody's."""

from credit.blacklist.pages.boards import ConsoleBoardPages
from credit.blacklist.pages.entry import ConsoleEntryPages
from credit.blacklist.pages.lists import LIST_FILTER, ConsoleListPages
from credit.blacklist.pages.partners import ExchangePages, GatePages
from credit.blacklist.pages.portal import PortalListPages
from credit.blacklist.pages.proposing import ProposalPages
from credit.blacklist.pages.public import PublicBoardPages, PublicListPages
from credit.blacklist.pages.publishing import ListPublicationPages
from credit.blacklist.pages.scoring import BoardScorePages
from credit.blacklist.pages.words import WORDS, next_step

__all__ = [
    "LIST_FILTER",
    "WORDS",
    "BoardScorePages",
    "ConsoleBoardPages",
    "ConsoleEntryPages",
    "ConsoleListPages",
    "ExchangePages",
    "GatePages",
    "ListPublicationPages",
    "PortalListPages",
    "ProposalPages",
    "PublicBoardPages",
    "PublicListPages",
    "next_step",
]
