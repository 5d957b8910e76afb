"""What is kept about somebody: in short for the account page, and whole as a document."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from credit.access.own import store
from credit.access.own.store import OwnRow
from credit.access.saved import saved_views
from credit.access.service.passkeys import passkeys_of
from credit.access.service.signin import sessions_of
from credit.access.views import Visitor
from credit.kit.clock import Clock, rfc3339
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.texts import say

__all__ = ["TRAIL_COUNTED_MAX", "OwnData", "own_data", "own_document"]

TRAIL_COUNTED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class OwnData:
    """What is kept about the visitor, in short; `trail` counts lines, up to TRAIL_COUNTED_MAX."""

    row: OwnRow
    trail: int


async def own_data(conn: Connection, visitor: Visitor) -> OwnData:
    """Return what is kept about the visitor, in short."""
    person_id = visitor.actor.person_id
    row = await store.own_row(conn, person_id)
    if row is None:
        raise NotFound(say("没有这个人，或者已经删除。"))
    return OwnData(row, await store.count_trail(conn, person_id, TRAIL_COUNTED_MAX))


async def own_document(conn: Connection, clock: Clock, visitor: Visitor) -> dict[str, Any]:
    """Return everything that is kept about the visitor by name (PIPL, art. 45), as JSON values.

    What they signed stands in the public log under the pseudonym; the trail's newest thousand
    lines are given, passwords and secrets of keys are not kept.
    """
    actor, found = visitor.actor, await own_data(conn, visitor)
    row, person_id = found.row, visitor.actor.person_id
    document: dict[str, Any] = {
        "made_at": clock.now(),
        "city": visitor.city,
        "person_id": person_id,
        "name": visitor.name,
        "username": row.username,
        "roles": list(actor.roles),
        "division": actor.division,
        "organisation": row.kind
        and {"kind": row.kind, "name": row.organisation, "party": row.party},
        "created_at": row.created_at,
        "password_set_at": row.password_set_at,
        "sessions": [asdict(one) for one in await sessions_of(conn, clock, visitor)],
        "passkeys": [asdict(one) for one in await passkeys_of(conn, visitor)],
        "identities": await store.identities_of(conn, person_id),
        "api_clients": await store.clients_of(conn, person_id),
        "signing_keys": await store.signing_keys_of(conn, person_id),
        "saved_views": [asdict(one) for one in await saved_views(conn, actor)],
        "trail": {
            "lines": found.trail,
            "newest": [asdict(one) for one in await store.trail_lines(conn, person_id)],
        },
    }
    plain: dict[str, Any] = _plain(document)
    return plain


def _plain(value: Any) -> Any:
    """Write moments as RFC 3339, in values of any depth."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value
