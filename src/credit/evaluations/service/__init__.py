"""Use cases of evaluations: entering marks, closing with a signed record, showing."""

from credit.evaluations.service.procedure import (
    close,
    evaluation_states,
    laid_over,
    open_evaluations,
    prepare_closings,
    submit,
    submit_form,
)
from credit.evaluations.service.reading import (
    Key,
    ShownEvaluation,
    ShownSheet,
    begin,
    count_closed,
    find_begun,
    last_year,
    shown,
    shown_sheet,
    to_close,
)

__all__ = [
    "Key",
    "ShownEvaluation",
    "ShownSheet",
    "begin",
    "close",
    "count_closed",
    "evaluation_states",
    "find_begun",
    "laid_over",
    "last_year",
    "open_evaluations",
    "prepare_closings",
    "shown",
    "shown_sheet",
    "submit",
    "submit_form",
    "to_close",
]
