"""Grades over HTTP: the register, as-of queries, traces, and bid evaluators' batch queries."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter

from credit.access.views import Actor
from credit.events.views import RecordId, Signature
from credit.grades import service
from credit.grades.queries.logic import BIDDERS_MAX
from credit.grades.views import (
    GradeAnswer,
    GradeRecord,
    GradeRecords,
    PublicationState,
    QueryAnswer,
    RegisterItem,
    RunState,
    TraceNode,
)
from credit.kit.db import BIDDER_ROLE, Connection
from credit.kit.errors import Conflict, NotFound
from credit.kit.http import (
    City,
    Code,
    CodeCursor,
    DayText,
    IdCursor,
    IdempotencyHeader,
    Limit,
    Line,
    Page,
    PartyCode,
    RecordKey,
    SearchText,
    entity_tag,
    idempotent,
    parse_date,
    parse_moment,
)
from credit.kit.texts import say
from credit.log.records import RECORDS_MAX, Record, Sig
from credit.rules.loading import pack_of_city
from credit.rules.trace import text

__all__ = ["EnterpriseController", "QueryController", "RunController"]

PUBLICATION_BYTES_MAX = RECORDS_MAX * 400  # an item takes some 260
Known = Annotated[
    str | None,
    QueryParameter(
        description="按时刻（RFC 3339）；也可以写日志大小（整数）",
        format="date-time",
        max_length=40,
    ),
]
# The document says `format: date`, which msgspec's own pattern could only approximate.
DayField = Annotated[
    str, msgspec.Meta(max_length=10, extra_json_schema={"extra": {"format": "date"}})
]


class GradeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bid evaluator asks: for which purpose, about whom, as of which day.

    The purpose is free text. The model text names the usual ones (D003:L593, L601, L608, L658):
    前期物业招标投标, 业主大会选聘, 政府采购, 评先评优, 项目招标.
    """

    purpose: Line
    tender_ref: Line
    bidders: Annotated[list[str], msgspec.Meta(min_length=1, max_length=BIDDERS_MAX)]
    at: DayField | None = None


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
    ) -> Page[RegisterItem]:
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
            RegisterItem(
                row.code,
                row.name,
                row.grade,
                None if row.score is None else text(row.score),
                "unrated" if row.grade is None else "graded",
            )
            for row in rows[:limit]
        ]
        more = len(rows) > limit
        return Page(items, rows[limit - 1].code if more else None)

    @get(
        "/{uscc:str}/grade",
        operation_id="getGrade",
        summary="一家企业的等级（可指定日期和已知范围）",
        responses={304: ResponseSpec(None, description="与 If-None-Match 给出的相同")},
    )
    async def grade(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        uscc: PartyCode,
        valid_at: DayText = None,
        known_at: Known = None,
    ) -> Response[GradeAnswer]:
        """Return the grade in force on a day as known at a log size or moment."""
        content = None
        if valid_at is None and known_at is None:
            content = state.grade_cache.get(city, (uscc, state.clock.today()))
        if content is None:
            content = await _answer(state, city, uscc, valid_at, known_at)
        tag = entity_tag(content)
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return _ready(b"", status_code=304, headers=headers)
        return _ready(content, media_type="application/json", headers=headers)

    @get("/{uscc:str}/grade/trace", operation_id="getGradeTrace", summary="等级的计算说明")
    async def trace(
        self,
        state: State,
        city: City,
        uscc: PartyCode,
        valid_at: DayText = None,
        known_at: Known = None,
    ) -> Response[TraceNode]:
        """Return the tree behind the score: each point with its rule, clause and log index.

        Bad facts that lapsed or were repaired since are shown no more: they keep their points
        only, and the digest in the log is that of the tree with them.
        """
        today = state.clock.today()
        day = parse_date(valid_at, "valid_at") if valid_at else today
        grader = pack_of_city(city).on(today).grader
        async with state.db.city(city) as conn:
            size = await service.known_size(conn, _known(known_at))
            tree = await service.public_trace(
                conn, uscc, valid_at=day, size=size, grader=grader, today=today
            )
        return _ready(tree, media_type="application/json")


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
    ) -> Response[QueryAnswer]:
        """Answer for every bidder in the order asked, sign the whole, keep question and answer."""
        actor: Actor = request.user
        day = parse_date(data.at, "at") if data.at else state.clock.today()

        async def act(conn: Connection) -> tuple[int, object]:
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
            state,
            city,
            client=actor.person_id,
            key=idempotency_key,
            request=b"grade-queries" + msgspec.json.encode(data),
            act=act,
            opens=lambda: state.db.bound(
                city, BIDDER_ROLE, party=actor.acts_for, person=actor.person_id
            ),
        )


class RunRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For which day a run is asked for; today when left out."""

    on: DayField | None = None


class GradeSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The publisher's signature over one enterprise's record, under the id the publisher chose."""

    uscc: Code
    id: RecordId
    sig: Signature


