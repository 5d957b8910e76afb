"""Duties on pages: reported by who owes them, answered by the other side, settled by an office."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct

from credit.access.views import Actor
from credit.contracts import service
from credit.contracts.board.views import DutyView
from credit.contracts.logic.clauses import Value
from credit.contracts.logic.duties import DUTY_ACTS, DUTY_STATES
from credit.contracts.logic.machine import ROLE_TITLES
from credit.contracts.pages.shared import (
    FORM_BYTES_MAX,
    Digest,
    Reason,
    keep_files,
    named_file,
    opened,
    side_of,
)
from credit.contracts.pages.wording import FINDINGS, SEVERITIES, told_of_duty
from credit.contracts.service import Belonging, Done
from credit.events.views import EvidenceRef
from credit.kit.errors import CreditError, Invalid
from credit.kit.http import City, RecordKey
from credit.kit.lists import ASKED, Asked, Listing
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.parties import service as parties
from credit.terms.service import open_of_matters

__all__ = ["ConsoleDutyPages", "PortalDutyPages"]

ActPath = Annotated[str, PathParameter(pattern=f"^({'|'.join(DUTY_ACTS)})$", max_length=10)]
DONE: Mapping[str, str] = {
    "report": marked("已报告，等待对方确认。"),
    "confirm": marked("已确认。"),
    "dispute": marked("已提出争议，交主管单位处理。"),
    "raise": marked("已提交上一级。"),
    "settle": marked("已作出处理。"),
    "inspect": marked("核查结果已登记。"),
}


class DutyForm(Struct, frozen=True):
    """What is done about a duty; `seen` is the number of the last step the page showed."""

    LABELS = {
        "seen": marked("页面"),
        "count": marked("次数"),
        "part": marked("其中做到"),
        "whole": marked("总数"),
        "done": marked("是否做到"),
        "items": marked("完成的项目"),
        "finding": marked("认定"),
        "severity": marked("程度"),
        "reason": marked("理由"),
    }

    seen: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    count: str = ""
    part: str = ""
    whole: str = ""
    done: Literal["", "yes", "no"] = ""
    items: str | list[str] = ""
    finding: Literal["fulfilled", "breached"] | None = None
    severity: Literal["minor", "general", "serious"] | None = None
    reason: Reason = ""


class _DutyPages(Controller):
    """One duty, on either side of the house."""

    @get("/{duty_id:str}", summary="一项履约事项")
    async def duty(self, request: Request[Any, Any, Any], duty_id: RecordKey) -> Response[str]:
        """Show what is owed, what was reported and answered, and what may be done now."""
        return await _page(request, duty_id)

    @get("/{duty_id:str}/evidence/{digest:str}", summary="履约证据", opt={"personal": True})
    async def evidence(
        self, request: Request[Any, Any, Any], duty_id: RecordKey, digest: Digest
    ) -> Response[bytes]:
        """Return a file that a step of a duty names."""
        view, _ = await _duty(request, duty_id)
        named = {ref["digest"]: ref["type"] for one in view.steps for ref in one.evidence}
        return await named_file(request, digest, named)

    @post("/{duty_id:str}/{act:str}", summary="办理履约事项", status_code=200,
          request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def do(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        duty_id: RecordKey,
        act: ActPath,
    ) -> Response[Any]:
        """Report, answer, raise, settle or inspect."""
        view, _ = await _duty(request, duty_id)
        fields = await form_of(request)
        files = fields.pop("evidence", None)
        try:
            form = read_form(DutyForm, fields)
            value = _value(view, form) if act == "report" else None
            async with state.db.transaction(city) as conn:
                evidence = await keep_files(request, conn, files)
                done = _done(act, form, value, evidence)
                actor = request.state.visitor.actor
                await service.perform(conn, state.clock, actor, UUID(duty_id), done)
        except CreditError as refused:
            return await _page(request, duty_id, refused=refused, fields=fields, tried=act)
        return redirect(f"{side_of(request).duties}/{duty_id}", notice=DONE[act])


class ConsoleDutyPages(_DutyPages):
    """`/{city}/console/duties`: what offices look at, and what their own owe."""

    path = "/console/duties"
    opt = {"scope": "events:read"}  # noqa: RUF012

    @get(summary="待核查的履约事项", dependencies=ASKED)
    async def duties(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        asked: NamedDependency[Asked],
        what: Annotated[Literal["", "late", "disputed"], QueryParameter()] = "",
    ) -> Response[str]:
        """List duties that are late, the longest first, then those in dispute."""
        actor: Actor = request.state.visitor.actor
        where = asked.where(actor.division)
        async with state.db.city(city) as conn:
            found = await service.inspected(conn, state.clock, actor, where, what)
            own = await service.own_duties(conn, state.clock, actor.organisation or "")
            listing = Listing(
                "duties", "", [], "", asked.rows, "", where, actor.division,
                await parties.divisions(conn),
            )  # fmt: skip
        return render(
            request,
            "contracts/duties.html",
            side=side_of(request),
            found=found,
            own=own,
            what=what,
            listing=listing,
            states=DUTY_STATES,
            roles=ROLE_TITLES,
            most=service.LISTED_MAX,
        )


class PortalDutyPages(_DutyPages):
    """`/{city}/portal/promises`: a party's own duties, and others' reports to answer."""

    path = "/portal/promises"
    opt = {"scope": "portal:use"}  # noqa: RUF012

    @get(summary="本单位的履约事项")
    async def duties(self, request: Request[Any, Any, Any], state: State) -> Response[str]:
        """List what to report, what to answer, and what is done."""
        actor: Actor = request.state.visitor.actor
        async with opened(request) as conn:
            own = await service.own_duties(conn, state.clock, actor.party or "")
        return render(
            request,
            "contracts/promises.html",
            side=side_of(request),
            own=own,
            states=DUTY_STATES,
            roles=ROLE_TITLES,
        )


async def _duty(request: Request[Any, Any, Any], duty_id: str) -> tuple[DutyView, Belonging | None]:
    state, by = request.app.state, service.find_belonging(request.state.visitor.actor)
    async with opened(request) as conn:
        return await service.duty_view(conn, state.clock, by, UUID(duty_id)), by


async def _page(
    request: Request[Any, Any, Any],
    duty_id: str,
    *,
    refused: CreditError | None = None,
    fields: Mapping[str, Any] | None = None,
    tried: str = "",
) -> Response[str]:
    state = request.app.state
    view, _ = await _duty(request, duty_id)
    async with opened(request) as conn:
        contract = await service.contract_line(conn, state.clock, UUID(view.duty.contract))
    settle_by = None
    if view.duty.state == "disputed":
        # The office's own term, which a bound party does not read; it may know its last day.
        async with state.db.city(request.path_params["city"]) as conn:
            settle_by = next(
                (one.due_on for one in await open_of_matters(conn, [UUID(view.duty.id)])), None
            )
    return render(
        request,
        "contracts/duty.html",
        http_status=refused.status if refused else 200,
        side=side_of(request),
        view=view,
        contract=contract,
        told=told_of_duty(view, settle_by, state.clock.today()),
        may={one.act for one in view.may if one.why is None},
        roles=ROLE_TITLES,
        states=DUTY_STATES,
        findings=FINDINGS,
        severities=SEVERITIES,
        fields=fields or {},
        tried=tried,
        problem=refused,
    )


def _value(view: DutyView, form: DutyForm) -> Value:
    """Read what came of a period, by the kind of promise its clause makes."""
    plain: dict[str, Any]
    match view.promise["kind"]:
        case "count":
            plain = {"kind": "count", "count": form.count}
        case "ratio" | "response":
            plain = {"kind": "measured", "part": form.part, "whole": form.whole}
        case "items":
            listed = form.items if isinstance(form.items, list) else [form.items]
            plain = {"kind": "items", "items": [one for one in listed if one]}
        case _:
            if not form.done:
                raise Invalid(say("请选择是否做到。"))
            plain = {"kind": "answer", "done": form.done == "yes"}
    try:
        value: Value = msgspec.convert(plain, Value, strict=False)
    except msgspec.ValidationError:
        raise Invalid(say("请填写本期的履约情况，数量用整数。")) from None
    return value


def _done(act: str, form: DutyForm, value: Value | None, evidence: list[EvidenceRef]) -> Done:
    return Done(
        act,  # type: ignore[arg-type]
        form.seen,
        value=value,
        finding=form.finding if act in ("settle", "inspect") else None,
        severity=form.severity if act == "inspect" else None,
        reason=form.reason or None,
        evidence=evidence,
    )
