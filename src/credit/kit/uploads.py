"""Files people send, with a form or as the whole body, and kept files handed out again."""

from typing import Any

from litestar import Request, Response
from litestar.datastructures import UploadFile

from credit.kit.blobs import BLOB_BYTES_MAX, Blob, BlobStore
from credit.kit.errors import TooLarge
from credit.kit.texts import say

__all__ = ["BODY_BYTES_MAX", "file_answer", "form_bytes_max", "sent_file", "uploaded_files"]

BODY_BYTES_MAX = BLOB_BYTES_MAX + 1024


def form_bytes_max(files: int) -> int:
    """Return what a form with so many files may weigh, its other fields included."""
    return files * BLOB_BYTES_MAX + 1024 * 1024


async def uploaded_files(store: BlobStore, files: object, most: int) -> list[Blob]:
    """Put a form's files on disk; an input left empty sends a file without a name."""
    uploads = [
        one
        for one in (files if isinstance(files, list) else [files])
        if isinstance(one, UploadFile) and one.filename
    ]
    if len(uploads) > most:
        raise TooLarge(say("一次最多上传 %(most)s 份文件。", most=most))
    return [
        await store.put(await one.read(BLOB_BYTES_MAX + 1), one.content_type) for one in uploads
    ]


async def sent_file(request: Request[Any, Any, Any]) -> Blob:
    """Put the file on disk that is a request's body; its Content-Type says what it is."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip()
    store: BlobStore = request.app.state.blobs
    return await store.put(await request.body(), declared)


async def file_answer(store: BlobStore, digest: str, media_type: str) -> Response[bytes]:
    """Answer with a kept file; never shown in place, so that it cannot act here."""
    headers = {
        "Content-Disposition": f'attachment; filename="{digest.removeprefix("sha256:")[:16]}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "no-store",
    }
    return Response(await store.read(digest), media_type=media_type, headers=headers)
