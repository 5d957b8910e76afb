"""Use cases of credit events: propose, decide, look up, show."""

from credit.events.service.own import OwnFact, own_fact, own_facts, own_waiting
from credit.events.service.procedure import (
    BATCH_MAX,
    Intake,
    decide,
    events_page,
    keep_evidence,
    plan,
    propose,
    refuse_known,
    state_of,
)
from credit.events.service.reading import (
    WAITING_SHOWN_MAX,
    Filter,
    Order,
    ShownEvent,
    chosen_rows,
    count_waiting,
    shown,
    shown_event,
    waiting,
)

__all__ = [
    "BATCH_MAX",
    "WAITING_SHOWN_MAX",
    "Filter",
    "Intake",
    "Order",
    "OwnFact",
    "ShownEvent",
    "chosen_rows",
    "count_waiting",
    "decide",
    "events_page",
    "keep_evidence",
    "own_fact",
    "own_facts",
    "own_waiting",
    "plan",
    "propose",
    "refuse_known",
    "shown",
    "shown_event",
    "state_of",
    "waiting",
]
