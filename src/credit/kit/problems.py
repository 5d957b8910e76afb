"""Problem details (RFC 9457): every refusal as `application/problem+json`, and said so in OpenAPI."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg
import structlog
from litestar import Litestar, Request, Response
from litestar.config.app import AppConfig
from litestar.exceptions import HTTPException
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Reference, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.plugins import InitPlugin

from credit.kit.decoding import in_words
from credit.kit.errors import CreditError, FieldError, Overloaded
from credit.kit.texts import SEMICOLON, listed, marked, say

__all__ = ["ProblemsPlugin", "make_openapi_honest", "problem"]

Problem = Response[dict[str, Any]]
AsPage = Callable[[Request[Any, Any, Any], Exception, dict[str, Any]], Response[Any] | None]
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
SCHEMA_NAME = "Problem"
TITLES = {
    400: ("invalid", marked("请求内容有误")),
    401: ("unauthenticated", marked("需要有效的接口密钥")),
    403: ("forbidden", marked("没有权限")),
    404: ("not-found", marked("没有找到")),
    405: ("method-not-allowed", marked("不支持这种请求方法")),
    413: ("too-large", marked("超出大小限制")),
    415: ("unsupported-media-type", marked("不支持这种内容类型")),
}
DETAILS = {
    400: marked("请求体读不出来：应是完整的 JSON，用 UTF-8 编码。"),
    404: marked("没有这个地址。请核对路径和城市代码。"),
    405: marked("这个地址不接受这种请求方法，请看接口文档。"),
    413: marked("请求体太大，请分批提交。"),
    415: marked("请求体应是 application/json。"),
}
log = structlog.get_logger()


class ProblemsPlugin(InitPlugin):
    """Installs the handlers and, at start-up, corrects the OpenAPI document.

    `as_page` may answer a refusal with a page instead; it returns None where it does not.
    """

    def __init__(self, as_page: AsPage) -> None:
        self._as_page = as_page

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Register the handlers and the correction."""
        app_config.exception_handlers = {
            kind: self._or_page(handler)
            for kind, handler in (
                (CreditError, _credit_error),
                (HTTPException, _http_exception),
                (asyncpg.PostgresError, _database_error),
                (asyncpg.InterfaceError, _unavailable),
                (asyncpg.InternalClientError, _unavailable),
                (OSError, _unavailable),
                (TimeoutError, _unavailable),
                (RecursionError, _nested_too_deep),
                (Exception, _unexpected),
            )
        }
        app_config.on_startup.append(make_openapi_honest)
        return app_config

    def _or_page(self, handler: Callable[..., Problem]) -> Callable[..., Response[Any]]:
        def answer(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
            found = handler(request, error)
            page = self._as_page(request, error, found.content)
            if page is None:
                return found
            page.headers.update({k: v for k, v in found.headers.items() if k == "Retry-After"})
            return page

        return answer


def problem(
    status: int,
    slug: str,
    title: str,
    detail: str,
    *,
    errors: tuple[FieldError, ...] = (),
    retry_after_seconds: int | None = None,
    allowed: Mapping[str, object] | None = None,
) -> Response[dict[str, Any]]:
    """Build the answer: `type` is `urn:credit:problem:<slug>`, `errors` name fields and cures.

    `allowed` says, where it is known, what would be accepted instead.
    """
    headers: dict[str, str] = {}
    if status in (429, 503):
        headers["Retry-After"] = str(retry_after_seconds or RETRY_AFTER_SECONDS)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        {
            "type": f"urn:credit:problem:{slug}",
            "title": title,
            "status": status,
            "detail": detail,
            "errors": [{"field": e.field, "message": e.message} for e in errors],
            **({"allowed": dict(allowed)} if allowed else {}),
        },
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def _credit_error(_: Request[Any, Any, Any], error: CreditError) -> Response[dict[str, Any]]:
    return problem(
        error.status,
        error.slug,
        error.title,
        error.detail,
        errors=error.errors,
        retry_after_seconds=error.retry_after_seconds,
        allowed=error.allowed,
    )


def _http_exception(_: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    slug, title = TITLES.get(error.status_code, ("http", marked("请求未能完成")))
    faults = error.extra if isinstance(error.extra, list) else []
    errors = tuple(
        FieldError(str(f.get("key", f.get("source", ""))), in_words(str(f.get("message", ""))))
        for f in faults
        if isinstance(f, dict)
    )
    missing = re.match(r"Missing required (?:header|query) parameter '(.+?)'", error.detail)
    if missing:
        detail = say("缺少 %(name)s。", name=missing[1])
    elif errors:
        parts = [say("%(name)s：%(value)s", name=e.field, value=e.message) for e in errors[:3]]
        detail = say("%(parts)s。", parts=listed(parts, SEMICOLON))
    else:
        detail = DETAILS.get(error.status_code, error.detail)
    response = problem(error.status_code, slug, title, detail, errors=errors)
    for name, value in (error.headers or {}).items():
        response.headers.setdefault(name, value)
    return response


def _database_error(
    request: Request[Any, Any, Any], error: asyncpg.PostgresError
) -> Response[dict[str, Any]]:
    sqlstate = getattr(error, "sqlstate", "") or ""
    if sqlstate.startswith("22"):  # data the bounded types let through all the same
        return problem(
            400, "invalid", TITLES[400][1], say("有一个值数据库不能接受，请检查文字和数字。")
        )
    if sqlstate in ("57014", "55P03", "40P01", "40001") or sqlstate.startswith(("08", "53", "57P")):
        return _unavailable(request, error)
    return _unexpected(request, error)


def _unavailable(_: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    log.warning("unavailable", error=type(error).__name__)
    return problem(503, "overloaded", Overloaded.title, say("数据库暂时不可用，请稍后重试。"))


def _nested_too_deep(_: Request[Any, Any, Any], __: Exception) -> Response[dict[str, Any]]:
    return problem(400, "invalid", TITLES[400][1], say("请求体嵌套太深，请看接口文档里的格式。"))


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    log.error("unexpected", path=request.url.path, exc_info=error)
    return problem(
        500,
        "internal",
        CreditError.title,
        say("出现意外错误，已记录；请稍后重试或联系管理员。"),
    )


def make_openapi_honest(app: Litestar) -> None:
    """Say in the document what the handlers above do, and that unknown keys are refused."""
    if app.openapi_config is None:
        return
    document = app.openapi_schema
    schemas = document.components.schemas
    field_error = Schema(
        type=OpenAPIType.OBJECT,
        properties={
            "field": Schema(type=OpenAPIType.STRING),
            "message": Schema(type=OpenAPIType.STRING),
        },
        required=["field", "message"],
    )
    texts = {name: Schema(type=OpenAPIType.STRING) for name in ("type", "title", "detail")}
    schemas[SCHEMA_NAME] = Schema(
        type=OpenAPIType.OBJECT,
        properties={
            **texts,
            "status": Schema(type=OpenAPIType.INTEGER),
            "errors": Schema(type=OpenAPIType.ARRAY, items=field_error),
            "allowed": Schema(
                type=OpenAPIType.OBJECT, description="现在可以怎么做：名称和值，各类问题不同"
            ),
        },
        required=["type", "title", "status", "detail", "errors"],
    )
    reference = Reference(ref=f"#/components/schemas/{SCHEMA_NAME}")
    refusal = OpenAPIResponse(
        description="问题详情 (RFC 9457)", content={MEDIA_TYPE: OpenAPIMediaType(schema=reference)}
    )
    for path in (document.paths or {}).values():
        for method in ("get", "put", "post", "delete", "patch"):
            operation = getattr(path, method)
            if operation is None:
                continue
            for status in [s for s in operation.responses if s.startswith(("4", "5"))]:
                del operation.responses[status]
            operation.responses["default"] = refusal
            operation.responses["400"] = refusal
            operation.responses["404"] = refusal
    for schema in schemas.values():
        if isinstance(schema, Schema) and schema.type == OpenAPIType.OBJECT and schema.properties:
            schema.additional_properties = False
