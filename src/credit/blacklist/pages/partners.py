"""The console's pages for those outside: award gates, and what partners of joint measures fetch."""

from collections import defaultdict
from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.blacklist import service
from credit.blacklist.pages.words import WORDS
from credit.blacklist.service import GateQuestion
from credit.kit.db import Connection
from credit.kit.errors import CreditError
from credit.kit.http import City, SoughtText
from credit.kit.pages import render
from credit.parties import service as parties
from credit.parties.views import FoundSubject
from credit.rules.loading import pack_of_city

__all__ = ["ExchangePages", "GatePages"]

ITEMS = 50
FOUND_MAX = 20
SheetName = Annotated[str, QueryParameter(pattern=r"^[\w.]{0,40}$(?!\n)", max_length=40)]
Place = Annotated[int, QueryParameter(ge=1, le=2**63 - 1)]
LAST = 2**63 - 1


class GatePages(Controller):
    """`/{city}/console/gates`: may this subject apply for this award?"""

    path = "/console/gates"

    @get(summary="参评资格", opt={"scope": "events:read"})
    async def gates(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        sheet: SheetName = "",
        q: SoughtText = "",
    ) -> Response[str]:
        """Answer with every reason against it, and the log entries behind each.

        Flags the rules ask about come as `flag-<name>` with yes or no, awards won as `award`.
        """
        pack = pack_of_city(city)
        rules = pack.on(state.clock.today())
        gated = {name for one in rules.grading.eligibility for name in one.sheets}
        sheets = [one for name, one in rules.sheets.items() if name in gated]
        answer, found, refused = None, [], None
        if sheet in gated and q.strip():
            async with state.db.city(city) as conn:
                found = await _found(conn, rules.sheets[sheet].subject, q.strip())
                question = _question(request, sheet, found)
                try:
                    answer = question and await service.award_gates(
                        conn, state.clock, pack, question
                    )
                except CreditError as error:
                    refused = error
        return render(
            request,
            "blacklist/gates.html",
            http_status=refused.status if refused else 200,
            words=WORDS,
            pack=rules.head,
            rules=rules.grading.eligibility,
            flags=sorted(service.flags_asked(rules.grading.eligibility, sheet)),
            sheets=sheets,
            chosen=rules.sheets.get(sheet) if sheet in gated else None,
            fields=defaultdict(str, request.query_params.items()),
            found=[] if answer else found,
            subject=found[0] if answer else None,
            answer=answer,
            problem=refused,
        )


class ExchangePages(Controller):
    """`/{city}/console/exchange`: what partners of joint measures can fetch."""

    path = "/console/exchange"

    @get(summary="名单交换", opt={"scope": "events:read"})
    async def exchange(
        self, request: Request[Any, Any, Any], state: State, city: City, before: Place = LAST
    ) -> Response[str]:
        """List what partners are told, the newest first."""
        async with state.db.city(city) as conn:
            items = await service.told_page(conn, state.clock, before=before, limit=ITEMS + 1)
        return render(
            request,
            "blacklist/exchange.html",
            words=WORDS,
            items=items[:ITEMS],
            before=str(items[ITEMS - 1].id) if len(items) > ITEMS else None,
        )


async def _found(conn: Connection, kind: str, query: str) -> list[FoundSubject]:
    """Find who may apply: enterprises and projects by name or code, others by their very code."""
    if kind not in ("enterprise", "project"):
        return [FoundSubject(query, query, "")]
    found = await parties.find_subjects(conn, kind, query, FOUND_MAX)
    return [one for one in found if one.code == query] or found


def _question(
    request: Request[Any, Any, Any], sheet: str, found: list[FoundSubject]
) -> GateQuestion | None:
    """Ask about the only one found; flags left open are not stated."""
    if len(found) != 1:
        return None
    given = request.query_params
    flags = {
        name.removeprefix("flag-"): value == "yes"
        for name, value in given.items()
        if name.startswith("flag-") and value in ("yes", "no")
    }
    return GateQuestion(
        sheet, found[0].code, flags, [one for one in given.getall("award", []) if one]
    )
