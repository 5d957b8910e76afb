"""`credit people`: who works with the service, and the keys of their machines."""

import click

from credit.cli.context import acting, answer, city_option, json_option, open_session, runs

__all__ = ["group"]


@click.group("people")
def group() -> None:
    """人员：登记、列出、发接口密钥。"""


@group.command("add")
@click.argument("username")
@city_option
@click.option("--name", "shown", required=True, help="显示的姓名或岗位名称。")
@click.option("--role", "roles", required=True, multiple=True,
              help="角色，例如 association_officer，可写几次；写错时列出可用的。")  # fmt: skip
@click.option("--organisation", required=True, help="所在单位的名称。")
@click.option(
    "--kind", default="other", help="单位的类别，例如 association、enterprise；默认 other。"
)
@click.option("--party", metavar="CODE", help="单位在登记册里的代码：企业、业主委员会或商户。")
@click.option("--division", metavar="CODE",
              help="单位负责的区划代码：社区 12 位、街道 9 位、区县主管部门 6 位必填，其他单位不写。")  # fmt: skip
@json_option
@runs
async def add(
    *,
    username: str,
    city: str,
    shown: str,
    roles: tuple[str, ...],
    organisation: str,
    kind: str,
    party: str | None,
    division: str | None,
    as_json_: bool,
) -> None:
    """登记一个人；要签名的角色同时在本机生成密钥，并在日志里公布公钥。"""
    from credit.access import service
    from credit.access.logic import check_division, check_roles
    from credit.log.service import announce_key

    check_roles(roles)
    check_division(kind, division, roles)
    async with open_session() as session, session.db.transaction(city) as conn:
        belongs = await service.add_organisation(
            conn, session.clock, kind=kind, name=organisation, division=division, party=party
        )
        person = await service.add_person(
            conn,
            session.clock,
            session.vault(city),
            username=username,
            name=shown,
            roles=roles,
            organisation_id=belongs,
        )
        actor = await service.actor_named(conn, username)
        signs = "keys:own" in actor.scopes
        if signs:
            key = session.logs.person_key(city, username)
            await announce_key(conn, session.clock, key=key, holder=person, role=actor.role)
    document = {"username": username, "person": person, "roles": list(roles), "signs": signs}
    answer(as_json_, document, f"已登记 {shown}（{username}，日志中显示为 {person}）。")


@group.command("list")
@city_option
@json_option
@runs
async def list_(*, city: str, as_json_: bool) -> None:
    """列出在岗的人和他们的角色。"""
    from credit.access import service

    async with open_session() as session, session.db.city(city) as conn:
        people = [
            {name: one[name] for name in ("username", "roles", "organisation")}
            for one in await service.people(conn)
            if one["active"]
        ]
    answer(
        as_json_,
        people,
        *(
            f"{one['username']:<20}{'、'.join(one['roles']):<24}{one['organisation']}"
            for one in people
        ),
        f"共 {len(people)} 人。",
    )


@group.command("key")
@click.argument("username")
@city_option
@click.option("--name", "purpose", required=True, help="这把密钥给哪台机器、哪个系统用；不写人名。")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE",
              help="只给这些权限，例如 events:propose，可写几次；不写为此人的全部权限。")  # fmt: skip
@click.option("--days", type=int, default=365, show_default=True, help="有效天数，最多 730。")
@click.option("--rate", type=int, default=6000, show_default=True, help="每分钟最多请求数。")
@json_option
@runs
async def key(
    *,
    username: str,
    city: str,
    purpose: str,
    scopes: tuple[str, ...],
    days: int,
    rate: int,
    as_json_: bool,
) -> None:
    """给一个人的系统发接口密钥：只显示这一次，到期前可以换发。"""
    from credit.access.admin.clients import issue_client

    async with open_session() as session:
        actor = await acting(session, city, username)
        async with session.db.transaction(city) as conn:
            made = await issue_client(
                conn,
                session.clock,
                session.vault(city),
                person_id=actor.person_id,
                purpose=purpose,
                scopes=scopes or None,
                rate_per_minute=rate,
                days=days,
            )
    answer(as_json_, {"username": username, "key": made}, f"{made}\n请现在保存，以后不再显示。")


@group.command("invite")
@click.argument("username")
@city_option
@json_option
@runs
async def invite_(*, username: str, city: str, as_json_: bool) -> None:
    """给一个人发邀请链接：七天内打开一次，自己设密码；以前的链接作废。"""
    from credit.access.admin.invitations import invite

    async with open_session() as session:
        actor = await acting(session, city, username)
        async with session.db.transaction(city) as conn:
            token = await invite(conn, session.clock, actor.person_id)
    link = f"{session.settings.public_url}/invitation/{city}?token={token}"
    answer(
        as_json_, {"username": username, "link": link}, f"{link}\n请当面或用可靠的方式交给本人。"
    )
