"""Contracts over HTTP: drafting, signing, later steps, duties, and the two indicators."""

from credit.contracts.api.contracts import ContractController
from credit.contracts.api.duties import DutyController, IndicatorController

__all__ = ["ContractController", "DutyController", "IndicatorController"]
