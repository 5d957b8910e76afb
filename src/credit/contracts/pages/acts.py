"""A contract on its page, and everything done to it by signing in the browser."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from credit.contracts import service
from credit.contracts.board.views import ContractView
from credit.contracts.logic.machine import ACTS, ROLE_TITLES
from credit.contracts.logic.records import FROZEN
from credit.contracts.pages.shared import (
    Digest,
    Reason,
    VersionNumber,
    named_file,
    opened,
    read_whole,
    side_of,
    whole,
)
from credit.contracts.pages.wording import KINDS, told_of_contract
from credit.contracts.service import SignedAct
from credit.kit.db import Connection
from credit.kit.errors import Conflict, CreditError, Invalid
from credit.kit.http import City, RecordKey
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.log.carried import counted_ids, first_id
from credit.log.pages import approved_signatures, signing_page
from credit.log.records import Record
from credit.rules.loading import pack_of_city

__all__ = ["SIGNED", "ContractActPages"]

ActName = Literal[
    "freeze", "sign", "refuse", "withdraw", "suspend", "resume", "end", "retract", "close", "leave"
]
SIGNED: tuple[ActName, ...] = (
    "freeze", "sign", "refuse", "withdraw", "suspend", "resume", "end", "retract", "close", "leave",
)  # fmt: skip
ActPath = Annotated[str, PathParameter(pattern=f"^({'|'.join(SIGNED)})$", max_length=10)]
PARTIES_SHOWN = 60
PartyText = Annotated[str, QueryParameter(pattern=r"^[0-9A-Za-z._-]{0,40}$", max_length=40)]
DONE: Mapping[str, str] = {
    "freeze": marked("已定稿并发出要约，等待各方签署。"),
    "sign": marked("已签署。"),
    "refuse": marked("已拒绝签署，理由已转给其他当事方。"),
    "withdraw": marked("已撤回要约。"),
    "suspend": marked("已签名。双方都同意以后中止履行。"),
    "resume": marked("已签名。双方都同意以后恢复履行。"),
    "end": marked("已签名。双方都同意以后终止。"),
    "retract": marked("已撤回提议。"),
    "close": marked("已办结终止。"),
    "leave": marked("已退出公约。"),
}


class ActForm(Struct, frozen=True):
    """Why somebody does something, where reasons are asked for; `read` says the text was read."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "reason": marked("理由"),
        "read": marked("已阅读全文"),
    }

    reason: Reason = ""
    read: str = ""


class ContractActPages(Controller):
    """One contract, on either side of the house."""

    @get("/{contract_id:str}", summary="一份契约")
    async def contract(
        self,
        request: Request[Any, Any, Any],
        contract_id: RecordKey,
        version: VersionNumber = None,
        party: PartyText = "",
    ) -> Response[str]:
        """Show where a contract stands, its text, its parties, its performance, and what to do."""
        return await _page(request, contract_id, version=version, party=party or None)

    @get("/{contract_id:str}/files/{digest:str}", summary="契约的附件", opt={"personal": True})
    async def attachment(
        self,
        request: Request[Any, Any, Any],
        contract_id: RecordKey,
        digest: Digest,
        version: VersionNumber = None,
    ) -> Response[bytes]:
        """Return a file that a text names: an attachment or a tally sheet."""
        text = (await whole(request, contract_id, version)).view.text
        refs = [*text.attachments, *(one.vote.tally for one in text.votes)] if text else []
        return await named_file(request, digest, {one.digest: one.type for one in refs})

    @post("/{contract_id:str}/acts/{act:str}", summary="办理契约页", status_code=200)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        contract_id: RecordKey,
        act: ActPath,
    ) -> Response[Any]:
        """Show the record that an act would sign now."""
        found = await whole(request, contract_id)
        fields = await form_of(request)
        try:
            form = read_form(ActForm, {k: v for k, v in fields.items() if k in ("reason", "read")})
            _check(act, form)
            async with state.db.city(city) as conn:
                kind, body = await _prepared(request, conn, contract_id, act)
        except (Conflict, Invalid) as refused:
            return await _page(request, contract_id, refused=refused, fields=fields)
        (record_id,) = counted_ids(first_id(state.clock.now()), 1)
        return signing_page(
            request,
            title=ACTS[act],  # type: ignore[index]
            action=f"{side_of(request).contracts}/{contract_id}/acts/{act}/sign",
            carried={"first": record_id, "reason": form.reason, "read": form.read},
            records=[Record(record_id, kind, body)],
            words=_words(found.view, act, body, form.reason),
            back=f"{side_of(request).contracts}/{contract_id}",
        )

    @post("/{contract_id:str}/acts/{act:str}/sign", summary="办理契约", status_code=200)
    async def sign(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        contract_id: RecordKey,
        act: ActPath,
    ) -> Response[Any]:
        """Take in the signature; the last one needed brings a version into force."""
        await whole(request, contract_id)
        fields = await form_of(request)
        form = read_form(ActForm, {k: v for k, v in fields.items() if k in ("reason", "read")})
        _check(act, form)
        actor, wanted, pack = request.state.visitor.actor, UUID(contract_id), pack_of_city(city)
        async with state.db.transaction(city) as conn:
            kind, body = await _prepared(request, conn, contract_id, act)
            (record_id,) = counted_ids(fields.get("first"), 1)
            sigs = await approved_signatures(conn, request, fields, [Record(record_id, kind, body)])
            record = Record(record_id, kind, body, tuple(sigs))
            if act == "freeze":
                await service.freeze(conn, state.clock, actor, pack, state.blobs, {wanted: record})
            else:
                one = SignedAct(actor, wanted, act, record, form.reason or None)  # type: ignore[arg-type]
                await service.act(conn, state.clock, state.blobs, [one])
        return redirect(f"{side_of(request).contracts}/{contract_id}", notice=DONE[act])


