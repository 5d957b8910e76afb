"""`credit demo`, `serve`, `worker`, `migrate`, `check`: running the service."""

import asyncio
from pathlib import Path

import click

from credit.cli.context import answer, console, json_option, open_session, progress, runs
from credit.settings import Settings

__all__ = ["check", "demo", "migrate", "openapi", "serve", "worker"]


@click.command("migrate")
@click.option("--city", "cities", multiple=True, metavar="CODE",
              help="要建立或升级的城市；默认为已有的全部城市。")  # fmt: skip
@json_option
@runs
async def migrate(*, cities: tuple[str, ...], as_json_: bool) -> None:
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
    shown = "、".join(wanted) or "没有城市，请用 --city 指定"
    answer(as_json_, {"cities": wanted}, f"已升级：{shown}")


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
@json_option
@runs
async def check(*, as_json_: bool) -> None:
    """检查设置、数据库、规则包和密钥；有任何不符时退出码为 1。"""
    from credit.kit.migrate import drift
    from credit.rules.loading import list_packs, load_pack

    packs = {name: load_pack(name).digest for name in list_packs()}
    cities = {}
    async with open_session() as session:
        for city in sorted(session.db.cities):
            differences = await asyncio.to_thread(drift, session.url, city)
            cities[city] = {"drift": differences, "vkey": session.logs.verifier(city).vkey}
    ok = not any(found["drift"] for found in cities.values())
    answer(
        as_json_,
        {"ok": ok, "packs": packs, "cities": cities},
        *(f"规则包 {name}：可用　{digest}" for name, digest in packs.items()),
        f"数据库：可用，城市 {'、'.join(cities) or '无'}",
        *(
            f"城市 {city}：{found['drift'] or '结构一致'}　日志公钥 {found['vkey']}"
            for city, found in cities.items()
        ),
    )
    raise SystemExit(0 if ok else 1)


@click.command("openapi")
@json_option
def openapi(*, as_json_: bool) -> None:  # noqa: ARG001 - JSON is all there is
    """输出接口文档（OpenAPI 3.1）。"""
    from credit.app import create_app
    from credit.kit.problems import make_openapi_honest

    app = create_app(Settings(), "postgresql://", background=False)
    make_openapi_honest(app)
    answer(True, app.openapi_schema.to_schema())


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
