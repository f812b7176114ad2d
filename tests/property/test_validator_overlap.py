"""The overlap report against sets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jalousie.validator.overlap import overlap
from jalousie.validator.types import Partition

groups = st.lists(st.integers(-1, 3), min_size=9, max_size=9)


@given(groups, groups)
def test_agrees_with_sets(first: list[int], second: list[int]) -> None:
    found = overlap(Partition(np.array(first, np.int32), 4), Partition(np.array(second, np.int32), 4))
    sets = [[{n for n, g in enumerate(of) if g == group} for group in range(4)] for of in (first, second)]
    assert found.both == sum(a >= 0 and b >= 0 for a, b in zip(first, second, strict=True))
    assert found.nearest == min(len(a ^ b) for a in sets[0] for b in sets[1])
