"""Pages of grades: the console's, the public ones, an enterprise's own in the portal."""

from credit.grades.pages.console import ConsoleEnterprisePages
from credit.grades.pages.exports import ConsoleExportPages
from credit.grades.pages.portal import PortalGradePages
from credit.grades.pages.public import PublicPages
from credit.grades.pages.rules import RulePages
from credit.grades.pages.runs import ConsoleRunPages

__all__ = [
    "ConsoleEnterprisePages",
    "ConsoleExportPages",
    "ConsoleRunPages",
    "PortalGradePages",
    "PublicPages",
    "RulePages",
]
