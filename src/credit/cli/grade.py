"""`credit grade` and `credit evaluation`: runs, publication, explanation, closing."""

from datetime import datetime
from typing import Any
from uuid import UUID

import click

from credit.cli.context import (
    acting,
    answer,
    city_option,
    json_option,
    open_session,
    parse_id,
    progress,
    runs,
)
from credit.kit.db import Connection
from credit.kit.errors import Conflict
from credit.kit.http import parse_date, parse_moment

__all__ = ["evaluation_group", "group"]

LINES_MAX = 200


@click.group("grade")
def group() -> None:
    """等级：计算、公布、说明。"""


@group.command("run")
@city_option
@click.option("--on", "on_", metavar="DATE", help="评级日，默认今天。")
@click.option("--as", "username", default="officer", show_default=True, help="以谁的名义。")
@json_option
@runs
async def run(*, city: str, on_: str | None, username: str, as_json_: bool) -> None:
    """计算全市企业的等级并提出；公布由市主管部门决定。"""
    from credit.grades import service
    from credit.rules.loading import pack_of_city

    async with open_session() as session:
        on = parse_date(on_, "--on") if on_ else session.clock.today()
        actor = await acting(session, city, username)
        with progress("计算等级") as update:
            async with session.db.transaction(city) as conn:
                found = await service.run(
                    conn, session.clock, actor, pack_of_city(city), on, progress=update
                )
                answers = await service.answers_of(conn, {found.id: found.summary})
    awaited = any(one.awaited for one in answers[found.id])
    document = {
        "run": str(found.id),
        "on": found.on_date.isoformat(),
        "pack": found.pack,
        "status": found.pack_status,
        "log_size": found.log_size,
        **found.summary,
    }
    status = "示例" if found.pack_status == "sample" else "正式"
    answer(
        as_json_,
        document,
        f"评级 {found.id}　评级日 {found.on_date}　规则包 {found.pack}（{status}）",
        *(
            f"  {count:>6} 家　{'未评级' if grade == 'unrated' else grade}"
            for grade, count in found.summary["distribution"].items()
        ),
        *(
            [f"请区县主管部门先确认：credit grade confirm {found.id} --city {city}"]
            if awaited
            else []
        ),
        f"请市主管部门公布：credit grade publish {found.id} --city {city}",
    )


@group.command("confirm")
@click.argument("run_id", required=False)
@city_option
@click.option("--return", "reason", metavar="REASON", help="退回，并写明理由。")
@click.option("--as", "username", default="district", show_default=True, help="以谁的名义。")
@json_option
@runs
async def confirm(
    *, run_id: str | None, city: str, reason: str | None, username: str, as_json_: bool
) -> None:
    """区县主管部门确认本区企业的等级（默认最近一次评级），或者退回，用自己的密钥签名。"""
    from credit.grades import service
    from credit.kit.ids import new_id
    from credit.log.service import sign_record
    from credit.rules.loading import pack_of_city

    outcome = "confirmed" if reason is None else "returned"
    async with open_session() as session:
        actor = await acting(session, city, username)
        key, pack = session.logs.person_key(city, username), pack_of_city(city)
        async with session.db.transaction(city) as conn:
            found = await _run_of(conn, run_id)
            body = await service.prepare_confirmation(
                conn, session.clock, actor, pack, found, outcome
            )
            record_id = new_id(session.clock.now())
            record = sign_record(key, service.CONFIRMED_KIND, record_id, body)
            await service.confirm(conn, session.clock, actor, pack, found, record, reason=reason)
    document = {"run": str(found), "division": body["division"], "outcome": outcome}
    done = "确认" if reason is None else "退回"
    answer(as_json_, document, f"已{done} {body['on']} 的评级（{body['division']}）。")


@group.command("publish")
@click.argument("run_id", required=False)
@city_option
@click.option("--as", "username", default="city_authority", show_default=True, help="以谁的名义。")
@json_option
@runs
async def publish(*, run_id: str | None, city: str, username: str, as_json_: bool) -> None:
    """公布一次评级（默认最近一次），用公布人自己的密钥为每家企业签一条记录。"""
    from credit.grades import service
    from credit.log.service import sign_records
    from credit.rules.loading import pack_of_city

    async with open_session() as session:
        actor = await acting(session, city, username)
        key = session.logs.person_key(city, username)
        async with session.db.transaction(city) as conn:
            found = await _run_of(conn, run_id)
            pack = pack_of_city(city)
            bodies = await service.prepare_publication(conn, session.clock, pack, found)
            records = sign_records(key, "grade", bodies, session.clock)
            await service.publish(conn, session.clock, actor, pack, found, records)
    document = {"run": str(found), "published": len(records)}
    answer(as_json_, document, f"已公布 {len(records)} 家企业的等级。")


