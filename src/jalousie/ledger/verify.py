"""Verifying an exported ledger offline: from its JSON Lines, the provider's public key and whatever checkpoints one has.

What is checked, in this order, and for each line before the next:

1. the file's checkpoint is signed by the ledger's key;
2. every line is of its form, in its canonical writing, and has the next index;
3. every entry is the one that was signed: it proves itself against the checkpoint;
4. minutes never decrease, and nothing claims a minute after somebody cosigned it;
5. at every other checkpoint that the file carries or the verifier holds, the entries so far have its root (else history was
   forked): a party that cosigned an earlier state has vouched for a beginning of these entries;
6. the number and the root of all entries are those of the checkpoint, and no checkpoint of a longer ledger is known;
7. every cosigner that is asked for has cosigned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from jalousie.errors import InternalError, LedgerError
from jalousie.ledger.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from jalousie.ledger.entry import MAX_ENTRY, Entry, Whole, encode_entry
from jalousie.ledger.log import FORMAT, decode_hashes, export_line
from jalousie.ledger.merkle import Frontier, leaf_hash, verify_inclusion
from jalousie.ledger.note import Note, VerifierKey
from jalousie.wire.canonical import canonical
from jalousie.wire.envelope import MINUTE_FORMAT

CLOCK_MINUTES = 5
"""How far the clock of a cosigner may be behind the provider's."""
MAX_LINE = 2 * MAX_ENTRY


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    checkpoint: str
    format: str
    size: Whole
    cosigned: tuple[str, ...] = ()


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    entry: Entry
    index: Whole
    proof: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What was verified. `cosigned`: by cosigner, how many entries it last vouched for, and when (seconds since 1970)."""

    checkpoint: Checkpoint
    cosigned: dict[str, tuple[int, int]]
    compared: int
    """Checkpoints of the verifier's own that agree."""


@dataclass(slots=True)
class _Known:
    """Checkpoints that the verifier holds, by size."""

    by_size: dict[int, list[tuple[Checkpoint, Note]]] = field(default_factory=dict)

    def add(self, note: str, key: VerifierKey) -> Checkpoint:
        checkpoint = open_checkpoint(note, key)
        self.by_size.setdefault(checkpoint.size, []).append((checkpoint, parse_checkpoint(note)[1]))
        return checkpoint

    @property
    def largest(self) -> int:
        return max(self.by_size)


def read_export(lines: Iterable[bytes]) -> Iterator[tuple[int, Entry]]:
    """The entries of an export as they stand, NOT verified: for looking at a file that does not verify."""
    source = iter(lines)
    _read_header(source)
    for number, line in enumerate(source):
        parsed, _ = _parse(line, number)
        yield parsed.index, parsed.entry


def verify_export(
    lines: Iterable[bytes],
    key: VerifierKey,
    *,
    checkpoints: Sequence[str] = (),
    cosigners: Sequence[VerifierKey] = (),
    each: Callable[[int, Entry], None] | None = None,
) -> Verified:
    """Verify an export, reading it once.

    Parameters
    ----------
    lines
        of the file, header first
    key
        the ledger's verifier key; its name is the ledger's origin
    checkpoints
        signed notes that the verifier got at other times or from other parties, of any size
    cosigners
        parties whose cosignature is required: on the export's checkpoint, on an older one that it carries, or on one of
        `checkpoints`
    each
        called with every index and entry once it is verified (`Replay.feed`)

    Raises
    ------
    LedgerError
        names the first bad entry, counted from 0: L700 unreadable, L701 malformed, L702 changed, L703 missing, L704 out of
        order, L705 forked, L706 signature, L707 impossible time, L708 checkpoint malformed, L709 cosignature
    """
    source = iter(lines)
    header = _read_header(source)
    known = _Known()
    target = known.add(header.checkpoint, key)
    if header.size != target.size:
        raise LedgerError("L708", "the export's size is not that of its checkpoint", effect="")
    for note in (*header.cosigned, *checkpoints):
        known.add(note, key)
    frontier, minute, good = Frontier(), "", 0
    limits = _time_limits(known, cosigners)
    _require_roots(known, frontier, good, target)
    for index, line in enumerate(source):
        if index >= target.size:
            raise LedgerError("L704", f"entry {index} comes after the {target.size} that were signed", effect="")
        entry, leaf = _verified_entry(line, index, target)
        frontier.append(leaf)
        _require_time(entry.minute, minute, index, limits)
        minute = entry.minute
        _require_roots(known, frontier, good, target)
        good = frontier.size if frontier.size in known.by_size else good
        if each is not None:
            each(index, entry)
    if frontier.size < target.size:
        raise LedgerError(
            "L703", f"entry {frontier.size} is missing: the checkpoint is of {target.size} entries", effect=""
        )
    if known.largest > target.size:
        raise LedgerError(
            "L703", f"entry {target.size} is missing: a checkpoint of {known.largest} entries was signed", effect=""
        )
    return Verified(target, _cosigned(known, cosigners), len(checkpoints))


