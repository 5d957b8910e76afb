"""The public pages of a city: its first page, the register, one enterprise. Nobody signs in."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter

from credit.grades import service
from credit.grades.logic import is_code
from credit.grades.pages import drawing
from credit.grades.pages.wording import conditions_of
from credit.grades.reading.public import PROJECTS_MAX, CityHome, city_home, public_enterprise
from credit.kit.charts import POINTS_MAX, Picture, draw_line
from credit.kit.errors import NotFound
from credit.kit.http import City, CodeCursor, SoughtText, entity_tag, parse_date
from credit.kit.pages import render
from credit.kit.texts import say
from credit.rules.loading import pack_of_city
from credit.rules.pack import PackInvalid, Rules

__all__ = ["PublicPages", "rules_on", "unless_known"]

PAGE = 50
PUBLICATIONS_SHOWN = 12
STEPS_LISTED_MAX = 120
# An empty field of a form arrives as an empty text.
Grade = Annotated[str, QueryParameter(pattern=r"^\w{0,20}$(?!\n)", max_length=20)]
Day = Annotated[str, QueryParameter(max_length=10)]
AnyCode = Annotated[str, PathParameter(max_length=60)]


class PublicPages(Controller):
    """`/{city}/`: what the city publishes, for anybody."""

    path = "/"

    @get(summary="城市首页")
    async def home(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Say what this is and how things stand: grades, publications, rules, log."""
        today = state.clock.today()
        rules = rules_on(state, city, today)
        async with state.db.city(city) as conn:
            found = await city_home(conn, today)
        # A ladder may have changed since: grades it has no more stay in force until they expire.
        others = sorted(found.in_force.keys() - {*rules.grader.ladder.grades, "unrated"})
        grades = [*rules.grader.ladder.grades, *others, "unrated"]
        return unless_known(
            request,
            render(
                request,
                "grades/public_home.html",
                home=found,
                grades=grades,
                publications=found.history[: -PUBLICATIONS_SHOWN - 1 : -1],
                distribution=drawing.distribution_picture(
                    {grade: found.in_force.get(grade, 0) for grade in grades}
                ),
                trend=_trend(found, rules),
                rules=rules,
                choices=_choices(rules),
            ),
        )

    @get("/enterprises", summary="公开的企业名单")
    async def register(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        q: SoughtText = "",
        grade: Grade = "",
        cursor: CodeCursor = None,
    ) -> Response[Any]:
        """List enterprises by code with the grade in force, filtered by text and grade."""
        today = state.clock.today()
        rules = rules_on(state, city, today)
        async with state.db.city(city) as conn:
            rows = await service.register(
                conn,
                today,
                cursor or "",
                query=q.strip() or None,
                grade=grade or None,
                limit=PAGE + 1,
            )
        return unless_known(
            request,
            render(
                request,
                "grades/public_enterprises.html",
                rows=rows[:PAGE],
                q=q,
                grade=grade,
                choices=_choices(rules),
                first=cursor is None,
                cursor=rows[PAGE - 1].code if len(rows) > PAGE else None,
                rules=rules,
            ),
        )

    @get("/enterprises/{code:str}", summary="一家企业的公开页")
    async def enterprise(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        code: AnyCode,
        valid_at: Day = "",
    ) -> Response[Any]:
        """Show an enterprise's grade on a day, how it came about, and how to check it."""
        wanted = code.strip().upper()
        if not is_code(wanted):
            raise NotFound(say("登记册里没有这家企业。统一社会信用代码是 18 位数字和大写字母。"))
        today = state.clock.today()
        on = parse_date(valid_at, "valid_at") if valid_at else today
        async with state.db.city(city) as conn:
            now = rules_on(state, city, today).grader
            found = await public_enterprise(conn, wanted, on, grader=now, today=today)
        published = found.standing.published
        rules = rules_on(state, city, published.valid_from if published else on)
        explained = found.explained
        return unless_known(
            request,
            render(
                request,
                "grades/public_enterprise.html",
                found=found,
                published=published,
                today=today,
                rules=rules,
                at="?" + urlencode({"valid_at": on.isoformat()}) if on != today else "",
                history=_history(found.scores, rules, today),
                steps=explained
                and drawing.steps_picture(explained, rules.grader.events, rules.grading),
                conditions=conditions_of(rules),
                steps_max=STEPS_LISTED_MAX,
                projects_max=PROJECTS_MAX,
                origin=state.logs.origin(city),
                vkey=state.logs.verifier(city).vkey,
                public_url=state.settings.public_url.rstrip("/"),
            ),
        )


def rules_on(state: State, city: str, day: date) -> Rules:
    """Return the rules of a city of ours on a day; NotFound for others, and where no pack is."""
    if city not in state.db.cities:
        raise NotFound(say("本服务没有代码为“%(city)s”的城市。", city=city))
    try:
        return pack_of_city(city).on(day)
    except PackInvalid as error:
        raise NotFound(
            say("这个城市还没有规则包，所以还没有等级可看。请联系当地物业行业协会。"),
            slug="no-pack",
        ) from error


def unless_known(request: Request[Any, Any, Any], response: Response[Any]) -> Response[Any]:
    """Answer 304 where a browser has this very page already (RFC 9110 §13.1.2).

    Only pages that are the same for everybody have a tag: whoever is signed in gets them whole.
    """
    if request.state.visitor is not None or response.headers["Cache-Control"] == "no-store":
        return response
    tag = entity_tag(response.content.encode())
    headers = {**response.headers, "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    response.headers["ETag"] = tag
    return response


def _choices(rules: Rules) -> list[tuple[str, str]]:
    return [*((one, one) for one in rules.grader.ladder.grades), ("unrated", drawing.UNRATED)]


def _history(scores: list[tuple[date, Decimal]], rules: Rules, today: date) -> Picture | None:
    if not scores:
        return None
    return drawing.history_picture(scores[-POINTS_MAX:], rules.grading, today)


def _trend(home: CityHome, rules: Rules) -> Picture | None:
    """Draw the share of rated enterprises with one of the two best grades, by publication."""
    best = rules.grader.ladder.grades[:2]
    points = []
    for one in home.history[-POINTS_MAX:]:
        rated = sum(count for grade, count in one.distribution.items() if grade != "unrated")
        good = sum(one.distribution.get(grade, 0) for grade in best)
        if rated:
            points.append((one.valid_from, (Decimal(100 * good) / rated).quantize(Decimal("0.1"))))
    if len(points) < 2:
        return None
    return draw_line(
        points, id_="trend", title=say("%(best)s 及以上企业占已评级企业的百分比", best=best[-1])
    )
