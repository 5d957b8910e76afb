"""Evidence files: kept under their digest, whole or not at all, and checked when read."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from credit.kit.blobs import BLOB_BYTES_MAX, Blob, BlobStore
from credit.kit.errors import CreditError, Invalid, NotFound, TooLarge
from credit.kit.excel import XLSX

# SHA-256 of b"abc", FIPS 180-2, appendix B.1.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF"


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


async def test_a_file_is_kept_under_its_digest_and_read_back(tmp_path):
    store = BlobStore(tmp_path)
    assert await store.put(b"abc", "text/plain") == Blob(f"sha256:{ABC}", 3, "text/plain")
    assert files(tmp_path) == [f"ba/78/{ABC}"]
    assert await store.read(f"sha256:{ABC}") == b"abc"


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (PDF, "application/pdf"),
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"PK\x03\x04rest", XLSX),
        ("整改照片说明".encode(), "text/plain"),
    ],
)
async def test_a_file_that_is_what_it_says_is_kept(tmp_path, content, declared):
    blob = await BlobStore(tmp_path).put(content, declared)
    assert (blob.size, blob.media_type) == (len(content), declared)


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (PNG, "application/pdf"),
        (PDF, "image/png"),
        (PNG, "image/jpeg"),
        (PDF, XLSX),
        (b"MZ\x90\0program", "text/plain"),
        (b"\xff\xfe\xfa", "text/plain"),
        (b"", "text/plain"),
        (b"<html></html>", "text/html"),
        (b"abc", "text/plain; charset=utf-8"),
    ],
)
async def test_a_file_that_lies_about_its_kind_is_refused_and_not_kept(tmp_path, content, declared):
    with pytest.raises(Invalid) as caught:
        await BlobStore(tmp_path).put(content, declared)
    assert caught.value.slug == "evidence-type"
    assert files(tmp_path) == []


async def test_a_file_of_the_full_size_is_kept_and_one_byte_more_is_refused(tmp_path):
    store = BlobStore(tmp_path)
    assert BLOB_BYTES_MAX == 20 * 1024 * 1024
    full = PDF.ljust(BLOB_BYTES_MAX, b"x")
    assert (await store.put(full, "application/pdf")).size == 20_971_520
    with pytest.raises(TooLarge):
        await store.put(full + b"x", "application/pdf")
    assert len(files(tmp_path)) == 1


async def test_the_same_content_twice_is_one_file_that_is_not_written_again(tmp_path):
    store = BlobStore(tmp_path)
    first = await store.put(b"abc", "text/plain")
    before = (tmp_path / "ba" / "78" / ABC).stat().st_ino
    assert await store.put(b"abc", "text/plain") == first
    assert (tmp_path / "ba" / "78" / ABC).stat().st_ino == before
    assert files(tmp_path) == [f"ba/78/{ABC}"]


async def test_many_at_once_of_the_same_content_give_one_whole_file(tmp_path):
    store = BlobStore(tmp_path)
    content = PDF * 50_000
    blobs = await asyncio.gather(*(store.put(content, "application/pdf") for _ in range(8)))
    assert len(set(blobs)) == 1
    assert len(files(tmp_path)) == 1
    assert await store.read(blobs[0].digest) == content


@pytest.mark.parametrize("broken", ["fsync", "replace"])
async def test_a_put_that_breaks_off_leaves_nothing_and_can_be_repeated(
    tmp_path, monkeypatch, broken
):
    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    store = BlobStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os if broken == "fsync" else Path, broken, fail)
        with pytest.raises(OSError, match="no space left"):
            await store.put(b"abc", "text/plain")
    assert files(tmp_path) == []
    with pytest.raises(NotFound):
        await store.read(f"sha256:{ABC}")
    await store.put(b"abc", "text/plain")
    assert await store.read(f"sha256:{ABC}") == b"abc"


async def test_a_draft_left_by_a_power_cut_is_never_taken_for_evidence(tmp_path):
    folder = tmp_path / "ba" / "78"
    folder.mkdir(parents=True)
    (folder / f".{ABC}.00000000").write_bytes(b"ab")
    store = BlobStore(tmp_path)
    with pytest.raises(NotFound):
        await store.read(f"sha256:{ABC}")
    await store.put(b"abc", "text/plain")
    assert await store.read(f"sha256:{ABC}") == b"abc"


async def test_the_file_is_on_disk_before_its_name_appears(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("fsync"), fsync(fd))[1])
    monkeypatch.setattr(Path, "replace", lambda *a: (order.append("rename"), replace(*a))[1])
    await BlobStore(tmp_path).put(b"abc", "text/plain")
    assert order == ["fsync", "rename", "fsync"]


async def test_a_damaged_file_is_named_and_never_handed_out(tmp_path):
    store = BlobStore(tmp_path)
    blob = await store.put(b"abc", "text/plain")
    (tmp_path / "ba" / "78" / ABC).write_bytes(b"abd")
    with pytest.raises(CreditError) as caught:
        await store.read(blob.digest)
    assert caught.value.slug == "evidence-damaged"
    assert "损坏" in caught.value.detail


@pytest.mark.parametrize(
    "digest",
    ["", "sha256:", "sha256:../../secret", f"sha256:{'../' * 21}x", ABC.upper(), f"{ABC}\n"],
)
async def test_a_digest_that_is_none_is_not_found_and_never_a_path(tmp_path, digest):
    (tmp_path / "secret").write_bytes(b"abc")
    with pytest.raises(NotFound):
        await BlobStore(tmp_path / "files").read(digest)


async def test_writing_does_not_hold_up_the_event_loop(tmp_path, monkeypatch):
    threads = []
    fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda fd: (threads.append(threading.current_thread()), fsync(fd))[1]
    )
    await BlobStore(tmp_path).put(b"abc", "text/plain")
    assert threads
    assert threading.main_thread() not in threads
