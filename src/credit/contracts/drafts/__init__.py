"""Drafts of contracts."""
