"""Everybody's page of awards: a community's of a month, so that whoever knows better can say so."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.access.organisations import offices_in
from credit.earning.pages.words import WORDS
from credit.earning.service import posting_lists
from credit.earning.service.posting_lists import MONTH_PATTERN
from credit.grades.pages import rules_on, unless_known
from credit.kit.http import City, IdCursor
from credit.kit.pages import render
from credit.parties import service as parties
from credit.rules.loading import pack_of_city

__all__ = ["PostingPages"]

PAGE = 50
MAYBE = r"^$|"
Community = Annotated[str, QueryParameter(pattern=rf"{MAYBE}^[0-9]{{12}}$(?!\n)", max_length=12)]
Month = Annotated[str, QueryParameter(pattern=rf"{MAYBE}{MONTH_PATTERN}", max_length=7)]


class PostingPages(Controller):
    """`/{city}/points`: awards made public."""

    path = "/points"

    @get(summary="积分公示")
    async def postings(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        division: Community = "",
        month: Month = "",
        cursor: IdCursor = None,
    ) -> Response[Any]:
        """List a community's awards of a month; without a community, choose one."""
        bank = rules_on(state, city, state.clock.today()).points
        first = posting_lists.month_of(month or None, state.clock)
        async with state.db.city(city) as conn:
            codes = await posting_lists.communities(conn)
            chosen = division or (codes[0] if len(codes) == 1 else "")
            names = await parties.division_names(conn, sorted({*codes, *filter(None, [chosen])}))
            rows = await posting_lists.postings(
                conn, state.logs.vault(city), pack_of_city(city), chosen, first,
                before=UUID(cursor) if cursor else None, limit=PAGE + 1,
            ) if chosen else []  # fmt: skip
            offices = await offices_in(conn, [chosen, chosen[:9]]) if chosen else []
        page = render(
            request,
            "earning/posting_list.html",
            communities=[(code, names[code]) for code in codes],
            chosen=chosen,
            place=names.get(chosen, ""),
            month=f"{first:%Y-%m}",
            months=posting_lists.months(state.clock),
            rows=rows[:PAGE],
            offices=[one.name for one in offices],
            bank=bank,
            words=WORDS,
            cursor=rows[PAGE - 1].id.hex if len(rows) > PAGE else None,
        )
        return unless_known(request, page)
