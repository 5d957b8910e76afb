"""Use cases of the log: taking records in, keys, reading chains, proofs and tiles."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
import orjson

from credit.access.logic import scopes_of
from credit.access.service import roles_of
from credit.kit.clock import Clock, rfc3339
from credit.kit.db import Connection, Database
from credit.kit.errors import Conflict, Forbidden, Invalid, NotFound
from credit.kit.ids import new_id
from credit.kit.signing import ALGORITHM, SigningKey, b64, key_id, unb64, verify
from credit.kit.texts import said_by, say
from credit.log import store
from credit.log.nodes import ask_tree, tile_hashes
from credit.log.records import (
    RECORD_TYPE,
    RECORDS_MAX,
    Record,
    RecordError,
    Sig,
    fragment,
    payload,
    subject_hash,
    subjects_of,
)
from credit.log.tiles import ENTRIES, TILE_WIDTH, TilePath, bundle, tile_width
from credit.log.tree import consistency_proof, inclusion_proof
from credit.log.views import AnnouncedKey, ChainEntry, InclusionProof, LogHead

__all__ = [
    "accept_key",
    "accept_revocation",
    "announce_key",
    "chains",
    "checkpoint",
    "consistency",
    "enqueue",
    "entry_proof",
    "find_keys",
    "inclusion",
    "index_of",
    "keys_of",
    "refuse_bad_signatures",
    "revocation",
    "revoke_key",
    "seal",
    "sign_record",
    "sign_records",
    "size_at",
    "tile",
    "wait_indexed",
]

Body = TypeVar("Body")
Name = TypeVar("Name")
INSERTED_AT_ONCE = 5_000
WAIT_SECONDS_MAX = 10.0
SIGNED_WITHIN = 600.0  # seconds that may pass between what was shown to sign and its arrival
WAIT_POLL_SECONDS = 0.05
KEYS_MAX = 10_000
# Beyond this many signatures a thread checks them: the checks let go of the interpreter's lock.
SIGNATURES_INLINE_MAX = 4


class _Recorded(msgspec.Struct, Generic[Body], gc=False):
    """What a fragment holds besides id, kind, policy and signatures."""

    body: Body


def sign_record(
    key: SigningKey, kind: str, record_id: UUID, body: dict[str, Any], sigs: tuple[Sig, ...] = ()
) -> Record:
    """Sign a record with a person's own key, after the signatures it already has."""
    signed = payload(kind, str(record_id), body)
    sig = Sig(key.kid, ALGORITHM, b64(key.sign(RECORD_TYPE, signed)))
    return Record(str(record_id), kind, body, (*sigs, sig))


def sign_records(
    key: SigningKey, kind: str, bodies: Mapping[Name, dict[str, Any]], clock: Clock
) -> dict[Name, Record]:
    """Sign many records of a kind under new ids; `bodies` and the answer go by the same names."""
    return {
        name: sign_record(key, kind, new_id(clock.now()), body) for name, body in bodies.items()
    }


async def find_keys(conn: Connection, kids: Iterable[str]) -> dict[str, AnnouncedKey]:
    """Return the announced keys among `kids`."""
    return {row.kid: _announced(row) for row in await store.keys(conn, list(set(kids)))}


async def refuse_bad_signatures(
    records: Sequence[Record], keys: Mapping[str, AnnouncedKey]
) -> None:
    """Refuse records unless every signature is by an active announced key and verifies."""
    checks = []
    for record in records:
        for sig in record.sigs:
            key = keys.get(sig.kid)
            if key is None or key.purpose != "record":
                raise Forbidden(
                    say(
                        "记录 %(record)s 的签名密钥没有登记。请先登记公钥再签名。", record=record.id
                    ),
                    slug="unknown-key",
                )
            if not key.active:
                raise Forbidden(
                    say(
                        "记录 %(record)s 的签名密钥已被吊销。请用有效的密钥重新签名。",
                        record=record.id,
                    ),
                    slug="revoked-key",
                )
            if sig.alg != key.algorithm:
                raise Forbidden(
                    say(
                        "记录 %(record)s 写的算法是 %(alg)s，密钥登记的是 %(algorithm)s。",
                        record=record.id,
                        alg=sig.alg,
                        algorithm=key.algorithm,
                    ),
                    slug="bad-signature",
                )
            checks.append((record.id, key.public_key, sig.sig, record.payload))
    if len(checks) > SIGNATURES_INLINE_MAX:
        bad = await asyncio.to_thread(_first_bad, checks)
    else:
        bad = _first_bad(checks)
    if bad is not None:
        raise Forbidden(
            say("记录 %(bad)s 的签名与内容不符。请核对内容后重新签名。", bad=bad),
            slug="bad-signature",
        )


