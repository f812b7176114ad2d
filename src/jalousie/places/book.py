"""The provider's ledger in its store: who may read which part of it, and the checkpoints that others cosigned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Final

from jalousie.errors import LedgerError, WireError
from jalousie.ledger.checkpoint import open_checkpoint, parse_checkpoint
from jalousie.ledger.entry import ContractRegistered, Entry, decode_entry, entry_minute
from jalousie.ledger.log import Log, encode_hashes
from jalousie.ledger.members import write_members
from jalousie.ledger.merkle import leaf_hash
from jalousie.ledger.note import VerifierKey, verifier_key
from jalousie.places.store import Store
from jalousie.wire.canonical import canonical
from jalousie.wire.envelope import minute_of
from jalousie.wire.keys import PublicKey, SigningKey
from jalousie.wire.messages import (
    CheckpointAnswer,
    ConsistencyAnswer,
    CosignatureAccepted,
    CosignatureRequest,
    InclusionAnswer,
    decode_message,
)

PAGE: Final = 500


def party_name(key: PublicKey) -> str:
    """How a party is called in ledgers: its own ledger's origin, and its name as a cosigner."""
    return "jalousie/" + key.fingerprint.removeprefix("sha256:")


def ledger_key(provider: PublicKey) -> VerifierKey:
    """What verifies a provider's ledger."""
    return verifier_key(party_name(provider), provider)


def cosigner_key(party: PublicKey) -> VerifierKey:
    """What verifies a party's cosignature."""
    return verifier_key(party_name(party), party, cosigner=True)


class Book:
    """The ledger of one provider."""

    def __init__(self, store: Store, key: SigningKey) -> None:
        self._store = store
        self._key = key
        self._log = Log(store, party_name(key.public))

    @property
    def size(self) -> int:
        return self._log.size

    def append(self, entry: Entry) -> int:
        """Keep an entry with the store's open transaction; returns its index."""
        return self._log.append(entry)

    def minute(self, now: datetime) -> str:
        """The minute for the next entry: never before that of the last one, whatever the clock says. In a transaction."""
        last = self._store.last_leaf()
        return max(minute_of(now), "" if last is None else entry_minute(last))

    def checkpoint(self) -> CheckpointAnswer:
        """Of all that was committed; with the cosignature, if somebody left one for just that size."""
        note = self._log.checkpoint(self._key)
        cosigned = self._store.cosigned(parse_checkpoint(note)[0].size)
        return CheckpointAnswer(checkpoint=cosigned[1] if cosigned else note)

    def export(self, *, proofs: bool = True) -> Iterator[bytes]:
        """The whole ledger as JSON Lines, for auditors; `audit verify` reads it."""
        newest = self.checkpoint().checkpoint
        size = parse_checkpoint(newest)[0].size
        return self._log.export(newest, proofs=proofs, cosigned=self._cosigned(size))

    def members(self) -> Iterator[bytes]:
        """Who was asked about under contracts that are not erased, for auditors who may know; `audit replay` reads it."""
        contracts = self._store.contracts()
        populations = (
            (digest, self._store.pseudonyms(contract, digest) or b"")
            for contract in contracts
            for digest, _ in self._store.populations(contract)
        )
        sets = (row for contract in contracts for row in self._store.asked_sets(contract))
        return write_members(populations, sets)

    def _cosigned(self, size: int) -> list[str]:
        """The newest checkpoint that each ML party cosigned, up to a size."""
        waiting, found = {cosigner_key(party) for party in self._parties()}, list[str]()
        for note in self._store.cosignatures(size):
            signed = {key for key in waiting if parse_checkpoint(note)[1].cosigned_at(key) is not None}
            if signed:
                found.append(note)
                waiting -= signed
            if not waiting:
                break
        return found

    def _parties(self) -> set[PublicKey]:
        """The ML parties of all contracts that were ever registered."""
        leaves = (leaf for leaf in self._store.read(0) if b'"entry":"contract"' in leaf)
        entries = (decode_entry(leaf) for leaf in leaves)
        named = {entry.ml_party for entry in entries if isinstance(entry, ContractRegistered)}
        parties = set()
        for text in named:
            with suppress(WireError):  # of a party without a key of the right form there is no cosignature
                parties.add(PublicKey.parse(text))
        return parties

    def entries(self, contract: str, start: int, size: int) -> bytes:
        """A contract's own entries among the first `size`, from index `start` on: lines with entry, index and proof.

        An entry of another contract is `{"index":...}` alone: what others ask is not this party's business. At most `PAGE`
        lines; the next page starts after the last index.
        """
        if not 0 <= start <= size <= self.size:
            raise LedgerError("L711", "the ledger was never of such a size", effect="")
        lines = []
        for index, entry in enumerate(self._log.entries(start, min(size, start + PAGE)), start):
            line: dict[str, object] = {"index": index}
            if entry.contract == contract:
                line |= {"entry": entry, "proof": encode_hashes(self._log.inclusion(index, size))}
            lines.append(canonical(line) + b"\n")
        return b"".join(lines)

    def inclusion(self, index: int, size: int) -> InclusionAnswer:
        """Raises LedgerError L711 if there is no such entry or size."""
        path = tuple(encode_hashes(self._log.inclusion(index, size)))
        (leaf,) = self._store.read(index, index + 1)
        return InclusionAnswer(index=index, size=size, leaf=encode_hashes([leaf_hash(leaf)])[0], path=path)

    def consistency(self, old: int, size: int) -> ConsistencyAnswer:
        """Raises LedgerError L711 if the ledger was never of such sizes."""
        return ConsistencyAnswer(old=old, size=size, path=tuple(encode_hashes(self._log.consistency(old, size))))

    def cosign(self, body: bytes, party: PublicKey) -> CosignatureAccepted:
        """Keep a party's cosignature.

        Raises
        ------
        LedgerError
            L705 of another history, L706 not our checkpoint, L709 not cosigned by the party
        """
        note = decode_message(body, CosignatureRequest).checkpoint
        checkpoint = open_checkpoint(note, ledger_key(self._key.public))
        if checkpoint.size > self.size or self._log.root(checkpoint.size) != checkpoint.root:
            raise LedgerError("L705", "the cosigned checkpoint is of another history", effect="")
        if parse_checkpoint(note)[1].cosigned_at(cosigner_key(party)) is None:
            raise LedgerError("L709", "the checkpoint has no valid cosignature of the ML party", effect="")
        self._store.keep_cosignature(checkpoint.size, note)
        return CosignatureAccepted(size=checkpoint.size)
