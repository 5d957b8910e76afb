"""Lists, boards, the exchange and award gates over HTTP."""

from credit.blacklist.api.boards import BoardController, BoardDraftController
from credit.blacklist.api.entries import EntryController, ListController
from credit.blacklist.api.own import OwnEntryController
from credit.blacklist.api.partners import ExchangeController, GateController

__all__ = [
    "BoardController",
    "BoardDraftController",
    "EntryController",
    "ExchangeController",
    "GateController",
    "ListController",
    "OwnEntryController",
]
