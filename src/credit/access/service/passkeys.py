"""Passkeys (WebAuthn level 3): added, signing in, proving who one is, approving what is signed."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import (
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from credit.access import store
from credit.access.proofs import store as proofs
from credit.access.proofs.store import PasskeyRow
from credit.access.views import OwnPasskey, Visitor
from credit.kit.clock import Clock
from credit.kit.db import Connection, Database
from credit.kit.errors import (
    Conflict,
    CreditError,
    Forbidden,
    Invalid,
    NotFound,
    Unauthenticated,
)
from credit.kit.texts import say

__all__ = [
    "Site",
    "add_passkey",
    "approval_options",
    "check_approval",
    "confirm_with_passkey",
    "confirmation_options",
    "drop_passkey",
    "passkey_options",
    "passkeys_of",
    "sign_in_options",
    "sign_in_with_passkey",
    "site_of",
]

Answer = TypeVar("Answer")
SITE_NAME = "物业信用"
KIND = "passkey"
# What a challenge may be answered for: one asked for one purpose serves no other.
REGISTRATION, SIGN_IN, CONFIRMATION = b"registration", b"sign-in", b"confirmation"
APPROVAL = b"approval "  # and then the digest of what is approved
CHALLENGE_BYTES = 32
CHALLENGE_LIFE = timedelta(minutes=5)
LIFE_MS = int(CHALLENGE_LIFE.total_seconds() * 1000)
ANSWER_CHARS_MAX = 20_000
CREDENTIAL_ID_BYTES_MAX = 1023  # WebAuthn §5.1: what an authenticator may give at most
PASSKEYS_MAX = 10
# One sentence whatever was wrong: who tries learns nothing about which passkeys there are.
REFUSED = say("通行密钥没有通过，或者请求已过期。请再试一次，或改用用户名和密码。")


@dataclass(frozen=True, slots=True)
class Site:
    """What passkeys are bound to: the host (relying party id), and where pages come from."""

    rp_id: str
    origin: str


def site_of(public_url: str) -> Site | None:
    """Return what passkeys of a deployment are bound to; None where browsers refuse them.

    They ask for a name rather than an address of the network, and for https except on the
    machine itself.
    """
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        local = host == "localhost" or host.endswith(".localhost")
        if not host or not (parts.scheme == "https" or local):
            return None
        usual = parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme))
        return Site(host, f"{parts.scheme}://{host}" + ("" if usual else f":{parts.port}"))
    return None


async def passkey_options(
    conn: Connection, clock: Clock, site: Site, visitor: Visitor
) -> dict[str, Any]:
    """Ask for a new passkey: returns what `navigator.credentials.create` takes, as JSON."""
    person_id = visitor.actor.person_id
    kept = await proofs.passkeys_of(conn, person_id)
    if len(kept) >= PASSKEYS_MAX:
        raise Conflict(say("最多可以有 %(most)s 个通行密钥。请先删除不用的。", most=PASSKEYS_MAX))
    username = await store.username_of(conn, person_id) or person_id
    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name=SITE_NAME,
        user_id=f"{visitor.city}.{person_id}".encode(),
        user_name=username,
        user_display_name=visitor.name or username,
        challenge=await _ask(conn, clock, REGISTRATION, person_id),
        timeout=LIFE_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_named(kept),
    )
    return options_to_json_dict(options)


async def add_passkey(
    db: Database, clock: Clock, site: Site, visitor: Visitor, *, name: str, answer: str
) -> None:
    """Take in a new passkey of the visitor: the answer of `navigator.credentials.create`."""
    person_id = visitor.actor.person_id
    made = _read(parse_registration_credential_json, answer)
    challenge = await _asked(
        db, clock, visitor.city, made.response.client_data_json, (REGISTRATION, person_id)
    )
    try:
        found = webauthn.verify_registration_response(
            credential=made,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except Exception as error:  # the library's own errors, and what hostile bytes make of it
        raise _refused() from error
    if len(found.credential_id) > CREDENTIAL_ID_BYTES_MAX:
        raise _refused()
    row = PasskeyRow(
        found.credential_id,
        person_id,
        found.credential_public_key,
        found.sign_count,
        name,
        clock.now(),
        None,
    )
    async with db.transaction(visitor.city) as conn:
        if not await proofs.add_passkey(conn, row):
            raise Conflict(say("这个通行密钥已经登记过了。"))


async def sign_in_options(conn: Connection, clock: Clock, site: Site) -> dict[str, Any]:
    """Ask whoever it is for a passkey: returns what `navigator.credentials.get` takes."""
    return await _request(conn, clock, site, (SIGN_IN, None), ())


async def sign_in_with_passkey(
    db: Database, clock: Clock, site: Site, city: str, answer: str
) -> tuple[str, str]:
    """Return the city and the id of the person whose passkey answered what `city` asked.

    The city is the one the passkey was made in, which its user handle names. Every refusal is
    the same Unauthenticated.
    """
    shown = _read(parse_authentication_credential_json, answer)
    challenge = await _asked(db, clock, city, shown.response.client_data_json, (SIGN_IN, None))
    home, _, person_id = (
        (shown.response.user_handle or b"").decode("ascii", "replace").partition(".")
    )
    if home not in db.cities:
        raise _refused()
    async with db.transaction(home) as conn:
        await _check(conn, clock, site, shown, (challenge, person_id))
    return home, person_id


async def confirmation_options(
    conn: Connection, clock: Clock, site: Site, visitor: Visitor
) -> dict[str, Any]:
    """Ask the visitor for one of their passkeys: what `navigator.credentials.get` takes."""
    person_id = visitor.actor.person_id
    kept = await proofs.passkeys_of(conn, person_id)
    if not kept:
        raise NotFound(say("您还没有通行密钥，请输入密码。"))
    return await _request(conn, clock, site, (CONFIRMATION, person_id), kept)


async def confirm_with_passkey(
    db: Database, clock: Clock, site: Site, visitor: Visitor, answer: str
) -> None:
    """Refuse unless the answer is by a passkey of the visitor, asked for this and for them."""
    person_id = visitor.actor.person_id
    shown = _read(parse_authentication_credential_json, answer)
    challenge = await _asked(
        db, clock, visitor.city, shown.response.client_data_json, (CONFIRMATION, person_id)
    )
    async with db.transaction(visitor.city) as conn:
        await _check(conn, clock, site, shown, (challenge, person_id))
        await store.confirm_session(conn, visitor.session, clock.now())


async def approval_options(
    conn: Connection, clock: Clock, site: Site | None, visitor: Visitor, digest: bytes
) -> dict[str, Any] | None:
    """Ask the visitor to approve by a passkey what has this digest (32 bytes).

    Returns what `navigator.credentials.get` takes; None for those without a passkey, and where
    browsers would not take one: they sign by their key alone.
    """
    kept = await proofs.passkeys_of(conn, visitor.actor.person_id) if site else []
    if site is None or not kept:
        return None
    return await _request(conn, clock, site, (APPROVAL + digest, visitor.actor.person_id), kept)


async def check_approval(
    conn: Connection,
    clock: Clock,
    site: Site | None,
    visitor: Visitor,
    *,
    digest: bytes,
    answer: str,
) -> None:
    """Refuse unless a passkey of the visitor has approved what has this digest, just now.

    Who has no passkey needs none. In the transaction of `conn` the approval is used up.
    """
    person_id = visitor.actor.person_id
    if site is None or not await proofs.passkeys_of(conn, person_id):
        return
    if not answer:
        raise Forbidden(
            say(
                "您登记了通行密钥，签名要由它确认；这次没有收到确认，没有提交任何内容。"
                "请返回后重新签名，按浏览器的提示验证。"
            ),
            slug="approval-missing",
        )
    try:
        shown = _read(parse_authentication_credential_json, answer)
        asked = (APPROVAL + digest, person_id)
        challenge = await _take(conn, clock, shown.response.client_data_json, asked)
        await _check(conn, clock, site, shown, (challenge, person_id))
    except Unauthenticated as error:
        raise Forbidden(
            say(
                "通行密钥的确认没有通过：它已过期、已用过，或确认的不是这次要签的内容。"
                "没有提交任何内容，请返回后重新签名。"
            ),
            slug="approval-refused",
        ) from error


async def passkeys_of(conn: Connection, visitor: Visitor) -> list[OwnPasskey]:
    """List the visitor's passkeys, the oldest first."""
    return [
        OwnPasskey(_digest(row), row.name, row.created_at, row.used_at)
        for row in await proofs.passkeys_of(conn, visitor.actor.person_id)
    ]


