"""One run of entries checked by itself, so that several processes can check a log together.

A run cannot know what its subjects' chains held before it. It takes the places the first entry of
each subject claims, checks every later one against them, and reports the claims: whoever puts the
runs together compares each run's claims with where the runs before it ended.
"""

import asyncio
import gc
import hashlib
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from credit.kit.db import Database
from credit.kit.signing import unb64, verify
from credit.log.check import store
from credit.log.records import RECORD_TYPE, parse_entry, payload, subject_hash

__all__ = ["Chain", "Job", "KeyWindow", "Range", "check_range", "ranges_of"]

FINDINGS_MAX = 200
ROWS = 4096
LENGTH_BYTES = 8
Pipe = TypeVar("Pipe")


class KeyWindow(Struct, frozen=True):
    """A public key and the indexes from and to which its signatures count."""

    public: bytes
    begin: int
    end: int | None

    def covers(self, index: int) -> bool:
        """Say whether a signature at an index counts; the revocation's own still does."""
        return self.begin <= index and (self.end is None or index <= self.end)


class Job(Struct, frozen=True):
    """Runs (from, to) of a city's log to check one after the other; signatures with windows."""

    url: str
    city: str
    runs: list[tuple[int, int]]
    windows: dict[str, KeyWindow] | None


class Chain(Struct):
    """A subject's chain over a run: its place before it as claimed, after it as computed, and
    the run's records in it. A place is how many entries there were, and the last one's leaf hash
    in hexadecimal.
    """

    claimed_seq: int
    claimed_prev: str | None
    seq: int
    prev: str | None
    ks: list[int]


class Range(Struct):
    """What a run came to: faults, leaf hashes as computed, joined, and chains by subject hash."""

    faults: list[str]
    leaves: bytes
    chains: dict[bytes, Chain]


class _Ref(Struct, gc=False):
    scheme: str
    id: str


class _Body(Struct, gc=False):
    subjects: list[_Ref] = []


class _Entry(Struct, gc=False):
    """What a run looks at in an entry; the rest is skipped over while it is read."""

    body: _Body
    id: str
    kind: str
    subject_seq: list[int]
    subject_prev: list[str | None]


class _Checker:
    """Follows the entries of a run in order."""

    def __init__(self, windows: dict[str, KeyWindow] | None) -> None:
        self.faults: list[str] = []
        self.leaves: list[bytes] = []
        self.chains: dict[tuple[str, str], tuple[bytes, Chain]] = {}
        self.windows = windows

    def fault(self, message: str) -> None:
        """Note what differs, up to a bound."""
        if len(self.faults) < FINDINGS_MAX:
            self.faults.append(message)

    def check(self, begin: int, rows: Sequence[Any]) -> None:
        """Check rows of `store.entries`, the first of which should have index `begin`."""
        sha256, leaves = hashlib.sha256, self.leaves
        decode = msgspec.json.Decoder(_Entry).decode
        for expected, row in enumerate(rows, begin):
            index, k, record_id, kind, subjects, stored, content = row
            leaf = sha256(b"\0" + content).digest()
            leaves.append(leaf)
            entry = decode(content)
            chains = self._chains_of(entry)
            good = (
                index == expected
                and leaf == stored
                and entry.subject_seq == [chain.seq + 1 for _, chain in chains]
                and entry.subject_prev == [chain.prev for _, chain in chains]
                and subjects == b"".join([name for name, _ in chains])
                and entry.id == record_id
                and entry.kind == kind
            )
            if not good:
                self.fault(f"第 {expected} 条缺失，或与其哈希、编号、主体链不符")
            last = leaf.hex()
            for _, chain in chains:
                chain.seq += 1
                chain.prev = last
                chain.ks.append(k)
            if self.windows is not None:
                self._check_signatures(index, content, self.windows)

    def _chains_of(self, entry: _Entry) -> list[tuple[bytes, Chain]]:
        found = []
        for position, ref in enumerate(entry.body.subjects):
            name = (ref.scheme, ref.id)
            known = self.chains.get(name)
            if known is None:
                seq, prev = entry.subject_seq[position] - 1, entry.subject_prev[position]
                chain = Chain(seq, prev, seq, prev, [])
                known = self.chains[name] = (subject_hash(*name), chain)
            found.append(known)
        return found

    def _check_signatures(self, index: int, content: bytes, windows: dict[str, KeyWindow]) -> None:
        record = parse_entry(content)
        signed = payload(record["kind"], record["id"], record["body"])
        for sig in record["sigs"]:
            window = windows.get(sig["kid"])
            good = (
                window is not None
                and window.covers(index)
                and verify(window.public, unb64(sig["sig"]), RECORD_TYPE, signed)
            )
            if not good:
                self.fault(f"第 {index} 条的签名无效，或密钥当时不在有效期内")

    def found(self) -> Range:
        """Return what the run came to."""
        return Range(self.faults, b"".join(self.leaves), dict(self.chains.values()))


async def check_range(db: Database, job: Job, begin: int, end: int) -> Range:
    """Check entries begin..end against themselves."""
    checker = _Checker(job.windows)
    async with db.city(job.city) as conn:
        for start in range(begin, end, ROWS):
            stop = min(start + ROWS, end)
            rows = await store.entries(conn, start, stop)
            if len(rows) != stop - start:
                checker.fault(f"第 {start} 到 {stop - 1} 条不完整")
            checker.check(start, rows)
    return checker.found()


async def ranges_of(job: Job, processes: int) -> AsyncIterator[Range]:
    """Check a job's runs in several processes; yields what each came to, in their order.

    Each process takes every n-th run. A process that ends early raises IncompleteReadError.
    """
    workers = []
    try:
        for number in range(processes):
            worker = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                __name__,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            workers.append(worker)
            part = Job(job.url, job.city, job.runs[number::processes], job.windows)
            _pipe(worker.stdin).write(msgspec.msgpack.encode(part))
            _pipe(worker.stdin).write_eof()
        for number in range(len(job.runs)):
            output = _pipe(workers[number % processes].stdout)
            length = int.from_bytes(await output.readexactly(LENGTH_BYTES), "big")
            yield msgspec.msgpack.decode(await output.readexactly(length), type=Range)
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.terminate()
            await worker.wait()


def _pipe(stream: Pipe | None) -> Pipe:
    if stream is None:
        raise RuntimeError("the process was started without a pipe")
    return stream


async def _work() -> None:
    """Be one of the processes: a job on standard input, results on standard output."""
    gc.disable()  # the process is short-lived and makes no cycles worth a search
    job = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Job)
    async with Database(job.url, size_max=2) as db:
        for begin, end in job.runs:
            found = msgspec.msgpack.encode(await check_range(db, job, begin, end))
            sys.stdout.buffer.write(len(found).to_bytes(LENGTH_BYTES, "big"))
            sys.stdout.buffer.write(found)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(_work())
