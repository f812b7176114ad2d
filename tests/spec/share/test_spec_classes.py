"""1.A, chapter 1: rows hide among rows.

Every released row is equal to others in all quasi-identifiers. How many, and what they may have in common, the contract says.
"""

from __future__ import annotations

import pytest

from jalousie import PrivacyError
from spec_tables import release, shown

AGES = """\
columns:
  age: {role: quasi-identifier, type: integer, hierarchy: {by: intervals, widths: [10, 20]}}
  ill: {role: sensitive}
"""


def test_k_anonymity_generalises_until_every_class_has_k_rows() -> None:
    made = release(
        """
        age ill
        21  flu
        24  cold
        32  flu
        38  flu
        """,
        AGES + "privacy: {models: [{model: k-anonymity, k: 2}], recoding: optimal, suppression: 0}\n",
    )
    assert shown(made) == [("[20, 30)", "flu"), ("[20, 30)", "cold"), ("[30, 40)", "flu"), ("[30, 40)", "flu")]


def test_suppression_leaves_out_a_row_that_would_spoil_the_rest() -> None:
    made = release(
        """
        age ill
        21  flu
        21  cold
        22  flu
        22  flu
        99  cold
        """,
        AGES + "privacy: {models: [{model: k-anonymity, k: 2}], recoding: optimal, suppression: 0.2}\n",
    )
    assert shown(made) == [(21, "flu"), (21, "cold"), (22, "flu"), (22, "flu")]
    assert made.card.rows_suppressed == 1


def test_suppression_is_never_more_than_the_contract_allows() -> None:
    with pytest.raises(PrivacyError) as caught:
        release(
            """
            age ill
            21  flu
            """,
            AGES + "privacy: {models: [{model: k-anonymity, k: 2}], suppression: 0.2}\n",
        )
    assert caught.value.code == "P400"


def test_local_recoding_lets_each_class_have_its_own_detail() -> None:
    made = release(
        """
        age ill
        21  flu
        21  cold
        35  flu
        38  cold
        """,
        AGES + "privacy: {models: [{model: k-anonymity, k: 2}], recoding: local, suppression: 0}\n",
    )
    assert shown(made) == [("21", "flu"), ("21", "cold"), ("[30, 40)", "flu"), ("[30, 40)", "cold")]


def test_diversity_asks_for_different_sensitive_values_in_every_class() -> None:
    made = release(
        """
        age ill
        21  flu
        24  flu
        32  cold
        38  flu
        """,
        AGES
        + "privacy: {models: [{model: distinct-l-diversity, column: ill, l: 2}], recoding: optimal, suppression: 0}\n",
    )
    assert [age for age, _ in shown(made)] == ["[20, 40)"] * 4


def test_a_null_is_a_value_like_any_other() -> None:
    made = release(
        """
        age ill
        21  flu
        21  -
        -   cold
        -   flu
        """,
        AGES
        + "privacy: {models: [{model: distinct-l-diversity, column: ill, l: 2}], recoding: optimal, suppression: 0}\n",
    )
    assert shown(made) == [(21, "flu"), (21, None), (None, "cold"), (None, "flu")]


def test_what_a_class_gives_away_is_said() -> None:
    made = release(
        """
        age ill
        21  flu
        21  flu
        22  flu
        22  cold
        """,
        AGES + "privacy: {models: [{model: k-anonymity, k: 2}], recoding: optimal, suppression: 0}\n",
    )
    (facts,) = made.card.disclosure_after
    assert facts.certain_share == 0.5


def test_suppressed_rows_may_be_shown_as_stars_if_they_are_enough_to_hide_each_other() -> None:
    contract = (
        AGES
        + "privacy: {models: [{model: k-anonymity, k: 2}], recoding: optimal, suppression: 0.5, suppressed: star}\n"
    )
    enough = release("age ill\n21 flu\n21 flu\n21 flu\n21 flu\n50 cold\n99 cold", contract)
    assert shown(enough)[-2:] == [("*", "cold"), ("*", "cold")]
    alone = release("age ill\n21 flu\n21 flu\n21 flu\n21 flu\n99 cold", contract)
    assert shown(alone) == [(21, "flu")] * 4
