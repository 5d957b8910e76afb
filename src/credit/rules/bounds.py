"""Numbers with their bounds, as annotations of the model: read, refused and published by them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

__all__ = ["Amount", "Between", "Months", "Percent", "Places", "Positive", "Share", "Years"]


@dataclass(frozen=True, slots=True)
class Between:
    """The least and the most a number may be, both included."""

    low: Decimal | int
    high: Decimal | int


# A pack's decimals have at most nine digits before the point and six after it.
MOST = Decimal("999999999.999999")

Amount = Annotated[Decimal, Between(0, MOST)]
Positive = Annotated[Decimal, Between(Decimal("0.000001"), MOST)]
Percent = Annotated[Decimal, Between(0, 100)]
Share = Annotated[Decimal, Between(0, 1)]
Places = Annotated[int, Between(0, 6)]
# Time that, from or to any day of this century, leads to a day the calendar has.
Months = Annotated[int, Between(1, 1200)]
Years = Annotated[int, Between(0, 100)]