async def enqueue(conn: Connection, records: Sequence[Record]) -> None:
    """Put records whose signatures were checked on their way into the log.

    Runs in the caller's transaction: the records are in intake exactly when the business they
    record is in the database. A record id used before raises Conflict, records too large or
    malformed raise Invalid.
    """
    if len(records) > RECORDS_MAX:
        raise Invalid(say("一次最多 %(most)s 条记录，请分批。", most=RECORDS_MAX))
    try:
        rows = [_new_record(record) for record in records]
    except (RecordError, ValueError, KeyError, TypeError) as error:
        raise Invalid(say("记录不合格式：%(error)s", error=said_by(error))) from error
    for begin in range(0, len(rows), INSERTED_AT_ONCE):
        part = rows[begin : begin + INSERTED_AT_ONCE]
        if len(await store.add_records(conn, part)) != len(part):
            raise Conflict(say("记录编号已被使用。每条记录要有自己的编号。"), slug="record-exists")


async def seal(conn: Connection, clock: Clock, ids: Sequence[UUID]) -> None:
    """Keep records off pages and answers from now on, in the caller's transaction.

    The log keeps them as they are: what was proved stays provable, and auditors read it there.
    """
    await store.add_sealed(conn, ids, clock.now())


async def announce_key(
    conn: Connection, clock: Clock, *, key: SigningKey, holder: str, role: str
) -> str:
    """Announce a person's public key; its own signature is the proof of possession."""
    record_id = new_id(clock.now())
    body = {
        "algorithm": ALGORITHM,
        "holder": holder,
        "kid": key.kid,
        "public_key": b64(key.public),
        "purpose": "record",
        "role": role,
    }
    record = sign_record(key, "key", record_id, body)
    await accept_key(conn, clock, record, holder=holder, role=role)
    return key.kid


async def accept_key(
    conn: Connection, clock: Clock, record: Record, *, holder: str, role: str
) -> None:
    """Take in a key announcement that its holder signed with the key itself."""
    body = record.body
    try:
        public = unb64(str(body["public_key"]))
        fits = body["kid"] == key_id(str(body["algorithm"]), public)
    except (KeyError, ValueError) as error:
        raise Invalid(say("密钥登记不合格式：%(error)s", error=said_by(error))) from error
    possessed = (
        len(record.sigs) == 1
        and record.sigs[0].kid == body["kid"]
        and _first_bad([(record.id, public, record.sigs[0].sig, record.payload)]) is None
    )
    own = (body.get("holder"), body.get("role")) == (holder, role)
    if not fits or not possessed or not own:
        raise Forbidden(say("密钥登记必须由持有人用这把密钥自己签名。"), slug="bad-signature")
    added = await store.add_key(
        conn,
        body["kid"],
        algorithm=body["algorithm"],
        public_key=public,
        holder=holder,
        purpose="record",
        record_id=UUID(record.id),
        now=clock.now(),
    )
    if not added:
        raise Conflict(say("这把公钥已经登记过。"), slug="key-exists")
    await enqueue(conn, [record])


def revocation(clock: Clock, kid: str) -> dict[str, Any]:
    """Return the record body that revokes a key now."""
    return {"kid": kid, "reason": "retired", "revoked_at": rfc3339(clock.now())}


