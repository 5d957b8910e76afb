"""The portal's first page for an owners' committee: its project, and who looks after it."""

from typing import Any

from litestar import Request, Response
from litestar.datastructures import State

from credit.access.views import Visitor
from credit.grades import service
from credit.grades.committees.service import ProjectFile, project_file
from credit.grades.pages import drawing
from credit.grades.service import Standing
from credit.grades.views import ScorePoint
from credit.kit.charts import Picture
from credit.kit.db import PORTAL_ROLE
from credit.kit.pages import render
from credit.kit.texts import marked
from credit.parties import service as parties
from credit.rules.loading import pack_of_city
from credit.terms import service as terms

__all__ = ["committee_home"]

FACTS_SHOWN_MAX = 100
# What the register calls a committee; the page translates it.
COMMITTEE_KINDS = (marked("业主委员会"), marked("物业管理委员会"))


async def committee_home(request: Request[Any, Any, Any], state: State, city: str) -> Response[str]:
    """Show a committee its project: facts, evaluations, and the grade of who manages it.

    All of it stands in the public register and the public log. The database shows a committee's
    session nothing else, and another project's page is nowhere asked for.
    """
    visitor: Visitor = request.state.visitor
    committee, today, pack = visitor.actor.party or "", state.clock.today(), pack_of_city(city)
    standing: Standing | None = None
    history: list[ScorePoint] = []
    async with state.db.bound(city, PORTAL_ROLE, party=committee) as conn:
        found = await parties.represented(conn, committee, today)
        due = await terms.open_of_party(conn, committee)
        file = await project_file(conn, pack, found.project, today)
        if found.enterprise:
            known = await service.standings(conn, [found.enterprise], valid_at=today, size=None)
            standing = known[found.enterprise]
            history = await service.score_history(conn, found.enterprise)
    rules = pack.on(today)
    scores = [(one.valid_from, one.score) for one in history if one.score is not None]
    return render(
        request,
        "grades/portal_committee.html",
        found=found,
        due=due,
        today=today,
        file=file,
        former=[one for one in file.managements if one.until is not None],
        facts_max=FACTS_SHOWN_MAX,
        published=standing.published if standing else None,
        standing=standing,
        history=drawing.history_picture(scores, rules.grading, today) if scores else None,
        groups=_groups(file),
        rules=rules,
    )


def _groups(file: ProjectFile) -> Picture | None:
    return drawing.groups_picture(file.shape) if file.shape and file.shape.groups else None
