"""Contradictions that the structure alone does not show (C103), each with its place."""

from __future__ import annotations

import pytest

from jalousie.contract import columns_at_generalise, parse_contract, quasi_identifiers
from jalousie.errors import ContractError

HEAD = "jalousie: 1\nname: x\nparties: {provider: P}\n"
COLUMNS = """columns:
  id: {role: identifier}
  zip: {role: quasi-identifier}
  age: {role: quasi-identifier, type: integer}
  job: {role: sensitive, order: [a, b, c]}
  pay: {role: sensitive}
  note: {role: plain}
"""
K = "{model: k-anonymity, k: 5}"


def text(columns: str = COLUMNS, steps: str = "", models: str = K, rest: str = "") -> str:
    listed = f"steps:\n{steps}" if steps else ""
    return f"{HEAD}{columns}{listed}privacy:\n  models: [{models}]\n{rest}"


def fault(contract: str) -> ContractError:
    with pytest.raises(ContractError) as caught:
        parse_contract(contract)
    return caught.value


def test_the_base_is_good() -> None:
    parse_contract(text())


MODELS = [
    (f"{K}, {{model: k-anonymity, k: 3}}", "privacy.models.1", "twice"),
    ("{model: distinct-l-diversity, column: zip, l: 2}", "privacy.models.0.column", "role quasi-identifier"),
    ("{model: distinct-l-diversity, column: job, l: 4}", "privacy.models.0.l", "only 3 values"),
    ("{model: entropy-l-diversity, column: job, l: 3.5}", "privacy.models.0.l", "only 3 values"),
    ("{model: recursive-cl-diversity, column: job, c: 2, l: 4}", "privacy.models.0.l", "only 3 values"),
    ("{model: t-closeness, column: pay, t: 0.2, distance: ordered}", "privacy.models.0.distance", "no order"),
    ("{model: t-closeness, column: pay, t: 0.2, distance: hierarchical}", "privacy.models.0.distance", "no hierarchy"),
]


@pytest.mark.parametrize(("models", "path", "words"), MODELS)
def test_models_that_cannot_hold(models: str, path: str, words: str) -> None:
    error = fault(text(models=models))
    assert error.code == "C103"
    assert error.where is not None
    assert error.where.path == path
    assert words in error.message


def test_the_same_model_for_two_columns_is_no_contradiction() -> None:
    parse_contract(
        text(
            models="{model: distinct-l-diversity, column: job, l: 2}, {model: distinct-l-diversity, column: pay, l: 2}"
        )
    )


def test_models_without_quasi_identifiers() -> None:
    error = fault(text(columns="columns:\n  a: {role: plain}\n"))
    assert error.code == "C103"
    assert "no column is a quasi-identifier" in error.message


STEPS = [
    ("  - {step: generalise}\n  - {step: generalise}\n", "steps.1", "twice"),
    ("  - {step: generalise}\n  - {step: sample, fraction: 0.5}\n", "steps.1", "rows are removed after"),
    (
        "  - {step: generalise}\n  - {step: drop-rows, column: note, when: is-null}\n",
        "steps.1",
        "rows are removed after",
    ),
    ("  - {step: generalise}\n  - {step: round, column: age, to: 5}\n", "steps.1.column", "after generalise"),
    ("  - {step: generalise}\n  - {step: pseudonymise, columns: [id, zip]}\n", "steps.1.columns.1", "after generalise"),
    (
        "  - {step: generalise}\n  - {step: enrich, table: {file: t.csv}, on: id, columns: {town: {role: plain}}}\n",
        "steps.1",
        "joined after generalise",
    ),
    ("  - {step: clip, column: age}\n", "steps.0", "neither low nor high"),
    ("  - {step: clip, column: age, low: 9, high: 1}\n", "steps.0.low", "above high"),
    ("  - {step: drop-rows, column: age, when: in}\n", "steps.0", 'needs "values"'),
    ("  - {step: drop-rows, column: age, when: below}\n", "steps.0", 'needs "value"'),
    (
        "  - {step: randomised-response, column: job, epsilon: 1, categories: [a]}\n",
        "steps.0.categories",
        "two or more",
    ),
    (
        "  - {step: drop-columns, columns: [note]}\n  - {step: round, column: note, to: 2}\n",
        "steps.1.column",
        "gone by then",
    ),
    (
        "  - {step: generalise}\n  - {step: drop-columns, columns: [note, zip]}\n",
        "steps.1.columns.1",
        'quasi-identifier "zip" is dropped after generalise',
    ),
    ("  - {step: generalise}\n  - {step: round, column: id, to: 5}\n", "steps.1.column", "only as a pseudonym"),
    (
        "  - {step: enrich, table: {file: t.csv}, on: id, columns: {age: {role: plain}}}\n",
        "steps.0.columns.age",
        "already",
    ),
    ("  - {step: enrich, table: {file: t.csv}, on: id, columns: {}}\n", "steps.0.columns", "adds no column"),
]


