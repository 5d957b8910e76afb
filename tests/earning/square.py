"""What people of the small bank do at an activity: announce it, scan its codes, close it."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from tests.bank import CITY, COMMUNITY

from credit.earning import service as earning
from credit.earning.activities import store
from credit.earning.activities.views import Attendance
from credit.earning.logic.activities import Draft, code_of, slot_of
from credit.earning.service import activities, attending, closing
from credit.earning.service.members import NewMember

BEGINS = datetime(2026, 7, 2, 1, 0, tzinfo=UTC)  # nine in the morning in China
ENDS = BEGINS + timedelta(hours=2)
SERVICE, SHOW = "service.volunteer", "activity.community"


class Square:
    """Where activities take place, of the bank's community unless said otherwise."""

    def __init__(self, bank):
        self.bank, self.db, self.clock, self.pack = bank, bank.db, bank.clock, bank.world.pack
        self.actors = bank.world.actors

    def at(self, moment):
        """Move the clock."""
        self.clock.now_value = moment

    def draft(self, **changed):
        values = {
            "title": "清洁家园", "division": COMMUNITY, "place": "3 号楼前", "rule": SERVICE,
            "campaign": self.bank.campaign.id, "planned": 20, "begins_at": BEGINS, "ends_at": ENDS,
        }  # fmt: skip
        return Draft(**values | changed)

    async def announce(self, by="clerk", organiser=None, **changed):
        """Announce an activity; returns its id."""
        async with self.db.transaction(CITY) as conn:
            made = await activities.announce(
                conn, self.clock, CITY, self.actors[by], self.pack, self.draft(**changed),
                self.actors[organiser].person_id if organiser else None,
            )  # fmt: skip
        return made.id

    async def code(self, activity, way="in"):
        """Return the code the organiser's screen shows now."""
        seconds = self.bank.rules.code_seconds
        async with self.db.city(CITY) as conn:
            secret = await store.secret(conn, activity)
        return code_of(secret, activity, way, slot_of(self.clock.now(), seconds))

    async def sign(self, name, code, activity=None):
        """Sign a resident in or out by a code."""
        async with self.db.transaction(CITY) as conn:
            member = await earning.own_member(conn, self.actors[name])
            return await attending.sign(conn, self.clock, CITY, self.pack, member, code, activity)

    async def attend(self, name, activity, came=BEGINS, left=ENDS):
        """Have a resident come, and leave unless `left` is None."""
        self.at(came)
        await self.sign(name, await self.code(activity), activity)
        if left is not None:
            self.at(left)
            await self.sign(name, await self.code(activity, "out"), activity)

    async def write_down(self, wallet, activity, came=BEGINS, left=ENDS, by="clerk"):
        """Write down by hand when somebody came and left."""
        written = Attendance(activity, wallet, came, left, None)
        async with self.db.transaction(CITY) as conn:
            await attending.write_down(conn, self.clock, CITY, self.actors[by], self.pack, written)

    async def close(self, activity, by="clerk", evidence=""):
        """Close an activity after its end."""
        self.at(max(self.clock.now(), ENDS + timedelta(minutes=1)))
        async with self.db.transaction(CITY) as conn:
            return await closing.close(
                conn, self.clock, CITY, self.actors[by], self.pack, activity, evidence=evidence
            )

    async def register(self, *names, kind="resident", division=COMMUNITY, by="clerk", **more):
        """Register members who sign in nowhere; returns their wallets."""
        people = [
            NewMember(name, kind, division, born_on=more.get("born_on", date(1970, 1, 1)))
            for name in names
        ]
        async with self.db.transaction(CITY) as conn:
            return await earning.register(
                conn, self.clock, self.bank.world.vault, self.actors[by], self.bank.rules, people
            )

    async def rows(self, activity):
        """Return an activity's participations, by member."""
        async with self.db.city(CITY) as conn:
            found = await conn.fetch("SELECT * FROM participation WHERE activity = $1", activity)
        return {row["member"]: row for row in found}

    async def decide(self, *ids, by="head"):
        """Approve participations; returns those it was done for."""
        async with self.db.transaction(CITY) as conn:
            return await earning.decide(
                conn, self.clock, self.actors[by], [UUID(str(one)) for one in ids], approve=True
            )


@pytest.fixture
def square(bank):
    """Activities of the small bank."""
    return Square(bank)
