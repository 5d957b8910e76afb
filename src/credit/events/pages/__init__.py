"""Pages of credit events: the console's, and an enterprise's own in the portal."""

from credit.events.pages.console import ConsoleEventPages, evidence_answer
from credit.events.pages.lists import EVENT_FILTER, EventListPages
from credit.events.pages.portal import PortalFactPages, enterprise_of

__all__ = [
    "EVENT_FILTER",
    "ConsoleEventPages",
    "EventListPages",
    "PortalFactPages",
    "enterprise_of",
    "evidence_answer",
]
