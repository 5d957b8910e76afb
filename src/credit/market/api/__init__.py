"""The market over HTTP: what there is for points, and the redemption API of merchants' tills."""

from credit.market.api.offers import OfferController
from credit.market.api.redemptions import RedemptionController

__all__ = ["OfferController", "RedemptionController"]
