"""A small bank: a community with two officers, a street, residents with wallets, a merchant with a
till, a campaign with a budget; each with a machine's key.
"""

import itertools
import json
from datetime import UTC, date, datetime

import pytest

from credit.earning import service as earning
from credit.earning.service.members import NewMember
from credit.earning.views import Claim
from credit.kit.hearing import Heard, Hearing
from credit.market.service.shop import Shop
from credit.points.logic.operations import key_of
from credit.points.service.posting import Writers

CITY = "150200"
API = f"/api/v1/{CITY}"
COMMUNITY, STREET = "150203001001", "150203001"
MERCHANT = "SH-0001"
BUDGET = 10_000
ALL_DAY = [[["00:00", "24:00"]]] * 7
ADD_MERCHANT = """
INSERT INTO merchant (code, name, category, division, address, hours, fen_per_point, contract_from,
    contract_until, commitment_digest, commitment_on, offline, account, state, proposed_by, proposed_at,
    decided_by, decided_at)
VALUES ($1, $2, 'retail', $3, '友谊大街 1 号', $4, 100, '2026-01-01', '2026-12-31', $5, '2026-01-01', false, $6,
    'open', 'P-1', $7, 'P-2', $7)
"""
ADD_OFFER = """
INSERT INTO offer (merchant, kind, title, terms, points, points_max, stock, taken, per_person,
    per_person_days, valid_from, state, proposed_by, proposed_at, decided_by, decided_at)
VALUES ($1, $2, '一袋大米', '到店自取', $3, $4, $5, 0, $6, $7, '2026-01-01', 'open', 'P-1', $8, 'P-2', $8)
RETURNING id
"""


class Bank:
    """The bank of city 150200 and what its people do over the interface."""

    def __init__(self, world, client):
        self.world, self.client, self.db, self.clock = world, client, world.db, world.clock
        self.wallets, self.numbers = {}, itertools.count()
        self.writers = Writers(self.db, self.clock)
        self.writer = self.writers.of(CITY)

    @property
    def shop(self):
        """What a till's use cases work with, where nothing is kept ready."""
        kept = Heard(Hearing(()), "nothing", 1)
        return Shop(self.db, self.clock, CITY, self.writer, kept)

    @property
    def rules(self):
        return self.world.pack.on(self.clock.today()).points

    async def build(self):
        """Hire everybody, register two residents, open a campaign and fund it."""
        community = {"kind": "community", "division": COMMUNITY, "organisation": "一社区居委会"}
        for name in ("clerk", "head"):
            await self.world.hire(name, "community_officer", **community)
        await self.world.hire("street", "street_officer", kind="street", division=STREET)
        await self.world.hire("shopkeeper", "merchant_user", kind="merchant", party=MERCHANT)
        for name in ("Li", "Wang"):
            await self.world.hire(name, "resident")
        async with self.db.transaction(CITY) as conn:
            people = [
                NewMember(f"{name}居民", "resident", COMMUNITY, "13900000000", date(1980, 5, 1),
                    self.world.actors[name].person_id)
                for name in ("Li", "Wang")
            ]  # fmt: skip
            ids = await earning.register(
                conn, self.clock, self.world.vault, self.world.actors["clerk"], self.rules, people
            )
            self.wallets = dict(zip(("Li", "Wang"), ids, strict=True))
            self.campaign = await earning.open_campaign(
                conn, self.clock, self.world.actors["street"], self.rules,
                title="红色物业志愿服务", division=STREET,
            )  # fmt: skip
        await self.add_merchant(MERCHANT)
        async with self.db.city(CITY) as conn:
            funded = await earning.fund(
                conn, self.writer, self.world.actors["street"], self.campaign.id, BUDGET,
                key=key_of("test", "fund", "1", b""), reason="年度预算",
            )  # fmt: skip
        assert funded.outcome == "posted"
        return self

    async def add_merchant(self, code, name="便民超市", division=STREET):
        """Add a merchant that is open all day."""
        from credit.points.service import accounts
        from credit.points.views import NewAccount

        async with self.db.transaction(CITY) as conn:
            wanted = NewAccount(f"merchant:{code}", "merchant", code, division)
            number = (await accounts.open_accounts(conn, self.clock, [wanted]))[wanted.code]
            await conn.execute(
                ADD_MERCHANT,
                code,
                name,
                division,
                json.dumps(ALL_DAY),
                b"\0" * 32,
                number,
                self.clock.now(),
            )
        return number

    async def add_offer(
        self, kind="goods", points=None, *, most=None, stock=None, uses=None, days=None
    ):
        """Add an open offer of the merchant; returns its number."""
        async with self.db.city(CITY) as conn:
            return await conn.fetchval(
                ADD_OFFER, MERCHANT, kind, points, most, stock, uses, days, self.clock.now()
            )

    async def send(self, path, body=None, *, by, key=None, status=None):
        """Post to the interface as somebody, under a key of its own each time; returns the answer."""
        headers = {
            "Authorization": f"Bearer {self.world.api_keys[by]}",
            "Idempotency-Key": key or f"k-{next(self.numbers)}",
        }
        answer = await self.client.post(f"{API}{path}", json=body, headers=headers)
        if status is not None:
            assert answer.status_code == status, answer.text
            return answer.json()
        return answer

    async def look(self, path, *, by, status=200):
        """Get from the interface as somebody."""
        headers = {"Authorization": f"Bearer {self.world.api_keys[by]}"}
        answer = await self.client.get(f"{API}{path}", headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def grant(self, name, points):
        """Give a resident points at once, past earning."""
        from credit.points.logic import operations

        async with self.db.city(CITY) as conn:
            members = await earning.members_by_id(conn, [self.wallets[name]])
        made = operations.transfer(
            key_of("test", "grant", str(next(self.numbers)), b""), "award", self.campaign.account,
            members[self.wallets[name]].account, points,
        )  # fmt: skip
        assert (await self.writer.post(made)).outcome == "posted"

    async def enter(self, name, rule, quantity, evidence, day):
        """The clerk writes participation down; returns its number."""
        claim = Claim(self.wallets[name], rule, day, evidence, quantity=quantity)
        async with self.db.transaction(CITY) as conn:
            (entered,) = await earning.enter(
                conn, self.clock, CITY, self.world.actors["clerk"], self.world.pack, [claim],
                source="entry",
            )  # fmt: skip
        return entered.id

    async def code(self, name):
        """Make a code of a resident's wallet, past the rate at which people may ask for one."""
        from credit.points.service import accounts

        async with self.db.city(CITY) as conn:
            members = await earning.members_by_id(conn, [self.wallets[name]])
            account = members[self.wallets[name]].account
            made = await accounts.make_code(
                conn, self.clock, account, seconds=self.rules.code_seconds
            )
        return made[0]

    async def wallet(self, name):
        """Look into a resident's wallet."""
        return await self.look(f"/wallets/{self.wallets[name]}", by=name)

    async def authorize(self, name, amount, *, by="shopkeeper", status=201, **more):
        """Authorize a redemption by a fresh code of a resident."""
        key = more.pop("key", None)
        body = {"code": await self.code(name), "amount": amount, "reference": "小票 1", **more}
        return await self.send("/redemptions", body, by=by, key=key, status=status)

    def pass_to(self, year, month, day):
        """Move the clock to noon in China of a day."""
        self.clock.now_value = datetime(year, month, day, 4, 0, tzinfo=UTC)


@pytest.fixture
async def bank(world, client):
    """The bank, open."""
    made = await Bank(world, client).build()
    yield made
    await made.writers.close()
