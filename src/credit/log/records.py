"""Records and entries: what people sign, and what the log keeps of it.

A record is `body`, `id` and `kind` with the signatures over them. Its entry, one leaf of the
tree, adds what only the log can know: when it was admitted, under which intake policy, and its
place in the chain of each of its subjects. Standard library only: the verifier imports this.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from credit.kit.canonical import canonical, parse

__all__ = [
    "ENTRY_BYTES_MAX",
    "FIRST",
    "KINDS",
    "POLICY",
    "RECORDS_MAX",
    "RECORD_TYPE",
    "Record",
    "RecordError",
    "Sig",
    "assemble",
    "fragment",
    "parse_entry",
    "payload",
    "place",
    "subject_hash",
    "subjects_of",
]

# The type string of record signatures; checkpoints, answers and contracts have their own.
RECORD_TYPE = "application/vnd.credit.record.v1+json"
POLICY = "intake/1"
ENTRY_BYTES_MAX = 65_535  # what an entry bundle's uint16 length can say
# What assembly adds to a fragment, at its longest: eight subjects of 64 hex digits each.
ASSEMBLY_BYTES_MAX = 1_024
SUBJECTS_MAX = 8
RECORDS_MAX = 20_000  # of one act: the grades of a large city
# A chain before its first entry: no entries, no last leaf.
FIRST: tuple[int, bytes | None] = (0, None)
KINDS = frozenset(
    {
        "key",
        "key-revoked",
        "credit-event",
        "event-withdrawn",
        "event-corrected",
        "event-repaired",
        "commitment",
        "contract-frozen",
        "contract-signed",
        "contract-step",
        "evaluation",
        "grade",
        "list-entry",
        "list-exit",
        "board",
        "grades-confirmed",
        "points-sealed",
        "policy",
    }
)


class RecordError(ValueError):
    """A record or entry that is not one; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Sig:
    """A signature: key id, algorithm, base64."""

    kid: str
    alg: str
    sig: str


@dataclass(frozen=True)
class Record:
    """A signed record, or one about to be; `id` is a UUID as text, chosen by the issuer."""

    id: str
    kind: str
    body: dict[str, Any]
    sigs: tuple[Sig, ...] = ()

    @cached_property
    def canonical_body(self) -> bytes:
        """The body's canonical bytes, made once: signatures, tables and the log all need them."""
        return canonical(self.body)

    @cached_property
    def payload(self) -> bytes:
        """The bytes the signatures are over."""
        return _payload(self.kind, self.id, self.canonical_body)


def payload(kind: str, record_id: str, body: dict[str, Any]) -> bytes:
    """Return the bytes a record's signatures are over, as the payload of RECORD_TYPE."""
    return _payload(kind, record_id, canonical(body))


def _payload(kind: str, record_id: str, body: bytes) -> bytes:
    """Write `{"body":…,"id":…,"kind":…}`: the names are in canonical order already."""
    return b'{"body":%b,"id":%b,"kind":%b}' % (body, canonical(record_id), canonical(kind))


def fragment(record: Record) -> bytes:
    """Return the record's part of its entry: canonical, from `"body"` to the end of `"sigs"`."""
    if record.kind not in KINDS:
        raise RecordError(f"unknown kind {record.kind[:40]!r}")
    sigs = canonical([{"alg": s.alg, "kid": s.kid, "sig": s.sig} for s in record.sigs])
    head = record.payload[1:-1]
    whole = b'%b,"policy":%b,"sigs":%b' % (head, canonical(POLICY), sigs)
    if len(whole) + ASSEMBLY_BYTES_MAX > ENTRY_BYTES_MAX:
        raise RecordError(f"a record of {len(whole)} bytes is too large for an entry")
    return whole


def place(chains: Sequence[tuple[int, bytes | None]]) -> bytes:
    """Return the tail of an entry: its places in its subjects' chains.

    `chains` are the chains before this entry: (entries, last leaf hash or None).
    """
    prevs = ",".join(["null" if prev is None else f'"{prev.hex()}"' for _, prev in chains])
    seqs = ",".join([str(seq + 1) for seq, _ in chains])
    return f',"subject_prev":[{prevs}],"subject_seq":[{seqs}],"v":1}}'.encode()


def assemble(admitted_at: str, record_fragment: bytes, tail: bytes) -> bytes:
    """Join an entry's canonical bytes.

    Canonical order sorts the names, and `admitted_at` is the only one before the fragment's, so
    the bytes a record was signed as are kept as they are and nothing is encoded again.
    """
    return b"".join((b'{"admitted_at":"', admitted_at.encode(), b'",', record_fragment, tail))


def parse_entry(entry: bytes) -> dict[str, Any]:
    """Read an entry strictly; raises RecordError or NotCanonicalError."""
    value = parse(entry)
    if not isinstance(value, dict) or value.get("v") != 1:
        raise RecordError("not an entry of version 1")
    return value


def subjects_of(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a body's subjects as (scheme, id); at most eight, none twice."""
    refs = body.get("subjects", [])
    if not isinstance(refs, list) or len(refs) > SUBJECTS_MAX:
        raise RecordError(f"subjects must be a list of at most {SUBJECTS_MAX}")
    subjects = [(ref["scheme"], ref["id"]) for ref in refs]
    if len(set(subjects)) != len(subjects):
        raise RecordError("a subject stands twice")
    return subjects


def subject_hash(scheme: str, subject_id: str) -> bytes:
    """Hash a subject's name: the key of its chain and, later, of the index of subjects."""
    content = b"subject/v1\0" + scheme.encode() + b"\0" + subject_id.encode()
    return hashlib.sha256(content).digest()
