"""Grades over HTTP: the register, as-of queries, traces, and bid evaluators' batch queries."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, QueryParameter

from credit.access.views import Actor
from credit.grades import service
from credit.kit.errors import NotFound
from credit.kit.http import (
    City,
    CodeCursor,
    DayText,
    IdempotencyHeader,
    Limit,
    Line,
    Page,
    PartyCode,
    SearchText,
    entity_tag,
    idempotent,
    parse_date,
    parse_moment,
)
from credit.rules.trace import text

__all__ = ["EnterpriseController", "QueryController"]

BIDDERS_MAX = 500
Known = Annotated[
    str | None,
    QueryParameter(
        description="按时刻（RFC 3339）；也可以写日志大小（整数）",
        format="date-time",
        max_length=40,
    ),
]
# Contexts in which the seeds let credit be used (D003:L593, L601, L608, L658).
Purpose = Literal[
    "前期物业招标投标",
    "业主大会选聘",
    "政府采购",
    "评先评优",
    "行业评比",
    "项目招标",
    "公共服务购买",
    "示范评选",
]


class GradeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bid evaluator asks: for which purpose, about whom, as of which day."""

    purpose: Purpose
    tender_ref: Line
    bidders: Annotated[list[str], msgspec.Meta(min_length=1, max_length=BIDDERS_MAX)]
    at: (
        Annotated[str, msgspec.Meta(max_length=10, extra_json_schema={"extra": {"format": "date"}})]
        | None
    ) = None


class EnterpriseController(Controller):
    """The public register and what stands behind each grade."""

    path = "/enterprises"
    tags = ("grades",)

    @get(operation_id="listEnterprises", summary="公开登记册")
    async def register(
        self,
        state: State,
        city: City,
        q: SearchText = None,
        grade: SearchText = None,
        cursor: CodeCursor = None,
        limit: Limit = 50,
    ) -> Page:
        """List enterprises by code, with the grade in force today."""
        async with state.db.city(city) as conn:
            rows = await service.register(
                conn,
                state.clock.today(),
                cursor or "",
                query=q,
                grade=grade,
                limit=limit + 1,
            )
        items = [
            {
                "uscc": row.code,
                "name": row.name,
                "grade": row.grade,
                "score": None if row.score is None else text(row.score),
                "status": row.status or "unrated",
            }
            for row in rows[:limit]
        ]
        more = len(rows) > limit
        return Page(items, rows[limit - 1].code if more else None)

    @get(
        "/{uscc:str}/grade",
        operation_id="getGrade",
        summary="一家企业的等级（可指定日期和已知范围）",
    )
    async def grade(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        uscc: PartyCode,
        valid_at: DayText = None,
        known_at: Known = None,
    ) -> Response[Any]:
        """Return the grade in force on a day as known at a log size or moment."""
        content = None
        if valid_at is None and known_at is None:
            content = state.grade_cache.get(city, uscc, state.clock.today())
        if content is None:
            content = await _answer(state, city, uscc, valid_at, known_at)
        tag = entity_tag(content)
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(b"", status_code=304, headers=headers)
        return Response(content, media_type="application/json", headers=headers)

    @get("/{uscc:str}/grade/trace", operation_id="getGradeTrace", summary="等级的计算说明")
    async def trace(
        self,
        state: State,
        city: City,
        uscc: PartyCode,
        valid_at: DayText = None,
        known_at: Known = None,
    ) -> dict[str, Any]:
        """Return the tree behind the score: each point with its rule, clause and log index."""
        day = parse_date(valid_at, "valid_at") if valid_at else state.clock.today()
        async with state.db.city(city) as conn:
            size = await service.known_size(conn, _known(known_at))
            return await service.trace(conn, uscc, valid_at=day, size=size)


class QueryController(Controller):
    """Bid evaluators' questions, kept as records."""

    path = "/grade-queries"
    tags = ("grades",)

    @post(operation_id="postGradeQuery", summary="为评标查询一批企业的等级",
          opt={"scope": "grades:query"})  # fmt: skip
    async def query(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[GradeQuery],
        idempotency_key: IdempotencyHeader,
    ) -> Response[Any]:
        """Answer for every bidder in the order asked, sign the whole, keep question and answer."""
        actor: Actor = request.state.actor
        day = parse_date(data.at, "at") if data.at else state.clock.today()
        async with state.db.transaction(city) as conn:

            async def act() -> tuple[int, object]:
                answer = await service.answer_query(
                    conn,
                    state.clock,
                    actor,
                    service.Question(city, data.purpose, data.tender_ref, day, tuple(data.bidders)),
                    key=state.logs.answer_key(city),
                    origin=state.logs.origin(city),
                )
                return 201, answer

            return await idempotent(
                conn,
                state.clock,
                client=actor.person_id,
                key=idempotency_key,
                request=b"grade-queries" + msgspec.json.encode(data),
                act=act,
            )


async def _answer(
    state: State, city: str, uscc: str, valid_at: str | None, known_at: str | None
) -> bytes:
    day: date = parse_date(valid_at, "valid_at") if valid_at else state.clock.today()
    generation = state.grade_cache.generation(city)
    async with state.db.city(city) as conn:
        size = await service.known_size(conn, _known(known_at))
        found = await service.standings(conn, [uscc], valid_at=day, size=size)
    if uscc not in found:
        raise NotFound("登记册里没有这家企业。请核对统一社会信用代码。", slug="no-such-enterprise")
    content = msgspec.json.encode(service.standing_json(found[uscc], state.logs.origin(city)))
    published = found[uscc].published
    settled = published is None or published.index is not None
    if valid_at is None and known_at is None and settled:
        state.grade_cache.put(city, uscc, day, content, generation)
    return content


def _known(known_at: str | None) -> datetime | int | None:
    if known_at is None:
        return None
    return (
        int(known_at)
        if known_at.isdecimal() and len(known_at) < 16
        else parse_moment(known_at, "known_at")
    )
