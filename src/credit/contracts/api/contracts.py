"""Contracts over HTTP: drafts, freezing, signatures and later steps."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from credit.access.views import Actor
from credit.contracts import service
from credit.contracts.api.shared import SignedId, reading, sig_of
from credit.contracts.board.views import ContractLine, ContractView
from credit.contracts.logic.machine import Act
from credit.contracts.logic.records import FROZEN, digest_of
from credit.contracts.service import SignedAct, Sought
from credit.contracts.views import ContractDraft
from credit.events.views import Evidence
from credit.kit.db import Connection
from credit.kit.http import (
    CODE_PATTERN,
    City,
    IdCursor,
    IdempotencyHeader,
    Limit,
    Page,
    RecordKey,
    Statement,
    idempotent,
)
from credit.kit.ids import LAST_ID
from credit.kit.uploads import BODY_BYTES_MAX, sent_file
from credit.log.records import Record
from credit.rules.loading import pack_of_city

__all__ = ["ContractController"]

VERSION_MAX = 32_767
ShownState = Literal[
    "draft",
    "offered",
    "lapsed",
    "refused",
    "withdrawn",
    "in-force",
    "suspended",
    "expired",
    "ended",
]
StepName = Literal["refuse", "withdraw", "suspend", "resume", "end", "retract", "close", "leave"]
SignedStep = Literal["freeze", "sign"] | StepName
ProjectCode = Annotated[str | None, QueryParameter(pattern=CODE_PATTERN, max_length=60)]
EnterpriseCode = Annotated[str | None, QueryParameter(pattern=r"^[0-9A-Z-]{1,18}$", max_length=18)]
VersionNumber = Annotated[int | None, QueryParameter(ge=1, le=VERSION_MAX)]


class Drafts(Struct, frozen=True, forbid_unknown_fields=True):
    """Up to 500 drafts, taken in all or none."""

    items: Annotated[list[ContractDraft], Meta(min_length=1, max_length=500)]


class Drafted(Struct, frozen=True):
    """The ids of the contracts drafted, in order."""

    items: list[str]


class OpenDraft(Struct, frozen=True):
    """A draft as it stands: its version, and how often it was written."""

    version: int
    revision: int
    draft: ContractDraft


class Redraft(Struct, frozen=True, forbid_unknown_fields=True):
    """A draft in the place of the one that stands at `revision`."""

    revision: Annotated[int, Meta(ge=1, le=1_000_000)]
    draft: ContractDraft


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """A later step: which, the signed record, and why where reasons are asked for.

    The reason stays out of the log.
    """

    step: StepName
    record: SignedId
    reason: Statement | UnsetType = UNSET


class ToSign(Struct, frozen=True):
    """What a step would sign now."""

    kind: str
    body: dict[str, Any]


class SignedText(Struct, frozen=True):
    """A version's text as it was signed: its digest is the SHA-256 of `text` in UTF-8."""

    digest: str
    text: str


