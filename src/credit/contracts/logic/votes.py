"""The owners' double majority (Civil Code, art. 278), counted in whole numbers."""

from datetime import date

from credit.contracts.views import OwnerVote, Share
from credit.kit.texts import say
from credit.rules.promises import VoteRule

__all__ = ["check_vote", "owners_text", "reaches"]


def reaches(part: int, whole: int, fraction: tuple[int, ...], *, strictly: bool) -> bool:
    """Say whether `part` of `whole` is at least a fraction, or more than it where `strictly`."""
    numerator, denominator = fraction
    left, right = part * denominator, whole * numerator
    return left > right if strictly else left >= right


def check_vote(rule: VoteRule, vote: OwnerVote, register: Share, today: date) -> list[str]:
    """Return why a vote does not carry its matter; an empty list where it does.

    Persons and area are counted alike: no total may exceed what the register says of the project,
    at least the quorum of all must have taken part, and of those who did, enough agreed. All are
    those of the register, however few the vote counts (Civil Code, art. 278).
    """
    faults = _faults_of_form(rule, vote, register, today)
    if faults:
        return faults
    for name, unit in (("persons", say("人数")), ("area_m2", say("专有面积"))):
        counted, known, part, agreed = (
            getattr(share, name) for share in (vote.total, register, vote.took_part, vote.in_favour)
        )
        whole = max(counted, known)
        if not reaches(part, whole, rule.quorum, strictly=False):
            faults.append(
                say(
                    "参与表决的%(unit)s为 %(part)s，不足全体业主 %(whole)s（按登记册）的%(fraction)s，表决无效。",
                    unit=unit,
                    part=part,
                    whole=whole,
                    fraction=_fraction(rule.quorum),
                )
            )
        elif not reaches(agreed, part, rule.in_favour, strictly=rule.strictly):
            needed = (
                say("超过%(fraction)s", fraction=_fraction(rule.in_favour))
                if rule.strictly
                else _at_least(rule)
            )
            faults.append(
                say(
                    "同意的%(unit)s为 %(agreed)s，在参与表决的 %(part)s 中没有达到%(needed)s，未通过。",
                    unit=unit,
                    agreed=agreed,
                    part=part,
                    needed=needed,
                )
            )
    return faults


def owners_text(share: Share) -> str:
    """Write a share of the owners in words."""
    return say("%(persons)s 人、%(area_m2)s 平方米", persons=share.persons, area_m2=share.area_m2)


def _faults_of_form(rule: VoteRule, vote: OwnerVote, register: Share, today: date) -> list[str]:
    faults = []
    if date.fromisoformat(vote.held_on) > today:
        faults.append(say("表决日期在今天之后。请核对。"))
    if rule.needs_filing and not vote.filing:
        faults.append(say("这个事项要事前报备（4.3.3、4.4.4）。请填写备案文号。"))
    for name, unit in (("persons", say("人数")), ("area_m2", say("面积"))):
        whole, part, agreed = (
            getattr(share, name) for share in (vote.total, vote.took_part, vote.in_favour)
        )
        known = getattr(register, name)
        if whole > known:
            faults.append(
                say(
                    "业主总%(unit)s %(whole)s 多于登记册里的 %(known)s。请核对表决票，或先更正登记册。",
                    unit=unit,
                    whole=whole,
                    known=known,
                )
            )
        elif not whole:
            faults.append(say("业主总%(unit)s是 0，不能表决。请填写总数。", unit=unit))
        elif not agreed <= part <= whole:
            faults.append(
                say(
                    "%(unit)s不对：同意 %(agreed)s、参与 %(part)s、总数 %(whole)s，应依次不减。请核对表决票。",
                    unit=unit,
                    agreed=agreed,
                    part=part,
                    whole=whole,
                )
            )
    return faults


def _fraction(fraction: tuple[int, ...]) -> str:
    numerator, denominator = fraction
    return say("%(denominator)s 分之 %(numerator)s", denominator=denominator, numerator=numerator)


def _at_least(rule: VoteRule) -> str:
    return say("%(fraction)s以上", fraction=_fraction(rule.in_favour))
