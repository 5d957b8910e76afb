"""A bank that is open, what asks its interface and holds each answer against the document, and an
office that deals with merchants at browsers.
"""

import re
from datetime import date, timedelta

import pytest
from tests.api.conftest import client
from tests.bank import CITY, COMMUNITY, STREET, bank

__all__ = ["bank", "client"]

LETTER = ("承诺书.pdf", b"%PDF-1.7 signed", "application/pdf")
MERCHANTS = f"/{CITY}/console/merchants"


class Office:
    """People at browsers: a community's clerk, a street's officer, one of the city, a shopkeeper."""

    def __init__(self, bank, browse):
        self.bank, self.world, self.browse, self.browsers = bank, bank.world, browse, {}

    async def at(self, name):
        """The browser of somebody, signed in once."""
        if name not in self.browsers:
            self.browsers[name] = await self.browse(name)
        return self.browsers[name]

    def fields(self, **changed):
        """The form of a new merchant, filled in."""
        today = self.bank.clock.today()
        week = {f"hours[{day}]": "00:00-24:00" for day in range(7)}
        return {
            "name": "红旗超市", "category": "retail", "division": COMMUNITY, "address": "钢铁大街 1 号",
            "fen_per_point": "0.8", "contract_from": today.isoformat(),
            "contract_until": (today + timedelta(days=365)).isoformat(),
            "commitment_on": today.isoformat(), **week, **changed,
        }  # fmt: skip

    async def propose(self, by="clerk", letter=LETTER, **changed):
        """Propose a merchant by its form."""
        files = {"letter": letter} if letter else None
        browser = await self.at(by)
        return await browser.post(f"{MERCHANTS}/new", data=self.fields(**changed), files=files)

    async def proposed(self, by="clerk", **changed):
        """Propose a merchant; returns its code."""
        page = await self.propose(by, **changed)
        assert page.status_code == 200, page.text
        return re.search(r"SH-\d+", page.url.path)[0]

    async def decide(self, code, act, by="street", reason=""):
        """Decide about a merchant by its form."""
        browser = await self.at(by)
        return await browser.post(
            f"{MERCHANTS}/{code}/decision", data={"act": act, "reason": reason}
        )

    async def admitted(self, **changed):
        """A merchant that was admitted; returns its code."""
        code = await self.proposed(**changed)
        page = await self.decide(code, "admit")
        assert page.status_code == 200, page.text
        return code

    async def row(self, code):
        """A merchant as it is kept."""
        async with self.bank.db.city(CITY) as conn:
            return await conn.fetchrow("SELECT * FROM merchant WHERE code = $1", code)

    def day(self, days):
        """A day from today."""
        return self.bank.clock.today() + timedelta(days=days)


@pytest.fixture
async def office(bank, browse):
    """The bank's people at browsers; a second officer of the street and two of the city."""
    world = bank.world
    await world.hire("second", "street_officer", kind="street", division=STREET)
    await world.hire("district", "district_officer", kind="district_department", division="150203")
    await world.hire(
        "elsewhere", "street_officer", kind="street", division="150203002", organisation="二街道"
    )
    return Office(bank, browse)


def day_of(text):
    """A day as it is written."""
    return date.fromisoformat(text)
