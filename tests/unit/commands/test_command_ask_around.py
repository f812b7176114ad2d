"""`jalousie ask --around`: centres and clips from the cells of a column, and what is told where they make no sense."""

from __future__ import annotations

import numpy as np
import pytest

from jalousie.cli import ask
from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import JalousieError

HOURS = Label(column="hours", kind="number", low=0.0, high=80.0, unit=0.5)
TERMS = Feedback(identifier="id", labels={"hours": HOURS})


@pytest.mark.parametrize(
    ("within", "steps"), [(None, 160), (30.0, 60), (1e-300, 1), (80.1, 160), (1e300, 160), (1.7e308, 160)]
)
def test_a_clip_is_at_least_one_step_and_at_most_the_span(within: float | None, steps: int) -> None:
    signed, absolute, square, records = ask._statistics(["40", "1e300", "-7"], TERMS, HOURS, within)
    for about in (signed, absolute, square):
        assert about is not None
        assert about.within == steps
        np.testing.assert_array_equal(about.centres, [80, 160, 0])  # type: ignore[arg-type]
    assert records is not None
    assert (records.of, records.within) == ("records", 0)


@pytest.mark.parametrize(
    "label",
    [Label(column="ill", classes=("no", "yes")), Label(column="hours", low=0.0, high=80.0, cuts=(40.0,))],
    ids=["classes", "cuts"],
)
def test_a_label_that_is_counted_by_class_has_no_deviations(label: Label) -> None:
    assert refusal(["1"], label) == "V217"


@pytest.mark.parametrize("cell", ["CANARY", None, "inf", "nan", ""])
def test_a_cell_that_is_no_number_is_told_and_not_quoted(cell: str | None) -> None:
    assert refusal(["1", cell], HOURS) == "T207"


def refusal(cells: list[str | None], label: Label) -> str:
    with pytest.raises(JalousieError) as caught:
        ask._statistics(cells, TERMS, label, None)
    assert "CANARY" not in caught.value.local_text()
    assert caught.value.__cause__ is None
    return caught.value.code
