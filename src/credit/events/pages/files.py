"""Files that forms bring: evidence of facts and of the steps of their course."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request
from litestar.datastructures import State

from credit.access.views import Actor
from credit.events import service
from credit.events.views import EVIDENCE_MAX as REFS_MAX
from credit.events.views import EvidenceRef
from credit.kit.blobs import Blob
from credit.kit.db import Connection
from credit.kit.errors import Invalid
from credit.kit.texts import say
from credit.kit.uploads import form_bytes_max, uploaded_files

__all__ = [
    "EVIDENCE_MAX",
    "FORM_BYTES_MAX",
    "carried_refs",
    "keep_files",
    "keep_own_files",
    "refs_text",
]

EVIDENCE_MAX = 5
FORM_BYTES_MAX = form_bytes_max(EVIDENCE_MAX)


async def keep_files(
    request: Request[Any, Any, Any], state: State, conn: Connection, files: object
) -> list[EvidenceRef]:
    """Keep what an officer uploaded with a form."""
    actor: Actor = request.state.visitor.actor
    blobs = await uploaded_files(state.blobs, files, EVIDENCE_MAX)
    for blob in blobs:
        await service.keep_evidence(conn, state.clock, actor, blob)
    return [_ref(blob) for blob in blobs]


async def keep_own_files(
    request: Request[Any, Any, Any], state: State, conn: Connection, event_id: UUID, files: object
) -> list[EvidenceRef]:
    """Keep what a fact's enterprise uploaded with an answer about it."""
    actor: Actor = request.state.visitor.actor
    await service.refuse_others(conn, actor, event_id)
    blobs = await uploaded_files(state.blobs, files, EVIDENCE_MAX)
    for blob in blobs:
        await service.keep_own_evidence(conn, state.clock, actor, event_id, blob)
    return [_ref(blob) for blob in blobs]


def refs_text(refs: list[EvidenceRef]) -> str:
    """Write kept files down, to be carried through a signing page."""
    return msgspec.json.encode(refs).decode()


def carried_refs(text: object) -> list[EvidenceRef]:
    """Read the files a signing page carried; they are looked up again where they are used."""
    try:
        refs = msgspec.json.decode(str(text), type=list[EvidenceRef])
    except msgspec.DecodeError:
        raise Invalid(say("要提交的内容读不出来，请返回重新填写。")) from None
    return refs[:REFS_MAX]


def _ref(blob: Blob) -> EvidenceRef:
    return EvidenceRef(blob.digest, blob.size, blob.media_type)
