"""Access as pure decisions: what a role may do, keys and tokens, lock-out, sessions, safe paths."""

import hashlib
import hmac
import re
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from credit.access.views import Actor
from credit.kit.errors import Forbidden, Invalid
from credit.kit.texts import listed, marked, say

__all__ = [
    "CONFIRMED_FOR", "DIVISION_DIGITS", "ORGANISATION_KINDS", "PAGE_SCOPES", "PASSWORD_CHARS_MAX",
    "ROLES", "ROLE_TITLES", "SCOPES", "SCOPE_TITLES", "SESSION_IDLE", "SESSION_LIFE",
    "address_group", "browser_name", "check_belonging", "check_division", "check_password",
    "check_purpose", "check_roles", "check_username", "home_of", "is_bound", "key_digest",
    "locked_for", "make_key", "masked", "refuse_same_person", "refuse_unplaced", "require",
    "safe_path", "same_digest", "scopes_of", "session_live", "split_key",
]  # fmt: skip

# D001 §7.3.1 and reading X-07: the association collects and proposes, another person of it
# decides, the district confirms, the city department approves and publishes.
_OFFICER = frozenset({"console:use", "contracts:read", "events:read", "keys:own"})
# D001 §7.2.2: the points bank has operators at four levels; a community records and approves, those
# above it fund campaigns and deal with merchants, too. The city's programme the association may run:
# it funds budgets, and has no part in what is awarded.
_COMMUNITY = frozenset({"points:approve", "points:read", "points:record"})
_OPERATOR = _COMMUNITY | {"market:decide", "market:settle", "points:fund"}
_PARTY = frozenset(
    {"contracts:perform", "contracts:read", "contracts:sign", "keys:own", "portal:use"}
)
SCOPES: dict[str, frozenset[str]] = {
    "association_officer": _OFFICER
    | {
        "contracts:draft",
        "contracts:inspect",
        "contracts:perform",
        "contracts:sign",
        "events:propose",
        "grades:run",
        "lists:propose",
        "marks:enter",
        "parties:write",
        "points:fund",
        "points:read",
    },
    "association_reviewer": _OFFICER
    | {"contracts:sign", "events:decide", "events:hear", "evaluations:close", "lists:decide"},
    "community_officer": _COMMUNITY | {"console:use"},
    "street_officer": _OFFICER
    | _OPERATOR
    | {"contracts:draft", "contracts:inspect", "contracts:sign", "events:propose", "marks:enter"},
    "district_officer": _OFFICER
    | _OPERATOR
    | {"events:hear", "evaluations:close", "grades:confirm", "late:district", "marks:enter"},
    "city_officer": _OFFICER | _OPERATOR | {"grades:publish", "late:city", "lists:publish"},
    "enterprise_user": _PARTY | {"contracts:draft"},
    "committee_user": _PARTY | {"contracts:draft"},
    "owner_delegate": _PARTY,
    "merchant_user": frozenset({"till:use"}),
    "resident": frozenset({"wallet:use"}),
    "bidder": frozenset({"grades:query"}),
    "partner": frozenset({"lists:receive"}),
    "auditor": frozenset(
        {"console:use", "contracts:read", "events:read", "keys:read", "points:read", "trail:read"}
    ),
    "administrator": frozenset(
        {"console:use", "people:write", "keys:own", "keys:read", "keys:revoke"}
    ),
}
ROLES = frozenset(SCOPES)
ROLE_TITLES = {
    "association_officer": marked("协会信用专员"),
    "association_reviewer": marked("协会审核员"),
    "community_officer": marked("社区专员"),
    "street_officer": marked("街道专员"),
    "district_officer": marked("区县主管部门"),
    "city_officer": marked("市主管部门"),
    "enterprise_user": marked("企业用户"),
    "committee_user": marked("业主委员会用户"),
    "owner_delegate": marked("业主代表"),
    "merchant_user": marked("商户"),
    "resident": marked("居民"),
    "bidder": marked("评标专家"),
    "partner": marked("联合惩戒单位"),
    "auditor": marked("审计员"),
    "administrator": marked("管理员"),
}
# What only pages ask for: a key for a machine need not carry it.
PAGE_SCOPES = frozenset(
    {
        "console:use",
        "grades:confirm",
        "keys:read",
        "people:write",
        "portal:use",
        "trail:read",
    }
)
SCOPE_TITLES = {
    "console:use": marked("进入工作台"),
    "events:read": marked("查看事件和评级"),
    "events:propose": marked("提出事件"),
    "events:decide": marked("决定事件"),
    "events:hear": marked("听证和核查"),
    "contracts:read": marked("查看契约"),
    "contracts:draft": marked("起草契约"),
    "contracts:sign": marked("签署契约"),
    "contracts:perform": marked("报告和确认履约"),
    "contracts:inspect": marked("核查履约"),
    "lists:propose": marked("提请列入名单"),
    "lists:decide": marked("决定名单"),
    "lists:publish": marked("公布名单"),
    "lists:receive": marked("接收名单"),
    "late:district": marked("查看辖区超时事项"),
    "late:city": marked("查看全市超时事项"),
    "marks:enter": marked("录入评分"),
    "evaluations:close": marked("办结评价"),
    "grades:run": marked("提出评级"),
    "grades:confirm": marked("确认评级"),
    "grades:publish": marked("公布等级"),
    "grades:query": marked("评标查询"),
    "points:read": marked("查看积分"),
    "points:record": marked("登记参与者、活动和参与记录"),
    "points:approve": marked("审核参与记录"),
    "points:fund": marked("拨付积分预算"),
    "market:decide": marked("审核商户和权益"),
    "market:settle": marked("办理商户结算"),
    "parties:write": marked("维护登记册"),
    "people:write": marked("管理人员和密钥"),
    "trail:read": marked("查看访问记录"),
    "keys:own": marked("登记自己的签名密钥"),
    "keys:read": marked("查看签名密钥"),
    "keys:revoke": marked("吊销他人的签名密钥"),
    "portal:use": marked("进入企业门户"),
    "till:use": marked("商户收款"),
    "wallet:use": marked("居民积分"),
}
# Which kinds of organisation stand for a party of the register, and the roles their people have.
PARTY_ROLES = {
    "enterprise": frozenset({"enterprise_user"}),
    "committee": frozenset({"committee_user"}),
    "owners": frozenset({"owner_delegate"}),
    "merchant": frozenset({"merchant_user"}),
}
ORGANISATION_KINDS = {
    "association": marked("协会"),
    "community": marked("社区"),
    "street": marked("街道"),
    "district_department": marked("区县主管部门"),
    "city_department": marked("市主管部门"),
    "enterprise": marked("物业服务企业"),
    "committee": marked("业主委员会"),
    "owners": marked("项目业主"),
    "merchant": marked("商户"),
    "other": marked("其他"),
}
# Whose people work in one division alone, and how many digits the code of that has.
DIVISION_DIGITS = {"community": 12, "street": 9, "district_department": 6}
# Who has no other role works in one division wherever they were registered.
BOUND_ROLES = frozenset({"community_officer", "street_officer", "district_officer"})
# Whose work is the whole city's: nothing of it keeps to a division.
CITYWIDE_ROLES = frozenset({"association_officer", "association_reviewer", "city_officer"})
# Who watches over the others, or over the people, takes no part in what is decided.
ALONE = frozenset({"auditor", "administrator"})

