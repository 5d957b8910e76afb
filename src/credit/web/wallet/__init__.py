"""A resident's wallet as pages: points, the code for the till, history, offers, records."""

from credit.web.wallet.code import CodePages
from credit.web.wallet.pages import WalletPages

__all__ = ["CodePages", "WalletPages"]
