"""The provider's store: durable, private, one writer, and honest about what is wrong with it."""

from __future__ import annotations

import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jalousie.errors import StoreError, WireError
from jalousie.places.migrations import STEPS
from jalousie.places.shared_file import SharedFile
from jalousie.places.store import FILE, Reserved, Store

CONTRACT = "sha256:" + "a" * 64
LABELS = {"income": Reserved("salary", 1000, 5000, 1e-6, None, None)}
QUESTION = {
    "digest": "sha256:" + "b" * 64,
    "label": "income",
    "population": "sha256:" + "c" * 64,
    "partitions": 1,
    "groups": 3,
    "moment": 1,
    "minute": "2026-11-24T10:00Z",
    "status": "spent",
    "code": "",
    "entry": 0,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / FILE


def filled(path: Path | None) -> Store:
    store = Store(path)
    with store.transaction():
        store.add_contract(CONTRACT, b"text", LABELS)
        store.add_population(CONTRACT, QUESTION["population"], b"p" * 16, 1)
    return store


def spend(store: Store, rho: int) -> int:
    asked = store.add_asked(CONTRACT, str(QUESTION["population"]), "sha256:" + "d" * 64, b"")
    return store.add_question(CONTRACT, asked, spent=rho, **QUESTION)


def fail_after_spending(store: Store) -> None:
    with store.transaction():
        spend(store, 8)
        store.append(b"leaf 1")
        raise ZeroDivisionError


def test_what_was_committed_is_there_after_reopening(path: Path) -> None:
    store = filled(path)
    with store.transaction():
        spend(store, 7)
        assert store.append(b"leaf 0") == 0
    with pytest.raises(ZeroDivisionError):
        fail_after_spending(store)
    store.close()
    again = Store(path)
    assert [(s.label, s.spent) for s in again.questions_after(CONTRACT, 0)] == [("income", 7)]
    assert list(again.read(0)) == [b"leaf 0"]
    assert again.reserved("salary") == [LABELS["income"]]
    assert again.check()
    again.close()


def test_leaves_are_read_in_order_and_by_range() -> None:
    store = Store()
    with store.transaction():
        for number in range(1200):
            assert store.append(str(number).encode()) == number
    assert [int(leaf) for leaf in store.read(3)] == list(range(3, 1200))
    assert [int(leaf) for leaf in store.read(600, 1190)] == list(range(600, 1190))
    assert list(store.read(5, 5)) == []
    assert list(store.read(2000)) == []


def test_the_first_noisy_counts_of_a_partition_stay_and_others_of_the_question_are_not_kept_either() -> None:
    store = filled(None)
    with store.transaction():
        number = spend(store, 1)
        assert store.add_memos(CONTRACT, "income", {"p": b"first"}, number)
        assert not store.add_memos(CONTRACT, "income", {"q": b"new", "p": b"second", "r": b"new"}, number)
    assert store.memo(CONTRACT, "income", "p") == b"first"
    assert store.memo(CONTRACT, "income", "q") is store.memo(CONTRACT, "income", "r") is None
    with store.transaction():
        assert store.add_memos(CONTRACT, "income", {"q": b"q", "r": b"r"}, number)
    assert store.memo(CONTRACT, "income", "r") == b"r"


def test_the_next_leaf_has_the_next_number_whatever_was_undone(path: Path) -> None:
    store, other = Store(path), Store(path)
    for leaf in (b"one", b"two"):
        with store.transaction():
            assert store.last_leaf() == (None if leaf == b"one" else b"from another process")
            store.append(leaf)
            assert store.last_leaf() == leaf
        store.enter()
        store.append(b"undone")
        store.abandon()
        if leaf == b"one":
            with other.transaction():
                other.append(b"from another process")
    assert list(store.read(0)) == [b"one", b"from another process", b"two"]
    for each in (store, other):
        each.close()


def test_a_request_is_taken_once(path: Path) -> None:
    store = Store(path)
    store.settle(store.require_unseen("a", 1, "2026-11-24T10:00Z", "2026-11-24T09:53Z"))
    store.settle(store.require_unseen("b", 1, "2026-11-24T10:00Z", "2026-11-24T09:53Z"))
    store.close()
    again = Store(path)
    with pytest.raises(WireError) as raised:
        again.require_unseen("a", 1, "2026-11-24T10:00Z", "2026-11-24T09:53Z")
    assert raised.value.code == "W605"
    # old numbers are forgotten once nobody could use them: their age is refused
    again.require_unseen("c", 512, "2026-11-24T11:00Z", "2026-11-24T10:53Z")
    again.settle(again.require_unseen("a", 1, "2026-11-24T11:00Z", "2026-11-24T10:53Z"))
    again.close()


def test_erasing_gives_no_budget_back() -> None:
    store = filled(None)
    with store.transaction():
        store.add_memos(CONTRACT, "income", {"p": b"counts"}, spend(store, 7))
        store.append(b"leaf")
        store.erase(CONTRACT)
    assert store.contracts() == ()
    assert store.known(CONTRACT)
    assert store.pseudonyms(CONTRACT, str(QUESTION["population"])) is None
    assert store.memo(CONTRACT, "income", "p") is None
    assert store.reserved("salary") == [LABELS["income"]]
    assert list(store.read(0)) == [b"leaf"]


def _spend_while_there_is_room(path: Path, most: int, done: multiprocessing.Queue[int]) -> None:
    store = Store(path)
    mine = 0
    while True:
        with store.transaction():
            if sum(s.spent for s in store.questions_after(CONTRACT, 0)) + 7 > most:
                break
            spend(store, 7)
            mine += 1
    store.close()
    done.put(mine)


def test_eight_processes_never_spend_more_than_there_is(path: Path) -> None:
    filled(path).close()
    context = multiprocessing.get_context("spawn")
    done: multiprocessing.Queue[int] = context.Queue()
    workers = [context.Process(target=_spend_while_there_is_room, args=(path, 500, done)) for _ in range(8)]
    for worker in workers:
        worker.start()
    counts = [done.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode == 0
    assert sum(counts) == 500 // 7
    with closing(Store(path)) as store:
        assert sum(s.spent for s in store.questions_after(CONTRACT, 0)) == 497


def test_an_older_file_is_brought_forward_and_a_newer_one_is_refused(path: Path) -> None:
    Store(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        db.execute(f"PRAGMA user_version={len(STEPS) + 1}")
    with pytest.raises(StoreError) as raised:
        Store(path)
    assert raised.value.code == "S801"


def test_a_broken_migration_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = (*STEPS, "CREATE TABLE extra (a INTEGER) STRICT; CREATE TABLE leaf (b INTEGER);")
    with monkeypatch.context() as patch:
        patch.setattr("jalousie.places.store.STEPS", broken)
        with pytest.raises(StoreError) as raised:
            Store(path)
        assert raised.value.code == "S800"
    store = Store(path)
    with closing(sqlite3.connect(path)) as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert "extra" not in names
    store.close()


def test_a_damaged_or_public_store_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database, it is a letter" * 100)
    path.chmod(0o600)
    with pytest.raises(StoreError) as damaged:
        Store(path)
    assert damaged.value.code in ("S800", "S804")
    assert "letter" not in str(damaged.value)
    path.unlink()
    Store(path).close()
    path.chmod(0o644)
    with pytest.raises(StoreError) as public:
        Store(path)
    assert public.value.code == "S802"


def test_reservations_from_before_learn_their_noise_from_their_contracts(path: Path) -> None:
    before = SharedFile(path, STEPS[:1])
    parts = {
        "plain": b"{}",
        "strict": b'{"delta":1e-9,"epsilon":2}',
        "pure": b'{"noise":"laplace","epsilon":0.5,"lifetime-epsilon":2}',
        "pure alone": b'{"noise":"laplace"}',
    }
    with before.transaction():
        for name, part in parts.items():
            before.run("INSERT INTO contract (digest, text) VALUES (?, ?)", name, b'{"feedback":' + part + b"}")
            before.run("INSERT INTO reservation VALUES (?, 'y', ?, 7, 9)", name, name)
        before.run("INSERT INTO reservation VALUES ('pure alone', 'z', 'pure alone', 7, 9)")
        before.run("INSERT INTO contract VALUES ('gone', x'', 1)")
        before.run("INSERT INTO reservation VALUES ('gone', 'y', 'gone', 7, 9)")
    before.close()
    store = Store(path)
    assert store.reserved("plain") == [Reserved("plain", 7, 9, 1e-6, None, None)]
    assert store.reserved("strict") == [Reserved("strict", 7, 9, 1e-9, None, None)]
    assert store.reserved("pure") == [Reserved("pure", 7, 9, None, 0.5, 2.0)]
    assert store.reserved("pure alone") == 2 * [Reserved("pure alone", 7, 9, None, 1.0, 2.0)]
    assert store.reserved("gone") == [Reserved("gone", 7, 9, 1e-6, None, None)]
    assert store.master_key() == ""
    assert store.ever_registered()
    store.close()


def test_a_store_belongs_to_one_master_key() -> None:
    store = Store()
    assert not store.ever_registered()
    for name in ("first", "first"):
        with store.transaction():
            store.bind_master_key(name)
    with pytest.raises(StoreError) as raised, store.transaction():
        store.bind_master_key("second")
    assert raised.value.code == "S805"
    assert store.master_key() == "first"


def test_what_was_chosen_is_kept_until_the_contract_is_erased() -> None:
    store = filled(None)
    assert store.chosen(CONTRACT) == b""
    for pairs in (b"a" * 64, b"b" * 32):
        with store.transaction():
            store.add_chosen(CONTRACT, pairs)
    assert store.chosen(CONTRACT) == b"a" * 64 + b"b" * 32
    with store.transaction():
        store.erase(CONTRACT)
    assert store.chosen(CONTRACT) == b""
