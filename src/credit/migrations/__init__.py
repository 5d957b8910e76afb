"""Migrations of a city's schema, run by Alembic inside `credit migrate`."""
