"""Where a contract or a duty stands, in one sentence: who has to do what, until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from credit.contracts.board.views import ContractView, DutyView
from credit.contracts.logic.machine import ACTS, ROLE_TITLES
from credit.kit.texts import listed, marked, say

__all__ = ["FINDINGS", "KINDS", "SEVERITIES", "Told", "told_of_contract", "told_of_duty"]

NAMES_MAX = 4
KINDS: Mapping[str, str] = {
    "tri-party": marked("三方契约书"),
    "service": marked("服务协议"),
    "pact": marked("自律公约"),
}
SEVERITIES: Mapping[str, str] = {
    "minor": marked("一般"),
    "general": marked("较大"),
    "serious": marked("重大"),
}
FINDINGS: Mapping[str, str] = {"fulfilled": marked("已履行"), "breached": marked("违约")}


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence; `late` says that somebody should have acted."""

    words: str
    late: bool = False


def told_of_contract(view: ContractView, left: int | None) -> list[Told]:
    """Say where a contract stands, the most important first; `left` is of the offer's term."""
    line = view.line
    told = [_of_offer(view, left)] if line.offer_until else []
    match line.state:
        case "draft":
            told.append(Told(say("还是草稿，没有要约。请起草单位核对预览，然后定稿。")))
        case "refused":
            told.append(Told(say("有一方拒绝签署，这一版作废。起草单位可以订立新版本。")))
        case "withdrawn":
            told.append(Told(say("起草单位已经撤回。需要时可以订立新版本。")))
        case "in-force":
            told.append(Told(say("正在生效，到 %(day)s 为止。各方按期报告履约。", day=line.until)))
        case "suspended":
            told.append(Told(say("正在中止，这期间不计履约。由当事方提议恢复或终止。")))
        case "expired":
            told.append(Told(say("期限到 %(day)s 已满。要继续，请另立契约。", day=line.until)))
        case "ended":
            told.append(Told(say("已经终止，不再履行。")))
        case _:
            pass
    if line.proposal:
        act, role = ACTS[line.proposal], ROLE_TITLES[line.proposal_role or ""]  # type: ignore[index]
        told.insert(0, Told(say("%(role)s提议“%(act)s”，等待对方同意并签名。", role=role, act=act)))
    if view.orphaned and line.state in ("in-force", "suspended"):
        told.insert(
            0,
            Told(say("这家企业已不再管理本项目。请主管单位或协会核实后办结终止。"), late=True),
        )
    return told


def told_of_duty(view: DutyView, settle_by: date | None, today: date) -> Told:
    """Say where a duty stands; a dispute is to be settled by a day."""
    duty = view.duty
    if duty.state in ("open", "reported"):
        return _awaited(view)
    late = False
    if duty.state == "disputed":
        late = settle_by is not None and settle_by < today
        words = say(
            "有争议，在“%(level)s”一级，由%(body)s在 %(day)s 以前处理；处理不了的提交上一级。",
            level=view.level_title or "",
            body=view.body or "",
            day=settle_by or "—",
        )
    elif duty.state == "breached":
        words = say(
            "这一期认定违约（%(severity)s）。违约本身不扣分，按条款提请信用事件，另行告知和认定。",
            severity=SEVERITIES[duty.severity or "minor"],
        )
    elif duty.state == "fulfilled":
        words = say("这一期已履行。")
    else:
        words = say("这一期已免除：契约中止、终止或有人退出。")
    return Told(words, late=late)


def _awaited(view: DutyView) -> Told:
    """Say who has to report or answer, and until when."""
    duty, left = view.duty, view.days_left or 0
    days = {"day": duty.waits_until, "left": abs(left)}
    obligor, other = ROLE_TITLES[duty.role], view.clause.confirmed_by
    if duty.state == "open" and duty.late:
        words = say("%(role)s应在 %(day)s 以前报告，已超 %(left)s 个工作日。", role=obligor, **days)
    elif duty.state == "open":
        words = say("等%(role)s报告，到 %(day)s，还有 %(left)s 个工作日。", role=obligor, **days)
    elif duty.late:
        words = say(
            "%(role)s应在 %(day)s 以前确认或提出争议，已超 %(left)s 个工作日。", role=other, **days
        )
    else:
        words = say(
            "已报告，等%(role)s确认或提出争议，到 %(day)s，还有 %(left)s 个工作日。",
            role=other,
            **days,
        )
    return Told(words, late=duty.late)


def _of_offer(view: ContractView, left: int | None) -> Told:
    """Say who has not signed what is on offer, and until when they may."""
    line = view.line
    missing = [one for one in view.parties if one.needed and one.signature is None]
    if left is not None and left < 0:
        return Told(
            say(
                "签署期限 %(day)s 已过，第 %(version)s 版没有生效。请起草单位撤回，核对后重新定稿。",
                day=line.offer_until,
                version=line.version,
            ),
            late=True,
        )
    if not missing:
        return Told(
            say(
                "第 %(version)s 版等待会员签署，到 %(day)s，还有 %(left)s 个工作日。",
                version=line.version,
                day=line.offer_until,
                left=left,
            )
        )
    who = listed([one.title for one in missing[:NAMES_MAX]])
    return Told(
        say(
            "第 %(version)s 版已有 %(signed)s 方签署，还差 %(missing)s 方：%(who)s。"
            "到 %(day)s，还有 %(left)s 个工作日；全部签署后自动生效。",
            version=line.version,
            signed=line.signed,
            missing=len(missing),
            who=who,
            day=line.offer_until,
            left=left,
        )
    )
