"""Drafting on pages: a template and a project, the form, the preview as it will print."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from credit.access.views import Actor
from credit.contracts import service
from credit.contracts.board.views import ClauseShown
from credit.contracts.logic.drafts import role_is_open
from credit.contracts.pages.form import (
    SHARES,
    clause_fields,
    draft_from,
    fields_from,
    keep,
    placed,
)
from credit.contracts.pages.shared import FORM_BYTES_MAX, keep_files, opened, side_of, whole
from credit.contracts.pages.wording import KINDS
from credit.contracts.views import ContractDraft
from credit.kit.errors import Conflict, CreditError, Invalid
from credit.kit.http import CODE_PATTERN, City, RecordKey, SoughtText
from credit.kit.pages import form_of, redirect, render
from credit.kit.texts import say
from credit.parties import projects
from credit.parties import service as parties
from credit.rules.loading import pack_of_city
from credit.rules.promises import ContractTemplate

__all__ = ["DRAFTING", "DraftPages"]

DRAFTING = "contracts:draft"
PROJECTS_MAX = 50
# A form sends what was left open as an empty text.
Chosen = Annotated[str, QueryParameter(pattern=f"^$|{CODE_PATTERN}", max_length=60)]


class DraftPages(Controller):
    """Drafts, on either side of the house."""

    @get("/new", summary="起草契约页")
    async def begin(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        template: Chosen = "",
        project: Chosen = "",
        q: SoughtText = "",
    ) -> Response[str]:
        """Offer the templates, then the projects, then the form of the draft."""
        found = _templates(state, city).get(template)
        if DRAFTING in request.state.visitor.actor.scopes and found is not None:
            if found.kind == "pact" or project:
                return await _form_page(request, found, project or None, {})
            return await _project_page(request, state, city, found, q.strip())
        return render(
            request,
            "contracts/templates.html",
            side=side_of(request),
            templates=_templates(state, city).values(),
            kinds=KINDS,
            may=DRAFTING in request.state.visitor.actor.scopes,
        )

    @post("/new", summary="起草契约", status_code=200, request_max_body_size=FORM_BYTES_MAX)
    async def draft(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Keep a draft of a new contract; one with faults comes back as it was filled in."""
        fields = await form_of(request)
        template = _templates(state, city).get(str(fields.get("template", "")))
        if template is None:
            raise Invalid(say("请先选择模板。"))
        project = str(fields.get("project", "")) or None
        actor, pack = request.state.visitor.actor, pack_of_city(city)
        try:
            content = await _content(request, template, project, fields)
            async with state.db.transaction(city) as conn:
                (drafted,) = await service.draft(conn, state.clock, actor, pack, [content])
        except CreditError as refused:
            return await _form_page(request, template, project, fields, refused=refused)
        return redirect(
            f"{side_of(request).contracts}/{drafted}/preview",
            notice=say("草稿已保存。请核对全文，然后定稿。"),
        )

    @get("/{contract_id:str}/draft", summary="修改契约草稿页")
    async def edit(
        self, request: Request[Any, Any, Any], state: State, city: City, contract_id: RecordKey
    ) -> Response[Any]:
        """Show the form of an open draft."""
        await whole(request, contract_id)
        async with opened(request) as conn:
            _, revision, content = await service.open_draft(
                conn, request.state.visitor.actor, UUID(contract_id)
            )
        template = service.template_of(pack_of_city(city), content.template, state.clock.today())
        fields = fields_from(content) | {"revision": str(revision)}
        return await _form_page(request, template, content.project, fields, contract_id)

    @post("/{contract_id:str}/draft", summary="修改契约草稿", status_code=200,
          request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def change(
        self, request: Request[Any, Any, Any], state: State, city: City, contract_id: RecordKey
    ) -> Response[Any]:
        """Replace an open draft."""
        await whole(request, contract_id)
        fields = await form_of(request)
        actor, pack = request.state.visitor.actor, pack_of_city(city)
        async with opened(request) as conn:
            _, _, before = await service.open_draft(conn, actor, UUID(contract_id))
        template = service.template_of(pack, before.template, state.clock.today())
        try:
            content = await _content(request, template, before.project, fields)
            revision = str(fields.get("revision", ""))
            async with state.db.transaction(city) as conn:
                await service.redraft(
                    conn, state.clock, actor, pack, UUID(contract_id), content,
                    revision=int(revision) if revision.isascii() and revision.isdigit() else 0,
                )  # fmt: skip
        except CreditError as refused:
            return await _form_page(
                request, template, before.project, fields, contract_id, refused=refused
            )
        return redirect(
            f"{side_of(request).contracts}/{contract_id}/preview",
            notice=say("草稿已保存。请核对全文，然后定稿。"),
        )

    @get("/{contract_id:str}/preview", summary="契约草稿预览")
    async def preview(
        self, request: Request[Any, Any, Any], state: State, city: City, contract_id: RecordKey
    ) -> Response[Any]:
        """Show the text a draft would be frozen as now, or what keeps it from that."""
        found = await whole(request, contract_id)
        text, problem = None, None
        actor, pack = request.state.visitor.actor, pack_of_city(city)
        try:
            async with opened(request) as conn:  # a party previews its own draft alone
                await service.open_draft(conn, actor, UUID(contract_id))
            async with state.db.city(city) as conn:
                text = await service.preview(conn, state.clock, actor, pack, UUID(contract_id))
        except Conflict as refused:
            problem = placed(refused)
        clauses: list[ClauseShown] = (
            [service.clause_shown(one) for one in text.clauses] if text else []
        )
        return render(
            request,
            "contracts/preview.html",
            side=side_of(request),
            found=found,
            text=text,
            clauses=clauses,
            problem=problem,
        )

    @post("/{contract_id:str}/discard", summary="作废契约草稿", status_code=200)
    async def discard(
        self, request: Request[Any, Any, Any], state: State, city: City, contract_id: RecordKey
    ) -> Response[Any]:
        """Throw an open draft away."""
        await whole(request, contract_id)
        async with state.db.transaction(city) as conn:
            actor = request.state.visitor.actor
            await service.discard(conn, state.clock, actor, UUID(contract_id))
        return redirect(f"{side_of(request).contracts}/{contract_id}", notice=say("草稿已作废。"))

    @post("/{contract_id:str}/amend", summary="订立契约新版本", status_code=200)
    async def amend(
        self, request: Request[Any, Any, Any], state: State, city: City, contract_id: RecordKey
    ) -> Response[Any]:
        """Begin the draft of a new version."""
        await whole(request, contract_id)
        async with state.db.transaction(city) as conn:
            actor, pack = request.state.visitor.actor, pack_of_city(city)
            await service.amend(conn, state.clock, actor, pack, UUID(contract_id))
        return redirect(
            f"{side_of(request).contracts}/{contract_id}/draft",
            notice=say("新版本的草稿已建好，内容与原文相同。请修改后保存。"),
        )


def _templates(state: State, city: str) -> Mapping[str, ContractTemplate]:
    return pack_of_city(city).on(state.clock.today()).contracts


async def _content(
    request: Request[Any, Any, Any],
    template: ContractTemplate,
    project: str | None,
    fields: dict[str, Any],
) -> ContractDraft:
    """Keep a form's files, so that a form that comes back still has them, and read its draft."""
    state, city = request.app.state, request.path_params["city"]
    async with state.db.transaction(city) as conn:
        attachments = await keep_files(request, conn, fields.pop("attachments", None))
        keep(fields, "kept", attachments, one=False)
        for vote in template.votes:
            tally = await keep_files(request, conn, fields.pop(f"tally-{vote.matter}", None))
            keep(fields, f"tally-kept-{vote.matter}", tally, one=True)
    return draft_from(template, project, fields)


async def _project_page(
    request: Request[Any, Any, Any], state: State, city: str, template: ContractTemplate, q: str
) -> Response[str]:
    """Let a drafter choose the project: a party one of its own, an office by name or code."""
    actor: Actor = request.state.visitor.actor
    found: list[tuple[str, str]] = []
    async with state.db.city(city) as conn:
        if actor.party is not None:
            found = await projects.projects_of(conn, actor.party, state.clock.today(), PROJECTS_MAX)
        elif q:
            subjects = await parties.find_subjects(conn, "project", q, PROJECTS_MAX)
            found = [(one.code, one.name) for one in subjects]
    return render(
        request,
        "contracts/project.html",
        side=side_of(request),
        template=template,
        found=found,
        q=q,
        own=actor.party is not None,
    )


async def _form_page(
    request: Request[Any, Any, Any],
    template: ContractTemplate,
    project: str | None,
    fields: Mapping[str, Any],
    contract_id: str | None = None,
    *,
    refused: CreditError | None = None,
) -> Response[str]:
    state, city = request.app.state, request.path_params["city"]
    actor, today = request.state.visitor.actor, state.clock.today()
    async with state.db.city(city) as conn:
        options = await service.choices(
            conn, state.clock, actor, pack_of_city(city), template.id, project
        )
        facts = (await projects.project_facts(conn, [project] if project else [], today)).get(
            project or ""
        )
    return render(
        request,
        "contracts/draft.html",
        http_status=refused.status if refused else 200,
        side=side_of(request),
        template=template,
        project=facts,
        roles=[one for one in template.parties if not role_is_open(one)],
        options=options,
        clauses=clause_fields(template),
        shares=SHARES,
        fields=fields,
        contract_id=contract_id,
        today=today,
        problem=placed(refused) if refused else None,
    )
