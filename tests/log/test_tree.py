"""The Merkle tree against RFC 6962 itself: its definitions, written down again, and its vectors."""

import hashlib
from functools import cache

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from credit.log.tiles import Edge, FullTile
from credit.log.tree import (
    EMPTY_ROOT,
    CompactRange,
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The entries, roots and proofs that Certificate Transparency's implementations are tested with.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = range(1, 41)
OTHER = hashlib.sha256(b"in no tree").digest()


def split(count):
    """RFC 6962 §2.1: k is the largest power of two smaller than n."""
    k = 1
    while 2 * k < count:
        k *= 2
    return k


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf(index):
    """A made-up leaf hash; the tree never looks inside."""
    return index.to_bytes(32, "big")


@cache
def mth(begin, end):
    """RFC 6962 §2.1: the Merkle tree hash of leaves begin..end."""
    if end - begin == 1:
        return leaf(begin)
    middle = begin + split(end - begin)
    return sha256(b"\1", mth(begin, middle), mth(middle, end))


def path(index, begin, end):
    """RFC 6962 §2.1.1: PATH(m, D[n]), with m counted from the whole tree's first leaf."""
    if end - begin == 1:
        return []
    middle = begin + split(end - begin)
    if index < middle:
        return [*path(index, begin, middle), mth(middle, end)]
    return [*path(index, middle, end), mth(begin, middle)]


def subproof(old, begin, end, whole):
    """RFC 6962 §2.1.2: SUBPROOF(m, D[n], b), with m counted from the whole tree's first leaf."""
    if old == end:
        return [] if whole else [mth(begin, end)]
    middle = begin + split(end - begin)
    if old <= middle:
        return [*subproof(old, begin, middle, whole), mth(middle, end)]
    return [*subproof(old, middle, end, False), mth(begin, middle)]


def nodes_of(size):
    """The complete subtrees of a tree, and no others."""

    def nodes(level, position):
        assert (position + 1) << level <= size
        return mth(position << level, (position + 1) << level)

    return nodes


def tampered(proof):
    """Every proof one step away: a bit flipped, a hash dropped, added, or two of them swapped."""
    for i, one in enumerate(proof):
        yield [*proof[:i], bytes([one[0] ^ 1]) + one[1:], *proof[i + 1 :]]
        yield [*proof[:i], one[:-1] + bytes([one[-1] ^ 128]), *proof[i + 1 :]]
        yield [*proof[:i], *proof[i + 1 :]]
        yield [*proof[:i], one, *proof[i:]]
        for j in range(i):
            yield [*proof[:j], one, *proof[j + 1 : i], proof[j], *proof[i + 1 :]]
    for i in range(len(proof) + 1):
        yield [*proof[:i], OTHER, *proof[i:]]


def refuses_inclusion(*args):
    with pytest.raises(ProofError):
        verify_inclusion(*args)


def refuses_consistency(*args):
    with pytest.raises(ProofError):
        verify_consistency(*args)


@pytest.mark.parametrize("size", range(9))
def test_the_known_entries_have_the_known_roots(size):
    leaves = [leaf_hash(entry) for entry in ENTRIES[:size]]
    tree = CompactRange()
    for one in leaves:
        tree.append(one)

    def nodes(level, position):
        if level == 0:
            return leaves[position]
        return node_hash(nodes(level - 1, 2 * position), nodes(level - 1, 2 * position + 1))

    assert tree.root().hex() == ROOTS[size]
    assert root_of(nodes, size).hex() == ROOTS[size]
    assert EMPTY_ROOT.hex() == ROOTS[0]


def test_the_known_proofs_verify():
    fifth = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    from_six = ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", *fifth[1:]]
    proof = [bytes.fromhex(text) for text in fifth]
    verify_inclusion(leaf_hash(ENTRIES[5]), 5, 8, proof, bytes.fromhex(ROOTS[8]))
    proof = [bytes.fromhex(text) for text in from_six]
    verify_consistency(6, 8, proof, bytes.fromhex(ROOTS[6]), bytes.fromhex(ROOTS[8]))


def test_a_leaf_never_hashes_like_an_inner_node():
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    assert leaf_hash(b"left") == sha256(b"\0left")
    assert node_hash(left, right) == sha256(b"\1", left, right)
    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize("size", SIZES)
def test_roots_and_proofs_are_those_of_the_definition(size):
    nodes, root = nodes_of(size), mth(0, size)
    assert root_of(nodes, size) == root
    for index in range(size):
        proof = inclusion_proof(nodes, index, size)
        assert proof == path(index, 0, size)
        verify_inclusion(leaf(index), index, size, proof, root)
    for old in range(1, size + 1):
        proof = consistency_proof(nodes, old, size)
        assert proof == subproof(old, 0, size, True)
        verify_consistency(old, size, proof, mth(0, old), root)


@pytest.mark.parametrize("size", SIZES)
def test_an_inclusion_proof_that_was_touched_is_refused(size):
    root = mth(0, size)
    for index in range(size):
        proof = path(index, 0, size)
        for other in tampered(proof):
            refuses_inclusion(leaf(index), index, size, other, root)
        refuses_inclusion(OTHER, index, size, proof, root)
        refuses_inclusion(leaf(index), index, size, proof, OTHER)


@pytest.mark.parametrize("size", SIZES)
def test_an_inclusion_proof_shown_for_another_index_or_tree_is_refused(size):
    for index in range(size):
        proof = path(index, 0, size)
        for other in [*range(index), *range(index + 1, size), -1, size, index + size]:
            refuses_inclusion(leaf(index), other, size, proof, mth(0, size))
        for other in [*range(1, size), *range(size + 1, SIZES.stop)]:
            refuses_inclusion(leaf(index), index, other, proof, mth(0, other))


@pytest.mark.parametrize("size", SIZES)
def test_a_consistency_proof_that_was_touched_is_refused(size):
    root = mth(0, size)
    for old in range(1, size + 1):
        proof = subproof(old, 0, size, True)
        for other in tampered(proof):
            refuses_consistency(old, size, other, mth(0, old), root)
        refuses_consistency(old, size, proof, OTHER, root)
        refuses_consistency(old, size, proof, mth(0, old), OTHER)


@pytest.mark.parametrize("size", SIZES)
def test_a_consistency_proof_shown_for_other_sizes_is_refused(size):
    for old in range(1, size + 1):
        proof, root = subproof(old, 0, size, True), mth(0, size)
        for other in [*range(1, old), *range(old + 1, size + 1)]:
            refuses_consistency(other, size, proof, mth(0, old), root)
            refuses_consistency(other, size, proof, mth(0, other), root)
        for other in [*range(old, size), *range(size + 1, SIZES.stop)]:
            refuses_consistency(old, other, proof, mth(0, old), mth(0, other))


def test_a_proof_longer_than_the_tree_is_high_is_refused_though_it_leads_to_the_root():
    proof, root = path(1, 0, 2), mth(0, 2)
    verify_inclusion(leaf(1), 1, 2, proof, root)
    with pytest.raises(ProofError, match="too long"):
        verify_inclusion(leaf(1), 0, 1, proof, root)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (4, 3), (0, 0)])
