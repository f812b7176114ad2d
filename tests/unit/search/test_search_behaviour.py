"""What the search does besides finding optima: time limits, progress, interruption, threads, wide keys, errors, bad buffers."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pytest

from jalousie.contract.model import KAnonymity as KSpec
from jalousie.contract.model import Privacy
from jalousie.errors import ContractError, HierarchyError, PrivacyError, TableError, UsageError
from jalousie.privacy.models import AverageRisk, Classes, KAnonymity, Model
from jalousie.privacy.recoding import Recoding
from jalousie.privacy.search import Problem, build_problem, exact_search, native, search
from jalousie.privacy.search.look import look_at
from jalousie.privacy.search.metrics import METRICS, Loss
from jalousie.tables.types import FrequencyTable, Hierarchy, Mask

NATIVE = native.load_kernel()
KERNELS = ["numpy", "native"] if NATIVE is not None else ["numpy"]
needs_native = pytest.mark.skipif(NATIVE is None, reason="the native kernel was not built")


def binary_tree(column: str, levels: int) -> Hierarchy:
    """2^(levels - 1) values, halved at each level."""
    size = 1 << (levels - 1)
    maps = tuple((np.arange(size) >> level).astype(np.int32) for level in range(levels))
    labels = tuple(tuple(f"{level}:{i}" for i in range(size >> level)) for level in range(levels))
    return Hierarchy(column, labels, maps)


def random_problem(columns: int, levels: int, rows: int, seed: int = 0) -> tuple[FrequencyTable, tuple[Hierarchy, ...]]:
    rng = np.random.default_rng(seed)
    trees = tuple(binary_tree(f"c{d}", levels) for d in range(columns))
    size = trees[0].size
    codes = np.minimum(rng.geometric(4.0 / size, (columns, rows)) - 1, size - 1)
    distinct, counts = np.unique(codes, axis=1, return_counts=True)
    values = tuple(tree.labels[0] for tree in trees)
    names = tuple(tree.column for tree in trees)
    return FrequencyTable(names, values, distinct.astype(np.int32), counts.astype(np.int64)), trees


def brute(problem: Problem, models: list[Model], limit: int) -> float:
    metric = Loss(problem)
    best = float("inf")
    for levels in itertools.product(*(range(axis.low, axis.high + 1) for axis in problem.axes)):
        look = look_at(problem, models, levels)
        if look.suppressed <= limit:
            best = min(best, metric.loss_of(metric.score(look)))
    return best


def test_distinct_rows_that_stand_for_no_row_keep_a_class_of_their_own() -> None:
    tree = binary_tree("c0", 3)
    codes = np.arange(4, dtype=np.int32)[None, :]
    problem = build_problem(FrequencyTable(("c0",), (tree.labels[0],), codes, np.array([5, 0, 0, 0])), [tree])
    for table in (problem, problem.rolled((1,), *problem.classes((1,)))):
        group_class, sizes = table.classes((1,))
        assert sizes.tolist() == [5, 0]
        assert len(set(group_class.tolist())) == 2


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("columns", [4, 5])
def test_larger_tables_use_rolled_up_tables_and_stay_exact(kernel: str, columns: int) -> None:
    table, trees = random_problem(columns, 4, 6000, seed=columns)
    problem = build_problem(table, trees)
    found = exact_search(problem, [KAnonymity(5)], suppression=0.1, kernel=kernel)  # type: ignore[arg-type]
    assert found.loss == pytest.approx(brute(problem, [KAnonymity(5)], 600), rel=1e-9)
    assert found.proof.checked < problem.lattice / 3


@pytest.mark.parametrize("kernel", KERNELS)
def test_keys_wider_than_a_word(kernel: str) -> None:
    """12 columns of 7 bits need 84 bits."""
    table, trees = random_problem(12, 8, 300, seed=3)
    low = [5] * 10 + [0, 0]
    high = [6] * 10 + [7, 7]
    problem = build_problem(table, trees, low=[7] * 9 + low[9:], high=[7] * 9 + high[9:])
    found = exact_search(problem, [KAnonymity(3)], suppression=0.2, kernel=kernel)  # type: ignore[arg-type]
    assert found.loss == pytest.approx(brute(problem, [KAnonymity(3)], 60), rel=1e-9)
    wide = build_problem(table, trees, low=low, high=high)
    both = [exact_search(wide, [KAnonymity(2)], suppression=1.0, kernel=name) for name in KERNELS]  # type: ignore[arg-type]
    assert len({one.levels for one in both}) == 1


@pytest.mark.parametrize("kernel", KERNELS)
def test_time_runs_out_with_an_honest_gap(kernel: str) -> None:
    table, trees = random_problem(7, 6, 20_000)
    problem = build_problem(table, trees)
    start = time.monotonic()
    found = exact_search(problem, [KAnonymity(5)], suppression=0.05, seconds=0.3, kernel=kernel)  # type: ignore[arg-type]
    assert time.monotonic() - start < 10
    truth = exact_search(problem, [KAnonymity(5)], suppression=0.05, seconds=60)
    assert truth.proof.exact
    assert found.proof.lower_bound <= truth.loss <= found.loss + 1e-12
    assert found.proof.gap == pytest.approx(found.loss - found.proof.lower_bound)
    assert found.proof.exact or found.proof.gap > 0


@needs_native
def test_a_stopped_native_search_returns_its_best_and_a_valid_bound() -> None:
    table, trees = random_problem(8, 5, 20_000)
    problem = build_problem(table, trees)
    metric = Loss(problem, 5)
    assert NATIVE is not None
    ticks: list[float] = []

    def stop(share: float) -> bool:
        ticks.append(share)
        return True

    models = [KAnonymity(5)]
    stopped = native.native_search(NATIVE, problem, models, metric, 1000, stop=stop)
    assert len(ticks) == 1
    assert not stopped.complete
    assert stopped.bound < stopped.score
    truth = native.native_search(NATIVE, problem, models, metric, 1000, stop=lambda _: False)
    assert truth.complete
    assert stopped.bound <= truth.score <= stopped.score
    assert truth.checked > stopped.checked


@pytest.mark.parametrize("kernel", KERNELS)
def test_progress_is_told_and_an_exception_in_it_ends_the_search(kernel: str) -> None:
    table, trees = random_problem(7, 6, 20_000)
    problem = build_problem(table, trees)
    shares: list[float] = []

    def stop_at_once(share: float) -> None:
        shares.append(share)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exact_search(problem, [KAnonymity(5)], suppression=0.05, progress=stop_at_once, kernel=kernel)  # type: ignore[arg-type]
    assert len(shares) == 1
    assert 0 <= shares[0] <= 1


@needs_native
def test_two_threads_search_at_once() -> None:
    problems = [build_problem(*random_problem(5, 5, 4000, seed=seed)) for seed in (1, 2)]
    alone = [exact_search(problem, [KAnonymity(5)], suppression=0.05, kernel="native") for problem in problems]
    found: dict[int, list[Recoding]] = {0: [], 1: []}

    def run(i: int) -> None:
        for _ in range(5):
            found[i].append(exact_search(problems[i], [KAnonymity(5)], suppression=0.05, kernel="native"))

    threads = [threading.Thread(target=run, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in (0, 1):
        assert [one.levels for one in found[i]] == [alone[i].levels] * 5
        assert [one.proof.checked for one in found[i]] == [alone[i].proof.checked] * 5


class EvenSizes(Model):
    """A model that no kernel knows: class sizes must be even."""

    name = "even"
    better = "higher"
    monotone = False
    rises = True

    @property
    def required(self) -> float:
        return 2.0

    def satisfied(self, classes: Classes) -> Mask:
        return np.asarray(classes.sizes % 2 == 0)

    def reached(self, classes: Classes) -> float:
        return 2.0

    def sentence(self) -> str:
        return "Every class has an even number of rows."


def test_a_new_model_is_one_small_class() -> None:
    table, trees = random_problem(3, 4, 400)
    problem = build_problem(table, trees)
    found = exact_search(problem, [EvenSizes()], suppression=0.5)
    assert found.proof.kernel == "numpy"
    assert found.loss == pytest.approx(brute(problem, [EvenSizes()], 200), rel=1e-9)
    with pytest.raises(UsageError) as caught:
        exact_search(problem, [EvenSizes()], suppression=0.5, kernel="native")
    assert caught.value.code == "U100"


def small() -> tuple[FrequencyTable, tuple[Hierarchy, ...]]:
    """Ten rows in two classes of 7 and 3 that nothing below the top joins; the top joins them all."""
    tree = binary_tree("c", 2)
    table = FrequencyTable(("c",), (("0:0", "0:1"),), np.array([[0, 1]], np.int32), np.array([7, 3], np.int64))
    return table, (tree,)


def test_unsatisfiable_says_what_would_do() -> None:
    table, trees = small()
    problem = build_problem(table, trees, high=[0])
    with pytest.raises(PrivacyError) as caught:
        exact_search(problem, [KAnonymity(4)], suppression=0.1)
    assert caught.value.code == "P400"
    assert "suppression of 0.3 (3 rows) would do" in caught.value.hint
    assert "k = 3 would do at this suppression" in caught.value.hint
    assert exact_search(problem, [KAnonymity(4)], suppression=0.3).loss < 1
    assert exact_search(problem, [KAnonymity(3)], suppression=0.1).loss < 1
    with pytest.raises(PrivacyError) as caught:
        exact_search(build_problem(table, trees), [KAnonymity(11)], suppression=0.0)
    assert caught.value.message == "k is 11: more than the table has rows when it is generalised (10)"
    assert caught.value.hint == "k = 5 would do at this suppression"
    assert exact_search(build_problem(table, trees), [KAnonymity(5)], suppression=0.0).loss <= 1
    with pytest.raises(PrivacyError) as caught:
        exact_search(build_problem(table, trees), [KAnonymity(11)], suppression=1.0)
    assert caught.value.code == "P401"


def test_no_time_at_all() -> None:
    table, trees = random_problem(3, 3, 50)
    problem = build_problem(table, trees)
    found = exact_search(problem, [KAnonymity(2)], seconds=1e-9, kernel="numpy")
    assert found.proof.lower_bound <= found.loss


def test_bad_tables_and_hierarchies() -> None:
    table, trees = small()
    empty = FrequencyTable(("c",), ((),), np.zeros((1, 0), np.int32), np.zeros(0, np.int64))
    with pytest.raises(TableError) as no_rows:
        build_problem(empty, trees)
    assert no_rows.value.code == "T204"
    unknown = FrequencyTable(("c",), (("0:0", "CANARY-7731"),), table.codes, table.counts)
    with pytest.raises(HierarchyError) as outside:
        build_problem(unknown, trees)
    assert outside.value.code == "H310"
    assert "CANARY" not in str(outside.value)
    crossed = Hierarchy(
        "c",
        (("0:0", "0:1"), ("a", "b"), ("x", "y")),
        (np.array([0, 1], np.int32), np.array([0, 0], np.int32), np.array([0, 1], np.int32)),
    )
    with pytest.raises(HierarchyError) as not_nested:
        build_problem(table, (crossed,))
    assert not_nested.value.code == "H311"
    with pytest.raises(ContractError):
        build_problem(table, trees, low=[1], high=[0])
    with pytest.raises(ContractError):
        build_problem(table, trees, weights=[0.0])


def test_search_takes_the_contracts_words() -> None:
    table, trees = random_problem(3, 4, 400)
    for metric in sorted(set(METRICS) - {"loss-free"}):
        privacy = Privacy(models=(KSpec(k=3),), recoding="optimal", metric=metric, suppression=0.1)  # type: ignore[arg-type]
        found = search(table, trees, [KAnonymity(3)], privacy)
        assert found.proof.exact
        assert found.candidates
        assert all(candidate.suppressed <= 40 for candidate in found.candidates)


def test_average_risk_keeps_the_largest_classes() -> None:
    model = AverageRisk(0.25)
    sizes = np.array([1, 1, 2, 4, 10])
    assert model.threshold(sizes) == 2  # 5 classes of 18 rows are over a quarter, 3 of 16 are not
    assert model.forced(sizes) == 1  # 4 classes of 17 rows would do
    assert model.threshold(np.array([10, 10])) == 1
    assert model.reached(Classes(np.array([2, 4, 10]))) == pytest.approx(3 / 16)


@needs_native
@pytest.mark.parametrize("broken", range(10))
def test_the_kernel_refuses_buffers_that_do_not_fit(broken: int) -> None:
    """Each argument in turn cut short; and codes out of range. Never a crash."""
    table, trees = random_problem(2, 3, 50)
    problem = build_problem(table, trees)
    metric = Loss(problem, 2)
    caught: list[list[object]] = []

    class Spy:
        def search(self, *arguments: object) -> tuple[object, ...]:
            caught.append(list(arguments))
            return (None, 0.0, 0.0, 0, True, [])

    native.native_search(Spy(), problem, [KAnonymity(2)], metric, 5, stop=lambda _: False)  # type: ignore[arg-type]
    arguments = caught[0]
    assert NATIVE is not None
    assert NATIVE.search(*arguments)[4]
    if broken < 7:
        cut = np.asarray(arguments[broken]).reshape(-1)
        arguments[broken] = cut[:-1].copy()
    elif broken == 7:
        arguments[7] = ((99, -1, 1.0, 1.0, False, np.zeros(0), ()),)
    elif broken == 8:
        codes = np.array(arguments[2])
        codes[0, 0] = 1000
        arguments[2] = codes
    else:
        arguments[8] = ((2, np.zeros(3, np.uint32), np.zeros(1, np.int32), np.ones(1, np.uint32)),)
    with pytest.raises(ValueError, match=r"buffer|end early|rule|out of range|left over"):
        NATIVE.search(*arguments)
