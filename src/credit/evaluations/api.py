"""Evaluations over HTTP: marks in, results out, and closing by a signed record."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from credit.access.views import Actor
from credit.evaluations import service
from credit.evaluations.views import (
    Closed,
    EvaluationRecord,
    EvaluationState,
    EvaluationStates,
    Submission,
)
from credit.events.views import RecordId, Signature
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.http import (
    CODE_PATTERN,
    City,
    Code,
    IdempotencyHeader,
    Paragraph,
    RecordKey,
    idempotent,
)
from credit.kit.texts import say
from credit.log.records import Record, Sig
from credit.rules.loading import pack_of_city

__all__ = ["EvaluationController"]

ROWS_MAX = 200
RowId = Annotated[str, Meta(pattern=CODE_PATTERN, max_length=60)]
Decimal = Annotated[str, Meta(pattern=r"^[0-9]{1,4}(\.[0-9]{1,4})?$(?!\n)", max_length=9)]
SheetName = Annotated[str, Meta(pattern=r"^[\w.]{1,40}$(?!\n)", max_length=40)]


class Negative(Struct, frozen=True, forbid_unknown_fields=True):
    """Points of a negative list: the row, how many, and why. Reasons stay out of the log."""

    row: RowId
    points: Decimal
    reason: Paragraph


class Survey(Struct, frozen=True, forbid_unknown_fields=True):
    """How many owners there are, and how many were asked."""

    owners_total: Annotated[int, Meta(ge=1, le=1_000_000)]
    sampled: Annotated[int, Meta(ge=0, le=1_000_000)]


class Marks(Struct, frozen=True, forbid_unknown_fields=True):
    """What is entered into a sheet, in the shape of `credit rules score`.

    The sheet itself refuses rows it does not have and values that are none (409), naming each.
    """

    marks: Annotated[dict[str, str], Meta(max_length=ROWS_MAX)] | UnsetType = UNSET
    findings: Annotated[dict[str, int | list[str]], Meta(max_length=ROWS_MAX)] | UnsetType = UNSET
    rates: Annotated[dict[str, str], Meta(max_length=ROWS_MAX)] | UnsetType = UNSET
    reasons: Annotated[dict[str, str], Meta(max_length=ROWS_MAX)] | UnsetType = UNSET
    negative: Annotated[list[Negative], Meta(max_length=ROWS_MAX)] | UnsetType = UNSET
    survey: Survey | UnsetType = UNSET
    variant: Literal["既有民用建筑", "老旧小区"] | UnsetType = UNSET


class MarksItem(Struct, frozen=True, forbid_unknown_fields=True):
    """Marks for one sheet, subject, year and judging division."""

    sheet: SheetName
    subject_kind: Literal["enterprise", "project", "street", "district"]
    subject: Code
    year: Annotated[int, Meta(ge=2000, le=2100)]
    division: Annotated[str, Meta(pattern=r"^[0-9]{6,12}$(?!\n)", max_length=12)]
    input: Marks


class MarksBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """Up to 500 evaluations, entered all or none."""

    items: Annotated[list[MarksItem], Meta(min_length=1, max_length=500)]


class Closing(Struct, frozen=True, forbid_unknown_fields=True):
    """The closer's signature over the record whose body `GET …/record` gave, under this id."""

    id: RecordId
    sig: Signature


class EvaluationController(Controller):
    """Marks for score sheets, their results, and the records that close them."""

    path = "/evaluations"
    tags = ("evaluations",)

    @post(
        operation_id="postMarks", summary="录入评分（全收或全不收）", opt={"scope": "marks:enter"}
    )
    async def enter(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[MarksBatch],
        idempotency_key: IdempotencyHeader,
    ) -> Response[EvaluationStates]:
        """Enter marks; rows given before and not now stay. Answers the engine's results."""
        actor: Actor = request.user
        submissions = [
            Submission(
                item.sheet,
                item.subject_kind,
                item.subject,
                item.year,
                item.division,
                msgspec.to_builtins(item.input),
            )
            for item in data.items
        ]

        async def act(conn: Connection) -> tuple[int, object]:
            states = await service.submit(conn, state.clock, actor, pack_of_city(city), submissions)
            return 201, EvaluationStates(states)

        return await idempotent(
            state,
            city,
            client=actor.person_id,
            key=idempotency_key,
            request=b"evaluations" + msgspec.json.encode(data),
            act=act,
        )

    @get("/{evaluation_id:str}", operation_id="getEvaluation", summary="一份评价的现状",
         opt={"scope": "events:read"})  # fmt: skip
    async def evaluation(
        self, state: State, city: City, evaluation_id: RecordKey
    ) -> EvaluationState:
        """Return an evaluation with its result as it stands now."""
        async with state.db.city(city) as conn:
            found = await service.evaluation_states(
                conn, state.clock, pack_of_city(city), [UUID(evaluation_id)]
            )
        if not found:
            raise NotFound(say("没有这个编号的评价。"))
        return found[0]

    @get("/{evaluation_id:str}/record", operation_id="getEvaluationRecord",
         summary="结束评价要签名的内容", opt={"scope": "evaluations:close"})  # fmt: skip
    async def record(self, state: State, city: City, evaluation_id: RecordKey) -> EvaluationRecord:
        """Return the record body that would close the evaluation now."""
        wanted = UUID(evaluation_id)
        async with state.db.city(city) as conn:
            bodies = await service.prepare_closings(conn, state.clock, pack_of_city(city), [wanted])
        return EvaluationRecord("evaluation", bodies[wanted])

    @post("/{evaluation_id:str}/closing", operation_id="closeEvaluation", summary="签名结束评价",
          opt={"scope": "evaluations:close"})  # fmt: skip
    async def close(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        evaluation_id: RecordKey,
        data: JSONBody[Closing],
        idempotency_key: IdempotencyHeader,
    ) -> Response[Closed]:
        """Close an evaluation with the closer's own signature; its record goes into the log."""
        actor: Actor = request.user
        pack, wanted = pack_of_city(city), UUID(evaluation_id)

        async def act(conn: Connection) -> tuple[int, object]:
            bodies = await service.prepare_closings(conn, state.clock, pack, [wanted])
            sig = Sig(data.sig.kid, data.sig.alg, data.sig.sig)
            record = Record(data.id, "evaluation", bodies[wanted], (sig,))
            await service.close(conn, state.clock, actor, pack, {wanted: record})
            return 201, Closed(evaluation_id, data.id, "closed")

        return await idempotent(
            state,
            city,
            client=actor.person_id,
            key=idempotency_key,
            request=evaluation_id.encode() + msgspec.json.encode(data),
            act=act,
        )
