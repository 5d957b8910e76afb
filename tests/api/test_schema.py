"""The OpenAPI document holds what the service does: every operation is fuzzed over HTTP."""

import os
import secrets
import socket
import subprocess
import sys

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS

# Litestar 2 leaves methods out of the Allow header of OPTIONS, so these cannot hold before its
# next version.
EXCLUDED = {"allow_header_conformance", "unsupported_method"}
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
    "announceActivity": "city_authority",
    "cancelActivity": "city_authority",
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


def test_every_operation_answers_as_the_document_says(world, server):
    schema = schemathesis.openapi.from_url(f"{server}/schema/openapi.json")
    checks = [check for check in CHECKS.get_all() if check.__name__ not in EXCLUDED]
    fuzzed = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        name = operation.definition.raw["operationId"]
        fuzz(operation, world.api_keys[ROLES.get(name, "officer")], checks)
        fuzzed += 1
    assert fuzzed >= 28


def fuzz(operation, key, checks):
    @settings(
        max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy())
    def run(case):
        if "city" in case.path_parameters:
            case.path_parameters["city"] = "150200"
        headers = {"Authorization": f"Bearer {key}"}
        if "Idempotency-Key" in case.headers:
            # A fuzzer repeats keys with other bodies, which is rightly refused with 422.
            headers["Idempotency-Key"] = secrets.token_hex(8)
        case.call_and_validate(headers=headers, checks=checks)

    run()
