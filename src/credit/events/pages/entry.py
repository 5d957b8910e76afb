"""The console's pages that propose: a fact, a correction of one, a withdrawal; signed at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from msgspec import Meta, Struct

from credit.access.logic import refuse_unplaced
from credit.access.views import Visitor
from credit.events import logic, service
from credit.events.course.logic import needs_notice
from credit.events.course.views import Suggested
from credit.events.pages.files import EVIDENCE_MAX, FORM_BYTES_MAX, keep_files
from credit.events.service import ShownEvent
from credit.events.views import (
    Correction,
    Draft,
    EventRecord,
    EvidenceRef,
    Signature,
    Withdrawal,
)
from credit.kit.canonical import canonical
from credit.kit.db import Connection
from credit.kit.errors import Conflict, CreditError, Invalid
from credit.kit.http import UUID_PATTERN, City, RecordKey
from credit.kit.ids import new_id
from credit.kit.pages import form_of, read_form, redirect, refused_form, render
from credit.kit.texts import marked, said_by, say
from credit.log.pages import approved_signatures, signing_page
from credit.log.records import Record
from credit.parties import service as parties
from credit.rules.loading import pack_of_city
from credit.rules.model import EventType, LevelPoints, RangePoints
from credit.rules.trace import text

__all__ = ["EntryPages"]

# A signature of nobody, where a record's shape asks for one and nothing is kept.
UNSIGNED = {"kid": "-", "alg": "Ed25519", "sig": "A" * 86 + "=="}
SHAPES: dict[str, type[Draft]] = {
    "credit-event": EventRecord,
    "event-corrected": Correction,
    "event-withdrawn": Withdrawal,
}
WITHDRAWN_BECAUSE = {
    "entered-by-mistake": marked("登记有误"),
    "wrong-subject": marked("对象有误"),
    "overturned": marked("原决定被撤销"),
    "evidence-invalid": marked("证据无效"),
}
PREFILLED = ("level", "points", "fact_key", "valid_until")
Id = Annotated[str, Meta(pattern=UUID_PATTERN)]


class EntryForm(Struct, frozen=True):
    """What an officer enters about a fact; the register names its other subjects.

    `target` is the record it puts right, `suggestion` what it was suggested by.
    """

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
        "target": marked("更正的记录"),
        "suggestion": marked("线索"),
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
    target: Id | None = None
    suggestion: Id | None = None


class WithdrawalForm(Struct, frozen=True):
    """Why a record is taken back, and by which paper."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "reason": marked("撤回的原因"),
        "reference": marked("文号"),
    }

    reason: Literal["entered-by-mistake", "wrong-subject", "overturned", "evidence-invalid"]
    reference: Annotated[str, Meta(max_length=64)]


