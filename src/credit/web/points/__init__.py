"""The points bank in the console: budgets, liabilities, what came and went, indicators."""

from credit.web.points.campaigns import CampaignPages
from credit.web.points.indicators import PointIndicatorPages
from credit.web.points.pages import BankPages

__all__ = ["BankPages", "CampaignPages", "PointIndicatorPages"]
