"""The tree against the reference vectors of Certificate Transparency and RFC 9162's own definitions."""

from __future__ import annotations

import hashlib

import pytest

from jalousie.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)

# the leaves and roots that implementations of Certificate Transparency test against
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
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


def tree_of(leaves: list[bytes]) -> Tree:
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf_hash(leaf))
    return tree


def test_roots_are_those_of_certificate_transparency() -> None:
    tree, frontier = tree_of(LEAVES), Frontier()
    for size, root in enumerate(ROOTS):
        assert tree.root(size).hex() == root
        assert frontier.root().hex() == root
        if size < len(LEAVES):
            frontier.append(leaf_hash(LEAVES[size]))


def test_known_proofs_of_certificate_transparency() -> None:
    tree = tree_of(LEAVES)
    assert [item.hex() for item in tree.inclusion(0, 8)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [item.hex() for item in tree.consistency(1, 8)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert tree.inclusion(0, 1) == []


def test_leaf_and_node_are_told_apart() -> None:
    """Without the prefixes, an inner node could be passed off as an entry (a second preimage)."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    tree = tree_of([b"a", b"b"])
    assert tree.root() != leaf_hash(left + right)
    assert tree.root() == hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize(("index", "size"), [(8, 8), (-1, 8), (0, 9), (0, 0)])
def test_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(IndexError):
        tree_of(LEAVES).inclusion(index, size)


def test_edges_of_consistency() -> None:
    tree = tree_of(LEAVES)
    assert verify_consistency(0, 8, EMPTY_ROOT, tree.root(), [])
    assert not verify_consistency(0, 8, tree.root(1), tree.root(), [])
    assert verify_consistency(8, 8, tree.root(), tree.root(), [])
    assert not verify_consistency(8, 8, tree.root(7), tree.root(), [])
    assert not verify_consistency(9, 8, tree.root(), tree.root(), tree.consistency(5, 8))
    assert not verify_consistency(5, 8, tree.root(5), tree.root(), [])


def test_proofs_that_are_too_long_or_short_are_refused() -> None:
    tree = tree_of(LEAVES)
    path = tree.inclusion(3, 8)
    leaf = leaf_hash(LEAVES[3])
    assert verify_inclusion(3, 8, leaf, path, tree.root())
    assert not verify_inclusion(3, 8, leaf, path[:-1], tree.root())
    assert not verify_inclusion(3, 8, leaf, [*path, path[0]], tree.root())
    assert not verify_inclusion(3, 8, leaf, [], tree.root())
