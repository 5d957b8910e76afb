"""Signing on pages, one's own keys, and the log as anybody may read it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter

from credit.access.views import Visitor
from credit.kit.canonical import parse
from credit.kit.db import Connection
from credit.kit.errors import Invalid
from credit.kit.http import UUID_PATTERN, City, SoughtText
from credit.kit.ids import new_id
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.signing import ALGORITHM, b64, key_id, unb64
from credit.log import reading, service
from credit.log.records import RECORD_TYPE, Record, Sig, payload

__all__ = ["KeyPages", "LogPages", "ToSign", "signatures_of", "signing_page"]

SIGNATURES_MAX = 10_000
LISTED = 30
INDEX_DIGITS_MAX = 15  # an index stays below 2^53
# An empty field of a form arrives as an empty text.
IndexCursor = Annotated[int | None, QueryParameter(ge=0, le=2**53 - 1)]
IndexPath = Annotated[str, PathParameter(pattern=r"^[0-9]{1,15}$", max_length=INDEX_DIGITS_MAX)]
KeyId = Annotated[str, PathParameter(pattern=r"^k1:[0-9a-f]{32}$", max_length=35)]


@dataclass(frozen=True, slots=True)
class ToSign:
    """A record to be signed: its bytes, and what they say in words."""

    payload: bytes
    words: str


class SignedForm(msgspec.Struct, frozen=True):
    """What the browser adds to a form: by which key, and a signature for each record in turn."""

    kid: Annotated[str, msgspec.Meta(pattern=r"^k1:[0-9a-f]{32}$")]
    signatures: Annotated[str, msgspec.Meta(max_length=SIGNATURES_MAX * 89)]


class AnnouncementForm(SignedForm, frozen=True):
    """A key made in the browser: its public half, and a signature that proves the private one."""

    id: str
    public_key: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z+/]{43}=$")]


def signing_page(
    request: Request[Any, Any, Any],
    *,
    title: str,
    action: str,
    carried: Mapping[str, str],
    records: Sequence[ToSign],
    back: str,
) -> Response[str]:
    """Show what is about to be signed; the browser signs and sends `carried` on to `action`."""
    content = {"type": RECORD_TYPE, "payloads": [b64(one.payload) for one in records]}
    return render(
        request,
        "log/sign.html",
        title=title,
        action=action,
        carried=carried,
        records=records,
        content=msgspec.json.encode(content).decode(),
        back=back,
    )


def signatures_of(fields: Mapping[str, Any], count: int) -> list[Sig]:
    """Return the signatures a signing page sent, one for each record; refuses another number."""
    form = read_form(SignedForm, fields)
    found = form.signatures.split()
    if len(found) != count:
        raise Invalid(f"应有 {count} 个签名，收到 {len(found)} 个。请返回后重新签名。")
    return [Sig(form.kid, ALGORITHM, one) for one in found]


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
        )

    @post("/payload", summary="密钥登记要签的内容", opt={"scope": "keys:own"}, status_code=200)
    async def announcement(self, request: Request[Any, Any, Any]) -> dict[str, str]:
        """Return the exact bytes that announce a public key, for the browser to sign with it."""
        fields = await form_of(request)
        form = read_form(AnnouncementForm, {"kid": f"k1:{'0' * 32}", "signatures": "-", **fields})
        body = _announcement(request.state.visitor, form.public_key)
        return {
            "kid": body["kid"],
            "payload": b64(payload("key", _record_id(form.id), body)),
        }

    @post(summary="登记签名密钥", opt={"scope": "keys:own"}, status_code=200)
    async def announce(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Take in a key announced with proof of possession."""
        fields = await form_of(request)
        form = read_form(AnnouncementForm, fields)
        visitor: Visitor = request.state.visitor
        body = _announcement(visitor, form.public_key)
        record = Record(_record_id(form.id), "key", body, tuple(signatures_of(fields, 1)))
        async with state.db.transaction(city) as conn:
            await service.accept_key(
                conn,
                state.clock,
                record,
                holder=visitor.actor.person_id,
                role=visitor.actor.role,
            )
        return redirect(f"/{city}/account/keys", notice="签名密钥已登记，公钥会出现在公开日志里。")

    @get("/{kid:str}/revoke", summary="吊销签名密钥页", opt={"scope": "keys:own"})
    async def revocation(
        self, request: Request[Any, Any, Any], state: State, city: City, kid: KeyId
    ) -> Response[str]:
        """Show the revocation, to be signed."""
        record_id = str(new_id(state.clock.now()))
        body = service.revocation(state.clock, kid)
        return signing_page(
            request,
            title="吊销签名密钥",
            action=f"/{city}/account/keys/{kid}/revoke",
            carried={"id": record_id, "body": msgspec.json.encode(body).decode()},
            records=[ToSign(payload("key-revoked", record_id, body), f"吊销密钥 {kid}，立即生效")],
            back=f"/{city}/account/keys",
        )

    @post("/{kid:str}/revoke", summary="吊销签名密钥", opt={"scope": "keys:own"}, status_code=200)
    async def revoke(
        self, request: Request[Any, Any, Any], state: State, city: City, kid: KeyId
    ) -> Response[Any]:
        """Revoke a key by a record its holder or an administrator signed."""
        fields = await form_of(request)
        try:
            body = parse(str(fields.get("body", "")).encode())
        except ValueError:
            raise Invalid("要吊销的内容读不出来，请返回后重试。") from None
        sigs = tuple(signatures_of(fields, 1))
        record = Record(_record_id(str(fields.get("id", ""))), "key-revoked", body, sigs)
        async with state.db.transaction(city) as conn:
            await service.accept_revocation(conn, state.clock, kid, record)
        return redirect(f"/{city}/account/keys", notice="密钥已吊销。")


