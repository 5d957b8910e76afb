"""The console's members: who takes part in a division, looking for somebody, registering."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from credit.access.guard import actor_of, note_seen
from credit.access.views import Actor
from credit.earning.members.store import Sought
from credit.earning.service import member_lists, members
from credit.earning.service.member_lists import FoundMembers
from credit.earning.service.members import NewMember
from credit.kit.db import Connection
from credit.kit.errors import Conflict, CreditError, Invalid
from credit.kit.http import City
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.parties import service as parties
from credit.rules.bank import Bank
from credit.rules.loading import pack_of_city

__all__ = ["MemberListPages", "Phone", "bank_of", "refuse_alike"]

PAGE = 50
PLACE = r"([0-9]{6,12}\.W[0-9A-Z]{1,23})?"
DIVISION = r"([0-9]{6}([0-9]{3}([0-9]{3})?)?)?"
Kind = Annotated[str, QueryParameter(pattern=r"^[0-9a-z_.-]{0,40}$(?!\n)", max_length=40)]
Division = Annotated[str, QueryParameter(pattern=rf"^{DIVISION}$(?!\n)", max_length=12)]
Place = Annotated[str, QueryParameter(pattern=rf"^{PLACE}$(?!\n)", max_length=37)]
Phone = Annotated[str, Meta(pattern=r"^\+?[0-9][0-9 -]{5,18}$(?!\n)")]
Plain = r"^[^\u0000-\u001f\u007f]*$(?!\n)"


class SearchForm(Struct, frozen=True):
    """Whom to look for, where, and behind which place."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "q": marked("姓名、钱包编号或公示编号"),
        "division": marked("社区或街道"),
        "kind": marked("类别"),
    }

    q: Annotated[str, Meta(min_length=1, max_length=40, pattern=Plain)]
    division: Annotated[str, Meta(pattern=rf"^{DIVISION}$(?!\n)")] = ""
    kind: Annotated[str, Meta(max_length=40)] = ""
    after: Annotated[str, Meta(pattern=rf"^{PLACE}$(?!\n)")] = ""


class MemberForm(Struct, frozen=True):
    """Somebody to be registered; `another` says that somebody of the same name and number is not
    meant.
    """

    LABELS: ClassVar[Mapping[str, str]] = {
        "kind": marked("类别"),
        "name": marked("姓名或单位名称"),
        "phone": marked("手机号"),
        "born_on": marked("出生日期"),
        "division": marked("社区代码"),
    }

    kind: Annotated[str, Meta(max_length=40)]
    name: Annotated[str, Meta(min_length=1, max_length=40)]
    division: Annotated[str, Meta(pattern=r"^[0-9]{12}$(?!\n)")]
    phone: Phone = ""
    born_on: date | None = None
    another: Literal["yes", ""] = ""


