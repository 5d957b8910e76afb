"""Forms about an entry: what is read, and the files that come with them."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from litestar import Request
from litestar.datastructures import State
from litestar.params import PathParameter
from msgspec import Meta, Struct

from credit.blacklist import service
from credit.blacklist.logic import TEXT_CHARS_MAX
from credit.blacklist.views import ExitKind
from credit.kit.db import Connection
from credit.kit.texts import marked
from credit.kit.uploads import form_bytes_max, uploaded_files

__all__ = [
    "FILES_MAX",
    "FORM_BYTES_MAX",
    "AnswerForm",
    "DecisionForm",
    "Digest",
    "HearingForm",
    "ReviewForm",
    "keep_files",
]

FILES_MAX = 5
FORM_BYTES_MAX = form_bytes_max(FILES_MAX)
Digest = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$", max_length=64)]
# A browser sends line breaks as two characters; the service counts them as one.
Words = Annotated[str, Meta(max_length=2 * TEXT_CHARS_MAX)]


class AnswerForm(Struct, frozen=True):
    """What a subject says: whether it objects, and what it wants of a hearing."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "objects": marked("意见"),
        "hearing": marked("听证"),
        "text": marked("陈述和申辩"),
    }

    objects: Literal["yes", "no"]
    hearing: Literal["asked", "waived", "unsaid"]
    text: Words = ""


class HearingForm(Struct, frozen=True):
    """What was heard."""

    LABELS: ClassVar[Mapping[str, str]] = {"text": marked("听证情况")}

    text: Words = ""


class DecisionForm(Struct, frozen=True):
    """The decision about a proposal."""

    LABELS: ClassVar[Mapping[str, str]] = {"outcome": marked("决定"), "reason": marked("理由")}

    outcome: Literal["listed", "rejected"]
    reason: Words = ""


class ReviewForm(Struct, frozen=True):
    """A review: the entry stays, or why it leaves its list."""

    LABELS: ClassVar[Mapping[str, str]] = {"outcome": marked("结果"), "reason": marked("理由")}

    outcome: Literal["continue"] | ExitKind
    reason: Words = ""


async def keep_files(
    request: Request[Any, Any, Any], state: State, conn: Connection, files: object
) -> tuple[str, ...]:
    """Keep what was uploaded with a form; returns digests."""
    blobs = await uploaded_files(state.blobs, files, FILES_MAX)
    await service.keep_files(conn, state.clock, request.state.visitor.actor, blobs)
    return tuple(one.digest for one in blobs)