async def revoke_key(conn: Connection, clock: Clock, kid: str, signer: SigningKey) -> None:
    """Revoke a key by a record signed with an active key of the holder or an administrator."""
    record = sign_record(signer, "key-revoked", new_id(clock.now()), revocation(clock, kid))
    await accept_revocation(conn, clock, kid, record)


async def accept_revocation(conn: Connection, clock: Clock, kid: str, record: Record) -> None:
    """Take in a revocation that a holder of the key, or an administrator, signed just now."""
    said = record.body.get("revoked_at", "")
    age = (clock.now() - _moment(said)).total_seconds()
    if record.body != revocation(clock, kid) | {"revoked_at": said} or not 0 <= age < SIGNED_WITHIN:
        raise Conflict(say("要吊销的内容已经过时，请返回后重新签名。"), slug="body-outdated")
    keys = await find_keys(conn, [kid, *(sig.kid for sig in record.sigs)])
    await refuse_bad_signatures([record], keys)
    holder = keys[record.sigs[0].kid].holder
    own = kid in keys and keys[kid].holder == holder
    if not own and "keys:revoke" not in scopes_of(await roles_of(conn, holder)):
        raise Forbidden(say("只有本人或管理员能吊销一把密钥。"), slug="not-the-holder")
    if not await store.revoke_key(conn, kid, UUID(record.id), clock.now()):
        raise Conflict(say("这把密钥没有登记，或者已经吊销。"), slug="key-not-active")
    await enqueue(conn, [record])


