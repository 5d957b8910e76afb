"""The courier: takes a signed message to an address a merchant chose, and to no other machine.

The name is resolved once, every address it has is checked, and the connection goes to one that was
checked; what the server presents is checked against the name. Redirections are not followed, of an
answer no more is read than its status asks for, and proxies of the environment are not asked.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from credit.kit.errors import CreditError
from credit.kit.texts import marked
from credit.market.logic.deliveries import check_target

__all__ = ["FAULT_WORDS", "Courier", "Result", "addresses_of"]

CONNECT_SECONDS, ANSWER_SECONDS, WHOLE_SECONDS = 3.0, 5.0, 10.0
RESOLVE_SECONDS = 3.0
ADDRESSES_MAX = 20
ANSWER_BYTES_MAX = 64 * 1024
USER_AGENT = "credit-webhooks/1"
FAULT_WORDS: Mapping[str, str] = {
    "timeout": marked("对方没有及时应答"),
    "tls": marked("对方的证书无效或与主机名不符"),
    "connect": marked("连接不上"),
    "cut": marked("连接中断，没有收到应答"),
    "failed": marked("对方的应答读不懂"),
    "bad-target": marked("通知地址的写法不对"),
    "insecure-target": marked("通知地址不是 https"),
    "private-target": marked("通知地址指向内部网络"),
    "unknown-target": marked("找不到主机名"),
    "vault-key-mismatch": marked("签名密钥无法解密，请联系运营人员"),
}
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Result(NamedTuple):
    """What came of an attempt: the answer's status, or why there is none; how long it took, and
    for how many seconds the receiver asks to be left alone.
    """

    status: int | None
    fault: str | None
    millis: int
    retry_after_seconds: int | None = None


async def addresses_of(host: str, port: int) -> list[str]:
    """Return the addresses of a host by the system's resolver; none for an unknown name."""
    loop = asyncio.get_running_loop()
    with suppress(OSError, UnicodeError, TimeoutError):
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await loop.getaddrinfo(host, port, proto=6)
            return list(dict.fromkeys(str(one[4][0]) for one in found))[:ADDRESSES_MAX]
    return []


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


class Courier:
    """Delivers messages; `allow_private` is for closed networks and tests."""

    def __init__(
        self,
        *,
        allow_private: bool,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = addresses_of,
    ) -> None:
        self._allow_private = allow_private
        self._tls = tls
        self._resolve = resolve

    async def find(self, url: str) -> str:
        """Return the address to connect to; refuses a target nobody may have the server go to."""
        parts = urlsplit(url)
        try:
            host, port = parts.hostname or "", parts.port or _port_of(parts.scheme)
        except ValueError:
            host, port = "", 0
        addresses = await self._resolve(host, port) if host else []
        check_target(url, addresses, allow_private=self._allow_private)
        return addresses[0]

    async def deliver(self, url: str, headers: Mapping[str, str], payload: bytes) -> Result:
        """Post a message; never raises for what the other side does."""
        begin = time.perf_counter()
        status = fault = retry_after = None
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                address = await self.find(url)
                status, retry_after = await self._post(url, address, headers, payload)
        except CreditError as refused:
            fault = refused.slug
        except (TimeoutError, httpx.TimeoutException):
            fault = "timeout"
        except httpx.ConnectError as error:
            fault = "tls" if _is_tls(error) else "connect"
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            fault = "cut"
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError):
            fault = "failed"
        return Result(status, fault, round((time.perf_counter() - begin) * 1_000), retry_after)

    async def _post(
        self, url: str, address: str, headers: Mapping[str, str], payload: bytes
    ) -> tuple[int, int | None]:
        """Post to the address that was checked, in the name of the host it was found by.

        The connection serves this message alone: one to the same address by another name would
        have been checked against that name.
        """
        parts = urlsplit(url)
        host = f"[{address}]" if ip_address(address).version == 6 else address
        port = f":{parts.port}" if parts.port else ""
        target = httpx.URL(parts._replace(netloc=f"{host}{port}").geturl())
        sent = {**headers, "host": parts.netloc, "user-agent": USER_AGENT, "accept": "*/*"}
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        async with (
            httpx.AsyncClient(
                verify=self._tls or _tls(), timeout=timeout, follow_redirects=False, trust_env=False
            ) as client,
            client.stream(
                "POST", target, content=payload, headers=sent,
                extensions={"sni_hostname": parts.hostname or ""},
            ) as answer,
        ):  # fmt: skip
            wait = answer.headers.get("retry-after", "")
            await _read_some(answer)
            return answer.status_code, int(wait) if wait.isdecimal() and len(wait) < 8 else None


async def _read_some(answer: httpx.Response) -> None:
    """Read a short answer to its end, so that whoever wrote it is not cut off; of a long one, as
    much as is worth waiting for. What it says does not matter, and whether it came whole neither.
    """
    size = 0
    with suppress(httpx.HTTPError):
        async for piece in answer.aiter_raw():
            size += len(piece)
            if size > ANSWER_BYTES_MAX:
                return


def _port_of(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