class ContractController(Controller):
    """Contracts: drafted, frozen, signed by each party with its own key, kept."""

    path = "/contracts"
    tags = ("contracts",)

    @get(operation_id="listContracts", summary="契约列表", opt={"scope": "contracts:read"})
    async def list_contracts(
        self,
        request: Request[Any, Any, Any],
        city: City,
        status: Annotated[ShownState | None, QueryParameter()] = None,
        project: ProjectCode = None,
        enterprise: EnterpriseCode = None,
        cursor: IdCursor = None,
        limit: Limit = 50,
    ) -> Page[ContractLine]:
        """List contracts, the newest first; a party sees its own."""
        state, actor = request.app.state, request.user
        before = UUID(cursor) if cursor else LAST_ID
        async with reading(state, city, actor) as conn:
            found = await service.contracts_page(
                conn,
                state.clock,
                actor,
                before=before,
                sought=Sought(status, None, project, enterprise),
                limit=limit + 1,
            )
        more = len(found) > limit
        return Page(found[:limit], UUID(found[limit - 1].id).hex if more else None)

    @post(operation_id="draftContracts", summary="起草契约（全收或全不收）",
          opt={"scope": "contracts:draft"})  # fmt: skip
    async def draft(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        data: JSONBody[Drafts],
        idempotency_key: IdempotencyHeader,
    ) -> Response[Drafted]:
        """Draft contracts from templates; every fault is named."""
        actor: Actor = request.user

        async def act(conn: Connection) -> tuple[int, object]:
            ids = await service.draft(conn, state.clock, actor, pack_of_city(city), data.items)
            return 201, Drafted([str(one) for one in ids])

        return await idempotent(
            state,
            city,
            client=actor.person_id,
            key=idempotency_key,
            request=b"contracts" + msgspec.json.encode(data),
            act=act,
        )

    @get("/{contract_id:str}", operation_id="getContract", summary="一份契约",
         opt={"scope": "contracts:read"})  # fmt: skip
    async def contract(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        contract_id: RecordKey,
        version: VersionNumber = None,
    ) -> ContractView:
        """Return a contract whole: text, parties, signatures, steps, and what may be done now."""
        actor: Actor = request.user
        by = service.find_belonging(actor)
        async with reading(state, city, actor) as conn:
            return await service.contract_view(
                conn, state.clock, by, UUID(contract_id), version=version, reader=actor
            )

    @get("/{contract_id:str}/text", operation_id="getContractText",
         summary="契约一个版本的签署文本", opt={"scope": "contracts:read"})  # fmt: skip
    async def text(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        contract_id: RecordKey,
        version: Annotated[int, QueryParameter(ge=1, le=VERSION_MAX)] = 1,
    ) -> SignedText:
        """Return a version's canonical text, whose SHA-256 every party signed."""
        async with reading(state, city, request.user) as conn:
            body = await service.contract_text(conn, UUID(contract_id), version)
        return SignedText(digest_of(body), body.decode())

    @get("/{contract_id:str}/draft", operation_id="getContractDraft", summary="契约草稿",
         opt={"scope": "contracts:draft"})  # fmt: skip
    async def open_draft(
        self, request: Request[Any, Any, Any], state: State, city: City, contract_id: RecordKey
    ) -> OpenDraft:
        """Return the open draft; a party sees its own."""
        actor: Actor = request.user
        async with reading(state, city, actor) as conn:
            return OpenDraft(*await service.open_draft(conn, actor, UUID(contract_id)))

    @post("/{contract_id:str}/draft", operation_id="redraftContract", summary="修改契约草稿",
          opt={"scope": "contracts:draft"})  # fmt: skip
    async def redraft(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        contract_id: RecordKey,
        data: JSONBody[Redraft],
        idempotency_key: IdempotencyHeader,
    ) -> Response[ContractLine]:
        """Replace the open draft."""
        actor: Actor = request.user

        async def work(conn: Connection) -> None:
            await service.redraft(
                conn,
                state.clock,
                actor,
                pack_of_city(city),
                UUID(contract_id),
                data.draft,
                revision=data.revision,
            )

        return await _once(request, city, contract_id, "draft", data, idempotency_key, work)

    @post("/{contract_id:str}/amendment", operation_id="amendContract", summary="订立新版本",
          opt={"scope": "contracts:draft"})  # fmt: skip
    async def amend(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        contract_id: RecordKey,
        idempotency_key: IdempotencyHeader,
    ) -> Response[ContractLine]:
        """Begin the draft of a new version from the newest text."""

        async def work(conn: Connection) -> None:
            pack = pack_of_city(city)
            await service.amend(conn, state.clock, request.user, pack, UUID(contract_id))

        return await _once(request, city, contract_id, "amend", None, idempotency_key, work)

    @post("/{contract_id:str}/discard", operation_id="discardDraft", summary="作废草稿",
          opt={"scope": "contracts:draft"})  # fmt: skip
    async def discard(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        contract_id: RecordKey,
        idempotency_key: IdempotencyHeader,
    ) -> Response[ContractLine]:
        """Throw the open draft away."""

        async def work(conn: Connection) -> None:
            await service.discard(conn, state.clock, request.user, UUID(contract_id))

        return await _once(request, city, contract_id, "discard", None, idempotency_key, work)

    @get("/{contract_id:str}/record", operation_id="getContractRecord",
         summary="契约下一步要签名的内容", opt={"scope": "contracts:read"})  # fmt: skip
    async def record(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        contract_id: RecordKey,
        step: Annotated[SignedStep, QueryParameter(description="要办理的一步")] = "sign",
    ) -> ToSign:
        """Return the record body that the actor's organisation would sign now."""
        actor, wanted = request.user, UUID(contract_id)
        async with state.db.city(city) as conn:
            if step == "freeze":
                pack = pack_of_city(city)
                found = await service.prepare_freezing(conn, state.clock, actor, pack, [wanted])
                return ToSign(FROZEN, found[wanted])
            prepared = await service.prepare(conn, state.clock, actor, step, [wanted])
        return ToSign(*prepared[wanted])

    @post("/{contract_id:str}/freezing", operation_id="freezeContract", summary="定稿并发出要约",
          opt={"scope": "contracts:draft"})  # fmt: skip
    async def freeze(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        contract_id: RecordKey,
        data: JSONBody[SignedId],
        idempotency_key: IdempotencyHeader,
    ) -> Response[ContractLine]:
        """Freeze the draft with the drafter's own signature, and offer it to its parties."""
        actor, pack, wanted = request.user, pack_of_city(city), UUID(contract_id)

        async def work(conn: Connection) -> None:
            bodies = await service.prepare_freezing(conn, state.clock, actor, pack, [wanted])
            record = Record(data.id, FROZEN, bodies[wanted], (sig_of(data.sig),))
            await service.freeze(conn, state.clock, actor, pack, state.blobs, {wanted: record})

        return await _once(request, city, contract_id, "freeze", data, idempotency_key, work)

    @post("/{contract_id:str}/signatures", operation_id="signContract", summary="签署契约",
          opt={"scope": "contracts:sign"})  # fmt: skip
    async def sign(
        self,
        request: Request[Any, Any, Any],
        city: City,
        contract_id: RecordKey,
        data: JSONBody[SignedId],
        idempotency_key: IdempotencyHeader,
    ) -> Response[ContractLine]:
        """Sign for the actor's organisation; the last signature brings the version into force."""
        work = _signed(request, contract_id, "sign", data, None)
        return await _once(request, city, contract_id, "sign", data, idempotency_key, work)

    @post("/{contract_id:str}/steps", operation_id="stepContract",
          summary="拒绝、撤回、中止、恢复或终止契约", opt={"scope": "contracts:read"})  # fmt: skip
    async def step(
        self,
        request: Request[Any, Any, Any],
        city: City,
        contract_id: RecordKey,
        data: JSONBody[Step],
        idempotency_key: IdempotencyHeader,
    ) -> Response[ContractLine]:
        """Take a later step by a signed record; each asks for its own permission."""
        reason = data.reason or None
        work = _signed(request, contract_id, data.step, data.record, reason)
        return await _once(request, city, contract_id, data.step, data, idempotency_key, work)

    @post("/files", operation_id="postContractFile", summary="上传附件或履约证据",
          opt={"scope": "contracts:read"}, include_in_schema=False,
          request_max_body_size=BODY_BYTES_MAX)  # fmt: skip
    async def post_file(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Evidence]:
        """Keep a file by its digest; the body is the file, Content-Type says what it is."""
        blob = await sent_file(request)
        async with state.db.city(city) as conn:
            await service.keep_file(conn, state.clock, request.user, blob)
        return Response(Evidence(blob.digest, blob.size, blob.media_type), status_code=201)


