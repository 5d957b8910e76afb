"""Problem details (RFC 9457): every refusal as `application/problem+json`, and said so in OpenAPI."""

import re
from collections.abc import Callable
from typing import Any

import asyncpg
import structlog
from litestar import Litestar, Request, Response
from litestar.config.app import AppConfig
from litestar.exceptions import HTTPException
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Reference, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.plugins import InitPlugin

from credit.kit.errors import CreditError, FieldError

__all__ = ["ProblemsPlugin", "make_openapi_honest", "problem"]

Problem = Response[dict[str, Any]]
AsPage = Callable[[Request[Any, Any, Any], Exception, dict[str, Any]], Response[Any] | None]
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
SCHEMA_NAME = "Problem"
TITLES = {
    400: ("invalid", "请求内容有误"),
    401: ("unauthenticated", "需要有效的接口密钥"),
    403: ("forbidden", "没有权限"),
    404: ("not-found", "没有找到"),
    405: ("method-not-allowed", "不支持这种请求方法"),
    413: ("too-large", "超出大小限制"),
    415: ("unsupported-media-type", "不支持这种内容类型"),
}
DETAILS = {
    400: "请求体读不出来：应是完整的 JSON，用 UTF-8 编码。",
    404: "没有这个地址。请核对路径和城市代码。",
    405: "这个地址不接受这种请求方法，请看接口文档。",
    413: "请求体太大，请分批提交。",
    415: "请求体应是 application/json。",
}
KINDS = {
    "int": "整数", "str": "文字", "bool": "true 或 false", "array": "列表", "object": "键值表",
    "float": "小数", "null": "null", "uuid": "UUID",
}  # fmt: skip
# What the decoder says of a value, and how a clerk would be told.
WORDINGS = (
    (r"Object missing required field `(.+?)`", "缺少 {0}"),
    (r"Object contains unknown field `(.+?)`", "没有 {0} 这个字段，请去掉或改正"),
    (r"Expected `int` <= (-?\d+)", "不能大于 {0}"),
    (r"Expected `int` >= (-?\d+)", "不能小于 {0}"),
    (r"Expected `str` of length <= (\d+)", "最多 {0} 个字"),
    (r"Expected `str` of length >= (\d+)", "至少 {0} 个字"),
    (r"Expected `(?:array|object)` of length <= (\d+)", "最多 {0} 项"),
    (r"Expected `(?:array|object)` of length >= (\d+)", "至少 {0} 项"),
    (r"Expected `str` matching regex .*?", "写法不对，请看接口文档里的格式"),
    (r"Expected `(.+?)`, got `.+?`", "应为{0}"),
    (r"Invalid enum value (.+?)", "不能是 {0}，可用的值见接口文档"),
    (r"Invalid UUID", "应为 UUID"),
)
log = structlog.get_logger()


class ProblemsPlugin(InitPlugin):
    """Installs the handlers and, at start-up, corrects the OpenAPI document.

    `as_page` may answer a refusal with a page instead; it returns None where it does not.
    """

    def __init__(self, as_page: AsPage) -> None:
        self._as_page = as_page

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Register the three handlers and the correction."""
        app_config.exception_handlers = {
            kind: self._or_page(handler)
            for kind, handler in (
                (CreditError, _credit_error),
                (HTTPException, _http_exception),
                (asyncpg.PostgresError, _database_error),
                (asyncpg.InterfaceError, _unavailable),
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
) -> Response[dict[str, Any]]:
    """Build the answer: `type` is `urn:credit:problem:<slug>`, `errors` name fields and cures."""
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
    )


def _http_exception(_: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    slug, title = TITLES.get(error.status_code, ("http", "请求未能完成"))
    faults = error.extra if isinstance(error.extra, list) else []
    errors = tuple(
        FieldError(str(f.get("key", f.get("source", ""))), _in_words(str(f.get("message", ""))))
        for f in faults
        if isinstance(f, dict)
    )
    missing = re.match(r"Missing required (?:header|query) parameter '(.+?)'", error.detail)
    if missing:
        detail = f"缺少 {missing[1]}。"
    else:
        detail = "".join(f"{e.field}：{e.message}。" for e in errors[:3])
        detail = detail or DETAILS.get(error.status_code, error.detail)
    response = problem(error.status_code, slug, title, detail, errors=errors)
    for name, value in (error.headers or {}).items():
        response.headers.setdefault(name, value)
    return response


def _in_words(message: str) -> str:
    """Put what the decoder says into a clerk's words; what is unknown stays as it is."""
    plain, _, place = message.partition(" - at ")
    for pattern, words in WORDINGS:
        match = re.fullmatch(pattern, plain)
        if match:
            kinds = ("或".join(KINDS.get(k, k) for k in g.split(" | ")) for g in match.groups())
            return words.format(*kinds) + (f"（{place.strip('`')}）" if place else "")
    return message


def _database_error(
    request: Request[Any, Any, Any], error: asyncpg.PostgresError
) -> Response[dict[str, Any]]:
    sqlstate = getattr(error, "sqlstate", "") or ""
    if sqlstate.startswith("22"):  # data the bounded types let through all the same
        return problem(400, "invalid", "请求内容有误", "有一个值数据库不能接受，请检查文字和数字。")
    if sqlstate in ("57014", "55P03", "40P01", "40001") or sqlstate.startswith(("08", "53", "57P")):
        return _unavailable(request, error)
    return _unexpected(request, error)


def _unavailable(_: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    log.warning("unavailable", error=type(error).__name__)
    return problem(503, "overloaded", "服务繁忙，请稍后再试", "数据库暂时不可用，请稍后重试。")


def _nested_too_deep(_: Request[Any, Any, Any], __: Exception) -> Response[dict[str, Any]]:
    return problem(400, "invalid", TITLES[400][1], "请求体嵌套太深，请看接口文档里的格式。")


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    log.error("unexpected", path=request.url.path, exc_info=error)
    return problem(
        500, "internal", "系统内部错误", "出现意外错误，已记录；请稍后重试或联系管理员。"
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
