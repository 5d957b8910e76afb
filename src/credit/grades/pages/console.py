"""The console's pages of enterprises: the list officers work from, and one enterprise whole."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.grades.pages import drawing
from credit.grades.reading import enterprises
from credit.kit.http import City, CodeCursor, PartyCode, SoughtText
from credit.kit.pages import render
from credit.rules.loading import pack_of_city

__all__ = ["ConsoleEnterprisePages"]

PAGE = 50
PUBLISHED_SHOWN_MAX = 24
# A form sends what was left open as an empty text.
Grade = Annotated[str, QueryParameter(pattern=r"^\w{0,10}$(?!\n)", max_length=10)]
District = Annotated[str, QueryParameter(pattern=r"^([0-9]{6})?$(?!\n)", max_length=6)]


class ConsoleEnterprisePages(Controller):
    """`/{city}/console/enterprises`: who is graded, and everything known about each."""

    path = "/console/enterprises"

    @get(summary="企业列表", opt={"scope": "events:read"})
    async def enterprises(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        q: SoughtText = "",
        grade: Grade = "",
        district: District = "",
        cursor: CodeCursor = None,
    ) -> Response[str]:
        """List enterprises by code: grade, trend, facts that wait, projects."""
        today = state.clock.today()
        async with state.db.city(city) as conn:
            found = await enterprises.office_page(
                conn,
                today,
                cursor or "",
                query=q.strip() or None,
                grade=grade or None,
                district=district or None,
                limit=PAGE + 1,
            )
            districts = await enterprises.districts(conn)
        shown = found[:PAGE]
        ladder = pack_of_city(city).on(today).grader.ladder.grades
        return render(
            request,
            "grades/console_enterprises.html",
            enterprises=shown,
            trends={one.code: drawing.trend_picture(one.code, one.trend) for one in shown},
            grades=[*((one, one) for one in ladder), ("unrated", drawing.UNRATED)],
            districts=districts,
            chosen={"q": q, "grade": grade, "district": district},
            cursor=shown[-1].code if len(found) > PAGE else None,
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
