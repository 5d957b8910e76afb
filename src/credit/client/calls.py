"""Calls over HTTP: sent again under the same key until answered, signed where a key pair is used.

What moves points carries an `Idempotency-Key`, which the server keeps with what it answered. When
a connection breaks nobody knows whether the call was heard; sent again under its key it is
carried out at most once, and answered as it was the first time.
"""

import hashlib
import json
import re
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Caller", "Problem", "UnreachableError"]

ATTEMPTS_MAX = 8
PAUSE_FIRST_SECONDS = 0.2
PAUSE_SECONDS_MAX = 5.0
ANSWER_BYTES_MAX = 4 * 1024 * 1024
KEY_OCTETS = 16
KEY_ID_CHARS = 12
# Too often, not ready, or a proxy that had no answer: in time the same call may be answered.
AGAIN = frozenset({429, 502, 503, 504})
# What a header can hold; keys of ours, which the server takes as they are.
_VISIBLE = re.compile(r"[!-~]{1,200}", re.ASCII)
_KEY = re.compile(r"[0-9A-Za-z._:-]{1,100}", re.ASCII)
HOSTS_IN_CLEAR = frozenset({"127.0.0.1", "::1", "localhost"})


class Problem(Exception):
    """What the server refused (RFC 9457).

    `slug` names the kind of problem, `detail` says it to whoever stands at the till, `allowed` to
    the program: what would be accepted instead. `errors` are the faults of single fields. Where
    `retryable`, the same call under `idempotency_key` may be accepted later.
    """

    def __init__(
        self, status: int, body: Mapping[str, Any], idempotency_key: str | None = None
    ) -> None:
        self.status = status
        self.slug = str(body.get("type", "")).rpartition(":")[2] or f"http-{status}"
        self.title = str(body.get("title", ""))
        self.detail = str(body.get("detail", "")) or f"HTTP {status}"
        allowed, errors = body.get("allowed"), body.get("errors")
        self.allowed: dict[str, Any] = dict(allowed) if isinstance(allowed, dict) else {}
        self.errors: list[dict[str, str]] = errors if isinstance(errors, list) else []
        self.idempotency_key = idempotency_key
        self.retryable = status in AGAIN
        super().__init__(f"{status} {self.slug}: {self.detail}")


class UnreachableError(Exception):
    """No answer came: the call may or may not have been carried out.

    The same call under `idempotency_key` finds out, now or later, and does nothing twice.
    """

    retryable = True

    def __init__(self, message: str, idempotency_key: str | None = None) -> None:
        super().__init__(message)
        self.idempotency_key = idempotency_key


