"""The provider's place: where its keys, its clock and its outbox are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jalousie.places.keys import KeyStore, home_folder
from jalousie.tables.folder import write_folder

if TYPE_CHECKING:
    from jalousie.places.store import Store


class Provider:
    """State of a provider. `home` defaults to `$JALOUSIE_HOME`, else `~/.jalousie`; nothing is made before it is needed."""

    def __init__(self, home: Path | None = None) -> None:
        self.home = home_folder(home)
        self.keys = KeyStore(self.home)

    def now(self) -> str:
        """UTC to the minute: enough for a reader, too coarse to tell how long the data kept a search busy."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")

    def master_key(self) -> str:
        """The fingerprint of the master key, which is made only where no store was ever answered from.

        Raises
        ------
        StoreError
            S805 the key of the store is missing, or another one
        PrivacyError
            as `KeyStore.master`
        """
        from jalousie.places.store import FILE, Store  # most releases need no SQLite

        if (self.home / FILE).exists():
            store = Store(self.home / FILE)
            try:
                require_own_key(store, self.keys)
            finally:
                store.close()
        return self.keys.fingerprint()

    def derived(self, purpose: str) -> bytes:
        """The 32-byte key for a purpose, from the master key (`KeyStore.deriver`). Raises as `master_key`."""
        self.master_key()
        return self.keys.deriver()(purpose)

    def outbox(self, target: Path, *, replace: bool) -> AbstractContextManager[Path]:
        """A folder that is published whole or not at all."""
        return write_folder(target, replace=replace)


def require_own_key(store: Store, keys: KeyStore) -> None:
    """All tallies are of pseudonyms under one master key: whoever answers under another one gives all budgets back.

    Raises
    ------
    StoreError
        S805 the store belongs to a key that is missing, or another one
    PrivacyError
        as `KeyStore.master`
    """
    from jalousie.places.store import other_master_key

    bound = store.master_key()
    if not keys.has_master():
        if bound or store.ever_registered():
            raise other_master_key("missing, and it is that")
    elif bound and bound != keys.fingerprint():
        raise other_master_key()


class Stopwatch:
    """CPU seconds of this process by stage."""

    def __init__(self, listener: Callable[[str], None] | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._listener = listener

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        if self._listener is not None:
            self._listener(name)
        start = time.process_time()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.process_time() - start, 4)
