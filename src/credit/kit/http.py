"""What every JSON handler shares: bounded text, cursors, entity tags, idempotency keys."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from litestar import Response
from litestar.datastructures import State
from litestar.params import HeaderParameter, PathParameter, QueryParameter
from msgspec import Meta

from credit.kit import store
from credit.kit.db import Connection
from credit.kit.errors import Invalid, Unprocessable
from credit.kit.texts import plain, say

__all__ = [
    "CODE_PATTERN",
    "PAGE_MAX",
    "UUID_PATTERN",
    "City",
    "Code",
    "CodeCursor",
    "DayText",
    "IdCursor",
    "IdempotencyHeader",
    "Limit",
    "Line",
    "MaybeStatement",
    "Name",
    "Page",
    "Paragraph",
    "PartyCode",
    "Reason",
    "RecordKey",
    "SearchText",
    "SoughtText",
    "Statement",
    "entity_tag",
    "idempotent",
    "is_line",
    "parse_date",
    "parse_moment",
]

# No control characters: they have no place in a text, and PostgreSQL refuses NUL altogether. What
# has to be written says something: blanks, then something else, so that no search goes back.
# The look-ahead refuses the newline that Python's `$` would let stand at the very end.
_CONTROLS = r"\u0000-\u001f\u007f"
_PRINTABLE = rf"^[^\S{_CONTROLS}]*[^\s{_CONTROLS}][^{_CONTROLS}]*$(?!\n)"
_CONTROLS_IN_LINES = r"\u0000-\u0009\u000b-\u001f\u007f"
_LINES = rf"^[^{_CONTROLS_IN_LINES}]*$(?!\n)"
_WRITTEN_LINES = (
    rf"^[^\S{_CONTROLS_IN_LINES}]*[^\s{_CONTROLS_IN_LINES}][^{_CONTROLS_IN_LINES}]*$(?!\n)"
)
CODE_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z._-]{0,59}$(?!\n)"
UUID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$(?!\n)"
Code = Annotated[str, Meta(max_length=60, pattern=CODE_PATTERN)]
LINE_CHARS_MAX = 200
Line = Annotated[str, Meta(min_length=1, max_length=LINE_CHARS_MAX, pattern=_PRINTABLE)]
Name = Annotated[str, Meta(min_length=1, max_length=120, pattern=_PRINTABLE)]
Reason = Annotated[str, Meta(min_length=1, max_length=400, pattern=_PRINTABLE)]
Paragraph = Annotated[str, Meta(min_length=1, max_length=1000, pattern=_PRINTABLE)]
Statement = Annotated[str, Meta(min_length=1, max_length=4000, pattern=_WRITTEN_LINES)]
MaybeStatement = Annotated[str, Meta(max_length=4000, pattern=_LINES)]
_LINE = re.compile(_PRINTABLE)
Item = TypeVar("Item")
PAGE_MAX = 200
# `date.fromisoformat` alone would also take weeks: 2026-W27-1.
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

City = Annotated[str, PathParameter(pattern=r"^[0-9]{6}$", description="GB/T 2260 行政区划代码")]
PartyCode = Annotated[
    str,
    PathParameter(pattern=r"^[0-9A-Z-]{1,18}$", description="统一社会信用代码，或系统编的内部编号"),
]
RecordKey = Annotated[
    str, PathParameter(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", format="uuid")
]
# A cursor is the key of the last item: every text the pattern allows is one.
CodeCursor = Annotated[str | None, QueryParameter(pattern=r"^[0-9A-Z-]{1,18}$", max_length=18)]
IdCursor = Annotated[str | None, QueryParameter(pattern=r"^[0-9a-f]{32}$", max_length=32)]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX)]
SearchText = Annotated[
    str | None, QueryParameter(pattern=r"^[^\u0000-\u001f\u007f]+$(?!\n)", max_length=60)
]
# What a search form sends, which may be left empty.
SoughtText = Annotated[
    str, QueryParameter(pattern=r"^[^\u0000-\u001f\u007f]*$(?!\n)", max_length=60)
]
DayText = Annotated[str | None, QueryParameter(format="date", max_length=10)]
IdempotencyHeader = Annotated[
    str,
    HeaderParameter(
        name="Idempotency-Key", min_length=1, max_length=100, pattern=r"^[0-9A-Za-z._:-]+$"
    ),
]


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """A page of a list; `next_cursor` is null on the last one."""

    items: list[Item]
    next_cursor: str | None


def entity_tag(content: bytes) -> str:
    """Name a representation by its content (RFC 9110 §8.8.3)."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def is_line(text: str) -> bool:
    """Say whether a text of a list is a `Line`: the document of the API has no bounds inside lists,
    so that such texts are checked where they are used.
    """
    return 0 < len(text) <= LINE_CHARS_MAX and _LINE.search(text) is not None


def parse_date(text: str, name: str) -> date:
    """Read `2026-06-30`."""
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Invalid(say("%(name)s 不是日期：请写成 2026-06-30。", name=name))


def parse_moment(text: str, name: str) -> datetime:
    """Read an RFC 3339 moment; it must say its offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(say("%(name)s 不是时间：请写成 2026-06-30T08:00:00Z。", name=name)) from None
    if moment.tzinfo is None:
        raise Invalid(say("%(name)s 缺少时区：请写成 2026-06-30T08:00:00Z 或 +08:00。", name=name))
    return moment.astimezone(UTC)


async def idempotent(
    state: State,
    city: str,
    *,
    client: str,
    key: str,
    request: bytes,
    act: Callable[[Connection], Awaitable[tuple[int, object]]],
    opens: Callable[[], AbstractAsyncContextManager[Connection]] | None = None,
) -> Response[Any]:
    """Answer once: the same key with the same request gets the kept answer again.

    `act` works in a transaction of the city, or in the one that `opens` lends, in which the answer
    is kept exactly when the work is. A second request with the key waits for the first one's
    transaction. Another request under a used key raises Unprocessable (422).
    """
    request_hash = hashlib.sha256(request).digest()
    async with opens() if opens else state.db.transaction(city) as conn:
        kept = await store.claim_key(conn, client, key)
        if kept is not None:
            if kept.request_hash != request_hash:
                raise Unprocessable(
                    say("这个 Idempotency-Key 已用于另一个请求。请为新的请求换一个新的键。"),
                    slug="idempotency-key-reused",
                )
            return _json(kept.status, kept.answer, replayed=True)
        status, value = await act(conn)
        answer = msgspec.json.encode(value, enc_hook=plain)
        kept = store.KeptAnswer(request_hash, status, answer)
        await store.keep_answer(conn, client, key, kept, state.clock.now())
    return _json(status, answer, replayed=False)


def _json(status: int, content: bytes, *, replayed: bool) -> Response[bytes]:
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    return Response(content, status_code=status, media_type="application/json", headers=headers)
