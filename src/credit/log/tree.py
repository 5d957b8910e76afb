"""The Merkle tree of RFC 6962: hashes, compact ranges, inclusion and consistency proofs.

A tree over n leaves is asked about through `Nodes`, a function from (level, position) to the hash
of the complete subtree of 2^level leaves that begins at leaf position·2^level. Every subtree a
proof names is either complete or a fold of complete ones, so no other lookup is needed.
Standard library only: the offline verifier imports this module.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

__all__ = [
    "EMPTY_ROOT",
    "CompactRange",
    "Nodes",
    "ProofError",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root_of",
    "verify_consistency",
    "verify_inclusion",
]

Nodes = Callable[[int, int], bytes]
EMPTY_ROOT = hashlib.sha256(b"").digest()


class ProofError(ValueError):
    """A proof that does not prove; the message says which check failed."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash a leaf: SHA-256(0x00 ‖ entry) (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash an inner node: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\1" + left + right).digest()


class CompactRange:
    """The complete subtrees that make up a tree of `size` leaves, largest first.

    There is one for each bit set in `size`; appending a leaf merges equal ones like a carry.
    """

    __slots__ = ("hashes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        if len(self.hashes) != size.bit_count():
            raise ProofError(f"a tree of {size} leaves has {size.bit_count()} complete subtrees")

    def append(self, leaf: bytes) -> None:
        """Add a leaf by its hash."""
        sha256, hashes = hashlib.sha256, self.hashes
        carry = self.size
        while carry & 1:
            leaf = sha256(b"\1" + hashes.pop() + leaf).digest()
            carry >>= 1
        hashes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root: the subtrees folded from the smallest up."""
        return _fold(self.hashes) if self.hashes else EMPTY_ROOT


def root_of(nodes: Nodes, size: int) -> bytes:
    """Return the root of the first `size` leaves."""
    return EMPTY_ROOT if size == 0 else _subtree(nodes, 0, size)


def inclusion_proof(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """Prove that leaf `index` is in the tree of `size` leaves (RFC 6962 §2.1.1)."""
    if not 0 <= index < size:
        raise ProofError(f"index {index} is not in a tree of {size} leaves")
    proof: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            proof.append(_subtree(nodes, middle, end))
            end = middle
        else:
            proof.append(_subtree(nodes, begin, middle))
            begin = middle
    return proof[::-1]


def consistency_proof(nodes: Nodes, old_size: int, size: int) -> list[bytes]:
    """Prove that the tree of `old_size` leaves is a prefix of that of `size` (§2.1.2)."""
    if not 0 < old_size <= size:
        raise ProofError(f"no consistency proof leads from {old_size} to {size}")
    proof: list[bytes] = []
    begin, end = 0, size
    whole = True  # the old tree is still exactly the subtree looked at, so its root is known
    while old_size != end:
        middle = begin + _split(end - begin)
        if old_size <= middle:
            proof.append(_subtree(nodes, middle, end))
            end = middle
        else:
            proof.append(_subtree(nodes, begin, middle))
            begin = middle
            whole = False
    if not whole:
        proof.append(_subtree(nodes, begin, end))
    return proof[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check an inclusion proof (RFC 9162 §2.1.3.2); raises ProofError."""
    if not 0 <= index < size:
        raise ProofError(f"index {index} is not in a tree of {size} leaves")
    position, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if position & 1 or position == last:
            computed = node_hash(sibling, computed)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise ProofError("the proof is too short")
    if computed != root:
        raise ProofError("the proof leads to another root")


def verify_consistency(  # noqa: C901, PLR0912 - the standard's steps, in its order
    old_size: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes
) -> None:
    """Check a consistency proof (RFC 9162 §2.1.4.2); raises ProofError."""
    if not 0 < old_size <= size:
        raise ProofError(f"no consistency proof leads from {old_size} to {size}")
    if old_size == size:
        if proof or old_root != root:
            raise ProofError("trees of one size have one root and an empty proof")
        return
    steps = list(proof)
    if old_size & (old_size - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        raise ProofError("the proof is too short")
    position, last = old_size - 1, size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise ProofError("the proof is too long")
        if position & 1 or position == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            second = node_hash(second, step)
        position >>= 1
        last >>= 1
    if last:
        raise ProofError("the proof is too short")
    if first != old_root or second != root:
        raise ProofError("the proof leads to other roots")


def _split(count: int) -> int:
    """Return the largest power of two smaller than `count`."""
    return 1 << (count - 1).bit_length() - 1


def _subtree(nodes: Nodes, begin: int, end: int) -> bytes:
    """Return the hash over leaves begin..end; `begin` is a multiple of the size rounded up."""
    hashes = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        hashes.append(nodes(level, begin >> level))
        begin += 1 << level
    return _fold(hashes)


def _fold(hashes: Sequence[bytes]) -> bytes:
    root = hashes[-1]
    for left in hashes[-2::-1]:
        root = node_hash(left, root)
    return root
