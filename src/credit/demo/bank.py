"""The demo's points bank: a year of a community's activities, awards, merchants and redemptions."""

import itertools
import random  # noqa: TID251 - seeded: the same story every time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from credit.access.views import Actor
from credit.earning import service as earning
from credit.earning.activities.views import Way
from credit.earning.logic.activities import Draft
from credit.earning.service import activities, attending, closing
from credit.earning.service.members import NewMember
from credit.earning.views import Claim, MemberView
from credit.kit.blobs import BlobStore
from credit.kit.clock import FixedClock
from credit.kit.db import Database
from credit.kit.errors import Conflict
from credit.kit.hearing import Heard, Hearing
from credit.kit.ids import LAST_ID
from credit.logs import Logs
from credit.market.logic.hours import normalised
from credit.market.merchants.store import NewMerchant
from credit.market.offers.store import NewOffer
from credit.market.service import merchants, offers, redemptions, settlements
from credit.market.service.redemptions import Wish
from credit.market.service.shop import Shop
from credit.market.settlements import store as statements
from credit.market.views import Kind, MerchantView
from credit.points.logic.operations import Key, Lot, key_of, transfer
from credit.points.service import accounts
from credit.points.service.posting import Writer
from credit.points.service.sealing import EPOCH_MAX, Sealer
from credit.points.service.sweeping import expire_points
from credit.rules.pack import Pack

__all__ = ["BankDesk"]

MONTHS = 12
MEMBERS = 60
FUND = 6_000
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许"
GIVEN = ("建国", "秀英", "志强", "桂兰", "海燕", "文华", "小雨", "晓东", "玉梅", "永刚")
DEEDS = (
    ("楼道清洁志愿行动", "幸福社区 3 号院", 90),
    ("关爱独居老人", "幸福社区养老驿站", 120),
    ("垃圾分类宣传", "幸福社区广场", 60),
    ("除雪除冰志愿服务", "幸福社区主干道", 120),
)
Goods = tuple[Kind, str, int, int | None]
# The merchant whose key and user the demo has is open whenever somebody tries them.
ALL_DAY, DAYTIME = [["00:00", "24:00"]], [["07:00", "22:00"]]
SHOPS: Sequence[tuple[str, str, Sequence[Goods]]] = (
    ("演示便民超市", "retail", (("goods", "东北大米 5 斤", 20, 300), ("reduction", "购物抵扣", 30, None))),
    ("演示健康药房", "medicine", (("discount", "血压检测套餐八折", 5, None),)),
    ("演示社区食堂", "catering", (("goods", "老年套餐一份", 8, 500), ("discount", "早餐九折", 3, None))),
    ("演示羽毛球馆", "sports", (("discount", "平日场地半价", 12, None),)),
)  # fmt: skip
# What still waits for a decision.
NEW_SHOP = ("演示幸福书吧", "education")
NEW_OFFERS: Sequence[Goods] = (
    ("goods", "食用油 1 升", 15, 100),
    ("discount", "生鲜九折", 4, None),
)
OWN_POINTS = 500  # of the demo's resident, whatever else they earned and spent
LETTER = "诚信经营承诺书（演示）：明码标价，不拒收、不倒卖积分，接受社区和居民监督。商户：{}。\n"


