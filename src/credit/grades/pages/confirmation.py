"""The console's pages on which a district confirms a run or returns it."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, post
from litestar.datastructures import State

from credit.access.guard import actor_of
from credit.grades import service
from credit.grades.pages.run_page import RunPage, run_page
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, Invalid
from credit.kit.http import City, Paragraph, RecordKey
from credit.kit.pages import form_of, read_form, redirect
from credit.kit.texts import marked, say
from credit.log.carried import counted_ids, first_id
from credit.log.pages import approved_signatures, signing_page
from credit.log.records import Record
from credit.parties import service as parties
from credit.rules.loading import pack_of_city

__all__ = ["ConfirmationPages"]


class AnswerForm(msgspec.Struct, frozen=True):
    """A district's answer: confirmed, or returned with a reason."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "outcome": marked("答复"),
        "reason": marked("退回的理由"),
    }

    outcome: Literal["confirmed", "returned"]
    reason: Paragraph | None = None


class ConfirmationPages(Controller):
    """`/{city}/console/runs/…/confirmation`: a district's answer, shown and then signed."""

    path = "/console/runs"

    @post("/{run_id:str}/confirmation", summary="答复评级页", opt={"scope": "grades:confirm"},
          status_code=200)  # fmt: skip
    async def ask(
        self, request: Request[Any, Any, Any], state: State, city: City, run_id: RecordKey
    ) -> Response[Any]:
        """Show the record that confirms or returns the run, to be signed; or say why there is none."""
        page = RunPage(request, state, city, UUID(run_id))
        first = first_id(state.clock.now())
        try:
            form = await _answer_of(request)
            async with state.db.city(city) as conn:
                record = await _record(conn, page, first, form)
                words = await _words(conn, page, record)
        except (Conflict, Forbidden, Invalid) as refused:
            return await run_page(page, refused=refused)
        here = f"/{city}/console/runs/{run_id}"
        return signing_page(
            request,
            title=say("确认评级") if form.outcome == "confirmed" else say("退回评级"),
            action=f"{here}/confirmation/sign",
            carried={"first": first, "outcome": form.outcome, "reason": form.reason or ""},
            records=[record],
            words=words,
            back=here,
        )

    @post("/{run_id:str}/confirmation/sign", summary="答复评级", opt={"scope": "grades:confirm"},
          status_code=200)  # fmt: skip
    async def answer(
        self, request: Request[Any, Any, Any], state: State, city: City, run_id: RecordKey
    ) -> Response[Any]:
        """Take in the district's signed answer; its record enters the log."""
        page = RunPage(request, state, city, UUID(run_id))
        try:
            form = await _answer_of(request)
            fields = await form_of(request)
            async with state.db.transaction(city) as conn:
                record = await _record(conn, page, fields.get("first"), form)
                (sig,) = await approved_signatures(conn, request, fields, [record])
                await service.confirm(
                    conn,
                    state.clock,
                    actor_of(page.request),
                    pack_of_city(city),
                    page.run_id,
                    Record(record.id, record.kind, record.body, (sig,)),
                    reason=form.reason,
                )
        except Conflict as refused:
            return await run_page(page, refused=refused)
        notice = say("已确认，正在写入日志。")
        if form.outcome == "returned":
            notice = say("已退回，信用专员会看到您的理由。")
        return redirect(f"/{city}/console/runs/{run_id}", notice=notice)


async def _answer_of(request: Request[Any, Any, Any]) -> AnswerForm:
    fields = await form_of(request)
    reason = " ".join(str(fields.get("reason", "")).split())  # whatever lines it was written in
    form = read_form(AnswerForm, {**fields, "reason": reason})
    if form.outcome == "returned" and form.reason is None:
        raise Invalid(say("请写明退回的理由：哪家企业、哪一项不对。"))
    return msgspec.structs.replace(form, reason=form.reason if form.outcome == "returned" else None)


async def _record(conn: Connection, page: RunPage, first: object, form: AnswerForm) -> Record:
    body = await service.prepare_confirmation(
        conn,
        page.state.clock,
        actor_of(page.request),
        pack_of_city(page.city),
        page.run_id,
        form.outcome,
    )
    (record_id,) = counted_ids(first, 1)
    return Record(record_id, service.CONFIRMED_KIND, body)


async def _words(conn: Connection, page: RunPage, record: Record) -> list[str]:
    """Say what the record says, and what the run changes in the district."""
    division, pack = record.body["division"], pack_of_city(page.city)
    name = await parties.territory_name(conn, division)
    found = await service.compare_run(conn, pack, page.run_id, district=division, limit=1)
    values: dict[str, object] = {
        "name": name,
        "day": record.body["on"],
        "count": found.enterprises,
        "worse": found.counts["worse"] + found.counts["unrated"],
        "better": found.counts["better"] + found.counts["rated"],
    }
    if record.body["outcome"] == "returned":
        return [say("%(name)s退回 %(day)s 的评级（本区 %(count)s 家企业）", **values)]
    return [
        say(
            "%(name)s确认 %(day)s 的评级：本区 %(count)s 家企业，其中等级下降或不再评级 %(worse)s 家，"
            "上升或首次评级 %(better)s 家",
            **values,
        )
    ]
