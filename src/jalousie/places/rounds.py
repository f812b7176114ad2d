"""Small requests worked on together: one thread, and one flush to the disk a round.

A round gives everybody who waits for it a turn on the file, one after another in the order in which they came, writes
all of it in one transaction, and then lets them compute. So the answers of one round and the spends of the next share a
flush, and nobody goes on before the flush that holds what he wrote. What may take long goes on in threads of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from jalousie.places.shared_file import Batch, SharedFile
from jalousie.places.steps import Pause, Steps, Work, drive

_ARRIVALS: Final = 64
"""Requests that begin in one round, at most."""
Made = bytes | BaseException
"""What came of one question of a request: the answer as it leaves, or the error."""


class Request:
    """A request on its way, and who waits for its outcome."""

    def __init__(self, admit: Callable[[], Batch], begin: Callable[[], Sequence[Steps[bytes]]]) -> None:
        self._admit = admit
        self._begin = begin
        self._works: list[Work[bytes]] = []
        self._here: list[Work[bytes]] = []
        """Those of the works that no other thread drives."""
        self._admitted: Batch | None = None
        self._error: BaseException | None = None
        self.loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[list[Made]] = self.loop.create_future()

    @property
    def ended(self) -> bool:
        return all(work.pause is None for work in self._works)

    @property
    def wants_turns(self) -> bool:
        return any(work.pause is not None for work in self._here)

    def admit(self) -> None:
        """Take its number, and begin with what needs no file."""
        try:
            self._admitted = self._admit()
            self._works = [Work(steps) for steps in self._begin()]
            self._here = list(self._works)
        except BaseException as error:  # noqa: BLE001 (told to who waits)
            self._error = error

    def take_turns(self, file: SharedFile) -> set[Batch]:
        """The transactions that it has a part in."""
        turns = {work.take_turn(file, wait=False) for work in self._here if work.pause is Pause.TURN}
        turns.add(self._admitted)
        self._admitted = None
        return {batch for batch in turns if batch is not None}

    def compute(self) -> list[Work[bytes]]:
        """After the flush: on to the next turn, or to the end. Returns what goes on elsewhere."""
        for work in self._here:
            while work.pause is Pause.FLUSH:
                work.go_on()
        apart = [work for work in self._here if work.pause is Pause.APART]
        self._here = [work for work in self._here if work.pause is Pause.TURN]
        return apart

    def fail(self, error: BaseException) -> None:
        """Something that it wrote has never happened."""
        self._error = error
        for work in self._here:
            work.fail(error)

    def tell(self) -> None:
        """In the loop of who waits."""
        if self.outcome.done():
            return
        if self._error is not None:
            self.outcome.set_exception(self._error)
        else:
            self.outcome.set_result([work.made for work in self._works])


class Rounds:
    """Drives requests over one file. `elsewhere` runs what may take long."""

    def __init__(self, file: SharedFile, elsewhere: Executor) -> None:
        self._file = file
        self._elsewhere = elsewhere
        self._thread = ThreadPoolExecutor(1, "rounds")
        self._lock = threading.Lock()
        self._arrived: list[Request] = []
        self._running = False

    async def work(self, admit: Callable[[], Batch], begin: Callable[[], Sequence[Steps[bytes]]]) -> list[Made]:
        """What comes of a request, once all that it changed is on the disk.

        `admit` takes its number in a turn of its own; `begin` gives the steps of each of its questions. They begin in one
        round and in their order. Raises what either raises, and S803 where what was written could not be kept.
        """
        request = Request(admit, begin)
        with self._lock:
            self._arrived.append(request)
            start, self._running = not self._running, True
        if start:
            self._thread.submit(self._run)
        return await request.outcome

    def close(self) -> None:
        """Return when everybody who came has his outcome."""
        self._thread.shutdown()

    # -- in the one thread

    def _run(self) -> None:
        """Rounds, as long as there is anybody."""
        under_way: list[Request] = []
        while True:
            with self._lock:
                arrived, self._arrived = self._arrived[:_ARRIVALS], self._arrived[_ARRIVALS:]
                if not arrived and not under_way:
                    self._running = False
                    return
            for request in arrived:
                request.admit()
            under_way += arrived
            try:
                under_way = self._round(under_way)
            except BaseException as error:  # noqa: BLE001 (a fault of ours: nobody shall wait for ever, and the next are served)
                for request in under_way:
                    request.fail(error)
                _tell(under_way)
                under_way = []

    def _round(self, requests: list[Request]) -> list[Request]:
        """One flush for all, then what each computes; returns those who need another round."""
        parts = [(request, request.take_turns(self._file)) for request in requests]
        for batch in {batch for _, batches in parts for batch in batches}:
            try:
                self._file.settle(batch)
            except BaseException as error:  # noqa: BLE001 (whoever had a part in it is told)
                for request in [request for request, batches in parts if batch in batches]:
                    request.fail(error)
        for request in requests:
            for work in request.compute():
                self._elsewhere.submit(self._apart, request, work)
        _tell([request for request in requests if request.ended])
        return [request for request in requests if request.wants_turns]

    def _apart(self, request: Request, work: Work[bytes]) -> None:
        """In a thread of its own."""
        drive(work, self._file)
        if request.ended:
            _tell([request])


def _tell(requests: list[Request]) -> None:
    """Wake each loop once."""
    loops: dict[asyncio.AbstractEventLoop, list[Request]] = defaultdict(list)
    for request in requests:
        loops[request.loop].append(request)
    for loop, its in loops.items():
        with suppress(RuntimeError):  # the loop has ended, and with it who waited
            loop.call_soon_threadsafe(_tell_all, its)


def _tell_all(requests: list[Request]) -> None:
    for request in requests:
        request.tell()
