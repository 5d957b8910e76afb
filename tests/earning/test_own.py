"""One's own data from the points bank: where one was and when, and where points were spent."""

from datetime import timedelta
from io import BytesIO

from openpyxl import load_workbook
from tests.bank import CITY, MERCHANT
from tests.earning.square import BEGINS, ENDS, square

__all__ = ["square"]

OWN = f"/{CITY}/account/points"
HOUR = timedelta(hours=1)


async def test_where_one_was_is_in_the_file_with_the_times(bank, square, browse):
    signed, forgot = await square.announce(), await square.announce(title="反诈宣传", place="礼堂")
    await square.attend("Li", signed)
    await square.attend("Wang", signed, BEGINS + HOUR, None)
    square.at(ENDS + HOUR)
    await square.write_down(bank.wallets["Li"], forgot, BEGINS + HOUR, None)
    resident = await browse("Li")
    found = (await resident.get(f"{OWN}/data.json")).json()
    assert found["attendance"] == [
        {"activity": {"id": str(forgot), "title": "反诈宣传", "place": "礼堂"},
         "signed_in_at": "2026-07-02T02:00:00.000Z", "signed_out_at": None, "by_hand": True},
        {"activity": {"id": str(signed), "title": "清洁家园", "place": "3 号楼前"},
         "signed_in_at": "2026-07-02T01:00:00.000Z", "signed_out_at": "2026-07-02T03:00:00.000Z",
         "by_hand": False},
    ]  # fmt: skip
    book = load_workbook(BytesIO((await resident.get(f"{OWN}/data.xlsx")).content))
    rows = [row[:5] for row in book["活动签到"].values]
    assert rows[1:] == [
        ("反诈宣传", "礼堂", "2026-07-02 10:00", None, "是"),
        ("清洁家园", "3 号楼前", "2026-07-02 09:00", "2026-07-02 11:00", None),
    ]
    # Wang's file says of the same activity when Wang came, and of no other.
    other = (await (await browse("Wang")).get(f"{OWN}/data.json")).json()["attendance"]
    assert [(one["signed_in_at"], one["signed_out_at"]) for one in other] == [
        ("2026-07-02T02:00:00.000Z", None)
    ]


async def test_where_points_were_spent_is_in_the_file_of_merchants_that_closed_too(bank, browse):
    await bank.grant("Li", 100)
    await bank.grant("Wang", 100)
    offer = await bank.add_offer(points=30, stock=5)
    bought = await bank.authorize("Li", 30, offer=str(offer))
    path = f"/redemptions/{bought['id']}"
    await bank.send(f"{path}/capture", by="shopkeeper", status=200)
    await bank.send(f"{path}/refund", {"amount": 5}, by="shopkeeper", status=200)
    held = await bank.authorize("Li", 7)
    await bank.authorize("Wang", 9)
    async with bank.db.city(CITY) as conn:
        await conn.execute("UPDATE merchant SET state = 'closed' WHERE code = $1", MERCHANT)
        await conn.execute("UPDATE offer SET state = 'ended'")
    resident = await browse("Li")
    found = (await resident.get(f"{OWN}/data.json")).json()
    shop = {"code": MERCHANT, "name": "便民超市"}
    assert [
        {name: value for name, value in one.items() if name not in ("at", "until")}
        for one in found["spending"]
    ] == [
        {"id": held["id"], "merchant": shop, "offer": None, "held": 7, "captured": 0,
         "returned": 0, "refunded": 0},
        {"id": bought["id"], "merchant": shop, "offer": {"id": str(offer), "title": "一袋大米"},
         "held": 30, "captured": 30, "returned": 0, "refunded": 5},
    ]  # fmt: skip
    assert found["spending"][0]["at"] == "2026-06-30T04:00:00.000Z"
    book = load_workbook(BytesIO((await resident.get(f"{OWN}/data.xlsx")).content))
    rows = [row[:8] for row in book["积分使用"].values]
    assert rows[2] == ("2026-06-30 12:00", "便民超市", MERCHANT, "一袋大米", 30, 30, 0, 5)
