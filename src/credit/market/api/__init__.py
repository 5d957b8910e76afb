"""The market over HTTP: offers, redemptions by merchants' tills, settlements, webhooks."""

from credit.market.api.offers import OfferController
from credit.market.api.redemptions import RedemptionController
from credit.market.api.settlements import SettlementController
from credit.market.api.webhooks import WebhookController

__all__ = ["OfferController", "RedemptionController", "SettlementController", "WebhookController"]
