"""Deliveries: where merchants may be told, when it is tried again, what their answer means.

A merchant chooses the address, and the server goes there: unless it is refused, the merchant could
so reach machines that only the server can. Whoever delivers resolves the name, asks `check_target`
about every address it has, and connects to one of those and to no other: a name resolved a second
time may point elsewhere by then.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal
from urllib.parse import urlsplit

from credit.kit.errors import Conflict, Invalid
from credit.kit.texts import say

__all__ = [
    "DELAYS_SECONDS",
    "TARGET_CHARS_MAX",
    "TARGET_PATTERN",
    "check_target",
    "is_public",
    "next_attempt",
    "verdict",
]

# After so many failures in a row it is tried again so much later; after the last, no more.
DELAYS_SECONDS = (5, 30, 120, 600, 3_600, 10_800, 21_600, 43_200, 86_400)
JITTER_PERCENT = 20
RETRY_AFTER_SECONDS_MAX = 86_400

TARGET_CHARS_MAX = 400
_NAME = r"(?:[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?\.)*[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?"
_PORT = r"(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
_PATH = r"(?:/[0-9A-Za-z._~!$&'()*+,;=:@%/-]*)?"
_QUERY = r"(?:\?[0-9A-Za-z._~!$&'()*+,;=:@%/?-]*)?"
# No user, no password, no fragment, no address of IPv6, and nothing that two readers read apart.
TARGET_PATTERN = rf"^https?://{_NAME}{_PORT}{_PATH}{_QUERY}$(?!\n)"
_TARGET = re.compile(TARGET_PATTERN, re.ASCII)

# Addresses of IPv6 that are given to networks, and those that stand for an IPv4 address (RFC 6052).
UNICAST = ip_network("2000::/3")
NAT64 = ip_network("64:ff9b::/96")
# Given out for special purposes after the oldest Python we run on was made, or not told apart
# by it: relays of 6to4, documentation (RFC 9637).
SPECIAL = tuple(ip_network(one) for one in ("192.88.99.0/24", "3fff::/20"))


def check_target(url: str, addresses: Sequence[str], *, allow_private: bool = False) -> None:
    """Refuse an address that nobody may have the server go to.

    `addresses` are all that the host's name resolves to. Raises Invalid (`bad-target`) for what is
    no address of the form, Conflict for one that is not reached by HTTPS (`insecure-target`), has
    no address (`unknown-target`) or one that is not public (`private-target`). `allow_private` is
    for closed networks and tests: then any address will do, and this very machine by HTTP.
    """
    if len(url) > TARGET_CHARS_MAX or not _TARGET.fullmatch(url):
        raise Invalid(
            say(
                "通知地址的写法不对：请写成 https://主机名/路径，用小写主机名，不带用户名、密码和 #，最多 %(most)s 个字符。",
                most=TARGET_CHARS_MAX,
            ),
            slug="bad-target",
        )
    if not addresses:
        raise Conflict(
            say("找不到通知地址里的主机名。请核对拼写，或等域名解析生效后重试。"),
            slug="unknown-target",
        )
    local = allow_private and all(_is_loopback(one) for one in addresses)
    if urlsplit(url).scheme != "https" and not local:
        raise Conflict(
            say("通知里有交易信息，通知地址应以 https:// 开头。请先为您的服务器配置证书。"),
            slug="insecure-target",
        )
    if not allow_private and not all(is_public(one) for one in addresses):
        raise Conflict(
            say("通知地址指向内部网络，外面到不了。请填写公网上的地址。"), slug="private-target"
        )


def is_public(address: str) -> bool:
    """Say whether an address is one of the public internet; what is no address is not.

    An IPv6 address that stands for one of IPv4 (mapped, NAT64, 6to4) is what that one is.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.scope_id is not None:
            return False
        inner = found.ipv4_mapped or found.sixtofour
        if found in NAT64:
            inner = IPv4Address(int(found) & 0xFFFF_FFFF)
        if inner is None:
            return found in UNICAST and _is_global(found)
        found = inner
    return _is_global(found)


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in one for one in SPECIAL if one.version == address.version)
    )


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def verdict(status: int | None) -> Literal["delivered", "again", "gone"]:
    """Say what an answer means; `status` is None where there was none.

    Any 2xx is taken; 410 asks never to be told again. Everything else, redirections too, is a
    failure: whoever has moved says so on the merchant's page.
    """
    if status is not None and 200 <= status < 300:
        return "delivered"
    return "gone" if status == 410 else "again"


def next_attempt(
    failures: int, now: datetime, *, jitter: int, retry_after_seconds: int | None = None
) -> datetime | None:
    """Return when to try again after so many failures in a row; None: no more, it is disabled.

    `jitter` is a random percentage (0 to 100) that spreads what failed together: an attempt comes
    up to a fifth later. What the receiver asked for (`Retry-After`) is waited for, up to a day.
    """
    if failures < 1:
        raise ValueError("nothing has failed yet")
    if failures > len(DELAYS_SECONDS):
        return None
    asked = min(max(retry_after_seconds or 0, 0), RETRY_AFTER_SECONDS_MAX)
    milliseconds = max(DELAYS_SECONDS[failures - 1], asked) * 1_000
    spread = milliseconds * JITTER_PERCENT * min(max(jitter, 0), 100) // 10_000
    return now + timedelta(milliseconds=milliseconds + spread)
