"""The market over HTTP: the redemption API of merchants' tills, and the bank's indicators."""

from credit.market.api.figures import PointIndicatorController
from credit.market.api.redemptions import RedemptionController

__all__ = ["PointIndicatorController", "RedemptionController"]
