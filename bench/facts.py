"""Facts in bulk: record bodies about a stage's enterprises and projects."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from bench.stage import Stage
from credit.kit.clock import SystemClock
from credit.kit.ids import new_id


def bodies(
    stage: Stage, count: int, first: date, last: date
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (record id, body) as the service would have signed them, in the order of days."""
    grader = stage.pack.on(last).grader
    where = {project["code"]: project for project in stage.maker.projects}
    headed = {project["manager"]: project for project in stage.maker.projects}
    now = SystemClock().now()
    for fact in stage.maker.events(grader.events, first, last, count):
        subject = fact.pop("subject")
        project = where.get(subject) or headed.get(subject)
        subjects = [{"scheme": "USCC", "id": project["enterprise"] if project else subject}]
        if project:
            subjects.append({"scheme": "PROJECT", "id": project["code"]})
            subjects.append({"scheme": "MANAGER", "id": project["manager"]})
        body = {**fact, "pack": stage.pack.head.id, "subjects": subjects, "evidence": []}
        yield str(new_id(now)), body
