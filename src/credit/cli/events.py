"""`credit events`: what waits, giving notice of what is bad, and deciding."""

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
    """信用事件：待决定的，告知企业，和作出决定。"""


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


@group.command("notify")
@click.argument("ids", nargs=-1)
@city_option
@click.option("--all", "every", is_flag=True, help="告知所有待告知的不良信息。")
@click.option("--as", "username", default="officer", show_default=True, help="以谁的名义。")
@json_option
@runs
async def notify(
    *, ids: tuple[str, ...], city: str, every: bool, username: str, as_json_: bool
) -> None:
    """把不良信息告知企业，开始计算整改期限和异议期限。"""
    from credit.events import service
    from credit.rules.loading import pack_of_city

    if not ids and not every:
        raise Invalid("请写出要告知的事件编号，或用 --all。可用 credit events list 查看。")

    async with open_session() as session:
        actor = await acting(session, city, username)
        async with session.db.transaction(city) as conn:
            wanted = [parse_id(one, NO_EVENT) for one in ids]
            if every:
                listed = await service.courses(
                    conn,
                    session.clock,
                    states=["proposed"],
                    after=UUID(int=0),
                    limit=service.BATCH_MAX,
                )
                wanted = [one.course.event_id for one in listed if not one.course.elsewhere]
            done = (
                await service.notify(conn, session.clock, actor, pack_of_city(city), wanted)
                if wanted
                else []
            )
    answer(
        as_json_,
        {"noticed": {str(one.event_id): str(one.objection_due) for one in done}},
        *(f"{one.event_id}　异议期限到 {one.objection_due}" for one in done),
        f"已告知 {len(done)} 件。" if done else "没有待告知的不良信息。",
    )


@group.command("decide")
@click.argument("ids", nargs=-1)
@city_option
@click.option("--all", "every", is_flag=True, help="决定所有现在可以决定的事件，其余说明原因。")
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
    """决定待决定的事件：接受时用自己的密钥在同一记录上签名。提出人不能自己决定。

    不良信息要先用 credit events notify 告知企业，等异议期满或企业认可后才能接受。
    """
    from credit.access.logic import require
    from credit.events import service, signing
    from credit.events.views import Decision

    if not ids and not every:
        raise Invalid("请写出要决定的事件编号，或用 --all。可用 credit events list 查看。")

    async with open_session() as session:
        actor = await acting(session, city, username)
        require(actor, "events:decide")
        key = session.logs.person_key(city, username)
        async with session.db.transaction(city) as conn:
            named = None if every else [parse_id(one, NO_EVENT) for one in ids]
            wanted = await signing.waiting(conn, named, DECIDED_MAX)
            found = [row.id for row in wanted] if every else []
            reasons = await service.decidable(
                conn, session.clock, actor, found, "refused" if refuse else "accepted"
            )
            later = {one: why for one, why in reasons.items() if why is not None}
            wanted = [row for row in wanted if row.id not in later]
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
        {
            "decided": [str(one) for one in decisions],
            "later": {str(one): why for one, why in later.items()},
        },
        *(f"{one}　暂不能决定：{why}" for one, why in later.items()),
        f"已{'拒绝' if refuse else '接受'} {len(decisions)} 件事件。",
    )
