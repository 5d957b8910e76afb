"""Contracts between an enterprise, a committee and the owners: signed, kept, and their duties."""
