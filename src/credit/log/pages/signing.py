"""Signing on pages: what is shown, what the browser fetches, and the one way signatures come in."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.response import Stream

from credit.access.service import passkeys
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Invalid
from credit.kit.pages import HEADERS, read_form, render
from credit.kit.signing import ALGORITHM, b64
from credit.kit.texts import say
from credit.log.carried import batch_digest
from credit.log.records import RECORD_TYPE, RECORDS_MAX, Record, Sig

__all__ = ["Batch", "approved_signatures", "payloads_answer", "signing_page"]

WORDS_SHOWN_MAX = 200
SIGNATURE = re.compile(r"[0-9A-Za-z+/]{86}==", re.ASCII)
SIGNATURE_CHARS = 89  # in base64, and what stands between two
PAYLOADS_AT_ONCE = 100
Kid = Annotated[str, msgspec.Meta(pattern=r"^k1:[0-9a-f]{32}$(?!\n)")]


class SignedForm(msgspec.Struct, frozen=True):
    """What the browser adds to a form: by which key, a signature for each record in turn, the
    digest of all that was signed, and a passkey's approval of it where there is a passkey.
    """

    kid: Kid
    signatures: Annotated[str, msgspec.Meta(max_length=RECORDS_MAX * SIGNATURE_CHARS)]
    digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    approval: Annotated[str, msgspec.Meta(max_length=20_000)] = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records too many for their page: where the browser fetches their payloads, how many there
    are, their digest, and how many of each grade, where they are grades ("" is unrated).
    """

    payloads_at: str
    count: int
    digest: str
    summary: Sequence[tuple[str, int]] = ()


def signing_page(
    request: Request[Any, Any, Any],
    *,
    title: str,
    action: str,
    carried: Mapping[str, str],
    records: Sequence[Record] | Batch,
    words: Sequence[str],
    back: str,
) -> Response[str]:
    """Show what is about to be signed; the browser signs and sends `carried` on to `action`.

    `words` say what the records say, at least the first of them. The handler at `action` takes the
    signatures by `approved_signatures`.
    """
    batch = records if isinstance(records, Batch) else None
    few = () if isinstance(records, Batch) else records
    content = {"type": RECORD_TYPE, "payloads": [b64(one.payload) for one in few]}
    return render(
        request,
        "log/sign.html",
        title=title,
        action=action,
        carried=carried,
        count=batch.count if batch else len(few),
        words=words[:WORDS_SHOWN_MAX],
        digest=batch.digest if batch else batch_digest(few),
        content=msgspec.json.encode(content).decode(),
        batch=batch,
        passkeys_at=passkeys.site_of(request.app.state.settings.public_url),
        back=back,
    )


def payloads_answer(records: Sequence[Record]) -> Stream:
    """Answer with what a batch signs, a part at a time, for the browser to sign it."""
    headers = {**HEADERS, "Cache-Control": "no-store"}
    return Stream(_payloads(records), media_type="application/json", headers=headers)


async def _payloads(records: Sequence[Record]) -> AsyncIterator[bytes]:
    yield b'{"type":%b,"payloads":[' % msgspec.json.encode(RECORD_TYPE)
    for begin in range(0, len(records), PAYLOADS_AT_ONCE):
        part = records[begin : begin + PAYLOADS_AT_ONCE]
        some = (f'"{b64(one.payload)}"' for one in part)
        yield (("," if begin else "") + ",".join(some)).encode()
    yield b"]}"


async def approved_signatures(
    conn: Connection,
    request: Request[Any, Any, Any],
    fields: Mapping[str, Any],
    records: Sequence[Record],
) -> list[Sig]:
    """Return the signatures a signing page sent, one for each record in turn, approved.

    `records` are what the server itself makes of the form, not yet signed. Refused are another
    number of signatures, what is none, content that is no longer what was shown, and, of somebody
    with a passkey, an act that a passkey has not approved just now and exactly so. The approval is
    used up in the transaction of `conn`: with the act, or not at all. A single proposal alone uses
    it up in a transaction of its own just before, as its act shares one with other people's. Whose
    the key is and whether it signed these records is checked where they are taken in.
    """
    form = read_form(SignedForm, fields)
    found = form.signatures.split()
    if len(found) != len(records):
        raise Invalid(
            say(
                "应有 %(count)s 个签名，收到 %(found)s 个。请返回后重新签名。",
                count=len(records),
                found=len(found),
            )
        )
    if not all(map(SIGNATURE.fullmatch, found)):
        raise Invalid(say("签名读不出来，没有提交任何内容。请返回后重新签名。"))
    digest = batch_digest(records)
    if form.digest != digest:
        raise Conflict(
            say(
                "从您看到要签的内容到现在，数据或日期有了变化，没有提交任何内容。"
                "请返回，重新选择并签名。"
            ),
            slug="body-outdated",
        )
    state = request.app.state
    await passkeys.check_approval(
        conn,
        state.clock,
        passkeys.site_of(state.settings.public_url),
        request.state.visitor,
        digest=bytes.fromhex(digest),
        answer=form.approval,
    )
    return [Sig(form.kid, ALGORITHM, one) for one in found]
