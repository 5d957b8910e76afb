"""No page of the points bank has a serious fault of accessibility or is wider than a telephone."""

import re
from datetime import date, timedelta

import pytest
from tests.api.conftest import client
from tests.bank import CITY, MERCHANT, bank
from tests.earning.square import BEGINS, square
from tests.earning.test_import import deed, saved, upload
from tests.market.conftest import office
from tests.market.settling import buy, draw, give_back

from credit.earning import service as earning
from credit.market.service import webhooks

__all__ = ["bank", "client", "office", "square"]

pytestmark = pytest.mark.browser

# Who looks at what a scope opens; a street's officer sees whatever a community's does, and more.
LOOKERS = {"points": "street", "till": "shopkeeper", "wallet": "Li", None: None}
PUBLIC = ("/{city}/offers", "/{city}/points")
# What is no page: files, a receipt among them, and an address that only leads to where imports begin.
FILES = re.compile(
    r"\.(pdf|xlsx|json)$|/(export|letter|template|imports/participation|\{transfer\})$"
)
POST = "service.post"
EVENING = BEGINS - timedelta(hours=12)


async def enter(bank, name, evidence, day):
    """The clerk writes three hours of duty down; returns the participation's number."""
    return await bank.enter(name, POST, 180, evidence, day)


async def earned(bank):
    """One record that waits for approval, and one that is booked; returns that one's number."""
    await enter(bank, "Wang", "6 月值班表第 3 页", date(2026, 6, 28))
    done = await enter(bank, "Li", "6 月值班表第 2 页", date(2026, 6, 29))
    async with bank.db.transaction(CITY) as conn:
        await earning.decide(conn, bank.clock, bank.world.actors["head"], [done], approve=True)
    await earning.post_approved(bank.db, bank.clock, CITY, bank.writer, bank.world.pack, [done])
    return done


async def told(bank):
    """A webhook of the merchant's; returns its number."""
    async with bank.db.transaction(CITY) as conn:
        made, _ = await webhooks.register(
            conn, bank.clock, bank.world.vault, bank.world.actors["shopkeeper"],
            "https://pos.example.cn/credit/webhooks/of-the-shop",
        )  # fmt: skip
    return made.id


async def offered(bank):
    """An offer of each kind, one that waits for approval; returns an open one and that one."""
    await bank.add_offer("reduction", most=50)
    await bank.add_offer("discount", points=20)
    waits = await bank.add_offer(points=45, stock=3)
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE offer SET state = 'proposed' WHERE id = $1", waits)
    return await bank.add_offer(points=30, stock=5), waits


@pytest.fixture
async def busy(bank, square, office):
    """The bank on the morning of an activity, with something on every page.

    Returns what the names in a route's address stand for, for a beginning of the route each.
    """
    await bank.grant("Li", 500)
    offer, waits = await offered(bank)
    booked, webhook = await earned(bank), await told(bank)
    bought = await buy(bank, 60)
    await give_back(bank, bought, 10)
    settlement = await draw(bank)
    coming = await square.announce()
    past = await square.announce(
        title="楼道议事", begins_at=EVENING, ends_at=EVENING + timedelta(hours=2)
    )
    (child,) = await square.register("Zhao", born_on=date(2015, 5, 1))
    for name in ("Li", "Wang"):
        await square.attend(name, past, EVENING, EVENING + timedelta(hours=2))
    square.at(BEGINS)
    await square.sign("Li", await square.code(coming), coming)
    await office.proposed()
    preview = await upload(await office.at("clerk"), saved(bank, deed(bank, quantity=180)))
    held = await bank.authorize("Li", 20)
    return {
        "/{city}/console/activities/{activity_id}/code": {"activity_id": coming},
        "/{city}/console/activities": {"activity_id": past},
        "/{city}/console/imports": {"digest": preview.url.path.rpartition("/")[2]},
        "/{city}/console/members/{wallet}/participation": {
            "wallet": bank.wallets["Li"], "participation_id": booked,
        },
        "/{city}/console/members/{wallet}/closing": {"wallet": bank.wallets["Li"]},
        "/{city}/console/members": {"wallet": child},
        "/{city}/console/merchants": {"code": MERCHANT},
        "/{city}/console/offers": {"number": waits},
        "/{city}/console/points": {"campaign": bank.campaign.id},
        "/{city}/console/settlements": {"settlement": settlement.id},
        "/{city}/till/offers": {"number": offer},
        "/{city}/till/redemptions": {"number": held["id"]},
        "/{city}/till/statements": {"settlement": settlement.id},
        "/{city}/till/webhooks": {"webhook": webhook},
    }  # fmt: skip


def pages_of(app, shaped):
    """Yield (who looks, path) for every page of the bank."""
    for route in app.routes:
        template = route.path_format
        if FILES.search(template):
            continue
        for handler in getattr(route, "route_handlers", []):
            scope = (handler.opt.get("scope") or "").partition(":")[0] or None
            if "GET" not in handler.http_methods or not template.startswith("/{city}"):
                continue
            if scope not in LOOKERS or (scope is None and template not in PUBLIC):
                continue
            values = next(
                (names for begins, names in shaped.items() if template.startswith(begins)), {}
            )
            yield LOOKERS[scope], path_of(template, values)


def path_of(template, values):
    """Fill an address in."""
    known = {"city": CITY, **values}
    return re.sub(r"\{(\w+)\}", lambda match: str(known[match[1]]), template)


TELEPHONE = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"}


async def walk(pages, open_as, faults, options):
    """Look at pages, each as somebody; returns what is wrong with them."""
    lookers, found = {}, []
    for who, path in pages:
        if who not in lookers:
            lookers[who] = await open_as(who, **options)
        page = lookers[who]
        answer = await page.goto(path)
        if answer.status != 200 or not page.url.endswith(path):
            found.append(f"{path} leads {who} to {page.url}, {answer.status}")
            continue
        found += await faults(page)
        width = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if width > 0:
            found.append(f"{path} is {width} px too wide")
    return found


@pytest.mark.parametrize(
    "options", [pytest.param({}, id="desktop"), pytest.param(TELEPHONE, id="telephone-dark")]
)
async def test_no_page_of_the_bank_has_a_serious_fault(app, busy, open_as, faults, options):
    pages = list(pages_of(app, busy))
    assert len(pages) > 40
    assert await walk(pages, open_as, faults, options) == []


async def test_what_a_bank_shows_before_anything_happened_has_none_either(
    app, bank, open_as, faults
):
    pages = [
        (LOOKERS[area], f"/{CITY}/{area}{place}")
        for area, places in (
            ("wallet", ("", "/activity", "/code", "/history", "/offers", "/records")),
            ("till", ("", "/offers", "/redemptions", "/shop", "/statements", "/webhooks")),
        )
        for place in places
    ]
    lists = ("activities", "approvals", "members", "merchants", "offers", "points", "settlements")
    pages += [("clerk", f"/{CITY}/console{place}") for place in ("", *(f"/{one}" for one in lists))]
    assert await walk(pages, open_as, faults, TELEPHONE) == []
