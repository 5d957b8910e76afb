"""Pages of grades: the console's, the public ones, the portal's, bid evaluators'."""

from credit.grades.pages.answers import AnswerPages, ConsoleQueryPages
from credit.grades.pages.confirmation import ConfirmationPages
from credit.grades.pages.console import ENTERPRISE_FILTER, ConsoleEnterprisePages
from credit.grades.pages.exports import ConsoleExportPages
from credit.grades.pages.portal import PortalGradePages
from credit.grades.pages.public import PublicPages, rules_on, unless_known
from credit.grades.pages.queries import QueryPages
from credit.grades.pages.rules import RulePages
from credit.grades.pages.runs import ConsoleRunPages

__all__ = [
    "ENTERPRISE_FILTER",
    "AnswerPages",
    "ConfirmationPages",
    "ConsoleEnterprisePages",
    "ConsoleExportPages",
    "ConsoleQueryPages",
    "ConsoleRunPages",
    "PortalGradePages",
    "PublicPages",
    "QueryPages",
    "RulePages",
    "rules_on",
    "unless_known",
]
