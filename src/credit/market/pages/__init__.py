"""Pages of the market: the console's of merchants and offers, the till's, and everybody's."""

from credit.market.pages.merchants import ConsoleMerchantPages
from credit.market.pages.offers import ConsoleOfferPages, PublicOfferPages
from credit.market.pages.proposing import MerchantFormPages
from credit.market.pages.till import TillPages
from credit.market.pages.till_offers import TillOfferPages

__all__ = ["MARKET_PAGES"]

MARKET_PAGES = (
    MerchantFormPages,
    ConsoleMerchantPages,
    ConsoleOfferPages,
    PublicOfferPages,
    TillPages,
    TillOfferPages,
)
