"""A progress bar for a person at a terminal, and silence for everybody else."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

PATIENCE = 1.0
"""Seconds of work before a bar appears."""
_EVERY = 0.1
_BAR = 24


class Progress:
    """`with Progress() as progress: progress(0.4, "searching")`; `done` is a share in [0, 1].

    Draws on `stream` (standard error by default) only where that is a terminal, not more than ten times a second, and
    only once the work has lasted a second; leaves the line empty at the end. `NO_COLOR` takes the colour away,
    `TERM=dumb` the bar.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._start = clock()
        self._next = self._start + PATIENCE
        self._drawn = False
        self._alive = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = not os.environ.get("NO_COLOR")

    def __call__(self, done: float, text: str) -> None:
        if not self._alive or (now := self._clock()) < self._next:
            return
        self._next = now + _EVERY
        share = min(max(done, 0.0), 1.0)
        full = round(share * _BAR)
        bar = "#" * full + "-" * (_BAR - full)
        if self._colour:
            bar = f"\x1b[36m{bar}\x1b[0m"
        room = max(shutil.get_terminal_size().columns - _BAR - 18, 0)
        shown = "".join(c if c.isprintable() else "?" for c in text)[:room]
        self._write(f"\r\x1b[K  {bar} {share:4.0%} {now - self._start:5.0f} s  {shown}")

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
        self._drawn = True
