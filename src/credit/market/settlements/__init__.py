"""Settlements: merchants' statements, drawn from the book, agreed upon and paid."""