async def index_of(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return the index of each record that has been numbered."""
    return await store.numbered(conn, ids)


async def wait_indexed(
    db: Database, city: str, ids: Sequence[UUID], *, seconds: float = WAIT_SECONDS_MAX
) -> dict[UUID, int]:
    """Wait a bounded time until records are numbered; returns those that are."""
    deadline = asyncio.get_running_loop().time() + min(seconds, WAIT_SECONDS_MAX)
    while True:
        async with db.city(city) as conn:
            found = await store.numbered(conn, ids)
        if len(found) == len(set(ids)) or asyncio.get_running_loop().time() >= deadline:
            return found
        await asyncio.sleep(WAIT_POLL_SECONDS)


async def chains(
    conn: Connection,
    subjects: Sequence[tuple[str, str]],
    size: int,
    kinds: Sequence[str],
    shape: type[Body],
) -> dict[tuple[str, str], list[ChainEntry[Body]]]:
    """Return the entries of some kinds in the chains of subjects, below a log size, in order.

    Bodies are decoded as `shape`, a msgspec struct of what the caller looks at.
    """
    names = {subject_hash(*subject): subject for subject in subjects}
    found: dict[tuple[str, str], list[ChainEntry[Body]]] = {subject: [] for subject in subjects}
    decode = msgspec.json.Decoder(_Recorded[shape]).decode  # type: ignore[valid-type]
    rows = await store.fragments_of_subjects(conn, list(names), size, kinds)
    for subject, index, kind, record_id, record_fragment in rows:
        body = decode(b"{%b}" % record_fragment).body
        found[names[subject]].append(ChainEntry(index, kind, str(record_id), body))
    return found


async def entries_since(
    conn: Connection, index: int, kinds: Sequence[str]
) -> list[tuple[int, dict[str, Any]]]:
    """Return (index, body) of entries of some kinds from an index on."""
    rows = await store.fragments_since(conn, index, kinds)
    return [(idx, _body(record_fragment)) for idx, record_fragment in rows]


async def size_at(conn: Connection, moment: datetime | None) -> int:
    """Return the size of the last checkpoint signed by a moment, or the log's present size."""
    if moment is not None:
        return await store.size_at(conn, moment)
    state = await store.state(conn)
    return 0 if state is None else state.size


async def checkpoint(conn: Connection) -> LogHead:
    """Return the newest checkpoint; NotFound before the first."""
    found = await store.last_checkpoint(conn)
    if found is None:
        raise NotFound(say("日志还没有任何检查点，请稍后再试。"), slug="no-checkpoint")
    return LogHead(*found)


async def inclusion(conn: Connection, index: int, size: int) -> list[bytes]:
    """Return the inclusion proof of an index in the tree of `size` leaves."""
    head = await checkpoint(conn)
    if not 0 <= index < size <= head.size:
        raise Invalid(
            say("要满足 0 ≤ index < size ≤ %(size)s（当前检查点的大小）。", size=head.size)
        )
    return await ask_tree(conn, size, lambda nodes: inclusion_proof(nodes, index, size))


async def consistency(conn: Connection, old_size: int, size: int) -> list[bytes]:
    """Return the consistency proof between two sizes."""
    head = await checkpoint(conn)
    if not 0 < old_size <= size <= head.size:
        raise Invalid(say("要满足 0 < from ≤ to ≤ %(size)s（当前检查点的大小）。", size=head.size))
    return await ask_tree(conn, size, lambda nodes: consistency_proof(nodes, old_size, size))


async def entry_proof(conn: Connection, record_id: UUID) -> InclusionProof:
    """Return a record's entry with its inclusion proof in the newest checkpoint.

    A sealed record is not found: it is no longer shown to anybody who asks for it by its id.
    """
    if await store.sealed(conn, [record_id]):
        raise NotFound(say("这条记录已经信用修复或公示期满，不再公示。"), slug="sealed")
    row = await store.entry_of_record(conn, record_id)
    head = await store.last_checkpoint(conn)
    if row is None or head is None or row.idx >= head[0]:
        raise NotFound(say("日志里还没有这条记录。如果刚刚提交，请稍后再试。"), slug="not-in-log")
    size, note, _ = head
    hashes = await inclusion(conn, row.idx, size)
    return InclusionProof(row.idx, size, row.entry, hashes, note)


async def tile(conn: Connection, path: TilePath) -> bytes:
    """Return a tile's or entry bundle's bytes; NotFound beyond the newest checkpoint.

    A checkpoint may be a moment behind the tree; only what it covers is served.
    """
    head = await store.last_checkpoint(conn)
    available = tile_width(path.level, path.number, head[0] if head else 0)
    if path.width > available:
        raise NotFound(
            say("日志里没有这一块。请先读取检查点，按它的大小请求。"), slug="no-such-tile"
        )
    begin = path.number * TILE_WIDTH
    if path.level == ENTRIES:
        rows = await store.entries(conn, begin, begin + path.width)
        return bundle(row.entry for row in rows)
    return b"".join(await tile_hashes(conn, path.level, path.number, path.width))


async def all_keys(conn: Connection) -> list[dict[str, Any]]:
    """List announced keys with the indexes that bound their validity."""
    return await store.all_keys(conn, KEYS_MAX)


async def keys_of(conn: Connection, holder: str) -> list[AnnouncedKey]:
    """List a person's keys, those revoked included, the newest first."""
    return [_announced(row) for row in await store.keys_of(conn, holder, KEYS_MAX)]


def _announced(row: store.KeyRow) -> AnnouncedKey:
    active = row.revoked_by is None
    return AnnouncedKey(row.kid, row.algorithm, row.public_key, row.holder, row.purpose, active)


def _moment(text: object) -> datetime:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        raise Invalid(say("吊销的时间读不出来，请返回后重试。")) from None


def _new_record(record: Record) -> store.NewRecord:
    return store.NewRecord(
        UUID(record.id),
        record.kind,
        " ".join(sig.kid for sig in record.sigs),
        [subject_hash(*subject) for subject in subjects_of(record.body)],
        fragment(record),
    )


def _body(record_fragment: bytes) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(b"{%b}" % record_fragment)["body"]
    return body


def _first_bad(checks: Sequence[tuple[str, bytes, str, bytes]]) -> str | None:
    for record_id, public, sig, signed in checks:
        try:
            good = verify(public, unb64(sig), RECORD_TYPE, signed)
        except ValueError:
            good = False
        if not good:
            return record_id
    return None
