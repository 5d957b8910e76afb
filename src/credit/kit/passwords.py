"""Passwords: argon2id (RFC 9106), in threads, two at a time, with a bounded queue."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from credit.kit.errors import Overloaded
from credit.kit.texts import say

__all__ = ["Passwords"]

P = ParamSpec("P")
T = TypeVar("T")
AT_ONCE = 2
WAITING_MAX = 40


class Passwords:
    """Hashes and checks passwords off the event loop: each takes some 80 ms and 64 MiB."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        # What an unknown user's guess is checked against, so that it takes as long as any other.
        self._nobody = self._hasher.hash("nobody's password")

    async def hash(self, password: str) -> str:
        """Hash a new password."""
        return await self._run(self._hasher.hash, password)

    async def check(self, password: str, kept: str | None) -> bool:
        """Say whether a password fits what is kept; without anything kept it takes as long."""
        fits = await self._run(self._fits, password, kept or self._nobody)
        return fits and kept is not None

    def _fits(self, password: str, kept: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (Argon2Error, InvalidHashError):
            return False

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._waiting >= WAITING_MAX:
            raise Overloaded(say("登录的人太多，请稍后再试。"))
        self._waiting += 1
        try:
            async with self._limit:
                return await asyncio.to_thread(work, *args, **kwargs)
        finally:
            self._waiting -= 1
