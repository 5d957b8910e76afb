"""Pages of credit events: the console's lists, entry and decisions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State, UploadFile
from litestar.params import PathParameter
from msgspec import Meta, Struct

from credit.access.logic import refuse_unplaced, require
from credit.access.views import Visitor
from credit.events import logic, service
from credit.events.pages.lists import (
    chosen_events,
    list_of,
    refusal_page,
    refuse_undecidable,
)
from credit.events.views import (
    Decision,
    Draft,
    EventRecord,
    EvidenceRef,
    Signature,
)
from credit.kit.blobs import BLOB_BYTES_MAX
from credit.kit.canonical import canonical
from credit.kit.db import Connection
from credit.kit.errors import CreditError, Invalid, NotFound, TooLarge
from credit.kit.http import City, Paragraph, RecordKey
from credit.kit.ids import new_id
from credit.kit.pages import form_of, read_form, redirect, refused_form, render
from credit.kit.texts import marked, said_by, say
from credit.log.pages import approved_signatures, signing_page
from credit.log.records import Record
from credit.parties import service as parties
from credit.rules.loading import pack_of_city
from credit.rules.model import EventType, LevelPoints, RangePoints
from credit.rules.trace import text

__all__ = ["ConsoleEventPages"]

Digest = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$", max_length=64)]
EVIDENCE_MAX = 5
FORM_BYTES_MAX = EVIDENCE_MAX * BLOB_BYTES_MAX + 1024 * 1024
# A signature of nobody, where a record's shape asks for one and nothing is kept.
UNSIGNED = {"kid": "-", "alg": "Ed25519", "sig": "A" * 86 + "=="}


class EntryForm(Struct, frozen=True):
    """What an officer enters about a fact; the register names its other subjects."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "type": marked("事件"),
        "primary": marked("记在谁名下"),
        "subject": marked("代码"),
        "occurred_on": marked("发生日期"),
        "reference": marked("文号"),
        "level": marked("级别"),
        "points": marked("分值"),
        "fact_key": marked("同一事实"),
        "valid_until": marked("有效期止"),
    }

    type: Annotated[str, Meta(max_length=80)]
    primary: Literal["enterprise", "project", "manager"]
    subject: Annotated[str, Meta(pattern=r"^[0-9A-Za-z._-]{1,40}$")]
    occurred_on: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    reference: Annotated[str, Meta(max_length=64)]
    level: str | None = None
    points: str | None = None
    fact_key: Annotated[str, Meta(max_length=64)] | None = None
    valid_until: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None


class AcceptanceForm(Struct, frozen=True):
    """That events are accepted, and why; a refusal's reason is asked for on a page of its own."""

    LABELS: ClassVar[Mapping[str, str]] = {"outcome": marked("决定"), "reason": marked("理由")}

    outcome: Literal["accepted"]
    reason: Paragraph


