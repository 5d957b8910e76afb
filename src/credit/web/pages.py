"""Pages of no slice: the front door, the language switch."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie, State

from credit.access.logic import safe_path
from credit.kit.languages import LANGUAGES
from credit.kit.pages import LANGUAGE_COOKIE, form_of, redirect, render

__all__ = ["choose_language", "front_door"]

YEAR_SECONDS = 365 * 24 * 3600


@get("/", summary="首页")
async def front_door(request: Request[Any, Any, Any], state: State) -> Response[str]:
    """Say what this is, and lead to the cities."""
    return render(request, "web/front_door.html", cities=sorted(state.db.cities))


@post("/language", summary="换语言", status_code=200)
async def choose_language(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Remember a language and go back."""
    fields = await form_of(request)
    chosen = str(fields.get("language", ""))
    response = redirect(safe_path(str(fields.get("next", "")), "/"))
    if chosen in LANGUAGES:
        response.cookies.append(
            Cookie(
                LANGUAGE_COOKIE, value=chosen, max_age=YEAR_SECONDS, httponly=True, samesite="lax"
            )
        )
    return response
