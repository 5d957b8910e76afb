"""Drafts: what is wrong with one, and the text it becomes with its template and the register."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import msgspec
from msgspec import UNSET

from credit.access.views import Organisation
from credit.contracts.logic.clauses import clause_text, edit_fault
from credit.contracts.logic.records import Named, Open, Side
from credit.contracts.logic.votes import check_vote
from credit.contracts.views import (
    ClauseEdit,
    ContractDraft,
    ContractText,
    LadderStep,
    OpenRole,
    PartyChoice,
    PartyText,
    ProjectText,
    Share,
    Superseded,
    TemplateText,
    VoteText,
)
from credit.events.views import EvidenceRef
from credit.kit.canonical import canonical
from credit.kit.errors import FieldError
from credit.kit.texts import say
from credit.parties.codes import scheme_of
from credit.parties.projects import ProjectFacts
from credit.rules.arithmetic import add_months
from credit.rules.promises import ContractTemplate, PartyRole

__all__ = [
    "OFFICE_KINDS",
    "PARTY_KINDS",
    "Frame",
    "Known",
    "canonical_text",
    "compose",
    "draft_faults",
    "draft_of",
    "named_parties",
    "no_longer_right",
    "open_roles_of",
    "role_is_open",
    "side_of",
]

# Which kind of organisation stands for a role that the register knows.
PARTY_KINDS = {
    "enterprise": "enterprise",
    "committee": "committee",
    "owners": "owners",
    "member": "enterprise",
}
# Which kinds of office may take a role that no register knows.
OFFICE_KINDS = {
    "association": frozenset({"association"}),
    "seal_custodian": frozenset({"street", "other"}),
    "witness": frozenset({"street", "other"}),
}
NAMED_MAX = 12  # a role with room for more is taken by signing
BACK_DAYS, AHEAD_DAYS = 31, 366


@dataclass(frozen=True, slots=True)
class Known:
    """What is known on a day of what a draft names.

    `standing` are organisations by (kind, code in the register), `offices` by their id, and
    `evidence` gives each file's size and type.
    """

    project: ProjectFacts | None = None
    standing: Mapping[tuple[str, str], Organisation] = field(default_factory=dict)
    offices: Mapping[str, Organisation] = field(default_factory=dict)
    evidence: Mapping[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a text has besides its draft: which contract and version, and the days it was made."""

    contract: str
    version: int
    pack: str
    today: date
    offer_until: date
    ladder: tuple[LadderStep, ...]
    supersedes: Superseded | None = None


def role_is_open(role: PartyRole) -> bool:
    """Say whether members take a role by signing, instead of being named before."""
    return role.at_most > NAMED_MAX


def side_of(office: Organisation) -> Side:
    """Return how the log names an organisation."""
    code = office.party or ""
    match office.kind:
        case "enterprise":
            return Side(scheme_of(code), code)
        case "committee":
            return Side("COMMITTEE", code)
        case "owners":
            return Side("OWNERS", code)
        case _:
            return Side("ORG", office.id)


def draft_faults(
    template: ContractTemplate,
    draft: ContractDraft,
    known: Known,
    *,
    today: date,
    keeps_from: str | None = None,
) -> list[FieldError]:
    """Return everything that keeps a draft from being frozen, each fault with its place.

    An amendment keeps the first day it has, given as `keeps_from`.
    """
    faults = [FieldError("project", message) for message in _project_faults(template, draft, known)]
    if not faults:
        faults += _party_faults(template, draft, known)
        faults += _vote_faults(template, draft, known, today)
    faults += _day_faults(template, draft, today, keeps_from)
    clauses = {one.id: one for one in template.clauses}
    for position, edit in enumerate(draft.clauses):
        if message := edit_fault(clauses.get(edit.id), edit):
            faults.append(FieldError(f"clauses[{position}]", message))
    if len({edit.id for edit in draft.clauses}) != len(draft.clauses):
        faults.append(FieldError("clauses", say("同一条款改了两次，请合成一处。")))
    faults += _evidence_faults(draft, known)
    return faults


def compose(
    template: ContractTemplate, draft: ContractDraft, known: Known, frame: Frame
) -> ContractText:
    """Write the text of a draft without faults; the same draft on the same day is the same text."""
    edits = {one.id: one for one in draft.clauses}
    project = known.project
    return ContractText(
        v=1,
        contract=frame.contract,
        version=frame.version,
        kind=template.kind,
        title=template.title,
        template=TemplateText(
            template.id, template.version, frame.pack, template.source, template.status
        ),
        preamble=template.preamble,
        project=ProjectText(project.code, project.name) if project else None,
        parties=[_party(template, choice, known) for choice in _ordered(template, draft)],
        open_roles=[
            OpenRole(role.role, role.title, role.at_least, role.at_most)
            for role in template.parties
            if role_is_open(role)
        ],
        clauses=[clause_text(one, edits.get(one.id)) for one in template.clauses],
        closing=template.closing,
        notes=list(template.notes),
        from_on=draft.from_on,
        until=_until(template, draft).isoformat(),
        offer_until=frame.offer_until.isoformat(),
        votes=_votes(template, draft, known),
        attachments=list(draft.attachments),
        disputes=list(frame.ladder),
        supersedes=frame.supersedes,
    )


