"""A merchant's webhooks at its till: registered, tried out, changed, set back, switched off."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter
from msgspec import Meta, Struct

from credit.access.views import Actor
from credit.kit.errors import CreditError, Forbidden, NotFound
from credit.kit.http import City, RecordKey
from credit.kit.pages import form_of, read_form, redirect
from credit.kit.texts import marked, say
from credit.market.logic.deliveries import TARGET_CHARS_MAX
from credit.market.logic.events import source_of
from credit.market.pages.forms import Cursor, texts_of
from credit.market.pages.settling import till
from credit.market.pages.till import own_rows
from credit.market.service import webhooks
from credit.market.service.courier import Courier
from credit.market.service.redemptions import merchant_of
from credit.market.service.webhooks import WEBHOOKS_MAX
from credit.market.webhooks.views import WebhookRow
from credit.points.service.accounts import LAST

__all__ = ["TillWebhookPages"]

DELIVERIES = 30
ActPath = Annotated[
    str, PathParameter(pattern=r"^(test|replay|resume|disable|delete)$(?!\n)", max_length=10)
]
DONE: Mapping[str, str] = {
    "replay": marked("马上从这里起重新通知。"),
    "resume": marked("已恢复，马上接着通知。"),
    "disable": marked("已停用，不再通知；恢复后从停下的地方接着通知。"),
}


class AddressForm(Struct, frozen=True):
    """Where to tell the merchant."""

    LABELS: ClassVar[Mapping[str, str]] = {"url": marked("通知地址")}

    url: Annotated[str, Meta(max_length=TARGET_CHARS_MAX)]


class ReplayForm(Struct, frozen=True):
    """After which transfer to begin again."""

    LABELS: ClassVar[Mapping[str, str]] = {"after": marked("从第几号之后")}

    after: Annotated[str, Meta(pattern=r"^[0-9]{1,18}$(?!\n)", max_length=18)]


class TillWebhookPages(Controller):
    """`/{city}/till/webhooks`: the merchant's own."""

    path = "/till/webhooks"

    @get(summary="本店的通知地址", opt={"scope": "till:use"})
    async def webhooks(self, request: Request[Any, Any, Any]) -> Response[str]:
        """List where the merchant is told, and how that goes."""
        return await _list_page(request)

    @post(summary="登记本店的通知地址", opt={"scope": "till:use"}, status_code=200)
    async def register(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Register an address, and show its secret this once."""
        fields, actor = texts_of(await form_of(request)), request.state.visitor.actor
        try:
            url = read_form(AddressForm, fields).url.strip()
            await _courier(state).find(url)
            async with state.db.transaction(city) as conn:
                made, secret = await webhooks.register(
                    conn, state.clock, state.logs.vault(city), actor, url
                )
        except CreditError as refused:
            return await _list_page(request, fields, refused)
        return till(request, "market/till_secret.html", webhook=made, secret=secret)

    @get("/{webhook:str}", summary="一个通知地址", opt={"scope": "till:use"})
    async def webhook(
        self, request: Request[Any, Any, Any], webhook: RecordKey, cursor: Cursor = ""
    ) -> Response[str]:
        """Show a webhook with its last deliveries, and what may be done about it."""
        return await _page(request, webhook, int(cursor or LAST))

    @post("/{webhook:str}/rotate", summary="更换通知密钥页", opt={"scope": "till:use"},
          status_code=200)  # fmt: skip
    async def rotate(
        self, request: Request[Any, Any, Any], state: State, city: City, webhook: RecordKey
    ) -> Response[Any]:
        """Make a new secret, and show it this once."""
        async with state.db.transaction(city) as conn:
            made, secret = await webhooks.rotate(
                conn, state.clock, state.logs.vault(city), request.state.visitor.actor,
                UUID(webhook),
            )  # fmt: skip
        return till(request, "market/till_secret.html", webhook=made, secret=secret)

    @post("/{webhook:str}/{act:str}", summary="办理通知地址", opt={"scope": "till:use"},
          status_code=200)  # fmt: skip
    async def do(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        webhook: RecordKey,
        act: ActPath,
    ) -> Response[Any]:
        """Try it out, begin again, switch it off, or forget it."""
        fields, actor = texts_of(await form_of(request)), request.state.visitor.actor
        try:
            notice = await _acts(state, city, actor, UUID(webhook), fields)[act]()
        except NotFound:
            raise
        except CreditError as refused:
            return await _page(request, webhook, LAST, fields, refused)
        back = "" if act == "delete" else f"/{webhook}"
        return redirect(f"/{city}/till/webhooks{back}", notice=notice)


def _acts(
    state: State, city: str, actor: Actor, number: UUID, fields: Mapping[str, str]
) -> dict[str, Callable[[], Awaitable[str]]]:
    async def test() -> str:
        async with state.db.city(city) as conn:
            found = await webhooks.webhook(conn, actor, number)
        source = source_of(state.settings.public_url, city)
        result = await webhooks.try_out(
            state.clock, source, state.logs.vault(city), _courier(state), found
        )
        async with state.db.transaction(city) as conn:
            await webhooks.webhook(conn, actor, number, lock=True)
            await webhooks.note_try(conn, state.clock, number, result)
        return say("测试消息已发出，结果见下面“最近的通知”第一行。")

    async def replay() -> str:
        after = int(read_form(ReplayForm, fields).after)
        async with state.db.transaction(city) as conn:
            await webhooks.replay(conn, actor, number, after)
        return DONE["replay"]

    async def resume() -> str:
        async with state.db.transaction(city) as conn:
            await webhooks.replay(conn, actor, number)
        return DONE["resume"]

    async def disable() -> str:
        async with state.db.transaction(city) as conn:
            await webhooks.switch_off(conn, state.clock, actor, number)
        return DONE["disable"]

    async def delete() -> str:
        async with state.db.transaction(city) as conn:
            await webhooks.drop(conn, actor, number)
        return say("已删去，不再通知这个地址。")

    return {
        "test": test, "replay": replay, "resume": resume, "disable": disable, "delete": delete
    }  # fmt: skip


def _courier(state: State) -> Courier:
    return Courier(allow_private=state.settings.webhooks_private)


async def _list_page(
    request: Request[Any, Any, Any],
    fields: Mapping[str, str] | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    state, city = request.app.state, request.path_params["city"]
    actor: Actor = request.state.visitor.actor
    found, last, admitted = list[WebhookRow](), {}, True
    async with own_rows(state, city, actor) as conn:
        try:
            await merchant_of(conn, actor)
            found = await webhooks.webhooks(conn, actor)
            last = await webhooks.latest(conn, found)
        except Forbidden:
            admitted = False
    return till(
        request,
        "market/till_webhooks.html",
        http_status=refused.status if refused else 200,
        webhooks=found,
        latest=last,
        admitted=admitted,
        most=WEBHOOKS_MAX,
        url=(fields or {}).get("url", ""),
        problem=refused,
    )


async def _page(
    request: Request[Any, Any, Any],
    webhook: str,
    before: int,
    fields: Mapping[str, str] | None = None,
    refused: CreditError | None = None,
) -> Response[str]:
    state, city = request.app.state, request.path_params["city"]
    actor: Actor = request.state.visitor.actor
    async with own_rows(state, city, actor) as conn:
        found = await webhooks.webhook(conn, actor, UUID(webhook))
        rows = await webhooks.deliveries(conn, actor, found.id, before, DELIVERIES + 1)
    return till(
        request,
        "market/till_webhook.html",
        http_status=refused.status if refused else 200,
        webhook=found,
        deliveries=rows[:DELIVERIES],
        now=state.clock.now(),
        fields=fields or {},
        problem=refused,
        cursor=str(rows[DELIVERIES - 1].id) if len(rows) > DELIVERIES else None,
    )
