"""Contracts as pure decisions: votes, texts, who may do what, duties, and what the log proves."""
