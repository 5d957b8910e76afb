"""Signing, and every later step of a contract: each a record signed by a party's own key.

Nothing comes into force but by the parties' signatures, all over the same digest; the last one
does it, in its own transaction, while it holds the contract's row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from credit.access.logic import require
from credit.access.views import Actor
from credit.contracts import store
from credit.contracts.logic.drafts import no_longer_right
from credit.contracts.logic.machine import ACTS, STEPS, Act, Standing, after, refusal, role_of
from credit.contracts.logic.records import SIGNED, STEP, Side, act_body
from credit.contracts.service.files import check_files
from credit.contracts.service.following import Turned, effect_day, follow
from credit.contracts.service.places import refuse_outside
from credit.contracts.service.signers import check_records
from credit.contracts.service.standing import (
    Belonging,
    Loaded,
    belonging_of,
    load,
    refuse_unseen,
    row_after,
)
from credit.contracts.store import PartyRow, SignatureRow, StepRow
from credit.kit.blobs import BlobStore
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden, Invalid
from credit.kit.signing import unb64
from credit.kit.texts import say
from credit.log import service as log
from credit.log.records import Record
from credit.parties import projects

__all__ = [
    "ITEMS_MAX",
    "REASONED",
    "REASON_CHARS_MAX",
    "SCOPES_OF_ACTS",
    "SignedAct",
    "act",
    "prepare",
    "prepare_all",
]

ITEMS_MAX = 5_000
REASON_CHARS_MAX = 4_000
# What an act asks of its actor, besides being of the right organisation.
SCOPES_OF_ACTS: Mapping[Act, str] = {
    "sign": "contracts:sign",
    "refuse": "contracts:sign",
    "withdraw": "contracts:draft",
    "suspend": "contracts:sign",
    "resume": "contracts:sign",
    "end": "contracts:sign",
    "retract": "contracts:sign",
    "leave": "contracts:sign",
    "close": "contracts:inspect",
}
# Which acts must say why; the words stay out of the log.
REASONED = frozenset({"refuse", "withdraw", "suspend", "resume", "end", "close", "leave"})
DONE = {
    "refuse": "refused",
    "withdraw": "withdrawn",
    "retract": "retracted",
    "close": "closed",
    "leave": "left",
    "sign": "signed",
}
AGREED = {"suspend": "suspended", "resume": "resumed", "end": "ended"}


@dataclass(frozen=True, slots=True)
class SignedAct:
    """One act of one person on one contract, with the record signed for it."""

    actor: Actor
    contract_id: UUID
    act: Act
    record: Record
    reason: str | None = None


async def prepare(
    conn: Connection, clock: Clock, actor: Actor, act: Act, ids: Sequence[UUID]
) -> dict[UUID, tuple[str, dict[str, Any]]]:
    """Return for each contract the (kind, body) of the record by which the actor's organisation
    does something with it now; refuses what may not be done now, and says why.
    """
    bodies = await prepare_all(conn, clock, [(actor, act, one) for one in ids])
    return dict(zip(ids, bodies, strict=True))


async def prepare_all(
    conn: Connection, clock: Clock, items: Sequence[tuple[Actor, Act, UUID]]
) -> list[tuple[str, dict[str, Any]]]:
    """Return for many people's acts what each of them would sign, as `prepare` does for one."""
    for actor, step, _ in items:
        _check_scope(actor, step)
    people = {actor.person_id: belonging_of(actor) for actor, _, _ in items}
    loaded = await load(conn, [one for _, _, one in items], clock.today())
    await _refuse_outlying(conn, clock, loaded, items)
    prepared = []
    for actor, step, one in items:
        found, by = loaded[one], people[actor.person_id]
        _refuse(found, step, by, clock.today())
        prepared.append(_expected(found, step, by, clock.today()))
    return prepared


