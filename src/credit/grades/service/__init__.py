"""Use cases of grades: a run proposes, a publication decides, and anybody asks."""

from credit.grades.service.answers import (
    ANSWER_TYPE,
    Question,
    Standing,
    answer_query,
    known_size,
    register,
    standing_json,
    standings,
    trace,
)
from credit.grades.service.publication import prepare_publication, publish
from credit.grades.service.runs import (
    RUN_TASK,
    ask_for_run,
    explain,
    run,
    run_state,
    runs_page,
)

__all__ = [
    "ANSWER_TYPE",
    "RUN_TASK",
    "Question",
    "Standing",
    "answer_query",
    "ask_for_run",
    "explain",
    "known_size",
    "prepare_publication",
    "publish",
    "register",
    "run",
    "run_state",
    "runs_page",
    "standing_json",
    "standings",
    "trace",
]
