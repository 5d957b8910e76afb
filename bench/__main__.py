"""Run the measurements: all, or those named (`python -m bench intake log`)."""

import asyncio
import sys

import uvloop

from bench import contracts, grades, http, intake, log, pages, points, terms, till
from bench.report import Line, show
from bench.stage import stage

PARTS = {
    "intake": (intake.measure, 400, 400),
    "log": (log.measure, 400, 400),
    "http": (http.measure, 400, 400),
    "terms": (terms.measure, 400, 400),
    "contracts": (contracts.measure, 400, 400),
    "points": (points.measure, 10, 10),
    "till": (till.measure, 10, 10),
    "grades": (grades.measure, 5_000, 5_000),
    "pages": (pages.measure, 5_000, 400),
}


async def main(names: list[str]) -> bool:
    """Measure and print; True when every bar is met."""
    lines: list[Line] = []
    for name in names or list(PARTS):
        measure, enterprises, projects = PARTS[name]
        async with stage(enterprises, projects) as built:
            lines += await measure(built)
    show(lines)
    return all(line.ok for line in lines)


if __name__ == "__main__":
    # The loop the server runs on.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(0 if runner.run(main(sys.argv[1:])) else 1)
