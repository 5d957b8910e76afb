"""The console's page that corrects the name and the telephone number of a member."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from msgspec import Meta, Struct

from credit.access.guard import actor_of
from credit.earning.pages.member import MemberId
from credit.earning.pages.members import Phone, bank_of, refuse_alike
from credit.earning.service import correcting, member_lists
from credit.kit.errors import CreditError
from credit.kit.http import City
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say

__all__ = ["CorrectingPages"]


class CorrectionForm(Struct, frozen=True):
    """What is to stand there; `another` says that somebody of the same name and number is not meant."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "name": marked("姓名或单位名称"),
        "phone": marked("手机号"),
    }

    name: Annotated[str, Meta(min_length=1, max_length=40)]
    phone: Phone = ""
    another: Literal["yes", ""] = ""


class CorrectingPages(Controller):
    """`/{city}/console/members/{wallet}/correction`: a form with what is there."""

    path = "/console/members/{wallet:str}/correction"

    @get(summary="更正登记信息页", opt={"scope": "points:record", "personal": True})
    async def entry(
        self, request: Request[Any, Any, Any], state: State, city: City, wallet: MemberId
    ) -> Response[str]:
        """Offer the form, with the name and the number as they are registered."""
        return await _form_page(request, state, city, wallet)

    @post(summary="更正登记信息", opt={"scope": "points:record", "personal": True}, status_code=200)
    async def correct(
        self, request: Request[Any, Any, Any], state: State, city: City, wallet: MemberId
    ) -> Response[Any]:
        """Correct the name and the number."""
        fields, actor, vault = await form_of(request), actor_of(request), state.logs.vault(city)
        same: Sequence[str] = ()
        try:
            form = read_form(CorrectionForm, fields)
            async with state.db.transaction(city) as conn:
                if form.another != "yes":
                    member = await member_lists.member_within(conn, actor, wallet)
                    found = await member_lists.alike(
                        conn, vault, actor, member.division, form.name.strip(), form.phone
                    )
                    same = [one for one in found if one != wallet]
                    refuse_alike(same)
                changed = await correcting.correct(
                    conn, state.clock, vault, actor, wallet, form.name, form.phone
                )
        except CreditError as refused:
            return await _form_page(request, state, city, wallet, fields, refused, same=same)
        told = say("已更正登记信息。") if changed else say("姓名和手机号与原来的一样，没有改动。")
        return redirect(f"/{city}/console/members/{wallet}", notice=told)


async def _form_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    wallet: str,
    fields: Mapping[str, Any] | None = None,
    refused: CreditError | None = None,
    *,
    same: Sequence[str] = (),
) -> Response[str]:
    async with state.db.city(city) as conn:
        shown = await member_lists.shown_member(
            conn, state.clock, state.logs.vault(city), actor_of(request), wallet
        )
    correcting.refuse_closed(shown.member)
    registered = {"name": shown.name, "phone": shown.phone}
    return render(
        request,
        "earning/member_correction.html",
        http_status=refused.status if refused else 200,
        member=shown.member,
        kind=member_lists.kind_title(bank_of(state, city), shown.member.kind),
        fields=defaultdict(str, registered if fields is None else fields),
        same=same,
        problem=refused,
    )
