"""The last checkpoint of a provider's ledger that a party saw: what the next one is held against."""

from __future__ import annotations

from pathlib import Path

from jalousie.errors import LedgerError
from jalousie.ledger.checkpoint import Checkpoint, open_checkpoint
from jalousie.ledger.note import VerifierKey
from jalousie.tables.folder import write_file


class SeenCheckpoint:
    """One file per provider in the party's home."""

    def __init__(self, home: Path, provider: VerifierKey) -> None:
        self.path = home / "checkpoints" / f"{provider.name.replace('/', '-')}.txt"

    def last(self, provider: VerifierKey) -> Checkpoint | None:
        """None where none was seen yet.

        Raises
        ------
        LedgerError
            L700 unreadable, L706 or L708 changed since it was kept
        """
        try:
            note = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            raise LedgerError("L700", "the checkpoint that was seen last cannot be read", effect="") from None
        return open_checkpoint(note, provider)

    def keep(self, note: str) -> None:
        """Remember a checkpoint, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(self.path, note.encode(), replace=True)
