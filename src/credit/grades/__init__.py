"""Grades: runs, publication, the register, as-of queries and their traces."""
