"""Views people save: a list's filter under a name, seen by nobody else."""

from credit.access.saved.service import (
    NAME_CHARS_MAX,
    VIEWS_MAX,
    delete_view,
    rename_view,
    save_view,
    saved_views,
)
from credit.access.saved.store import SavedView

__all__ = [
    "NAME_CHARS_MAX",
    "VIEWS_MAX",
    "SavedView",
    "delete_view",
    "rename_view",
    "save_view",
    "saved_views",
]