class ConsoleEventPages(Controller):
    """`/{city}/console/events`: facts entered, decided and looked up."""

    path = "/console/events"

    @get("/new", summary="登记事件页", opt={"scope": "events:propose"})
    async def entry(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Offer the form; the query may fill it in beforehand."""
        fields = dict(request.query_params.items())
        try:
            refuse_unplaced(request.state.visitor.actor)
        except CreditError as refused:
            return _entry_page(request, state, city, fields, refused)
        return _entry_page(request, state, city, fields)

    @post("/new", summary="登记事件", opt={"scope": "events:propose"}, status_code=200,
          request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def enter(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Check what was entered, keep its evidence, and show the record to be signed."""
        fields = await form_of(request)
        try:
            form = read_form(EntryForm, {k: v for k, v in fields.items() if k != "evidence"})
            async with state.db.transaction(city) as conn:
                evidence = await _keep_evidence(request, state, conn, fields.get("evidence"))
                draft = await _draft(conn, state, city, form, evidence)
                await service.plan(
                    conn, state.clock, request.state.visitor.actor, pack_of_city(city), [draft]
                )
        except CreditError as refused:
            return _entry_page(request, state, city, fields, refused)
        body = logic.body_of(draft)
        event = _catalogue(state, city)[form.type]
        words = say(
            "%(title)s（%(points)s 分）　%(subject)s　%(day)s　%(reference)s",
            title=event.title,
            points=logic.points_words(event, body),
            subject=form.subject,
            day=form.occurred_on,
            reference=form.reference,
        )
        return signing_page(
            request,
            title=say("提出事件"),
            action=f"/{city}/console/events/propose",
            carried={"draft": canonical({"id": draft.id, "body": body}).decode()},
            records=[Record(draft.id, draft.kind, body)],
            words=[words],
            back=f"/{city}/console/events/new",
        )

    @post("/propose", summary="提出事件", opt={"scope": "events:propose"}, status_code=200)
    async def propose(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Take in the signed record."""
        fields = await form_of(request)
        try:
            carried = msgspec.json.decode(str(fields.get("draft", "")))
            plain = {**carried, "kind": "credit-event", "sigs": [UNSIGNED]}
            draft = msgspec.convert(plain, EventRecord)
        except (msgspec.DecodeError, TypeError) as error:
            raise Invalid(say("要提交的内容读不出来，请返回重新填写。")) from error
        record = Record(draft.id, draft.kind, logic.body_of(draft))
        async with state.db.transaction(city) as conn:
            (sig,) = await approved_signatures(conn, request, fields, [record])
        signed = msgspec.structs.replace(draft, sigs=[Signature(sig.kid, "Ed25519", sig.sig)])
        visitor: Visitor = request.state.visitor
        await state.intake.propose(city, visitor.actor, signed)
        return redirect(
            f"/{city}/console/events/{draft.id}", notice=say("已提出，等待另一位同事决定。")
        )

    @post("/decide", summary="决定事件页", opt={"scope": "events:decide"}, status_code=200)
    async def decide(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Ask why the events chosen are refused, or show what accepting them would sign."""
        fields = await form_of(request)
        ids, refused = chosen_events(fields), fields.get("outcome") == "refused"
        form = None if refused else read_form(AcceptanceForm, fields)
        async with state.db.city(city) as conn:
            chosen = await service.waiting(conn, _catalogue(state, city), ids)
        if form is None:
            return refusal_page(request, chosen, fields)
        refuse_undecidable(chosen, request.state.visitor.actor)
        return signing_page(
            request,
            title=say("接受事件"),
            action=f"/{city}/console/events/accept",
            carried={
                "events": " ".join(map(str, ids)),
                "reason": form.reason,
                "outcome": form.outcome,
                "filter": str(fields.get("filter", "")),
            },
            records=[_record(one) for one in chosen],
            words=[
                say(
                    "%(title)s（%(points)s 分）　%(enterprise_name)s　%(occurred_on)s　%(reference)s",
                    title=one.title,
                    points=one.points,
                    enterprise_name=one.row.enterprise_name,
                    occurred_on=one.row.occurred_on,
                    reference=one.body["reference"],
                )
                for one in chosen
            ],
            back=list_of(city, fields),
        )

    @post("/accept", summary="接受事件", opt={"scope": "events:decide"}, status_code=200)
    async def accept(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Take in the decider's signatures; the events become effective."""
        fields = await form_of(request)
        ids, form = chosen_events(fields), read_form(AcceptanceForm, fields)
        visitor: Visitor = request.state.visitor
        async with state.db.transaction(city) as conn:
            chosen = await service.waiting(conn, _catalogue(state, city), ids)
            sigs = await approved_signatures(conn, request, fields, list(map(_record, chosen)))
            decisions = {
                event_id: Decision("accepted", form.reason, Signature(sig.kid, "Ed25519", sig.sig))
                for event_id, sig in zip(ids, sigs, strict=True)
            }
            await service.decide(conn, state.clock, visitor.actor, decisions)
        return redirect(
            list_of(city, fields),
            notice=say("已接受 %(count)s 条事件，正在写入日志。", count=len(ids)),
        )

    @get("/{event_id:str}", summary="一个事件", opt={"scope": "events:read"})
    async def event(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[str]:
        """Show an event with its evidence, its decision and its place in the log."""
        async with state.db.city(city) as conn:
            found = await service.shown_event(conn, _catalogue(state, city), UUID(event_id))
        visitor: Visitor = request.state.visitor
        may_decide = (
            "events:decide" in visitor.actor.scopes
            and found.row.outcome is None
            and found.row.proposed_by != visitor.actor.person_id
        )
        return render(request, "events/event.html", event=found, may_decide=may_decide)

    @get("/{event_id:str}/evidence/{digest:str}", summary="证据文件",
         opt={"scope": "events:read", "personal": True})  # fmt: skip
    async def evidence(
        self, state: State, city: City, event_id: RecordKey, digest: Digest
    ) -> Response[bytes]:
        """Return a file that the event names as its evidence."""
        async with state.db.city(city) as conn:
            found = await service.shown_event(conn, _catalogue(state, city), UUID(event_id))
        return await evidence_answer(state, found, digest)


async def evidence_answer(state: State, event: service.ShownEvent, digest: str) -> Response[bytes]:
    """Answer with a file that an event names; never shown in place, so that it cannot act here."""
    for ref in event.body["evidence"]:
        if ref["digest"] == f"sha256:{digest}":
            content = await state.blobs.read(ref["digest"])
            headers = {
                "Content-Disposition": f'attachment; filename="{digest[:16]}"',
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "sandbox; default-src 'none'",
                "Cache-Control": "no-store",
            }
            return Response(content, media_type=ref["type"], headers=headers)
    raise NotFound(say("这个事件没有这份证据。"))


def _record(event: service.ShownEvent) -> Record:
    """Return what accepting an event signs: the record as it was proposed."""
    return Record(str(event.row.id), event.row.kind, event.body)


def _catalogue(state: State, city: str) -> Mapping[str, EventType]:
    return pack_of_city(city).on(state.clock.today()).grader.events


async def _keep_evidence(
    request: Request[Any, Any, Any], state: State, conn: Connection, files: object
) -> list[EvidenceRef]:
    """Keep what was uploaded with the form; an input left empty sends a file without a name."""
    actor = request.state.visitor.actor
    require(actor, "events:propose")
    uploads = [one for one in (files if isinstance(files, list) else [files])
               if isinstance(one, UploadFile) and one.filename]  # fmt: skip
    if len(uploads) > EVIDENCE_MAX:
        raise TooLarge(say("一次最多上传 %(most)s 份证据。", most=EVIDENCE_MAX))
    refs = []
    for upload in uploads:
        blob = await state.blobs.put(await upload.read(BLOB_BYTES_MAX + 1), upload.content_type)
        await service.keep_evidence(conn, state.clock, actor, blob)
        refs.append(EvidenceRef(blob.digest, blob.size, blob.media_type))
    return refs


async def _draft(
    conn: Connection, state: State, city: str, form: EntryForm, evidence: Sequence[EvidenceRef]
) -> Draft:
    """Build the record; its subjects are those the register names for that day."""
    try:
        occurred_on = logic.parse_day(form.occurred_on)
    except ValueError as error:
        raise Invalid(said_by(error)) from None
    (placed,) = await parties.place(conn, [form.primary], [form.subject], [occurred_on])
    pack = pack_of_city(city)
    body = {
        "type": form.type,
        "pack": pack.head.id,
        "primary": form.primary,
        "subjects": logic.subjects_or_as_written(placed),
        "occurred_on": form.occurred_on,
        "reference": form.reference,
        "evidence": [msgspec.to_builtins(one) for one in evidence],
        **{
            name: value
            for name in ("level", "points", "fact_key", "valid_until")
            if (value := getattr(form, name)) is not None
        },
    }
    plain = {
        "id": str(new_id(state.clock.now())),
        "kind": "credit-event",
        "body": body,
        "sigs": [UNSIGNED],
    }
    try:
        return msgspec.convert(plain, EventRecord)
    except msgspec.ValidationError as error:
        raise refused_form(error, EntryForm) from None


def _entry_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    fields: Mapping[str, Any],
    refused: CreditError | None = None,
) -> Response[str]:
    catalogue = _catalogue(state, city)
    groups: dict[str, list[tuple[str, str]]] = {}
    for event in catalogue.values():
        groups.setdefault(event.group, []).append((event.code, f"{event.title}　{_range(event)}"))
    levels = sorted(
        {
            one.level
            for event in catalogue.values()
            if isinstance(event.points, LevelPoints)
            for one in event.points.levels
        }
    )
    return render(
        request,
        "events/entry.html",
        http_status=refused.status if refused else 200,
        groups=groups,
        kinds=logic.SUBJECT_WORDS.items(),
        levels=[(one, one) for one in levels],
        fields=defaultdict(str, fields),  # what was not filled in is empty
        today=state.clock.today(),
        evidence_max=EVIDENCE_MAX,
        problem=refused,
    )


def _range(event: EventType) -> str:
    sign = {"good": "+", "bad": "−", "neutral": ""}[event.polarity]
    if isinstance(event.points, LevelPoints):
        points = [one.points for one in event.points.levels]
        low, high = min(points), max(points)
    elif isinstance(event.points, RangePoints):
        low, high = event.points.range
    else:
        low = high = Decimal(event.points.fixed)
    return f"{sign}{text(low)}" if low == high else f"{sign}{text(low)}～{text(high)}"
