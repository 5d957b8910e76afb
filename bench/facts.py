"""Facts in bulk: records about a stage's enterprises and projects."""

from collections.abc import Iterator
from datetime import date
from itertools import islice

from bench.stage import CODE, Stage, analyze
from credit.kit.clock import SystemClock
from credit.kit.ids import new_id
from credit.kit.signing import ALGORITHM
from credit.log import service as log
from credit.log.records import Record, Sig

CHUNK = 5_000
# A signature's shape. What is measured with these records checks none.
BLANK = "A" * 86 + "=="


def records(stage: Stage, count: int, first: date, last: date) -> Iterator[Record]:
    """Yield records as the service would take them in, in the order of their days."""
    grader = stage.pack.on(last).grader
    where = {project["code"]: project for project in stage.maker.projects}
    headed = {project["manager"]: project for project in stage.maker.projects}
    sigs = tuple(Sig(stage.keys[name].kid, ALGORITHM, BLANK) for name in ("officer", "reviewer"))
    now = SystemClock().now()
    for fact in stage.maker.events(grader.events, first, last, count):
        subject = fact.pop("subject")
        project = where.get(subject) or headed.get(subject)
        subjects = [{"scheme": "USCC", "id": project["enterprise"] if project else subject}]
        if project:
            subjects.append({"scheme": "PROJECT", "id": project["code"]})
            subjects.append({"scheme": "MANAGER", "id": project["manager"]})
        body = {**fact, "pack": stage.pack.head.id, "subjects": subjects, "evidence": []}
        yield Record(str(new_id(now)), "credit-event", body, sigs)


async def enqueue(stage: Stage, wanted: Iterator[Record]) -> None:
    """Put records into intake, past the check of their signatures."""
    while chunk := list(islice(wanted, CHUNK)):
        async with stage.db.transaction(CODE) as conn:
            await log.enqueue(conn, chunk)
    await analyze(stage.url)
