"""How often the bank is struck in all, and who is struck in each round: a third each `kill -9` of
PostgreSQL, `kill -9` of the service, and the writer's connection cut.
"""

import os

__all__ = ["BOOK", "SERVICE", "victims"]

ROUNDS = int(os.environ.get("CREDIT_KILL_ROUNDS", "54"))  # noqa: TID251 - for tests alone
# Of nine rounds five strike a service under load, four the book alone: of each victim there are three.
SERVICE = ("service", "database", "service", "connection", "service")
BOOK = ("database", "connection", "database", "connection")


def victims(pattern):
    """Return who is struck, round by round, in a test's part of all rounds."""
    nines = -(-ROUNDS // (len(SERVICE) + len(BOOK)))
    return list(pattern * nines)
