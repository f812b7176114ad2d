"""Work on a place's file as steps, for whoever drives them: alone in a thread, or many together in rounds (`places.rounds`).

The steps of one request are a generator. Between two pauses it either has the file to itself (after `TURN`) or leaves it
alone. It never waits for the disk itself: it says that it has to, and who drives it decides with whom the flush is shared.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum
from typing import Generic, TypeVar

from jalousie.places.shared_file import Batch, SharedFile

T = TypeVar("T")


class Pause(Enum):
    """What the steps wait for."""

    TURN = "go on alone on the file"
    FLUSH = "leave the file, and go on when all that was written is on the disk"
    APART = "leave the file, and go on where it may take long, or wait for others"


Steps = Generator[Pause, None, T]
"""Steps that must not end, nor be told an outcome, inside a turn that has written: they pause for `FLUSH` first."""


class Work(Generic[T]):
    """Steps on their way. `pause` is what they wait for; None when they have come to their end."""

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self._made: list[T] = []
        self._error: BaseException | None = None
        self.pause: Pause | None = None
        self.go_on()

    @property
    def made(self) -> T | BaseException:
        """What came of it: what the steps returned, or the error that they ended with."""
        return self._made[0] if self._error is None else self._error

    def go_on(self) -> None:
        """To the next pause, or to the end."""
        try:
            self.pause = next(self._steps)
        except StopIteration as end:
            self.pause = None
            self._made.append(end.value)
        except BaseException as error:  # noqa: BLE001 (kept for who asks what came of it)
            self.pause, self._error = None, error

    def fail(self, error: BaseException) -> None:
        """End it: what it waits for will not come. Its `finally` parts run."""
        self._steps.close()
        self.pause, self._error = None, error

    def take_turn(self, file: SharedFile, *, wait: bool) -> Batch | None:
        """Enter the file, go on as long as it is needed, and leave; with `wait` return when it is on the disk.

        An error inside of the turn undoes the turn.
        """
        try:
            batch = file.enter()
        except BaseException as error:  # noqa: BLE001
            self.fail(error)
            return None
        while self.pause is Pause.TURN:
            self.go_on()
        if self._error is not None:
            file.abandon()
            return None
        try:
            file.leave(wait=wait)
        except BaseException as error:  # noqa: BLE001
            self.fail(error)
        return batch


def drive(work: Work[T], file: SharedFile) -> None:
    """All steps that are left, in this thread."""
    while work.pause is not None:
        if work.pause is Pause.TURN:
            work.take_turn(file, wait=True)
        else:
            work.go_on()


def run(steps: Steps[T], file: SharedFile) -> T | BaseException:
    """Drive steps from beginning to end, and give what came of them."""
    work = Work(steps)
    drive(work, file)
    return work.made
