"""What pages call things of earning, and the names they may show."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from credit.access.logic import masked
from credit.earning.activities.views import ActivityView
from credit.earning.logic.activities import STATE_TITLES
from credit.earning.logic.flags import FLAG_TITLES
from credit.kit.clock import CHINA
from credit.kit.db import Connection
from credit.kit.errors import FieldError, Invalid
from credit.kit.texts import marked, marked_as, say
from credit.kit.vault import Vault

__all__ = ["STATES", "WORDS", "day_of", "local", "masked_names", "moment_of"]

UNITS: Mapping[str, str] = {
    "minute": marked("分钟"), "time": marked("次"), "yuan": marked("元"),
}  # fmt: skip
STATES: Mapping[str, str] = {
    "entered": marked("待审核"),
    "approved": marked("已批准，正在入账"),
    "pending": marked("已入账，待可用"),
    "granted": marked("已到账"),
    "unfunded": marked("预算不足，未入账"),
    "refused": marked("不予记分"),
    "reversed": marked_as("award", "已撤回"),
}
SOURCES: Mapping[str, str] = {
    "sign-in": marked("现场签到"),
    "entry": marked("人工登记"),
    "import": marked("批量导入"),
    "interface": marked("接口"),
}
# Why somebody does not decide about a participation: in a word, and in a sentence.
BARRED: Mapping[str, tuple[str, str]] = {
    "entered": (marked("本人登记"), marked("这一条是您登记的，要由另一位同事审核。")),
    "organised": (marked("本人组织"), marked("活动是您组织的，要由另一位同事审核。")),
    "signed": (marked("本人补登"), marked("签到是您补登的，要由另一位同事审核。")),
    "own": (marked("本人积分"), marked("这是您自己的积分，要由另一位同事审核。")),
}
LOOKS: Mapping[str, str] = {
    "running": "good", "over": "warn-tag", "cancelled": "muted", "closed": "muted",
    "granted": "good", "unfunded": "bad", "refused": "muted", "reversed": "muted",
}  # fmt: skip


def hour(moment: datetime) -> str:
    """Write when on its day something was, in China's time."""
    return f"{moment.astimezone(CHINA):%H:%M}"


def span(activity: ActivityView) -> str:
    """Write when an activity begins and ends, the day once where it is one."""
    begins, ends = activity.begins_at.astimezone(CHINA), activity.ends_at.astimezone(CHINA)
    until = hour(ends) if begins.date() == ends.date() else f"{ends:%Y-%m-%d %H:%M}"
    return f"{begins:%Y-%m-%d %H:%M}–{until}"


WORDS: Mapping[str, Any] = {
    "units": UNITS,
    "states": STATES,
    "sources": SOURCES,
    "barred": BARRED,
    "looks": LOOKS,
    "flags": FLAG_TITLES,
    "activities": STATE_TITLES,
    "hour": hour,
    "span": span,
}
LOCAL = "%Y-%m-%dT%H:%M"


async def masked_names(conn: Connection, vault: Vault, members: Iterable[str]) -> dict[str, str]:
    """Return members' names with all but the first character covered; of closed ones there is none."""
    return {key: masked(name) for key, name in (await vault.open(conn, "name", members)).items()}


def local(moment: datetime) -> str:
    """Write a moment as a form's field holds it, in China's time."""
    return moment.astimezone(CHINA).strftime(LOCAL)


def moment_of(text: str, field: str, label: str) -> datetime:
    """Read a form's moment, in China's time."""
    try:
        return datetime.strptime(text[:16], LOCAL).replace(tzinfo=CHINA)
    except ValueError:
        raise _unread(field, label, say("不是时间，请写成 2026-06-30T08:00")) from None


def day_of(text: str, field: str, label: str) -> date | None:
    """Read a form's day; None where it was left open."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise _unread(field, label, say("不是日期，请写成 2026-06-30")) from None


def _unread(field: str, label: str, fault: str) -> Invalid:
    found = FieldError(field, fault, label)
    return Invalid(say("表单有一处没有填对，请改正后再提交。"), errors=(found,))
