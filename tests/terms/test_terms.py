"""What is due stands on the right desk, goes up a level when it is late, and decides nothing."""

from datetime import date, timedelta
from uuid import UUID

import asyncpg
import pytest
from tests.conftest import ENTERPRISE, OTHER

from credit.access.logic import SCOPES
from credit.access.views import Actor
from credit.kit.errors import Conflict
from credit.kit.ids import new_id
from credit.terms import service
from credit.terms.views import CONSOLE_PLACES, PORTAL_PLACES, TITLES, NewTerm

CITY = "150200"
DUE = date(2026, 9, 30)


def officer(role, division=None, *, bound=False):
    return Actor(f"P-{role}", (role,), division, SCOPES[role], bound=bound)


REVIEWER = officer("association_reviewer")
DISTRICT = officer("district_officer", "150203", bound=True)
ELSEWHERE = officer("district_officer", "150204", bound=True)
MAYOR = officer("city_officer")


@pytest.fixture
def desk(world):
    return Desk(world)


class Desk:
    """Terms of the small city, whose clock each test sets."""

    def __init__(self, world):
        self.world = world

    async def open(self, kind="decision", due=DUE, *, scope="events:decide", **more):
        matter = new_id(self.world.clock.now())
        more = {"about": ENTERPRISE} | more
        term = NewTerm("event", matter, kind, due, scope=scope, **more)
        async with self.world.db.transaction(CITY) as conn:
            await service.open_terms(conn, self.world.clock, [term])
        return matter

    async def of(self, actor, **more):
        async with self.world.db.city(CITY) as conn:
            return await service.open_of_office(conn, actor, **more)

    async def matters(self, actor):
        return {one.matter_id for one in await self.of(actor)}

    async def sweep_on(self, day):
        self.world.clock.now_value += day - self.world.clock.today()
        async with self.world.db.transaction(CITY) as conn:
            return await service.sweep(conn, self.world.clock, 3)

    async def close(self, matter, *kinds):
        async with self.world.db.transaction(CITY) as conn:
            await service.close_terms(conn, self.world.clock, [matter], *kinds)


async def test_a_term_stands_on_the_desk_of_whoever_may_do_it_until_it_is_closed(desk):
    matter = await desk.open()
    assert await desk.matters(REVIEWER) == {matter}
    assert await desk.matters(officer("association_officer")) == set()
    (one,) = await desk.of(REVIEWER)
    assert (one.title, one.level_title) == ("作出认定决定", "经办单位")
    assert one.about_name
    await desk.close(matter, "hearing")
    assert await desk.matters(REVIEWER) == {matter}
    await desk.close(matter)
    assert await desk.matters(REVIEWER) == set()


async def test_the_same_is_asked_once_at_a_time_of_a_matter(desk):
    matter = await desk.open()
    again = NewTerm("event", matter, "decision", DUE, scope="events:decide")
    with pytest.raises(asyncpg.UniqueViolationError):
        async with desk.world.db.transaction(CITY) as conn:
            await service.open_terms(conn, desk.world.clock, [again])
    await desk.close(matter)
    async with desk.world.db.transaction(CITY) as conn:
        await service.open_terms(conn, desk.world.clock, [again])


async def test_what_is_late_comes_before_the_district_and_then_the_city(desk):
    matter = await desk.open()
    assert await desk.sweep_on(DUE) == 0  # its last day is not over
    assert await desk.sweep_on(DUE + timedelta(days=1)) == 1
    assert await desk.matters(DISTRICT) == {matter}
    assert await desk.matters(MAYOR) == set()
    assert await desk.sweep_on(DUE + timedelta(days=1)) == 0  # once a day at most
    later = DUE + timedelta(days=30)
    assert await desk.sweep_on(later) == 1
    assert await desk.matters(MAYOR) == {matter}
    assert await desk.matters(DISTRICT) == {matter}  # who is passed over still sees it
    assert await desk.matters(REVIEWER) == {matter}
    assert await desk.sweep_on(later + timedelta(days=90)) == 0  # nothing is above the city
    (one,) = await desk.of(MAYOR)
    assert (one.level, one.late(later), one.late(DUE)) == (2, True, False)


async def test_a_term_of_a_party_never_goes_up(desk):
    await desk.open("objection", scope=None, party=ENTERPRISE)
    assert await desk.sweep_on(DUE + timedelta(days=60)) == 0
    async with desk.world.db.city(CITY) as conn:
        (one,) = await service.open_of_party(conn, ENTERPRISE)
        assert one.title == "答复告知书"
        assert await service.open_of_party(conn, OTHER) == []


