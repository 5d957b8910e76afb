"""The bodies of a contract's records: the text's digest, who agrees to it, and what came after.

Free texts, reasons and names stay out of the log. Standard library only: what the log proves of a
contract is checked with this.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

__all__ = [
    "FROZEN",
    "SIGNED",
    "STEP",
    "Named",
    "Open",
    "Reference",
    "Side",
    "act_body",
    "digest_of",
    "frozen_body",
    "subjects_of",
]

FROZEN, SIGNED, STEP = "contract-frozen", "contract-signed", "contract-step"


class Side(NamedTuple):
    """A party as the log names it: USCC, INT, COMMITTEE, OWNERS or ORG, and its code or id."""

    scheme: str
    id: str


class Reference(NamedTuple):
    """Which text is meant: contract, version, and the digest of the canonical text."""

    contract: str
    version: int
    digest: str


class Named(NamedTuple):
    """A party with its role; nothing is in force without the signature of a `needed` one."""

    role: str
    side: Side
    needed: bool


class Open(NamedTuple):
    """A role members take by signing: how many there have to be, and how many there can be."""

    role: str
    at_least: int
    at_most: int


def digest_of(text: bytes) -> str:
    """Name a contract's canonical text by its SHA-256."""
    return "sha256:" + hashlib.sha256(text).hexdigest()


def subjects_of(parties: Iterable[Named], project: str | None) -> list[dict[str, str]]:
    """Return in whose chains a contract's records stand: the enterprise's and the project's.

    A contract without a project stands in the chain of the association that offers it.
    """
    wanted = "enterprise" if project else "association"
    sides = [one.side for one in parties if one.role == wanted]
    if project:
        sides.append(Side("PROJECT", project))
    return [_ref(side) for side in sides]


def frozen_body(  # noqa: PLR0913 - one parameter a key
    *,
    text: Reference,
    kind: str,
    template: str,
    attachments: int,
    parties: Sequence[Named],
    open_roles: Sequence[Open],
    days: tuple[str, str, str],
    drafter: Side,
    supersedes: str | None,
    subjects: list[dict[str, str]],
) -> dict[str, Any]:
    """Return what the drafter signs: this text, by its digest, is offered to these parties.

    `days` are the first and the last day of the contract, and the last day to sign.
    """
    return {
        "attachments": attachments,
        "contract": text.contract,
        "digest": text.digest,
        "drafter": _ref(drafter),
        "from": days[0],
        "kind": kind,
        "offer_until": days[2],
        "open": [
            {"at_least": one.at_least, "at_most": one.at_most, "role": one.role}
            for one in open_roles
        ],
        "parties": [{"needed": one.needed, "role": one.role} | _ref(one.side) for one in parties],
        "subjects": subjects,
        "supersedes": supersedes,
        "template": template,
        "until": days[1],
        "version": text.version,
    }


def act_body(
    act: str,
    *,
    text: Reference,
    role: str,
    side: Side,
    on: date,
    subjects: list[dict[str, str]],
) -> dict[str, Any]:
    """Return what a party signs: `sign` agrees, in this role, to the text with this digest; any
    other act is a step of its own, such as refusing, suspending or ending.
    """
    body: dict[str, Any] = {
        "contract": text.contract,
        "digest": text.digest,
        "on": on.isoformat(),
        "party": _ref(side),
        "role": role,
        "subjects": subjects,
        "version": text.version,
    }
    return body | ({"intent": "agree"} if act == "sign" else {"step": act})


def _ref(side: Side) -> dict[str, str]:
    return {"id": side.id, "scheme": side.scheme}
