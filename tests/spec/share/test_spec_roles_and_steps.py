"""1.A, chapter 2: what becomes of each column, and in which order."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from jalousie import ContractError, TableError, parse_contract, protect
from jalousie.places.provider import Provider
from spec_tables import HEAD, release, shown, table

ROWS = """
name age pay
ann  21  1011
bob  22  2949
cyd  21  3333
dan  22  4001
"""


def test_an_identifier_never_leaves_though_no_step_drops_it() -> None:
    made = release(ROWS, "columns: {name: {role: identifier}, age: {role: plain}, pay: {role: plain}}\n")
    assert made.columns == ("age", "pay")


def test_an_identifier_may_be_dropped_wherever_a_step_stands() -> None:
    columns = "columns: {name: {role: identifier}, age: {role: quasi-identifier}, pay: {role: plain}}\n"
    models = "privacy: {models: [{model: k-anonymity, k: 2}], recoding: optimal}\n"
    for steps in ("{step: generalise}, {step: drop-columns, columns: [name]}", "{step: generalise}"):
        made = release(ROWS, f"{columns}steps: [{steps}]\n{models}")
        assert made.columns == ("age", "pay")
        assert len(made) == 4
    assert release(
        ROWS, f"{columns}steps: [{{step: generalise}}, {{step: drop-columns, columns: [name, pay]}}]\n{models}"
    ).columns == ("age",)


def test_a_star_in_the_table_stops_everything_where_it_would_read_as_suppressed() -> None:
    """In a release `*` covers every value; a raw one would be read so too."""
    rows = ROWS + "*    *   *\n" * 3
    columns = "columns: {{name: {{role: {}}}, age: {{role: {}}}, pay: {{role: sensitive}}}}\n"
    models = "privacy: {models: [{model: k-anonymity, k: 2}], recoding: optimal}\n"
    words = [line.split() for line in rows.strip().splitlines()]
    texts = pa.table({name: [row[i] for row in words[1:]] for i, name in enumerate(words[0])})
    for roles in (("identifier", "quasi-identifier"), ("quasi-identifier", "plain")):
        with pytest.raises(TableError) as caught:
            protect(texts, parse_contract(HEAD + columns.format(*roles) + models))
        assert caught.value.code == "T215"
        hint = "steps: [{step: drop-rows, column: pay, when: equals, value: '*'}]\n"
        assert len(protect(texts, parse_contract(HEAD + columns.format(*roles) + models + hint))) == 4
    assert protect(texts, parse_contract(HEAD + columns.format("plain", "sensitive"))).columns == ("name", "age", "pay")


def test_a_pseudonym_is_the_same_for_the_same_input_and_nothing_of_the_input(tmp_path: Path) -> None:
    contract = (
        "columns: {name: {role: identifier}, age: {role: plain}, pay: {role: plain}}\n"
        "steps: [{step: pseudonymise, columns: [name]}]\n"
    )
    rows = table(ROWS + "ann  30  5\n")
    provider = Provider(tmp_path)
    made = protect(rows, parse_contract(HEAD + contract), provider=provider)
    names = [row[0] for row in shown(made)]
    assert names[0] == names[-1]
    assert len(set(names)) == 4
    assert not {"ann", "bob"} & set(names)
    other = protect(rows, parse_contract((HEAD + contract).replace("spec", "another")), provider=provider)
    assert not set(names) & {row[0] for row in shown(other)}


def test_plain_and_sensitive_columns_are_released_as_they_are() -> None:
    made = release(ROWS, "columns: {name: {role: plain}, age: {role: sensitive}, pay: {role: plain}}\n")
    assert shown(made)[0] == ("ann", 21, 1011)


def test_steps_are_carried_out_in_order() -> None:
    columns = "columns: {name: {role: identifier}, age: {role: plain}, pay: {role: plain}}\nsteps:\n"
    clip, rounded = "  - {step: clip, column: pay, high: 2990}\n", "  - {step: round, column: pay, to: 1000}\n"
    assert [pay for _, pay in shown(release(ROWS, columns + clip + rounded))] == [1000, 3000, 3000, 3000]
    assert [pay for _, pay in shown(release(ROWS, columns + rounded + clip))] == [1000, 2990, 2990, 2990]


def test_a_column_that_the_contract_does_not_name_stops_everything() -> None:
    with pytest.raises(TableError) as caught:
        release(ROWS, "columns: {name: {role: identifier}, age: {role: plain}}\n")
    assert caught.value.code == "T203"


def test_rows_may_not_be_removed_after_they_were_counted() -> None:
    with pytest.raises(ContractError, match="after generalise"):
        release(
            ROWS,
            "columns: {name: {role: identifier}, age: {role: quasi-identifier}, pay: {role: plain}}\n"
            "steps: [{step: generalise}, {step: sample, fraction: 0.5}]\n"
            "privacy: {models: [{model: k-anonymity, k: 2}]}\n",
        )


def test_the_order_of_rows_is_kept_unless_the_contract_says_otherwise() -> None:
    columns = "columns: {name: {role: plain}, age: {role: plain}, pay: {role: plain}}\n"
    rows = "name age pay\n" + "\n".join(f"n{i} {i} {i}" for i in range(200))
    kept = [row[1] for row in shown(release(rows, columns))]
    mixed = [row[1] for row in shown(release(rows, columns + "release: {order: shuffle}\n"))]
    assert kept == list(range(200))
    assert mixed != kept
    assert sorted(mixed) == kept
