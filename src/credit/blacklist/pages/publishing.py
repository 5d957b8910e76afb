"""The console's pages that publish an entry, or that it has left its list, by signing."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State

from credit.access.views import Visitor
from credit.blacklist import service
from credit.blacklist.pages.entry import entry_page, may_now
from credit.blacklist.pages.words import EFFECTS, KINDS, LISTS, SUBJECTS
from credit.blacklist.views import EntryRecord, EntryView
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden
from credit.kit.http import UUID_PATTERN, City, RecordKey
from credit.kit.ids import new_id
from credit.kit.pages import form_of, read_form, redirect
from credit.kit.texts import say
from credit.log.pages import approved_signatures, signing_page
from credit.log.records import Record
from credit.rules.loading import pack_of_city

__all__ = ["ListPublicationPages", "signed_id"]


class RecordForm(msgspec.Struct, frozen=True):
    """The id that was signed with the record."""

    id: Annotated[str, msgspec.Meta(pattern=UUID_PATTERN, max_length=36)]


class ListPublicationPages(Controller):
    """`/{city}/console/lists/{entry}/publication`: what has public effect is signed."""

    path = "/console/lists"

    @get("/{entry_id:str}/publication", summary="公布列入或移出页",
         opt={"scope": "lists:publish", "confirmed": True})  # fmt: skip
    async def publication(
        self, request: Request[Any, Any, Any], state: State, city: City, entry_id: RecordKey
    ) -> Response[str]:
        """Say what is to be signed; refused, show the entry and why."""
        visitor: Visitor = request.state.visitor
        pack, wanted = pack_of_city(city), UUID(entry_id)
        try:
            async with state.db.transaction(city) as conn:
                view = await service.entry_view(conn, state.clock, visitor.actor, pack, wanted)
                _refuse_now(view)
                prepared = await service.prepare(conn, state.clock, pack, wanted)
        except (Conflict, Forbidden) as refused:
            return await entry_page(request, state, city, entry_id, {}, refused)
        record_id = str(new_id(state.clock.now()))
        here = f"/{city}/console/lists/{entry_id}"
        return signing_page(
            request,
            title=say("公布列入") if prepared.kind == "list-entry" else say("公布移出"),
            action=f"{here}/publication",
            carried={"record": record_id},
            records=[Record(record_id, prepared.kind, prepared.body)],
            words=[_words(view, prepared)],
            back=here,
        )

    @post("/{entry_id:str}/publication", summary="公布列入或移出",
          opt={"scope": "lists:publish", "confirmed": True}, status_code=200)  # fmt: skip
    async def publish(
        self, request: Request[Any, Any, Any], state: State, city: City, entry_id: RecordKey
    ) -> Response[Any]:
        """Take in the publisher's signature; the entry, or its end, is in force from today."""
        fields = await form_of(request)
        try:
            async with state.db.transaction(city) as conn:
                kind = await _publish(conn, request, state, entry_id, fields)
        except (Conflict, Forbidden) as refused:
            return await entry_page(request, state, city, entry_id, {}, refused)
        lists = f"/{city}/console/lists"
        if kind == "list-exit":  # what has left its list is sealed to officers
            return redirect(lists, notice=say("已公布移出，正在写入日志。"))
        return redirect(f"{lists}/{entry_id}", notice=say("已公布，正在写入日志。"))


async def _publish(
    conn: Connection,
    request: Request[Any, Any, Any],
    state: State,
    entry_id: str,
    fields: dict[str, Any],
) -> str:
    """Publish, in the caller's transaction; returns the kind of the record."""
    visitor: Visitor = request.state.visitor
    pack, wanted = pack_of_city(request.path_params["city"]), UUID(entry_id)
    record_id = signed_id(fields)
    prepared = await service.prepare(conn, state.clock, pack, wanted)
    unsigned = Record(record_id, prepared.kind, prepared.body)
    sigs = await approved_signatures(conn, request, fields, [unsigned])
    record = Record(record_id, prepared.kind, prepared.body, tuple(sigs))
    await service.publish(conn, state.clock, visitor.actor, pack, wanted, record)
    return record.kind


def signed_id(fields: Mapping[str, Any]) -> str:
    """Return the id of the record a signing page carried."""
    return read_form(RecordForm, {"id": fields.get("record")}).id


def _refuse_now(view: EntryView) -> None:
    """Refuse before anything is signed what `publish` would refuse after."""
    now = may_now(view)
    refusal = now.get("publish", now.get("exit", ""))
    if refusal == "":
        raise Conflict(say("这一条还没有决定列入或移出，没有要公布的内容。"), slug="wrong-state")
    if refusal is not None:
        raise Forbidden(refusal, slug="four-eyes")


def _words(view: EntryView, prepared: EntryRecord) -> str:
    """Say what the record says."""
    who = view.name or f"{SUBJECTS[view.subject_kind]} {view.subject}"
    if prepared.kind == "list-exit":
        return say("%(who)s　移出%(list)s", who=who, list=LISTS[view.list])
    return say(
        "%(who)s　列入%(list)s（%(kind)s，%(effect)s）　%(since)s 至 %(until)s（不含）",
        who=who,
        list=LISTS[view.list],
        kind=KINDS[view.list_kind],
        effect=EFFECTS[prepared.body["effect"]],
        since=prepared.body["from"],
        until=prepared.body["until"],
    )
