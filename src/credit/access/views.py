"""Who acts: frozen values other slices may see."""

from dataclasses import dataclass

__all__ = ["Actor"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person in an office, as known to every slice; `person_id` is a pseudonym."""

    person_id: str
    role: str
    division: str | None
    scopes: frozenset[str]
