"""Announced keys as administrators and auditors look through them."""
