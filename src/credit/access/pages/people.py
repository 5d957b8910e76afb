"""People in the console: who there is, in which offices; invitations, ends and erasures."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from credit.access import logic
from credit.access.admin import people
from credit.access.admin.people import Office, ShownPerson
from credit.access.guard import actor_of, note_seen
from credit.kit.errors import CreditError
from credit.kit.http import City, SearchText
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say

__all__ = [
    "PAGE",
    "ConsolePeoplePages",
    "Name",
    "PersonId",
    "Username",
    "UsernameCursor",
    "invited_page",
]

PAGE = 50
PersonId = Annotated[str, PathParameter(pattern=r"^P-[0-9a-f]{16}$", max_length=18)]
Username = Annotated[str, Meta(min_length=2, max_length=40)]
Name = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[^\u0000-\u001f\u007f]*$(?!\n)")]
UsernameCursor = Annotated[
    str | None, QueryParameter(max_length=40, pattern=r"^[^\u0000-\u001f\u007f]+$(?!\n)")
]
RoleFilter = Annotated[str, QueryParameter(pattern=r"^[a-z_]*$(?!\n)", max_length=30)]
EMPTY: Mapping[str, Any] = {"roles": ()}


class OfficeForm(msgspec.Struct, frozen=True):
    """Which roles somebody has, and where they belong."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "roles": marked("角色"),
        "kind": marked("单位类别"),
        "organisation": marked("单位名称"),
        "party": marked("登记册代码"),
        "division": marked("负责的社区、街道或区县"),
    }

    roles: Annotated[list[str], Meta(max_length=12)]
    kind: Annotated[str, Meta(max_length=40)]
    organisation: Annotated[str, Meta(max_length=120, pattern=r"^[^\u0000-\u001f\u007f]*$(?!\n)")]
    party: Annotated[str, Meta(pattern=r"^[0-9A-Z-]{1,24}$(?!\n)")] | None = None
    division: Annotated[str, Meta(pattern=r"^[0-9]{6}([0-9]{3}([0-9]{3})?)?$(?!\n)")] | None = None

    def office(self) -> Office:
        """Return the office the form describes."""
        return Office(self.roles, self.kind, self.organisation, self.party, self.division)


class MemberForm(OfficeForm, frozen=True, kw_only=True):
    """Somebody new."""

    LABELS: ClassVar[Mapping[str, str]] = {
        **OfficeForm.LABELS,
        "username": marked("用户名"),
        "name": marked("姓名"),
    }

    username: Username
    name: Name


