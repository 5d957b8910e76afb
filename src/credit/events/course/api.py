"""The course of facts over HTTP: notice, answers, hearing, extension."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, QueryParameter

from credit.access.views import Actor
from credit.events import service
from credit.events.course.answers import course_answer, listed_answer
from credit.events.course.views import (
    OPEN_STATES,
    Answer,
    Course,
    CourseAnswer,
    CourseListed,
    CourseState,
    Extension,
    Hearing,
)
from credit.events.course.views import State as CourseStateName
from credit.events.views import Evidence
from credit.kit.db import Connection
from credit.kit.errors import Forbidden
from credit.kit.http import (
    City,
    IdCursor,
    IdempotencyHeader,
    Limit,
    Page,
    RecordKey,
    idempotent,
)
from credit.kit.texts import say
from credit.kit.uploads import BODY_BYTES_MAX, sent_file
from credit.rules.loading import pack_of_city

__all__ = ["CourseController", "party_of"]

FIRST = "0" * 32
Enterprise = Annotated[str | None, QueryParameter(pattern=r"^[0-9A-Z-]{1,18}$", max_length=18)]
StateName = Annotated[CourseStateName | None, QueryParameter(description="没有时列出所有未办结的")]
Act = Callable[[Connection], Awaitable[Course]]


class CourseController(Controller):
    """A bad fact between its proposal and its decision."""

    path = "/events"
    tags = ("events",)

    @get("/courses", operation_id="listCourses", summary="办理中的不良信息",
         opt={"scope": "events:read"})  # fmt: skip
    async def courses(
        self,
        state: State,
        city: City,
        status: StateName = None,
        enterprise: Enterprise = None,
        cursor: IdCursor = None,
        limit: Limit = 50,
    ) -> Page[CourseListed]:
        """List facts by where they stand, oldest first; without a state, what is still open."""
        return await _listed(state, city, status, enterprise, cursor, limit)

    @get("/courses/own", operation_id="listOwnCourses", summary="本企业办理中的不良信息",
         opt={"scope": "portal:use"})  # fmt: skip
    async def own_courses(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        status: StateName = None,
        cursor: IdCursor = None,
        limit: Limit = 50,
    ) -> Page[CourseListed]:
        """List the reader's own facts by where they stand, oldest first."""
        return await _listed(state, city, status, party_of(request.user), cursor, limit)

    @get("/{event_id:str}/course", operation_id="getCourse", summary="一条不良信息的办理过程",
         opt={"scope": "events:read"})  # fmt: skip
    async def course(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> CourseAnswer:
        """Return every step, the open terms with the days left, and what the reader may do."""
        return await _course(state, city, request.user, event_id)

    @get("/{event_id:str}/course/own", operation_id="getOwnCourse",
         summary="本企业一条不良信息的办理过程", opt={"scope": "portal:use"})  # fmt: skip
    async def own_course(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> CourseAnswer:
        """Return the same of an own fact, with the notice and the days left to answer it."""
        party_of(request.user)
        return await _course(state, city, request.user, event_id)

    @post("/{event_id:str}/notice", operation_id="notifyEvent", summary="告知企业",
          opt={"scope": "events:propose"})  # fmt: skip
    async def notify(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        event_id: RecordKey,
        idempotency_key: IdempotencyHeader,
    ) -> Response[CourseState]:
        """Give notice of a proposed bad fact; its terms begin with the following day."""
        actor: Actor = request.user

        async def act(conn: Connection) -> Course:
            pack = pack_of_city(city)
            (done,) = await service.notify(conn, state.clock, actor, pack, [UUID(event_id)])
            return done

        return await _answered(
            state, city, actor, idempotency_key, f"notice {event_id}".encode(), act
        )

    @post("/{event_id:str}/answers", operation_id="answerNotice",
          summary="认可、整改或提出异议", opt={"scope": "portal:use"})  # fmt: skip
    async def answer(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        event_id: RecordKey,
        data: JSONBody[Answer],
        idempotency_key: IdempotencyHeader,
    ) -> Response[CourseState]:
        """Answer a notice about an own fact; an objection counts to the end of its last day."""
        return await _take_answer(state, city, request.user, event_id, data, idempotency_key)

    @post("/{event_id:str}/answers/paper", operation_id="answerOnPaper",
          summary="录入企业的书面答复", opt={"scope": "events:propose"})  # fmt: skip
    async def answer_on_paper(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        event_id: RecordKey,
        data: JSONBody[Answer],
        idempotency_key: IdempotencyHeader,
    ) -> Response[CourseState]:
        """Take in an answer on paper, with the paper; whoever proposed or gave notice does not."""
        return await _take_answer(state, city, request.user, event_id, data, idempotency_key)

    @post("/{event_id:str}/hearing", operation_id="hearEvent", summary="核查",
          opt={"scope": "events:hear"})  # fmt: skip
    async def hear(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        event_id: RecordKey,
        data: JSONBody[Hearing],
        idempotency_key: IdempotencyHeader,
    ) -> Response[CourseState]:
        """Keep what a hearing found; who proposed the fact or gave notice does not hear it."""
        actor: Actor = request.user

        async def act(conn: Connection) -> Course:
            (done,) = await service.hear(conn, state.clock, actor, {UUID(event_id): data})
            return done

        sent = event_id.encode() + msgspec.json.encode(data)
        return await _answered(state, city, actor, idempotency_key, sent, act)

    @post("/{event_id:str}/extension", operation_id="extendTerm", summary="延长期限",
          opt={"scope": "events:read"})  # fmt: skip
    async def extend(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        event_id: RecordKey,
        data: JSONBody[Extension],
        idempotency_key: IdempotencyHeader,
    ) -> Response[CourseState]:
        """Extend an open term with a reason; each term asks for the scope of who it belongs to."""
        actor: Actor = request.user

        async def act(conn: Connection) -> Course:
            pack = pack_of_city(city)
            return await service.extend(conn, state.clock, actor, pack, UUID(event_id), data)

        sent = event_id.encode() + msgspec.json.encode(data)
        return await _answered(state, city, actor, idempotency_key, sent, act)

    @post("/{event_id:str}/evidence", operation_id="postOwnEvidence", summary="上传答复的证据",
          opt={"scope": "portal:use"}, include_in_schema=False,
          request_max_body_size=BODY_BYTES_MAX)  # fmt: skip
    async def evidence(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[Evidence]:
        """Keep a file for an answer about an own fact, by its digest; the body is the file."""
        actor: Actor = request.user
        async with state.db.city(city) as conn:
            await service.refuse_others(conn, actor, UUID(event_id))
        blob = await sent_file(request)
        async with state.db.city(city) as conn:
            await service.keep_own_evidence(conn, state.clock, actor, UUID(event_id), blob)
        return Response(Evidence(blob.digest, blob.size, blob.media_type), status_code=201)


def party_of(actor: Actor) -> str:
    """Return whose user reads; Forbidden for who belongs to no party."""
    if actor.party is None:
        raise Forbidden(say("这里只给企业用户看。您的账号不属于任何企业。"))
    return actor.party


async def _take_answer(
    state: State, city: str, actor: Actor, event_id: str, data: Answer, key: str
) -> Response[CourseState]:
    async def act(conn: Connection) -> Course:
        pack = pack_of_city(city)
        (done,) = await service.answer(conn, state.clock, actor, pack, {UUID(event_id): data})
        return done

    sent = event_id.encode() + msgspec.json.encode(data)
    return await _answered(state, city, actor, key, sent, act)


async def _answered(
    state: State, city: str, actor: Actor, key: str, request: bytes, act: Act
) -> Response[CourseState]:
    """Act once under a key, and say where the fact stands then."""

    async def act_and_tell(conn: Connection) -> tuple[int, object]:
        return 201, await service.course_state(conn, state.clock, await act(conn))

    return await idempotent(
        state, city, client=actor.person_id, key=key, request=request, act=act_and_tell
    )


async def _course(state: State, city: str, actor: Actor, event_id: str) -> CourseAnswer:
    pack = pack_of_city(city)
    async with state.db.city(city) as conn:
        view = await service.course_of(conn, state.clock, actor, pack, UUID(event_id))
    return course_answer(view, pack, actor, state.clock.today())


async def _listed(
    state: State,
    city: str,
    status: CourseStateName | None,
    enterprise: str | None,
    cursor: str | None,
    limit: int,
) -> Page[CourseListed]:
    async with state.db.city(city) as conn:
        rows = await service.courses(
            conn,
            state.clock,
            states=OPEN_STATES if status is None else (status,),
            enterprise=enterprise,
            after=UUID(cursor or FIRST),
            limit=limit + 1,
        )
    more = len(rows) > limit
    return Page(
        [listed_answer(one) for one in rows[:limit]],
        rows[limit - 1].course.event_id.hex if more else None,
    )
