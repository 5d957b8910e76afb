"""Use cases of evaluations: entering marks, closing with a signed record, showing."""

from credit.evaluations.service.places import barred
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
    OpenSheet,
    ShownEvaluation,
    ShownSheet,
    Standing,
    begin,
    chosen_rows,
    count_closed,
    find_begun,
    last_year,
    open_sheets,
    shown,
    shown_sheet,
    to_close,
)

__all__ = [
    "Key",
    "OpenSheet",
    "ShownEvaluation",
    "ShownSheet",
    "Standing",
    "barred",
    "begin",
    "chosen_rows",
    "close",
    "count_closed",
    "evaluation_states",
    "find_begun",
    "laid_over",
    "last_year",
    "open_evaluations",
    "open_sheets",
    "prepare_closings",
    "shown",
    "shown_sheet",
    "submit",
    "submit_form",
    "to_close",
]
