"""What may follow in the life of a contract, and where it then stands. Standard library only.

A version is drafted, frozen and offered; in force exactly when every party that has to has signed
it. Time closes an offer and a term, and opens nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from credit.contracts.logic.records import Named, Open, Side
from credit.kit.texts import marked, say

__all__ = [
    "ACTS",
    "ROLE_TITLES",
    "STATE_TITLES",
    "STEPS",
    "Act",
    "Proposal",
    "Shown",
    "Standing",
    "State",
    "after",
    "is_complete",
    "on_offer",
    "refusal",
    "role_of",
    "shown",
]

State = Literal["draft", "offered", "refused", "withdrawn", "in-force", "suspended", "ended"]
# As people see it: an offer nobody may sign any more has lapsed, a term that is over has expired.
Shown = Literal[
    "draft",
    "offered",
    "lapsed",
    "refused",
    "withdrawn",
    "in-force",
    "suspended",
    "expired",
    "ended",
]
Act = Literal[
    "edit",
    "discard",
    "freeze",
    "sign",
    "refuse",
    "withdraw",
    "amend",
    "suspend",
    "resume",
    "end",
    "retract",
    "close",
    "leave",
]
ACTS: Mapping[Act, str] = {
    "edit": marked("修改草稿"),
    "discard": marked("作废草稿"),
    "freeze": marked("定稿"),
    "sign": marked("签署"),
    "refuse": marked("拒绝签署"),
    "withdraw": marked("撤回要约"),
    "amend": marked("订立新版本"),
    "suspend": marked("中止履行"),
    "resume": marked("恢复履行"),
    "end": marked("终止契约"),
    "retract": marked("撤回提议"),
    "close": marked("办结终止"),
    "leave": marked("退出公约"),
}
# The acts that are a record of their own kind in the log, besides freezing and signing.
STEPS: frozenset[str] = frozenset(
    {"refuse", "withdraw", "suspend", "resume", "end", "retract", "close", "leave"}
)
STATE_TITLES: Mapping[Shown, str] = {
    "draft": marked("草稿"),
    "offered": marked("待签署"),
    "lapsed": marked("要约已过期"),
    "refused": marked("已被拒绝"),
    "withdrawn": marked("已撤回"),
    "in-force": marked("有效"),
    "suspended": marked("中止"),
    "expired": marked("已到期"),
    "ended": marked("已终止"),
}
ROLE_TITLES: Mapping[str, str] = {
    "enterprise": marked("物业服务企业"),
    "committee": marked("业主委员会"),
    "owners": marked("业主"),
    "association": marked("行业协会"),
    "member": marked("会员单位"),
    "seal_custodian": marked("印章代管人"),
    "witness": marked("见证方"),
    "office": marked("主管单位"),
    "drafter": marked("起草单位"),
}
# Whose agreement suspends, resumes and ends a contract: each of these roles has to sign it.
AGREEING: Mapping[bool, tuple[str, ...]] = {
    True: ("association",),
    False: ("enterprise", "committee"),
}
ENTERPRISES = frozenset({"USCC", "INT"})
LIVE = frozenset({"in-force", "suspended"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one side has signed and the other has not: suspend, resume or end."""

    step: str
    role: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a contract stands.

    `in_force` is the version in force (0: none) with its last day `until_on`, `last` the newest
    version, and `offer_term` the last day of the one on offer. `parties`, `open_roles` and
    `signed` are those of the offer, `bound` who is bound by the version in force, and `left` who was.
    With `orphaned` the enterprise no longer manages the project.
    """

    pact: bool
    state: State
    in_force: int
    last: int
    drafter: Side
    offer: Literal["draft", "open"] | None = None
    offer_until: date | None = None
    offer_term: date | None = None
    until_on: date | None = None
    parties: tuple[Named, ...] = ()
    open_roles: tuple[Open, ...] = ()
    signed: frozenset[Side] = frozenset()
    bound: frozenset[Named] = frozenset()
    left: frozenset[Side] = frozenset()
    proposal: Proposal | None = None
    orphaned: bool = False


def shown(standing: Standing, today: date) -> Shown:
    """Return the state as people see it on a day."""
    if standing.state == "offered" and _lapsed(standing, today):
        return "lapsed"
    if standing.state in LIVE and _expired(standing, today):
        return "expired"
    return standing.state


def on_offer(standing: Standing, act: Act) -> bool:
    """Say whether an act is about the offer, rather than about what is in force."""
    return standing.offer == "open" and act in ("sign", "refuse", "withdraw")


def role_of(standing: Standing, act: Act, side: Side) -> str | None:
    """Return the role somebody acts in: as a party of the offer, or of what is in force, as the
    drafter or as an office; None for who has none.
    """
    if act in ("withdraw", "close"):
        return "drafter" if act == "withdraw" else "office"
    if on_offer(standing, act):
        named = next((one.role for one in standing.parties if one.side == side), None)
        return named or _open_role(standing, side)
    bound = _bound_role(standing, side)
    joins = act == "sign" and standing.pact and standing.in_force
    return bound or (_open_role(standing, side) if joins else None)


def is_complete(standing: Standing) -> bool:
    """Say whether everybody has signed the offer who has to."""
    named = {one.side for one in standing.parties}
    if not {one.side for one in standing.parties if one.needed} <= standing.signed:
        return False
    return all(len(standing.signed - named) >= one.at_least for one in standing.open_roles)


def refusal(
    standing: Standing, act: Act, side: Side, today: date, *, association: bool = False
) -> str | None:
    """Say why somebody may not do something now; None where they may.

    The association may begin a new version of whatever somebody drafted, other offices may not.
    """
    stands_in = association and act == "amend"
    return _RULES[act](standing, standing.drafter if stands_in else side, today)


def after(standing: Standing, act: Act, side: Side) -> Standing:
    """Return where a contract stands after an act that was not refused."""
    match act:
        case "sign":
            return _signed(standing, side)
        case "suspend" | "resume" | "end":
            return _agreed(standing, act, side)
        case "close":
            return _ended(standing)
        case "leave":
            stay = frozenset(one for one in standing.bound if one.side != side)
            return replace(standing, bound=stay, left=standing.left | {side})
        case "retract":
            return replace(standing, proposal=None)
        case _:
            return _offering(standing, act, side)


def _offering(standing: Standing, act: Act, side: Side) -> Standing:
    """Follow the offer: drafted, put forward, taken from the table."""
    state: State = standing.state
    if act == "amend":
        state = state if standing.in_force else "draft"
        return replace(
            standing,
            state=state,
            offer="draft",
            offer_until=None,
            signed=frozenset(),
            last=standing.last + 1,
            drafter=side,
        )
    if act == "freeze":
        state = state if standing.in_force else "offered"
        return replace(standing, state=state, offer="open", signed=frozenset())
    if act in ("refuse", "withdraw", "discard"):
        gone: State = "refused" if act == "refuse" else "withdrawn"
        state = state if standing.in_force else gone
        return replace(standing, state=state, offer=None, offer_until=None, signed=frozenset())
    return standing


def _lapsed(standing: Standing, today: date) -> bool:
    return standing.offer_until is not None and standing.offer_until < today


def _expired(standing: Standing, today: date) -> bool:
    return standing.until_on is not None and standing.until_on < today


def _open_role(standing: Standing, side: Side) -> str | None:
    fits = side.scheme in ENTERPRISES
    return next((one.role for one in standing.open_roles if fits), None)


def _bound_role(standing: Standing, side: Side) -> str | None:
    return next((one.role for one in standing.bound if one.side == side), None)


def _drafting(standing: Standing, side: Side, _: date) -> str | None:
    if standing.offer != "draft":
        return say("现在没有草稿：文本已经定稿，或者还没有订立新版本。")
    if standing.drafter != side:
        return say("草稿由起草单位修改和定稿。")
    return None


def _sign(standing: Standing, side: Side, today: date) -> str | None:
    joins = standing.offer != "open" and standing.pact and standing.state == "in-force"
    if standing.offer != "open" and not joins:
        return say("现在没有等待签署的文本。")
    if standing.state == "suspended":
        return say("契约正在中止，请先恢复履行，再签署新版本。")
    if (joins and _expired(standing, today)) or (not joins and _lapsed(standing, today)):
        return say("签署期限已过。请由起草单位或当事方订立新版本，重新定稿。")
    if side in standing.signed or (joins and _bound_role(standing, side)):
        return say("您的单位已经签署。")
    if joins and side in standing.left:
        return say("您的单位已退出这一版公约，请等新版本再加入。")
    return _no_place(standing, side)


def _no_place(standing: Standing, side: Side) -> str | None:
    """Say why there is no role for somebody to sign in."""
    role = role_of(standing, "sign", side)
    if role is None:
        return say("您的单位不是这份契约的当事方。")
    full = next((one.at_most for one in standing.open_roles if one.role == role), None)
    if full is None:
        return None
    if standing.offer == "open":
        taken = len(standing.signed - {one.side for one in standing.parties})
    else:
        taken = sum(one.role == role for one in standing.bound)
    return (
        say("%(role_titles)s已满 %(full)s 家。", role_titles=ROLE_TITLES[role], full=full)
        if taken >= full
        else None
    )


def _refuse(standing: Standing, side: Side, today: date) -> str | None:
    if standing.offer != "open":
        return say("现在没有等待签署的文本。")
    if side not in {one.side for one in standing.parties if one.needed}:
        return say("只有必须签署的当事方可以拒绝。")
    if side in standing.signed:
        return say("您的单位已经签署，不能再拒绝；要改变请与其他当事方商量。")
    if _lapsed(standing, today):
        return say("签署期限已过，不必再拒绝。")
    return None


def _withdraw(standing: Standing, side: Side, _: date) -> str | None:
    if standing.offer != "open":
        return say("现在没有等待签署的文本。")
    return None if standing.drafter == side else say("要约由起草单位撤回。")


def _amend(standing: Standing, side: Side, today: date) -> str | None:
    lapsed = standing.offer == "open" and _lapsed(standing, today)
    if standing.offer is not None and not lapsed:
        return say("已有一份草稿或等待签署的文本。请先办完或撤回。")
    stands = standing.state in ("in-force", "refused", "withdrawn") or (
        lapsed and standing.state == "offered"
    )
    if not stands or _expired(standing, today):
        return say("中止、到期或终止的契约不能订立新版本。请恢复履行，或另立契约。")
    if side != standing.drafter and not _bound_role(standing, side):
        return say("只有起草单位、当事方和协会可以订立新版本。")
    return None


def _agreement(step: str) -> Callable[[Standing, Side, date], str | None]:
    wanted = {"suspend": ("in-force",), "resume": ("suspended",), "end": ("in-force", "suspended")}

    def rule(standing: Standing, side: Side, today: date) -> str | None:
        if standing.state not in wanted[step] or _expired(standing, today):
            return say("契约现在的状态不能%(acts)s。", acts=ACTS[step])  # type: ignore[index]
        role = _bound_role(standing, side)
        if role not in AGREEING[standing.pact]:
            return say("由物业服务企业和业主委员会协商一致；公约由协会决定。")
        proposal = standing.proposal
        if proposal is not None and proposal.role == role:
            return say("您的单位已经提出，等待对方同意；改变主意请先撤回提议。")
        if proposal is not None and proposal.step != step:
            return say("对方已提出“%(acts)s”，请先同意它，或请对方撤回。", acts=ACTS[proposal.step])  # type: ignore[index]
        return None

    return rule


def _retract(standing: Standing, side: Side, _: date) -> str | None:
    proposal = standing.proposal
    if proposal is None or proposal.role != _bound_role(standing, side):
        return say("您的单位没有等待对方同意的提议。")
    return None


def _close(standing: Standing, side: Side, _: date) -> str | None:
    if standing.state not in LIVE:
        return say("契约不在有效期内，不用办结。")
    if side.scheme != "ORG":
        return say("由主管单位或协会办结。")
    if not standing.orphaned:
        return say("企业仍在管理这个项目；要终止契约，请由双方协商一致。")
    return None


def _leave(standing: Standing, side: Side, _: date) -> str | None:
    role = _bound_role(standing, side)
    if standing.state not in LIVE or role not in {one.role for one in standing.open_roles}:
        return say("您的单位没有加入这份公约。")
    return None


_RULES: Mapping[Act, Callable[[Standing, Side, date], str | None]] = {
    "edit": _drafting,
    "discard": _drafting,
    "freeze": _drafting,
    "sign": _sign,
    "refuse": _refuse,
    "withdraw": _withdraw,
    "amend": _amend,
    "suspend": _agreement("suspend"),
    "resume": _agreement("resume"),
    "end": _agreement("end"),
    "retract": _retract,
    "close": _close,
    "leave": _leave,
}


def _signed(standing: Standing, side: Side) -> Standing:
    signer = Named(role_of(standing, "sign", side) or "", side, False)
    if standing.offer != "open":  # somebody joins a pact in force
        return replace(standing, bound=standing.bound | {signer})
    done = replace(standing, signed=standing.signed | {side})
    if not is_complete(done):
        return done
    bound = frozenset(Named(role_of(done, "sign", one) or "", one, False) for one in done.signed)
    return replace(
        done,
        state="in-force",
        in_force=done.last,
        offer=None,
        offer_until=None,
        until_on=done.offer_term,
        signed=frozenset(),
        bound=bound,
        left=frozenset(),
        proposal=None,
    )


def _agreed(standing: Standing, step: str, side: Side) -> Standing:
    role = _bound_role(standing, side) or ""
    alone = len(AGREEING[standing.pact]) == 1
    if standing.proposal is None and not alone:
        return replace(standing, proposal=Proposal(step, role))
    if step == "end":
        return _ended(standing)
    state: State = "suspended" if step == "suspend" else "in-force"
    return replace(standing, state=state, proposal=None)


def _ended(standing: Standing) -> Standing:
    return replace(
        standing, state="ended", offer=None, offer_until=None, signed=frozenset(), proposal=None
    )
