"""Rounds: whose work shares a flush, in which order, and whom the failure of one reaches."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jalousie.errors import StoreError, WireError
from jalousie.places.rounds import Made, Rounds
from jalousie.places.shared_file import Batch
from jalousie.places.steps import Pause, Steps, run
from jalousie.places.store import FILE, Store

NEVER, NOW = "2026-11-24T09:53Z", "2026-11-24T10:00Z"


class Bench:
    """Rounds over a file; requests that are sent together begin in one round."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store(path)
        self.threads = ThreadPoolExecutor(4)
        self.rounds = Rounds(self.store, self.threads)
        self.flushes: list[int] = []
        self.told: list[str] = []
        self._sequence = 0

    def admit(self) -> Callable[[], Batch]:
        self._sequence += 1
        number = self._sequence
        return lambda: self.store.require_unseen("a", number, NOW, NEVER)

    def together(self, *requests: Sequence[Steps[bytes]], admit: Callable[[], Batch] | None = None) -> list[object]:
        async def all_of_them() -> list[object]:
            # the thread is kept busy until all of them are there
            ready = threading.Event()
            self.rounds._thread.submit(ready.wait)
            waiting = [
                asyncio.ensure_future(self.rounds.work(admit or self.admit(), lambda its=its: its))  # type: ignore[misc]
                for its in requests
            ]
            await asyncio.sleep(0)
            ready.set()
            return await asyncio.gather(*waiting, return_exceptions=True)

        return asyncio.run(all_of_them())

    def on_disk(self) -> list[bytes]:
        db = sqlite3.connect(self.path, isolation_level=None)
        try:
            return [data for (data,) in db.execute("SELECT data FROM leaf ORDER BY number")]
        finally:
            db.close()

    def steps(self, name: str, seen: list[list[bytes]] | None = None) -> Steps[bytes]:
        """A spend, its flush, an answer, its flush."""
        for part in ("spend", "answer"):
            yield Pause.TURN
            self.store.append(f"{part} {name}".encode())
            yield Pause.FLUSH
            if seen is not None:
                seen.append(self.on_disk())
        return name.encode()

    def failing(self, pauses: Sequence[Pause]) -> Steps[bytes]:
        for pause in pauses:
            yield pause
            if pause is Pause.TURN:
                self.store.append(b"undone")
        raise WireError("W600", "a fault")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(tmp_path / FILE)
    commit = Store._commit

    def counted(self: Store, batch: Batch) -> None:
        made.flushes.append(1)
        commit(self, batch)

    monkeypatch.setattr(Store, "_commit", counted)
    yield made
    made.rounds.close()
    made.threads.shutdown()
    made.store.close()


def test_many_share_two_flushes_and_nobody_goes_on_before_his(bench: Bench) -> None:
    seen: list[list[bytes]] = []
    made = bench.together(*([bench.steps(str(number), seen)] for number in range(8)))
    assert made == [[str(number).encode()] for number in range(8)]
    assert len(bench.flushes) == 2
    spends = [f"spend {number}".encode() for number in range(8)]
    answers = [f"answer {number}".encode() for number in range(8)]
    assert seen == [spends] * 8 + [spends + answers] * 8


def test_questions_of_one_request_go_in_their_order_each_with_its_own_outcome(bench: Bench) -> None:
    made = bench.together([bench.steps("1"), bench.failing(()), bench.failing([Pause.TURN]), bench.steps("2")])
    (parts,) = made
    assert isinstance(parts, list)
    assert [part if isinstance(part, bytes) else getattr(part, "code", "") for part in parts] == [
        b"1",
        "W600",
        "W600",
        b"2",
    ]
    assert bench.on_disk() == [b"spend 1", b"spend 2", b"answer 1", b"answer 2"]


def test_a_number_that_came_before_begins_nothing(bench: Bench) -> None:
    admit = bench.admit()
    first, again = bench.together([bench.steps("1")], [bench.steps("2")], admit=admit)
    assert first == [b"1"]
    assert isinstance(again, WireError)
    assert again.code == "W605"
    assert bench.on_disk() == [b"spend 1", b"answer 1"]


@pytest.mark.parametrize("failing", [1, 2])
def test_a_flush_that_fails_is_told_to_all_who_had_part_in_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    commit, calls = Store._commit, 0
    closed: list[str] = []

    def broken(self: Store, batch: Batch) -> None:
        nonlocal calls
        calls += 1
        if calls == failing:
            self._fail()
            return
        commit(self, batch)

    def cleaned(name: str) -> Steps[bytes]:
        try:
            return (yield from bench.steps(name))
        finally:
            closed.append(name)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_commit", broken)
        made = bench.together([cleaned("1")], [cleaned("2"), cleaned("3")])
    assert [getattr(error, "code", error) for error in made] == ["S803", "S803"]
    assert all(isinstance(error, StoreError) for error in made)
    assert sorted(closed) == ["1", "2", "3"]
    assert bench.on_disk() == ([] if failing == 1 else [b"spend 1", b"spend 2", b"spend 3"])
    # and the next one is served
    assert bench.together([bench.steps("4")]) == [[b"4"]]


def test_what_takes_long_keeps_nobody_waiting(bench: Bench) -> None:
    go_on = threading.Event()

    def long() -> Steps[bytes]:
        yield Pause.TURN
        bench.store.append(b"long")
        yield Pause.APART
        assert go_on.wait(30)
        return (yield from bench.steps("apart"))

    def after() -> Steps[bytes]:
        made = yield from bench.steps("quick")
        go_on.set()
        return made

    assert bench.together([long()], [after()]) == [[b"apart"], [b"quick"]]
    assert bench.on_disk() == [b"long", b"spend quick", b"answer quick", b"spend apart", b"answer apart"]
    # two of one request, of which the one waits for the other
    go_on.clear()
    assert bench.together([long(), after()]) == [[b"apart", b"quick"]]


def test_steps_that_cannot_enter_the_file_say_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_: Store) -> Batch:
        raise StoreError("S803", "busy")

    admit = bench.admit()
    bench.store.settle(admit())
    with monkeypatch.context() as patch:
        patch.setattr(Store, "enter", busy)
        made: list[Made] = [run(bench.steps("1"), bench.store)]
        assert [getattr(error, "code", error) for error in bench.together([bench.steps("2")])] == ["S803"]
    assert [getattr(error, "code", error) for error in made] == ["S803"]
    assert bench.on_disk() == []


def test_a_fault_of_a_round_is_told_and_the_next_one_is_served(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(bench.threads, "submit", lambda *_: 1 / 0)
        made = bench.together([bench.failing([Pause.APART])], [bench.steps("1")])
    assert [type(error) for error in made] == [ZeroDivisionError] * 2
    assert bench.together([bench.steps("2")]) == [[b"2"]]


def test_steps_alone_take_the_same_way(bench: Bench) -> None:
    assert run(bench.steps("1"), bench.store) == b"1"
    assert isinstance(run(bench.failing([Pause.TURN]), bench.store), WireError)
    assert bench.on_disk() == [b"spend 1", b"answer 1"]


def test_closing_waits_for_who_came(bench: Bench) -> None:
    async def work() -> list[Made]:
        waiting = asyncio.ensure_future(bench.rounds.work(bench.admit(), lambda: [bench.steps("1")]))
        await asyncio.sleep(0)
        await asyncio.to_thread(bench.rounds.close)
        return await waiting

    assert asyncio.run(work()) == [b"1"]
