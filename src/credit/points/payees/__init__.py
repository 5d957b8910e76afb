"""Payees: what an account was paid and gave back, and all that happened for it, in order."""
