"""The Merkle tree of RFC 9162, section 2: roots, inclusion and consistency proofs, and their verification. Pure.

A tree of n leaves is cut into complete subtrees of 2^k leaves that start at multiples of 2^k. `Tree` keeps the hash of each
of these (at most 2n hashes), so that an append costs two hashes on average, and a root or proof O(log n).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two smaller than `size` (size > 1)."""
    return 1 << ((size - 1).bit_length() - 1)


class Frontier:
    """The hashes of the complete subtrees that make up a growing tree: all that an append or a root needs, O(log n) space."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # largest subtree first

    def append(self, leaf: bytes) -> None:
        """Add a leaf by its hash."""
        hashed, size = leaf, self.size
        while size & 1:
            hashed = node_hash(self._peaks.pop(), hashed)
            size >>= 1
        self._peaks.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


class Tree:
    """A tree that can also prove: level k holds the hashes of the complete subtrees of 2^k leaves, one after another."""

    def __init__(self) -> None:
        self._levels: list[bytearray] = [bytearray()]

    @property
    def size(self) -> int:
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> int:
        """Add a leaf by its hash; returns its index."""
        index = position = self.size
        hashed, level = leaf, 0
        self._levels[0] += hashed
        while position & 1:
            hashed = node_hash(self._at(level, position - 1), hashed)
            position, level = position >> 1, level + 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += hashed
        return index

    def leaf(self, index: int) -> bytes:
        return self._at(0, index)

    def root(self, size: int | None = None) -> bytes:
        """Root of the first `size` leaves, by default of all."""
        size = self._size(size)
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """RFC 9162 2.1.3.1: that leaf `index` is in the tree of the first `size` leaves."""
        size = self._size(size)
        if not 0 <= index < size:
            raise IndexError("no such leaf in a tree of that size")
        path: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + split(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        path.reverse()
        return path

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """RFC 9162 2.1.4.1: that the tree of `old` leaves is a prefix of that of `size`; empty if `old` is 0 or `size`."""
        size = self._size(size)
        if not 0 <= old <= size:
            raise IndexError("no such older tree")
        if old in (0, size):
            return []
        path: list[bytes] = []
        start, end, whole = 0, size, True
        while old != end:
            middle = start + split(end - start)
            if old <= middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start, whole = middle, False
        if not whole:  # where the old tree is itself a complete subtree from 0, the verifier has its root
            path.append(self._range(start, end))
        path.reverse()
        return path

    def _size(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise IndexError("the tree is smaller than that")
        return size

    def _at(self, level: int, position: int) -> bytes:
        return bytes(self._levels[level][position * HASH_BYTES : (position + 1) * HASH_BYTES])

    def _range(self, start: int, end: int) -> bytes:
        """Hash of the leaves start..end-1, a range that the recursion of RFC 9162 meets."""
        size = end - start
        if size & (size - 1) == 0 and start % size == 0:
            return self._at(size.bit_length() - 1, start // size)
        middle = start + split(size)
        return node_hash(self._range(start, middle), self._range(middle, end))


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 2.1.3.2: whether `path` proves that `leaf` (a hash) is number `index` of the `size` leaves under `root`."""
    if not 0 <= index < size:
        return False
    here, last, hashed = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            hashed = node_hash(sibling, hashed)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            hashed = node_hash(hashed, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and hashed == root


def verify_consistency(old: int, size: int, old_root: bytes, root: bytes, path: Sequence[bytes]) -> bool:
    """RFC 9162 2.1.4.2: whether `path` proves that the tree of `old` leaves is a prefix of that of `size` leaves."""
    if old == size:
        return old_root == root and not path
    if old == 0:
        return old_root == EMPTY_ROOT and not path
    if not 0 < old < size or not path:
        return False
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    here, last = old - 1, size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    first = second = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        here, last = here >> 1, last >> 1
    return first == old_root and second == root and last == 0
