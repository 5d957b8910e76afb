"""Use cases of lists: proposing, the course of an entry, publication, reading, partners, gates."""

from credit.blacklist.service.course import answer, decide, hear, leave, notice, review
from credit.blacklist.service.evidence import evidence_type, keep_files
from credit.blacklist.service.exchange import exchange_page, told_page
from credit.blacklist.service.gates import GateQuestion, award_gates, flags_asked
from credit.blacklist.service.proposing import candidates, propose, subject_facts
from credit.blacklist.service.publication import prepare, publish
from credit.blacklist.service.reading import (
    counts,
    entries_page,
    entry_view,
    listed_entry,
    listed_page,
    measures_of,
    suggestions,
    to_leave,
    work_of,
    work_page,
)
from credit.blacklist.service.steps import end_lapsed, rule_of

__all__ = [
    "GateQuestion",
    "answer",
    "award_gates",
    "candidates",
    "counts",
    "decide",
    "end_lapsed",
    "entries_page",
    "entry_view",
    "evidence_type",
    "exchange_page",
    "flags_asked",
    "hear",
    "keep_files",
    "leave",
    "listed_entry",
    "listed_page",
    "measures_of",
    "notice",
    "prepare",
    "propose",
    "publish",
    "review",
    "rule_of",
    "subject_facts",
    "suggestions",
    "to_leave",
    "told_page",
    "work_of",
    "work_page",
]
