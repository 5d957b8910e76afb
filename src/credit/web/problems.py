"""Refusals on pages: a page that says what happened and what to do, or the way to sign in."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from litestar import Request, Response

from credit.access.guard import ConfirmationNeeded, SignInNeeded
from credit.kit.errors import CreditError, FieldError
from credit.kit.pages import in_language_of, is_page, redirect, render
from credit.kit.texts import say

__all__ = ["refused_page"]

NOT_FOUND = {
    "title": say("没有找到这个页面"),
    "status": 404,
    "detail": say("地址可能写错了，或者这里的内容已经不在。"),
    "errors": [],
}


def refused_page(
    request: Request[Any, Any, Any], error: Exception, problem: dict[str, Any]
) -> Response[Any] | None:
    """Answer a refusal with a page where people look; None leaves it to the JSON answer."""
    if not is_page(request.url.path):
        return None
    city = request.path_params.get("city", "")
    onward = str(request.url.path)
    if request.url.query:
        onward += f"?{request.url.query}"
    if request.method != "GET":
        onward = _page_before(request)
    if isinstance(error, SignInNeeded):
        return redirect("/login?" + urlencode({"city": city, "next": onward}))
    if isinstance(error, ConfirmationNeeded):
        return redirect(f"/{city}/account/confirm?" + urlencode({"next": onward}))
    if request.method == "GET" and problem["status"] in (400, 404) and not problem["errors"]:
        problem = {**problem, "title": NOT_FOUND["title"]}
    if city not in request.app.state.db.cities:
        request.path_params.pop("city", None)  # the layout names only cities there are
        problem = NOT_FOUND if request.method == "GET" else problem
    with in_language_of(request):  # an address there is not passes no middleware
        return render(
            request,
            "web/problem.html",
            http_status=problem["status"],
            title=problem["title"],
            detail=problem["detail"],
            errors=_faults(error, problem),
            back=_page_before(request) or "/",
        )


def _faults(error: Exception, problem: dict[str, Any]) -> Sequence[FieldError]:
    """Return what the page lists, by what it calls the fields where the refusal says so."""
    if isinstance(error, CreditError) and problem["errors"]:
        return error.errors
    return [FieldError(**one) for one in problem["errors"]]


def _page_before(request: Request[Any, Any, Any]) -> str:
    """Return the path of the page a form was sent from, if it is one of this site."""
    before = urlsplit(request.headers.get("referer", ""))
    return before.path if before.netloc == request.headers.get("host") else ""
