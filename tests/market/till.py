"""A server over real sockets that keeps redemptions as the service does, and fails as told."""

import json
import re
import socket
import threading
from contextlib import contextmanager
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from credit.kit.errors import CreditError, NotFound
from credit.market.logic.redemptions import refusal_of

CODE, KEY, CITY = "0123456789", "ck_0123456789abcdef0123456789abcdef01234567", "150200"


class Service:
    """What the service remembers. `plan` says, call by call, what goes wrong with it."""

    def __init__(self):
        self.plan = []  # a name of `Handler.FAULTS`, or None, for each request to come
        self.requests = []  # (method, path, headers, body) as they came
        self.done = []  # what was carried out
        self.kept = {}  # idempotency key: (body, status, answer)
        self.redemptions = {}
        self.available = 100
        self.codes = {CODE}
        self.used = set()
        self.pages = {}

    def answer(self, method, path, headers, body):
        """Return status and body for a request, carrying it out once a key."""
        if headers.get("Authorization") != f"Bearer {KEY}":
            return 401, {
                "type": "urn:credit:problem:unauthenticated",
                "detail": "需要有效的接口密钥",
            }
        if method == "GET":
            return self.read(path)
        key = headers["Idempotency-Key"]
        if key in self.kept:
            before, status, answer = self.kept[key]
            if before != (path, body):
                return self.refuse(refusal_of("capture", "key-reused", None))
            return status, answer
        try:
            status, answer = self.act(path, json.loads(body))
        except CreditError as refused:
            status, answer = self.refuse(refused)
        self.kept[key] = ((path, body), status, answer)
        return status, answer

    @staticmethod
    def refuse(error):
        """Write a refusal as the service does."""
        return error.status, {
            "type": f"urn:credit:problem:{error.slug}",
            "title": str(error.title),
            "status": error.status,
            "detail": str(error.detail),
            "errors": [],
            **({"allowed": dict(error.allowed)} if error.allowed else {}),
        }

    def act(self, path, body):
        """Carry out what is asked; raises the market's own refusals."""
        place = path.removeprefix(f"/api/v1/{CITY}/redemptions").strip("/")
        self.done.append((place.partition("/")[2] or "authorize", body))
        if not place:
            return 201, self.authorize(**body)
        found, _, act = place.partition("/")
        one = self.redemptions.get(found)
        if one is None:
            raise refusal_of(act, "unknown-hold", None)
        return 200, getattr(self, act)(one, **body)

    def authorize(self, code, amount, reference, offer=None):
        if code not in self.codes or code in self.used:
            outcome = "code-used" if code in self.used else "unknown-code"
            raise refusal_of("authorize", outcome, None)
        if amount > self.available:
            raise refusal_of("authorize", "insufficient", {"available": self.available})
        self.used.add(code)
        self.available -= amount
        one = {
            "id": str(4711 + len(self.redemptions)),
            "status": "authorized",
            "amount": amount,
            "captured": 0,
            "refunded": 0,
            "offer": offer,
            "reference": reference,
            "made_at": "2026-06-30T04:00:00Z",
            "expires_at": "2026-06-30T04:15:00Z",
            "acts": ["capture", "void"],
            "a_later_field": True,
        }
        self.redemptions[one["id"]] = one
        return dict(one)

    def capture(self, one, amount=None):
        if one["status"] != "authorized":
            raise refusal_of("capture", "hold-captured", None)
        if amount is not None and amount > one["amount"]:
            raise refusal_of("capture", "above-hold", {"held": one["amount"]})
        one |= {"status": "captured", "captured": amount or one["amount"]}
        self.available += one["amount"] - one["captured"]
        return dict(one)

    def void(self, one):
        if one["status"] != "authorized":
            raise refusal_of("void", "hold-captured", None)
        one |= {"status": "voided"}
        self.available += one["amount"]
        return dict(one)

    def refund(self, one, amount=None):
        refundable = one["captured"] - one["refunded"]
        if not refundable or (amount or 0) > refundable:
            raise refusal_of("refund", "above-captured", {"refundable": refundable})
        one["refunded"] += amount or refundable
        self.available += amount or refundable
        one["status"] = "refunded" if one["refunded"] == one["captured"] else "captured"
        return dict(one)

    def read(self, path):
        if path in self.pages:
            return 200, self.pages[path]
        if re.fullmatch(rf"/api/v1/{CITY}/redemptions(\?limit=100)?", path):
            newest = [dict(one) for one in reversed(self.redemptions.values())]
            return 200, {"items": newest, "next_cursor": None}
        found = self.redemptions.get(path.rpartition("/")[2])
        return (200, dict(found)) if found else self.refuse(NotFound("没有"))


class Handler(BaseHTTPRequestHandler):
    """Reads a request whole, then answers it or fails as planned."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: the second need not wait

    def do_GET(self):
        service = self.server.service
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        service.requests.append((self.command, self.path, dict(self.headers.items()), body))
        fault = service.plan.pop(0) if service.plan else None
        if fault == "cut before":  # nobody has acted on it
            return self.cut()
        if fault and re.fullmatch(r"[0-9]{3}.*", fault):
            status, _, after = fault.partition(" ")
            return self.send(
                int(status), {"type": "urn:credit:problem:overloaded", "detail": "忙"}, after
            )
        status, answer = service.answer(self.command, self.path, dict(self.headers.items()), body)
        if fault == "cut after":  # carried out, and nobody is told
            return self.cut()
        if fault == "cut within":
            return self.cut(json.dumps(answer).encode())
        if fault == "no JSON":
            return self.send(status, "<html>", "")
        return self.send(status, answer, "")

    do_POST = do_GET  # noqa: N815 - the name the server looks for

    def cut(self, content=b""):
        """Break the connection, after half an answer if there is one."""
        self.close_connection = True
        if content:
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            self.wfile.write(head + content[: len(content) // 2])
        self.connection.shutdown(socket.SHUT_RDWR)

    def send(self, status, answer, retry_after):
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(content)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextmanager
def serving():
    """Serve on a free port; yields the service and its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.service = Service()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.service, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def http_date(moment):
    """Write a moment as `Retry-After` may have it."""
    return format_datetime(moment, usegmt=True)
