"""A merchant's server on a port of its own, which does what it is told to."""

import asyncio
from contextlib import asynccontextmanager, suppress

from credit.market.logic.webhooks import read_event, verify


class Receiver:
    """Keeps what it was sent; answers by `script`, one entry a request, and then with 200.

    An entry is a status, `cut` (the connection is closed without an answer), `hang` (nothing comes
    until the test lets go), or the bytes of a whole answer.
    """

    def __init__(self, clock):
        self.clock, self.script, self.got = clock, [], []
        self.port, self.arrived, self.go_on = 0, asyncio.Event(), asyncio.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook?shop=1"

    def events(self, *secrets):
        """What it was sent, each verified with the secrets it has."""
        for headers, body in self.got:
            verify(headers, body, secrets, self.clock.now())
        return [read_event(body) for _, body in self.got]

    async def serve(self, reader, writer):
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            headers = dict(one.split(": ", 1) for one in lines[1:] if one)
            headers = {name.lower(): value for name, value in headers.items()}
            body = await reader.readexactly(int(headers["content-length"]))
            self.got.append((headers | {":line": lines[0]}, body))
            self.arrived.set()
            await self._answer(self.script.pop(0) if self.script else 200, writer)
        writer.close()

    async def _answer(self, answer, writer):
        if answer == "hang":
            await self.go_on.wait()
            answer = 200
        if answer == "cut":
            return
        if answer == "endless":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                await writer.drain()
        if isinstance(answer, int):
            answer = f"HTTP/1.1 {answer} Said\r\nContent-Length: 2\r\n\r\nok".encode()
        writer.write(answer)
        await writer.drain()


@asynccontextmanager
async def receiving(clock, tls=None):
    """Run a receiver."""
    receiver = Receiver(clock)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.go_on.set()
        server.close()
        await server.wait_closed()
