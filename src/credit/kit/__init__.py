"""Toolbox: knows no business noun."""
