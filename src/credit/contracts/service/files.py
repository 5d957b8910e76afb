"""Attachments on disk: what is signed is there, byte for byte, at every signature."""

from collections.abc import Iterable

from credit.kit.blobs import BlobStore
from credit.kit.errors import Conflict, NotFound
from credit.kit.texts import say

__all__ = ["check_files"]


async def check_files(blobs: BlobStore, digests: Iterable[str]) -> None:
    """Refuse unless every file is on disk with the bytes of its digest."""
    for digest in dict.fromkeys(digests):
        try:
            await blobs.read(digest)
        except NotFound as error:
            raise Conflict(
                say(
                    "附件 %(digest)s… 与定稿时不同，或者已经不在。现在不能签署；请联系管理员从备份恢复，或由起草单位撤回后重新定稿。",
                    digest=digest[:19],
                ),
                slug="attachment-changed",
            ) from error
