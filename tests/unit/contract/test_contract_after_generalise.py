"""What a step after generalise may not touch."""

from __future__ import annotations

import pytest

from jalousie.contract import parse_contract
from jalousie.errors import ContractError

TEXT = """
jalousie: 1
name: t
parties: {{provider: P}}
columns:
  age: {{role: quasi-identifier, type: integer}}
  illness: {{role: sensitive}}
  note: {{role: sensitive}}
steps:
  - {{step: generalise}}
  - {{step: randomised-response, column: {column}, epsilon: 1}}
privacy: {{models: [{{model: k-anonymity, k: 2}}, {{model: distinct-l-diversity, column: illness, l: 2}}]}}
"""


def test_a_column_that_a_model_speaks_of_is_not_changed_after_generalise() -> None:
    with pytest.raises(ContractError, match="a model speaks of it"):
        parse_contract(TEXT.format(column="illness"))


def test_another_sensitive_column_may_be() -> None:
    assert parse_contract(TEXT.format(column="note")).contract.name == "t"


def test_nor_dropped() -> None:
    text = TEXT.replace(
        "{step: randomised-response, column: {column}, epsilon: 1}", "{step: drop-columns, columns: [{column}]}"
    )
    with pytest.raises(ContractError, match="is dropped after generalise, but a model speaks of it"):
        parse_contract(text.format(column="illness"))
    assert parse_contract(text.format(column="note")).contract.name == "t"
