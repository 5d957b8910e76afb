"""The OpenAPI document holds what the service does: every operation is fuzzed over HTTP."""

import os
import secrets
import socket
import subprocess
import sys
from datetime import timedelta

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from tests.bank import CITY, COMMUNITY, MERCHANT

from credit.kit.clock import SystemClock, rfc3339
from credit.market.service import settlements
from credit.points.service.sealing import Sealer

# Litestar 2 leaves methods out of the Allow header of OPTIONS, so these cannot hold before its
# next version.
EXCLUDED = {"allow_header_conformance", "unsupported_method"}
BANK = {"market", "points"}
ROLES = {
    "postGradeQuery": "bidder",
    "decideEvent": "reviewer",
    "getEvaluationRecord": "reviewer",
    "closeEvaluation": "reviewer",
    "getGradeRecords": "city_authority",
    "publishGrades": "city_authority",
    "answerNotice": "enterprise",
    "getOwnCourse": "enterprise",
    "listOwnCourses": "enterprise",
    "hearEvent": "reviewer",
    "postRepair": "enterprise",
    "getCommitment": "enterprise",
    "getOwnRepair": "enterprise",
    "listOwnRepairs": "enterprise",
    "acceptRepair": "reviewer",
    "extendRepair": "reviewer",
    "getRepairRecord": "reviewer",
    "decideRepair": "reviewer",
    "hearListEntry": "reviewer",
    "decideListEntry": "reviewer",
    "reviewListEntry": "reviewer",
    "getListRecord": "city_authority",
    "publishListEntry": "city_authority",
    "getBoardRecord": "city_authority",
    "publishBoard": "city_authority",
    "listActivities": "clerk",
    "announceActivity": "city_authority",
    "getActivity": "clerk",
    "cancelActivity": "clerk",
    "enterAwards": "clerk",
    "listAwards": "head",
    "decideAwards": "head",
    "makeTransfers": "street",
    "getPointIndicators": "street",
    "getWallet": "Li",
    "getWalletHistory": "Li",
    "getWalletReceipt": "Li",
    "makeCode": "Li",
    "listOffers": "shopkeeper",
    "listOwnOffers": "shopkeeper",
    "proposeOffer": "shopkeeper",
    "actOnOffer": "shopkeeper",
    "restockOffer": "shopkeeper",
    "listSettlements": "shopkeeper",
    "getSettlement": "shopkeeper",
    "confirmSettlement": "shopkeeper",
    "disputeSettlement": "shopkeeper",
    "listWebhooks": "shopkeeper",
    "registerWebhook": "shopkeeper",
    "rotateWebhook": "shopkeeper",
    "replayWebhook": "shopkeeper",
    "deleteWebhook": "shopkeeper",
    "authorizeRedemption": "shopkeeper",
    "listRedemptions": "shopkeeper",
    "getRedemption": "shopkeeper",
    "getRedemptionReceipt": "shopkeeper",
    "captureRedemption": "shopkeeper",
    "voidRedemption": "shopkeeper",
    "refundRedemption": "shopkeeper",
}


@pytest.fixture
def server(world):
    """A server process over the world's database; yields its base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,  # noqa: TID251 - the child inherits ours
        "CREDIT_PORT": str(port),
        "CREDIT_LOG_LEVEL": "error",
        "CREDIT_DATA_DIR": str(world.settings.data_dir),
        "CREDIT_DATABASE_URL": world.db.url,
    }
    command = [sys.executable, "-m", "credit", "serve", "--no-background"]
    process = subprocess.Popen(command, env=environment)
    base = f"http://127.0.0.1:{port}"
    try:
        # Pauses of 0.5, 1, 2, 4, 8 and 16 seconds between the knocks leave a slow machine its time.
        with httpx.Client(transport=httpx.HTTPTransport(retries=7), timeout=30) as client:
            assert client.get(f"{base}/health/ready").status_code == 200
        yield base
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
async def open_bank(bank):
    """A bank in which something of everything happened, at the server's time; yields what the paths
    of its operations may name.
    """
    bank.clock.now_value = SystemClock().now()
    await bank.grant("Li", 1_000)
    held = [(await bank.authorize("Li", 10))["id"] for _ in range(4)]
    for one, act in ((held[1], "capture"), (held[2], "void")):
        await bank.send(f"/redemptions/{one}/{act}", {}, by="shopkeeper", status=200)
    made = await bank.send(
        "/webhooks", {"url": "https://8.8.8.8/hook"}, by="shopkeeper", status=201
    )
    when = (bank.clock.now_value + timedelta(days=days) for days in (2, 3))
    announced = {
        "title": "楼道清洁", "division": COMMUNITY, "place": "3 号院", "rule": "service.volunteer",
        "campaign": str(bank.campaign.id), "planned": 10, "begins_at": rfc3339(next(when)),
        "ends_at": rfc3339(next(when)),
    }  # fmt: skip
    activity = await bank.send("/activities", announced, by="clerk", status=201)
    async with bank.db.transaction(CITY) as conn:
        drawn = await settlements.draw(conn, bank.clock, CITY, MERCHANT, settlements.SYSTEM)
        (transfer,) = await conn.fetchrow("SELECT max(id)::text FROM point_transfer")
    sealer = Sealer(
        bank.db, bank.clock, CITY, bank.world.logs.book_key(CITY), bank.world.logs.book_secret(CITY)
    )
    assert await sealer.seal()
    await bank.world.sequence()
    await bank.writer.close()
    return {
        "wallet": [bank.wallets["Li"]],
        "transfer": [transfer],
        "redemption": held,
        "offer": [str(await bank.add_offer(points=5, stock=9)) for _ in range(2)],
        "settlement": [str(drawn.id)],
        "webhook": [made["webhook"]["id"]],
        "activity": [activity["id"]],
    }


def test_every_operation_answers_as_the_document_says(world, server):
    fuzzed = [
        fuzz(operation, world, {})
        for operation in operations_of(server)
        if not BANK.intersection(operation.tags)
    ]
    assert len(fuzzed) >= 28


def test_every_operation_of_the_bank_answers_as_the_document_says(world, open_bank, server):
    """By those who may, about what there is and what there is not."""
    fuzzed = [
        fuzz(operation, world, open_bank)
        for operation in operations_of(server)
        if BANK.intersection(operation.tags)
    ]
    assert len(fuzzed) >= 35


def operations_of(server):
    schema = schemathesis.openapi.from_url(f"{server}/schema/openapi.json")
    found = [result.ok() for result in schema.get_all_operations()]
    return sorted(found, key=lambda one: one.method == "delete")  # what is there stays to the end


def fuzz(operation, world, known):
    """Send what the document allows, and what it does not; paths name what is known in turns."""
    name = operation.definition.raw["operationId"]
    key = world.api_keys[ROLES.get(name, "officer")]
    checks = [check for check in CHECKS.get_all() if check.__name__ not in EXCLUDED]

    @settings(
        max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(), turn=st.integers(0, 4))
    def run(case, turn):
        if "city" in case.path_parameters:
            case.path_parameters["city"] = "150200"
        for place, values in known.items():
            if turn and place in case.path_parameters:
                case.path_parameters[place] = values[turn % len(values)]
        headers = {"Authorization": f"Bearer {key}"}
        if "Idempotency-Key" in case.headers:
            # A fuzzer repeats keys with other bodies, which is rightly refused with 422.
            headers["Idempotency-Key"] = secrets.token_hex(8)
        case.call_and_validate(headers=headers, checks=checks)

    run()
    return name
