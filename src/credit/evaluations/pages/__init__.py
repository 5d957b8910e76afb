"""Pages of evaluations: how a year stands, score sheets as forms, closing with a signature."""

from credit.evaluations.pages.closing import ClosingPages
from credit.evaluations.pages.console import ConsoleEvaluationPages
from credit.evaluations.pages.lists import EVALUATION_FILTER, EvaluationListPages

__all__ = ["EVALUATION_FILTER", "ClosingPages", "ConsoleEvaluationPages", "EvaluationListPages"]