class EntryPages(Controller):
    """`/{city}/console/events/new` and `…/withdrawal`: records proposed by their first signature."""

    path = "/console/events"

    @get("/new", summary="登记事件页", opt={"scope": "events:propose"})
    async def entry(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Offer the form; the query may fill it in beforehand, or name a record to put right."""
        fields = dict(request.query_params.items())
        try:
            refuse_unplaced(request.state.visitor.actor)
            fields = await _prefilled(state, city, fields)
        except CreditError as refused:
            return await _entry_page(request, state, city, fields, refused)
        return await _entry_page(request, state, city, fields)

    @post("/new", summary="登记事件", opt={"scope": "events:propose"}, status_code=200,
          request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def enter(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Check what was entered, keep its evidence, and show the record to be signed."""
        fields = await form_of(request)
        actor = request.state.visitor.actor
        try:
            form = read_form(EntryForm, {k: v for k, v in fields.items() if k != "evidence"})
            async with state.db.transaction(city) as conn:
                evidence = await keep_files(request, state, conn, fields.get("evidence"))
                evidence += await _suggested_evidence(conn, form.suggestion)
                draft = await _draft(conn, state, city, form, evidence)
                await service.plan(conn, state.clock, actor, pack_of_city(city), [draft])
        except CreditError as refused:
            return await _entry_page(request, state, city, fields, refused)
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
        title = say("提出更正") if form.target else say("提出事件")
        return _signing(request, city, draft, title, words, suggestion=form.suggestion or "")

    @get("/{event_id:str}/withdrawal", summary="撤回记录页", opt={"scope": "events:propose"})
    async def withdrawal(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[str]:
        """Ask why a record is taken back."""
        async with state.db.city(city) as conn:
            found = await service.shown_event(conn, _catalogue(state, city), UUID(event_id))
        return _withdrawal_page(request, found, {})

    @post("/{event_id:str}/withdrawal", summary="撤回记录", opt={"scope": "events:propose"},
          status_code=200, request_max_body_size=FORM_BYTES_MAX)  # fmt: skip
    async def withdraw(
        self, request: Request[Any, Any, Any], state: State, city: City, event_id: RecordKey
    ) -> Response[str]:
        """Check the withdrawal, keep its papers, and show the record to be signed."""
        fields = await form_of(request)
        actor = request.state.visitor.actor
        async with state.db.city(city) as conn:
            found = await service.shown_event(conn, _catalogue(state, city), UUID(event_id))
        try:
            form = read_form(WithdrawalForm, {k: v for k, v in fields.items() if k != "evidence"})
            async with state.db.transaction(city) as conn:
                evidence = await keep_files(request, state, conn, fields.get("evidence"))
                body = {
                    "target": event_id,
                    "subjects": found.body["subjects"],
                    "reason": form.reason,
                    "reference": form.reference,
                    "evidence": [msgspec.to_builtins(one) for one in evidence],
                }
                draft = _built("event-withdrawn", state, body, WithdrawalForm)
                await service.plan(conn, state.clock, actor, pack_of_city(city), [draft])
        except CreditError as refused:
            return _withdrawal_page(request, found, fields, refused)
        words = say(
            "撤回“%(title)s”　%(day)s　%(reason)s　%(reference)s",
            title=found.title,
            day=found.row.occurred_on,
            reason=WITHDRAWN_BECAUSE[form.reason],
            reference=form.reference,
        )
        return _signing(request, city, draft, say("提出撤回"), words)

    @post("/propose", summary="提出事件", opt={"scope": "events:propose"}, status_code=200)
    async def propose(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Take in the signed record; what suggested it is settled with it."""
        fields = await form_of(request)
        draft = _carried(fields)
        record = Record(draft.id, draft.kind, logic.body_of(draft))
        async with state.db.transaction(city) as conn:
            (sig,) = await approved_signatures(conn, request, fields, [record])
        signed = msgspec.structs.replace(draft, sigs=[Signature(sig.kid, "Ed25519", sig.sig)])
        visitor: Visitor = request.state.visitor
        if suggestion := fields.get("suggestion"):
            await _take(state, city, visitor, signed, str(suggestion))
        else:
            await state.intake.propose(city, visitor.actor, signed)
        rules = pack_of_city(city).on(state.clock.today())
        event = rules.grader.events.get(getattr(draft.body, "type", ""))
        told = event is not None and needs_notice(event, rules.procedure)
        return redirect(
            f"/{city}/console/events/{draft.id}",
            notice=say("已提出。下一步：送达告知书。")
            if told
            else say("已提出，等待另一位同事决定。"),
        )


def _signing(
    request: Request[Any, Any, Any],
    city: str,
    draft: Draft,
    title: str,
    words: str,
    *,
    suggestion: str = "",
) -> Response[str]:
    body = logic.body_of(draft)
    carried = canonical({"id": draft.id, "kind": draft.kind, "body": body}).decode()
    return signing_page(
        request,
        title=title,
        action=f"/{city}/console/events/propose",
        carried={"draft": carried} | ({"suggestion": suggestion} if suggestion else {}),
        records=[Record(draft.id, draft.kind, body)],
        words=[words],
        back=request.url.path,
    )


def _carried(fields: Mapping[str, Any]) -> Draft:
    """Read the record that came through the signing page; it may be anything."""
    try:
        carried = msgspec.json.decode(str(fields.get("draft", "")))
        shape = SHAPES[carried["kind"]]
        return msgspec.convert({**carried, "sigs": [UNSIGNED]}, shape)
    except (msgspec.DecodeError, TypeError, KeyError) as error:
        raise Invalid(say("要提交的内容读不出来，请返回重新填写。")) from error


async def _take(state: State, city: str, visitor: Visitor, signed: Draft, suggestion: str) -> None:
    """Propose a fact and settle the suggestion it came from, both or neither."""
    try:
        suggestion_id = UUID(suggestion)
    except ValueError:
        raise Invalid(say("要提交的内容读不出来，请返回重新填写。")) from None
    pack, actor = pack_of_city(city), visitor.actor
    async with state.db.transaction(city) as conn:
        await service.propose(conn, state.clock, actor, pack, [signed])
        await service.take(conn, state.clock, actor, suggestion_id, UUID(signed.id))


async def _prefilled(state: State, city: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fill the form in from a record to put right; what is given goes before it."""
    if not fields.get("target") or fields.get("type"):
        return dict(fields)
    form = read_form(_Target, {"target": fields["target"]})
    async with state.db.city(city) as conn:
        found = await service.shown_event(conn, _catalogue(state, city), UUID(form.target))
    return {
        "type": found.row.code,
        "primary": found.row.subject_kind,
        "subject": found.row.subject,
        "occurred_on": found.row.occurred_on.isoformat(),
        "reference": found.body["reference"],
        **{name: found.body[name] for name in PREFILLED if name in found.body},
        **fields,
    }


class _Target(Struct, frozen=True):
    """Which record is put right."""

    LABELS: ClassVar[Mapping[str, str]] = {"target": marked("更正的记录")}

    target: Id


async def _suggested_evidence(conn: Connection, suggestion: str | None) -> list[EvidenceRef]:
    """Return the files of a suggestion; refuses one that somebody has dealt with."""
    if suggestion is None:
        return []
    found = await service.suggested(conn, UUID(suggestion))
    if found.state != "open":
        raise Conflict(say("这条线索刚刚由别人处理，请刷新后再看。"), slug="suggestion-handled")
    return await service.suggested_evidence(conn, found.suggestion.evidence)


def _catalogue(state: State, city: str) -> Mapping[str, EventType]:
    return pack_of_city(city).on(state.clock.today()).grader.events


async def _draft(
    conn: Connection, state: State, city: str, form: EntryForm, evidence: Sequence[EvidenceRef]
) -> Draft:
    """Build the record; its subjects are those the register names for that day."""
    try:
        occurred_on = logic.parse_day(form.occurred_on)
    except ValueError as error:
        raise Invalid(said_by(error)) from None
    (placed,) = await parties.place(conn, [form.primary], [form.subject], [occurred_on])
    body = {
        "type": form.type,
        "pack": pack_of_city(city).head.id,
        "primary": form.primary,
        "subjects": logic.subjects_or_as_written(placed),
        "occurred_on": form.occurred_on,
        "reference": form.reference,
        "evidence": [msgspec.to_builtins(one) for one in evidence],
        **{
            name: value
            for name in (*PREFILLED, "target")
            if (value := getattr(form, name)) is not None
        },
    }
    return _built("event-corrected" if form.target else "credit-event", state, body, EntryForm)


def _built(kind: str, state: State, body: Mapping[str, Any], form: type) -> Draft:
    """Make a record of what was entered; what does not fit is refused in the form's words."""
    plain = {"id": str(new_id(state.clock.now())), "kind": kind, "body": body, "sigs": [UNSIGNED]}
    try:
        return msgspec.convert(plain, SHAPES[kind])
    except msgspec.ValidationError as error:
        raise refused_form(error, form) from None


def _withdrawal_page(
    request: Request[Any, Any, Any],
    event: ShownEvent,
    fields: Mapping[str, Any],
    refused: CreditError | None = None,
) -> Response[str]:
    return render(
        request,
        "events/withdraw.html",
        http_status=refused.status if refused else 200,
        event=event,
        reasons=WITHDRAWN_BECAUSE.items(),
        fields=defaultdict(str, fields),
        evidence_max=EVIDENCE_MAX,
        problem=refused,
    )


async def _entry_page(
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
        suggested=await _suggested(state, city, fields.get("suggestion")),
        today=state.clock.today(),
        evidence_max=EVIDENCE_MAX,
        problem=refused,
    )


async def _suggested(state: State, city: str, suggestion: object) -> Suggested | None:
    """Return the suggestion a form is about; None for none, and for what is no id of one."""
    try:
        wanted = UUID(str(suggestion))
        async with state.db.city(city) as conn:
            return await service.suggested(conn, wanted)
    except (ValueError, CreditError):
        return None


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
