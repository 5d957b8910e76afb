"""What every HTML handler shares: templates, languages, forms, redirects, security headers."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlencode, urlsplit

import msgspec
from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from litestar import Request, Response
from litestar.datastructures import Cookie, UploadFile
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from markupsafe import Markup

from credit.kit.clock import CHINA
from credit.kit.decoding import fault_of_form
from credit.kit.errors import FieldError, Forbidden, Invalid
from credit.kit.languages import LANGUAGE, LANGUAGES, catalogue, shown
from credit.kit.texts import Text, listed, say

__all__ = [
    "Languages",
    "Pages",
    "SameOrigin",
    "attachment",
    "file_of",
    "form_of",
    "in_language_of",
    "is_page",
    "read_form",
    "redirect",
    "refused_form",
    "render",
]

Form = TypeVar("Form")
LANGUAGE_COOKIE = "language"
NOTICE_COOKIE = "notice"
NOTICE_CHARS_MAX = 300
NOT_PAGES = ("/api/", "/log/", "/schema/", "/health/", "/metrics", "/static/")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Everything a page uses comes from this site; nothing is inline, nothing may frame it.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Pages:
    """The templates of all slices, `<slice>/<file>`, in the languages there are catalogues for.

    Every text they print is said in the request's language; the filter `shown` does the same for
    one that is not printed as it is, such as a value within a longer sentence.
    """

    def __init__(self, source: Path, globals_: Mapping[str, Any]) -> None:
        folders = sorted(source.glob("*/templates"))
        self.environment = Environment(
            loader=PrefixLoader({one.parent.name: FileSystemLoader(one) for one in folders}),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=shown,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self.environment.install_gettext_callables(  # type: ignore[attr-defined]
            lambda text: catalogue(LANGUAGE.get()).gettext(text),
            lambda one, many, n: catalogue(LANGUAGE.get()).ngettext(one, many, n),
            newstyle=True,
            pgettext=lambda context, text: catalogue(LANGUAGE.get()).pgettext(context, text),
        )
        self.environment.filters |= {
            "number": number,
            "day": day,
            "moment": moment,
            "shown": shown,
            "listed": in_a_row,
            "known": known,
        }
        self.environment.globals |= {
            "language": LANGUAGE.get,
            "languages": LANGUAGES,
            "with_query": with_query,
            **globals_,
        }

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """Render a template."""
        return self.environment.get_template(name).render(context)


def render(
    request: Request[Any, Any, Any], name: str, *, http_status: int = 200, **context: Any
) -> Response[str]:
    """Answer with a page; who looks, the city and a notice left by a redirect are there for it."""
    visitor = getattr(request.state, "visitor", None)
    notice = unquote(request.cookies.get(NOTICE_COOKIE, ""))[:NOTICE_CHARS_MAX]
    whole = {
        "visitor": visitor,
        "city": request.path_params.get("city"),
        "path": request.url.path,
        "query": dict(request.query_params.items()),
        "notice": notice,
        **context,
    }
    content = request.app.state.pages.render(name, whole)
    headers = {
        **HEADERS,
        "Cache-Control": "no-store" if visitor or notice else "no-cache",
        "Vary": "Cookie",
    }
    response = Response(content, status_code=http_status, media_type="text/html", headers=headers)
    if notice:
        response.delete_cookie(NOTICE_COOKIE)
    return response


def attachment(
    content: bytes, media_type: str, name: str, shown_name: str | None = None
) -> Response[bytes]:
    """Answer with a file to be kept, under a name of plain letters, and one for people if given."""
    where = f'attachment; filename="{name}"'
    if shown_name is not None:
        where += f"; filename*=UTF-8''{quote(shown_name)}"
    headers = {**HEADERS, "Content-Disposition": where, "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


def redirect(path: str, *, notice: str = "") -> Response[bytes]:
    """Send the browser on with GET, and leave a sentence for the next page to show once.

    The sentence is kept in the language of this request.
    """
    cookies = []
    if notice:
        value = quote(shown(notice)[:NOTICE_CHARS_MAX])
        cookies = [Cookie(NOTICE_COOKIE, value=value, max_age=60, httponly=True, samesite="lax")]
    headers = {"Location": path, "Cache-Control": "no-store"}
    return Response(b"", status_code=303, headers=headers, cookies=cookies, media_type="text/html")


def is_page(path: str) -> bool:
    """Say whether a path is one that people look at, rather than machines."""
    return not path.startswith(NOT_PAGES)


async def form_of(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return a form's fields; one that was sent several times is a list.

    Browsers end lines with CR LF; here a line ends with LF.
    """
    fields = (await request.form()).dict()
    return {
        name: _plain_lines(values[0]) if len(values) == 1 else values
        for name, values in fields.items()
    }


