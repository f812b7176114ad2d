"""The overlap report against sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.validator.overlap import REMEMBERED, RecentSets

SIZE = 75  # more than a word, and not whole bytes
masks = st.sets(st.integers(0, SIZE - 1), min_size=1) | st.none()


def mask(people: set[int] | None) -> np.ndarray | None:
    return None if people is None else np.isin(np.arange(SIZE), list(people))


@given(st.lists(masks, max_size=10))
def test_agrees_with_sets(history: list[set[int] | None]) -> None:
    recent, earlier = RecentSets(SIZE), list[set[int]]()
    for asked in history:
        people = set(range(SIZE)) if asked is None else asked
        assert recent.nearest(mask(asked)) == min((len(people ^ other) for other in earlier), default=None)
        recent.add(mask(asked))
        earlier.append(people)


@pytest.mark.parametrize("size", [1, 8, 64, 1000])
def test_the_newest_different_sets_are_remembered(size: int) -> None:
    """Of tiny populations there are fewer different ones."""
    recent, rng, history = RecentSets(size), np.random.default_rng(size), dict[bytes, np.ndarray]()
    while len(history) < min(REMEMBERED + 2, 2 ** min(size, 20)):
        asked = rng.random(size) < 0.5
        history[asked.tobytes()] = asked
    for asked in history.values():
        recent.add(asked)
        recent.add(asked)
    forgotten = max(0, len(history) - REMEMBERED)
    found = [recent.nearest(asked) == 0 for asked in history.values()]
    assert found == [False] * forgotten + [True] * (len(history) - forgotten)
