"""Entries: what a proposal must be, which facts carry it, who meets a criterion, what is signed."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Literal
from uuid import UUID

from credit.blacklist.logic.course import Span
from credit.blacklist.views import KnownFact, Proposal
from credit.kit.canonical import canonical
from credit.kit.errors import FieldError, Invalid
from credit.kit.texts import say
from credit.parties.codes import scheme_of
from credit.rules.gates import AnyOf, EligibilityRule, FlagIs, Gate
from credit.rules.ladder import Ladder
from credit.rules.listing import Criterion, HeldGrade, ListRule, LiveCodes, LiveFacts

__all__ = [
    "BASIS_PATTERN",
    "FACTS_MAX",
    "MEASURES_MAX",
    "SEVERITIES",
    "TEXT_CHARS_MAX",
    "barred_by",
    "check_proposal",
    "check_text",
    "digest_of",
    "effect_of",
    "entry_body",
    "exit_body",
    "facts_gone",
    "flags_of",
    "meets",
    "subject_ref",
]

TEXT_CHARS_MAX = 4_000
FACTS_MAX = 20
MEASURES_MAX = 10
SEVERITIES = ("minor", "general", "serious")
# A basis is a document and its clause, never a sentence: what stands in a record stands for ever.
BASIS_PATTERN = (
    r"^[0-9A-Za-z\u4e00-\u9fff《》〈〉〔〕\[\]（）()〇、，：:；“”·§./ _—-]{6,200}$(?!\n)"
)
_DOCUMENT = re.compile(
    r"《[^《》]{2,80}》|[〔\[][0-9]{4}[〕\]][0-9]{1,5}号|[A-Z]{2}[0-9A-Z/ ]*-[0-9]{4}"
)
_CLAUSE = re.compile(r"第[0-9一二三四五六七八九十百零〇]+[编章节条款项]|§ ?[0-9A-Z]|附录 ?[A-Z]")
_LAW = re.compile(r"《[^《》]{1,80}(法|法典|条例|决定|规定)》")
_UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")


def check_proposal(
    proposal: Proposal, rule: ListRule, known: Sequence[KnownFact], met: Sequence[str]
) -> list[FieldError]:
    """Return what is wrong with a proposal: the rule's bounds, its basis, the facts under it.

    `known` are the facts of that very subject, `met` the criteria it meets now.
    """
    faults = [
        *_check_bounds(proposal, rule),
        *_check_basis(proposal),
        *_check_facts(proposal, known),
    ]
    criterion = proposal.criterion
    if criterion is not None and criterion not in met:
        named = criterion in [one.id for one in rule.criteria]
        message = (
            say("这个对象现在不符合这项条件。")
            if named
            else say("规则包没有条件“%(criterion)s”。", criterion=criterion)
        )
        faults.append(FieldError("criterion", message))
    if criterion is None and not proposal.reason.strip():
        faults.append(FieldError("reason", say("没有选条件的，要写明提请的理由。")))
    return faults


def _check_bounds(proposal: Proposal, rule: ListRule) -> list[FieldError]:
    faults = []
    if proposal.subject_kind not in rule.subjects:
        faults.append(FieldError("subject_kind", say("%(title)s不收这类对象。", title=rule.title)))
    if proposal.list_kind not in rule.kinds:
        faults.append(
            FieldError("list_kind", say("%(title)s没有这种性质的名单。", title=rule.title))
        )
    measures = {one.id: one for one in rule.measures}
    if not 0 < len(set(proposal.measures)) == len(proposal.measures) <= MEASURES_MAX:
        faults.append(
            FieldError(
                "measures",
                say("写明 1 到 %(measures_max)s 项措施，不重复。", measures_max=MEASURES_MAX),
            )
        )
    for name in proposal.measures:
        measure = measures.get(name)
        if measure is None:
            faults.append(FieldError("measures", say("规则包没有措施“%(name)s”。", name=name[:40])))
        elif proposal.list_kind not in measure.kinds or (
            measure.bars_tendering and proposal.list_kind != "statutory"
        ):
            message = say(
                "“%(text)s”不能用于这种性质的名单（国办发〔2020〕49号：过惩相当）。",
                text=measure.text,
            )
            faults.append(FieldError("measures", message))
    return faults


def _check_basis(proposal: Proposal) -> list[FieldError]:
    faults = []
    basis, law = proposal.legal_basis, proposal.law
    if not (_fits(basis) and _DOCUMENT.search(basis) and _CLAUSE.search(basis)):
        message = say("写明依据的文件和条款，例如《内蒙古自治区物业管理条例》第九十条；不写句子。")
        faults.append(FieldError("legal_basis", message))
    if proposal.list_kind == "statutory":
        if law is None or not (_fits(law) and _LAW.search(law) and _CLAUSE.search(law)):
            message = say(
                "法定名单要写明法律或法规的条款，例如《中华人民共和国招标投标法》第五十三条。"
            )
            faults.append(FieldError("law", message))
    elif law is not None:
        faults.append(FieldError("law", say("只有法定名单才写法律法规条款；其他名单写在依据里。")))
    return faults


def _check_facts(proposal: Proposal, known: Sequence[KnownFact]) -> list[FieldError]:
    if not 0 < len(set(proposal.facts)) == len(proposal.facts) <= FACTS_MAX:
        return [
            FieldError(
                "facts",
                say("写明 1 到 %(facts_max)s 条事实的日志编号，不重复。", facts_max=FACTS_MAX),
            )
        ]
    gone = facts_gone(proposal.list, proposal.facts, known)
    wanted = (
        say("有效的不良信息") if proposal.list == "black" else say("已公布的等级或有效的良好信息")
    )
    return [
        FieldError(
            "facts", say("日志第 %(index)s 条不是这个对象%(wanted)s。", index=index, wanted=wanted)
        )
        for index in gone
    ]


def _fits(basis: str) -> bool:
    return re.match(BASIS_PATTERN, basis) is not None


def check_text(text: str, *, required: bool = True) -> str:
    """Return a free text without blanks around it; refuses what is too long or cannot be kept."""
    text = text.replace("\r\n", "\n").strip()
    if required and not text:
        raise Invalid(say("请写明理由或内容。"), slug="text-missing")
    if len(text) > TEXT_CHARS_MAX:
        raise Invalid(
            say(
                "文字最多 %(most)s 个字，现在有 %(now)s 个。请写短一些。",
                most=f"{TEXT_CHARS_MAX:,}",
                now=f"{len(text):,}",
            )
        )
    if _UNPRINTABLE.search(text):
        raise Invalid(say("文字里有不能保存的控制字符。请删去后重新填写。"))
    return text


def facts_gone(
    name: Literal["red", "black"], indexes: Sequence[int], known: Sequence[KnownFact]
) -> list[int]:
    """Return which log indexes carry an entry of a list no longer, or never did.

    A black-list entry rests on live bad facts of its own subject, a red-list entry on its
    published grades and live good facts.
    """
    carrying = {
        one.index
        for one in known
        if one.own
        and (
            (one.live and one.polarity == "bad")
            if name == "black"
            else (one.kind == "grade" or (one.live and one.polarity == "good"))
        )
    }
    return [index for index in indexes if index not in carrying]


def barred_by(rule: ListRule, known: Sequence[KnownFact]) -> list[int]:
    """Return the log indexes of live facts that keep a subject off a list."""
    if rule.barred_by is None:
        return []
    return [one.index for one in known if one.live and _as_grave(one, rule.barred_by)]


def meets(criterion: Criterion, known: Sequence[KnownFact], ladder: Ladder) -> tuple[int, ...]:
    """Return the log indexes that make a subject meet a criterion; none when it does not."""
    own = [one for one in known if one.own]
    match criterion.when:
        case LiveFacts(severity, count):
            found = [one.index for one in own if one.live and _as_grave(one, severity)]
            return tuple(found[:FACTS_MAX]) if len(found) >= count else ()
        case LiveCodes(codes):
            return tuple(one.index for one in own if one.live and one.code in codes)[:FACTS_MAX]
        case HeldGrade(grade, publications):
            last = [one for one in own if one.kind == "grade"][-publications:]
            held = len(last) == publications and all(
                ladder.knows(one.code) and ladder.at_least(one.code, grade) for one in last
            )
            return tuple(one.index for one in last) if held else ()


def _as_grave(fact: KnownFact, severity: str) -> bool:
    return (
        fact.polarity == "bad"
        and fact.severity is not None
        and SEVERITIES.index(fact.severity) >= SEVERITIES.index(severity)
    )


def effect_of(rule: ListRule, list_kind: str, measures: Sequence[str]) -> str:
    """Say what an entry means to a tender: a statutory bar, or something to look at."""
    bars = any(one.id in measures and one.bars_tendering for one in rule.measures)
    return "statutory bar" if bars and list_kind == "statutory" else "reference"


def subject_ref(kind: str, code: str) -> dict[str, str]:
    """Name a listed subject as the log does; a person by the pseudonym of the register."""
    return {"scheme": scheme_of(code) if kind == "enterprise" else "MANAGER", "id": code}


def digest_of(text: str, salt: bytes) -> str:
    """Commit to a text that stays out of the log; the salt keeps it from being guessed."""
    content = canonical({"salt": salt.hex(), "text": text})
    return "sha256:" + hashlib.sha256(content).hexdigest()


def entry_body(
    entry_id: UUID,
    proposal: Proposal,
    span: Span,
    *,
    effect: str,
    decision: str,
    pack: tuple[str, str],
) -> dict[str, Any]:
    """Return the record that publishes an entry; `decision` commits to the decision's reasons,
    `pack` is (id, digest).
    """
    body: dict[str, Any] = {
        "basis": proposal.legal_basis,
        "decision": decision,
        "effect": effect,
        "entry": str(entry_id),
        "facts": sorted(proposal.facts),
        "from": span.first.isoformat(),
        "kind": proposal.list_kind,
        "list": proposal.list,
        "measures": sorted(proposal.measures),
        "pack": pack[0],
        "pack_digest": pack[1],
        "review_on": span.review_on.isoformat(),
        "subject_kind": proposal.subject_kind,
        "subjects": [subject_ref(proposal.subject_kind, proposal.subject)],
        "until": span.until.isoformat(),
    }
    if proposal.law is not None:
        body["law"] = proposal.law
    if proposal.criterion is not None:
        body["criterion"] = proposal.criterion
    return body


def exit_body(
    entry_id: UUID, proposal: Proposal, target: UUID, *, reason: str, on: date, decision: str
) -> dict[str, Any]:
    """Return the record that takes an entry off its list; `target` is the one that published it."""
    return {
        "decision": decision,
        "entry": str(entry_id),
        "list": proposal.list,
        "on": on.isoformat(),
        "reason": reason,
        "subjects": [subject_ref(proposal.subject_kind, proposal.subject)],
        "target": str(target),
    }


def flags_of(rules: Iterable[EligibilityRule]) -> set[str]:
    """Return the flags that award gates ask about."""
    found: set[str] = set()
    gates: list[Gate] = [rule.when for rule in rules]
    while gates:
        gate = gates.pop()
        if isinstance(gate, AnyOf):
            gates += gate.any
        elif isinstance(gate, FlagIs):
            found.add(gate.flag)
    return found