@group.command("explain")
@click.argument("uscc")
@city_option
@click.option("--valid-at", metavar="DATE", help="哪一天的等级，默认今天。")
@click.option("--known-at", metavar="SIZE|TIME", help="按日志大小或时刻的已知范围，默认现在。")
@json_option
@runs
async def explain(
    *, uscc: str, city: str, valid_at: str | None, known_at: str | None, as_json_: bool
) -> None:
    """说明一家企业的得分：每一分来自哪条规则、哪条日志。"""
    from credit.grades import service
    from credit.log import service as log
    from credit.parties import service as parties
    from credit.rules.loading import pack_of_city

    async with open_session() as session, session.db.city(city) as conn:
        on = parse_date(valid_at, "--valid-at") if valid_at else session.clock.today()
        enterprise = await parties.find_enterprise(conn, uscc)
        size = await service.known_size(conn, _known(known_at))
        known = await log.size_at(conn, None) if size is None else size
        result, tree = await service.explain(conn, pack_of_city(city), uscc, on=on, size=known)
        standing = (await service.standings(conn, [uscc], valid_at=on, size=size))[uscc]
    published = service.standing_json(standing, session.logs.origin(city))
    document = {
        "uscc": uscc,
        "name": enterprise.name,
        "on": on.isoformat(),
        "log_size": known,
        "score": None if result.score is None else str(result.score),
        "grade": result.grade,
        "status": result.status,
        "published": published,
        "trace": tree,
    }
    lines = _lines(tree, 0)
    answer(
        as_json_,
        document,
        f"{enterprise.name}（{uscc}）　{on}　按日志前 {known} 条计算",
        f"已公布：{published['grade'] or '未评级'}",
        *lines[:LINES_MAX],
        *(["……　完整内容请用 --json。"] if len(lines) > LINES_MAX else []),
    )


async def _run_of(conn: Connection, run_id: str | None) -> UUID:
    """Return the run that is meant: the newest one unless it is named."""
    from credit.grades import store

    found = parse_id(run_id, "不是评级编号。") if run_id else await store.latest_run(conn)
    if found is None:
        raise Conflict("还没有任何评级。请先运行 credit grade run。")
    return found


def _lines(node: dict[str, Any], depth: int) -> list[str]:
    index = "" if node["index"] is None else f"　日志第 {node['index']} 条"
    note = node["inputs"].get("not_counted", "")
    own = f"{'  ' * depth}{node['value']:>8}　{node['title']}{index}　〔{node['source']}〕{note}"
    return [own, *(line for child in node["children"] for line in _lines(child, depth + 1))]


@click.group("evaluation")
def evaluation_group() -> None:
    """年度评价：结束打分并签名入日志。"""


@evaluation_group.command("close")
@city_option
@click.option("--sheet", required=True, help="评分表，例如 A.2。")
@click.option("--year", required=True, type=int, help="年度。")
@click.option("--as", "username", default="reviewer", show_default=True, help="以谁的名义。")
@json_option
@runs
async def close(*, city: str, sheet: str, year: int, username: str, as_json_: bool) -> None:
    """结束一张表一个年度的全部评价，用自己的密钥逐份签名。"""
    from credit.evaluations import service
    from credit.evaluations.logic import may_judge
    from credit.log.service import sign_records
    from credit.rules.loading import pack_of_city

    async with open_session() as session:
        actor = await acting(session, city, username)
        key = session.logs.person_key(city, username)
        pack = pack_of_city(city)
        async with session.db.transaction(city) as conn:
            rows = await service.open_evaluations(conn, sheet, year)
            own = actor.division  # who works in one division alone closes what it judges
            mine = [row for row in rows if not own or may_judge(row.division, own, closing=True)]
            ids = [row.id for row in mine if row.version > 0]
            bodies = await service.prepare_closings(conn, session.clock, pack, ids)
            records = sign_records(key, "evaluation", bodies, session.clock)
            if records:
                await service.close(conn, session.clock, actor, pack, records)
    document = {"sheet": sheet, "year": year, "closed": len(records)}
    answer(as_json_, document, f"已结束 {len(records)} 份 {year} 年度 {sheet} 评价。")


def _known(text: str | None) -> datetime | int | None:
    if text is None:
        return None
    return int(text) if text.isdigit() else parse_moment(text, "--known-at")
