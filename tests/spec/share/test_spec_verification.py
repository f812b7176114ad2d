"""1.A, chapter 3: what is written is counted again, and nothing appears that does not keep the promise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jalousie.privacy.deidentify as deidentify
from jalousie import ReleaseError, parse_contract
from jalousie.architectures.share import Sharing
from spec_tables import HEAD, table

CONTRACT = HEAD + (
    "columns:\n  age: {role: quasi-identifier, type: integer, hierarchy: {by: intervals, widths: [10, 20]}}\n"
    "  ill: {role: sensitive}\n"
    "privacy: {models: [{model: k-anonymity, k: 2}], recoding: local, suppression: 0}\n"
)
ROWS = "age ill\n21 flu\n24 cold\n32 flu\n38 flu\n"


def too_fine(recoding: Any, counted: Any) -> Any:
    """A search gone wrong: it claims its classes but shows raw values."""
    return replace(recoding, labels=counted.values, codes=counted.codes, levels=None)


@pytest.mark.parametrize("way", ["publish", "release", "rehearse"])
def test_a_search_gone_wrong_is_found_out(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = deidentify.search
    monkeypatch.setattr(deidentify, "search", lambda counted, *a, **k: too_fine(right(counted, *a, **k), counted))
    sharing = Sharing(table(ROWS), parse_contract(CONTRACT))
    with pytest.raises(ReleaseError) as caught:
        sharing.publish(tmp_path / "out") if way == "publish" else getattr(sharing, way)()
    assert caught.value.code == "R531"
    assert list(tmp_path.iterdir()) == []


def test_a_lost_row_is_found_out(tmp_path: Path) -> None:
    sharing = Sharing(table(ROWS), parse_contract(CONTRACT))
    sharing.done = replace(
        sharing.done, released=replace(sharing.done.released, frame=sharing.done.released.frame.head(3))
    )
    with pytest.raises(ReleaseError):
        sharing.publish(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_same_table_and_contract_give_the_same_bytes(tmp_path: Path) -> None:
    cards = [Sharing(table(ROWS), parse_contract(CONTRACT)).publish(tmp_path / name) for name in ("a", "b")]
    assert cards[0].data_digest == cards[1].data_digest
    assert (tmp_path / "a" / "table.parquet").read_bytes() == (tmp_path / "b" / "table.parquet").read_bytes()


def test_figures_of_the_card_are_those_of_the_rows() -> None:
    made = Sharing(table(ROWS), parse_contract(CONTRACT)).release()
    ages = [row["age"] for row in made.to_arrow().to_pylist()]
    sizes = np.unique(ages, return_counts=True)[1]
    assert made.card.risk_after is not None
    assert made.card.risk_after.smallest_class == sizes.min()
    assert made.card.models[0].reached == sizes.min()
