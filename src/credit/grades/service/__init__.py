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
from credit.grades.service.confirmation import (
    CONFIRMED_KIND,
    answers_of,
    confirm,
    prepare_confirmation,
    refuse_answerer,
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
from credit.grades.service.publication import (
    check_publication,
    prepare_publication,
    prepare_records,
    publish,
)
from credit.grades.service.records import records_digest
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
    "CONFIRMED_KIND",
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
    "answers_of",
    "ask_for_run",
    "check_publication",
    "compare_run",
    "confirm",
    "distribution_history",
    "distribution_in_force",
    "explain",
    "explain_change",
    "known_size",
    "load_held",
    "portray",
    "prepare_confirmation",
    "prepare_publication",
    "prepare_records",
    "publish",
    "records_digest",
    "refuse_answerer",
    "register",
    "run",
    "run_state",
    "runs_page",
    "score_history",
    "standing_json",
    "standings",
    "trace",
]