class Publication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signature for every enterprise of the run."""

    items: Annotated[list[GradeSignature], msgspec.Meta(min_length=1, max_length=RECORDS_MAX)]


class RunController(Controller):
    """Grade runs: asked for, computed in the background, published by the city's officer."""

    path = "/grade-runs"
    tags = ("grades",)

    @post(operation_id="postGradeRun", summary="提出一次评级（后台计算）", status_code=202,
          opt={"scope": "grades:run"})  # fmt: skip
    async def ask(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[RunRequest],
        idempotency_key: IdempotencyHeader,
    ) -> Response[RunState]:
        """Ask for a run; `GET /grade-runs/{id}` says when it is there."""
        actor: Actor = request.user
        day = parse_date(data.on, "on") if data.on else state.clock.today()

        async def act(conn: Connection) -> tuple[int, object]:
            return 202, await service.ask_for_run(conn, state.clock, actor, day)

        return await idempotent(
            state,
            city,
            client=actor.person_id,
            key=idempotency_key,
            request=b"grade-runs" + msgspec.json.encode(data),
            act=act,
        )

    @get(operation_id="listGradeRuns", summary="评级列表", opt={"scope": "events:read"})
    async def runs(
        self, state: State, city: City, cursor: IdCursor = None, limit: Limit = 50
    ) -> Page[RunState]:
        """List computed runs, oldest first."""
        async with state.db.city(city) as conn:
            rows = await service.runs_page(conn, UUID(cursor or "0" * 32), limit + 1)
        more = len(rows) > limit
        return Page(rows[:limit], UUID(rows[limit - 1].id).hex if more else None)

    @get("/{run_id:str}", operation_id="getGradeRun", summary="一次评级",
         opt={"scope": "events:read"})  # fmt: skip
    async def run(self, state: State, city: City, run_id: RecordKey) -> RunState:
        """Say where a run stands and how grades are distributed."""
        async with state.db.city(city) as conn:
            found: RunState = await service.run_state(conn, UUID(run_id))
        return found

    @get("/{run_id:str}/records", operation_id="getGradeRecords", summary="公布要签名的内容",
         opt={"scope": "grades:publish"})  # fmt: skip
    async def records(self, state: State, city: City, run_id: RecordKey) -> GradeRecords:
        """Return the record body of each enterprise that publishing would sign."""
        async with state.db.city(city) as conn:
            bodies = await service.prepare_publication(
                conn, state.clock, pack_of_city(city), UUID(run_id)
            )
        return GradeRecords("grade", [GradeRecord(*one) for one in bodies.items()])

    @post("/{run_id:str}/publication", operation_id="publishGrades", summary="公布一次评级",
          opt={"scope": "grades:publish"}, request_max_body_size=PUBLICATION_BYTES_MAX)  # fmt: skip
    async def publish(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        run_id: RecordKey,
        data: JSONBody[Publication],
        idempotency_key: IdempotencyHeader,
    ) -> Response[PublicationState]:
        """Publish a run with the publisher's own signature for every enterprise."""
        actor: Actor = request.user
        pack, wanted = pack_of_city(city), UUID(run_id)

        async def act(conn: Connection) -> tuple[int, object]:
            bodies = await service.prepare_publication(conn, state.clock, pack, wanted)
            records = {
                one.uscc: Record(
                    one.id,
                    "grade",
                    bodies.get(one.uscc, {}),
                    (Sig(one.sig.kid, one.sig.alg, one.sig.sig),),
                )
                for one in data.items
            }
            if len(records) != len(data.items):
                raise Conflict(say("同一家企业签了两次。请每家企业签一条。"), slug="signed-twice")
            await service.publish(conn, state.clock, actor, pack, wanted, records)
            return 201, PublicationState(run_id, "published", len(records))

        return await idempotent(
            state,
            city,
            client=actor.person_id,
            key=idempotency_key,
            request=run_id.encode() + msgspec.json.encode(data),
            act=act,
        )


def _ready(content: bytes, **response: Any) -> Response[Any]:
    """Answer with JSON that is written already."""
    return Response(content, **response)


async def _answer(
    state: State, city: str, uscc: str, valid_at: str | None, known_at: str | None
) -> bytes:
    day: date = parse_date(valid_at, "valid_at") if valid_at else state.clock.today()
    generation = state.grade_cache.generation(city)
    async with state.db.city(city) as conn:
        size = await service.known_size(conn, _known(known_at))
        found = await service.standings(conn, [uscc], valid_at=day, size=size)
    if uscc not in found:
        raise NotFound(
            say("登记册里没有这家企业。请核对统一社会信用代码。"), slug="no-such-enterprise"
        )
    content = msgspec.json.encode(service.standing_json(found[uscc], state.logs.origin(city)))
    published = found[uscc].published
    settled = published is None or published.index is not None
    if valid_at is None and known_at is None and settled:
        state.grade_cache.put(city, (uscc, day), content, generation)
    return content


def _known(known_at: str | None) -> datetime | int | None:
    if known_at is None:
        return None
    return (
        int(known_at)
        if known_at.isdecimal() and len(known_at) < 16
        else parse_moment(known_at, "known_at")
    )
