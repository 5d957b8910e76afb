"""The shell of all pages: templates with what every page may ask for, and the static files."""

import json
from pathlib import Path

from litestar import Router
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router

from credit.kit.languages import marked
from credit.kit.pages import Pages
from credit.parties.logic import division_name
from credit.settings import Settings

__all__ = ["make_pages", "static_files"]

SOURCE = Path(__file__).parents[1]
# What an officer finds in the console: the scope that shows it, its place, its name.
CONSOLE_MENU = (
    ("events:read", "enterprises", marked("企业")),
    ("events:read", "events", marked("事件")),
    ("events:read", "evaluations", marked("评价")),
    ("events:read", "runs", marked("评级")),
    ("marks:enter", "imports", marked("导入")),
    ("events:read", "exports", marked("导出")),
    ("people:write", "people", marked("人员")),
    ("people:write", "clients", marked("接口密钥")),
    ("trail:read", "trail", marked("访问记录")),
)
# What the user of an enterprise finds in the portal: the role it is for, its place, its name.
PORTAL_MENU = (
    ("enterprise_user", "lift", marked("怎样提升")),
    ("enterprise_user", "facts", marked("事实")),
    ("enterprise_user", "duties", marked("期限")),
    ("enterprise_user", "people", marked("同事")),
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
            "portal_menu": PORTAL_MENU,
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
