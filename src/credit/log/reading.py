"""What pages show of the log: its newest entries, and one entry with its signers and its proof."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.texts import say
from credit.log import service, store
from credit.log.records import parse_entry
from credit.log.store import EntryRow
from credit.log.tiles import ENTRIES, TILE_WIDTH, tile_path, tile_width
from credit.log.views import LogHead

__all__ = ["ChainPlace", "ShownEntry", "ShownLine", "Signer", "entry_at", "head_of", "newest"]

# Schemes under which the public register knows an enterprise.
ENTERPRISE_SCHEMES = frozenset({"USCC", "INT"})


@dataclass(frozen=True, slots=True)
class ShownLine:
    """An entry in a list: `enterprise` is the code of the one its first subject is, if it is one.

    A sealed entry has no body.
    """

    index: int
    kind: str
    admitted_at: datetime
    enterprise: str | None
    body: dict[str, Any]
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Signer:
    """A signature on a record, and who holds its key by the announcement in the log."""

    kid: str
    algorithm: str
    signature: str
    holder: str | None


@dataclass(frozen=True, slots=True)
class ChainPlace:
    """An entry's place in the chain of a subject; `previous` is the hex leaf hash before it."""

    scheme: str
    id: str
    is_enterprise: bool
    number: int
    previous: str | None


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """An entry whole; `record` is what was signed and by whom, `bundle` the tile that holds it.

    A sealed entry's record has no body.
    """

    index: int
    size: int
    id: str
    kind: str
    policy: str
    admitted_at: datetime
    leaf_hash: str
    record: dict[str, Any]
    chains: Sequence[ChainPlace]
    signers: Sequence[Signer]
    bundle: str
    sealed: bool = False


async def head_of(conn: Connection) -> LogHead | None:
    """Return the newest checkpoint; None before the first."""
    found = await store.last_checkpoint(conn)
    return None if found is None else LogHead(*found)


async def newest(conn: Connection, before: int, limit: int) -> list[ShownLine]:
    """Return up to `limit` entries below an index, the newest first."""
    rows = await store.entries(conn, max(0, before - limit), before)
    sealed = await store.sealed(conn, [row.record_id for row in rows])
    return [_line(row, sealed=row.record_id in sealed) for row in reversed(rows)]


async def entry_at(conn: Connection, index: int) -> ShownEntry:
    """Return the entry at an index; NotFound beyond the newest checkpoint.

    An entry that no checkpoint covers yet is not shown: nobody could prove it.
    """
    head = await head_of(conn)
    rows = await store.entries(conn, index, index + 1) if head and index < head.size else []
    if not rows or head is None:
        raise NotFound(
            say(
                "日志里没有第 %(index)s 条。编号从 0 开始；刚刚提交的记录要等几秒才有编号。",
                index=index,
            ),
            slug="not-in-log",
        )
    (row,) = rows
    entry = parse_entry(row.entry)
    keys = await service.find_keys(conn, [sig["kid"] for sig in entry["sigs"]])
    sealed = bool(await store.sealed(conn, [row.record_id]))
    shown = {**entry, "body": {}} if sealed else entry
    number = index // TILE_WIDTH
    width = tile_width(ENTRIES, number, head.size)
    return ShownEntry(
        index,
        head.size,
        entry["id"],
        entry["kind"],
        entry["policy"],
        datetime.fromisoformat(entry["admitted_at"]),
        row.leaf_hash.hex(),
        {name: shown[name] for name in ("id", "kind", "body", "sigs")},
        _chains(entry),
        [
            Signer(
                sig["kid"],
                sig["alg"],
                sig["sig"],
                keys[sig["kid"]].holder if sig["kid"] in keys else None,
            )
            for sig in entry["sigs"]
        ],
        tile_path(ENTRIES, number, width),
        sealed,
    )


def _line(row: EntryRow, *, sealed: bool) -> ShownLine:
    entry = parse_entry(row.entry)
    subjects = entry["body"].get("subjects") or [{"scheme": "", "id": ""}]
    first = subjects[0]
    return ShownLine(
        row.idx,
        entry["kind"],
        datetime.fromisoformat(entry["admitted_at"]),
        first["id"] if first["scheme"] in ENTERPRISE_SCHEMES else None,
        {} if sealed else entry["body"],
        sealed,
    )


def _chains(entry: dict[str, Any]) -> list[ChainPlace]:
    return [
        ChainPlace(
            subject["scheme"],
            subject["id"],
            subject["scheme"] in ENTERPRISE_SCHEMES,
            number,
            previous,
        )
        for subject, number, previous in zip(
            entry["body"].get("subjects", []),
            entry["subject_seq"],
            entry["subject_prev"],
            strict=True,
        )
    ]
