"""Signing drafts with a key at hand: for the command line and for other clients in Python."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from credit.events import store
from credit.events.views import EventBody, EventRecord, Signature
from credit.kit.canonical import parse
from credit.kit.db import Connection
from credit.kit.signing import ALGORITHM, SigningKey, b64
from credit.log.records import RECORD_TYPE, payload

__all__ = ["countersign", "sign_event", "waiting"]

NIL = UUID(int=0)


def sign_event(keys: Sequence[SigningKey], event_id: UUID, body: dict[str, Any]) -> EventRecord:
    """Sign a fact as its proposer and, with a second key, as its decider."""
    signed = payload("credit-event", str(event_id), body)
    sigs = [Signature(key.kid, "Ed25519", b64(key.sign(RECORD_TYPE, signed))) for key in keys]
    return EventRecord(str(event_id), "credit-event", msgspec.convert(body, EventBody), sigs)


async def waiting(conn: Connection, ids: Sequence[UUID] | None, limit: int) -> list[store.EventRow]:
    """Load proposals to decide: those named, or every undecided one up to a limit."""
    if ids is None:
        listed = await store.list_events(
            conn, NIL, outcome="proposed", enterprise=None, limit=limit
        )
        wanted = [one.id for one in listed]
    else:
        wanted = list(ids)
    rows = await store.load_events(conn, wanted)
    return [rows[one] for one in wanted if one in rows]


def countersign(key: SigningKey, row: store.EventRow) -> Signature:
    """Sign exactly what was proposed, as its decider."""
    signed = payload(row.kind, str(row.id), parse(row.body))
    return Signature(key.kid, ALGORITHM, b64(key.sign(RECORD_TYPE, signed)))  # type: ignore[arg-type]