async def act(conn: Connection, clock: Clock, blobs: BlobStore, items: Sequence[SignedAct]) -> None:
    """Take acts in, all or none, in the order given; any number of people on any contracts.

    A signature is refused unless it covers the version that is open now, attachments included, by
    the live key of somebody of that party who has not signed for another one. The signature that
    completes a version brings it into force and opens its duties.
    """
    if not 0 < len(items) <= ITEMS_MAX:
        raise Invalid(say("一次 1 到 %(items_max)s 项，请分批。", items_max=ITEMS_MAX))
    for one in items:
        _check_scope(one.actor, one.act)
        _check_reason(one)
    people = {one.actor.person_id: belonging_of(one.actor) for one in items}
    loaded = await load(conn, [one.contract_id for one in items], clock.today(), lock=True)
    await _refuse_outlying(conn, clock, loaded, [(i.actor, i.act, i.contract_id) for i in items])
    signed = [loaded[one.contract_id] for one in items if one.act == "sign"]
    await check_files(blobs, _files(signed))
    names: Mapping[str, str] = {}
    if any(one.standing.pact for one in signed):
        names = await projects.enterprise_names(
            conn, {p.office.party for p in people.values() if p.office.party}
        )
    batch = _Batch(clock, loaded, names)
    for one in items:
        batch.take(one, people[one.actor.person_id])
    await check_records(conn, batch.expected)
    if batch.parties:
        await store.add_parties(conn, batch.parties)
    changes = await follow(conn, clock, batch.turned)
    rows = [
        row_after(found.row, found.standing, **changes.get(one, {}))
        for one, found in batch.loaded.items()
    ]
    added = await store.turn(conn, rows, batch.steps, batch.signatures)
    if len(added) != len(batch.signatures):
        raise Conflict(
            say("有签名刚刚由别人提交，或者同一密钥已为另一方签署。请刷新后再看。"),
            slug="already-signed",
        )
    await log.enqueue(conn, [one.record for one in items])


class _Batch:
    """Acts taken in one after another, each on what the one before left; written all at once."""

    def __init__(
        self, clock: Clock, loaded: Mapping[UUID, Loaded], names: Mapping[str, str]
    ) -> None:
        self.clock = clock
        self.loaded = dict(loaded)
        self.names = names
        self.expected: list[tuple[Actor, Record, str, dict[str, Any]]] = []
        self.turned: list[Turned] = []
        self.signatures: list[SignatureRow] = []
        self.parties: list[PartyRow] = []
        self.steps: list[StepRow] = []

    def take(self, one: SignedAct, by: Belonging) -> None:
        """Refuse an act that may not be done now, or note everything it does."""
        today = self.clock.today()
        before = self.loaded[one.contract_id]
        _refuse(before, one.act, by, today)
        self.expected.append((one.actor, one.record, *_expected(before, one.act, by, today)))
        found = self._sign(before, one, by) if one.act == "sign" else before
        then = after(found.standing, one.act, by.side)
        turned = Turned(before, then, one.act, by.side, one.actor.person_id)
        self.turned.append(turned)
        taken = [self._step(found, one, by, _step_name(before.standing, then, one.act))]
        if turned.begins:
            head = found.heads[then.in_force]
            on = effect_day(before, head.from_on, today)
            taken.append(self._step(found, one, by, "in-force", on=on))
        numbered = [replace(step, number=found.row.steps + n) for n, step in enumerate(taken, 1)]
        self.steps += numbered
        row = replace(found.row, steps=numbered[-1].number)
        self.loaded[one.contract_id] = replace(found, row=row, standing=then)

    def _sign(self, found: Loaded, one: SignedAct, by: Belonging) -> Loaded:
        """Note a signature, and the member that takes an open role by it."""
        _refuse_second_party(found.signatures, one, by)
        row, version, side = found.row, found.version("sign"), by.side
        role = role_of(found.standing, "sign", side) or ""
        sig = one.record.sigs[0] if one.record.sigs else None
        if sig is None:
            raise Forbidden(say("记录没有签名。"), slug="bad-signature")
        signature = SignatureRow(
            row.id, version, side.scheme, side.id, role, sig.kid, _bytes(sig.sig),
            UUID(one.record.id), one.actor.person_id, self.clock.now(),
        )  # fmt: skip
        self.signatures.append(signature)
        parties = {**found.parties}
        if not any(Side(p.scheme, p.party) == side for p in parties[version]):
            name = self.names.get(side.id, by.office.name)
            place = len(parties[version]) + 1
            party = PartyRow(row.id, version, *side, role, name, needed=False, place=place)
            self.parties.append(party)
            parties[version] = [*parties[version], party]
        return replace(found, parties=parties, signatures=[*found.signatures, signature])

    def _step(
        self, found: Loaded, one: SignedAct, by: Belonging, step: str, *, on: date | None = None
    ) -> StepRow:
        own = step != "in-force"
        return StepRow(
            found.row.id,
            0,
            found.version(one.act),
            step,
            role_of(found.standing, one.act, by.side) if own else None,
            by.side.id if own else None,
            on or self.clock.today(),
            one.reason if own else None,
            UUID(one.record.id) if own else None,
            one.actor.person_id,
            self.clock.now(),
        )