def _read_header(source: Iterator[bytes]) -> _Header:
    try:
        line = next(source)
        header = msgspec.json.decode(line, type=_Header)
        if canonical(header) != line.rstrip(b"\n"):
            raise ValueError
    except (StopIteration, msgspec.MsgspecError, ValueError, InternalError):
        raise LedgerError("L700", "the file is not an exported ledger", effect="") from None
    if header.format != FORMAT:
        raise LedgerError("L700", "the export is of another version of the format", effect="")
    return header


def _parse(line: bytes, index: int) -> tuple[_Line, bytes]:
    """A line, and the leaf in it."""
    try:
        if len(line) > MAX_LINE:
            raise ValueError
        parsed = msgspec.json.decode(line, type=_Line)
        leaf = encode_entry(parsed.entry)
        # one way of writing: two readers can never understand one file differently
        if export_line(leaf, parsed.index, parsed.proof) != line.rstrip(b"\n") + b"\n":
            raise ValueError
    except (msgspec.MsgspecError, ValueError, RecursionError, InternalError):
        raise LedgerError("L701", f"the line of entry {index} is not of its form", effect="") from None
    return parsed, leaf


def _verified_entry(line: bytes, index: int, target: Checkpoint) -> tuple[Entry, bytes]:
    """The entry of a line and the hash of its leaf."""
    parsed, leaf = _parse(line, index)
    if parsed.index > index:
        raise LedgerError("L703", f"entry {index} is missing", effect="")
    if parsed.index < index:
        raise LedgerError("L704", f"entry {parsed.index} stands where entry {index} should", effect="")
    hashed = leaf_hash(leaf)
    if parsed.proof is not None and not _proved(parsed.proof, hashed, index, target):
        raise LedgerError("L702", f"entry {index} is not the one that was signed, or its proof was changed", effect="")
    return parsed.entry, hashed


def _proved(proof: list[str], hashed: bytes, index: int, target: Checkpoint) -> bool:
    try:
        path = decode_hashes(proof)
    except LedgerError:
        return False
    return verify_inclusion(index, target.size, hashed, path, target.root)


def _require_roots(known: _Known, frontier: Frontier, good: int, target: Checkpoint) -> None:
    """At a size for which checkpoints are known, all of them must have the root of the entries so far."""
    checkpoints = [checkpoint for checkpoint, _ in known.by_size.get(frontier.size, ())]
    if not checkpoints:
        return
    root = frontier.root()
    if len({checkpoint.root for checkpoint in checkpoints}) > 1:
        raise LedgerError("L705", f"two checkpoints of {frontier.size} entries have different roots", effect="")
    if checkpoints[0].root == root:
        return
    where = f"one of the entries {good} to {frontier.size - 1}" if frontier.size else "the empty ledger"
    if checkpoints[0] is target or checkpoints[0].size == target.size:
        raise LedgerError("L702", f"{where} is not the one that was signed", effect="")
    raise LedgerError("L705", f"{where} differs from what an earlier checkpoint has signed", effect="")


def _time_limits(known: _Known, cosigners: Sequence[VerifierKey]) -> list[tuple[int, str]]:
    """(size, minute): the first `size` entries existed by `minute`, since a cosigner saw them."""
    limits = []
    for size, notes in known.by_size.items():
        for _, note in notes:
            for cosigner in cosigners:
                at = note.cosigned_at(cosigner)
                if at is not None:
                    limits.append((size, _minute_after(at)))
    return limits


def _minute_after(at: int) -> str:
    try:
        seen = datetime.fromtimestamp(at, UTC) + timedelta(minutes=CLOCK_MINUTES)
    except (OverflowError, ValueError, OSError):
        raise LedgerError("L707", "a cosignature has an impossible time", effect="") from None
    return seen.strftime(MINUTE_FORMAT)


def _require_time(minute: str, before: str, index: int, limits: list[tuple[int, str]]) -> None:
    # minutes are written so that they sort as text
    if minute < before:
        raise LedgerError("L707", f"entry {index} claims an earlier time than the entry before it", effect="")
    if any(index < size and minute > latest for size, latest in limits):
        raise LedgerError("L707", f"entry {index} claims a time after it was cosigned", effect="")


def _cosigned(known: _Known, cosigners: Sequence[VerifierKey]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for cosigner in cosigners:
        seen = [
            (size, at)
            for size, notes in known.by_size.items()
            for _, note in notes
            if (at := note.cosigned_at(cosigner)) is not None
        ]
        if not seen:
            raise LedgerError("L709", "a party whose cosignature is required has cosigned no checkpoint", effect="")
        found[cosigner.name] = max(seen)
    return found
