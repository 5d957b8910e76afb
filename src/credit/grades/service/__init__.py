"""Use cases of grades: a run proposes, a publication decides, and anybody asks."""

from credit.grades.service.advice import advise
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
from credit.grades.service.comparison import (
    COMPARED_MAX,
    compare_run,
    distribution_history,
    distribution_in_force,
    explain_change,
    score_history,
)
from credit.grades.service.portrait import (
    CountedEvaluation,
    Held,
    HeldBound,
    OwnStep,
    Portrait,
    SinceStep,
    load_held,
    portray,
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
    "COMPARED_MAX",
    "RUN_TASK",
    "CountedEvaluation",
    "Held",
    "HeldBound",
    "OwnStep",
    "Portrait",
    "Question",
    "SinceStep",
    "Standing",
    "advise",
    "answer_query",
    "ask_for_run",
    "compare_run",
    "distribution_history",
    "distribution_in_force",
    "explain",
    "explain_change",
    "known_size",
    "load_held",
    "portray",
    "prepare_publication",
    "publish",
    "register",
    "run",
    "run_state",
    "runs_page",
    "score_history",
    "standing_json",
    "standings",
    "trace",
]