def _plain_lines(value: object) -> object:
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def read_form(shape: type[Form], fields: Mapping[str, Any]) -> Form:
    """Read fields into a msgspec struct; empty ones count as left out.

    What does not fit raises Invalid, with the field's name and what the page calls it: `LABELS` of
    the struct, by name.
    """
    given = {name: value for name, value in fields.items() if value not in ("", None)}
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        raise refused_form(error, shape) from None


def refused_form(error: msgspec.ValidationError, shape: type) -> Invalid:
    """Return the refusal of what was filled in: which field of the form, and what is wrong."""
    labels: Mapping[str, str] = getattr(shape, "LABELS", {})
    field, fault = fault_of_form(error)
    found = FieldError(field, fault, labels.get(field, ""))
    return Invalid(say("表单有一处没有填对，请改正后再提交。"), errors=(found,))


async def file_of(
    request: Request[Any, Any, Any], name: str, bytes_max: int
) -> tuple[str, bytes, str] | None:
    """Return an uploaded file as (file name, content, declared type); None when none was chosen."""
    found = (await request.form()).get(name)
    if not isinstance(found, UploadFile) or not found.filename:
        return None
    content = await found.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise Invalid(
            say("文件超过 %(bytes_max)s MB，请压缩或分开上传。", bytes_max=bytes_max // 2**20)
        )
    return found.filename, content, found.content_type


class SameOrigin(ASGIMiddleware):
    """Refuses requests of other sites that would change something (cross-site request forgery).

    A browser says where a request comes from: by `Sec-Fetch-Site`, an older one by `Origin`. A
    request with neither comes from no browser, and so carries nobody's cookie unawares.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass on what is safe, or comes from our own pages."""
        if scope.get("method") not in SAFE_METHODS and not _is_ours(Request(scope)):
            raise Forbidden(
                say("请求来自别的网站，已拒绝。请从本网站的页面操作。"), slug="cross-site"
            )
        await next_app(scope, receive, send)


def _is_ours(request: Request[Any, Any, Any]) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


class Languages(ASGIMiddleware):
    """Chooses the language of a request: the one chosen before, else the browser's first."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Set the language for what happens within the request."""
        with in_language_of(Request(scope)):
            await next_app(scope, receive, send)


@contextmanager
def in_language_of(request: Request[Any, Any, Any]) -> Iterator[None]:
    """Speak a request's language: the one its visitor chose, or Chinese."""
    wanted = request.cookies.get(LANGUAGE_COOKIE, "zh")
    token = LANGUAGE.set(wanted if wanted in LANGUAGES else "zh")
    try:
        yield
    finally:
        LANGUAGE.reset(token)


def number(value: Decimal | int | str | None) -> str:
    """Write a number plainly, with a true minus sign; nothing for None."""
    if value is None:
        return "—"
    text = format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
    return text.replace("-", "−")


def known(text: str) -> str:
    """Say what was stored in Chinese as the page's language does, if it is a text of ours."""
    return shown(Text(text))


def in_a_row(values: Iterable[object]) -> str:
    """Write several values in a row, as the page's language does."""
    return shown(listed(values))


def day(value: date | str | None) -> str:
    """Write a day as `2026-06-30`."""
    return "—" if value is None else str(value)[:10]


def moment(value: datetime | None) -> str | Markup:
    """Write a moment in China's time, to the minute."""
    if value is None:
        return "—"
    local = value.astimezone(CHINA)
    return Markup('<time datetime="{}">{}</time>').format(
        value.isoformat(), f"{local:%Y-%m-%d %H:%M}"
    )


def with_query(path: str, query: Mapping[str, str], **changed: str | None) -> str:
    """Write a path with its query, some of it changed; None and empty values are left out."""
    kept = {name: value for name, value in {**query, **changed}.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path
