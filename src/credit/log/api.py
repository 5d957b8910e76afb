"""The log over HTTP: C2SP tlog-tiles at the root path, and proofs by index."""

from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter

from credit.kit.errors import NotFound
from credit.kit.http import City
from credit.kit.signing import b64
from credit.log import service
from credit.log.tiles import parse_tile_path

__all__ = ["LogController"]

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
                "没有这个路径的哈希块。路径的写法见 C2SP tlog-tiles。", slug="no-such-tile"
            )
        async with state.db.city(city) as conn:
            data = await service.tile(conn, wanted)
        # A partial tile of a given width never changes either: it is a prefix of the full one.
        return Response(data, media_type="application/octet-stream", headers=IMMUTABLE)

    @get("/proof/inclusion", operation_id="inclusionProof", summary="包含证明 (RFC 6962)")
    async def inclusion(
        self, state: State, city: City, index: Index, size: Index
    ) -> dict[str, Any]:
        """Prove that an entry is in the tree of a size."""
        async with state.db.city(city) as conn:
            hashes = await service.inclusion(conn, index, size)
        return {"index": index, "size": size, "hashes": [b64(one) for one in hashes]}

    @get("/proof/consistency", operation_id="consistencyProof", summary="一致性证明 (RFC 6962)")
    async def consistency(
        self,
        state: State,
        city: City,
        old: Annotated[int, QueryParameter(name="from", ge=0, le=INDEX_MAX)],
        new: Annotated[int, QueryParameter(name="to", ge=0, le=INDEX_MAX)],
    ) -> dict[str, Any]:
        """Prove that the tree of one size is a prefix of the tree of another."""
        async with state.db.city(city) as conn:
            hashes = await service.consistency(conn, old, new)
        return {"from": old, "to": new, "hashes": [b64(one) for one in hashes]}

    @get("/keys", operation_id="logKeys", summary="登记过的公钥")
    async def keys(self, state: State, city: City) -> list[dict[str, Any]]:
        """List announced keys with the log indexes between which each is valid."""
        async with state.db.city(city) as conn:
            found = await service.all_keys(conn)
        return [{**one, "public_key": b64(one["public_key"])} for one in found]
