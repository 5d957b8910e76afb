"""Evaluations as the enterprise they are about sees them: which are open, and no marks."""

from credit.evaluations.own.store import OpenEvaluation, open_evaluations_of

__all__ = ["OpenEvaluation", "open_evaluations_of"]
