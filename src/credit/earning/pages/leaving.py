"""What cannot be undone about a member: taking an award back, closing the membership."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from msgspec import Meta, Struct

from credit.access.guard import actor_of
from credit.access.logic import refuse_same_person
from credit.earning.pages.member import MemberId, rule_titles
from credit.earning.pages.members import bank_of
from credit.earning.pages.words import WORDS
from credit.earning.reading import store
from credit.earning.reading.store import Deed
from credit.earning.service import leaving, member_lists, reversing
from credit.earning.service.reversing import REASON_CHARS_MAX
from credit.kit.db import Connection
from credit.kit.errors import CreditError, NotFound
from credit.kit.http import City, RecordKey
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say

__all__ = ["LeavingPages"]


class ReasonForm(Struct, frozen=True):
    """Why an award is taken back."""

    LABELS: ClassVar[Mapping[str, str]] = {"reason": marked("撤回理由")}

    reason: Annotated[str, Meta(min_length=1, max_length=REASON_CHARS_MAX)]


class LeavingPages(Controller):
    """`/{city}/console/members/{wallet}/…`: confirmed on a page of its own."""

    path = "/console/members/{wallet:str}"

    @get("/participation/{participation_id:str}/reversal", summary="撤回记分页",
         opt={"scope": "points:approve", "personal": True})  # fmt: skip
    async def reversal(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        wallet: MemberId,
        participation_id: RecordKey,
    ) -> Response[str]:
        """Say what reversing an award does, and ask why."""
        return await _reversal_page(request, state, city, wallet, participation_id)

    @post("/participation/{participation_id:str}/reversal", summary="撤回记分",
          opt={"scope": "points:approve"}, status_code=200)  # fmt: skip
    async def reverse(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        wallet: MemberId,
        participation_id: RecordKey,
    ) -> Response[Any]:
        """Reverse an award."""
        fields = await form_of(request)
        try:
            form = read_form(ReasonForm, fields)
            async with state.db.city(city) as conn:
                await _deed(conn, wallet, participation_id)
            taken = await reversing.reverse(
                state.db, state.clock, city, state.writers.of(city), actor_of(request),
                UUID(participation_id), form.reason,
            )  # fmt: skip
        except CreditError as refused:
            return await _reversal_page(
                request, state, city, wallet, participation_id, fields, refused
            )
        return redirect(
            f"/{city}/console/members/{wallet}",
            notice=say("已撤回，收回 %(points)s 分；参与者看得到理由。", points=taken),
        )

    @get("/closing", summary="注销参与者页",
         opt={"scope": "points:record", "personal": True, "confirmed": True})  # fmt: skip
    async def closing(
        self, request: Request[Any, Any, Any], state: State, city: City, wallet: MemberId
    ) -> Response[str]:
        """Say what closing a membership loses."""
        return await _closing_page(request, state, city, wallet)

    @post("/closing", summary="注销参与者",
          opt={"scope": "points:record", "personal": True, "confirmed": True},
          status_code=200)  # fmt: skip
    async def close(
        self, request: Request[Any, Any, Any], state: State, city: City, wallet: MemberId
    ) -> Response[Any]:
        """Close a membership, and destroy the name."""
        try:
            await leaving.close_member(
                state.db, state.clock, city, state.writers.of(city), state.logs.vault(city),
                actor_of(request), wallet,
            )  # fmt: skip
        except NotFound:
            raise
        except CreditError as refused:
            return await _closing_page(request, state, city, wallet, refused)
        return redirect(
            f"/{city}/console/members", notice=say("已注销 %(wallet)s。", wallet=wallet)
        )


async def _deed(conn: Connection, wallet: str, participation_id: str) -> Deed:
    deed = await store.deed(conn, UUID(participation_id))
    if deed is None or deed.member != wallet:
        raise NotFound(say("没有这条参与记录，或不在您的辖区。"))
    return deed


async def _reversal_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    wallet: str,
    participation_id: str,
    fields: Mapping[str, Any] | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    actor = actor_of(request)
    async with state.db.city(city) as conn:
        shown = await member_lists.shown_member(
            conn, state.clock, state.logs.vault(city), actor, wallet
        )
        deed = await _deed(conn, wallet, participation_id)
    if refused is None:
        refuse_same_person(deed.entered_by, actor.person_id)
    return render(
        request,
        "earning/member_reversal.html",
        http_status=refused.status if refused else 200,
        shown=shown,
        deed=deed,
        titles=rule_titles(city, [deed]),
        words=WORDS,
        reason=str((fields or {}).get("reason", "")),
        reason_max=REASON_CHARS_MAX,
        problem=refused,
    )


async def _closing_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    wallet: str,
    refused: CreditError | None = None,
) -> Response[str]:
    async with state.db.city(city) as conn:
        shown = await member_lists.shown_member(
            conn, state.clock, state.logs.vault(city), actor_of(request), wallet
        )
        if shown.member.closed:
            raise NotFound(say("没有这个参与者，或者已经注销。"))
        loss = await leaving.loss_with(conn, shown.member, shown.balance, shown.account)
    return render(
        request,
        "earning/member_closing.html",
        http_status=refused.status if refused else 200,
        shown=shown,
        loss=loss,
        kind=member_lists.kind_title(bank_of(state, city), shown.member.kind),
        problem=refused,
    )
