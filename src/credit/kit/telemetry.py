"""Telemetry: JSON lines on standard error, request identities, counters at `/metrics`."""

import logging
import secrets
import sys
from functools import cache
from time import perf_counter

import structlog
from litestar import get
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.response import Response
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer

__all__ = ["RequestTelemetry", "configure_logging", "metrics"]

REGISTRY = CollectorRegistry()
REQUESTS = Counter("credit_requests", "Answered requests.", ("method", "status"), registry=REGISTRY)
SECONDS = Histogram("credit_request_seconds", "Time from request to first byte.", registry=REGISTRY)
log = structlog.get_logger()


def configure_logging(level: str) -> None:
    """Write one JSON object a line to standard error; nothing else configures logging."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without the frames' variables, which may hold keys and personal data.
            ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)


class _Forward(logging.Handler):
    """Hands what libraries log to the same JSON lines, without their stack traces."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a library's message with the name of its logger."""
        log.log(record.levelno, record.getMessage(), logger=record.name)


class RequestTelemetry(ASGIMiddleware):
    """Names each request in `X-Request-ID`, counts it, and logs refusals and failures.

    Neither the path's query nor any body is logged: they may hold personal data.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on and look at the answer's first message."""
        request_id = secrets.token_hex(8)
        method = str(scope.get("method", ""))

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                ]
                _answered(method, status).inc()
                if status >= 400:
                    log.info(
                        "refused",
                        method=method,
                        path=scope["path"],
                        status=status,
                        request_id=request_id,
                    )
            await send(message)

        begin = perf_counter()
        try:
            await next_app(scope, receive, watch)
        finally:
            SECONDS.observe(perf_counter() - begin)


@cache
def _answered(method: str, status: int) -> Counter:
    """Return the counter of answers of a kind; looking it up by its labels costs more than counting."""
    return REQUESTS.labels(method, str(status))


@get("/metrics", include_in_schema=False, sync_to_thread=False)
def metrics() -> Response[bytes]:
    """Answer the counters in Prometheus's text format."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
