"""Earning over HTTP: awards and their approval, members' wallets, campaigns and their budgets."""

from credit.earning.api.awards import AwardController
from credit.earning.api.transfers import TransferController
from credit.earning.api.wallets import WalletController

__all__ = ["AwardController", "TransferController", "WalletController"]
