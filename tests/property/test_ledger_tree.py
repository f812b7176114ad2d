"""The fast tree against RFC 9162's recursive definitions, and every proof against every forgery."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from jalousie.ledger.merkle import Frontier, Tree, verify_consistency, verify_inclusion

Leaves = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)


def plain_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 2.1.1, on leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return hashlib.sha256(b"\x01" + plain_root(leaves[:middle]) + plain_root(leaves[middle:])).digest()


def plain_inclusion(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162 2.1.3.1."""
    if len(leaves) == 1:
        return []
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    if index < middle:
        return [*plain_inclusion(index, leaves[:middle]), plain_root(leaves[middle:])]
    return [*plain_inclusion(index - middle, leaves[middle:]), plain_root(leaves[:middle])]


def plain_consistency(old: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    """RFC 9162 2.1.4.1."""
    if old == len(leaves):
        return [] if whole else [plain_root(leaves)]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    if old <= middle:
        return [*plain_consistency(old, leaves[:middle], whole), plain_root(leaves[middle:])]
    return [*plain_consistency(old - middle, leaves[middle:], False), plain_root(leaves[:middle])]


def tree_of(leaves: list[bytes]) -> Tree:
    tree = Tree()
    for number, leaf in enumerate(leaves):
        assert tree.append(leaf) == number
    return tree


@given(Leaves, st.data())
def test_tree_equals_the_definitions(leaves: list[bytes], data: st.DataObject) -> None:
    tree, frontier = tree_of(leaves), Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    size = data.draw(st.integers(1, len(leaves)))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    assert tree.root(size) == plain_root(leaves[:size])
    assert frontier.root() == plain_root(leaves)
    assert tree.inclusion(index, size) == plain_inclusion(index, leaves[:size])
    assert tree.consistency(old, size) == plain_consistency(old, leaves[:size])
    assert tree.leaf(index) == leaves[index]


@given(Leaves, st.data())
def test_proofs_hold_and_forged_ones_do_not(leaves: list[bytes], data: st.DataObject) -> None:
    leaves = [hashlib.sha256(bytes([number]) + leaf).digest() for number, leaf in enumerate(leaves)]  # all different
    tree = tree_of(leaves)
    size = data.draw(st.integers(1, len(leaves)))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    root, path = tree.root(size), tree.inclusion(index, size)
    assert verify_inclusion(index, size, leaves[index], path, root)
    other = data.draw(st.integers(0, size - 1))
    assert verify_inclusion(other, size, leaves[index], path, root) == (other == index)
    assert not verify_inclusion(index, size, hashlib.sha256(b"forged").digest(), path, root)

    proof = tree.consistency(old, size)
    assert verify_consistency(old, size, tree.root(old), root, proof)
    if old != size:
        wrong = tree.root(data.draw(st.integers(0, size).filter(lambda number: number != old)))
        assert not verify_consistency(old, size, wrong, root, proof)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        proof[at] = bytes(32)
        assert not verify_consistency(old, size, tree.root(old), root, proof)
    if path:
        path[data.draw(st.integers(0, len(path) - 1))] = bytes(32)
        assert not verify_inclusion(index, size, leaves[index], path, root)
