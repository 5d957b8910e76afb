"""The market over HTTP: redemptions, settlements and webhooks of merchants."""

from credit.market.api.redemptions import RedemptionController
from credit.market.api.settlements import SettlementController
from credit.market.api.webhooks import WebhookController

__all__ = ["RedemptionController", "SettlementController", "WebhookController"]
