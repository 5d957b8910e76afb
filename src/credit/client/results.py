"""What the server answers, as values. Fields that a later version of it adds are passed over."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self

__all__ = ["Redemption", "Settlement", "SettlementLine"]

STATEMENT_TYPE = "credit-settlement/v1"


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


@dataclass(frozen=True, slots=True)
class Redemption:
    """A redemption; amounts in points.

    `status` is `authorized`, `captured`, `voided`, `expired` or `refunded`; one that was refunded
    in part is still captured. Points of an authorized one are held until `expires_at`. `acts` are
    the calls that may follow now.
    """

    id: str
    status: str
    amount: int
    captured: int
    refunded: int
    offer: str | None
    reference: str | None
    made_at: datetime | None
    expires_at: datetime | None
    acts: tuple[str, ...]

    @property
    def refundable(self) -> int:
        """What may still be given back."""
        return self.captured - self.refunded

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """Read what was answered."""
        return cls(
            id=body["id"],
            status=body["status"],
            amount=body["amount"],
            captured=body.get("captured", 0),
            refunded=body.get("refunded", 0),
            offer=body.get("offer"),
            reference=body.get("reference"),
            made_at=_moment(body.get("made_at")),
            expires_at=_moment(body.get("expires_at")),
            acts=tuple(body.get("acts", ())),
        )


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """A line of a statement: a `capture` or `refund` by the number of its transfer."""

    transfer: int
    kind: str
    amount: int
    at: datetime
    reference: str | None
    redemption: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """Read what was answered."""
        known: dict[str, Any] = {one.name: body.get(one.name) for one in fields(cls)}
        return cls(**{**known, "at": datetime.fromisoformat(body["at"])})

    def body(self) -> dict[str, Any]:
        """Return the line as it is digested."""
        utc = self.at.astimezone(UTC)
        return {
            "amount": self.amount,
            "at": f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z",
            "kind": self.kind,
            "redemption": self.redemption,
            "reference": self.reference,
            "transfer": self.transfer,
        }


@dataclass(frozen=True, slots=True)
class Settlement:
    """A statement: what was captured and refunded by the transfers above `after` through `upto`.

    `status` is `drawn`, `confirmed`, `disputed`, `paid` or `carried`. `points` are captured less
    refunded, `carried` what the statement before left (zero or less), `fen` the money to be paid.
    `lines` are there when one settlement was asked for, not in a list.
    """

    id: str
    city: str
    merchant: str
    status: str
    after: int
    upto: int
    captures: int
    captured: int
    refunds: int
    refunded: int
    points: int
    carried: int
    fen_per_point: int
    fen: int
    digest: str
    drawn_at: datetime | None
    confirmed_at: datetime | None
    paid_at: datetime | None
    voucher: str | None
    lines: tuple[SettlementLine, ...] | None = None

    @classmethod
    def of(
        cls, city: str, body: Mapping[str, Any], lines: Iterable[Mapping[str, Any]] | None = None
    ) -> Self:
        """Read what was answered, and the lines that were gathered from it."""
        known: dict[str, Any] = {one.name: body.get(one.name) for one in fields(cls)}
        moments = {name: _moment(body.get(name)) for name in known if name.endswith("_at")}
        read = None if lines is None else tuple(SettlementLine.of(one) for one in lines)
        return cls(**{**known, **moments, "city": city, "lines": read})

    def adds_up(self) -> bool:
        """Compute the statement from its lines again, and compare totals, money and digest.

        Raises ValueError where the lines were not asked for.
        """
        if self.lines is None:
            raise ValueError("ask for this settlement by its id: a list has no lines")
        captured = [one.amount for one in self.lines if one.kind == "capture"]
        refunded = [one.amount for one in self.lines if one.kind == "refund"]
        points = sum(captured) - sum(refunded)
        body = {
            "after": self.after,
            "captured": sum(captured),
            "captures": len(captured),
            "carried": self.carried,
            "city": self.city,
            "fen": max(points + self.carried, 0) * self.fen_per_point,
            "fen_per_point": self.fen_per_point,
            "lines": [one.body() for one in self.lines],
            "merchant": self.merchant,
            "points": points,
            "refunded": sum(refunded),
            "refunds": len(refunded),
            "type": STATEMENT_TYPE,
            "upto": self.upto,
        }
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        said = (self.captured, self.captures, self.refunded, self.refunds, self.points, self.fen)
        counted = tuple(
            body[name] for name in ("captured", "captures", "refunded", "refunds", "points", "fen")
        )
        return said == counted and hashlib.sha256(text.encode()).hexdigest() == self.digest
