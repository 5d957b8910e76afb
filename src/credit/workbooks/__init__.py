"""Workbooks taken in: which kinds there are, what a row would do, and every fault by its cell."""

from credit.workbooks.events import (
    check_events,
    event_bodies,
    event_lines,
    propose_events,
    unsigned,
)
from credit.workbooks.faults import CellFault, ImportRefused
from credit.workbooks.kinds import KINDS, Kind
from credit.workbooks.participation import take_participation
from credit.workbooks.taking import (
    Line,
    Taken,
    Work,
    note_file,
    read_rows,
    rehearsal,
    take_calendar,
    take_marks,
    take_parties,
)

__all__ = [
    "KINDS",
    "CellFault",
    "ImportRefused",
    "Kind",
    "Line",
    "Taken",
    "Work",
    "check_events",
    "event_bodies",
    "event_lines",
    "note_file",
    "propose_events",
    "read_rows",
    "rehearsal",
    "take_calendar",
    "take_marks",
    "take_participation",
    "take_parties",
    "unsigned",
]
