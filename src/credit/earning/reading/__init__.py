"""Participation read: a member's own, what is made public, what is known already."""
