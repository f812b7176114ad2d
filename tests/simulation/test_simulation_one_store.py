"""Many threads and processes over one store: one noise per partition, one budget, one ledger without faults."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from jalousie.architectures.ask import Asking
from jalousie.architectures.kept import decode_cells, encode_cells
from jalousie.architectures.turn import Turn
from jalousie.errors import StoreError, ValidatorError
from jalousie.ledger.replay import Replay
from jalousie.ledger.verify import verify_export
from jalousie.places.book import ledger_key
from jalousie.places.store import FILE, Store
from jalousie.validator.noise import Noise
from jalousie.validator.store import Stored
from jalousie.validator.types import Population, Question
from killed_provider import KEY, POPULATION, RHO, open_provider, partition

NANO = round(RHO * 1e9)
ASKED = 24


def ask(asking: Asking, number: int) -> bytes:
    answer = asking.ask(Question(POPULATION.digest(), "label", (partition(number),), RHO))
    return answer.counts[0].tobytes()


def check(store: Store, asking: Asking) -> int:
    """The ledger replays without a fault; returns what was spent."""
    replay = Replay(lambda _: [row.tobytes() for row in POPULATION.pseudonyms])
    verify_export(list(asking.kept.book.export()), ledger_key(KEY.public), each=replay.feed)
    found = replay.result()
    found.require()
    (facts,) = found.labels.values()
    assert facts.exact
    assert facts.tally == asking.budget("label").spent.nano
    assert store.check()
    return facts.tally


def test_threads_that_ask_the_same_get_the_same_and_pay_once(tmp_path: Path) -> None:
    store, asking = open_provider(tmp_path / FILE)
    asking.hand_over(POPULATION)
    numbers = [number for number in range(ASKED) for _ in range(4)]
    np.random.default_rng(0).shuffle(numbers)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: ask(asking, number), numbers))
    seen: dict[int, bytes] = {}
    for number, answer in zip(numbers, answers, strict=True):
        assert seen.setdefault(number, answer) == answer
    assert check(store, asking) == ASKED * NANO
    store.close()


def _ask_all(path: Path, seed: int, out: multiprocessing.Queue[dict[int, bytes]]) -> None:
    store, asking = open_provider(path)
    asking.hand_over(POPULATION)
    numbers = np.random.default_rng(seed).permutation(ASKED).tolist()
    out.put({number: ask(asking, number) for number in numbers})
    store.close()


def test_processes_that_share_a_file_give_one_noise_a_partition(tmp_path: Path) -> None:
    path = tmp_path / FILE
    open_provider(path)[0].close()
    context = multiprocessing.get_context("spawn")
    out: multiprocessing.Queue[dict[int, bytes]] = context.Queue()
    # two of them go through the partitions in one order, to meet at each
    workers = [context.Process(target=_ask_all, args=(path, seed, out)) for seed in (0, 0, 1)]
    for worker in workers:
        worker.start()
    answers = [out.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode == 0
    assert answers[0] == answers[1] == answers[2]
    store, asking = open_provider(path)
    asking.hand_over(POPULATION)
    # a process that came second has spent for nothing; it has not answered with noise of its own
    assert ASKED * NANO <= check(store, asking) <= 3 * ASKED * NANO
    store.close()


def test_who_comes_second_asks_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, asking = open_provider(tmp_path / FILE)
    asking.hand_over(POPULATION)
    other_store, other = open_provider(tmp_path / FILE)
    first: list[bytes] = []
    keep = Turn.keep

    def overtaken(turn: Turn, number: int, label: str, answers: dict[str, Stored]) -> None:
        # between our noise and our store, another process answers the same partition
        if turn.kept is asking.kept and not first:
            first.append(ask(other, 0))
        keep(turn, number, label, answers)

    monkeypatch.setattr(Turn, "keep", overtaken)
    assert ask(asking, 0) == first[0]
    assert asking.budget("label").spent.nano == other.budget("label").spent.nano == 2 * NANO
    assert len(unfinished(asking)) == 1
    other_store.close()
    store.close()


def unfinished(asking: Asking) -> tuple[int, ...]:
    replay = Replay()
    verify_export(list(asking.kept.book.export()), ledger_key(KEY.public), each=replay.feed)
    replay.result().require()
    return replay.result().unfinished


def test_a_disk_that_fails_gives_no_answer_and_no_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, asking = open_provider(tmp_path / FILE)
    asking.hand_over(POPULATION)
    ask(asking, 0)
    for failing in (1, 2):
        calls = 0
        commit = Store._commit

        def broken(self: Store, batch: object, failing: int = failing) -> None:
            nonlocal calls
            calls += 1
            if calls == failing:
                self._fail()
                return
            commit(self, batch)  # type: ignore[arg-type]  # noqa: B023

        with monkeypatch.context() as patch:
            patch.setattr(Store, "_commit", broken)
            with pytest.raises(StoreError):
                ask(asking, failing)
    # the first time nothing was spent, the second time the answer was lost after the spend
    assert check(store, asking) == 2 * NANO
    before = asking.budget("label").spent
    assert ask(asking, 0) == ask(asking, 0)
    assert asking.budget("label").spent == before
    ask(asking, 1)
    ask(asking, 2)
    assert check(store, asking) == 4 * NANO
    store.close()


def test_an_overlapping_population_shares_the_budget_of_its_records(tmp_path: Path) -> None:
    store, asking = open_provider(tmp_path / FILE)
    asking.hand_over(POPULATION)
    half = Population(np.ascontiguousarray(POPULATION.pseudonyms[::-1][:200]))
    strangers = Population(np.random.default_rng(9).integers(0, 256, (200, 16)).astype(np.uint8))
    for population in (half, strangers):
        asking.hand_over(population)
    reserved = asking.budget("label").reserved
    groups = partition(3)
    first = type(groups)(groups.groups[:200], 4)
    asking.ask(Question(half.digest(), "label", (first,), reserved.value))
    with pytest.raises(ValidatorError) as raised:
        ask(asking, 1)
    assert raised.value.code == "V201"
    asking.ask(Question(strangers.digest(), "label", (first,), reserved.value))
    store.close()
    # after a restart the same is so
    store, asking = open_provider(tmp_path / FILE)
    with pytest.raises(ValidatorError) as again:
        ask(asking, 1)
    assert again.value.code == "V201"
    assert asking.budget("label").left.nano == 0
    store.close()


def test_cells_are_kept_exactly() -> None:
    drawn = np.random.default_rng(0)
    for totals in (None, drawn.integers(0, 99, 5)):
        stored = Stored(drawn.integers(-(2**60), 2**60, (5, 3)), totals, Noise("gaussian", 0.1 + 0.2))
        kept = decode_cells(encode_cells(stored))
        assert (kept.cells == stored.cells).all()
        assert kept.noise == stored.noise
        assert (kept.totals is None) == (totals is None)
        assert totals is None or (kept.totals == totals).all()


def test_an_interrupted_turn_lets_the_next_one_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, asking = open_provider(tmp_path / FILE)
    asking.hand_over(POPULATION)
    with monkeypatch.context() as patch:
        patch.setattr("jalousie.architectures.answering.answer_to_bytes", lambda _: 1 / 0)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                ask(asking, 0)
    done: list[bytes] = []
    thread = threading.Thread(target=lambda: done.append(ask(asking, 0)))
    thread.start()
    thread.join(timeout=30)
    assert done
    assert check(store, asking) == 3 * NANO
    store.close()


def test_a_turn_that_cannot_begin_lets_the_next_one_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, asking = open_provider(tmp_path / FILE)
    asking.hand_over(POPULATION)
    ask(asking, 0)
    with monkeypatch.context() as patch:
        patch.setattr(store, "questions_after", lambda *_: 1 / 0)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                ask(asking, 1)
    # what was counted before is counted again, once
    ask(asking, 1)
    assert check(store, asking) == 2 * NANO
    store.close()


def test_what_another_process_spent_is_seen_after_a_failed_flush(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers of questions that were rolled back are given again: ours must not hide those of another process."""
    store, asking = open_provider(tmp_path / FILE)
    asking.hand_over(POPULATION)
    other_store, other = open_provider(tmp_path / FILE)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "_commit", lambda self, _: self._fail())
        with pytest.raises(StoreError):
            ask(asking, 1)
    # five times as much as ours would have been, under its number
    other.ask(Question(POPULATION.digest(), "label", (partition(2),), 5 * RHO))
    ask(asking, 3)
    for each in (asking, other):
        assert each.budget("label").spent.nano == 6 * NANO
    assert check(store, asking) == 6 * NANO
    other_store.close()
    store.close()
