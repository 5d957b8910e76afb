"""Use cases of signed prints: the print handed out, and each one that comes back with a signature.

A print proves nothing that the log does not: a contract is in force by its signed records alone.
Parties with a certificate keep a print for whoever asks for one (电子签名法, art. 13).
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from asn1crypto.x509 import Certificate

from credit.access.views import Actor
from credit.contracts import store
from credit.contracts.papers import logic
from credit.contracts.papers.store import NewPaper, add_paper, papers_of
from credit.contracts.papers.views import Paper
from credit.contracts.service.standing import belonging_of, load, refuse_unseen
from credit.kit.blobs import BlobStore
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, NotFound
from credit.kit.texts import say

__all__ = ["add_signed_print", "keep_print", "papers_of"]

PDF = "application/pdf"


async def keep_print(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    blobs: BlobStore,
    contract_id: UUID,
    version: int,
    content: bytes,
) -> Paper:
    """Keep the print of a frozen version, ready to be signed; returns the first that was kept."""
    await _locked(conn, clock, actor, contract_id, version)
    found = await papers_of(conn, contract_id, version)
    if found:
        return found[0]
    blob = await blobs.put(await asyncio.to_thread(logic.signable, content), PDF)
    paper = Paper(0, blob.digest, None, None, clock.now())
    await add_paper(conn, NewPaper(contract_id, version, actor.person_id, paper))
    return paper


async def add_signed_print(
    conn: Connection,
    clock: Clock,
    actor: Actor,
    blobs: BlobStore,
    roots: Sequence[Certificate],
    contract_id: UUID,
    version: int,
    content: bytes,
) -> Paper:
    """Keep the newest print as it came back with one signature more.

    Refuses another file, a changed one, and one that was signed beside somebody else's signature
    that came first: prints are signed one after the other, once by each party.
    """
    party = await _locked(conn, clock, actor, contract_id, version)
    found = await papers_of(conn, contract_id, version)
    if not found:
        raise NotFound(say("还没有可以签的文件。请先下载。"))
    if any(one.party == party for one in found):
        raise Conflict(
            say("您的单位已经传过签好的文本，每一方只签一次。请由下一方下载最新的文本来签。"),
            slug="paper-brought",
        )
    before = await blobs.read(found[-1].digest)
    signature = await asyncio.to_thread(logic.check_signed, before, content, roots)
    blob = await blobs.put(content, PDF)
    paper = Paper(len(found), blob.digest, party, signature, clock.now())
    await add_paper(conn, NewPaper(contract_id, version, actor.person_id, paper))
    return paper


async def _locked(
    conn: Connection, clock: Clock, actor: Actor, contract_id: UUID, version: int
) -> str:
    """Hold a contract's row; returns the code the actor's party has in that version."""
    by = belonging_of(actor)
    found = (await load(conn, [contract_id], clock.today(), lock=True))[contract_id]
    refuse_unseen(found.row, by)
    if version not in found.heads:
        raise NotFound(say("没有这一版契约。"))
    parties = (await store.parties_of(conn, [(contract_id, version)]))[contract_id, version]
    if all((one.scheme, one.party) != (by.side.scheme, by.side.id) for one in parties):
        raise Forbidden(say("您的单位不是这一版契约的当事方。"))
    return by.side.id
