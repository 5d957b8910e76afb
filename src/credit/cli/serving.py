"""`credit demo`, `serve`, `worker`, `migrate`, `check`: running the service."""

import asyncio
from pathlib import Path

import click

from credit.cli.context import console, open_session, progress, runs
from credit.settings import Settings

__all__ = ["check", "demo", "migrate", "serve", "worker"]


@click.command("migrate")
@click.option("--city", "cities", multiple=True, metavar="CODE",
              help="要建立或升级的城市；默认为已有的全部城市。")  # fmt: skip
@runs
async def migrate(*, cities: tuple[str, ...]) -> None:
    """建立或升级城市的数据库结构。"""
    from credit.kit.db import Database
    from credit.kit.embedded import database_url
    from credit.kit.migrate import migrate as run_migrations

    url = await asyncio.to_thread(database_url, Settings())
    wanted = list(cities)
    if not wanted:
        async with Database(url, role="none") as db:
            wanted = sorted(db.cities)
    await asyncio.to_thread(run_migrations, url, wanted)
    click.echo(f"已升级：{'、'.join(wanted) or '没有城市，请用 --city 指定'}")


@click.command("serve")
@click.option("--background/--no-background", default=True,
              help="本进程是否同时给日志编号、做后台任务（否则另开 credit worker）。")  # fmt: skip
def serve(*, background: bool) -> None:
    """启动服务。"""
    from credit.kit.embedded import database_url

    settings = Settings()
    _serve(settings, database_url(settings), background=background)


def _serve(settings: Settings, url: str, *, background: bool = True) -> None:
    import uvicorn

    from credit.app import create_app
    from credit.kit.telemetry import configure_logging

    configure_logging(settings.log_level)
    uvicorn.run(
        create_app(settings, url, background=background),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
    )


@click.command("worker")
@runs
async def worker() -> None:
    """只做后台工作：为各城市的日志编号，执行排队的任务。"""
    from credit.background import run_background
    from credit.kit.telemetry import configure_logging

    async with open_session() as session:
        configure_logging(session.settings.log_level)
        await run_background(session.db, session.clock, session.logs)


@click.command("check")
@runs
async def check() -> None:
    """检查设置、数据库、规则包和密钥。"""
    from credit.kit.migrate import drift
    from credit.rules.loading import list_packs, load_pack

    faults = 0
    for name in list_packs():
        load_pack(name)
        click.echo(f"规则包 {name}：可用")
    async with open_session() as session:
        click.echo(f"数据库：可用，城市 {'、'.join(sorted(session.db.cities)) or '无'}")
        for city in sorted(session.db.cities):
            differences = await asyncio.to_thread(drift, session.url, city)
            faults += len(differences)
            click.echo(f"城市 {city}：{differences or '结构一致'}")
            click.echo(f"  日志 {session.logs.verifier(city).vkey}")
    raise SystemExit(1 if faults else 0)


@click.command("demo")
@click.option("--load-only", is_flag=True, help="只准备演示数据，不启动服务。")
def demo(*, load_only: bool) -> None:
    """准备演示城市并启动服务，直到 Ctrl-C。"""
    from credit.demo.load import load_demo
    from credit.kit.embedded import database_url

    settings = Settings()
    console.print("启动数据库 …")
    url = database_url(settings)
    ready = asyncio.run(load_demo(settings, url, progress))
    path = Path(settings.data_dir) / "demo.json"
    console.print(f"\n[bold]演示数据由程序合成，不是真实企业。[/bold]　{ready.summary}")
    console.print(f"接口　　　　{ready.base_url}/schema/openapi.json")
    console.print(f"登记册　　　{ready.base_url}/api/v1/150200/enterprises")
    console.print(f"日志检查点　{ready.base_url}/log/150200/checkpoint")
    console.print(f"接口密钥　　{path}")
    if not load_only:
        console.print("按 Ctrl-C 停止。\n")
        _serve(settings, url)
