"""The console's page that enters participation without an activity: several members at once."""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.earning import service as earning
from credit.earning.pages.closing import MemberId
from credit.earning.pages.words import WORDS, day_of, masked_names
from credit.earning.service.finding import Search, find_by_name, known_within
from credit.earning.views import Claim, Entered
from credit.kit.db import Connection
from credit.kit.errors import Conflict, CreditError, FieldError, Invalid, Unprocessable
from credit.kit.http import City, Code, Line, idempotent
from credit.kit.ids import new_id
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import listed, marked, say
from credit.rules.loading import pack_of_city

__all__ = ["ParticipationEntryPages"]

ROWS, ROWS_MAX = 5, 30
QUANTITY_MAX = 1_000_000
NAME_CHARS_MAX = 40
Key = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
YEARS_BACK = 1


class EntryForm(Struct, frozen=True):
    """What was done, on which day, and what shows it."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "rule": marked("积分规则"),
        "day": marked("参与日期"),
        "evidence": marked("凭据"),
    }

    rule: Code
    day: Annotated[str, Meta(max_length=10)]
    evidence: Line
    key: Key


class RowForm(Struct, frozen=True):
    """Who did it, and how much of it."""

    LABELS: ClassVar[Mapping[str, str]] = {"member": marked("钱包编号"), "quantity": marked("数量")}

    member: MemberId
    quantity: Annotated[int, Meta(ge=1, le=QUANTITY_MAX)] | None = None


class ParticipationEntryPages(Controller):
    """`/{city}/console/approvals/new`: participation on paper, for somebody else to approve."""

    path = "/console/approvals/new"

    @get(summary="登记参与页", opt={"scope": "points:record"})
    async def blank(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[str]:
        """Offer an empty form."""
        return await _page(request, state, city, {})

    @post(summary="登记参与", opt={"scope": "points:record", "personal": True}, status_code=200)
    async def enter(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Enter all rows, or none and say what is wrong with which; or find a member by name."""
        fields = await form_of(request)
        actor: Actor = request.state.visitor.actor
        if fields.get("add") or fields.get("rows_more") or fields.get("q"):
            return await _prepared(request, state, city, fields)
        pack, free = pack_of_city(city), list[UUID]()
        try:
            form = read_form(EntryForm, {k: fields.get(k) for k in EntryForm.__struct_fields__})
            claims = _claims(form, fields)

            async def act(conn: Connection) -> tuple[int, object]:
                entered = await earning.enter(
                    conn, state.clock, city, actor, pack, list(claims.values()), source="entry"
                )
                _refuse(dict(zip(claims, entered, strict=True)))
                free.extend(one.id for one in entered if one.id and one.status == "approved")
                return 200, {"notice": str(_notice(entered))}

            answer = await _once(state, city, actor, form.key, fields, act)
        except CreditError as refused:
            return await _page(request, state, city, fields, refused)
        if free:
            writer = state.writers.of(city)
            await earning.post_approved(state.db, state.clock, city, writer, pack, free)
        return redirect(f"/{city}/console/approvals", notice=answer["notice"])


async def _once(
    state: State, city: str, actor: Actor, key: str, fields: Mapping[str, Any], act: Any
) -> dict[str, Any]:
    """Enter a form once, however often its button is pressed."""
    asked = json.dumps(sorted((k, str(v)) for k, v in fields.items())).encode()
    try:
        answer = await idempotent(
            state, city, client=actor.person_id, key=f"entry:{key}", request=asked, act=act
        )
    except Unprocessable:
        raise Conflict(
            say("这张表已经提交过了。请到积分审核里核对；还要登记的，另开一张表。"),
            slug="entered-before",
        ) from None
    found: dict[str, Any] = msgspec.json.decode(answer.content)
    return found


def _claims(form: EntryForm, fields: Mapping[str, Any]) -> dict[int, Claim]:
    """Return the claims of the rows filled in, by the rows' numbers."""
    day = day_of(form.day, "day", form.LABELS["day"])
    rows = {number: _row(fields, number) for number in _numbers(fields)}
    filled = {number: one for number, one in rows.items() if any(one.values())}
    if day is None or not filled:
        raise Invalid(say("请至少填一行：谁参与了。"), errors=(_fault(1, say("必填")),))
    faults, claims = list[FieldError](), dict[int, Claim]()
    for number, given in filled.items():
        try:
            one = read_form(RowForm, given)
        except Invalid as error:
            faults.append(_fault(number, error.errors[0].message, error.errors[0].field))
            continue
        claims[number] = Claim(one.member, form.rule, day, form.evidence.strip(), one.quantity)
    if faults:
        raise Invalid(NOTHING_ENTERED, errors=tuple(faults))
    return claims