def _signed(
    request: Request[Any, Any, Any],
    contract_id: str,
    step: Act,
    signed: SignedId,
    reason: str | None,
) -> Callable[[Connection], Awaitable[None]]:
    """Return what takes in a signed act: what was to be signed is made again and compared."""
    state, actor, wanted = request.app.state, request.user, UUID(contract_id)

    async def work(conn: Connection) -> None:
        prepared = await service.prepare(conn, state.clock, actor, step, [wanted])
        kind, body = prepared[wanted]
        record = Record(signed.id, kind, body, (sig_of(signed.sig),))
        one = SignedAct(actor, wanted, step, record, reason)
        await service.act(conn, state.clock, state.blobs, [one])

    return work


async def _once(
    request: Request[Any, Any, Any],
    city: str,
    contract_id: str,
    what: str,
    data: Struct | None,
    key: str,
    work: Callable[[Connection], Awaitable[None]],
) -> Response[ContractLine]:
    """Work once under an idempotency key; answers the contract as lists show it."""
    state = request.app.state

    async def act(conn: Connection) -> tuple[int, object]:
        await work(conn)
        return 201, await service.contract_line(conn, state.clock, UUID(contract_id))

    return await idempotent(
        state,
        city,
        client=request.user.person_id,
        key=key,
        request=f"contracts/{contract_id}/{what}".encode() + msgspec.json.encode(data),
        act=act,
    )
