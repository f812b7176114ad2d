"""A ledger over any storage of leaves: appends, checkpoints, proofs, export."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from jalousie.errors import LedgerError
from jalousie.ledger.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from jalousie.ledger.entry import Entry, decode_entry, encode_entry
from jalousie.ledger.merkle import HASH_BYTES, Tree, leaf_hash
from jalousie.wire.canonical import canonical
from jalousie.wire.keys import SigningKey

FORMAT: Final = "jalousie/ledger/1"


class Storage(Protocol):
    """Where the leaves are, in order; a place implements it on its database."""

    def append(self, leaf: bytes) -> int:
        """Keep a leaf durably (with the transaction that is open); returns its index, counted from 0 without gaps."""
        ...

    def read(self, start: int, end: int | None = None) -> Iterator[bytes]:
        """The committed leaves start..end-1, by default to the last."""
        ...


class MemoryStorage:
    """For tests and simulations."""

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self._leaves = list(leaves)

    def append(self, leaf: bytes) -> int:
        self._leaves.append(leaf)
        return len(self._leaves) - 1

    def read(self, start: int, end: int | None = None) -> Iterator[bytes]:
        yield from self._leaves[start:end]


class Log:
    """A view of the leaves of a storage. It holds the tree only of what the storage gives back, so a transaction that is
    rolled back never was in it; several threads may use one log."""

    def __init__(self, storage: Storage, origin: str) -> None:
        self.origin = origin
        self._storage = storage
        self._tree = Tree()
        self._lock = threading.Lock()

    def append(self, entry: Entry) -> int:
        """Hand an entry to the storage; returns its index."""
        return self._storage.append(encode_entry(entry))

    @property
    def size(self) -> int:
        return self._caught_up().size

    def root(self, size: int | None = None) -> bytes:
        return self._caught_up().root(size)

    def checkpoint(self, key: SigningKey) -> str:
        """A signed checkpoint of all committed entries. Make it after the commit, not inside the transaction."""
        tree = self._caught_up()
        size = tree.size
        return sign_checkpoint(Checkpoint(self.origin, size, tree.root(size)), key)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Proof that entry `index` is among the first `size`.

        Raises
        ------
        LedgerError
            L711 if there is no such entry or size
        """
        try:
            return self._caught_up().inclusion(index, size)
        except IndexError:
            raise LedgerError("L711", "the ledger has no such entry", effect="") from None

    def consistency(self, old: int, size: int) -> list[bytes]:
        """Proof that the first `old` entries are a prefix of the first `size`. Raises L711."""
        try:
            return self._caught_up().consistency(old, size)
        except IndexError:
            raise LedgerError("L711", "the ledger was never of such a size", effect="") from None

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[Entry]:
        for number, leaf in enumerate(self._storage.read(start, end), start):
            yield decode_entry(leaf, number)

    def export(self, checkpoint: str, *, proofs: bool = True, cosigned: Sequence[str] = ()) -> Iterator[bytes]:
        """The ledger up to a checkpoint as JSON Lines (docs/reference/ledger-format.md).

        With `proofs`, each line proves itself against the checkpoint, so that a reader can name exactly the entry that was
        changed; that costs about 45 bytes times log2(size) a line. `cosigned`: older checkpoints that others vouched for.
        """
        size = parse_checkpoint(checkpoint)[0].size
        tree = self._caught_up()
        if size > tree.size:
            raise LedgerError("L703", "the checkpoint is of more entries than the ledger has", effect="")
        header: dict[str, object] = {"checkpoint": checkpoint, "format": FORMAT, "size": size}
        yield canonical(header | ({"cosigned": list(cosigned)} if cosigned else {})) + b"\n"
        for index, leaf in enumerate(self._storage.read(0, size)):
            yield export_line(leaf, index, encode_hashes(tree.inclusion(index, size)) if proofs else None)

    def _caught_up(self) -> Tree:
        with self._lock:
            for leaf in self._storage.read(self._tree.size):
                self._tree.append(leaf_hash(leaf))
            return self._tree


def export_line(leaf: bytes, index: int, proof: list[str] | None) -> bytes:
    """A line of an export. A leaf is canonical JSON, and so is the line: its keys are in order."""
    tail = b"" if proof is None else b',"proof":' + canonical(proof)
    return b'{"entry":%b,"index":%d%b}\n' % (leaf, index, tail)


def encode_hashes(hashes: Sequence[bytes]) -> list[str]:
    """Hashes of a proof as base64 text."""
    return [base64.b64encode(item).decode() for item in hashes]


def decode_hashes(texts: Sequence[str]) -> tuple[bytes, ...]:
    """Hashes of a proof from base64 text. Raises L711."""
    try:
        hashes = tuple(base64.b64decode(text, validate=True) for text in texts)
    except ValueError:
        hashes = (b"",)
    if len(hashes) > 64 or any(len(item) != HASH_BYTES for item in hashes):
        raise LedgerError("L711", "a proof is not of its form", effect="")
    return hashes
