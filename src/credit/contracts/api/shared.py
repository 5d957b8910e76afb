"""What the handlers of contracts share: who reads what, and signed records as they come in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar.datastructures import State
from msgspec import Struct

from credit.access.views import Actor
from credit.events.views import RecordId, Signature
from credit.kit.db import PORTAL_ROLE, Connection
from credit.log.records import Sig

__all__ = ["SignedId", "reading", "sig_of"]


class SignedId(Struct, frozen=True, forbid_unknown_fields=True):
    """The signer's signature over the record whose body was given, under this id."""

    id: RecordId
    sig: Signature


def sig_of(signed: Signature) -> Sig:
    """Return a signature as records hold it."""
    return Sig(signed.kid, signed.alg, signed.sig)


@asynccontextmanager
async def reading(state: State, city: str, actor: Actor) -> AsyncIterator[Connection]:
    """Lend a connection in which the database shows a party its own; an office sees the city's."""
    if actor.party is None:
        async with state.db.city(city) as conn:
            yield conn
    else:
        async with state.db.bound(city, PORTAL_ROLE, party=actor.party) as conn:
            yield conn