class BankDesk:
    """Runs one city's bank by its services, with a clock of its own that goes through a year."""

    def __init__(
        self,
        db: Database,
        city: str,
        pack: Pack,
        *,
        logs: Logs,
        files: BlobStore,
        users: Mapping[str, Actor],
        today: date,
    ) -> None:
        self.db, self.city, self.pack, self.today = db, city, pack, today
        self.logs, self.files, self.users = logs, files, users
        self.begin = (today.replace(day=1) - timedelta(days=30 * MONTHS)).replace(day=1)
        self.clock = FixedClock(_noon(self.begin))
        self.random = random.Random(f"bank {city}")  # noqa: S311 - no secret
        self.writer = Writer(db, self.clock, city, lambda day: pack.on(day).points.grace_days)
        nothing = Heard[MerchantView](Hearing(()), "nothing", 1)
        self.shop = Shop(db, self.clock, city, self.writer, nothing)
        self.numbers = itertools.count(1)
        self.wallets: list[str] = []
        self.offers: list[tuple[str, int, int]] = []

    async def open(self) -> str:
        """Register members, fund a campaign, admit merchants; returns the wallet of the demo's resident."""
        await self._register()
        for shop in SHOPS:
            await self._admit(*shop)
        return self.wallets[0]

    async def tell(self) -> None:
        """Tell the year, and seal it."""
        try:
            day = self.begin + timedelta(days=3)
            while day <= self.today - timedelta(days=7):
                await self._week(day)
                day += timedelta(days=7)
            await self._leave_open()
            await self._seal()
        finally:
            await self.writer.close()

    async def _register(self) -> None:
        bank = self.pack.on(self.clock.today()).points
        vault, clerk, street = (
            self.logs.vault(self.city),
            self.users["community"],
            self.users["street"],
        )
        kinds = [one.code for one in bank.participants if not one.unit]
        units = [one.code for one in bank.participants if one.unit]
        self.community = clerk.division or ""
        people = [
            NewMember(
                f"{SURNAMES[n % 20]}{GIVEN[n // 2 % 10]}", kinds[n % len(kinds)], self.community,
                f"139{n:08d}", date(1950 + n % 50, 1 + n % 12, 1 + n % 28),
                self.users["resident"].person_id if n == 0 else None,
            )
            for n in range(MEMBERS)
        ]  # fmt: skip
        people += [
            NewMember(f"演示{n}号共建单位", units[0], self.community) for n in (1, 2) if units
        ]
        async with self.db.transaction(self.city) as conn:
            self.wallets = await earning.register(conn, self.clock, vault, clerk, bank, people)
            self.campaign = await earning.open_campaign(
                conn, self.clock, street, bank,
                title=f"{self.begin.year} 红色物业积分预算", division=street.division or "",
            )  # fmt: skip
        async with self.db.city(self.city) as conn:
            await earning.fund(
                conn, self.writer, street, self.campaign.id, FUND, key=self._key("fund"),
                reason="年度积分预算",
            )  # fmt: skip

    async def _admit(self, name: str, category: str, goods: Sequence[Goods]) -> None:
        """Propose a merchant with its letter, admit it, and open what it offers."""
        hours = DAYTIME if self.offers else ALL_DAY  # the first one is the demo's own
        code = await self._propose(name, category, hours)
        street = self.users["street"]
        async with self.db.transaction(self.city) as conn:
            await merchants.decide(conn, self.clock, street, code, "admit")
        for one in goods:
            number = await self._offer(code, one)
            async with self.db.transaction(self.city) as conn:
                await offers.decide(conn, self.clock, street, number, "open")
            self.offers.append((code, number, one[2]))

    async def _propose(self, name: str, category: str, hours: Sequence[Sequence[str]]) -> str:
        """Propose a merchant with its letter; returns its code."""
        clerk, bank = self.users["community"], self.pack.on(self.clock.today()).points
        if category not in {one.code for one in bank.merchant_categories}:
            category = bank.merchant_categories[0].code
        blob = await self.files.put(LETTER.format(name).encode(), "text/plain")
        new = NewMerchant(
            name, category, self.community, f"演示第一街道幸福路 {next(self.numbers)} 号", None,
            normalised([hours] * 7), bank.fen_per_point, self.begin,
            self.today + timedelta(days=365), b"", self.begin, offline=False,
        )  # fmt: skip
        async with self.db.transaction(self.city) as conn:
            digest = await merchants.keep_letter(conn, self.clock, clerk, blob)
            letter = replace(new, commitment_digest=digest)
            return await merchants.propose(conn, self.clock, clerk, bank, letter)

    async def _offer(self, code: str, goods: Goods) -> int:
        """Propose an offer of a merchant; returns its number."""
        kind, title, points, stock = goods
        reduces = kind == "reduction"
        offer = NewOffer(
            kind, title, "到店出示付款码，当场收取。", None if reduces else points,
            points if reduces else None, stock, None, None, self.clock.today(), None,
        )  # fmt: skip
        async with self.db.transaction(self.city) as conn:
            return await offers.propose(conn, self.clock, self.users["community"], code, offer)

    async def _week(self, monday: date) -> None:
        """Do an activity, write duties down, approve, and let people spend what they have."""
        self._go_to(monday)
        await self._activity(monday + timedelta(days=3))
        self._go_to(monday + timedelta(days=6))
        await self._duties(monday + timedelta(days=5))
        await earning.mature(self.db, self.clock, self.city, self.writer, self.pack)
        await expire_points(self.db, self.clock, self.city, self.writer)
        for _ in range(6):
            await self._redeem()
        if monday.day <= 7:
            await self._settle()

    async def _activity(self, day: date) -> None:
        title, place, minutes = DEEDS[next(self.numbers) % len(DEEDS)]
        rules = self.pack.on(day).points.earning
        rule = next(
            one for one in rules if one.activity and one.category in ("service", "activity")
        )
        begin = _noon(day) - timedelta(hours=3)
        end = begin + timedelta(minutes=minutes)
        clerk, who = self.users["community"], self.random.sample(self.wallets[:MEMBERS], 14)
        async with self.db.transaction(self.city) as conn:
            made = await activities.announce(
                conn, self.clock, self.city, clerk, self.pack,
                Draft(title, self.community, place, rule.code, self.campaign.id, 20, begin, end),
            )  # fmt: skip
        known = await self._members(who)
        moments: tuple[tuple[datetime, Way], ...] = ((begin, "in"), (end, "out"))
        for moment, way in moments:
            self.clock.now_value = moment
            async with self.db.transaction(self.city) as conn:
                shown = await attending.code_now(conn, self.clock, clerk, self.pack, made.id, way)
                for wallet in who:
                    if known[wallet].kind in rule.participants:
                        await attending.sign(
                            conn,
                            self.clock,
                            self.city,
                            self.pack,
                            known[wallet],
                            shown.code or "",
                            made.id,
                        )
        self.clock.now_value = end + timedelta(hours=2)
        async with self.db.transaction(self.city) as conn:
            closed = await closing.close(
                conn, self.clock, self.city, clerk, self.pack, made.id, evidence="签到表存社区"
            )
        await self._approve([one.id for one in closed.entered if one.id], closed.approved)

    async def _duties(self, day: date) -> None:
        """Write duties down that need no activity, from the sheet of the week."""
        rules = [one for one in self.pack.on(day).points.earning if not one.activity and one.usual]
        if not rules:
            return
        known = await self._members(self.random.sample(self.wallets, 8))
        claims = [
            Claim(key, rule.code, day, f"值班表 {day:%m-%d}", rule.usual)
            for key, member in known.items()
            for rule in rules[:1]
            if member.kind in rule.participants
        ]
        async with self.db.transaction(self.city) as conn:
            entered = await earning.enter(
                conn,
                self.clock,
                self.city,
                self.users["community"],
                self.pack,
                claims,
                source="entry",
            )
        await self._approve([one.id for one in entered if one.id], [])

    async def _approve(self, ids: list[UUID], free: list[UUID]) -> None:
        async with self.db.transaction(self.city) as conn:
            done = await earning.decide(
                conn, self.clock, self.users["community_head"], ids, approve=True
            )
        await earning.post_approved(
            self.db, self.clock, self.city, self.writer, self.pack, [*free, *done]
        )

    async def _redeem(
        self, offer: tuple[str, int, int] | None = None, who: str | None = None
    ) -> bool:
        """Let somebody use an offer at its merchant; False where they have too little."""
        merchant, number, points = offer or self.random.choice(self.offers)
        wallet = who or self.random.choice(self.wallets[:MEMBERS])
        bank, till = (
            self.pack.on(self.clock.today()).points,
            _till(self.users["merchant"], merchant),
        )
        async with self.db.city(self.city) as conn:
            account = (await earning.members_by_id(conn, [wallet]))[wallet].account
            code, _ = await accounts.make_code(conn, self.clock, account, seconds=bank.code_seconds)
        wish = Wish(code, points, f"小票 {next(self.numbers):05d}", number)
        try:
            held = await redemptions.authorize(self.shop, till, bank, wish, self._key("authorize"))
        except Conflict:
            return False
        await redemptions.capture(self.shop, till, int(held.id), None, self._key("capture"))
        if self.random.random() < 0.05:
            await redemptions.refund(self.shop, till, int(held.id), None, self._key("refund"))
        return True

    async def _settle(self) -> None:
        """Draw last month's statements, let merchants confirm them, and mark them as paid."""
        await settlements.draw_due(self.db, self.clock, self.city)
        async with self.db.city(self.city) as conn:
            drawn = await statements.page(conn, LAST_ID, "", "drawn", None, 100)
        for one in drawn:
            till = _till(self.users["merchant"], one.merchant)
            async with self.db.transaction(self.city) as conn:
                await settlements.confirm(conn, self.clock, till, one.id, one.digest)
            voucher = f"银行回单 {self.clock.today():%Y%m}-{one.merchant}"
            await settlements.pay(
                self.db, self.clock, self.city, self.writer, self.users["street"], one.id, voucher
            )

    async def _leave_open(self) -> None:
        """Leave something for everybody: an activity of today and one to come, awards to approve, a
        merchant and two offers to decide on, a statement to confirm; and points in the resident's wallet.
        """
        # It was announced in time and goes on all day, so that there is a code whenever somebody looks.
        self.clock.now_value = _noon(self.today - timedelta(days=3))
        begin = _noon(self.today) - timedelta(hours=12)
        await self._announce(
            "红色物业志愿服务日", "幸福社区各楼院", begin, timedelta(minutes=1_439)
        )
        self._go_to(self.today - timedelta(days=1))
        await self._leave_awards()
        await self._propose(*NEW_SHOP, DAYTIME)
        own = self.offers[0][0]
        for goods in NEW_OFFERS:
            await self._offer(own, goods)
        self._go_to(self.today)
        await earning.mature(self.db, self.clock, self.city, self.writer, self.pack)
        await self._give_points(self.wallets[0])
        for offer in self.offers[:2]:
            await self._redeem(offer, self.wallets[0])
        async with self.db.transaction(self.city) as conn:
            await settlements.draw(conn, self.clock, self.city, own, settlements.SYSTEM)

    async def _leave_awards(self) -> None:
        """Announce an activity, and enter awards that nobody has approved yet."""
        begin = _noon(self.today + timedelta(days=5))
        await self._announce("小区绿化养护日", "幸福社区中心花园", begin, timedelta(hours=2))
        clerk, bank = self.users["community"], self.pack.on(self.today).points
        async with self.db.transaction(self.city) as conn:
            duties = [one for one in bank.earning if not one.activity and one.usual]
            known = await earning.members_by_id(conn, self.wallets[1:9])
            claims = [
                Claim(key, duties[0].code, self.clock.today(), "值班表", duties[0].usual)
                for key, member in known.items()
                if duties and member.kind in duties[0].participants
            ]
            await earning.enter(
                conn, self.clock, self.city, clerk, self.pack, claims, source="entry"
            )

    async def _give_points(self, wallet: str) -> None:
        """Give somebody points that are good for a year, so that there is something to try."""
        async with self.db.city(self.city) as conn:
            account = (await earning.members_by_id(conn, [wallet]))[wallet].account
            source = (await accounts.accounts_named(conn, ["adjustment"]))["adjustment"].id
        lot = Lot(self.today + timedelta(days=365))
        await self.writer.post(
            transfer(
                self._key("own"), "adjust", source, account, OWN_POINTS, lot=lot,
                reason="演示用的积分",
            )
        )  # fmt: skip

    async def _announce(self, title: str, place: str, begin: datetime, lasts: timedelta) -> None:
        rule = next(one for one in self.pack.on(self.today).points.earning if one.activity)
        draft = Draft(
            title, self.community, place, rule.code, self.campaign.id, 30, begin, begin + lasts
        )
        async with self.db.transaction(self.city) as conn:
            await activities.announce(
                conn, self.clock, self.city, self.users["community"], self.pack, draft
            )

    async def _seal(self) -> None:
        """Seal what was posted, as the server does each minute."""
        logs, city = self.logs, self.city
        sealer = Sealer(self.db, self.clock, city, logs.book_key(city), logs.book_secret(city))
        while await sealer.seal() == EPOCH_MAX:
            pass

    async def _members(self, wallets: Sequence[str]) -> Mapping[str, MemberView]:
        async with self.db.city(self.city) as conn:
            return await earning.members_by_id(conn, wallets)

    def _key(self, purpose: str) -> Key:
        return key_of("demo", purpose, str(next(self.numbers)), b"")

    def _go_to(self, day: date) -> None:
        self.clock.now_value = max(self.clock.now_value, _noon(day))


def _noon(day: date) -> datetime:
    """Return noon in China of a day."""
    return datetime.combine(day, time(4, 0), UTC)


def _till(user: Actor, merchant: str) -> Actor:
    """Return who works at a merchant's till: the demo has a user of one alone."""
    return replace(user, party=merchant)
