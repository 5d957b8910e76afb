"""Run the tests of faults, races and state machines over and over, each time in another order.

In each pass the bank is struck 216 times, in seeded rounds under load: 72 times each PostgreSQL is killed
with `kill -9`, the service is, and the writer's connection is cut (several times a round).
"""

import os
import subprocess
import sys
import time

PARTS = (
    "tests/faults", "tests/log", "tests/kit", "tests/events", "tests/grades", "tests/points", "tests/api",
)  # fmt: skip


def main(minutes: float) -> int:
    """Run passes until the minutes are over, one at least; stop at the first that fails."""
    end = time.monotonic() + minutes * 60
    passes = 0
    while not passes or time.monotonic() < end:
        passes += 1
        print(f"pass {passes}", flush=True)
        # Four times as many rounds as the tests have time for.
        environment = {**os.environ, "CREDIT_KILL_ROUNDS": "216"}
        command = [sys.executable, "-m", "pytest", "-n", "2", "-x", *PARTS]
        code = subprocess.call(command, env=environment)
        if code:
            return code
    print(f"{passes} passes")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
