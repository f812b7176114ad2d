"""Checkpoints (C2SP tlog-checkpoint): origin, size and root of a log, in a signed note."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from jalousie.errors import LedgerError
from jalousie.ledger.merkle import HASH_BYTES, verify_consistency
from jalousie.ledger.note import Note, VerifierKey, cosign_note, parse_note, sign_note
from jalousie.wire.keys import SigningKey


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log of `origin` had `size` entries with this `root`."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> str:
    """The checkpoint as a note signed by the log's key, whose name is the log's origin."""
    return sign_note(checkpoint.text, checkpoint.origin, key)


def parse_checkpoint(note: str) -> tuple[Checkpoint, Note]:
    """What a checkpoint says, and the note with its signatures; nothing is verified.

    Raises
    ------
    LedgerError
        L708
    """
    parsed = parse_note(note)
    lines = parsed.text.split("\n")
    try:
        origin, size, root = lines[0], lines[1], base64.b64decode(lines[2], validate=True)
        checkpoint = Checkpoint(origin, int(size), root)
    except (IndexError, ValueError, binascii.Error):
        raise LedgerError("L708", "a checkpoint is not of its form", effect="") from None
    # our logs write no extension lines, and every number has one spelling: what is signed is what is understood
    if not origin or checkpoint.text != parsed.text or len(root) != HASH_BYTES or checkpoint.size < 0:
        raise LedgerError("L708", "a checkpoint is not of its form", effect="")
    return checkpoint, parsed


def open_checkpoint(note: str, key: VerifierKey) -> Checkpoint:
    """A checkpoint whose signature by the log's key holds.

    Raises
    ------
    LedgerError
        L706 signature, L708 malformed or of another log
    """
    checkpoint, parsed = parse_checkpoint(note)
    if checkpoint.origin != key.name:
        raise LedgerError("L708", "a checkpoint is of another ledger than the key", effect="")
    if not parsed.signed_by(key):
        raise LedgerError("L706", "a checkpoint is not signed by the ledger's key", effect="")
    return checkpoint


def cosign_checkpoint(
    note: str,
    log: VerifierKey,
    *,
    name: str,
    key: SigningKey,
    time: int,
    seen: Checkpoint | None,
    proof: tuple[bytes, ...] = (),
) -> str:
    """What a witness does (C2SP tlog-witness): verify, check that the log grew from what was `seen` last, cosign.

    Raises
    ------
    LedgerError
        L705 two checkpoints of one size contradict each other, L711 the log does not grow from what was seen, and those
        of `open_checkpoint`
    """
    checkpoint = open_checkpoint(note, log)
    if seen is not None:
        require_growth(seen, checkpoint, proof)
    return cosign_note(note, name, key, time=time)


def require_growth(old: Checkpoint, new: Checkpoint, proof: tuple[bytes, ...]) -> None:
    """Raise unless `new` is `old` with entries added: L705 or L711."""
    if old.origin != new.origin:
        raise LedgerError("L708", "the checkpoints are of two ledgers", effect="")
    if old.size == new.size and old.root != new.root:
        raise LedgerError("L705", f"two checkpoints of {old.size} entries have different roots", effect="")
    if not verify_consistency(old.size, new.size, old.root, new.root, proof):
        raise LedgerError(
            "L711", f"the ledger of {new.size} entries is not proved to continue that of {old.size}", effect=""
        )