@pytest.mark.parametrize(("steps", "path", "words"), STEPS)
def test_steps_that_break_the_promise(steps: str, path: str, words: str) -> None:
    error = fault(text(steps=steps))
    assert error.code == "C103"
    assert error.where is not None
    assert error.where.path == path
    assert words in error.message


def test_steps_after_generalise_may_touch_other_columns() -> None:
    parse_contract(text(steps="  - {step: generalise}\n  - {step: round, column: note, to: 5}\n"))
    parse_contract(text(steps="  - {step: generalise}\n  - {step: drop-columns, columns: [id, note]}\n"))
    parse_contract(text(steps="  - {step: generalise}\n  - {step: pseudonymise, columns: [id]}\n"))


COLUMN_FAULTS = [
    ("zip: {role: quasi-identifier, min-level: 2, max-level: 1}", "columns.zip.min-level", "above max-level"),
    ("zip: {role: quasi-identifier, max-level: 2}", "columns.zip.max-level", "levels 0 to 1"),
    ("zip: {role: quasi-identifier, order: [a, a]}", "columns.zip.order", "twice"),
    (
        "zip: {role: quasi-identifier, hierarchy: {by: intervals, widths: [5, 12]}}",
        "columns.zip.hierarchy.widths.1",
        "not a multiple",
    ),
    (
        "zip: {role: quasi-identifier, hierarchy: {by: dates, levels: [week, month]}}",
        "columns.zip.hierarchy.levels.1",
        "does not lie within one month",
    ),
    (
        "zip: {role: quasi-identifier, hierarchy: {by: prefix, lengths: [2, 3]}}",
        "columns.zip.hierarchy.lengths.1",
        "smaller than the one before",
    ),
    (
        "zip: {role: quasi-identifier, hierarchy: {by: sets, levels: [{x: [a, b], y: [b]}]}}",
        "columns.zip.hierarchy.levels.0.y.0",
        "twice",
    ),
    (
        "zip: {role: quasi-identifier, hierarchy: {by: sets, levels: [{xx: [a], y: [b]}, {z: [xy]}]}}",
        "columns.zip.hierarchy.levels.1.z.0",
        "none of them",
    ),
    (
        "zip: {role: quasi-identifier, hierarchy: {by: sets, levels: [{x: [a], y: [b]}, {x: [y]}]}}",
        "columns.zip.hierarchy.levels.1.x",
        "outside it",
    ),
]


@pytest.mark.parametrize(("column", "path", "words"), COLUMN_FAULTS)
def test_columns_that_contradict_themselves(column: str, path: str, words: str) -> None:
    error = fault(text(columns=COLUMNS.replace("zip: {role: quasi-identifier}", column)))
    assert error.code == "C103"
    assert error.where is not None
    assert error.where.path == path
    assert error.where.line == 6
    assert words in error.message


LIMITS = [
    ("limits: {enforce: [highest-rsk]}\n", "C102", "unknown limit"),
    ("limits: {enforce: [highest-risk]}\n", "C103", "not set"),
    ("limits: {learning-share: 0.9}\n", "C103", "without a learning part"),
    ("learning: {target: id}\n", "C103", "identifier"),
]


@pytest.mark.parametrize(("rest", "code", "words"), LIMITS)
def test_limits_and_learning(rest: str, code: str, words: str) -> None:
    error = fault(text(rest=rest))
    assert error.code == code
    assert words in error.message


def test_a_target_that_is_dropped_is_not_released() -> None:
    error = fault(text(steps="  - {step: drop-columns, columns: [job]}\n", rest="learning: {target: job}\n"))
    assert error.code == "C103"
    assert "not released" in error.message


def test_columns_at_generalise_follow_the_steps() -> None:
    contract = parse_contract(
        text(
            steps="  - {step: enrich, table: {file: t.csv}, on: id, columns: {town: {role: quasi-identifier}}}\n"
            "  - {step: drop-columns, columns: [zip]}\n"
            "  - {step: generalise}\n"
            "  - {step: drop-columns, columns: [note]}\n"
        )
    ).contract
    assert list(columns_at_generalise(contract)) == ["age", "job", "pay", "note", "town"]
    assert list(quasi_identifiers(contract)) == ["age", "town"]
