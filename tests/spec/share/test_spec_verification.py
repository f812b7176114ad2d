"""1.A, chapter 3: what is written is counted again, and nothing appears that does not keep the promise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pytest
from msgspec.structs import replace

import jalousie.privacy.deidentify as deidentify
from jalousie import Release, ReleaseError, parse_contract
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


def swapped(recoding: Any, counted: Any) -> Any:
    """Everything is released, in classes that nobody asked about."""
    return replace(too_fine(recoding, counted), suppressed=np.zeros_like(recoding.suppressed))


def too_few_stars(recoding: Any, counted: Any) -> Any:
    """One distinct row is hidden alone."""
    suppressed = recoding.suppressed.copy()
    suppressed[0] = True
    return replace(recoding, suppressed=suppressed)


WRONG: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "raw values in generalised classes": (too_fine, "suppressed: drop"),
    "rows released that were to be suppressed": (swapped, "suppressed: drop"),
    "a class of one row left by another's suppression": (too_few_stars, "suppressed: drop"),
}


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("form", ["parquet", "csv", "arrow"])
def test_no_wrong_recoding_is_written_in_any_format(
    how: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, shown = WRONG[how]
    right = deidentify.search
    monkeypatch.setattr(deidentify, "search", lambda counted, *a, **k: spoil(right(counted, *a, **k), counted))
    contract = CONTRACT.replace("suppression: 0", f"suppression: 0.5, {shown}") + f"release: {{format: {form}}}\n"
    sharing = Sharing(table(ROWS), parse_contract(contract))
    with pytest.raises(ReleaseError) as caught:
        sharing.publish(tmp_path / "out")
    assert caught.value.code == "R531"
    assert "fault of Jalousie" in caught.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("instead", ["influenza", None])
def test_a_changed_sensitive_value_is_found_out(instead: str | None, tmp_path: Path) -> None:
    """As a model speaks of the column, its values are read back: one that the table does not have was made up."""
    diverse = CONTRACT.replace("{model: k-anonymity, k: 2}", "{model: distinct-l-diversity, column: ill, l: 2}")
    sharing = Sharing(table(ROWS), parse_contract(diverse))
    frame = sharing.done.released.frame.with_columns(ill=nw.lit(instead, nw.String()))
    sharing.done = replace(sharing.done, released=replace(sharing.done.released, frame=frame))
    with pytest.raises(ReleaseError) as caught:
        sharing.publish(tmp_path / "out")
    assert caught.value.code in ("R530", "R531", "R540")
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


@pytest.mark.parametrize("name", ["space.json", "report.html", "table.parquet"])
@pytest.mark.parametrize("spoil", ["changed", "gone"])
def test_a_file_of_a_release_that_was_changed_is_noticed(name: str, spoil: str, tmp_path: Path) -> None:
    """The card names every other file by its SHA-256; the card's own digest is told by who sends it."""
    card = Sharing(table(ROWS), parse_contract(CONTRACT)).publish(tmp_path / "out")
    assert {*card.files, card.data_file, "card.json"} == {path.name for path in (tmp_path / "out").iterdir()}
    assert len(Release.load(tmp_path / "out")) == 4
    file = tmp_path / "out" / name
    if spoil == "changed":
        file.write_bytes(file.read_bytes().replace(b"age", b"aGe", 1))
    else:
        file.unlink()
    with pytest.raises(ReleaseError) as caught:
        Release.load(tmp_path / "out")
    assert caught.value.code == ("R511" if spoil == "changed" else "R510")


def test_a_card_names_no_file_outside_its_folder(tmp_path: Path) -> None:
    Sharing(table(ROWS), parse_contract(CONTRACT)).publish(tmp_path / "out")
    (tmp_path / "other").write_bytes(b"")
    path = tmp_path / "out" / "card.json"
    path.write_text(path.read_text().replace('"space.json"', '"../other"'))
    with pytest.raises(ReleaseError) as caught:
        Release.load(tmp_path / "out")
    assert caught.value.code == "R511"


def test_figures_of_the_card_are_those_of_the_rows() -> None:
    made = Sharing(table(ROWS), parse_contract(CONTRACT)).release()
    ages = [row["age"] for row in made.to_arrow().to_pylist()]
    sizes = np.unique(ages, return_counts=True)[1]
    assert made.card.risk_after is not None
    assert made.card.risk_after.smallest_class == sizes.min()
    assert made.card.models[0].reached == sizes.min()