class ConsolePeoplePages(Controller):
    """`/{city}/console/people`: for the administrator."""

    path = "/console/people"

    @get(summary="人员名单", opt={"scope": "people:write", "personal": True})
    async def people(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        q: SearchText = None,
        role: RoleFilter = "",
        cursor: UsernameCursor = None,
    ) -> Response[str]:
        """List people by user name, with their names."""
        async with state.db.city(city) as conn:
            found = await people.people_page(
                conn,
                state.clock,
                state.logs.vault(city),
                actor_of(request),
                after=cursor or "",
                query=q,
                role=role or None,
                limit=PAGE + 1,
            )
        return render(
            request,
            "access/people.html",
            people=found[:PAGE],
            q=q or "",
            role=role,
            role_titles=logic.ROLE_TITLES,
            cursor=found[PAGE - 1].row.username if len(found) > PAGE else None,
        )

    @get("/new", summary="增加人员页", opt={"scope": "people:write"})
    async def entry(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Offer the form."""
        return await _form_page(request, state, city, EMPTY)

    @post("/new", summary="增加人员", opt={"scope": "people:write", "personal": True},
          status_code=200)  # fmt: skip
    async def add(self, request: Request[Any, Any, Any], state: State, city: City) -> Response[str]:
        """Add somebody and show the invitation, this once."""
        fields = await _office_fields(request)
        try:
            form = read_form(MemberForm, fields)
            logic.check_username(form.username)
            async with state.db.transaction(city) as conn:
                person_id, token = await people.add_member(
                    conn,
                    state.clock,
                    state.logs.vault(city),
                    actor_of(request),
                    username=form.username,
                    name=form.name,
                    office=form.office(),
                )
        except CreditError as refused:
            return await _form_page(request, state, city, fields, refused)
        note_seen(request, about=person_id)
        return invited_page(request, state, token, form.username, f"/{city}/console/people")

    @get("/{person_id:str}", summary="一个人", opt={"scope": "people:write", "personal": True})
    async def person(
        self, request: Request[Any, Any, Any], state: State, city: City, person_id: PersonId
    ) -> Response[str]:
        """Show somebody with everything that can be changed."""
        shown = await _person(request, state, city, person_id)
        return await _person_page(request, state, city, shown, _fields_of(shown))

    @post("/{person_id:str}", summary="改任", opt={"scope": "people:write"}, status_code=200)
    async def change(
        self, request: Request[Any, Any, Any], state: State, city: City, person_id: PersonId
    ) -> Response[Any]:
        """Change roles and organisation."""
        fields = await _office_fields(request)
        try:
            office = read_form(OfficeForm, fields).office()
            async with state.db.transaction(city) as conn:
                await people.change_office(conn, state.clock, actor_of(request), person_id, office)
        except CreditError as refused:
            shown = await _person(request, state, city, person_id)
            note_seen(request, personal=True)
            return await _person_page(request, state, city, shown, fields, refused)
        return redirect(
            f"/{city}/console/people/{person_id}", notice=say("已改任，此人需要重新登录。")
        )

    @post("/{person_id:str}/invite", summary="重设密码", opt={"scope": "people:write"},
          status_code=200)  # fmt: skip
    async def invite(
        self, request: Request[Any, Any, Any], state: State, city: City, person_id: PersonId
    ) -> Response[str]:
        """Make the old password useless and show a new invitation, this once."""
        actor = actor_of(request)
        async with state.db.transaction(city) as conn:
            token = await people.reset_password(
                conn, state.clock, state.passwords, actor, person_id
            )
            shown = await people.shown_person(
                conn, state.clock, state.logs.vault(city), actor, person_id
            )
        back = f"/{city}/console/people/{person_id}"
        return invited_page(request, state, token, shown.row.username or "", back)

    @post("/{person_id:str}/deactivate", summary="停用账户", opt={"scope": "people:write"},
          status_code=200)  # fmt: skip
    async def deactivate(
        self, request: Request[Any, Any, Any], state: State, city: City, person_id: PersonId
    ) -> Response[Any]:
        """Let somebody in no longer."""
        async with state.db.transaction(city) as conn:
            await people.deactivate(conn, actor_of(request), person_id)
            live = await state.count_live_keys(conn, person_id)
        if live:
            return redirect(_live_keys(city, person_id), notice=say(
                "已停用：登录已结束，接口密钥不再有效。此人还有 %(count)s 把有效的签名密钥，请接着吊销。",
                count=live,
            ))  # fmt: skip
        back = f"/{city}/console/people/{person_id}"
        return redirect(back, notice=say("已停用：登录已结束，接口密钥不再有效。"))

    @post("/{person_id:str}/reactivate", summary="恢复账户", opt={"scope": "people:write"},
          status_code=200)  # fmt: skip
    async def reactivate(
        self, request: Request[Any, Any, Any], state: State, city: City, person_id: PersonId
    ) -> Response[Any]:
        """Let somebody in again."""
        async with state.db.transaction(city) as conn:
            await people.reactivate(conn, actor_of(request), person_id)
        return redirect(f"/{city}/console/people/{person_id}", notice=say("已恢复。"))

    @get("/{person_id:str}/erase", summary="删除个人信息页",
         opt={"scope": "people:write", "personal": True, "confirmed": True})  # fmt: skip
    async def erasure(
        self, request: Request[Any, Any, Any], state: State, city: City, person_id: PersonId
    ) -> Response[str]:
        """Say what erasing somebody does."""
        shown = await _person(request, state, city, person_id)
        async with state.db.city(city) as conn:
            live = await state.count_live_keys(conn, person_id)
        keys_at = _live_keys(city, person_id)
        return render(request, "access/erase.html", person=shown, live=live, keys_at=keys_at)

    @post("/{person_id:str}/erase", summary="删除个人信息",
          opt={"scope": "people:write", "personal": True, "confirmed": True},
          status_code=200)  # fmt: skip
    async def erase(
        self, request: Request[Any, Any, Any], state: State, city: City, person_id: PersonId
    ) -> Response[Any]:
        """Erase who somebody is."""
        async with state.db.transaction(city) as conn:
            await people.erase_person(
                conn, state.clock, state.logs.vault(city), actor_of(request), person_id
            )
            live = await state.count_live_keys(conn, person_id)
        if live:
            return redirect(_live_keys(city, person_id), notice=say(
                "已删除 %(person_id)s 的个人信息。此人还有 %(count)s 把有效的签名密钥，请接着吊销。",
                person_id=person_id,
                count=live,
            ))  # fmt: skip
        return redirect(
            f"/{city}/console/people",
            notice=say("已删除 %(person_id)s 的个人信息。", person_id=person_id),
        )


def invited_page(
    request: Request[Any, Any, Any], state: State, token: str, username: str, back: str
) -> Response[str]:
    """Show an invitation's link; it is written nowhere else."""
    city = request.path_params["city"]
    link = f"{state.settings.public_url}/invitation/{city}?token={token}"
    portal = back.startswith(f"/{city}/portal")
    return render(
        request, "access/invited.html", link=link, username=username, back=back, portal=portal
    )


async def _office_fields(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return a form's fields; roles are a list however many were chosen."""
    fields = await form_of(request)
    roles = fields.get("roles", [])
    return {**fields, "roles": [roles] if isinstance(roles, str) else roles}


async def _person(
    request: Request[Any, Any, Any], state: State, city: str, person_id: str
) -> ShownPerson:
    async with state.db.city(city) as conn:
        return await people.shown_person(
            conn, state.clock, state.logs.vault(city), actor_of(request), person_id
        )


def _live_keys(city: str, person_id: str) -> str:
    """Return where somebody's keys are revoked."""
    return f"/{city}/console/keys?holder={person_id}&status=live"


def _fields_of(shown: ShownPerson) -> dict[str, Any]:
    row = shown.row
    return {
        "roles": row.roles,
        "kind": row.kind,
        "organisation": row.organisation,
        "party": row.party,
        "division": row.division,
    }


async def _form_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    fields: Mapping[str, Any],
    refused: CreditError | None = None,
) -> Response[str]:
    return render(
        request,
        "access/person_new.html",
        http_status=refused.status if refused else 200,
        **await _choices(state, city),
        fields=defaultdict(str, fields),
        problem=refused,
    )


async def _person_page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    shown: ShownPerson,
    fields: Mapping[str, Any],
    refused: CreditError | None = None,
) -> Response[str]:
    async with state.db.city(city) as conn:
        live = await state.count_live_keys(conn, shown.row.person_id)
    return render(
        request,
        "access/person.html",
        http_status=refused.status if refused else 200,
        **await _choices(state, city),
        person=shown,
        live=live,
        keys_at=_live_keys(city, shown.row.person_id),
        own=shown.row.person_id == actor_of(request).person_id,
        fields=defaultdict(str, fields),
        problem=refused,
    )


async def _choices(state: State, city: str) -> dict[str, Any]:
    async with state.db.city(city) as conn:
        offices = await people.office_names(conn)
    return {
        "role_titles": logic.ROLE_TITLES,
        "kinds": list(logic.ORGANISATION_KINDS.items()),
        "offices": offices,
    }