KEY_PREFIX_CHARS = 12
KEY_CHARS_MIN, KEY_CHARS_MAX = 40, 80
PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX = 10, 128
FAILURES_FREE = 4
LOCK_FIRST_SECONDS = 15
LOCK_SECONDS_MAX = 900
SESSION_IDLE = timedelta(minutes=30)
SESSION_LIFE = timedelta(hours=12)
CONFIRMED_FOR = timedelta(minutes=5)
PATH_CHARS_MAX = 300
AGENT_CHARS_MAX = 80
# Marks in the User-Agent header, the more telling ones first: most name others beside themselves.
BROWSERS = (
    ("MicroMessenger", "微信"),
    ("DingTalk", "钉钉"),
    ("QQBrowser", "QQ 浏览器"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("HarmonyOS", "鸿蒙"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def scopes_of(roles: Iterable[str]) -> frozenset[str]:
    """Return what a person's roles allow together."""
    return frozenset[str]().union(*(SCOPES[role] for role in roles))


def check_roles(roles: Collection[str]) -> None:
    """Refuse unknown roles, none at all, and an administrator or auditor who is something else."""
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        named = listed(unknown) if unknown else say("（空）")
        raise Invalid(
            say(
                "没有“%(named)s”这个角色。可用的角色：%(roles)s。",
                named=named,
                roles=listed(sorted(ROLES)),
            )
        )
    if len(roles) > 1 and ALONE.intersection(roles):
        raise Invalid(say("管理员和审计员不能兼任其他角色：他们不参与信用决定。请分给不同的人。"))


def check_belonging(roles: Collection[str], kind: str, party: str | None) -> None:
    """Refuse people of a scored enterprise among the officers, and the other way round."""
    if kind not in ORGANISATION_KINDS:
        raise Invalid(say("请从列表中选择单位类别。"))
    if (kind in PARTY_ROLES) != (party is not None):
        raise Invalid(say("企业、业主委员会、项目业主和商户要填登记册里的代码；其他单位不填代码。"))
    own = PARTY_ROLES.get(kind)
    outside = frozenset[str]().union(*PARTY_ROLES.values()).intersection(roles)
    if (own is not None and not own.issuperset(roles)) or (own is None and outside):
        titles = listed(ROLE_TITLES[role] for role in sorted(roles))
        raise Invalid(
            say(
                "%(kind)s的人员不能担任“%(titles)s”。请核对单位类别和角色。",
                kind=ORGANISATION_KINDS[kind],
                titles=titles,
            )
        )


def check_division(kind: str, division: str | None, roles: Collection[str] = ()) -> None:
    """Refuse who works in one division alone without its code, and a division elsewhere.

    People who are nothing but officers of a community, a street or a district belong to one; whose
    work is the whole city's belongs to none.
    """
    digits = DIVISION_DIGITS.get(kind)
    if digits is None:
        if roles and BOUND_ROLES.issuperset(roles):
            titles = listed(ROLE_TITLES[role] for role in sorted(roles))
            raise Invalid(
                say(
                    "“%(titles)s”的单位类别应是社区、街道或区县主管部门。请改选单位类别。",
                    titles=titles,
                )
            )
        if division is not None:
            raise Invalid(say("只有社区、街道和区县主管部门填负责的区划；其他单位不填，负责全市。"))
        return
    if citywide := CITYWIDE_ROLES.intersection(roles):
        titles = listed(ROLE_TITLES[role] for role in sorted(citywide))
        raise Invalid(
            say(
                "%(kind)s的人员只办本辖区的事，不能担任“%(titles)s”：这个角色办全市的事。"
                "请改选角色；本人确实办全市的事，请登记在协会或市主管部门。",
                kind=ORGANISATION_KINDS[kind],
                titles=titles,
            )
        )
    if re.fullmatch(rf"[0-9]{{{digits}}}", division or "", re.ASCII) is None:
        level = ORGANISATION_KINDS[kind]
        raise Invalid(
            say(
                "%(level)s的人员只办本辖区的事，请填 %(digits)s 位区划代码，与登记册里的相同。",
                level=level,
                digits=digits,
            )
        )


def is_bound(kind: str | None, roles: Collection[str]) -> bool:
    """Say whether somebody works in one division alone, by the organisation's kind or by roles."""
    return kind in DIVISION_DIGITS or BOUND_ROLES.issuperset(roles)


def refuse_unplaced(actor: Actor) -> None:
    """Refuse whoever works in one division alone while nobody has said which."""
    if actor.bound and actor.division is None:
        raise Forbidden(
            say(
                "您的单位还没有登记负责的辖区，现在只能查看。"
                "请联系管理员，在“人员”里为您改任，填上单位类别和区划代码。"
            ),
            slug="no-division",
        )


def check_purpose(purpose: str, *personal: str) -> None:
    """Refuse a key's purpose that names a person: it is kept when the person's name is erased."""
    if any(one and one.casefold() in purpose.casefold() for one in personal):
        raise Invalid(say("用途请写系统或机器的名称，不要写人的姓名或用户名：用途会长期保留。"))


def check_username(username: str) -> None:
    """Refuse a user name that could not be typed, or told from others, everywhere."""
    if re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._@-]{1,39}", username, re.ASCII) is None:
        raise Invalid(say("用户名用 2 到 40 个字母、数字和 . _ @ -，以字母或数字开头。"))


def masked(name: str) -> str:
    """Return a name with all but its first character covered."""
    return name[:1] + "*" * min(len(name) - 1, 3) if name else ""


def address_group(address: str) -> str:
    """Return what counts as one place on the network: an address, of IPv6 a whole /64."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:45]
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or ip_network((found, 64), strict=False).network_address)
    return str(found)


def require(actor: Actor, scope: str) -> None:
    """Refuse an actor whose roles do not carry `scope`."""
    if scope not in actor.scopes:
        raise Forbidden(
            say("您的角色没有“%(scope)s”权限。请由有此权限的同事办理，或联系管理员。", scope=scope)
        )


def refuse_same_person(first: str, second: str) -> None:
    """Four eyes: nobody decides what they proposed, whatever their roles."""
    if first == second:
        raise Forbidden(
            say("提出人与决定人不能是同一人。请由另一位同事作出决定。"), slug="four-eyes"
        )


def home_of(scopes: Collection[str]) -> str:
    """Return the part of the site where somebody's work is: console, portal, queries, till, wallet."""
    for scope, door in (
        ("console:use", "console"),
        ("portal:use", "portal"),
        ("grades:query", "queries"),
        ("till:use", "till"),
        ("wallet:use", "wallet"),
    ):
        if scope in scopes:
            return door
    return "account"


def check_password(password: str, username: str) -> None:
    """Refuse a password too short, too long, of one character, or holding the user name."""
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        raise Invalid(
            say(
                "密码应有 %(least)s 到 %(most)s 个字符。可以用一句好记的话。",
                least=PASSWORD_CHARS_MIN,
                most=PASSWORD_CHARS_MAX,
            )
        )
    if len(set(password)) < 5 or username.casefold() in password.casefold():
        raise Invalid(say("密码太容易猜：不能含用户名，也不能只用几个相同的字符。请换一个。"))


def locked_for(failures: int) -> timedelta:
    """Return how long an account is locked after so many misses in a row; the delay doubles."""
    if failures <= FAILURES_FREE:
        return timedelta(0)
    doubled = LOCK_FIRST_SECONDS * 2 ** min(failures - FAILURES_FREE - 1, 10)
    return timedelta(seconds=min(doubled, LOCK_SECONDS_MAX))


def session_live(created_at: datetime, seen_at: datetime, now: datetime) -> bool:
    """Say whether a session still counts: used lately, and not begun too long ago."""
    return now - seen_at < SESSION_IDLE and now - created_at < SESSION_LIFE


def browser_name(agent: str) -> str:
    """Name a browser and its system as people call them; the header's beginning if unknown."""
    browser = next((name for mark, name in BROWSERS if mark in agent), None)
    system = next((name for mark, name in SYSTEMS if mark in agent), None)
    return " · ".join(filter(None, (browser, system))) or agent[:AGENT_CHARS_MAX]


def safe_path(path: str, fallback: str) -> str:
    r"""Return a path to go on to if it is one of this site, else the fallback.

    `//host`, `/\host` and control characters would lead elsewhere in one browser or another.
    """
    fits = len(path) <= PATH_CHARS_MAX and re.fullmatch(r"/(?![/\\])[!-~]*", path)
    return path if fits and "\\" not in path else fallback


def make_key(random: bytes) -> tuple[str, str]:
    """Make an API key of 32 random bytes; returns (prefix, key)."""
    if len(random) != 32:
        raise ValueError("an API key takes 32 random bytes")
    digits = random.hex()
    prefix = f"ck_{digits[: KEY_PREFIX_CHARS - 3]}"
    return prefix, f"{prefix}_{digits[KEY_PREFIX_CHARS - 3 :]}"


def split_key(key: str) -> str | None:
    """Return the prefix of something shaped like a key, else None."""
    if not KEY_CHARS_MIN <= len(key) <= KEY_CHARS_MAX or not key.isascii():
        return None
    prefix, _, rest = key.rpartition("_")
    return prefix if prefix.startswith("ck_") and rest else None


def key_digest(key: str) -> bytes:
    """Hash a key or token for keeping: with 256 random bits a plain hash is not guessed back."""
    return hashlib.sha256(key.encode()).digest()


def same_digest(first: bytes, second: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(first, second)
