"""Signing keys: one's own, made in the browser and announced; and how a key is revoked."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter

from credit.access.service.passkeys import site_of
from credit.access.views import Visitor
from credit.kit.errors import Conflict, Invalid, NotFound
from credit.kit.http import UUID_PATTERN, City
from credit.kit.ids import new_id
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.signing import ALGORITHM, b64, key_id, unb64
from credit.kit.texts import say
from credit.log import service
from credit.log.pages.signing import approved_signatures, signing_page
from credit.log.records import RECORD_TYPE, Record

__all__ = ["KeyId", "KeyPages", "revocation_page", "revoke"]

KeyId = Annotated[str, PathParameter(pattern=r"^k1:[0-9a-f]{32}$", max_length=35)]
RecordId = Annotated[str, msgspec.Meta(pattern=UUID_PATTERN)]


class AnnouncementForm(msgspec.Struct, frozen=True):
    """A key made in the browser: its public half, and the id of the record that announces it."""

    id: RecordId
    public_key: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z+/]{43}=$(?!\n)")]


class RevocationForm(msgspec.Struct, frozen=True):
    """What was shown of a revocation: its record's id, and the moment it names."""

    id: RecordId
    revoked_at: Annotated[str, msgspec.Meta(max_length=40)]


class KeyPages(Controller):
    """One's own signing keys: made in the browser, announced in the log, revoked."""

    path = "/account/keys"

    @get(summary="我的签名密钥", opt={"scope": "keys:own"})
    async def keys(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Show which keys are announced for the visitor, and whether this browser has one."""
        visitor: Visitor = request.state.visitor
        async with state.db.city(city) as conn:
            keys = await service.keys_of(conn, visitor.actor.person_id)
        return render(
            request,
            "log/keys.html",
            keys=keys,
            record_id=str(new_id(state.clock.now())),
            record_type=RECORD_TYPE,
            passkeys_at=site_of(state.settings.public_url),
        )

    @post("/payload", summary="密钥登记要签的内容", opt={"scope": "keys:own"}, status_code=200)
    async def announcement(self, request: Request[Any, Any, Any]) -> dict[str, str]:
        """Return the exact bytes that announce a public key, for the browser to sign with it."""
        record = await _announcement(request)
        return {"kid": record.body["kid"], "payload": b64(record.payload)}

    @post(summary="登记签名密钥", opt={"scope": "keys:own"}, status_code=200)
    async def announce(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Take in a key announced with proof of possession."""
        fields = await form_of(request)
        record = await _announcement(request)
        visitor: Visitor = request.state.visitor
        async with state.db.transaction(city) as conn:
            sigs = await approved_signatures(conn, request, fields, [record])
            await service.accept_key(
                conn,
                state.clock,
                Record(record.id, record.kind, record.body, tuple(sigs)),
                holder=visitor.actor.person_id,
                role=visitor.actor.role,
            )
        return redirect(
            f"/{city}/account/keys", notice=say("签名密钥已登记，公钥会出现在公开日志里。")
        )

    @get("/{kid:str}/revoke", summary="吊销签名密钥页", opt={"scope": "keys:own"})
    async def revocation(
        self, request: Request[Any, Any, Any], city: City, kid: KeyId
    ) -> Response[str]:
        """Show the revocation, to be signed."""
        return await revocation_page(request, kid, f"/{city}/account/keys")

    @post("/{kid:str}/revoke", summary="吊销签名密钥", opt={"scope": "keys:own"}, status_code=200)
    async def revoke(
        self, request: Request[Any, Any, Any], city: City, kid: KeyId
    ) -> Response[Any]:
        """Revoke a key by a record its holder or an administrator signed."""
        await revoke(request, kid)
        return redirect(f"/{city}/account/keys", notice=say("密钥已吊销。"))


async def revocation_page(request: Request[Any, Any, Any], kid: str, base: str) -> Response[str]:
    """Show what revokes a key, to be signed; `base` is the list of keys it belongs to."""
    state, city = request.app.state, request.path_params["city"]
    async with state.db.city(city) as conn:
        key = (await service.find_keys(conn, [kid])).get(kid)
    if key is None:
        raise NotFound(say("没有登记过这把密钥。"))
    if not key.active:
        raise Conflict(say("这把密钥已经吊销，不必再吊销。"), slug="key-not-active")
    body = service.revocation(state.clock, kid)
    record = Record(str(new_id(state.clock.now())), "key-revoked", body)
    words = say("吊销 %(holder)s 的密钥 %(kid)s，立即生效", holder=key.holder, kid=kid)
    return signing_page(
        request,
        title=say("吊销签名密钥"),
        action=f"{base}/{kid}/revoke",
        carried={"id": record.id, "revoked_at": body["revoked_at"]},
        records=[record],
        words=[words],
        back=base,
    )


async def revoke(request: Request[Any, Any, Any], kid: str) -> str:
    """Take in what revokes a key, as it was shown and signed; returns whose it was."""
    state, fields = request.app.state, await form_of(request)
    form = read_form(RevocationForm, fields)
    body = service.revocation(state.clock, kid) | {"revoked_at": form.revoked_at}
    record = Record(form.id, "key-revoked", body)
    async with state.db.transaction(request.path_params["city"]) as conn:
        sigs = await approved_signatures(conn, request, fields, [record])
        signed = Record(record.id, record.kind, record.body, tuple(sigs))
        await service.accept_revocation(conn, state.clock, kid, signed)
        return (await service.find_keys(conn, [kid]))[kid].holder


async def _announcement(request: Request[Any, Any, Any]) -> Record:
    """Return the record that would announce the visitor's new key."""
    form = read_form(AnnouncementForm, await form_of(request))
    visitor: Visitor = request.state.visitor
    body = {
        "algorithm": ALGORITHM,
        "holder": visitor.actor.person_id,
        "kid": key_id(ALGORITHM, _public(form.public_key)),
        "public_key": form.public_key,
        "purpose": "record",
        "role": visitor.actor.role,
    }
    return Record(form.id, "key", body)


def _public(text: str) -> bytes:
    """Read a public key; the form's pattern lets stray bits at the end pass."""
    try:
        return unb64(text)
    except ValueError:
        raise Invalid(say("公钥读不出来，请刷新页面后重试。")) from None
