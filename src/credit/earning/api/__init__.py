"""Earning over HTTP: activities, awards and their approval, wallets, budgets, what is public."""

from credit.earning.api.activities import ActivityController, ParticipationController
from credit.earning.api.awards import AwardController
from credit.earning.api.postings import PostingController
from credit.earning.api.transfers import TransferController
from credit.earning.api.wallets import WalletController

__all__ = [
    "ActivityController",
    "AwardController",
    "ParticipationController",
    "PostingController",
    "TransferController",
    "WalletController",
]
