"""The log over HTTP: C2SP tlog-tiles at the root path, and proofs by index."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import Meta, Struct

from credit.kit.errors import NotFound
from credit.kit.http import UUID_PATTERN, City
from credit.kit.signing import b64
from credit.kit.texts import say
from credit.log import service
from credit.log.records import Record, Sig
from credit.log.tiles import parse_tile_path
from credit.log.views import ConsistencyAnswer, InclusionAnswer, KeyAccepted, KeyAnswer

__all__ = ["KeyController", "LogController"]

INDEX_MAX = 2**53 - 1
Index = Annotated[int, QueryParameter(ge=0, le=INDEX_MAX)]
TilePathText = Annotated[str, PathParameter(max_length=100)]
IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}


class LogController(Controller):
    """Checkpoints, tiles, entry bundles and proofs; everything here is public."""

    path = "/log/{city:str}"
    tags = ("log",)

    @get("/checkpoint", operation_id="checkpoint", summary="最新的检查点（签名笔记）")
    async def checkpoint(self, state: State, city: City) -> Response[str]:
        """Return the newest signed checkpoint (C2SP tlog-checkpoint)."""
        async with state.db.city(city) as conn:
            head = await service.checkpoint(conn)
        return Response(
            head.note,
            media_type="text/plain; charset=utf-8",
            headers={"Cache-Control": "no-cache"},
        )

    @get("/tile/{path:path}", operation_id="tile", summary="哈希块或条目包 (tlog-tiles)")
    async def tile(self, state: State, city: City, path: TilePathText) -> Response[Any]:
        """Return a hash tile or, below `entries/`, an entry bundle, byte for byte."""
        wanted = parse_tile_path(path.lstrip("/"))
        if wanted is None:
            raise NotFound(
                say("没有这个路径的哈希块。路径的写法见 C2SP tlog-tiles。"), slug="no-such-tile"
            )
        async with state.db.city(city) as conn:
            data = await service.tile(conn, wanted)
        # A partial tile of a given width never changes either: it is a prefix of the full one.
        return Response(data, media_type="application/octet-stream", headers=IMMUTABLE)

    @get("/proof/inclusion", operation_id="inclusionProof", summary="包含证明 (RFC 6962)")
    async def inclusion(
        self, state: State, city: City, index: Index, size: Index
    ) -> InclusionAnswer:
        """Prove that an entry is in the tree of a size."""
        async with state.db.city(city) as conn:
            hashes = await service.inclusion(conn, index, size)
        return InclusionAnswer(index, size, [b64(one) for one in hashes])

    @get("/proof/consistency", operation_id="consistencyProof", summary="一致性证明 (RFC 6962)")
    async def consistency(
        self,
        state: State,
        city: City,
        old: Annotated[int, QueryParameter(name="from", ge=0, le=INDEX_MAX)],
        new: Annotated[int, QueryParameter(name="to", ge=0, le=INDEX_MAX)],
    ) -> ConsistencyAnswer:
        """Prove that the tree of one size is a prefix of the tree of another."""
        async with state.db.city(city) as conn:
            hashes = await service.consistency(conn, old, new)
        return ConsistencyAnswer(old, new, [b64(one) for one in hashes])

    @get("/keys", operation_id="logKeys", summary="登记过的公钥")
    async def keys(self, state: State, city: City) -> list[KeyAnswer]:
        """List announced keys with the log indexes between which each is valid."""
        async with state.db.city(city) as conn:
            found = await service.all_keys(conn)
        return [KeyAnswer(**{**one, "public_key": b64(one["public_key"])}) for one in found]


class KeyBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What announces a key: whose it is, in which role, and the key itself in base64."""

    algorithm: Literal["Ed25519"]
    holder: Annotated[str, Meta(pattern=r"^[0-9A-Za-z-]{1,40}$(?!\n)", max_length=40)]
    kid: Annotated[str, Meta(pattern=r"^k1:[0-9a-f]{32}$(?!\n)", max_length=35)]
    public_key: Annotated[str, Meta(pattern=r"^[0-9A-Za-z+/]{43}=$(?!\n)", max_length=44)]
    purpose: Literal["record"]
    role: Annotated[str, Meta(pattern=r"^[a-z_]{1,40}$(?!\n)", max_length=40)]


class KeySignature(Struct, frozen=True, forbid_unknown_fields=True):
    """A signature by the key that is announced: the proof of possession."""

    kid: Annotated[str, Meta(pattern=r"^k1:[0-9a-f]{32}$(?!\n)", max_length=35)]
    alg: Literal["Ed25519"]
    sig: Annotated[str, Meta(pattern=r"^[0-9A-Za-z+/]{86}==$(?!\n)", max_length=88)]


class KeyRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """A key announcement as a record."""

    id: Annotated[str, Meta(pattern=UUID_PATTERN, max_length=36)]
    kind: Literal["key"]
    body: KeyBody
    sigs: Annotated[list[KeySignature], Meta(min_length=1, max_length=1)]


class KeyController(Controller):
    """People's public keys, announced in the log."""

    path = "/keys"
    tags = ("log",)

    @post(operation_id="postKey", summary="登记自己的公钥", opt={"scope": "keys:own"})
    async def announce(
        self, request: Request[Any, Any, Any], state: State, city: City, data: JSONBody[KeyRecord]
    ) -> Response[KeyAccepted]:
        """Announce the caller's own key, signed with itself; the private key stays with them."""
        actor = request.user
        record = Record(
            data.id,
            data.kind,
            msgspec.to_builtins(data.body),
            tuple(Sig(one.kid, one.alg, one.sig) for one in data.sigs),
        )
        async with state.db.transaction(city) as conn:
            await service.accept_key(
                conn, state.clock, record, holder=actor.person_id, role=actor.role
            )
        return Response(KeyAccepted(data.id, data.body.kid), status_code=201)
