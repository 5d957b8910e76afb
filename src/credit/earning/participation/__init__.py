"""Participation: entered by one person, approved by another, posted to the book."""
