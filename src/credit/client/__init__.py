"""The merchants' client of the redemption API: `httpx`, `cryptography`, and nothing of the server.

from credit.client import Merchant, Problem

with Merchant("https://credit.example.cn", "150200", key) as merchant:
    redemption = merchant.authorize(code, 50, "receipt 1")
    merchant.capture(redemption)
"""

from credit.client.calls import Problem, UnreachableError
from credit.client.merchant import Merchant, verify_webhook
from credit.client.results import Redemption, Settlement, SettlementLine
from credit.market.logic.webhooks import Event, NotVerifiedError

__all__ = [
    "Event",
    "Merchant",
    "NotVerifiedError",
    "Problem",
    "Redemption",
    "Settlement",
    "SettlementLine",
    "UnreachableError",
    "verify_webhook",
]
