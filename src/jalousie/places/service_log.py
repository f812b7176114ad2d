"""What a running service says: one JSON line an event, of words and counts that we chose. No data, no names, no addresses."""

from __future__ import annotations

import json
import os
import sys
import threading
from datetime import UTC, datetime
from typing import Protocol, TextIO


class Listener(Protocol):
    """Takes the events of a service."""

    def event(self, name: str, **facts: str | int | float) -> None: ...

    def fault(self, error: BaseException) -> None: ...


class ServiceLog:
    """JSON Lines on a stream, by default standard error."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def event(self, name: str, **facts: str | int | float) -> None:
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = json.dumps({"time": moment, "event": name, **{key: fact for key, fact in facts.items() if fact != ""}})
        with self._lock:
            print(line, file=self._stream or sys.stderr, flush=True)

    def fault(self, error: BaseException) -> None:
        """Kind and place of an unforeseen error; its text may quote data and stays out."""
        places = []
        step = error.__traceback__
        while step is not None:
            code = step.tb_frame.f_code
            if "jalousie" in code.co_filename:
                places.append(f"{os.path.basename(code.co_filename)}:{step.tb_lineno}")
            step = step.tb_next
        self.event("fault", kind=type(error).__name__, at=" < ".join(reversed(places[-4:])))
