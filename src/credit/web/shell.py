"""The shell of all pages: templates with what every page may ask for, and the static files."""

import json
from pathlib import Path

from litestar import Router
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router

from credit.kit.pages import Pages
from credit.parties.logic import division_name
from credit.settings import Settings

__all__ = ["make_pages", "static_files"]

SOURCE = Path(__file__).parents[1]
# What an officer finds in the console: the scope that shows it, its place, its name.
CONSOLE_MENU = (
    ("events:read", "enterprises", "企业"),
    ("events:read", "events", "事件"),
    ("marks:enter", "evaluations", "评价"),
    ("events:read", "runs", "评级"),
    ("parties:write", "imports", "导入"),
    ("events:read", "exports", "导出"),
    ("people:write", "people", "人员"),
    ("people:write", "clients", "接口密钥"),
    ("trail:read", "trail", "访问记录"),
)
# Addresses of static files name their content, so that a new content is a new address.
FOR_EVER = CacheControlHeader(public=True, max_age=31_536_000, immutable=True)


def make_pages(settings: Settings) -> Pages:
    """Build the templates; a city whose data the demo made is called so on every page."""
    demo = _demo_cities(settings)
    return Pages(
        SOURCE,
        {
            "city_name": division_name,
            "console_menu": CONSOLE_MENU,
            "is_demo": lambda city: city in demo,
            "named_cities": lambda cities: [(code, division_name(code)) for code in cities],
        },
    )


def static_files() -> Router:
    """Serve `web/static`."""
    return create_static_files_router(
        "/static", [SOURCE / "web" / "static"], cache_control=FOR_EVER, include_in_schema=False
    )


def _demo_cities(settings: Settings) -> frozenset[str]:
    try:
        ready = json.loads((Path(settings.data_dir) / "demo.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return frozenset()
    return frozenset(ready["cities"])
