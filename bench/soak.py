"""Run the tests of faults, races and state machines over and over, each time in another order."""

import os
import subprocess
import sys
import time

PARTS = (
    "tests/faults", "tests/log", "tests/kit", "tests/events", "tests/grades", "tests/points", "tests/api",
)  # fmt: skip


def main(minutes: float) -> int:
    """Run rounds until the minutes are over; stop at the first that fails."""
    end = time.monotonic() + minutes * 60
    rounds = 0
    while time.monotonic() < end:
        rounds += 1
        print(f"round {rounds}", flush=True)
        # The book is killed more often here than the tests have time for.
        environment = {**os.environ, "CREDIT_KILL_ROUNDS": "200"}
        command = [sys.executable, "-m", "pytest", "-n", "2", "-x", *PARTS]
        code = subprocess.call(command, env=environment)
        if code:
            return code
    print(f"{rounds} rounds passed")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