def test_no_inclusion_proof_is_made_or_taken_for_a_leaf_outside_the_tree(index, size):
    with pytest.raises(ProofError, match="not in a tree"):
        inclusion_proof(nodes_of(size), index, size)
    with pytest.raises(ProofError, match="not in a tree"):
        verify_inclusion(leaf(0), index, size, [], leaf(0))


@pytest.mark.parametrize(("old", "size"), [(0, 3), (-1, 3), (4, 3), (0, 0)])
def test_no_consistency_proof_is_made_or_taken_from_nothing_or_backwards(old, size):
    with pytest.raises(ProofError, match="no consistency proof leads"):
        consistency_proof(nodes_of(size), old, size)
    with pytest.raises(ProofError, match="no consistency proof leads"):
        verify_consistency(old, size, [], EMPTY_ROOT, EMPTY_ROOT)


@pytest.mark.parametrize(("size", "count"), [(0, 1), (1, 0), (3, 1), (255, 7), (256, 8)])
def test_a_compact_range_with_another_number_of_hashes_is_refused(size, count):
    with pytest.raises(ProofError, match="complete subtrees"):
        CompactRange(size, [OTHER] * count)


def rows_of(size):
    """The hashes of each level that fill no tile yet, by the definition."""
    rows, unit = [], 1
    while not rows or size >= unit:
        count = size // unit
        rows.append(
            [mth(n * unit, (n + 1) * unit) for n in range(count - count % 256, count)],
        )
        unit *= 256
    return rows


