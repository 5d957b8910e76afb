"""No page has a serious fault of accessibility, in light or in dark, on a desktop or a telephone."""

import re

import pytest

from credit.access.logic import SCOPES

pytestmark = pytest.mark.browser
LOOKERS = {
    "officer": "association_officer",
    "reviewer": "association_reviewer",
    "city_authority": "city_officer",
    "auditor": "auditor",
    "administrator": "administrator",
    "enterprise": "enterprise_user",
    "bidder": "bidder",
}
FILES = re.compile(
    r"\.(pdf|xlsx)$|\.json$|/answer/|/evidence/|/exports/\{|/export$|/template|/document|/oidc|/options|/payloads|/static"
)


def pages_of(app, shaped):
    """Yield (who looks, path) for every page that shows something to somebody."""
    for route in app.routes:
        template = route.path_format
        if not template.startswith(("/{city}", "/login")) or FILES.search(template):
            continue
        for handler in getattr(route, "route_handlers", []):
            if "GET" not in handler.http_methods:
                continue
            scope = handler.opt.get("scope")
            who = next(
                (name for name, role in LOOKERS.items() if not scope or scope in SCOPES[role]),
                None,
            )
            if scope and who is None:
                continue  # pages of residents and merchants: the bank's own test looks at them
            path = re.sub(r"\{(\w+)\}", lambda match: shaped.get(match[1], ""), template)
            if "//" not in path and not path.endswith("/"):
                yield (None if scope is None else who), path


@pytest.fixture
async def living(world):
    """The small city with a published grade, an evaluation, and facts decided and waiting."""
    from credit.evaluations import service as evaluations
    from credit.evaluations.views import Submission
    from credit.grades import service as grades

    await world.propose(
        world.draft(), world.draft(code="duty.charity", points="2"), world.draft(["officer"])
    )
    run = await world.publish_grades()
    marks = {"marks": {"A2-01": "1"}}
    async with world.db.transaction("150200") as conn:
        (state,) = await evaluations.submit(
            conn,
            world.clock,
            world.actors["officer"],
            world.pack,
            [Submission("A.2", "enterprise", "91150200MA0000000C", 2025, "150203", marks)],
        )
        event_id = await conn.fetchval("SELECT id FROM event ORDER BY id LIMIT 1")
        person_id = world.actors["reviewer"].person_id
        prefix = await conn.fetchval("SELECT prefix FROM api_client ORDER BY prefix LIMIT 1")
        asked = await grades.answer_query(
            conn,
            world.clock,
            world.actors["bidder"],
            grades.Question(
                "150200", "政府采购", "包采1号", world.clock.today(), ("91150200MA0000000C",)
            ),
            key=world.logs.answer_key("150200"),
            origin=world.logs.origin("150200"),
        )
    return {
        "city": "150200",
        "code": "91150200MA0000000C",
        "event_id": str(event_id),
        "run_id": str(run.id),
        "evaluation_id": state.id,
        "query_id": asked["id"],
        "index": "1",
        "sheet": "A.2",
        "person_id": person_id,
        "prefix": prefix,
    }


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="desktop"),
        pytest.param(
            {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"}, id="telephone-dark"
        ),
    ],
)
async def test_no_page_has_a_serious_fault(app, living, open_as, faults, options):
    lookers, found, wide = {}, [], []
    for who, path in pages_of(app, living):
        if who not in lookers:
            lookers[who] = await open_as(who, **options)
        page = lookers[who]
        answer = await page.goto(path)
        if answer.status != 200:
            continue
        found += await faults(page)
        width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if width > 0:
            wide.append(f"{path} is {width} px too wide")
    assert found + wide == []
