"""`credit events`: what waits for a decision, and deciding it."""

from typing import Any
from uuid import UUID

import click
from msgspec import UNSET

from credit.cli.context import (
    acting,
    answer,
    city_option,
    json_option,
    open_session,
    parse_id,
    runs,
)
from credit.kit.canonical import parse
from credit.kit.errors import Invalid

__all__ = ["group"]

DECIDED_MAX = 5_000
NO_EVENT = "不是事件编号。可用 credit events list 查看。"


@click.group("events")
def group() -> None:
    """信用事件：待决定的，和作出决定。"""


@group.command("list")
@city_option
@json_option
@runs
async def list_(*, city: str, as_json_: bool) -> None:
    """列出待决定的事件：编号、事件、对象、日期。"""
    from credit.events import signing

    async with open_session() as session, session.db.city(city) as conn:
        rows = await signing.waiting(conn, None, DECIDED_MAX)
    answer(
        as_json_,
        [{"id": str(row.id), **parse(row.body)} for row in rows],
        *(_described(row.id, parse(row.body)) for row in rows),
        f"共 {len(rows)} 件待决定。" if rows else "没有待决定的事件。",
    )


def _described(event_id: UUID, body: dict[str, Any]) -> str:
    subjects = "、".join(one["id"] for one in body["subjects"])
    return f"{event_id}　{body['occurred_on']}　{body['type']}　{subjects}　{body['reference']}"


@group.command("decide")
@click.argument("ids", nargs=-1)
@city_option
@click.option("--all", "every", is_flag=True, help="决定所有待决定的事件。")
@click.option("--refuse", metavar="REASON", help="不接受，并写明理由。")
@click.option("--as", "username", default="reviewer", show_default=True, help="以谁的名义。")
@json_option
@runs
async def decide(
    *,
    ids: tuple[str, ...],
    city: str,
    every: bool,
    refuse: str | None,
    username: str,
    as_json_: bool,
) -> None:
    """决定待决定的事件：接受时用自己的密钥在同一记录上签名。提出人不能自己决定。"""
    from credit.events import service, signing
    from credit.events.views import Decision

    if not ids and not every:
        raise Invalid("请写出要决定的事件编号，或用 --all。可用 credit events list 查看。")

    async with open_session() as session:
        actor = await acting(session, city, username)
        key = session.logs.person_key(city, username)
        async with session.db.transaction(city) as conn:
            named = None if every else [parse_id(one, NO_EVENT) for one in ids]
            wanted = await signing.waiting(conn, named, DECIDED_MAX)
            decisions = {
                row.id: Decision(
                    "refused" if refuse else "accepted",
                    refuse or "属实",
                    UNSET if refuse else signing.countersign(key, row),
                )
                for row in wanted
            }
            if decisions:
                await service.decide(conn, session.clock, actor, decisions)
    answer(
        as_json_,
        {"decided": [str(one) for one in decisions]},
        f"已{'拒绝' if refuse else '接受'} {len(decisions)} 件事件。",
    )