def tiles_between(old, size):
    """The tiles a tree that grows fills, lower levels first, by the definition."""
    tiles, level, unit = [], 0, 1
    while size >= 256 * unit:
        for n in range(old // (256 * unit), size // (256 * unit)):
            hashes = [mth(i * unit, (i + 1) * unit) for i in range(256 * n, 256 * (n + 1))]
            root = mth(256 * n * unit, 256 * (n + 1) * unit)
            tiles.append(FullTile(level, n, b"".join(hashes), root))
        level, unit = level + 1, 256 * unit
    return tiles


def subtrees_of(size):
    """The complete subtrees a tree is made of, largest first, by the definition."""
    begin, hashes = 0, []
    for bit in range(size.bit_length() - 1, -1, -1):
        if size >> bit & 1:
            hashes.append(mth(begin, begin + (1 << bit)))
            begin += 1 << bit
    return hashes


class Growth(RuleBasedStateMachine):
    """A compact range and an edge that grow by the same leaves, in batches of any size."""

    # Just before one and two tiles are full, and before the first tile of level 1 is.
    STARTS = (0, 1, 250, 255, 506, 511, 65_276, 65_530, 65_535)

    @initialize(size=st.sampled_from(STARTS))
    def begin(self, size):
        self.size = size
        self.compact = CompactRange(size, subtrees_of(size))
        self.edge = Edge(size, rows_of(size))

    @rule(count=st.one_of(st.integers(0, 12), st.integers(250, 260), st.integers(500, 770)))
    def extend(self, count):
        leaves = [leaf(i) for i in range(self.size, self.size + count)]
        for one in leaves:
            self.compact.append(one)
        full = self.edge.extend(leaves)
        assert full == tiles_between(self.size, self.size + count)
        self.size += count

    @rule()
    def store_and_load(self):
        self.edge = Edge(self.edge.size, [tuple(row) for row in self.edge.rows])
        self.compact = CompactRange(self.compact.size, tuple(self.compact.hashes))

    @precondition(lambda self: self.size)
    @rule(share=st.floats(0, 1))
    def prove(self, share):
        nodes, root = nodes_of(self.size), self.compact.root()
        old = max(1, int(share * self.size))
        proof = consistency_proof(nodes, old, self.size)
        verify_consistency(old, self.size, proof, mth(0, old), root)
        proof = inclusion_proof(nodes, old - 1, self.size)
        verify_inclusion(leaf(old - 1), old - 1, self.size, proof, root)

    @invariant()
    def both_are_the_tree_of_the_definition(self):
        assert self.compact.size == self.edge.size == self.size
        assert self.compact.hashes == self.edge.compact().hashes == subtrees_of(self.size)
        assert self.compact.root() == (mth(0, self.size) if self.size else EMPTY_ROOT)
        rows = self.edge.rows
        assert [row for row in rows if row] == [row for row in rows_of(self.size) if row]


def test_an_edge_and_a_compact_range_grow_like_the_tree_whatever_the_batches():
    run_state_machine_as_test(
        Growth, settings=settings(max_examples=40, stateful_step_count=8, deadline=None)
    )


@pytest.mark.parametrize("begin", [0, 255, 256])
@pytest.mark.parametrize("size", [65_535, 65_536, 65_540])
def test_one_batch_fills_all_tiles_it_reaches_lower_levels_first(begin, size):
    edge = Edge(begin, rows_of(begin))
    full = edge.extend([leaf(i) for i in range(begin, size)])
    assert full == tiles_between(begin, size)
    assert [tile.level for tile in full].count(1) == (size >= 65_536)
    assert edge.compact().hashes == subtrees_of(size)
    assert edge.compact().root() == mth(0, size)


def test_an_extension_by_nothing_changes_nothing():
    edge = Edge()
    assert edge.extend([]) == []
    assert edge.compact().root() == EMPTY_ROOT
