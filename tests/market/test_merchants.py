from tests.bank import CITY


async def test_smoke(office):
    code = await office.proposed()
    print(code)
    page = await office.decide(code, "admit")
    print(page.status_code)
    for who, path in [
        ("street", f"/{CITY}/console/merchants"),
        ("street", f"/{CITY}/console/merchants/{code}"),
        ("street", f"/{CITY}/console/merchants/{code}/offers/new"),
        ("street", f"/{CITY}/console/offers"),
        ("clerk", f"/{CITY}/console/merchants/{code}/renewal"),
        ("shopkeeper", f"/{CITY}/till"),
        ("shopkeeper", f"/{CITY}/till/redemptions"),
        ("shopkeeper", f"/{CITY}/till/offers"),
        ("shopkeeper", f"/{CITY}/till/offers/new"),
        ("shopkeeper", f"/{CITY}/till/shop"),
        ("Li", f"/{CITY}/offers"),
    ]:
        b = await office.at(who)
        page = await b.get(path)
        print(path, page.status_code)
        assert page.status_code == 200, page.text
