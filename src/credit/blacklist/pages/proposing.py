"""The console's pages of proposals: the subject looked for, then the grounds from its live facts."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from credit.blacklist import service
from credit.blacklist.logic import FACTS_MAX, MEASURES_MAX, TEXT_CHARS_MAX
from credit.blacklist.pages.words import KINDS, LISTS, SUBJECTS, WORDS
from credit.blacklist.views import ListKind, ListName, Proposal, SubjectFacts, SubjectKind
from credit.kit.db import Connection
from credit.kit.errors import CreditError, Invalid
from credit.kit.http import City, SoughtText
from credit.kit.pages import form_of, read_form, redirect, render
from credit.kit.texts import marked, say
from credit.parties import service as parties
from credit.parties.views import FoundSubject
from credit.rules.loading import pack_of_city
from credit.rules.pack import Pack

__all__ = ["ProposalPages"]

FOUND_MAX = 20
FACTS_SHOWN_MAX = 100


class ProposalForm(Struct, frozen=True):
    """A proposal as its form gives it."""

    LABELS: ClassVar[Mapping[str, str]] = {
        "list": marked("名单"),
        "subject_kind": marked("对象类别"),
        "subject": marked("对象"),
        "list_kind": marked("性质"),
        "legal_basis": marked("依据"),
        "law": marked("法律法规条款"),
        "criterion": marked("符合的条件"),
        "reason": marked("提请的理由"),
    }

    list: ListName
    subject_kind: SubjectKind
    list_kind: ListKind
    subject: Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,23}$(?!\n)")]
    legal_basis: Annotated[str, Meta(max_length=200)] = ""
    law: Annotated[str, Meta(max_length=200)] | None = None
    criterion: Annotated[str, Meta(max_length=40)] | None = None
    reason: Annotated[str, Meta(max_length=TEXT_CHARS_MAX)] = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose entry it would be: who was found, the one chosen, and what could carry an entry."""

    found: list[FoundSubject]
    subject: FoundSubject | None = None
    facts: SubjectFacts | None = None