NOTHING_ENTERED = marked("有的行不能登记，所以一行也没有登记。请改正这些行，或者清空它们，再提交。")


def _refuse(entered: Mapping[int, Entered]) -> None:
    """Refuse the whole form where a row of it is worth nothing."""
    faults = [_fault(number, one.message) for number, one in entered.items() if one.id is None]
    if faults:
        raise Conflict(NOTHING_ENTERED, errors=tuple(faults))


def _fault(number: int, message: str, field: str = "member") -> FieldError:
    name = field if field in ("member", "quantity") else "member"
    return FieldError(f"{name}-{number}", message, say("第 %(row)s 行", row=number))


def _notice(entered: list[Entered]) -> str:
    """Say what was entered, and what comes next."""
    points = sum(one.points for one in entered)
    waiting = sum(one.status == "entered" for one in entered)
    parts = [say("已登记 %(count)s 条，共 %(points)s 分。", count=len(entered), points=points)]
    if waiting:
        parts.append(say("%(count)s 条等另一位同事审核。", count=waiting))
    if waiting < len(entered):
        parts.append(say("%(count)s 条不用审核，已入账。", count=len(entered) - waiting))
    return listed(parts, "")


def _numbers(fields: Mapping[str, Any]) -> range:
    """Return the numbers of a form's rows."""
    asked = str(fields.get("rows", ""))
    rows = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 4 else ROWS
    return range(1, min(max(rows, ROWS), ROWS_MAX) + 1)


def _row(fields: Mapping[str, Any], number: int) -> dict[str, str]:
    return {
        name: str(fields.get(f"{name}-{number}", "")).strip() for name in ("member", "quantity")
    }


async def _prepared(
    request: Request[Any, Any, Any], state: State, city: str, fields: dict[str, Any]
) -> Response[str]:
    """Help to fill in the form: more rows, a member found by name, one put into a row."""
    numbers, search, sought = _numbers(fields), None, str(fields.get("q", "")).strip()
    if fields.get("rows_more"):
        fields["rows"] = str(len(numbers) + ROWS)
    if fields.get("add"):
        wallet = str(fields["add"])[:24]
        taken = [_row(fields, number)["member"] for number in numbers]
        free = next((n for n, one in zip(numbers, taken, strict=True) if not one), None)
        if wallet not in taken:
            number = free or min(len(numbers) + 1, ROWS_MAX)
            fields |= {"rows": str(max(number, len(numbers))), f"member-{number}": wallet}
    elif sought:
        async with state.db.city(city) as conn:
            actor, vault = request.state.visitor.actor, state.logs.vault(city)
            search = await find_by_name(conn, vault, actor, sought[:NAME_CHARS_MAX])
    return await _page(request, state, city, fields, search=search)


async def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    fields: Mapping[str, Any],
    refused: CreditError | None = None,
    *,
    search: Search | None = None,
) -> Response[str]:
    today = state.clock.today()
    bank = pack_of_city(city).on(today).points
    rows = {number: _row(fields, number) for number in _numbers(fields)}
    async with state.db.city(city) as conn:
        given = {one["member"] for one in rows.values() if one["member"]}
        known = await known_within(conn, request.state.visitor.actor, sorted(given))
        names = await masked_names(conn, state.logs.vault(city), known)
    return render(
        request,
        "earning/entry.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        rules=[one for one in bank.earning if not one.activity],
        kinds={one.code: one.title for one in bank.participants},
        rows=rows,
        rows_max=ROWS_MAX,
        names=names,
        faults={one.field: one.message for one in refused.errors} if refused else {},
        search=search,
        sought=str(fields.get("q", "")),
        first=today.replace(month=1, day=1) - timedelta(days=365 * YEARS_BACK),
        today=today,
        key=fields.get("key") or new_id(state.clock.now()).hex,
        fields=defaultdict(str, fields),
        problem=refused,
    )