async def test_the_next_level_waits_working_days_of_the_city(desk):
    await desk.open(due=date(2026, 9, 17))  # a Thursday
    assert await desk.sweep_on(date(2026, 9, 18)) == 1
    # The third working day after Friday the 18th is Tuesday the 22nd: Sunday is worked that week.
    assert await desk.sweep_on(date(2026, 9, 21)) == 0
    assert await desk.sweep_on(date(2026, 9, 22)) == 1


async def test_an_extension_begins_again_at_the_office_itself(desk):
    matter = await desk.open()
    await desk.sweep_on(DUE + timedelta(days=1))
    async with desk.world.db.transaction(CITY) as conn:
        await service.extend_term(conn, matter, "decision", DUE + timedelta(days=40))
    assert await desk.matters(DISTRICT) == set()
    assert await desk.sweep_on(DUE + timedelta(days=30)) == 0
    for day in (DUE, DUE + timedelta(days=40)):
        with pytest.raises(Conflict) as refused:
            async with desk.world.db.transaction(CITY) as conn:
                await service.extend_term(conn, matter, "decision", day)
        assert refused.value.slug == "term-closed"


async def test_a_division_sees_what_concerns_its_enterprises(desk):
    await desk.world.widen()
    theirs = {
        await desk.open("hearing", scope="events:hear", about=about)
        for about in (ENTERPRISE, OTHER)
    }
    unplaced = await desk.open("hearing", scope="events:hear", about=None)
    assert await desk.matters(DISTRICT) == theirs
    assert await desk.matters(ELSEWHERE) == set()
    assert await desk.matters(officer("district_officer", None, bound=True)) == set()
    assert await desk.matters(REVIEWER) == theirs | {unplaced}
    street = officer("district_officer", "150203001", bound=True)
    assert await desk.matters(street) <= theirs
    assert await desk.matters(street)


async def test_pages_go_on_where_the_last_ended(desk):
    for day in range(7):
        await desk.open(due=DUE + timedelta(days=day // 2))
    seen, after = [], service.FIRST
    while page := await desk.of(REVIEWER, after=after, limit=3):
        seen += page
        after = (page[-1].due_on, page[-1].id)
    assert len({one.id for one in seen}) == len(seen) == 7
    assert [one.due_on for one in seen] == sorted(one.due_on for one in seen)


async def test_the_page_lists_terms_and_the_desk_the_first_of_them(desk, browse):
    late = await desk.open(due=desk.world.clock.today() - timedelta(days=4))
    await desk.open(due=desk.world.clock.today())
    reviewer = await browse("reviewer")
    for path in (f"/{CITY}/console", f"/{CITY}/console/terms"):
        page = await reviewer.get(path)
        assert page.status_code == 200
        assert "已超时" in page.text
        assert "今天到期" in page.text
        assert f"/{CITY}/console/events/{late}" in page.text
    beyond = await reviewer.get(f"/{CITY}/console/terms?cursor=2999-01-01_{UUID(int=1).hex}")
    assert "后面没有了" in beyond.text
    wrong = await reviewer.get(f"/{CITY}/console/terms?cursor=2026-02-31_{UUID(int=1).hex}")
    assert "已超时" in wrong.text
    officer_page = await (await browse("officer")).get(f"/{CITY}/console/terms")
    assert "没有等您办理的事" in officer_page.text


def test_every_matter_has_its_places_and_titles():
    matters = {matter for matter, _ in TITLES}
    assert matters == CONSOLE_PLACES.keys() == PORTAL_PLACES.keys()


async def test_a_party_finds_what_it_has_to_do_on_its_first_page(desk, browse):
    matter = await desk.open("objection", desk.world.clock.today(), scope=None, party=ENTERPRISE)
    page = await (await browse("enterprise")).get(f"/{CITY}/portal")
    assert "要办的事" in page.text
    assert f"/{CITY}/portal/facts/{matter}" in page.text
    assert "今天到期" in page.text
    assert "要办的事" not in (await (await browse("competitor")).get(f"/{CITY}/portal")).text


async def test_a_party_finds_many_things_of_one_kind_in_one_line(desk, browse):
    today = desk.world.clock.today()
    for days in (3, 1):
        await desk.open("objection", today + timedelta(days), scope=None, party=ENTERPRISE)
    page = await (await browse("enterprise")).get(f"/{CITY}/portal")
    assert page.text.count(f'href="/{CITY}/portal/facts">答复告知书') == 1
    assert f'2 件　<span class="nowrap">最早的到 {today + timedelta(1)}' in page.text
