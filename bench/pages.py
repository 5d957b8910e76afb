"""Every page of console, portal and public site: server CPU, statements, bytes."""

import asyncio
import gc
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg
from litestar import Litestar

from bench.report import Line
from bench.stage import CODE, Stage, analyze, stop
from credit.access import service as access
from credit.access.logic import SCOPES
from credit.app import create_app
from credit.demo.load import load_demo
from credit.evaluations import service as evaluations
from credit.evaluations.views import Submission
from credit.grades import service as grades
from credit.kit.clock import FixedClock, SystemClock
from credit.kit.embedded import database_url
from credit.log.service import sign_records
from credit.settings import Settings

FACTS = 20_000
EVALUATED = 300
ROUNDS = 40
WARM_UP = 3
CPU_MS_MAX = 60
STATEMENTS_MAX = 12
BYTES_MAX = 100_000
FIRST_ID = "01900000-0000-7000-8000-000000000000"  # of the records of an act
# Who looks at pages that several roles may open: the one who does so all day.
VISITORS = {
    "officer": "association_officer",
    "reviewer": "association_reviewer",
    "city_authority": "city_officer",
    "district": "district_officer",
    "bidder": "bidder",
    "auditor": "auditor",
    "administrator": "administrator",
    "enterprise": "enterprise_user",
    "community": "community_officer",
    "merchant": "merchant_user",
    "resident": "resident",
}
# Who have a shop or a wallet, which only the demo's city has.
IN_THE_BANK = ("merchant", "resident")
Opened = tuple[float, int, int]  # p95 of CPU in ms, statements, bytes without pictures
# Things of the enterprise with a user, and what stands for other parameters of paths.
EXAMPLES = """
WITH own AS (
    SELECT o.party AS code FROM person p JOIN organisation o ON o.id = p.organisation_id
    WHERE p.username = 'enterprise')
SELECT own.code,
    (SELECT id FROM event WHERE enterprise = own.code ORDER BY id DESC LIMIT 1) AS event_id,
    (SELECT id FROM grade_run ORDER BY proposed_at DESC LIMIT 1) AS run_id,
    (SELECT id FROM evaluation LIMIT 1) AS evaluation_id,
    (SELECT id FROM contract WHERE enterprise = own.code AND state = 'in-force'
        ORDER BY id LIMIT 1) AS contract_id,
    (SELECT id FROM duty WHERE enterprise = own.code AND state = 'open' ORDER BY id LIMIT 1)
        AS duty_id,
    (SELECT id FROM repair WHERE enterprise = own.code ORDER BY id LIMIT 1) AS repair_id,
    (SELECT id FROM event_suggestion ORDER BY id LIMIT 1) AS suggestion_id,
    (SELECT id FROM list_entry WHERE enterprise = own.code ORDER BY id LIMIT 1) AS entry_id,
    (SELECT id FROM board ORDER BY created_at LIMIT 1) AS board_id,
    '10' AS index, 'A.2' AS sheet, 'events' AS kind,
    (SELECT id FROM person WHERE username = 'officer') AS person_id,
    (SELECT id FROM activity ORDER BY id DESC LIMIT 1) AS activity_id,
    (SELECT id FROM campaign ORDER BY id LIMIT 1) AS campaign,
    m.id AS wallet,
    (SELECT id FROM participation WHERE member = m.id ORDER BY id LIMIT 1) AS participation_id,
    'SH-0001' AS merchant,
    (SELECT id FROM offer WHERE merchant = 'SH-0001' ORDER BY id LIMIT 1) AS number,
    (SELECT max(h.id) FROM point_hold h JOIN point_account a ON a.id = h.beneficiary
        WHERE a.code = 'merchant:SH-0001') AS redemption,
    (SELECT id FROM settlement WHERE merchant = 'SH-0001' ORDER BY id LIMIT 1) AS settlement
FROM own, member m JOIN person p ON p.id = m.person_id WHERE p.username = 'resident'
"""
# The same word stands for different things where a path belongs to merchants.
MEANT = (
    ("/merchants/{code}", "/merchants/{merchant}"),
    ("/redemptions/{number}", "/redemptions/{redemption}"),
)
# Files are no pages, and neither is what scripts fetch.
NOT_SHOWN = re.compile(
    r"\.(pdf|json|xlsx)$|/evidence/|/exports/|/export$|/receipts/|/template|passkey|oidc|/static"
)


async def measure(stage: Stage) -> list[Line]:
    """Open each page many times in the process itself, where its CPU can be told apart: of a large
    city, and of the demo's, where every matter stands at every step.
    """
    await _fill(stage)
    app = create_app(stage.settings, stage.url, background=False)
    async with app.lifespan():
        tokens = await _sign_in(app, stage)
        found, fetched = await _open_all(app, tokens, await _shaped(app, stage))
    signing = {name: one for name, one in found.items() if name.endswith("/publication")}
    lines = [*_lines(found), *_slowest(found), *_slowest(signing), *_slowest(fetched)]
    shown = await _open_demo()
    return [*lines, *_lines(shown, "in the demo's city: "), *_slowest(shown)]