class ProposalPages(Controller):
    """`/{city}/console/lists/new`: an officer's proposal."""

    path = "/console/lists/new"

    @get(summary="提请列入名单页", opt={"scope": "lists:propose", "personal": True})
    async def begin(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        name: Annotated[Literal["red", "black"], QueryParameter()] = "black",
        kind: Annotated[SubjectKind, QueryParameter()] = "enterprise",
        list_kind: Annotated[ListKind, QueryParameter()] = "self-discipline",
        q: SoughtText = "",
    ) -> Response[str]:
        """Look the subject up; once it is clear, offer its facts and the measures allowed."""
        fields: dict[str, Any] = {
            "list": name,
            "subject_kind": kind,
            "list_kind": list_kind,
            "q": q,
        }
        today = state.clock.today()
        async with state.db.city(city) as conn:
            choice = await _choice(conn, pack_of_city(city), fields, today)
        if choice.facts is not None and len(choice.facts.met) == 1:
            ((criterion, indexes),) = choice.facts.met.items()
            fields |= {"criterion": criterion, "facts": [str(one) for one in indexes]}
        return _page(request, state, city, fields, choice)

    @post(summary="提请列入名单", opt={"scope": "lists:propose"}, status_code=200)
    async def propose(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Propose an entry; nobody is listed by it. Refused, show the form as it was filled in."""
        fields: dict[str, Any] = await form_of(request)
        fields["facts"], fields["measures"] = (
            _several(fields, "facts"),
            _several(fields, "measures"),
        )
        pack = pack_of_city(city)
        try:
            proposal = _proposal(fields)
            async with state.db.transaction(city) as conn:
                done = await service.propose(
                    conn, state.clock, request.state.visitor.actor, pack, proposal
                )
        except CreditError as refused:
            known = {name: _known(fields, name, words) for name, words in _CHOICES.items()}
            fields |= known | {"q": str(fields.get("subject", ""))[:60]}
            async with state.db.city(city) as conn:
                choice = await _choice(conn, pack, fields, state.clock.today())
            return _page(request, state, city, fields, choice, refused)
        return redirect(
            f"/{city}/console/lists/{done.id}", notice=say("已提请。下一步：向当事人送达告知书。")
        )


_CHOICES = {"list": LISTS, "subject_kind": SUBJECTS, "list_kind": KINDS}


def _known(fields: Mapping[str, Any], name: str, words: Mapping[str, str]) -> str:
    """Return a choice the form knows: the one sent, or the first."""
    given = fields.get(name)
    return given if isinstance(given, str) and given in words else next(iter(words))


def _several(fields: Mapping[str, Any], name: str) -> list[str]:
    given = fields.get(name, [])
    return [str(one) for one in (given if isinstance(given, list) else [given])]


def _proposal(fields: Mapping[str, Any]) -> Proposal:
    """Read the form; what it chose from lists is read apart, since one choice comes as no list."""
    plain = {k: v for k, v in fields.items() if k not in ("facts", "measures", "q")}
    form = read_form(ProposalForm, plain)
    facts, measures = fields["facts"], fields["measures"]
    if not all(one.isascii() and one.isdigit() and len(one) < 16 for one in facts):
        raise Invalid(say("所选的事实读不出来，请重新选择。"))
    return Proposal(
        form.list,
        form.subject_kind,
        form.subject,
        form.list_kind,
        form.legal_basis.strip(),
        tuple(map(int, facts[: FACTS_MAX + 1])),
        tuple(measures[: MEASURES_MAX + 1]),
        form.law.strip() if form.law else None,
        form.criterion,
        form.reason,
    )


async def _choice(conn: Connection, pack: Pack, fields: Mapping[str, Any], today: date) -> Choice:
    """Find the subject, and where it is the only one what could carry an entry about it."""
    query, kind = str(fields["q"]).strip(), fields["subject_kind"]
    if not query or pack.on(today).lists.of(fields["list"]) is None:
        return Choice([])
    found = await _found(conn, kind, query, today)
    exact = [one for one in found if one.code == query]
    if not exact and len(found) != 1:
        return Choice(found)
    subject = (exact or found)[0]
    facts = await service.subject_facts(conn, pack, fields["list"], kind, subject.code, on=today)
    return Choice([], subject, facts)


async def _found(conn: Connection, kind: str, query: str, today: date) -> list[FoundSubject]:
    """Find enterprises by name or code; people by their own code, or by the project they head."""
    if kind == "enterprise":
        return await parties.find_subjects(conn, "enterprise", query, FOUND_MAX)
    (placed,) = await parties.place(conn, ["manager"], [query], [today])
    if placed.known:
        return [FoundSubject(query, query, "")]
    projects = await parties.find_subjects(conn, "project", query, FOUND_MAX)
    codes = [one.code for one in projects]
    heads = await parties.place(conn, ["project"] * len(codes), codes, [today] * len(codes))
    return [
        FoundSubject(head.manager, project.name, "")
        for project, head in zip(projects, heads, strict=True)
        if head.manager
    ]


def _page(
    request: Request[Any, Any, Any],
    state: State,
    city: str,
    fields: Mapping[str, Any],
    choice: Choice,
    refused: CreditError | None = None,
) -> Response[str]:
    rule = pack_of_city(city).on(state.clock.today()).lists.of(fields["list"])
    return render(
        request,
        "blacklist/new.html",
        http_status=refused.status if refused else 200,
        words=WORDS,
        rule=rule,
        fields=defaultdict(str, {"facts": [], "measures": [], **fields}),
        choice=choice,
        facts_shown_max=FACTS_SHOWN_MAX,
        text_max=TEXT_CHARS_MAX,
        measures=[
            one for one in (rule.measures if rule else ()) if fields["list_kind"] in one.kinds
        ],
        problem=refused,
    )