async def _prepared(
    request: Request[Any, Any, Any], conn: Connection, contract_id: str, act: str
) -> tuple[str, dict[str, Any]]:
    """Return the (kind, body) of the record that an act signs now."""
    state, city = request.app.state, request.path_params["city"]
    actor, wanted = request.state.visitor.actor, UUID(contract_id)
    if act == "freeze":
        pack = pack_of_city(city)
        bodies = await service.prepare_freezing(conn, state.clock, actor, pack, [wanted])
        return FROZEN, bodies[wanted]
    prepared = await service.prepare(conn, state.clock, actor, act, [wanted])  # type: ignore[arg-type]
    return prepared[wanted]


def _check(act: str, form: ActForm) -> None:
    if act == "sign" and not form.read:
        raise Invalid(say("请先阅读契约全文，并勾选“已阅读全文”，再签署。"))
    if act in service.REASONED and not form.reason.strip():
        raise Invalid(say("“%(act)s”要写明理由。", act=ACTS[act]))  # type: ignore[index]


def _words(view: ContractView, act: str, body: Mapping[str, Any], reason: str) -> list[str]:
    """Say what a record says: which text, in which role, with which digest."""
    line = view.line
    words = [
        say(
            "%(title)s，第 %(version)s 版　%(about)s",
            title=line.title,
            version=body["version"],
            about=line.project_name or "",
        )
    ]
    if act == "freeze":
        words.append(
            say(
                "定稿后文本不能再改。期限 %(first)s 至 %(last)s，请各方在 %(until)s 以前签署。",
                first=body["from"],
                last=body["until"],
                until=body["offer_until"],
            )
        )
    else:
        words.append(
            say(
                "以“%(role)s”的身份办理：%(act)s",
                role=ROLE_TITLES[body["role"]],
                act=ACTS[act],  # type: ignore[index]
            )
        )
    words.append(say("全文和附件的摘要 %(digest)s", digest=body["digest"]))
    if reason:
        words.append(say("理由（不写入日志）：%(reason)s", reason=reason))
    return words


async def _page(
    request: Request[Any, Any, Any],
    contract_id: str,
    *,
    version: int | None = None,
    party: str | None = None,
    refused: CreditError | None = None,
    fields: Mapping[str, Any] | None = None,
) -> Response[str]:
    state = request.app.state
    actor, wanted, rows = request.state.visitor.actor, UUID(contract_id), []
    async with opened(request) as conn:
        found = await read_whole(request, conn, contract_id, version)
        view = found.view
        # Of a pact with many members, one at a time: an enterprise sees its own anyway.
        if view.line.kind != "pact" or party or actor.party:
            rows = await service.performance(conn, state.clock, actor, wanted, party=party)
    return render(
        request,
        "contracts/contract.html",
        http_status=refused.status if refused else 200,
        side=side_of(request),
        found=found,
        view=view,
        told=told_of_contract(view, found.left),
        board=rows,
        party=party,
        kinds=KINDS,
        roles=ROLE_TITLES,
        reasoned=service.REASONED,
        parties_shown=PARTIES_SHOWN,
        today=state.clock.today().isoformat(),
        public=f"{state.settings.public_url.rstrip('/')}/{request.path_params['city']}",
        fields=fields or {},
        problem=refused,
    )
