"""Pages of credit events: the console's, and an enterprise's own in the portal."""

from credit.events.pages.course import CoursePages
from credit.events.pages.deciding import DecisionPages
from credit.events.pages.entry import EntryPages
from credit.events.pages.lists import EVENT_FILTER, EventListPages
from credit.events.pages.portal import PortalFactPages, enterprise_of
from credit.events.pages.portal_repairs import PortalApplicationPages, PortalRepairPages
from credit.events.pages.repairs import RepairPages
from credit.events.pages.suggestions import SuggestionPages

__all__ = [
    "EVENT_FILTER",
    "CoursePages",
    "DecisionPages",
    "EntryPages",
    "EventListPages",
    "PortalApplicationPages",
    "PortalFactPages",
    "PortalRepairPages",
    "RepairPages",
    "SuggestionPages",
    "enterprise_of",
]
