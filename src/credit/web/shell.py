"""The shell of all pages: templates with what every page may ask for, and the static files."""

import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path

from litestar import Router
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router

from credit.documents.qr import qr_svg
from credit.events.course.standing import left
from credit.events.course.views import STATE_TITLES
from credit.events.repair.views import REPAIR_TITLES
from credit.kit.pages import Pages
from credit.kit.texts import marked, marked_as
from credit.parties.logic import division_name
from credit.settings import Settings
from credit.terms.views import LEVEL_TITLES

__all__ = ["make_pages", "static_files"]

SOURCE = Path(__file__).parents[1]
# What an officer finds in the console, in groups: the name under which a long one is folded, and its
# rows, each with the scopes any of which shows it, its place, its name.
CONSOLE_MENU = (
    (
        marked("信用"),
        (
            ({"events:read"}, "enterprises", marked_as("many", "企业")),
            ({"events:read"}, "events", marked_as("many", "事件")),
            ({"events:propose"}, "suggestions", marked("线索")),
            ({"events:read"}, "repairs", marked_as("many", "修复")),
            ({"events:read"}, "evaluations", marked("评价")),
            ({"events:read"}, "runs", marked("评级")),
            ({"events:read"}, "lists", marked("红黑名单")),
        ),
    ),
    (
        None,
        (
            ({"events:read"}, "contracts", marked("契约")),
            ({"events:read"}, "duties", marked("履约")),
        ),
    ),
    (
        marked("积分"),
        (
            ({"points:read"}, "points", marked("积分银行")),
            ({"points:read"}, "members", marked("参与者")),
            ({"points:read"}, "activities", marked("活动")),
            ({"points:read"}, "approvals", marked("积分审核")),
            ({"points:read"}, "merchants", marked_as("many", "商户")),
            ({"points:read"}, "settlements", marked("结算")),
        ),
    ),
    (
        None,
        (
            ({"marks:enter", "points:record"}, "imports", marked("导入")),
            ({"events:read"}, "exports", marked("导出")),
        ),
    ),
    (
        marked("系统"),
        (
            ({"people:write"}, "people", marked_as("many", "人员")),
            ({"people:write"}, "clients", marked("接口密钥")),
            ({"keys:read"}, "keys", marked("签名密钥")),
            ({"trail:read"}, "trail", marked("访问记录")),
            ({"trail:read"}, "queries", marked("评标查询")),
        ),
    ),
)
ROWS_UNFOLDED_MAX = 3
# The letter that leads to a place after g; the desk's place is empty.
SHORTCUTS = {
    "": "d",
    "enterprises": "e",
    "events": "v",
    "evaluations": "s",
    "runs": "r",
    "imports": "i",
    "exports": "x",
    "people": "p",
    "clients": "c",
    "contracts": "h",
    "duties": "u",
    "trail": "t",
    "keys": "k",
    "queries": "q",
}
# What users of enterprises, committees and owners find in the portal: the role it is for, place, name.
PORTAL_MENU = (
    ("enterprise_user", "lift", marked("怎样提升")),
    ("enterprise_user", "facts", marked_as("many", "事实")),
    ("enterprise_user", "repairs", marked_as("many", "修复")),
    ("enterprise_user", "lists", marked("名单")),
    ("enterprise_user", "contracts", marked("契约")),
    ("enterprise_user", "promises", marked("履约")),
    ("enterprise_user", "duties", marked("期限")),
    ("enterprise_user", "people", marked("同事")),
    ("committee_user", "contracts", marked("契约")),
    ("committee_user", "promises", marked("履约")),
    ("committee_user", "people", marked("同事")),
    ("owner_delegate", "contracts", marked("契约")),
    ("owner_delegate", "promises", marked("履约")),
)
# What residents find in their wallet: place, name.
WALLET_MENU = (
    ("code", marked("付款码")),
    ("history", marked("明细")),
    ("offers", marked("权益")),
    ("records", marked("参与记录")),
    ("activity", marked("签到")),
)
# What a merchant's people find at the till, besides taking points.
TILL_MENU = (
    ("redemptions", marked("记录")),
    ("offers", marked("权益")),
    ("statements", marked("结算")),
    ("webhooks", marked("通知")),
    ("shop", marked("本店")),
)
FOR_EVER = CacheControlHeader(public=True, max_age=31_536_000, immutable=True)


class _Static:
    """The static files. Their addresses name the content of them all, so that a browser may keep
    each for ever, and what a script imports from beside itself is never an older one.
    """

    def __init__(self, folder: Path) -> None:
        contents = {one.name: one.read_bytes() for one in sorted(folder.iterdir())}
        whole = b"".join(hashlib.sha256(content).digest() for content in contents.values())
        self.folder = folder
        self.path = f"/static/{hashlib.sha256(whole).hexdigest()[:12]}"
        self._names = frozenset(contents)

    def address(self, name: str) -> str:
        """Return the address of a file; KeyError for one that is not there."""
        if name not in self._names:
            raise KeyError(name)
        return f"{self.path}/{name}"


STATIC = _Static(SOURCE / "web" / "static")


def make_pages(settings: Settings) -> Pages:
    """Build the templates; a city whose data the demo made is called so on every page."""
    demo = _demo_cities(settings)
    return Pages(
        SOURCE,
        {
            "city_name": division_name,
            "console_menu": _console_menu,
            "left": left,
            "level_titles": LEVEL_TITLES,
            "repair_titles": REPAIR_TITLES,
            "state_titles": STATE_TITLES,
            "is_demo": lambda city: city in demo,
            "portal_menu": PORTAL_MENU,
            "till_menu": TILL_MENU,
            "qr_svg": qr_svg,
            "static": STATIC.address,
            "shortcuts": SHORTCUTS,
            "wallet_menu": WALLET_MENU,
            "named_cities": lambda cities: [(code, division_name(code)) for code in cities],
        },
    )


def static_files() -> Router:
    """Serve `web/static` under an address that names the content of all of it."""
    return create_static_files_router(
        STATIC.path, [STATIC.folder], cache_control=FOR_EVER, include_in_schema=False
    )


def _console_menu(
    scopes: Collection[str],
) -> Sequence[tuple[str | None, Sequence[tuple[str, str]]]]:
    """Return the groups of the console for these scopes: a name where it is folded, places with names.

    Few rows need no folding, nor do those of the only long group.
    """
    groups = []
    for title, rows in CONSOLE_MENU:
        shown = [(place, text) for any_of, place, text in rows if not any_of.isdisjoint(scopes)]
        groups.append((title if len(shown) > ROWS_UNFOLDED_MAX else None, shown))
    if sum(title is not None for title, _ in groups) == 1:
        return [(None, shown) for _, shown in groups]
    return groups


def _demo_cities(settings: Settings) -> frozenset[str]:
    try:
        ready = json.loads((Path(settings.data_dir) / "demo.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return frozenset()
    return frozenset(ready["cities"])
