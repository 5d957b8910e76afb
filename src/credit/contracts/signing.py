"""Concluding many contracts with keys at hand: for demonstrations and measurements in Python."""

from collections.abc import Callable, Sequence
from uuid import UUID

from credit.access.views import Actor
from credit.contracts import service
from credit.contracts.logic.records import FROZEN
from credit.contracts.service import SignedAct
from credit.contracts.views import ContractDraft
from credit.kit.blobs import BlobStore
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.ids import new_id
from credit.kit.signing import SigningKey
from credit.log.service import sign_record, sign_records
from credit.rules.pack import Pack

__all__ = ["Signer", "conclude", "sign_all"]

# Somebody with the key they sign with.
Signer = tuple[Actor, SigningKey]


async def conclude(
    conn: Connection,
    clock: Clock,
    pack: Pack,
    blobs: BlobStore,
    drafts: Sequence[ContractDraft],
    *,
    drafter: Signer,
    signers: Callable[[ContractDraft], Sequence[Signer]],
) -> list[UUID]:
    """Draft, freeze and sign contracts; the number of statements does not grow with theirs.

    `signers` names for a draft who signs what came of it, in order. Returns the contracts.
    """
    actor, key = drafter
    ids = await service.draft(conn, clock, actor, pack, drafts)
    bodies = await service.prepare_freezing(conn, clock, actor, pack, ids)
    records = sign_records(key, FROZEN, bodies, clock)
    await service.freeze(conn, clock, actor, pack, blobs, records)
    wanted = [
        (one, signer) for one, draft in zip(ids, drafts, strict=True) for signer in signers(draft)
    ]
    await sign_all(conn, clock, blobs, wanted)
    return ids


async def sign_all(
    conn: Connection, clock: Clock, blobs: BlobStore, wanted: Sequence[tuple[UUID, Signer]]
) -> None:
    """Let people sign contracts that are on offer: (contract, who), in order, all at once."""
    prepared = await service.prepare_all(
        conn, clock, [(actor, "sign", one) for one, (actor, _) in wanted]
    )
    items = [
        SignedAct(actor, one, "sign", sign_record(key, kind, new_id(clock.now()), body))
        for (one, (actor, key)), (kind, body) in zip(wanted, prepared, strict=True)
    ]
    await service.act(conn, clock, blobs, items)