class LogPages(Controller):
    """`/{city}/log`: what is in the log, and how anybody can check it. The tiles are at `/log/`."""

    path = "/log"

    @get(summary="公开日志")
    async def overview(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        q: SoughtText = "",
        cursor: IndexCursor = None,
    ) -> Response[Any]:
        """Show the newest checkpoint and entries; a number or record id leads to its entry."""
        wanted = q.strip().lower()
        async with state.db.city(city) as conn:
            if wanted and (index := await _find(conn, wanted)) is not None:
                return redirect(f"/{city}/log/{index}")
            head = await reading.head_of(conn)
            size = head.size if head else 0
            before = size if cursor is None else min(cursor, size)
            entries = await reading.newest(conn, before, LISTED)
        return render(
            request,
            "log/overview.html",
            head=head,
            origin=state.logs.origin(city),
            vkey=state.logs.verifier(city).vkey,
            q=q,
            entries=entries,
            latest=cursor is None,
            cursor=str(entries[-1].index) if entries and entries[-1].index else None,
        )

    @get("/{index:str}", summary="日志里的一条")
    async def entry(
        self, request: Request[Any, Any, Any], state: State, city: City, index: IndexPath
    ) -> Response[str]:
        """Show an entry as the log keeps it, who signed it, and what proves that it is there."""
        async with state.db.city(city) as conn:
            found = await reading.entry_at(conn, int(index))
        return render(
            request,
            "log/entry.html",
            entry=found,
            record=json.dumps(found.record, ensure_ascii=False, indent=2),
            record_type=RECORD_TYPE,
        )


async def _find(conn: Connection, wanted: str) -> int | None:
    """Return the index that a text names, as a number or by the record's id."""
    if wanted.isdecimal() and wanted.isascii() and len(wanted) <= INDEX_DIGITS_MAX:
        return int(wanted)
    if re.fullmatch(UUID_PATTERN, wanted):
        record_id = UUID(wanted)
        return (await service.index_of(conn, [record_id])).get(record_id)
    return None


def _announcement(visitor: Visitor, public_key: str) -> dict[str, Any]:
    return {
        "algorithm": ALGORITHM,
        "holder": visitor.actor.person_id,
        "kid": key_id(ALGORITHM, unb64(public_key)),
        "public_key": public_key,
        "purpose": "record",
        "role": visitor.actor.role,
    }


def _record_id(text: str) -> str:
    """Read a record id as its canonical text."""
    if re.fullmatch(UUID_PATTERN, text) is None:
        raise Invalid("记录编号不合格式，请返回后重试。")
    return text
