"""Workbooks between their preview and its confirmation: held by their digest, then forgotten."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

from credit.kit.blobs import BlobStore
from credit.kit.errors import NotFound, Overloaded
from credit.kit.excel import XLSX, RowData, SheetSpec
from credit.kit.excel.package import open_package
from credit.kit.texts import say
from credit.workbooks import read_rows

__all__ = ["HELD_FOR", "Uploads"]

P = ParamSpec("P")
T = TypeVar("T")
# A register's workbook holds names of people: it stays no longer than somebody's working day.
HELD_FOR = timedelta(hours=24)
WAITING_MAX = 10


class Uploads:
    """Holds workbooks in a folder for each city, and reads them in a thread, one at a time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._limit = asyncio.Semaphore(1)
        self._waiting = 0

    async def hold(self, city: str, content: bytes, now: datetime) -> str:
        """Hold a file and return its digest in hex; those held too long are forgotten first.

        Refuses what is no harmless workbook (`credit.kit.excel.package`).
        """
        await self._in_turn(open_package, content)
        folder = _Folder(self._root / city)
        await asyncio.to_thread(folder.forget, now - HELD_FOR)
        blob = await folder.put(content, XLSX)
        await asyncio.to_thread(folder.touch, blob.digest, now)
        return blob.digest.removeprefix("sha256:")

    async def read(self, city: str, digest: str) -> bytes:
        """Return a held file."""
        try:
            return await _Folder(self._root / city).read(digest)
        except NotFound:
            hours = HELD_FOR // timedelta(hours=1)
            message = say(
                "上传的文件不在了：已经导入，或超过 %(hours)s 小时没有确认。请重新上传。",
                hours=hours,
            )
            raise NotFound(message) from None

    async def rows(self, content: bytes, specs: Sequence[SheetSpec]) -> list[RowData]:
        """Read a workbook's rows; raises ImportRefused with every wrong cell."""
        return await self._in_turn(read_rows, content, specs)

    async def discard(self, city: str, digest: str) -> None:
        """Forget a file that was taken in."""
        await asyncio.to_thread(_Folder(self._root / city).discard, digest)

    async def _in_turn(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._waiting >= WAITING_MAX:
            raise Overloaded(say("正在读取别人上传的文件，请过一会儿再传。"))
        self._waiting += 1
        try:
            async with self._limit:
                return await asyncio.to_thread(work, *args, **kwargs)
        finally:
            self._waiting -= 1


class _Folder(BlobStore):
    """The held files of a city; when each was put is when it was last changed."""

    def touch(self, digest: str, now: datetime) -> None:
        """Let a file's time to be held begin."""
        moment = now.timestamp()
        with suppress(FileNotFoundError):  # the same file was just taken in, and is forgotten
            os.utime(self._path(digest.removeprefix("sha256:")), (moment, moment))

    def discard(self, digest: str) -> None:
        """Delete a file."""
        self._path(digest).unlink(missing_ok=True)

    def forget(self, before: datetime) -> None:
        """Delete the files put before a moment."""
        for path in self._root.glob("??/??/*"):
            with suppress(FileNotFoundError):  # somebody else forgets, too
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
