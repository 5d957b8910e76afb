"""`credit events`: what waits for a decision, and deciding it."""

import click
from msgspec import UNSET

from credit.cli.context import acting, as_json, city_option, json_option, open_session, runs

__all__ = ["group"]

DECIDED_MAX = 5_000


@click.group("events")
def group() -> None:
    """信用事件：待决定的，和作出决定。"""


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

    async with open_session() as session:
        actor = await acting(session, city, username)
        key = session.logs.person_key(city, username)
        async with session.db.transaction(city) as conn:
            wanted = await signing.waiting(conn, None if every else ids, DECIDED_MAX)
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
    if as_json_:
        as_json({"decided": [str(one) for one in decisions]})
    else:
        click.echo(f"已{'拒绝' if refuse else '接受'} {len(decisions)} 件事件。")