def _check_scope(actor: Actor, act: Act) -> None:
    scope = SCOPES_OF_ACTS.get(act)
    if scope is None:
        raise Invalid(say("这一步不用签名记录办理。"))
    require(actor, scope)


async def _refuse_outlying(
    conn: Connection,
    clock: Clock,
    loaded: Mapping[UUID, Loaded],
    items: Sequence[tuple[Actor, Act, UUID]],
) -> None:
    """Refuse to let an office close contracts outside its division."""
    for actor, step, one in items:
        if step == "close":
            await refuse_outside(conn, actor, [loaded[one].row.project], clock.today())


def _check_reason(one: SignedAct) -> None:
    given = one.reason or ""
    if one.act in REASONED and not given.strip():
        raise Invalid(say("“%(acts)s”要写明理由。", acts=ACTS[one.act]))
    if len(given) > REASON_CHARS_MAX:
        raise Invalid(
            say(
                "理由最多 %(reason_chars_max)s 字，请写短些或上传附件。",
                reason_chars_max=REASON_CHARS_MAX,
            )
        )


def _refuse(found: Loaded, act: Act, by: Belonging, today: date) -> None:
    refuse_unseen(found.row, by)
    why = refusal(found.standing, act, by.side, today)
    if why is None and act == "sign":
        why = no_longer_right(found.named(found.version(act)), found.project)
    if why is not None:
        raise Conflict(why, slug="not-now")


def _expected(found: Loaded, act: Act, by: Belonging, today: date) -> tuple[str, dict[str, Any]]:
    version = found.version(act)
    body = act_body(
        act,
        text=found.reference(version),
        role=role_of(found.standing, act, by.side) or "",
        side=by.side,
        on=today,
        subjects=found.subjects(version, by.side),
    )
    return (STEP if act in STEPS else SIGNED), body


def _step_name(before: Standing, then: Standing, act: Act) -> str:
    if act in AGREED:
        return f"proposed-{act}" if then.state == before.state else AGREED[act]
    return DONE[act]


def _refuse_second_party(signatures: Iterable[SignatureRow], one: SignedAct, by: Belonging) -> None:
    """Refuse a key, and a person, that has signed this contract for another party."""
    kids = {sig.kid for sig in one.record.sigs}
    for given in signatures:
        if Side(given.scheme, given.party) == by.side:
            continue
        if given.kid in kids or given.person_id == one.actor.person_id:
            raise Forbidden(
                say(
                    "这把密钥，或者您本人，已经代表另一方签署过这份契约。"
                    "每一方要由自己的人用自己的密钥签署。"
                ),
                slug="signed-for-another",
            )


def _bytes(text: str) -> bytes:
    try:
        return unb64(text)
    except ValueError:
        raise Forbidden(say("签名不合格式。"), slug="bad-signature") from None


def _files(signed: Iterable[Loaded]) -> list[str]:
    """Return the files of the texts about to be signed."""
    return [
        digest
        for found in signed
        if (head := found.heads.get(found.version("sign"))) is not None
        for digest in head.files
    ]
