"""A merchant's till: redemptions, settlements, and the check of what the server tells it."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from credit.client.calls import Caller
from credit.client.results import Redemption, Settlement
from credit.market.logic.webhooks import TOLERANCE_SECONDS, Event, read_event, verify

__all__ = ["Merchant", "verify_webhook"]

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,39}", re.ASCII)
PAGE = 100
PAGES_MAX = 1_000
PATIENCE_SECONDS = 30.0
TIMEOUT_SECONDS = 10.0


class Merchant:
    """Calls the redemption API of a city in the name of a merchant's API key.

    Every method may raise `Problem` (refused, and why) and `UnreachableError` (no answer came).
    What breaks on the way is tried again by itself for `patience` seconds. `idempotency_key` is
    made for each call; give one to repeat a call of before, after a crash say. Of a key pair
    registered with the API key, `private` signs the calls.
    """

    def __init__(
        self,
        base_url: str,
        city: str,
        key: str,
        *,
        private: Ed25519PrivateKey | None = None,
        patience: float = PATIENCE_SECONDS,
        timeout: float = TIMEOUT_SECONDS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        if not re.fullmatch(r"[0-9]{6}", city, re.ASCII):
            raise ValueError("a city is named by six digits (GB/T 2260)")
        self._city = city
        self._root = f"/api/v1/{city}"
        self._caller = Caller(
            base_url, key, private=private, patience=patience, timeout=timeout, pause=pause
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def authorize(
        self,
        code: str,
        amount: int,
        reference: str,
        offer: str | int | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Redemption:
        """Have points held for a customer's one-time code, however it was spaced; `reference` is
        the till's own number.
        """
        digits = "".join(code.split()).replace("-", "")
        body: dict[str, Any] = {"code": digits, "amount": _points(amount), "reference": reference}
        if offer is not None:
            body["offer"] = str(offer)
        return Redemption.of(self._caller.post(f"{self._root}/redemptions", body, idempotency_key))

    def capture(
        self,
        redemption: Redemption | str,
        amount: int | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Redemption:
        """Take the points that are held, or part of them; the rest goes back to the customer."""
        return self._do(redemption, "capture", amount, idempotency_key)

    def void(
        self, redemption: Redemption | str, *, idempotency_key: str | None = None
    ) -> Redemption:
        """Give back what is held and not captured."""
        return self._do(redemption, "void", None, idempotency_key)

    def refund(
        self,
        redemption: Redemption | str,
        amount: int | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Redemption:
        """Give back what was captured, or part of it."""
        return self._do(redemption, "refund", amount, idempotency_key)

    def get(self, redemption: Redemption | str) -> Redemption:
        """Return a redemption as it stands now."""
        return Redemption.of(self._caller.get(f"{self._root}/redemptions/{_id(redemption)}"))

    def redemptions(self) -> Iterator[Redemption]:
        """Yield every redemption, the newest first, page by page as they are asked for."""
        for page in self._pages(f"{self._root}/redemptions"):
            for item in page["items"]:
                yield Redemption.of(item)

    def settlements(self) -> Iterator[Settlement]:
        """Yield every settlement, page by page as they are asked for."""
        for page in self._pages(f"{self._root}/settlements"):
            for item in page["items"]:
                yield Settlement.of(self._city, item)

    def settlement(self, settlement: Settlement | str) -> Settlement:
        """Return a settlement with all its lines; `adds_up` computes it again."""
        pages = list(self._pages(f"{self._root}/settlements/{_id(settlement)}"))
        lines = [line for page in pages for line in page["lines"]]
        return Settlement.of(self._city, pages[-1], lines)

    def _do(
        self,
        redemption: Redemption | str,
        act: str,
        amount: int | None,
        idempotency_key: str | None,
    ) -> Redemption:
        body = {} if amount is None else {"amount": _points(amount)}
        path = f"{self._root}/redemptions/{_id(redemption)}/{act}"
        return Redemption.of(self._caller.post(path, body, idempotency_key))

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            query: dict[str, str | int] = {"limit": PAGE}
            if cursor is not None:
                query["cursor"] = cursor
            page = self._caller.get(path, query)
            yield page
            before, cursor = cursor, page.get("next_cursor")
            if cursor is None:
                return
            if cursor == before:
                break
        raise RuntimeError("the server's list has no end")


def _id(thing: Redemption | Settlement | str) -> str:
    """Write an id as it stands in an address; raises ValueError for what is none."""
    found = thing if isinstance(thing, str) else thing.id
    if not _ID.fullmatch(found):
        raise ValueError(f"{found[:40]!r} is no id")
    return found


def _points(amount: int) -> int:
    if type(amount) is not int:
        raise TypeError(f"an amount of points is a whole number, not {amount!r}")
    return amount


def verify_webhook(
    headers: Mapping[str, str],
    body: bytes | str,
    secrets: str | Sequence[str],
    *,
    now: datetime | None = None,
    tolerance_seconds: int = TOLERANCE_SECONDS,
) -> Event:
    """Check a webhook and return its event; `body` as it came, never parsed and written again.

    `secrets` are one or, while it is changed, both. The same event may come more than once: keep
    the ids you have acted on. Raises NotVerifiedError for what you must not act on.
    """
    payload = body.encode() if isinstance(body, str) else body
    moment = now or datetime.now(UTC)  # noqa: TID251 - a till has no other clock than its machine's
    known = [secrets] if isinstance(secrets, str) else secrets
    verify(headers, payload, known, moment, tolerance_seconds)
    return read_event(payload)
