"""SQL of signed prints."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from credit.contracts.papers.views import Paper, PaperSignature
from credit.kit.db import Connection

__all__ = ["NewPaper", "add_paper", "papers_of"]

ADD_PAPER = """
INSERT INTO contract_paper (contract_id, version, number, digest, party, person_id, signer,
    issuer, serial, signed_at, trusted, added_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
PAPERS_OF = """
SELECT number, digest, party, added_at, signer, issuer, serial, signed_at, trusted
FROM contract_paper WHERE contract_id = $1 AND version = $2 ORDER BY number
"""


@dataclass(frozen=True, slots=True)
class NewPaper:
    """A print to be kept, and who brought it."""

    contract_id: UUID
    version: int
    person_id: str
    paper: Paper


async def add_paper(conn: Connection, new: NewPaper) -> None:
    """Store a print."""
    paper, signed = new.paper, new.paper.signature
    what: tuple[str | datetime | bool | None, ...] = (None,) * 5
    if signed is not None:
        what = (
            signed.name, signed.issuer, signed.serial, signed.signed_at,
            signed.trusted,
        )  # fmt: skip
    await conn.execute(
        ADD_PAPER, new.contract_id, new.version, paper.number, paper.digest, paper.party,
        new.person_id, *what, paper.added_at,
    )  # fmt: skip


async def papers_of(conn: Connection, contract_id: UUID, version: int) -> list[Paper]:
    """Return the prints of a version in the order they came."""
    return [
        Paper(number, digest, party, PaperSignature(*signed) if number else None, added_at)
        for number, digest, party, added_at, *signed in await conn.fetch(
            PAPERS_OF, contract_id, version
        )
    ]