async def drop_passkey(conn: Connection, visitor: Visitor, digest: str) -> None:
    """Forget one of the visitor's passkeys; what is left on the device opens nothing any more."""
    person_id = visitor.actor.person_id
    for row in await proofs.passkeys_of(conn, person_id):
        if _digest(row) == digest:
            await proofs.drop_passkey(conn, person_id, row.credential_id)
            return
    raise NotFound(say("没有这个通行密钥，可能已经删除。"))


async def _ask(conn: Connection, clock: Clock, purpose: bytes, person_id: str | None) -> bytes:
    """Return a new challenge; its digest, purpose and person are kept until it is answered."""
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    await proofs.add_challenge(
        conn,
        hashlib.sha256(challenge).digest(),
        KIND,
        person_id=person_id,
        content=purpose,
        expires_at=clock.now() + CHALLENGE_LIFE,
    )
    return challenge


async def _request(
    conn: Connection,
    clock: Clock,
    site: Site,
    asked: tuple[bytes, str | None],
    kept: Sequence[PasskeyRow],
) -> dict[str, Any]:
    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id,
        challenge=await _ask(conn, clock, *asked),
        timeout=LIFE_MS,
        allow_credentials=_named(kept),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


async def _asked(
    db: Database, clock: Clock, city: str, client_data: bytes, asked: tuple[bytes, str | None]
) -> bytes:
    """Return the challenge an answer is to; it is used up, whatever comes of the answer."""
    async with db.city(city) as conn:
        return await _take(conn, clock, client_data, asked)


