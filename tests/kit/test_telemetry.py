"""What the service writes to its log: JSON lines that hold nobody's secrets."""

import json
import subprocess
import sys

SERVICE = """
import logging, structlog
from credit.kit.telemetry import configure_logging

configure_logging("info")
logging.getLogger("some.library").warning("名字 %s", "乙")

def fail(key):
    raise ValueError("went wrong")

try:
    fail(key="ck_secret")
except ValueError as error:
    structlog.get_logger().error("unexpected", exc_info=error)
structlog.get_logger().debug("not asked for")
"""


def test_the_log_is_json_lines_with_places_and_without_anybody_s_values():
    done = subprocess.run([sys.executable, "-c", SERVICE], capture_output=True, check=True)
    library, failure = (json.loads(line) for line in done.stderr.decode().splitlines())
    assert (library["logger"], library["event"]) == ("some.library", "名字 乙")
    assert "went wrong" in str(failure["exception"])
    assert "'fail'" in str(failure["exception"])
    assert "ck_secret" not in str(failure)
