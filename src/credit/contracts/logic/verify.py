"""What the log proves of a contract: in force or not, by its own records and keys alone.

Nobody's word is needed, the host's neither: the frozen record says who has to sign which digest,
and each party's own record that it did. Standard library and signature checks only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from credit.contracts.logic.machine import (
    STEPS,
    Shown,
    Standing,
    after,
    refusal,
    role_of,
    shown,
)
from credit.contracts.logic.records import FROZEN, SIGNED, STEP, Named, Open, Side
from credit.kit.signing import unb64, verify
from credit.log.records import RECORD_TYPE, Record

__all__ = ["KeyInLog", "Logged", "Verdict", "verify_contract"]


@dataclass(frozen=True, slots=True)
class Logged:
    """A record with its index in the log and the day it was admitted."""

    index: int
    day: date
    record: Record


@dataclass(frozen=True, slots=True)
class KeyInLog:
    """A key as the log announces it: from which index on it counts, and up to which."""

    public_key: bytes
    holder: str
    announced: int
    revoked: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the records prove on a day. `since` is the index that brought the version into force.

    `missing` are the roles that have not signed; `faults` say, by index, why a record counts for
    nothing. A version in force ends with a later one that supersedes its digest: look that up.
    """

    state: Shown | None
    since: int | None
    signed: tuple[Side, ...]
    missing: tuple[str, ...]
    faults: tuple[tuple[int, str], ...]

    @property
    def in_force(self) -> bool:
        """Whether the version is in force."""
        return self.state == "in-force"


@dataclass(slots=True)
class _Run:
    standing: Standing
    used: dict[str, Side] = field(default_factory=dict)
    since: int | None = None
    signed: list[Side] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)


def verify_contract(
    frozen: Logged, records: Sequence[Logged], keys: Mapping[str, KeyInLog], on: date
) -> Verdict:
    """Replay a version's records in the order of the log, and say where it stands on a day.

    Records of other contracts, versions and digests are passed over; every other one counts, or
    stands among the faults with what is wrong with it.
    """
    why = _frozen_fault(frozen, keys)
    if why is not None:
        return Verdict(None, None, (), (), ((frozen.index, why),))
    body = frozen.record.body
    run = _Run(_offered(body))
    for one in sorted(records, key=lambda logged: logged.index):
        if _about(one.record, body):
            why = "stands before the offer" if one.index < frozen.index else _take(run, one, keys)
            if why is not None:
                run.faults.append((one.index, why))
    standing = run.standing
    missing: tuple[str, ...] = ()
    if not standing.in_force:
        waiting = [one.role for one in standing.parties if one.needed]
        done = {one.role for one in standing.parties if one.side in run.signed}
        members = len(set(run.signed) - {one.side for one in standing.parties})
        lacking = [one.role for one in standing.open_roles if members < one.at_least]
        missing = tuple(role for role in waiting if role not in done) + tuple(lacking)
    return Verdict(shown(standing, on), run.since, tuple(run.signed), missing, tuple(run.faults))


def _frozen_fault(frozen: Logged, keys: Mapping[str, KeyInLog]) -> str | None:
    if frozen.record.kind != FROZEN:
        return "is no frozen contract"
    try:
        _offered(frozen.record.body)
    except (KeyError, TypeError, ValueError):
        return "its body is not that of a frozen contract"
    _, why = _signer(frozen, keys)
    return why


def _offered(body: Mapping[str, Any]) -> Standing:
    """Read the offer out of a frozen record."""
    return Standing(
        pact=body["kind"] == "pact",
        state="offered",
        in_force=0,
        last=body["version"],
        drafter=_side(body["drafter"]),
        offer="open",
        offer_until=date.fromisoformat(body["offer_until"]),
        offer_term=date.fromisoformat(body["until"]),
        parties=tuple(Named(one["role"], _side(one), one["needed"]) for one in body["parties"]),
        open_roles=tuple(
            Open(one["role"], one["at_least"], one["at_most"]) for one in body["open"]
        ),
        orphaned=True,  # that the enterprise had left is the closing office's word, as signed
    )


def _about(record: Record, body: Mapping[str, Any]) -> bool:
    return record.kind in (SIGNED, STEP) and all(
        record.body.get(key) == body[key] for key in ("contract", "version", "digest")
    )


def _take(run: _Run, one: Logged, keys: Mapping[str, KeyInLog]) -> str | None:
    """Let a record take effect; returns why it has none."""
    key, why = _signer(one, keys)
    if key is None:
        return why
    body = one.record.body
    act: Any = "sign" if one.record.kind == SIGNED else body.get("step")
    if (act not in STEPS and act != "sign") or (act == "sign" and body.get("intent") != "agree"):
        return "is no act known here"
    try:
        side, on = _side(body["party"]), date.fromisoformat(body["on"])
    except (KeyError, TypeError, ValueError):
        return "names no party, or no day"
    if on > one.day:
        return "is dated later than the day it was admitted"
    why = refusal(run.standing, act, side, on)
    if why is None and body.get("role") != role_of(run.standing, act, side):
        why = "names a role the party does not have"
    if why is None and act == "sign":
        why = _sign(run, one.record.sigs[0].kid, key.holder, side)
    if why is not None:
        return why
    run.standing = after(run.standing, act, side)
    if run.since is None and run.standing.in_force:
        run.since = one.index
    return None


def _sign(run: _Run, kid: str, holder: str, side: Side) -> str | None:
    if any(run.used.get(name, side) != side for name in (kid, holder)):
        return "the same key, or its holder, has signed for another party"
    run.used |= {kid: side, holder: side}
    run.signed.append(side)
    return None


def _signer(one: Logged, keys: Mapping[str, KeyInLog]) -> tuple[KeyInLog | None, str | None]:
    """Return the key that signed a record, or why it is signed by none that counts."""
    record = one.record
    if len(record.sigs) != 1:
        return None, "does not have exactly one signature"
    key = keys.get(record.sigs[0].kid)
    if key is None or not key.announced < one.index:
        return None, "is signed by a key that was not announced before"
    if key.revoked is not None and key.revoked < one.index:
        return None, "is signed by a key that was revoked before"
    try:
        good = verify(key.public_key, unb64(record.sigs[0].sig), RECORD_TYPE, record.payload)
    except ValueError:
        good = False
    return (key, None) if good else (None, "its signature does not cover it")


def _side(ref: Mapping[str, Any]) -> Side:
    return Side(ref["scheme"], ref["id"])