def canonical_text(text: ContractText) -> bytes:
    """Return the bytes whose digest parties sign."""
    return canonical(msgspec.to_builtins(text))


def named_parties(text: ContractText) -> tuple[Named, ...]:
    """Return the parties a text names, as the log names them."""
    return tuple(Named(one.role, Side(one.scheme, one.id), one.needed) for one in text.parties)


def open_roles_of(text: ContractText) -> tuple[Open, ...]:
    """Return the roles of a text that members take by signing."""
    return tuple(Open(one.role, one.at_least, one.at_most) for one in text.open_roles)


def draft_of(text: ContractText, template: ContractTemplate) -> ContractDraft:
    """Return the draft of an amendment: the text's own choices, without its votes.

    A vote was about its text; what is changed needs a new one.
    """
    plain = {one.id: clause_text(one) for one in template.clauses}
    first = date.fromisoformat(text.from_on)
    months = (n for n in range(1, 121) if _last_day(first, n).isoformat() >= text.until)
    edits = [
        ClauseEdit(one.id, one.text, one.promise)
        for one in text.clauses
        if one.id in plain and one != plain[one.id]
    ]
    return ContractDraft(
        template=template.id,
        from_on=text.from_on,
        parties=[PartyChoice(one.role, one.id) for one in text.parties],
        project=text.project.code if text.project else None,
        months=next(months, 120),
        clauses=edits,
        attachments=list(text.attachments),
    )


def no_longer_right(parties: Sequence[Named], project: ProjectFacts | None) -> str | None:
    """Say why a text should not be signed any more: who stands in it is not who manages or speaks."""
    if project is None:
        return None
    for one in parties:
        if one.role == "enterprise" and one.side.id != project.enterprise:
            return say(
                "“%(name)s”现在不由这家企业管理。请由起草单位撤回后重新起草。", name=project.name
            )
        if one.role == "committee" and one.side.id not in {c.code for c in project.committees}:
            return say(
                "“%(name)s”的业主委员会已经换届。请由起草单位撤回后重新起草。", name=project.name
            )
    return None


def _last_day(first: date, months: int) -> date:
    return add_months(first, months) - timedelta(days=1)


def _until(template: ContractTemplate, draft: ContractDraft) -> date:
    months = template.term_months if draft.months is UNSET else draft.months
    return _last_day(date.fromisoformat(draft.from_on), months)


def _day_faults(
    template: ContractTemplate, draft: ContractDraft, today: date, keeps_from: str | None
) -> Iterator[FieldError]:
    try:
        first, last = date.fromisoformat(draft.from_on), _until(template, draft)
    except (ValueError, OverflowError):
        yield FieldError("from_on", say("没有这一天。请写成 2026-07-01。"))
        return
    if keeps_from is not None:
        if draft.from_on != keeps_from:
            yield FieldError(
                "from_on",
                say("新版本沿用原来的起始日期 %(keeps_from)s，只能改期限。", keeps_from=keeps_from),
            )
    elif not today - timedelta(BACK_DAYS) <= first <= today + timedelta(AHEAD_DAYS):
        yield FieldError(
            "from_on",
            say(
                "起始日期应在今天的前 %(back_days)s 天到后 %(ahead_days)s 天之间。",
                back_days=BACK_DAYS,
                ahead_days=AHEAD_DAYS,
            ),
        )
    if last < today:
        yield FieldError("months", say("期限到 %(last)s 已经届满。请延长。", last=last))


def _project_faults(
    template: ContractTemplate, draft: ContractDraft, known: Known
) -> Iterator[str]:
    if (template.kind == "pact") != (draft.project is None):
        yield say("公约不写项目；其他契约要写一个项目。")
    elif draft.project is not None and known.project is None:
        yield say("登记册里没有项目“%(project)s”。请先登记，或核对编号。", project=draft.project)


def _party_faults(
    template: ContractTemplate, draft: ContractDraft, known: Known
) -> Iterator[FieldError]:
    roles = {one.role: one for one in template.parties}
    taken = Counter(choice.role for choice in draft.parties)
    for name, role in roles.items():
        if not role_is_open(role) and not role.at_least <= taken[name] <= role.at_most:
            needed = (
                say("%(at_least)s 到 %(at_most)s 个", at_least=role.at_least, at_most=role.at_most)
                if role.at_most > 1
                else say("一个")
            )
            yield FieldError(
                "parties",
                say(
                    "“%(title)s”应有%(needed)s，现在是 %(taken)s 个。",
                    title=role.title,
                    needed=needed,
                    taken=taken[name],
                ),
            )
    ids: set[str] = set()
    for position, choice in enumerate(draft.parties):
        found = roles.get(choice.role)
        if found is None or role_is_open(found):
            message: str | None = say("这份模板不预先写明“%(role)s”这一方。", role=choice.role)
        else:
            message = _choice_fault(found, choice, known)
        if message is None:
            office = _office(choice, known)
            if office.id in ids:
                message = say("同一个单位不能在一份契约里担任两方。")
            ids.add(office.id)
        if message is not None:
            yield FieldError(f"parties[{position}]", message)