async def _open_demo() -> dict[str, Opened]:
    """Load the demo and open every page as the user whose work it is."""
    with tempfile.TemporaryDirectory(prefix="credit-bench-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        settings = Settings(data_dir=Path(folder), database_url=None)
        url = await asyncio.to_thread(database_url, settings)
        try:
            await load_demo(settings, url, lambda _: nullcontext(lambda *_: None))
            await analyze(url)
            app = create_app(settings, url, background=False)
            async with app.lifespan():
                async with app.state.db.transaction(CODE) as conn:
                    tokens = {}
                    for who in VISITORS:
                        person = await access.actor_named(conn, who)
                        tokens[who] = await access.begin_session(
                            conn, app.state.clock, person.person_id, "bench"
                        )
                    shaped = {"city": CODE, **dict(await conn.fetchrow(EXAMPLES))}
                found, _ = await _open_all(app, tokens, {k: str(v) for k, v in shaped.items()})
        finally:
            await asyncio.to_thread(stop, Path(folder))
    return found


async def _open_all(
    app: Litestar, tokens: dict[str, str], shaped: dict[str, str]
) -> tuple[dict[str, Opened], dict[str, Opened]]:
    """Open every page; returns what each took, and apart from them what scripts fetch to sign."""
    gc.freeze()  # as the server does at its start; here the whole world stands in memory besides
    found: dict[str, Opened] = {}
    fetched: dict[str, Opened] = {}
    for template, handler in _pages(app):
        who = _visitor(handler.opt.get("scope"))
        if who in IN_THE_BANK and who not in tokens:
            continue
        path = template
        for word, meant in MEANT:
            path = path.replace(word, meant)
        path = re.sub(r"\{(\w+)\}", lambda match: shaped.get(match[1], ""), path)
        cookie = f"credit_session={CODE}.{tokens[who]}" if who else ""
        # What a script fetches to sign is no page to read: it is told apart, without a bar.
        fetches = template.endswith("/payloads")
        one = await _measure(app, f"{path}?first={FIRST_ID}" if fetches else path, cookie)
        if one is not None:
            (fetched if fetches else found)[template] = one
    return found, fetched


def _lines(found: dict[str, Opened], where: str = "") -> Iterator[Line]:
    for what, place, bar, shown in (
        ("server CPU of a page, p95", 0, CPU_MS_MAX, "{:.1f} ms"),
        ("statements of a page", 1, STATEMENTS_MAX, "{:.0f}"),
        ("bytes of a page, pictures apart", 2, BYTES_MAX, "{:,.0f}"),
    ):
        template, values = max(found.items(), key=lambda item: item[1][place])
        median = statistics.median(one[place] for one in found.values())
        yield Line(
            f"{where}{what}",
            shown.format(values[place]),
            "",
            None,
            "≤ " + shown.format(bar),
            ok=values[place] <= bar,
            note=f"the worst of {len(found)} pages: {template}; median {shown.format(median)}",
        )


def _slowest(found: dict[str, Opened]) -> Iterator[Line]:
    for template, (cpu, statements, size) in sorted(
        found.items(), key=lambda item: item[1][0], reverse=True
    )[:6]:
        note = f"{statements} statements, {size:,} bytes"
        yield Line(f"… {template}", f"{cpu:.1f} ms", "", None, "", ok=True, note=note)


def _pages(app: Litestar) -> Iterator[tuple[str, Any]]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            named = route.path_format.startswith(("/{city}", "/login"))
            if named and "GET" in handler.http_methods and not NOT_SHOWN.search(route.path_format):
                yield route.path_format, handler


def _visitor(scope: str | None) -> str | None:
    if scope is None:
        return None
    return next(who for who, role in VISITORS.items() if not scope or scope in SCOPES[role])


async def _measure(app: Litestar, path: str, cookie: str) -> Opened | None:
    """Return (p95 of CPU in ms, statements, bytes without pictures); None for what is no page."""
    times: list[float] = []
    statements: list[str] = []
    for attempt in range(WARM_UP + ROUNDS):
        if attempt == WARM_UP:
            _watch(app.state.db.pool, statements)
        begin = time.process_time()
        status, content = await _get(app, path, cookie)
        times.append((time.process_time() - begin) * 1000)
        if attempt == WARM_UP:
            _watch(app.state.db.pool, None)
        assert status < 500, path
        if status != 200:
            return None
    pictures = re.compile(rb"<svg.*?</svg>", re.DOTALL)
    counted = [one for one in statements if not one.startswith(("BEGIN", "COMMIT", "ROLLBACK"))]
    p95 = statistics.quantiles(times[WARM_UP:], n=20)[-1]
    return p95, len(counted), len(pictures.sub(b"", content))


def _watch(pool: asyncpg.Pool, statements: list[str] | None) -> None:
    """Have every connection of the pool tell its statements; with None, no more."""
    for holder in pool._holders:
        conn = holder._con
        if conn is None:
            continue
        if statements is None:
            conn._query_loggers.clear()
        else:
            conn.add_query_logger(lambda record: statements.append(record.query.strip()))


async def _get(app: Litestar, path: str, cookie: str) -> tuple[int, bytes]:
    """Ask the application itself, without a network or a client's own work."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"cookie", cookie.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    status, parts = 0, []

    request = [{"type": "http.request", "body": b"", "more_body": False}]
    answered = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if request:
            return request.pop()
        await answered.wait()  # a client that stays until it has the whole answer
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        parts.append(message.get("body", b""))
        if message["type"] == "http.response.body" and not message.get("more_body"):
            answered.set()

    await app(scope, receive, send)  # type: ignore[arg-type]
    return status, b"".join(parts)


async def _sign_in(app: Litestar, stage: Stage) -> dict[str, str]:
    """Begin a session for somebody of each role."""
    tokens, clock, vault = {}, app.state.clock, stage.logs.vault(CODE)
    async with stage.db.transaction(CODE) as conn:
        firm = await access.add_organisation(
            conn, clock, kind="enterprise", name="演示企业", party=stage.maker.enterprises[0]
        )
        for who, role in VISITORS.items():
            if who in IN_THE_BANK:
                continue
            if who not in stage.actors:
                await access.add_person(
                    conn,
                    clock,
                    vault,
                    username=who,
                    name=who,
                    roles=[role],
                    organisation_id=firm if who == "enterprise" else None,
                )
            person = await access.actor_named(conn, who)
            tokens[who] = await access.begin_session(conn, clock, person.person_id, "bench")
    return tokens


async def _shaped(app: Litestar, stage: Stage) -> dict[str, str]:
    """Return what stands for a path's parameters: things that are there."""
    today = app.state.clock.today()
    async with stage.db.city(CODE) as conn:
        code = stage.maker.enterprises[0]
        event_id = await conn.fetchval("SELECT id FROM event WHERE enterprise = $1 LIMIT 1", code)
        run_id = await conn.fetchval("SELECT id FROM grade_run ORDER BY proposed_at DESC LIMIT 1")
        evaluation = await conn.fetchval("SELECT id FROM evaluation LIMIT 1")
    return {
        "city": CODE,
        "code": code,
        "event_id": str(event_id),
        "run_id": str(run_id),
        "evaluation_id": str(evaluation),
        "index": "10",
        "sheet": "A.2",
        "kind": "events",
        "year": str(today.year),
        "person_id": stage.actors["officer"].person_id,
        "kid": stage.keys["officer"].kid,
        "prefix": stage.clients["officer"].rpartition("_")[0],
    }


async def _fill(stage: Stage) -> None:
    """Two years of facts, bad ones through notice and decision, and two publications."""
    today = SystemClock().today()
    catalogue = stage.pack.on(today).grader.events
    facts = stage.maker.events(
        catalogue, date(today.year - 2, 1, 1), today - timedelta(days=3), FACTS
    )
    clock = FixedClock(SystemClock().now())
    desk = stage.desk(clock)
    for month, bodies in groupby(facts, key=lambda body: body["occurred_on"][:7]):
        clock.now_value = datetime.fromisoformat(f"{month}-28T12:00:00+00:00")
        clock.now_value = min(clock.now_value + timedelta(days=3), SystemClock().now())
        await desk.take(list(bodies))
    await stage.sequence()
    await analyze(stage.url)
    for on in (today - timedelta(days=200), today):
        async with stage.db.transaction(CODE) as conn:
            run = await grades.run(conn, SystemClock(), stage.actors["officer"], stage.pack, on)
            bodies = await grades.prepare_publication(conn, SystemClock(), stage.pack, run.id)
            key = stage.keys["city_authority"]
            records = sign_records(key, "grade", bodies, SystemClock())
            await grades.publish(
                conn,
                SystemClock(),
                stage.actors["city_authority"],
                stage.pack,
                run.id,
                records,
            )
        await stage.sequence()
    await _evaluate(stage, today)
    async with stage.db.transaction(CODE) as conn:  # one more run, which waits to be published
        await grades.run(conn, SystemClock(), stage.actors["officer"], stage.pack, today)
    await analyze(stage.url)


async def _evaluate(stage: Stage, today: date) -> None:
    """Begin last year's evaluations of some enterprises and leave them open."""
    sheet = stage.pack.on(today).sheets["A.2"]
    given = stage.maker.marks(sheet, 0.5, None)
    submissions = [
        Submission("A.2", "enterprise", code, today.year - 1, "150203", given)
        for code in stage.maker.enterprises[:EVALUATED]
    ]
    async with stage.db.transaction(CODE) as conn:
        await evaluations.submit(
            conn, SystemClock(), stage.actors["officer"], stage.pack, submissions
        )
