"""Pages of contracts: the console's and the portal's, duties, indicators, and the public's."""

from credit.contracts.pages.duties import ConsoleDutyPages, PortalDutyPages
from credit.contracts.pages.indicators import IndicatorPages
from credit.contracts.pages.lists import (
    CONTRACT_FILTER,
    ConsoleContractPages,
    PortalContractPages,
)
from credit.contracts.pages.public import PublicContractPages

# For the application to mount, all of them.
CONTRACT_PAGES = (
    PublicContractPages,
    ConsoleContractPages,
    ConsoleDutyPages,
    IndicatorPages,
    PortalContractPages,
    PortalDutyPages,
)

__all__ = ["CONTRACT_FILTER", "CONTRACT_PAGES"]
