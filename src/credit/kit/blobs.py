"""Evidence files on disk, named by their SHA-256; a client's file name is never used.

A file appears whole under its digest or not at all, so an upload cut off at any moment leaves
nothing that could be taken for evidence, and the same content twice is one file.
"""

import asyncio
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from credit.kit.errors import Invalid, NotFound, TooLarge
from credit.kit.excel.spec import XLSX
from credit.kit.texts import say

__all__ = ["BLOB_BYTES_MAX", "Blob", "BlobStore", "sniff"]

BLOB_BYTES_MAX = 20 * 1024 * 1024
# A small file is read sooner than a thread is woken to read it.
READ_INLINE_BYTES_MAX = 65_536
_ZIP = b"PK\x03\x04"
_OFFICE = {
    XLSX,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
TYPES = frozenset({"application/pdf", "image/png", "image/jpeg", "text/plain", *_OFFICE})


@dataclass(frozen=True, slots=True)
class Blob:
    """A kept file: `sha256:` and hex digits, size in bytes, media type."""

    digest: str
    size: int
    media_type: str


def sniff(content: bytes, declared: str) -> bool:
    """Say whether content begins as its declared type does."""
    if declared == "application/pdf":
        return content.startswith(b"%PDF-")
    if declared == "image/png":
        return content.startswith(b"\x89PNG\r\n\x1a\n")
    if declared == "image/jpeg":
        return content.startswith(b"\xff\xd8\xff")
    if declared in _OFFICE:
        return content.startswith(_ZIP)
    try:
        return declared == "text/plain" and "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False


class BlobStore:
    """Files below one folder, spread over sub-folders by the digest's first digits."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, content: bytes, declared: str) -> Blob:
        """Keep a file; refuses what is too large, of another kind, or lies about its kind."""
        if len(content) > BLOB_BYTES_MAX:
            raise TooLarge(
                say("文件超过 %(most)s MB，请压缩或分开上传。", most=BLOB_BYTES_MAX // 1024 // 1024)
            )
        if declared not in TYPES:
            raise Invalid(
                say("只收 PDF、PNG、JPEG、Excel、Word 和纯文本文件。"), slug="evidence-type"
            )
        if not content or not sniff(content, declared):
            raise Invalid(
                say("文件内容不是 %(declared)s。请上传原始文件，不要改扩展名。", declared=declared),
                slug="evidence-type",
            )
        digest = hashlib.sha256(content).hexdigest()
        await asyncio.to_thread(self._write, digest, content)
        return Blob(f"sha256:{digest}", len(content), declared)

    async def read(self, digest: str) -> bytes:
        """Return a file's content, checked against its digest."""
        name = digest.removeprefix("sha256:")
        if len(name) != 64 or not set(name) <= set("0123456789abcdef"):
            raise NotFound(say("没有这份证据文件。"))
        try:
            path = self._path(name)
            small = path.stat().st_size <= READ_INLINE_BYTES_MAX
            content = path.read_bytes() if small else await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            raise NotFound(say("没有这份证据文件。")) from None
        if hashlib.sha256(content).hexdigest() != name:
            raise NotFound(
                say("证据文件已损坏，与登记的摘要不符。请从备份恢复。"), slug="evidence-damaged"
            )
        return content

    def _path(self, name: str) -> Path:
        return self._root / name[:2] / name[2:4] / name

    def _write(self, name: str, content: bytes) -> None:
        path = self._path(name)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{name}.{secrets.token_hex(4)}")
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
