"""Connections to the server that cost as little as Python lets them: the server is what is measured."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from os import sysconf
from pathlib import Path
from typing import cast

import orjson

PORT = 18_643
CONNECTIONS = 16
TICK = sysconf("SC_CLK_TCK")
GOOD = (b"200", b"201")


@dataclass(frozen=True)
class Load:
    """What a load came to: requests per second, server CPU seconds a request, p99 in seconds."""

    rate: float
    cpu: float
    p99: float


class Wire(asyncio.Protocol):
    """One connection to the server, with one request under way at a time."""

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport
        self._answer: asyncio.Future[bytes]

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator["Wire"]:
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(cls, "127.0.0.1", PORT)
        try:
            yield wire
        finally:
            wire._transport.close()

    async def ask(self, request: bytes) -> bytes:
        """Send a request; returns the body of a good answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # of uvloop, which has its own class

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._received = b""
        if head[9:12] in GOOD:
            self._answer.set_result(body)
        else:
            self._answer.set_exception(AssertionError(head + body))

    def connection_lost(self, _: Exception | None) -> None:
        if hasattr(self, "_answer") and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the server hung up"))


def _length(head: bytes) -> int:
    return int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def post(path: str, body: object, key: str, idempotency_key: str) -> bytes:
    content = orjson.dumps(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nIdempotency-Key: {idempotency_key}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def wait_ready() -> None:
    for _ in range(200):
        try:
            async with Wire.open():
                return
        except OSError:
            await asyncio.sleep(0.1)
    raise RuntimeError("the server did not start")


async def load(pid: int, count: int, act: Callable[[int, Wire], Awaitable[object]]) -> Load:
    """Do something so many times over all connections; each time is one in the figures."""
    times: list[float] = []

    async def client(connection: int) -> None:
        async with Wire.open() as wire:
            for _ in range(count // CONNECTIONS):
                begin = time.perf_counter()
                await act(connection, wire)
                times.append(time.perf_counter() - begin)

    cpu, begin = _cpu_of(pid), time.perf_counter()
    await asyncio.gather(*map(client, range(CONNECTIONS)))
    seconds = time.perf_counter() - begin
    times.sort()
    return Load(
        len(times) / seconds, (_cpu_of(pid) - cpu) / len(times), times[int(len(times) * 0.99)]
    )


def _cpu_of(pid: int) -> float:
    """Return the CPU seconds a process has used (proc(5): utime and stime, in ticks)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK
