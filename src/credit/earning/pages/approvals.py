"""The console's pages of approval: participation others entered, approved or refused in lists."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Meta

from credit.access import service as access
from credit.access.views import Actor
from credit.earning import service as earning
from credit.earning.lists.store import AwardRow, Outcome, WaitingRow
from credit.earning.pages.words import STATES, WORDS, masked_names
from credit.earning.service import records
from credit.kit.db import Connection
from credit.kit.errors import CreditError, Invalid
from credit.kit.http import City, IdCursor, Reason
from credit.kit.lists import ASKED, FILTER, Asked, Listing, kept_query, present_query
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import listed, marked, say
from credit.rules.loading import pack_of_city

__all__ = ["ApprovalPages"]

DECIDED_AT_ONCE_MAX = 200
Ids = Annotated[list[UUID], Meta(min_length=1, max_length=DECIDED_AT_ONCE_MAX)]
APPROVAL_FILTER: Mapping[str, str] = {"state": "|".join(STATES), "size": FILTER["size"]}


class DecisionForm(msgspec.Struct, frozen=True):
    """What is decided, and why where it is a refusal."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "outcome": marked("决定"),
        "reason": marked("不予记分的理由"),
    }

    outcome: Literal["approve", "refuse"]
    reason: Reason | None = None


class ApprovalPages(Controller):
    """`/{city}/console/approvals`: what waits for a second person, and what became of the rest."""

    path = "/console/approvals"

    @get(summary="积分审核", opt={"scope": "points:read", "personal": True}, dependencies=ASKED)
    async def approvals(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        asked: NamedDependency[Asked],
        status: Annotated[str, QueryParameter(name="state", max_length=10)] = "",
        cursor: IdCursor = None,
    ) -> Response[str]:
        """List what waits for a decision, the flagged first; or what is in another state."""
        return await _page(
            request, state, city, status if status in STATES else "entered", asked.rows,
            UUID(cursor) if cursor else None,
        )  # fmt: skip

    @post(summary="审核参与记录", opt={"scope": "points:approve"}, status_code=200)
    async def decide(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Approve what was chosen, or refuse it for one reason; approved points are posted at once."""
        fields = await form_of(request)
        try:
            form = read_form(DecisionForm, {k: fields.get(k) for k in ("outcome", "reason")})
            ids = _chosen(fields)
            async with state.db.transaction(city) as conn:
                done = await earning.decide(
                    conn, state.clock, request.state.visitor.actor, ids,
                    approve=form.outcome == "approve", reason=(form.reason or "").strip() or None,
                )  # fmt: skip
        except CreditError as refused:
            rows = _rows(fields)
            return await _page(request, state, city, "entered", rows, None, fields, refused)
        missed = len(ids) - len(done)
        if form.outcome == "refuse":
            return redirect(_list(city, fields), notice=_refusals(len(done), missed))
        outcomes = await _post(state, city, done)
        return redirect(_list(city, fields), notice=_approvals(outcomes, len(done), missed))

    @post("/again", summary="预算拨付后再入账", opt={"scope": "points:approve"}, status_code=200)
    async def again(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Post again what a budget was too small for."""
        fields = await form_of(request)
        try:
            ids = _chosen(fields)
        except Invalid as refused:
            rows = _rows(fields)
            return await _page(request, state, city, "unfunded", rows, None, fields, refused)
        async with state.db.city(city) as conn:
            found = await records.unfunded(conn, request.state.visitor.actor, ids)
        outcomes = await _post(state, city, found)
        return redirect(
            f"/{city}/console/approvals?state=unfunded",
            notice=_posted(outcomes) or say("没有要再入账的记录。"),
        )


async def _post(state: State, city: str, ids: Sequence[UUID]) -> dict[str, Outcome]:
    """Post approved participation; returns what became of it."""
    if not ids:
        return {}
    writer, pack = state.writers.of(city), pack_of_city(city)
    await earning.post_approved(state.db, state.clock, city, writer, pack, ids)
    async with state.db.city(city) as conn:
        return await records.outcomes(conn, ids)


def _chosen(fields: Mapping[str, Any]) -> list[UUID]:
    """Return which participations a form chose; refuses none, and too many."""
    chosen = fields.get("items", [])
    try:
        ids = msgspec.convert([chosen] if isinstance(chosen, str) else chosen, Ids)
    except msgspec.ValidationError:
        raise Invalid(
            say("请先勾选 1 到 %(most)s 条参与记录。", most=DECIDED_AT_ONCE_MAX)
        ) from None
    return list(dict.fromkeys(ids))


def _rows(fields: Mapping[str, Any]) -> int:
    return 100 if fields.get("size") == "100" else 30


def _list(city: str, fields: Mapping[str, Any]) -> str:
    """Return the list a form came from, with its filter."""
    kept = ""
    with suppress(CreditError):  # what was decided counts, whatever the form says of the list
        kept = kept_query(APPROVAL_FILTER, str(fields.get("filter", "")))
    return f"/{city}/console/approvals" + (f"?{kept}" if kept else "")


def _approvals(outcomes: Mapping[str, Outcome], count: int, missed: int) -> str:
    """Say what approving did: what was booked, from when it can be spent, and what was not."""
    parts = [say("已批准 %(count)s 条。", count=count), _posted(outcomes), _missed(missed)]
    return listed(filter(None, parts), "")


def _refusals(count: int, missed: int) -> str:
    said = [say("%(count)s 条不予记分，参与者看得到理由。", count=count), _missed(missed)]
    return listed(filter(None, said), "")


def _missed(missed: int) -> str:
    if not missed:
        return ""
    return say(
        "%(count)s 条没有办：已由他人审核，或是您自己登记、组织、补登的，或不在您的辖区。",
        count=missed,
    )


def _posted(outcomes: Mapping[str, Outcome]) -> str:
    parts: list[str] = []
    if granted := outcomes.get("granted"):
        parts.append(say("入账 %(points)s 分，现在就能用。", points=granted.points))
    if pending := outcomes.get("pending"):
        days = {"points": pending.points, "first": pending.first, "last": pending.last}
        if pending.first == pending.last:
            parts.append(say("入账 %(points)s 分，%(first)s 起可用。", **days))
        else:
            parts.append(say("入账 %(points)s 分，%(first)s 至 %(last)s 陆续可用。", **days))
    if unfunded := outcomes.get("unfunded"):
        parts.append(
            say(
                "%(count)s 条（%(points)s 分）因预算余额不足没有入账：请街道或区县拨付预算后再入账。",
                count=unfunded.count,
                points=unfunded.points,
            )
        )
    if approved := outcomes.get("approved"):
        parts.append(say("%(count)s 条正在入账。", count=approved.count))
    return listed(parts, "") if parts else ""


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    status: str,
    rows: int,
    after: UUID | None,
    fields: Mapping[str, Any] | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    actor: Actor = request.state.visitor.actor
    bank = pack_of_city(city).on(state.clock.today()).points
    async with state.db.city(city) as conn:
        waiting = await records.waiting(
            conn, actor, after if status == "entered" else None, rows + 1
        )
        if status == "entered":
            found = waiting.rows
        else:
            awards = await records.awards(conn, actor, status, after, rows + 1)
            found = [WaitingRow(one, None) for one in awards]
        names, staff = await _names(conn, state, city, [one.award for one in found[:rows]])
    chosen = (fields or {}).get("items", [])
    return render(
        request,
        "earning/approvals.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        status=status,
        rows=found[:rows],
        waiting=waiting,
        names=names,
        staff=staff,
        rules={one.code: one for one in bank.earning},
        kinds={one.code: one.title for one in bank.participants},
        approves="points:approve" in actor.scopes,
        records="points:record" in actor.scopes,
        chosen={chosen} if isinstance(chosen, str) else set(chosen),
        reason=str((fields or {}).get("reason", "")),
        listing=Listing(
            "approvals", present_query(APPROVAL_FILTER, request.query_params), (), "", rows, ""
        ),
        cursor=found[rows - 1].award.id.hex if len(found) > rows else None,
        problem=refused,
    )


async def _names(
    conn: Connection, state: State, city: str, awards: Sequence[AwardRow]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the masked names of members, and those of the colleagues who entered and decided."""
    vault = state.logs.vault(city)
    people = {one.entered_by for one in awards} | {one.decided_by or "" for one in awards}
    names = await masked_names(conn, vault, {one.member for one in awards})
    return names, await access.names_of(conn, vault, sorted(people - {"", "rule"}))
