"""The market over HTTP: offers, redemptions by merchants' tills, settlements, webhooks; and the
bank's indicators.
"""

from credit.market.api.figures import PointIndicatorController
from credit.market.api.offers import OfferController
from credit.market.api.redemptions import RedemptionController
from credit.market.api.settlements import SettlementController
from credit.market.api.webhooks import WebhookController

__all__ = [
    "OfferController",
    "PointIndicatorController",
    "RedemptionController",
    "SettlementController",
    "WebhookController",
]
