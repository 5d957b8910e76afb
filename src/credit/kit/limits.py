"""Rates: how often something may happen, kept in this process as one number for each key."""

from collections.abc import Hashable
from itertools import islice

__all__ = ["KEYS_MAX", "Rates", "burst_of"]

KEYS_MAX = 20_000
BURST_MIN = 10
MINUTE_SECONDS = 60.0
ROUNDING_SECONDS = 1e-6


def burst_of(per_minute: int) -> int:
    """Return how many may come at once: a tenth of a minute's worth, and never fewer than ten."""
    return max(BURST_MIN, per_minute // 10)


class Rates:
    """Token buckets, one for each key, each kept as the moment at which it is full again.

    That is the generic cell rate algorithm: taking a token moves the moment on by the time one
    token takes to come back, and a bucket whose moment has passed is full, so that forgetting it
    changes nothing. Moments are seconds on the caller's clock.
    """

    def __init__(self, keys_max: int = KEYS_MAX) -> None:
        self._keys_max = keys_max
        self._full_at: dict[Hashable, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: Hashable, now: float, *, per_minute: int, burst: int) -> float:
        """Take a token; returns 0.0, or in how many seconds there will be one."""
        if key not in self._full_at and len(self._full_at) >= self._keys_max:
            self._forget(now)
        interval = MINUTE_SECONDS / per_minute
        full_at, wait = self._look(key, now, interval, burst)
        self._full_at[key] = full_at if wait else full_at + interval
        return wait

    def wait(self, key: Hashable, now: float, *, per_minute: int, burst: int) -> float:
        """Return in how many seconds there will be a token, 0.0 where there is one; takes none."""
        return self._look(key, now, MINUTE_SECONDS / per_minute, burst)[1]

    def _look(self, key: Hashable, now: float, interval: float, burst: int) -> tuple[float, float]:
        """Return when a bucket is full again, and in how many seconds there will be a token."""
        # A clock that was set back owes nobody more than an empty bucket's wait.
        full_at = min(max(self._full_at.get(key, now), now), now + burst * interval)
        wait = full_at + interval - now - burst * interval
        return full_at, wait if wait > ROUNDING_SECONDS else 0.0

    def _forget(self, now: float) -> None:
        """Forget the buckets that are full; where that is too few, the oldest half as well."""
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        surplus = len(self._full_at) - self._keys_max // 2
        for key in list(islice(self._full_at, max(surplus, 0))):
            del self._full_at[key]
