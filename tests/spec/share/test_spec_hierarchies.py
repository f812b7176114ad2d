"""1.A, chapter 4: how a value becomes less precise. Each builder of hierarchies in one paragraph.

`min-level` forces a level and `recoding: optimal` gives all rows the same one, so that a level can be looked at.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from jalousie import HierarchyError, load_contract, protect
from spec_tables import HEAD, release, shown, table

PRIVACY = "privacy: {models: [{model: k-anonymity, k: 2}], recoding: optimal, suppression: 0}\n"


def at_level(level: int, values: str, hierarchy: str, more: str = "") -> list[str | None]:
    """The values, each in two rows so that nothing else needs generalising, as they look at a level."""
    rows = "x\n" + "\n".join(f"{value}\n{value}" for value in values.split())
    made = release(
        rows,
        f"columns: {{x: {{role: quasi-identifier, hierarchy: {hierarchy}, min-level: {level}{more}}}}}\n" + PRIVACY,
    )
    return [row[0] for row in shown(made)][::2]


def test_intervals_gather_numbers_and_open_at_the_ends() -> None:
    builder = "{by: intervals, widths: [5, 20], low: 20, high: 80}"
    assert at_level(1, "18 20 24 25 79 95", builder) == [
        "< 20",
        "[20, 25)",
        "[20, 25)",
        "[25, 30)",
        "[75, 80)",
        ">= 80",
    ]
    assert at_level(2, "18 20 24 25 79 95", builder) == [
        "< 20",
        "[20, 40)",
        "[20, 40)",
        "[20, 40)",
        "[60, 80)",
        ">= 80",
    ]


def test_an_order_gathers_neighbours() -> None:
    builder = "{by: ordered, values: [none, low, middle, high, top], sizes: [2, 2]}"
    assert at_level(1, "none low middle top", builder) == ["none .. low", "none .. low", "middle .. high", "top"]
    assert at_level(2, "none low middle top", builder) == ["none .. high"] * 3 + ["top"]


def test_sets_have_names() -> None:
    builder = "{by: sets, levels: [{citrus: [lemon, lime], stone: [plum]}, {fruit: [citrus, stone]}]}"
    assert at_level(1, "lemon lime plum", builder) == ["citrus", "citrus", "stone"]
    assert at_level(2, "lemon lime plum", builder) == ["fruit"] * 3


def test_masks_hide_a_postcode_from_its_end() -> None:
    assert at_level(1, "b10a b10c b20a", "{by: mask}") == ["b10*", "b10*", "b20*"]
    assert at_level(1, "b10a b10c b20a", "{by: mask, steps: [3]}") == ["b***"] * 3


def test_prefixes_keep_the_beginning_of_a_code() -> None:
    builder = "{by: prefix, lengths: [4, 2], ignore: '.'}"
    assert at_level(1, "a1.01 a1.02 a2.01", builder) == ["a101", "a102", "a201"]
    assert at_level(2, "a1.01 a1.02 a2.01", builder) == ["a1", "a1", "a2"]


def test_dates_become_months_and_years() -> None:
    builder = "{by: dates, levels: [month, year]}"
    assert at_level(1, "2024-02-29 2024-03-01 2023-03-01", builder) == ["2024-02", "2024-03", "2023-03"]
    assert at_level(2, "2024-02-29 2024-03-01 2023-03-01", builder) == ["2024", "2024", "2023"]


def test_rare_values_become_other() -> None:
    rows = "x\n" + "a\n" * 6 + "b\n" * 3 + "c\n"
    hierarchy = "{by: frequency, thresholds: [0.2, 0.5]}"
    contract = f"columns: {{x: {{role: quasi-identifier, hierarchy: {hierarchy}}}}}\n" + PRIVACY
    assert [row[0] for row in shown(release(rows.replace("c\n", "c\nd\n"), contract))] == ["a"] * 6 + ["b"] * 3 + [
        "other"
    ] * 2


def test_without_a_hierarchy_there_is_the_value_or_a_star() -> None:
    assert at_level(0, "a b", "{by: none}") == ["a", "b"]
    assert at_level(1, "a b", "{by: none}") == ["*", "*"]


def test_a_null_stays_a_null_until_the_star() -> None:
    assert at_level(1, "21 -", "{by: intervals, widths: [10]}") == ["[20, 30)", None]
    assert at_level(2, "21 -", "{by: intervals, widths: [10]}") == ["*", "*"]


def from_file(folder: Path, lines: str) -> list[str | None]:
    (folder / "h.csv").write_text(lines)
    columns = "columns: {x: {role: quasi-identifier, hierarchy: {by: file, file: h.csv}, min-level: 1}}\n"
    (folder / "c.yaml").write_text(HEAD + columns + PRIVACY)
    return [row[0] for row in shown(protect(table("x\na\na\nb\nb\n-\n-"), load_contract(folder / "c.yaml")))][::2]


def test_a_file_gives_a_line_to_each_value(tmp_path: Path) -> None:
    assert from_file(tmp_path, "a;letter;*\nb;letter;*\n") == ["letter", "letter", None]


def test_a_file_may_say_what_becomes_of_nulls(tmp_path: Path) -> None:
    assert from_file(tmp_path, "a;letter;*\nb;letter;*\n;unknown;*\n") == ["letter", "letter", "unknown"]


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("a;letter;*\n", "H302"),  # b is not in it
        ("a;x;p\nb;x;q\n", "H303"),  # x would be p and q
        ("a;x\nb;x\na;y\n", "H304"),  # a twice
        ("a;x\nb\n", "H301"),  # lines of different length
    ],
)
def test_a_file_that_is_no_hierarchy_is_refused(lines: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(HierarchyError) as caught:
        from_file(tmp_path, lines)
    assert caught.value.code == code


def test_a_column_goes_no_further_than_its_highest_level() -> None:
    rows = "x y\n21 a\n24 a\n21 b\n24 b"
    columns = (
        "columns:\n  x: {role: quasi-identifier, hierarchy: {by: intervals, widths: [10]}, max-level: 0}\n"
        "  y: {role: quasi-identifier}\n"
    )
    assert shown(release(rows, columns + PRIVACY)) == [(21, "*"), (24, "*"), (21, "*"), (24, "*")]
