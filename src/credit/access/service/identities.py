"""Signing in on the word of the city's identity provider, for people linked to it beforehand."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from credit.access import logic
from credit.access.proofs import store as proofs
from credit.access.service.oidc import IdentityProvider, refused
from credit.access.views import Visitor
from credit.kit.clock import Clock
from credit.kit.db import Connection, Database
from credit.kit.errors import Conflict
from credit.kit.texts import say

__all__ = [
    "FLOW_LIFE",
    "Arrival",
    "Departure",
    "arrive",
    "depart",
    "link_identity",
    "linked_since",
    "person_linked",
    "unlink_identity",
]

KIND = "oidc"
FLOW_LIFE = timedelta(minutes=10)


class Flow(msgspec.Struct, frozen=True):
    """What is kept of a journey to the provider and back, under the digest of its state."""

    nonce: str
    verifier: str
    browser: bytes
    onward: Annotated[str, msgspec.Meta(max_length=300)]


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and the secret by which it is known when it comes back."""

    address: str
    browser: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """Whom the provider recognised; `person_id` is who set out to be linked, None to sign in."""

    subject: str
    person_id: str | None
    onward: str


async def depart(
    db: Database,
    clock: Clock,
    provider: IdentityProvider,
    city: str,
    *,
    person_id: str | None = None,
    onward: str = "",
) -> Departure:
    """Send a browser to the provider: to sign in, or to link `person_id`."""
    state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
    address = await provider.address(state=state, nonce=nonce, verifier=verifier)
    async with db.city(city) as conn:
        await proofs.add_challenge(
            conn,
            logic.key_digest(state),
            KIND,
            person_id=person_id,
            content=msgspec.json.encode(Flow(nonce, verifier, logic.key_digest(browser), onward)),
            expires_at=clock.now() + FLOW_LIFE,
        )
    return Departure(address, browser)


async def arrive(
    db: Database,
    clock: Clock,
    provider: IdentityProvider,
    city: str,
    *,
    state: str,
    code: str,
    browser: str,
) -> Arrival:
    """Return whom the provider recognised; the state is used up, whatever comes of it.

    The browser must be the one that set out: a code somebody else obtained would sign it in as
    that other person. Every refusal is the same Unauthenticated.
    """
    async with db.city(city) as conn:
        taken = await proofs.take_challenge(conn, logic.key_digest(state), KIND, clock.now())
    if taken is None or not code:
        raise refused()
    flow = msgspec.json.decode(taken.content, type=Flow)
    if not logic.same_digest(flow.browser, logic.key_digest(browser)):
        raise refused()
    subject = await provider.subject(code=code, nonce=flow.nonce, verifier=flow.verifier)
    return Arrival(subject, taken.person_id, flow.onward)


async def person_linked(conn: Connection, provider: IdentityProvider, subject: str) -> str:
    """Return the id of the active person linked to somebody the provider knows."""
    person_id = await proofs.person_of_identity(conn, provider.issuer, subject)
    if person_id is None:
        raise refused()
    return person_id


async def link_identity(
    conn: Connection, clock: Clock, provider: IdentityProvider, visitor: Visitor, subject: str
) -> None:
    """Link the visitor to somebody the provider knows; one each, and nobody twice."""
    person_id = visitor.actor.person_id
    if await proofs.identity_since(conn, provider.issuer, person_id) is not None:
        raise Conflict(say("您的账户已经绑定了统一身份。要换一个，请先解除绑定。"))
    if not await proofs.add_identity(conn, provider.issuer, subject, person_id, clock.now()):
        raise Conflict(say("这个统一身份已绑定另一个账户。请在那个账户里解除，或联系管理员。"))


async def linked_since(
    conn: Connection, provider: IdentityProvider, visitor: Visitor
) -> datetime | None:
    """Return since when the visitor is linked to somebody the provider knows."""
    return await proofs.identity_since(conn, provider.issuer, visitor.actor.person_id)


async def unlink_identity(conn: Connection, provider: IdentityProvider, visitor: Visitor) -> None:
    """Undo the visitor's link."""
    await proofs.drop_identity(conn, provider.issuer, visitor.actor.person_id)
