"""The market over HTTP: the redemption API of merchants' tills."""

from credit.market.api.redemptions import RedemptionController

__all__ = ["RedemptionController"]
