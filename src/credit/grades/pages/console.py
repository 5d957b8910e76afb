"""The console's pages of enterprises: the list officers work from, and one enterprise whole."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from credit.access.saved import saved_views
from credit.grades.pages import drawing
from credit.grades.reading import enterprises
from credit.kit.http import City, CodeCursor, PartyCode
from credit.kit.lists import ASKED, FILTER, Asked, listing_of
from credit.kit.pages import render
from credit.kit.patterns import containing
from credit.parties import service as parties
from credit.rules.loading import pack_of_city

__all__ = ["ENTERPRISE_FILTER", "ConsoleEnterprisePages"]

PUBLISHED_SHOWN_MAX = 24
# A form sends what was left open as an empty text.
Grade = Annotated[str, QueryParameter(pattern=r"^\w{0,10}$(?!\n)", max_length=10)]
Sort = Annotated[str, QueryParameter(pattern=r"^(-?(code|name|grade|score))?$(?!\n)", max_length=6)]
# The parameters of the list, as a saved view may hold them.
ENTERPRISE_FILTER: Mapping[str, str] = {
    "q": FILTER["q"],
    "grade": r"\w{1,10}",
    "division": FILTER["division"],
    "sort": "-?(code|name|grade|score)",
    "size": FILTER["size"],
}


class ConsoleEnterprisePages(Controller):
    """`/{city}/console/enterprises`: who is graded, and everything known about each."""

    path = "/console/enterprises"

    @get(summary="企业列表", opt={"scope": "events:read"}, dependencies=ASKED)
    async def enterprises(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        asked: NamedDependency[Asked],
        grade: Grade = "",
        sort: Sort = "code",
        cursor: CodeCursor = None,
    ) -> Response[str]:
        """List enterprises: grade, trend, facts that wait, projects."""
        actor, today = request.state.visitor.actor, state.clock.today()
        ladder = pack_of_city(city).on(today).grader.ladder.grades
        async with state.db.city(city) as conn:
            chosen = enterprises.Chosen(
                sort or "code",
                ladder,
                containing(asked.query) if asked.query else None,
                grade or None,
                asked.where(actor.division),
            )
            found = await enterprises.office_page(conn, today, chosen, cursor, asked.rows + 1)
            listing = listing_of(
                "enterprises",
                ENTERPRISE_FILTER,
                asked,
                request.query_params,
                sort=chosen.sort,
                own=actor.division,
                views=await saved_views(conn, actor, "enterprises"),
                divisions=await parties.divisions(conn),
            )
        shown = found[: asked.rows]
        return render(
            request,
            "grades/console_enterprises.html",
            enterprises=shown,
            trends={one.code: drawing.trend_picture(one.code, one.trend) for one in shown},
            grades=[*((one, one) for one in ladder), ("unrated", drawing.UNRATED)],
            grade=grade,
            listing=listing,
            cursor=shown[-1].code if len(found) > asked.rows else None,
        )

    @get("/{code:str}", summary="一家企业", opt={"scope": "events:read", "personal": True})
    async def enterprise(
        self, request: Request[Any, Any, Any], state: State, city: City, code: PartyCode
    ) -> Response[str]:
        """Show an enterprise: grade and why, what would lift it, facts, projects, evaluations."""
        pack, today = pack_of_city(city), state.clock.today()
        async with state.db.city(city) as conn:
            file = await enterprises.enterprise_file(
                conn, state.logs.vault(city), pack, code, on=today
            )
        portrait, explained = file.portrait, file.portrait.explained
        scores = [(one.valid_from, one.score) for one in portrait.history if one.score is not None]
        return render(
            request,
            "grades/console_enterprise.html",
            file=file,
            portrait=portrait,
            standing=portrait.standing,
            facts=file.facts[: enterprises.FACTS_SHOWN_MAX],
            more_facts=len(file.facts) > enterprises.FACTS_SHOWN_MAX,
            projects=file.projects[: enterprises.PROJECTS_SHOWN_MAX],
            projects_max=enterprises.PROJECTS_SHOWN_MAX,
            published=file.published[:PUBLISHED_SHOWN_MAX],
            history=drawing.history_picture(scores, portrait.rules.grading, today)
            if scores
            else None,
            steps=explained
            and drawing.steps_picture(
                explained, portrait.rules.grader.events, portrait.rules.grading
            ),
            groups=drawing.groups_picture(file.shape) if file.shape and file.shape.groups else None,
        )
