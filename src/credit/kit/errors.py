"""Errors of the domain: what happened, why, and what to do next, in Chinese for the user."""

from collections.abc import Mapping
from dataclasses import dataclass

from credit.kit.texts import marked

__all__ = [
    "Conflict",
    "CreditError",
    "FieldError",
    "Forbidden",
    "Invalid",
    "NotFound",
    "Overloaded",
    "TooLarge",
    "TooManyRequests",
    "Unauthenticated",
    "Unprocessable",
]


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of the input: where it stands (`field`, a path or a cell) and what is wrong.

    `label` is what a page calls the field, "" where it has no other name.
    """

    field: str
    message: str
    label: str = ""


class CreditError(Exception):
    """A refusal. `slug` names the problem type, `title` its kind, `detail` this case.

    `allowed` tells a program what it may do instead, by names and plain JSON values.
    """

    status = 500
    slug = "internal"
    title = marked("系统内部错误")

    def __init__(
        self,
        detail: str,
        *,
        slug: str | None = None,
        errors: tuple[FieldError, ...] = (),
        retry_after_seconds: int | None = None,
        allowed: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.slug = slug or type(self).slug
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds
        self.allowed = allowed or {}


class Invalid(CreditError):
    """400: the request cannot be read as what it should be."""

    status = 400
    slug = "invalid"
    title = marked("请求内容有误")


class Unauthenticated(CreditError):
    """401: no key, or one we do not accept; the message never says which."""

    status = 401
    slug = "unauthenticated"
    title = marked("需要有效的接口密钥")


class Forbidden(CreditError):
    """403: who asks may not do this."""

    status = 403
    slug = "forbidden"
    title = marked("没有权限")


class NotFound(CreditError):
    """404: there is no such thing."""

    status = 404
    slug = "not-found"
    title = marked("没有找到")


class Conflict(CreditError):
    """409: the state of things does not allow it."""

    status = 409
    slug = "conflict"
    title = marked("当前状态不允许")


class TooLarge(CreditError):
    """413: beyond a limit that the message names."""

    status = 413
    slug = "too-large"
    title = marked("超出大小限制")


class Unprocessable(CreditError):
    """422: an idempotency key used again with another body."""

    status = 422
    slug = "unprocessable"
    title = marked("无法处理")


class TooManyRequests(CreditError):
    """429: more often than agreed; `retry_after_seconds` says when to come back."""

    status = 429
    slug = "too-many-requests"
    title = marked("请求太频繁")


class Overloaded(CreditError):
    """503: full, or not ready; `retry_after_seconds` says when to come back."""

    status = 503
    slug = "overloaded"
    title = marked("服务繁忙，请稍后再试")
