"""Labels of numbers and dates, and reading them back."""

from __future__ import annotations

from math import inf

import pytest

from jalousie.tables.labels import interval_label, number_text, parse_date_label, parse_label


@pytest.mark.parametrize(
    ("low", "high", "label"),
    [
        (20, 40, "[20, 40)"),
        (-5, 0, "[-5, 0)"),
        (0.30000000000000004, 0.4, "[0.3, 0.4)"),
        (1e6, 2e6, "[1000000, 2000000)"),
        (1e-9, 1e20, "[1e-09, 1e+20)"),
        (-inf, 20, "< 20"),
        (80.5, inf, ">= 80.5"),
    ],
)
def test_interval_labels_read_back(low: float, high: float, label: str) -> None:
    assert interval_label(low, high) == label
    found = parse_label(label)
    assert found == pytest.approx((low, high))


@pytest.mark.parametrize(("value", "text"), [(5.0, "5"), (-0.0, "0"), (0.1 + 0.2, "0.3"), (1234567.5, "1234567.5")])
def test_numbers(value: float, text: str) -> None:
    assert number_text(value) == text
    assert parse_label(text) == (float(text), float(text))


@pytest.mark.parametrize(
    "label", ["", "*", "a", "[a, b)", "[1, 2]", "(1, 2)", "[1 2)", "nan", "inf", "1e999", "2024-01", "<", "12a"]
)
def test_what_is_no_interval(label: str) -> None:
    assert parse_label(label) is None


@pytest.mark.parametrize(
    ("label", "low", "high"),
    [
        ("1970-01-01", 0, 1),
        ("1970-W01", -3, 4),
        ("1970-01", 0, 31),
        ("1972-02", 761, 790),
        ("1970-12", 334, 365),
        ("1970-Q4", 273, 365),
        ("1970", 0, 365),
        ("1970-1974", 0, 1826),
        ("9990-9999", 2929245, 2932897),
    ],
)
def test_date_labels(label: str, low: float, high: float) -> None:
    assert parse_date_label(label) == (low, high)


@pytest.mark.parametrize(
    "label", ["", "*", "70", "1970-13", "1970-02-30", "1970-W54", "1970-Q5", "1974-1970", "0000", "[1, 2)"]
)
def test_what_is_no_date(label: str) -> None:
    assert parse_date_label(label) is None
