"""The ladder of grades: an ordered list with aliases; 以上 and 以下 include the grade named."""

from credit.rules.model import Rung

__all__ = ["Ladder"]


class Ladder:
    """Grades best first."""

    def __init__(self, rungs: tuple[Rung, ...]) -> None:
        self.grades = tuple(rung.grade for rung in rungs)
        self._rank = {
            name: rank for rank, rung in enumerate(rungs) for name in (rung.grade, *rung.aliases)
        }

    def knows(self, grade: str) -> bool:
        """Say whether the ladder has a grade of this name or alias."""
        return grade in self._rank

    def at_least(self, grade: str, bound: str) -> bool:
        """Say whether `grade` is `bound` or better (…及以上)."""
        return self._rank[grade] <= self._rank[bound]

    def at_most(self, grade: str, bound: str) -> bool:
        """Say whether `grade` is `bound` or worse (…及以下)."""
        return self._rank[grade] >= self._rank[bound]

    def lower(self, first: str, second: str) -> str:
        """Return the worse of two grades, by its own name."""
        return self.grades[max(self._rank[first], self._rank[second])]
