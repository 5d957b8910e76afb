"""Many contracts at once cost no more statements than one."""

from credit.contracts.signing import conclude

CITY = "150200"
NAMES = ("enterprise", "committee", "owners")


async def statements(city, number):
    """Conclude contracts and count what the database is asked for it."""
    world, asked = city.world, []
    drafts = [await city.tri_party() for _ in range(number)]

    def signer(name):
        return world.actors[name], world.keys[name]

    async with city.db.transaction(CITY) as conn:
        with conn.query_logger(asked.append):
            ids = await conclude(
                conn, city.clock, city.pack, city.blobs, drafts,
                drafter=signer("officer"), signers=lambda _: [signer(name) for name in NAMES],
            )  # fmt: skip
    return ids, len(asked)


async def test_contracts_are_concluded_set_by_set(city):
    await statements(city, 1)  # after which the driver knows every type
    (one,), few = await statements(city, 1)
    ids, many = await statements(city, 20)
    assert many == few < 60
    assert len(set(ids)) == 20
    for contract in (one, ids[7]):
        assert await city.state(contract) == "in-force"
        assert len(await city.duties(contract)) == 9
    rows = await city.fetch(
        "SELECT count(*) FROM contract_step GROUP BY contract_id HAVING count(*) <> 6"
    )
    assert rows == []
