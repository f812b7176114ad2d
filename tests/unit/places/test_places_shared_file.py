"""Transactions that threads share: who waits for whom, what is durable when, and what one turn's failure does to the others."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jalousie.errors import StoreError, WireError
from jalousie.places.shared_file import Batch
from jalousie.places.store import FILE, Store

NEVER = "2026-11-24T09:53Z"
NOW = "2026-11-24T10:00Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / FILE


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(path)
    yield store
    store.close()


def on_disk(path: Path) -> list[bytes]:
    """What another process sees."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        return [data for (data,) in db.execute("SELECT data FROM leaf ORDER BY number")]
    finally:
        db.close()


def turn(store: Store, leaf: bytes, *, wait: bool = True) -> Batch:
    store.enter()
    store.append(leaf)
    return store.leave(wait=wait)


def started(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(3000):
        if happened():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen in half a minute")


def commits(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    seen: list[Batch] = []
    commit = Store._commit

    def counted(self: Store, batch: Batch) -> None:
        seen.append(batch)
        commit(self, batch)

    monkeypatch.setattr(Store, "_commit", counted)
    return seen


def test_leaving_means_on_the_disk(store: Store, path: Path) -> None:
    batch = turn(store, b"one")
    assert batch.over.is_set()
    assert on_disk(path) == [b"one"]


def test_who_does_not_wait_is_durable_after_settling(store: Store, path: Path) -> None:
    batch = turn(store, b"one", wait=False)
    assert not batch.over.is_set()
    assert on_disk(path) == []
    assert list(store.read(0)) == []  # nor do we take it for committed
    store.settle(batch)
    assert on_disk(path) == [b"one"]
    store.settle(batch)


def test_the_next_one_commits_for_who_did_not_wait(store: Store, path: Path) -> None:
    first = turn(store, b"one", wait=False)
    assert turn(store, b"two") is first
    assert on_disk(path) == [b"one", b"two"]


def test_those_who_come_meanwhile_share_one_flush(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = commits(store, monkeypatch)
    store.enter()
    threads = [started(lambda number=number: turn(store, b"%d" % number)) for number in range(8)]  # type: ignore[misc]
    wait_until(lambda: store._entering == 8)
    store.append(b"first")
    store.leave()
    for thread in threads:
        thread.join(timeout=30)
    assert len(on_disk(path)) == 9
    assert on_disk(path)[0] == b"first"
    assert len(seen) == 1


def test_who_waits_for_the_flush_is_not_kept_by_one_that_dawdles(store: Store, path: Path) -> None:
    store.enter()
    waiting = started(lambda: turn(store, b"waits"))
    wait_until(lambda: store._entering == 1)
    store.leave(wait=False)  # the other one enters, and finds nobody behind it
    waiting.join(timeout=30)
    assert on_disk(path) == [b"waits"]
    # and the other way round: the last to leave does not wait, but somebody else does
    store.enter()
    dawdling = started(lambda: turn(store, b"dawdles", wait=False))
    wait_until(lambda: store._entering == 1)
    store.append(b"first")
    store.leave()
    dawdling.join(timeout=30)
    assert on_disk(path) == [b"waits", b"first", b"dawdles"]


def test_an_abandoned_turn_takes_nobody_with_it(store: Store, path: Path) -> None:
    first = turn(store, b"one", wait=False)
    store.enter()
    store.append(b"undone")
    store.abandon()
    assert first.over.is_set()  # nothing is left open
    assert on_disk(path) == [b"one"]
    turn(store, b"two")
    assert on_disk(path) == [b"one", b"two"]


def test_a_flush_that_fails_fails_for_all_and_lets_the_next_one_in(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: list[str] = []

    def attempt() -> None:
        try:
            turn(store, b"lost")
        except StoreError as error:
            outcomes.append(error.code)

    def broken(self: Store, batch: Batch) -> None:
        self._fail()

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_commit", broken)
        store.enter()
        threads = [started(attempt) for _ in range(3)]
        wait_until(lambda: store._entering == 3)
        store.append(b"lost")
        with pytest.raises(StoreError):
            store.leave()
        for thread in threads:
            thread.join(timeout=30)
    assert outcomes == ["S803"] * 3
    assert on_disk(path) == []
    turn(store, b"kept")
    assert on_disk(path) == [b"kept"]


def test_sqlite_giving_up_the_transaction_is_told_to_all(store: Store, path: Path) -> None:
    first = turn(store, b"one", wait=False)
    store.enter()
    store._db.execute("ROLLBACK")  # as SQLite does by itself when the disk is full
    store.abandon()
    with pytest.raises(StoreError) as raised:
        store.settle(first)
    assert raised.value.code == "S803"
    turn(store, b"two")
    assert on_disk(path) == [b"two"]


def test_a_request_number_is_refused_before_it_is_on_the_disk_and_after(store: Store, path: Path) -> None:
    batch = store.require_unseen("a", 1, NOW, NEVER)
    for _ in range(2):
        with pytest.raises(WireError) as raised:
            store.require_unseen("a", 1, NOW, NEVER)
        assert raised.value.code == "W605"
        store.settle(batch)
    again = Store(path)
    with pytest.raises(WireError):
        again.require_unseen("a", 1, NOW, NEVER)
    again.close()


def test_in_memory_every_turn_stands_for_itself() -> None:
    store = Store()
    assert turn(store, b"one", wait=False).over.is_set()
    store.enter()
    store.append(b"undone")
    store.abandon()
    assert list(store.read(0)) == [b"one"]
    store.close()


def test_many_threads_lose_nothing_and_number_without_gaps(store: Store, path: Path) -> None:
    def work(number: int) -> None:
        store.settle(store.require_unseen("a", number, NOW, NEVER))
        if number % 7 == 0:
            store.enter()
            store.append(b"undone")
            store.abandon()
        turn(store, b"%d" % number)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(work, range(300)))
    assert sorted(map(int, on_disk(path))) == list(range(300))
    assert store.leaves() == 300
    assert store.check()