class MemberListPages(Controller):
    """`/{city}/console/members`: the members of the points bank."""

    path = "/console/members"

    @get(summary="参与者名单", opt={"scope": "points:read", "personal": True})
    async def members(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        kind: Kind = "",
        division: Division = "",
        closed: Annotated[Literal["", "yes"], QueryParameter()] = "",
        cursor: Place = "",
    ) -> Response[str]:
        """List members by community, with what they hold."""
        actor = actor_of(request)
        sought = Sought(division, kind or None, closed == "yes", _place(cursor))
        async with state.db.city(city) as conn:
            lines = await member_lists.members_page(
                conn, state.clock, state.logs.vault(city), actor, sought, PAGE + 1
            )
            names = await _names(conn, [one.member.division for one in lines], actor)
        return render(
            request,
            "earning/members.html",
            **_shared(state, city, actor, names),
            lines=lines[:PAGE],
            sought={"kind": kind, "division": division, "closed": closed, "q": ""},
            cursor=_cursor(lines[PAGE - 1].member) if len(lines) > PAGE else None,
            found=None,
            problem=None,
        )

    @post("/search", summary="查找参与者", opt={"scope": "points:read", "personal": True},
          status_code=200)  # fmt: skip
    async def search(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Look for somebody; what is looked for stands in no address, since it is a name."""
        fields, actor = await form_of(request), actor_of(request)
        found, refused = FoundMembers([], 0, None), None
        names: Mapping[str, str] = {}
        try:
            form = read_form(SearchForm, fields)
            sought = Sought(form.division, form.kind or None, after=_place(form.after))
            async with state.db.city(city) as conn:
                found = await member_lists.find_members(
                    conn, state.clock, state.logs.vault(city), actor, sought, form.q
                )
                names = await _names(conn, [one.member.division for one in found.lines], actor)
        except CreditError as error:
            refused = error
        shown = {name: str(fields.get(name, "")) for name in ("kind", "division", "q")}
        return render(
            request,
            "earning/members.html",
            http_status=refused.status if refused else 200,
            **_shared(state, city, actor, names),
            lines=found.lines,
            sought=defaultdict(str, shown),
            cursor=None,
            found=found,
            after=".".join(found.after) if found.after else None,
            problem=refused,
        )

    @get("/new", summary="登记参与者页", opt={"scope": "points:record"})
    async def entry(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Offer the form, with the actor's own community in it."""
        own = actor_of(request).division or ""
        fields = {"division": own if len(own) == 12 else "", "kind": "resident"}
        return await _form_page(request, state, city, fields)

    @post("/new", summary="登记参与者", opt={"scope": "points:record", "personal": True},
          status_code=200)  # fmt: skip
    async def register(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Register somebody, and open the account of their points."""
        fields, actor, vault = await form_of(request), actor_of(request), state.logs.vault(city)
        same: Sequence[str] = ()
        try:
            form = read_form(MemberForm, fields)
            bank = bank_of(state, city)
            async with state.db.transaction(city) as conn:
                made = _new(form, bank, city)
                if form.another != "yes":
                    same = await member_lists.alike(
                        conn, vault, actor, made.division, made.name.strip(), made.phone
                    )
                    refuse_alike(same)
                (wallet,) = await members.register(conn, state.clock, vault, actor, bank, [made])
        except CreditError as refused:
            return await _form_page(request, state, city, fields, refused, same=same)
        note_seen(request, about=wallet)
        return redirect(
            f"/{city}/console/members/{wallet}",
            notice=say("已登记，钱包编号 %(wallet)s。", wallet=wallet),
        )


def bank_of(state: State, city: str) -> Bank:
    """Return the rules of the points bank as they are today."""
    return pack_of_city(city).on(state.clock.today()).points


def _new(form: MemberForm, bank: Bank, city: str) -> NewMember:
    if form.division[:4] != city[:4]:
        raise Invalid(say("社区代码不在本市。请填 12 位区划代码，前四位是本市的代码。"))
    unit = next((one.unit for one in bank.participants if one.code == form.kind), False)
    born_on = None if unit else form.born_on
    return NewMember(form.name, form.kind, form.division, form.phone, born_on)


def refuse_alike(same: Sequence[str]) -> None:
    """Refuse a name and number that members of the division have, until somebody has looked at them."""
    if same:
        raise Conflict(
            say(
                "这个社区已经登记过同名同号的参与者：%(wallet)s。请打开核对；确实是另一个人，请勾选后再提交。",
                wallet=same[0],
            ),
            slug="registered-before",
        )


def _place(text: str) -> tuple[str, str]:
    division, _, wallet = text.partition(".")
    return division, wallet


def _cursor(member: Any) -> str:
    return f"{member.division}.{member.id}"


async def _names(conn: Connection, codes: Sequence[str], actor: Actor) -> dict[str, str]:
    """Name the divisions on a page, and the one the actor works in."""
    return await parties.division_names(
        conn, sorted({*codes, *([actor.division] if actor.division else [])})
    )


def _shared(state: State, city: str, actor: Actor, names: Mapping[str, str]) -> dict[str, Any]:
    bank = bank_of(state, city)
    return {
        "kinds": {one.code: one.title for one in bank.participants},
        "names": names,
        "own": actor.division if actor.bound else None,
        "sees_names": member_lists.sees_names(actor),
        "looked_through": member_lists.LOOKED_THROUGH,
        "today": state.clock.today(),
    }


async def _form_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    fields: Mapping[str, Any],
    refused: CreditError | None = None,
    *,
    same: Sequence[str] = (),
) -> Response[str]:
    actor, bank = actor_of(request), bank_of(state, city)
    async with state.db.city(city) as conn:
        names = await _names(conn, [], actor)
    return render(
        request,
        "earning/member_new.html",
        http_status=refused.status if refused else 200,
        participants=bank.participants,
        minor_below=bank.minor_below,
        names=names,
        own=actor.division if actor.bound else None,
        fields=defaultdict(str, fields),
        same=same,
        today=state.clock.today(),
        problem=refused,
    )
