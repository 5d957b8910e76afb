"""Where somebody may act: officers of a community, a street or a district in it alone."""

from credit.access.logic import refuse_unplaced
from credit.access.views import Actor
from credit.kit.errors import Forbidden
from credit.kit.texts import say

__all__ = ["above", "covers", "reach", "refuse_elsewhere"]

DIGITS = (6, 9, 12)


def covers(actor: Actor, division: str) -> bool:
    """Say whether a division is one the actor works in, or lies in it."""
    if not actor.bound:
        return True
    return actor.division is not None and division.startswith(actor.division)


def reach(actor: Actor) -> str:
    """Return what the codes of the divisions begin with that the actor works in; "" is all of them.

    Who is bound to a division nobody has named yet works nowhere: no code begins with "-".
    """
    return (actor.division or "-") if actor.bound else ""


def refuse_elsewhere(actor: Actor, division: str) -> None:
    """Refuse a division the actor does not work in."""
    refuse_unplaced(actor)
    if not covers(actor, division):
        raise Forbidden(
            say("这里不是您负责的辖区。请由所在社区、街道或区县的同事办理。"),
            slug="outside-division",
        )


def above(division: str, city: str) -> list[str]:
    """Return a division, those it lies in, and the city, by their codes."""
    return [city, *(division[:digits] for digits in DIGITS if digits <= len(division))]
