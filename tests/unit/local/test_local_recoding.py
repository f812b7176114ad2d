"""Local recoding on real and hand-made tables: figures that must not get worse, limits, time, and what is written."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from jalousie.contract import model as contract
from jalousie.errors import PrivacyError
from jalousie.privacy.models import KAnonymity, Model, build_models
from jalousie.privacy.recoding import Recoding
from jalousie.privacy.search import schemes as schemes_module
from jalousie.privacy.search.labels import column_losses, number_rows
from jalousie.privacy.search.local import local_recoding
from jalousie.privacy.search.mondrian import mondrian
from jalousie.privacy.search.problem import Problem, build_problem
from jalousie.privacy.search.schemes import greedy_chain, scheme_list
from jalousie.tables.types import FrequencyTable, Hierarchy, Histogram


def hierarchy(name: str, levels: list[list[str]]) -> Hierarchy:
    """From the lines of a hierarchy file: raw value, level 1, ..."""
    labels, maps = [], []
    for level in range(len(levels[0])):
        place: dict[str, int] = {}
        maps.append(np.array([place.setdefault(line[level], len(place)) for line in levels], np.int32))
        labels.append(tuple(place))
    return Hierarchy(name, tuple(labels), tuple(maps))


def table_of(columns: dict[str, list[str]], sensitive: str = "") -> FrequencyTable:
    names = [name for name in columns if name != sensitive]
    values = {name: tuple(sorted(set(cells))) for name, cells in columns.items()}
    codes = np.stack([np.searchsorted(values[n], columns[n]) for n in names])
    distinct, inverse, counts = np.unique(codes, axis=1, return_inverse=True, return_counts=True)
    histograms: tuple[Histogram, ...] = ()
    if sensitive:
        width = len(values[sensitive])
        key = inverse.reshape(-1) * width + np.searchsorted(values[sensitive], columns[sensitive])
        cells, records = np.unique(key, return_counts=True)
        histograms = (
            Histogram(sensitive, values[sensitive], cells // width, (cells % width).astype(np.int32), records),
        )
    return FrequencyTable(
        tuple(names), tuple(values[n] for n in names), distinct.astype(np.int32), counts.astype(np.int64), histograms
    )


def read_adult(folder: Path, sensitive: str = "") -> tuple[FrequencyTable, dict[str, Hierarchy]]:
    with (folder / "adult.csv").open(newline="") as file:
        lines = list(csv.reader(file, delimiter=";"))
    columns = {name: [line[i] for line in lines[1:]] for i, name in enumerate(lines[0])}
    hierarchies = {}
    for name in columns:
        with (folder / f"hierarchy_{name}.csv").open(newline="") as file:
            hierarchies[name] = hierarchy(name, [line for line in csv.reader(file, delimiter=";") if line])
    return table_of(columns, sensitive), hierarchies


def granularity(problem: Problem, found: Recoding) -> float:
    return float(1 - column_losses(problem, found.cell_loss).mean())


def privacy(suppression: float = 0.05, seconds: float = 60.0) -> contract.Privacy:
    return contract.Privacy(models=(contract.KAnonymity(k=5),), suppression=suppression, seconds=seconds)


@pytest.fixture(scope="module")
def adult(reference_adult: Path) -> Problem:
    table, hierarchies = read_adult(reference_adult)
    return build_problem(table, [hierarchies[n] for n in table.names])


def test_adult_keeps_its_granularity(adult: Problem) -> None:
    """Published with iterated search: 0.932; reached here when written: 0.9477."""
    found = local_recoding(adult, [KAnonymity(5)], privacy())
    assert granularity(adult, found) > 0.9475
    assert not found.suppressed.any()
    assert np.bincount(found.classes, weights=adult.counts).min() >= 5
    assert found.candidates[0].levels == adult.bottom
    assert found.candidates[-1].levels == adult.top
    assert found.loss < min(c.loss for c in found.candidates)


@pytest.mark.parametrize(("distance", "least"), [("equal", 0.62), ("hierarchical", 0.74)])
def test_adult_under_t_closeness(reference_adult: Path, distance: str, least: float) -> None:
    """Published tools reach 0.55 (equal) with local recoding; reached here when written: 0.634 and 0.756."""
    table, hierarchies = read_adult(reference_adult, "occupation")
    problem = build_problem(table, [hierarchies[n] for n in table.names])
    spec = contract.TCloseness(column="occupation", t=0.2, distance=distance)  # type: ignore[arg-type]
    models = build_models([spec], table, hierarchies.values())
    found = local_recoding(problem, models, privacy())
    assert granularity(problem, found) > least
    assert problem.counts[found.suppressed].sum() <= 0.05 * problem.rows


def test_time_over_still_gives_a_release_that_holds(adult: Problem) -> None:
    begin = time.monotonic()
    found = local_recoding(adult, [KAnonymity(5)], privacy(suppression=0.0, seconds=1e-6))
    assert time.monotonic() - begin < 10
    assert found.proof.method.endswith("cut short")
    assert not found.suppressed.any()
    assert np.bincount(found.classes, weights=adult.counts).min() >= 5


def test_hashed_keys_give_what_exact_keys_give(adult: Problem) -> None:
    """More than 64 bits of codes: keys are hashed, and the result is the same as without the columns that fill them up."""
    flat = replace(adult.axes[0], low=0)
    copies = 5
    wide = replace(
        adult,
        axes=adult.axes + adult.axes[1:2] * copies + (flat,),
        codes=np.vstack([adult.codes] + [adult.codes[1:2]] * copies + [adult.codes[:1]]),
        marginals=(),
    )
    assert sum(max(1, (axis.values - 1).bit_length()) for axis in wide.axes) > 64
    native = local_recoding(wide, [KAnonymity(5)], privacy())
    assert np.bincount(native.classes[~native.suppressed], weights=wide.counts[~native.suppressed]).min() >= 5


def test_chains_stand_in_for_a_large_lattice(adult: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemes_module, "CHAIN_SCHEMES", 2_000)
    listed = scheme_list(adult, largest=1_000)
    assert 1_000 < len(listed) <= 2_100
    assert len(np.unique(listed, axis=0)) == len(listed)
    assert tuple(adult.bottom) in map(tuple, listed.tolist())
    assert tuple(adult.top) in map(tuple, listed.tolist())
    chain = greedy_chain(adult)
    assert len(chain) == sum(axis.high - axis.low for axis in adult.axes) + 1


def small() -> tuple[Problem, tuple[Model, ...]]:
    place = hierarchy("town", [["a", "north", "*"], ["b", "north", "*"], ["c", "south", "*"], ["d", "south", "*"]])
    table = table_of({"town": list("aaabbccccd"), "ill": list("xyxyxxyxyx")}, "ill")
    return build_problem(table, [place]), (KAnonymity(3),)


def labels_of(problem: Problem, found: Recoding) -> dict[str | None, str | None]:
    axis = problem.axes[0]
    raw = [axis.hierarchy.labels[0][axis.leaves[v]] for v in problem.codes[0]]
    return {value: None if found.suppressed[g] else found.labels[0][found.codes[0, g]] for g, value in enumerate(raw)}


def test_rows_are_generalised_only_where_they_must_be() -> None:
    """a and c stand on their own; b (two rows) and d (one) do not, and join where that costs least."""
    problem, models = small()
    found = local_recoding(problem, models, privacy(suppression=0.0))
    written = labels_of(problem, found)
    assert written["a"] == "a" or written["c"] == "c"
    assert "*" not in (written["a"], written["c"])
    assert not found.suppressed.any()


def test_level_limits_are_kept() -> None:
    problem, models = small()
    limited = replace(problem, axes=(replace(problem.axes[0], low=1, high=1),))
    assert set(labels_of(limited, local_recoding(limited, models, privacy(suppression=0.0))).values()) == {
        "north",
        "south",
    }


def test_unsatisfiable_says_what_would_do() -> None:
    problem, _ = small()
    with pytest.raises(PrivacyError) as caught:
        local_recoding(problem, [KAnonymity(11)], privacy(suppression=0.0))
    assert caught.value.code == "P400"
    assert "more than the table has rows" in caught.value.message
    assert "k = 5 would do" in caught.value.hint


def test_equal_texts_of_two_levels_are_one_label() -> None:
    """What a reader cannot tell apart is one class, and costs what its widest reading covers."""
    place = hierarchy("town", [["a", "a", "*"], ["b", "a", "*"], ["c", "c", "*"]])
    problem = build_problem(table_of({"town": list("aaaabccc")}), [place])
    found = local_recoding(problem, [KAnonymity(3)], privacy(suppression=0.0))
    sizes = np.bincount(found.classes, weights=problem.counts)
    assert sizes.min() >= 3
    assert len({found.labels[0][code] for code in found.codes[0].tolist()}) == len(sizes)
    assert found.cell_loss.max() <= 2 / 3 + 1e-6


def test_row_numbers_are_exact_beyond_one_word() -> None:
    random = np.random.default_rng(3)
    columns = [random.integers(0, 1 << 20, 500).astype(np.int32) % 3 for _ in range(40)]
    numbers, count = number_rows(columns, [1 << 20] * 40)
    rows = list(map(tuple, np.stack(columns).T.tolist()))
    assert count == len(set(rows))
    assert len({(row, number) for row, number in zip(rows, numbers.tolist(), strict=True)}) == count


def bare_numbers() -> FrequencyTable:
    rng = np.random.default_rng(5)
    ages = [str(age) for age in rng.integers(18, 90, 600)]
    return table_of({"age": ages, "town": [f"t{i}" for i in rng.integers(0, 3, 600)]})


def of_bare_numbers(table: FrequencyTable, widths: Sequence[int] = ()) -> Problem:
    ages = [[v, *(f"[{int(v) // w * w}, {int(v) // w * w + w})" for w in widths), "*"] for v in map(str, range(18, 90))]
    towns = [[f"t{i}", "*"] for i in range(3)]
    return build_problem(table, [hierarchy("age", ages), hierarchy("town", towns)])


def test_numbers_without_a_hierarchy_are_cut() -> None:
    """The sweep can only show or hide such a number; the card names both losses."""
    problem = of_bare_numbers(bare_numbers())
    models = [KAnonymity(5)]
    found, cut = local_recoding(problem, models, privacy(suppression=0.0)), mondrian(problem, models, privacy())
    assert found.loss == cut.loss
    said = re.fullmatch(
        r"strict Mondrian \(loss ([\d.]+)\), which loses no more here than the sweep \(([\d.]+)\)", found.proof.method
    )
    assert said is not None
    assert float(said[1]) == pytest.approx(found.loss, abs=1e-4)
    assert float(said[2]) > 3 * float(said[1])
    assert np.bincount(found.classes, weights=problem.counts).min() >= 5


def test_the_sweep_stays_where_it_loses_less_or_numbers_have_intervals() -> None:
    problem = of_bare_numbers(bare_numbers(), [5, 10, 20])
    assert local_recoding(problem, [KAnonymity(5)], privacy()).proof.method == "local recoding by sweep"
    few = table_of({"age": ["20"] * 9 + ["30"] * 9 + ["40"] * 9, "town": ["t0", "t1", "t2"] * 9})
    found = local_recoding(of_bare_numbers(few), [KAnonymity(3)], privacy())
    assert found.proof.method.startswith("local recoding by sweep (loss 0.0000), which loses no more")
