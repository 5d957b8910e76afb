"""Use cases around a question: reading whom it is about, opening kept answers, checking one."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import orjson

from credit.access.logic import require
from credit.access.views import Actor
from credit.grades.queries import logic, store
from credit.grades.queries.logic import Bidder, Bidders, LineFault
from credit.grades.queries.store import QueryLine
from credit.grades.service import ANSWER_TYPE
from credit.kit.canonical import canonical
from credit.kit.db import Connection
from credit.kit.errors import Invalid, NotFound
from credit.kit.ids import LAST_ID
from credit.kit.patterns import containing
from credit.kit.signing import SigningKey, unb64, verify
from credit.kit.texts import say

__all__ = ["Checked", "KeptAnswer", "check_answer", "list_all", "list_own", "open_kept", "settled"]

# A list of 500 names with their codes is a tenth of this.
CHARS_MAX = 400_000
SIMILAR_NAMES_MAX = 50
SIMILAR_EACH = 12
Verdict = Literal["valid", "changed", "other-key", "unreadable"]


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A question as it was kept; `document` is what was signed with its signature, as read.

    `digest` is the hex SHA-256 of the canonical bytes the signature is over.
    """

    line: QueryLine
    content: bytes
    document: Mapping[str, Any]
    digest: str


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether a document is an answer of ours; `document` is only there where it is."""

    verdict: Verdict
    document: Mapping[str, Any] | None = None
    digest: str = ""


async def settled(conn: Connection, text: str, picks: Mapping[str, str]) -> Bidders:
    """Say whom a list of bidders means, line by line, with the register's matches for names.

    Refuses an empty list and one that is too long as a whole.
    """
    if len(text) > CHARS_MAX:
        raise Invalid(say("名单太长：一行写一家，一次最多 %(most)s 家。", most=logic.BIDDERS_MAX))
    count = sum(bool(line.strip()) for line in text.splitlines())
    if count > logic.BIDDERS_MAX:
        raise Invalid(
            say(
                "有 %(count)s 家，一次最多问 %(most)s 家。请分几次问，每次用同一个招标编号。",
                count=count,
                most=logic.BIDDERS_MAX,
            )
        )
    lines, faults = logic.read_lines(text)
    if not lines and not faults:
        raise Invalid(say("请填写投标人：一行一家，写统一社会信用代码或名称。"))
    exact, similar = await _matches(conn, logic.names_of(lines), picks)
    found = logic.settle(lines, exact, similar, picks)
    both = sorted((*faults, *found.faults), key=_number)
    return Bidders(found.codes, tuple(both), found.open)


async def list_own(
    conn: Connection, actor: Actor, *, before: UUID | None, query: str, limit: int
) -> list[QueryLine]:
    """List what the actor's organisation asked, the newest first.

    `query` is looked for in purposes and tender references.
    """
    require(actor, "grades:query")
    like = containing(query) if query else None
    return await store.own_queries(conn, actor.acts_for, before or LAST_ID, like=like, limit=limit)


async def list_all(
    conn: Connection, actor: Actor, *, before: UUID | None, query: str, limit: int
) -> list[tuple[QueryLine, str | None]]:
    """List what everybody asked, with their organisations' names, for who watches over it."""
    require(actor, "trail:read")
    like = containing(query) if query else None
    return await store.all_queries(conn, before or LAST_ID, like=like, limit=limit)


async def open_kept(conn: Connection, actor: Actor, query_id: UUID) -> KeptAnswer:
    """Open a question as it was answered then; NotFound for another organisation's, as for none."""
    found = await store.find_query(conn, query_id)
    theirs = found is not None and found.asked_for != actor.acts_for
    if found is None or (theirs and "trail:read" not in actor.scopes):
        raise NotFound(say("没有这次查询，或者它不是您单位的。"))
    document = orjson.loads(found.answer)
    return KeptAnswer(found, found.answer, document, _digest(_signed(document)))


def check_answer(content: bytes, key: SigningKey) -> Checked:
    """Check a document that somebody was given: is it an answer that `key` signed, unchanged?

    Spaces and the order of names do not matter: the signature is over the canonical form.
    """
    try:
        document = json.loads(content)
        signature = document["signature"]
        signed = _signed(document)
        kid, sig = str(signature["kid"]), unb64(str(signature["sig"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Checked("unreadable")
    if kid != key.kid:
        return Checked("other-key")
    if not verify(key.public, sig, ANSWER_TYPE, signed):
        return Checked("changed")
    return Checked("valid", document, _digest(signed))


async def _matches(
    conn: Connection, names: Sequence[str], picks: Mapping[str, str]
) -> tuple[dict[str, list[Bidder]], dict[str, list[Bidder]]]:
    """Return who has the very names, and who has one like the others."""
    if not names:
        return {}, {}
    spelled: dict[str, list[str]] = {}
    for name in names:
        for one in logic.spellings(name):
            spelled.setdefault(one, []).append(name)
    exact: dict[str, list[Bidder]] = {}
    for found, code in await store.bidders_named(conn, list(spelled), 4 * logic.BIDDERS_MAX):
        for name in spelled[found]:
            exact.setdefault(name, []).append(Bidder(code, found))
    rest = [name for name in names if name not in exact]
    return exact, await _similar(conn, rest, picks)


async def _similar(
    conn: Connection, names: Sequence[str], picks: Mapping[str, str]
) -> dict[str, list[Bidder]]:
    """Return who has a name like these: for as many as are searched for at once, those without a
    pick first; for more with a pick, whom it names.
    """
    rest = sorted(names, key=picks.__contains__)
    similar: dict[str, list[Bidder]] = {}
    if searched := rest[:SIMILAR_NAMES_MAX]:
        like = await store.bidders_like(conn, [containing(one) for one in searched], SIMILAR_EACH)
        for name, rows in zip(searched, like, strict=True):
            similar[name] = [Bidder(*row) for row in rows]
    if picked := [name for name in rest[SIMILAR_NAMES_MAX:] if name in picks]:
        known = await store.bidders_coded(conn, [picks[name] for name in picked])
        for name in picked:
            if name in known.get(picks[name], ""):
                similar[name] = [Bidder(picks[name], known[picks[name]])]
    return similar


def _signed(document: Mapping[str, Any]) -> bytes:
    """Return the bytes an answer's signature is over: all of it but the signature."""
    return canonical({name: value for name, value in document.items() if name != "signature"})


def _digest(signed: bytes) -> str:
    return hashlib.sha256(signed).hexdigest()


def _number(fault: LineFault) -> int:
    return fault.number
