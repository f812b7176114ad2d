"""Risk from class sizes: figures that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from jalousie.errors import PrivacyError
from jalousie.privacy.risk import risk


def test_three_attackers_without_a_population() -> None:
    facts = risk(np.array([1, 2, 5, 12]))
    assert (facts.rows, facts.classes, facts.smallest_class) == (20, 4, 1)
    assert facts.highest_prosecutor == 1.0
    assert facts.average_prosecutor == facts.marketer == pytest.approx(4 / 20)
    assert facts.at_risk_share == pytest.approx(3 / 20)
    assert facts.sample_uniques == pytest.approx(1 / 20)
    assert (facts.highest_journalist, facts.average_journalist, facts.journalist_basis) == (1.0, 0.2, "sample")


def test_a_class_of_exactly_five_is_not_at_risk() -> None:
    assert risk(np.array([5, 5])).at_risk_share == 0.0
    assert risk(np.array([4, 6])).at_risk_share == pytest.approx(0.4)


def test_bins_hold_every_class_once() -> None:
    sizes = np.array([1, 1, 2, 3, 4, 5, 9, 10, 19, 20, 49, 50, 99, 100, 499, 500, 12_345])
    bins = {(b.low, b.high): (b.classes, b.rows) for b in risk(sizes).sizes}
    assert bins[(1, 1)] == (2, 2)
    assert bins[(3, 4)] == (2, 7)
    assert bins[(100, 499)] == (2, 599)
    assert bins[(500, 0)] == (2, 12_845)
    assert sum(c for c, _ in bins.values()) == len(sizes)
    assert sum(r for _, r in bins.values()) == sizes.sum()


def test_nobody_is_at_risk_in_an_empty_release() -> None:
    facts = risk(np.array([], dtype=np.int64))
    assert (facts.rows, facts.highest_prosecutor, facts.sample_uniques) == (0, 0.0, 0.0)
    assert risk(np.array([0, 0, 3])).classes == 1


def test_a_population_smaller_than_the_table_is_refused() -> None:
    with pytest.raises(PrivacyError) as error:
        risk(np.array([3, 4]), population=6)
    assert error.value.code == "P420"


def test_sizes_must_be_whole_numbers() -> None:
    with pytest.raises(TypeError):
        risk(np.array([1.5, 2.0]))
    with pytest.raises(ValueError, match="negative"):
        risk(np.array([-1, 2]))
