"""Earning over HTTP: awards and their approval, members' wallets, budgets, what is public."""

from credit.earning.api.awards import AwardController
from credit.earning.api.postings import PostingController
from credit.earning.api.transfers import TransferController
from credit.earning.api.wallets import WalletController

__all__ = ["AwardController", "PostingController", "TransferController", "WalletController"]