class Caller:
    """Calls one server in the name of an API key, each call for `patience` seconds at most.

    With `private` every call that is not a GET is signed (RFC 9421). `pause` waits so many
    seconds. Raises ValueError for an address at which the key would go over a network in clear.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        private: Ed25519PrivateKey | None,
        patience: float,
        timeout: float,
        pause: Callable[[float], None],
    ) -> None:
        address = httpx.URL(base_url)
        if address.scheme != "https" and (
            address.scheme != "http" or address.host not in HOSTS_IN_CLEAR
        ):
            raise ValueError("the key may be sent by https only")
        if not _VISIBLE.fullmatch(key):
            raise ValueError("an API key has visible ASCII characters only")
        self._base = str(address).rstrip("/")
        self._key = key
        self._private = private
        self._patience = patience
        self._pause = pause
        self._http = httpx.Client(timeout=timeout, follow_redirects=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """Ask for something; returns the JSON object answered."""
        return self._call("GET", path, None, None, params)

    def post(
        self, path: str, body: Mapping[str, Any], idempotency_key: str | None
    ) -> dict[str, Any]:
        """Have something done, at most once under a key; without one it gets a new one."""
        key = secrets.token_hex(KEY_OCTETS) if idempotency_key is None else idempotency_key
        if not _KEY.fullmatch(key):
            raise ValueError("an idempotency key has 1 to 100 letters, digits and . _ : -")
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return self._call("POST", path, content, key)

    def _call(
        self,
        method: str,
        path: str,
        content: bytes | None,
        idempotency_key: str | None,
        params: Mapping[str, str | int] | None = None,
    ) -> dict[str, Any]:
        """Send a call until it is answered, or patience is at an end.

        Raises Problem for what the server refuses, UnreachableError where no answer came.
        """
        give_up_at = time.monotonic() + self._patience
        for attempt in range(1, ATTEMPTS_MAX + 1):
            asked = 0.0
            fault: Problem | UnreachableError
            try:
                with closing(
                    self._http.send(
                        self._request(method, path, content, idempotency_key, params), stream=True
                    )
                ) as answer:
                    body = _json(answer)
                    if answer.is_success and body is not None:
                        return body
                    fault = Problem(answer.status_code, body or {}, idempotency_key)
                    if not fault.retryable:
                        raise fault
                    asked = _retry_after_seconds(answer.headers.get("retry-after", ""))
            except httpx.TransportError as error:
                fault = UnreachableError(f"{type(error).__name__}: {error}", idempotency_key)
            pause = max(_pause_seconds(attempt), asked)
            if attempt == ATTEMPTS_MAX or time.monotonic() + pause > give_up_at:
                break
            self._pause(pause)
        raise fault

    def _request(
        self,
        method: str,
        path: str,
        content: bytes | None,
        idempotency_key: str | None,
        params: Mapping[str, str | int] | None,
    ) -> httpx.Request:
        """Build a request; of a call that is sent again each has a signature of its own."""
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        request = self._http.build_request(
            method, self._base + path, params=params, content=content, headers=headers
        )
        if self._private is not None and method != "GET":
            request.headers.update(self._signature(self._private, request, idempotency_key))
        return request

    def _signature(
        self, private: Ed25519PrivateKey, request: httpx.Request, idempotency_key: str | None
    ) -> dict[str, str]:
        """Sign method, address, body and key of a request (RFC 9421, RFC 9530)."""
        digest = b64encode(hashlib.sha256(request.content).digest()).decode()
        covered = {
            "@method": request.method,
            "@target-uri": str(request.url),
            "content-digest": f"sha-256=:{digest}:",
        }
        if idempotency_key is not None:
            covered["idempotency-key"] = idempotency_key
        names = " ".join(f'"{name}"' for name in covered)
        created, nonce = int(_now().timestamp()), secrets.token_hex(8)
        parameters = (
            f'({names});created={created};keyid="{self._key[:KEY_ID_CHARS]}";nonce="{nonce}"'
        )
        lines = [f'"{name}": {value}' for name, value in covered.items()]
        base = "\n".join([*lines, f'"@signature-params": {parameters}'])
        signature = b64encode(private.sign(base.encode())).decode()
        return {
            "Content-Digest": covered["content-digest"],
            "Signature-Input": f"sig={parameters}",
            "Signature": f"sig=:{signature}:",
        }


def _json(answer: httpx.Response) -> dict[str, Any] | None:
    """Read an answer's JSON object; None for what is none, or too long to be one of ours."""
    content = bytearray()
    for chunk in answer.iter_bytes():
        content += chunk
        if len(content) > ANSWER_BYTES_MAX:
            return None
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _pause_seconds(attempt: int) -> float:
    """Return a pause that doubles with each attempt, at random within its second half: tills that
    failed together do not come back together.
    """
    longest = min(PAUSE_FIRST_SECONDS * (1 << (attempt - 1)), PAUSE_SECONDS_MAX)
    return longest * (1_000 + secrets.randbelow(1_001)) / 2_000


def _retry_after_seconds(value: str) -> float:
    """Read `Retry-After` (RFC 9110 §10.2.3), seconds or a date; 0 for what is neither."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - _now()).total_seconds(), 0.0)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a till has no other clock than its machine's