def _choice_fault(role: PartyRole, choice: PartyChoice, known: Known) -> str | None:
    project = known.project
    if choice.role in OFFICE_KINDS:
        office = known.offices.get(choice.id)
        if office is None or office.kind not in OFFICE_KINDS[choice.role]:
            return say("“%(title)s”不是这类单位。请从列表中选择。", title=role.title)
        return None
    if project is not None:
        speaks: Mapping[str, Collection[str | None]] = {
            "enterprise": (project.enterprise,),
            "committee": tuple(one.code for one in project.committees),
            "owners": (project.code,),
        }
        if choice.id not in speaks[choice.role]:
            return say(
                "“%(id)s”现在不是“%(name)s”的%(title)s。请核对登记册。",
                id=choice.id,
                name=project.name,
                title=role.title,
            )
    if (PARTY_KINDS[choice.role], choice.id) not in known.standing:
        return say(
            "“%(title)s”（%(id)s）还没有开通账号，不能签署。请联系管理员。",
            title=role.title,
            id=choice.id,
        )
    return None


def _vote_faults(
    template: ContractTemplate, draft: ContractDraft, known: Known, today: date
) -> Iterator[FieldError]:
    rules = {one.matter: one for one in template.votes}
    if template.vote_required and template.votes[0].matter not in {v.matter for v in draft.votes}:
        yield FieldError(
            "votes", say("还没有“%(title)s”的业主表决结果。", title=template.votes[0].title)
        )
    if len({one.matter for one in draft.votes}) != len(draft.votes):
        yield FieldError("votes", say("同一事项写了两次表决，请只留一次。"))
    for position, vote in enumerate(draft.votes):
        rule = rules.get(vote.matter)
        if rule is None or known.project is None:
            messages = [say("模板里没有“%(matter)s”这个表决事项。", matter=vote.matter)]
        else:
            messages = check_vote(rule, vote, _register(known.project), today)
        for message in messages:
            yield FieldError(f"votes[{position}]", message)


def _evidence_faults(draft: ContractDraft, known: Known) -> Iterator[FieldError]:
    named: list[tuple[str, EvidenceRef]] = [
        *((f"attachments[{n}]", one) for n, one in enumerate(draft.attachments)),
        *((f"votes[{n}].tally", one.tally) for n, one in enumerate(draft.votes)),
    ]
    for place, ref in named:
        if known.evidence.get(ref.digest) != (ref.size, ref.type):
            yield FieldError(place, say("没有这份文件，或大小、类型与上传的不符。请先上传。"))
    if len({one.digest for one in draft.attachments}) != len(draft.attachments):
        yield FieldError("attachments", say("同一附件列了两次，请只留一次。"))


def _register(project: ProjectFacts) -> Share:
    return Share(project.owners, project.area_m2)


def _votes(template: ContractTemplate, draft: ContractDraft, known: Known) -> list[VoteText]:
    rules = {one.matter: one for one in template.votes}
    return [
        VoteText(
            vote,
            rules[vote.matter].title,
            list(rules[vote.matter].quorum),
            list(rules[vote.matter].in_favour),
            rules[vote.matter].strictly,
            rules[vote.matter].source,
            _register(known.project),
        )
        for vote in draft.votes
        if known.project is not None
    ]


def _ordered(template: ContractTemplate, draft: ContractDraft) -> list[PartyChoice]:
    """Return the parties in the template's order, so that a text does not depend on the form's."""
    order = [one.role for one in template.parties]
    return sorted(draft.parties, key=lambda one: (order.index(one.role), one.id))


def _office(choice: PartyChoice, known: Known) -> Organisation:
    if choice.role in OFFICE_KINDS:
        return known.offices[choice.id]
    return known.standing[PARTY_KINDS[choice.role], choice.id]


def _party(template: ContractTemplate, choice: PartyChoice, known: Known) -> PartyText:
    role = next(one for one in template.parties if one.role == choice.role)
    office = _office(choice, known)
    scheme, code = side_of(office)
    return PartyText(
        role.role,
        role.title,
        scheme,  # type: ignore[arg-type]
        code,
        _party_name(choice, known, office),
        needed=role.binds or role.countersigns is not None,
        binds=role.binds,
    )


def _party_name(choice: PartyChoice, known: Known, office: Organisation) -> str:
    """Return the name the register has for a party, or its organisation's own."""
    project = known.project
    if project is not None:
        if choice.role == "enterprise":
            return project.enterprise_name or office.name
        if choice.role == "committee":
            return next(one.name for one in project.committees if one.code == choice.id)
        if choice.role == "owners":
            return f"{project.name}全体业主"
    return office.name
