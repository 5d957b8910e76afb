"""Prints of contracts for certificates: downloaded, signed with the party's own tool, brought back."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter

from credit.contracts import service
from credit.contracts.pages.shared import VersionNumber, Whole, opened, side_of, whole
from credit.documents.compiler import render_letter
from credit.kit.blobs import BLOB_BYTES_MAX
from credit.kit.errors import Conflict, CreditError, Invalid, NotFound
from credit.kit.http import City, RecordKey
from credit.kit.pages import attachment, file_of, redirect, render
from credit.kit.texts import say
from credit.web.contract_letters import print_letter

__all__ = ["PAPER_PAGES"]

Number = Annotated[int, PathParameter(ge=0, le=20)]


class _PaperPages(Controller):
    """What both sides may look at."""

    @get("/{contract_id:str}/papers", summary="电子签章文本")
    async def papers(
        self,
        request: Request[Any, Any, Any],
        contract_id: RecordKey,
        version: VersionNumber = None,
    ) -> Response[str]:
        """List the print of a version and what was signed of it."""
        return await _page(request, await _frozen(request, contract_id, version))

    @get("/{contract_id:str}/papers/{number:int}", summary="电子签章文本（PDF）")
    async def paper(
        self,
        request: Request[Any, Any, Any],
        state: State,
        contract_id: RecordKey,
        number: Number,
        version: VersionNumber = None,
    ) -> Response[bytes]:
        """Hand out a print, byte for byte as it is kept."""
        found = await _frozen(request, contract_id, version)
        async with opened(request) as conn:
            papers = await service.papers_of(conn, UUID(contract_id), _version(found))
        if number >= len(papers):
            raise NotFound(say("没有这份文件。"))
        content = await state.blobs.read(papers[number].digest)
        return attachment(content, "application/pdf", f"contract-{contract_id[-12:]}-{number}.pdf")


class _SealPages(Controller):
    """What a party does: it takes a print away and brings it back signed."""

    @post("/{contract_id:str}/papers/print", summary="生成电子签章文本", status_code=200)
    async def print_(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        contract_id: RecordKey,
        version: VersionNumber = None,
    ) -> Response[Any]:
        """Keep the print of a version, unless there is one."""
        found = await _frozen(request, contract_id, version)
        content = await render_letter(print_letter(state, city, found.view))
        actor = request.state.visitor.actor
        async with state.db.transaction(city) as conn:
            await service.keep_print(
                conn, state.clock, actor, state.blobs, UUID(contract_id), _version(found), content
            )
        return redirect(
            _address(request, found), notice=say("已生成，请下载后用您的签章工具签署。")
        )

    @post("/{contract_id:str}/papers", summary="上传已签章的文本", status_code=200,
          request_max_body_size=BLOB_BYTES_MAX + 65_536)  # fmt: skip
    async def bring(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        contract_id: RecordKey,
        version: VersionNumber = None,
    ) -> Response[Any]:
        """Keep the newest print with one signature more; a refusal shows the page again."""
        found = await _frozen(request, contract_id, version)
        actor = request.state.visitor.actor
        try:
            given = await file_of(request, "file", BLOB_BYTES_MAX)
            if given is None:
                raise Invalid(say("请选择已经加盖电子签章的 PDF 文件。"))
            async with state.db.transaction(city) as conn:
                paper = await service.add_signed_print(
                    conn, state.clock, actor, state.blobs, state.esign_roots, UUID(contract_id),
                    _version(found), given[1],
                )  # fmt: skip
        except CreditError as refused:
            return await _page(request, found, refused)
        name = paper.signature.name if paper.signature else ""
        return redirect(
            _address(request, found), notice=say("已保存 %(name)s 的电子签章。", name=name)
        )


class ConsolePaperPages(_PaperPages):
    """`/{city}/console/contracts/{id}/papers`: for officers to look at."""

    path = "/console/contracts"
    opt = {"scope": "events:read"}  # noqa: RUF012 - litestar's own way


class ConsoleSealPages(_SealPages):
    """The same place, for offices that are parties: association, custodian of a seal, witness."""

    path = "/console/contracts"
    opt = {"scope": "contracts:sign"}  # noqa: RUF012 - litestar's own way


class PortalPaperPages(_PaperPages, _SealPages):
    """`/{city}/portal/contracts/{id}/papers`: enterprises, committees and owners."""

    path = "/portal/contracts"
    opt = {"scope": "portal:use"}  # noqa: RUF012 - litestar's own way


PAPER_PAGES: tuple[type[Controller], ...] = (ConsolePaperPages, ConsoleSealPages, PortalPaperPages)


async def _frozen(request: Request[Any, Any, Any], contract_id: str, version: int | None) -> Whole:
    found = await whole(request, contract_id, version)
    if found.view.text is None:
        raise Conflict(say("这份契约还没有定稿，没有可以签章的文本。"))
    return found


def _version(found: Whole) -> int:
    return found.view.version or 0


def _address(request: Request[Any, Any, Any], found: Whole) -> str:
    return f"{side_of(request).contracts}/{found.view.line.id}/papers?version={found.view.version}"


async def _page(
    request: Request[Any, Any, Any], found: Whole, refused: CreditError | None = None
) -> Response[str]:
    async with opened(request) as conn:
        papers = await service.papers_of(conn, UUID(found.view.line.id), _version(found))
    side = found.by.side if found.by else None
    signs = "contracts:sign" in request.state.visitor.actor.scopes or side_of(request).portal
    return render(
        request,
        "contracts/papers.html",
        http_status=refused.status if refused else 200,
        side=side_of(request),
        view=found.view,
        papers=papers,
        signs=signs and side in {(one.scheme, one.id) for one in found.view.parties},
        brought=side is not None and any(one.party == side.id for one in papers),
        problem=refused,
    )
