"""What a cell covers, its shares, weights and draws: the fast forms against plain ones."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.learning.categories import CategoryColumn
from jalousie.learning.covers import Cover, draw, release_weights, stratified
from jalousie.learning.numeric import NumberColumn
from jalousie.learning.spaces import ColumnSpace

SIZE = 5
sets = st.lists(st.sets(st.integers(0, SIZE - 1), max_size=SIZE), min_size=1, max_size=8)


def cover_of(inside: list[set[int]]) -> Cover:
    return Cover.of([np.array(sorted(codes), np.int64) for codes in inside], SIZE)


def shares_plainly(codes: set[int], weights: list[float]) -> dict[int, float]:
    total = sum(weights[code] for code in codes)
    return {code: weights[code] / total if total > 0 else 1 / len(codes) for code in codes}


@given(sets, st.lists(st.floats(0, 10), min_size=SIZE, max_size=SIZE))
def test_shares_agree_with_a_plain_count(inside: list[set[int]], weights: list[float]) -> None:
    cover = cover_of(inside)
    found = cover.shares(np.array(weights))
    for i, codes in enumerate(inside):
        part = found[cover.start[i] : cover.start[i + 1]]
        plain = shares_plainly(codes, weights)
        assert part.tolist() == pytest.approx([plain[code] for code in sorted(codes)], abs=1e-9)


@given(sets, st.data())
def test_weights_agree_with_plain_expectation_maximisation(inside: list[set[int]], data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(1, 9), min_size=len(inside), max_size=len(inside)))
    weights = [1 / SIZE] * SIZE
    for _ in range(7):
        found = [1 / SIZE] * SIZE
        for codes, count in zip(inside, counts, strict=True):
            for code, share in shares_plainly(codes, weights).items():
                found[code] += count * share
        weights = [value / sum(found) for value in found]
    fast = release_weights(cover_of(inside), np.array(counts), np.full(SIZE, 1 / SIZE), rounds=7)
    assert fast.tolist() == pytest.approx(weights, abs=1e-4)
    assert fast.sum() == pytest.approx(1)


@given(sets, st.data())
def test_draws_fall_inside_their_cell_as_often_as_its_shares_say(inside: list[set[int]], data: st.DataObject) -> None:
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=SIZE, max_size=SIZE)), np.float64)
    cells = np.array(data.draw(st.lists(st.integers(0, len(inside) - 1), max_size=40)), np.int64)
    drawn = draw(cover_of(inside), weights, cells, np.random.default_rng(data.draw(st.integers(0, 99))))
    for i, codes in enumerate(inside):
        mine = drawn[cells == i]
        if not codes:
            assert (mine == -1).all()
            continue
        often = Counter(mine.tolist())
        assert set(often) <= codes
        for code, share in shares_plainly(codes, weights.tolist()).items():
            # stratified: each value gets its share of the draws to within one at either end
            assert abs(often[code] - share * len(mine)) < 2 + 1e-9


@given(st.lists(st.integers(0, 4), max_size=60), st.integers(0, 99))
def test_stratified_numbers_take_every_part_once(cells: list[int], seed: int) -> None:
    index = np.array(cells, np.int64)
    place = stratified(index, np.random.default_rng(seed))
    for cell in set(cells):
        mine = place[index == cell]
        assert sorted(np.floor(mine * len(mine) + 1e-9).astype(int).tolist()) == list(range(len(mine)))


bounds = st.tuples(st.integers(-20, 60), st.integers(1, 25)).map(lambda pair: (pair[0], pair[0] + pair[1]))
cells = st.one_of(
    bounds.map(lambda pair: f"[{pair[0]}, {pair[1]})"),
    st.integers(-20, 80).map(str),
    st.just("*"),
    st.integers(0, 60).map(lambda edge: f"< {edge}"),
    st.integers(0, 60).map(lambda edge: f">= {edge}"),
    st.lists(st.integers(-20, 80), min_size=2, max_size=4, unique=True).map(
        lambda some: "{" + ", ".join(map(str, some)) + "}"
    ),
    st.none(),
)


def inside_plainly(text: str | None, number: float) -> bool:
    if text is None:
        return bool(np.isnan(number))
    if text == "*":
        return True
    if text.startswith("{"):
        return number in {float(part) for part in text[1:-1].split(",")}
    if text.startswith("<"):
        return number < float(text[1:])
    if text.startswith(">="):
        return number >= float(text[2:])
    if text.startswith("["):
        low, high = text[1:-1].split(",")
        return float(low) <= number < float(high)
    return number == float(text)


@given(st.lists(cells, min_size=1, max_size=20), st.booleans(), st.booleans(), st.integers(0, 99))
def test_drawn_numbers_lie_in_their_cell(texts: list[str | None], whole: bool, estimate: bool, seed: int) -> None:
    distinct = list(dict.fromkeys(texts))
    index = np.array([distinct.index(text) for text in texts], np.int64)
    column = NumberColumn(ColumnSpace(name="n", kind="number", whole=whole))
    column.fit(distinct, np.bincount(index).astype(np.int64), estimate=estimate)
    drawn = column.drawn(distinct, index, np.random.default_rng(seed))
    for text, number in zip(texts, drawn.tolist(), strict=True):
        assert inside_plainly(text, number) or (text == "*" and np.isnan(number))
        if whole and not np.isnan(number):
            assert number == int(number)


@given(st.lists(cells, min_size=1, max_size=20), st.booleans())
def test_expected_numbers_lie_between_low_and_high(texts: list[str | None], whole: bool) -> None:
    distinct = list(dict.fromkeys(texts))
    column = NumberColumn(ColumnSpace(name="n", kind="number", whole=whole))
    column.fit(distinct, np.ones(len(distinct), np.int64), estimate=True)
    middle, low, high = column.features(distinct).T
    known = np.isfinite(middle)
    assert (low[known] <= middle[known]).all()
    assert (middle[known] <= high[known]).all()
    for text, number in zip(distinct, middle.tolist(), strict=True):
        if text is not None and not text.startswith("{") and not np.isnan(number):
            assert inside_plainly(text, number) or number == pytest.approx(float(text.strip("<>= [*)").split(",")[0]))


LETTERS = ColumnSpace(
    name="c", kind="categorical", values=("a", "b", "c", None), labels=("ab", "cn"), covers=((0, 1), (2, 3))
)
MEANING = {
    "a": {0},
    "b": {1},
    "c": {2},
    None: {3},
    "ab": {0, 1},
    "cn": {2, 3},
    "*": {0, 1, 2, 3},
    "{a, c}": {0, 2},
    "{ab, c}": {0, 1, 2},
    "?": set(),
}


@given(st.lists(st.sampled_from(list(MEANING)), min_size=1, max_size=10))
def test_categories_share_what_they_cover(texts: list[str | None]) -> None:
    distinct = list(dict.fromkeys(texts))
    column = CategoryColumn(LETTERS).fit(distinct, np.ones(len(distinct), np.int64), estimate=False)
    for text, row in zip(distinct, column.features(distinct).tolist(), strict=True):
        codes = MEANING[text]
        assert row == pytest.approx([1 / len(codes) if code in codes else 0 for code in range(4)])
