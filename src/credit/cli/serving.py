"""`credit demo`, `serve`, `worker`, `migrate`, `check`: running the service."""

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from credit.cli.context import answer, console, json_option, open_session, progress, runs
from credit.settings import Settings

if TYPE_CHECKING:
    from litestar import Litestar

    from credit.demo.load import Ready

__all__ = ["check", "demo", "migrate", "openapi", "run", "serve", "worker"]


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
    from credit.app import create_app

    run(create_app(settings, url, background=background), settings)


def run(app: "Litestar", settings: Settings) -> None:
    """Answer requests until somebody ends the process."""
    import uvicorn

    from credit.kit.telemetry import configure_logging

    configure_logging(settings.log_level)
    # What start-up made stays: the collector need not walk it again and again.
    app.on_startup.append(gc.freeze)
    uvicorn.run(
        app,
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
    from credit.points.service.posting import Writers

    async with open_session() as session:
        configure_logging(session.settings.log_level)
        writers = Writers(session.db, session.clock, leading=False)
        try:
            await run_background(session.db, session.clock, session.logs, session.settings, writers)
        finally:
            await writers.close()


@click.command("check")
@json_option
@runs
async def check(*, as_json_: bool) -> None:
    """检查设置、数据库、规则包、密钥和字体；有任何不符时退出码为 1，缺字体只作提示。"""
    from credit.kit.migrate import drift
    from credit.rules.loading import list_packs, load_pack

    packs = {name: load_pack(name).digest for name in list_packs()}
    cities = {}
    async with open_session() as session:
        for city in sorted(session.db.cities):
            differences = await asyncio.to_thread(drift, session.url, city)
            cities[city] = {"drift": differences, "vkey": session.logs.verifier(city).vkey}
    ok = not any(found["drift"] for found in cities.values())
    fonts, said = _fonts()
    answer(
        as_json_,
        {"ok": ok, "packs": packs, "cities": cities, "fonts": fonts},
        *(f"规则包 {name}：可用　{digest}" for name, digest in packs.items()),
        f"数据库：可用，城市 {'、'.join(cities) or '无'}",
        *(
            f"城市 {city}：{found['drift'] or '结构一致'}　日志公钥 {found['vkey']}"
            for city, found in cities.items()
        ),
        said,
    )
    raise SystemExit(0 if ok else 1)


def _fonts() -> tuple[str | None, str]:
    """Return the fonts of credit reports, None without any, and a sentence that says so."""
    from credit.documents.compiler import FontMissing, check_fonts

    try:
        fonts = check_fonts()
    except FontMissing as missing:
        return None, f"字体：没有。{missing.detail}其他功能不受影响。"
    return fonts, f"字体：信用报告用 {fonts}"


@click.command("openapi")
@json_option
def openapi(*, as_json_: bool) -> None:  # noqa: ARG001 - JSON is all there is
    """输出接口文档（OpenAPI 3.1）。"""
    from credit.app import create_app
    from credit.kit.problems import make_openapi_honest

    app = create_app(Settings(), "postgresql://", background=False)
    make_openapi_honest(app)
    answer(True, app.openapi_schema.to_schema())


def _doors(ready: "Ready") -> Iterator[str]:
    """List who can come in, through which door, with which name and password, a line each."""
    from credit.access.logic import ROLE_TITLES

    yield f"任何人　{ready.pages_url}/150200/"
    for user in ready.users:
        door = f"{ready.pages_url}/login?next=/150200/{user.door}"
        yield f"{ROLE_TITLES[user.role]}　{door}　用户名 {user.username}　密码 {user.password}"


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
    for line in _doors(ready):
        console.print(line, soft_wrap=True, highlight=False)
    console.print(f"接口文档　{ready.base_url}/schema/openapi.json")
    console.print(f"日志检查点　{ready.base_url}/log/150200/checkpoint")
    console.print(f"登录和接口密钥也写在 {path}")
    if not load_only:
        console.print("按 Ctrl-C 停止。\n")
        _serve(settings, url)
