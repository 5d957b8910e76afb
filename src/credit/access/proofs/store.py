"""SQL of proofs: challenges that are answered once, passkeys, linked identities."""

from dataclasses import dataclass
from datetime import datetime

from credit.kit.db import Connection

__all__ = [
    "ChallengeRow",
    "PasskeyRow",
    "add_challenge",
    "add_identity",
    "add_passkey",
    "drop_identity",
    "drop_passkey",
    "identity_since",
    "passkey",
    "passkeys_of",
    "person_of_identity",
    "purge_challenges",
    "take_challenge",
    "use_passkey",
]

ADD_CHALLENGE = """
INSERT INTO challenge (digest, kind, person_id, content, expires_at) VALUES ($1, $2, $3, $4, $5)
"""
# Taken by deleting it: of two answers at once one finds it.
TAKE_CHALLENGE = """
DELETE FROM challenge WHERE digest = $1 AND kind = $2 AND expires_at > $3
RETURNING person_id, content
"""
PURGE_CHALLENGES = "DELETE FROM challenge WHERE expires_at <= $1"
ADD_PASSKEY = """
INSERT INTO passkey (credential_id, person_id, public_key, sign_count, name, created_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (credential_id) DO NOTHING RETURNING credential_id
"""
_PASSKEY = "SELECT k.credential_id, k.person_id, k.public_key, k.sign_count, k.name, k.created_at, k.used_at"
# Locked, so that of two answers with one counter the second sees what the first left.
PASSKEY = f"""
{_PASSKEY} FROM passkey k JOIN person p ON p.id = k.person_id
WHERE k.credential_id = $1 AND p.active FOR UPDATE OF k
"""
PASSKEYS_OF = f"{_PASSKEY} FROM passkey k WHERE k.person_id = $1 ORDER BY k.created_at LIMIT 100"
USE_PASSKEY = "UPDATE passkey SET sign_count = $2, used_at = $3 WHERE credential_id = $1"
DROP_PASSKEY = "DELETE FROM passkey WHERE person_id = $1 AND credential_id = $2"
ADD_IDENTITY = """
INSERT INTO external_identity (issuer, subject, person_id, linked_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (issuer, subject) DO NOTHING RETURNING person_id
"""
PERSON_OF_IDENTITY = """
SELECT p.id FROM external_identity e JOIN person p ON p.id = e.person_id
WHERE e.issuer = $1 AND e.subject = $2 AND p.active
"""
IDENTITY_SINCE = """
SELECT min(linked_at) FROM external_identity WHERE issuer = $1 AND person_id = $2
"""
DROP_IDENTITY = "DELETE FROM external_identity WHERE issuer = $1 AND person_id = $2"


@dataclass(frozen=True, slots=True)
class ChallengeRow:
    """What was kept with a challenge: whose it is, and what only its kind can read."""

    person_id: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey as kept; `public_key` is a COSE key."""

    credential_id: bytes
    person_id: str
    public_key: bytes
    sign_count: int
    name: str
    created_at: datetime
    used_at: datetime | None


async def add_challenge(
    conn: Connection,
    digest: bytes,
    kind: str,
    *,
    person_id: str | None,
    content: bytes,
    expires_at: datetime,
) -> None:
    """Keep a challenge until it is answered or runs out; what is asked itself is not kept."""
    await conn.execute(ADD_CHALLENGE, digest, kind, person_id, content, expires_at)


async def take_challenge(
    conn: Connection, digest: bytes, kind: str, now: datetime
) -> ChallengeRow | None:
    """Take a challenge away and return what was kept with it; None for a used or late one."""
    row = await conn.fetchrow(TAKE_CHALLENGE, digest, kind, now)
    return None if row is None else ChallengeRow(*row)


async def purge_challenges(conn: Connection, now: datetime) -> None:
    """Forget challenges nobody answered in time."""
    await conn.execute(PURGE_CHALLENGES, now)


async def add_passkey(conn: Connection, row: PasskeyRow) -> bool:
    """Keep a new passkey; False when its id is there already."""
    added = await conn.fetchval(
        ADD_PASSKEY,
        row.credential_id,
        row.person_id,
        row.public_key,
        row.sign_count,
        row.name,
        row.created_at,
    )
    return added is not None


async def passkey(conn: Connection, credential_id: bytes) -> PasskeyRow | None:
    """Find a passkey of an active person and lock it until the transaction ends."""
    row = await conn.fetchrow(PASSKEY, credential_id)
    return None if row is None else PasskeyRow(*row)


async def passkeys_of(conn: Connection, person_id: str) -> list[PasskeyRow]:
    """List a person's passkeys, the oldest first."""
    return [PasskeyRow(*row) for row in await conn.fetch(PASSKEYS_OF, person_id)]


async def use_passkey(
    conn: Connection, credential_id: bytes, sign_count: int, now: datetime
) -> None:
    """Note that a passkey was used, and what its counter said."""
    await conn.execute(USE_PASSKEY, credential_id, sign_count, now)


async def drop_passkey(conn: Connection, person_id: str, credential_id: bytes) -> None:
    """Forget a passkey of a person."""
    await conn.execute(DROP_PASSKEY, person_id, credential_id)


async def add_identity(
    conn: Connection, issuer: str, subject: str, person_id: str, now: datetime
) -> bool:
    """Link somebody a provider knows to a person; False when they are linked already."""
    return await conn.fetchval(ADD_IDENTITY, issuer, subject, person_id, now) is not None


async def person_of_identity(conn: Connection, issuer: str, subject: str) -> str | None:
    """Return the active person whom a provider knows as this subject."""
    person_id: str | None = await conn.fetchval(PERSON_OF_IDENTITY, issuer, subject)
    return person_id


async def identity_since(conn: Connection, issuer: str, person_id: str) -> datetime | None:
    """Return since when a person is linked to somebody the provider knows."""
    since: datetime | None = await conn.fetchval(IDENTITY_SINCE, issuer, person_id)
    return since


async def drop_identity(conn: Connection, issuer: str, person_id: str) -> None:
    """Undo a person's link to a provider."""
    await conn.execute(DROP_IDENTITY, issuer, person_id)
