"""Pages of the market: the console's of merchants, offers and settlements, the till's, and
everybody's.
"""

from credit.market.pages.merchants import ConsoleMerchantPages
from credit.market.pages.offers import ConsoleOfferPages, PublicOfferPages
from credit.market.pages.proposing import MerchantFormPages
from credit.market.pages.settlements import ConsoleSettlementPages
from credit.market.pages.till import TillPages
from credit.market.pages.till_offers import TillOfferPages
from credit.market.pages.till_statements import TillStatementPages
from credit.market.pages.till_webhooks import TillWebhookPages

__all__ = ["MARKET_PAGES"]

MARKET_PAGES = (
    MerchantFormPages,
    ConsoleMerchantPages,
    ConsoleOfferPages,
    PublicOfferPages,
    TillPages,
    TillOfferPages,
    ConsoleSettlementPages,
    TillStatementPages,
    TillWebhookPages,
)