async def _take(
    conn: Connection, clock: Clock, client_data: bytes, asked: tuple[bytes, str | None]
) -> bytes:
    """Take the challenge an answer is to; refuses one asked for anything else, or of another."""
    data = _guarded(parse_client_data_json, client_data)
    if data.cross_origin:
        raise _refused()
    digest = hashlib.sha256(data.challenge).digest()
    taken = await proofs.take_challenge(conn, digest, KIND, clock.now())
    if taken is None or (taken.content, taken.person_id) != asked:
        raise _refused()
    return data.challenge


async def _check(
    conn: Connection,
    clock: Clock,
    site: Site,
    shown: AuthenticationCredential,
    asked: tuple[bytes, str],
) -> None:
    """Refuse unless a passkey of the person signed the challenge; note its counter.

    A counter that does not grow tells that the passkey was copied (WebAuthn §6.1.1). Those that
    live in several devices by design leave it at zero.
    """
    challenge, person_id = asked
    kept = await proofs.passkey(conn, shown.raw_id)
    if kept is None or kept.person_id != person_id:
        raise _refused()
    try:
        found = webauthn.verify_authentication_response(
            credential=shown,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=kept.public_key,
            credential_current_sign_count=kept.sign_count,
            require_user_verification=True,
        )
    except Exception as error:  # the library's own errors, and what hostile bytes make of it
        raise _refused() from error
    await proofs.use_passkey(conn, kept.credential_id, found.new_sign_count, clock.now())


def _read(parse: Callable[[str], Answer], answer: str) -> Answer:
    if len(answer) > ANSWER_CHARS_MAX:
        raise Invalid(say("浏览器送来的内容太长，请重试。"))
    return _guarded(parse, answer)


def _guarded(parse: Callable[[Any], Answer], value: str | bytes) -> Answer:
    try:
        return parse(value)
    except Exception as error:  # the library's own errors, and what hostile bytes make of it
        raise _refused() from error


def _named(kept: Sequence[PasskeyRow]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=row.credential_id) for row in kept]


def _digest(row: PasskeyRow) -> str:
    """Name a passkey in addresses of pages; its id may take a thousand bytes."""
    return hashlib.sha256(row.credential_id).hexdigest()


def _refused() -> CreditError:
    return Unauthenticated(REFUSED, slug="sign-in-refused")
