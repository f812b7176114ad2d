"""The provider's place: where its keys, its clock and its outbox are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from jalousie.places.keys import KeyStore, home_folder
from jalousie.tables.folder import write_folder


class Provider:
    """State of a provider. `home` defaults to `$JALOUSIE_HOME`, else `~/.jalousie`; nothing is made before it is needed."""

    def __init__(self, home: Path | None = None) -> None:
        self.home = home_folder(home)
        self.keys = KeyStore(self.home)

    def now(self) -> str:
        """UTC to the minute: enough for a reader, too coarse to tell how long the data kept a search busy."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")

    def outbox(self, target: Path, *, replace: bool) -> AbstractContextManager[Path]:
        """A folder that is published whole or not at all."""
        return write_folder(target, replace=replace)


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
