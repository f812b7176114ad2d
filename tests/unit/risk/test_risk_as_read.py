"""Figures of the raw table are of the table as it was read, whatever steps came before it was generalised."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from jalousie.architectures.measure import released_rows
from jalousie.architectures.share import Sharing
from jalousie.attacks.release_all import attack_release
from jalousie.contract import Contract
from jalousie.contract.load import Loaded
from jalousie.contract.model import (
    Clip,
    Column,
    DropColumns,
    DropRows,
    Enrich,
    Generalise,
    IntervalHierarchy,
    KAnonymity,
    Learning,
    Noise,
    Parties,
    Privacy,
    Pseudonymise,
    RandomisedResponse,
    Round,
    Sample,
    Step,
    Table,
    TruncateDate,
)
from jalousie.contract.positions import Positions
from jalousie.places.provider import Provider
from jalousie.privacy.card import AttackFacts, Card
from jalousie.report import render_html, render_text

ROWS = 240
QI = ("age", "town", "born")
COLUMNS = {
    "id": Column(role="identifier"),
    "age": Column(role="quasi-identifier", type="integer", hierarchy=IntervalHierarchy(widths=(10, 40))),
    "town": Column(role="quasi-identifier"),
    "born": Column(role="quasi-identifier", type="datetime"),
    "ill": Column(role="sensitive"),
    "row": Column(role="plain"),
}
STEPS: dict[str, Step] = {
    "round": Round(column="age", to=20),
    "clip": Clip(column="age", low=30, high=50),
    "truncate-date": TruncateDate(column="born", to="year"),
    "noise": Noise(column="age", scale=3),
    "randomised-response": RandomisedResponse(column="town", epsilon=1),
    "randomised answer": RandomisedResponse(column="ill", epsilon=1),
    "sample": Sample(fraction=0.7),
    "drop-rows": DropRows(column="age", when="below", value=30),
    "drop-columns": DropColumns(columns=("town",)),
    "pseudonymise": Pseudonymise(columns=("town",)),
    "enrich": Enrich(table=Table(file="zones.csv"), on="town", columns={"zone": Column(role="quasi-identifier")}),
}


def people(seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 70, ROWS)
    return pd.DataFrame(
        {
            "id": [f"p{i}" for i in range(ROWS)],
            "age": age,
            "town": rng.choice(list("ABC"), ROWS),
            "born": pd.to_datetime("1950-01-01") + pd.to_timedelta(rng.integers(0, 6, ROWS) * 100, unit="D"),
            "ill": np.where(rng.random(ROWS) < 0.85, age > 45, age <= 45).astype(str),
            "row": range(ROWS),
        }
    )


@pytest.fixture
def share(tmp_path: Path) -> Any:
    (tmp_path / "zones.csv").write_text("town,zone\nA,north\nB,south\nC,south\n")

    def made(*steps: Step, data: Any = None, columns: dict[str, Column] = COLUMNS, **more: Any) -> Sharing:
        contract = Contract(
            jalousie=1,
            name="people",
            parties=Parties(provider="P", ml_party="M"),
            columns=columns,
            steps=steps,
            privacy=Privacy(models=(KAnonymity(k=3),), suppression=0.2),
            **more,
        )
        loaded = Loaded(contract, tmp_path, Positions())
        return Sharing(people() if data is None else data, loaded, Provider(tmp_path / "home"))

    return made


def attacks(sharing: Sharing, *, every: bool = True) -> dict[tuple[str, str], AttackFacts]:
    models = sharing.contract.privacy.models if sharing.contract.privacy else ()
    return {(a.attack, a.column): a for a in attack_release(sharing.done, models, every=every)}


@pytest.mark.parametrize("name", STEPS)
def test_risk_and_disclosure_before_are_of_the_table_as_it_was_read(name: str, share: Any) -> None:
    card: Card = share(STEPS[name]).card
    raw = people()
    sizes = Counter(raw.groupby(list(QI)).size().tolist())
    assert card.risk_before is not None
    assert (card.risk_before.rows, card.risk_before.classes) == (ROWS, sum(sizes.values()))
    assert card.risk_before.sample_uniques == pytest.approx(sizes[1] / ROWS)
    (gave_away,) = card.disclosure_before
    of_class = raw.groupby(list(QI))["ill"]
    certain = of_class.transform("nunique") == 1
    assert gave_away.certain_share == pytest.approx(certain.mean())
    best = of_class.agg(lambda values: values.value_counts().max()).sum() / ROWS
    assert gave_away.best_guess == pytest.approx(best)
    assert "as it was read" in card.before
    assert "as it was read" in " ".join(render_text(card, False).split())
    assert "what steps took before" in render_html(card)


def test_a_table_that_no_step_changed_is_counted_once(share: Any) -> None:
    sharing = share()
    assert sharing.done.as_read is sharing.done.searched.table
    assert sharing.card.before == ""
    plain = share(DropRows(column="age", when="above", value=200), DropColumns(columns=("row",)))
    assert plain.done.as_read is plain.done.searched.table


@pytest.mark.parametrize("name", STEPS)
def test_attacks_on_the_raw_table_use_the_rows_as_they_were_read(name: str, share: Any) -> None:
    sharing = share(STEPS[name])
    raw = people()
    rows = released_rows(sharing.done)
    found = attacks(sharing)
    size = raw.groupby(list(QI))["id"].transform("size").to_numpy()
    named = found["re-identification", ""]
    assert named.records == len(rows)
    assert named.raw_success == pytest.approx((1 / size[rows]).mean())
    assert named.verdict == "PASS"
    assert named.release_success <= 1 / 3 + 1e-9
    guessed = found["attribute-inference", "ill"]
    top = raw.groupby(list(QI))["ill"].transform(lambda values: values.value_counts().max()) / size
    if name not in ("sample", "drop-rows"):  # there the commonest value is asked of those who were left
        assert guessed.records == len(rows)
        assert guessed.raw_success == pytest.approx(top.to_numpy()[rows].mean(), abs=0.06)
    assert found["singling-out", ""].raw_success == pytest.approx((size == 1).mean())
    assert found["linkability", ""].raw_success is not None


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_every_released_row_is_traced_to_the_row_that_was_read(kind: str, share: Any) -> None:
    data: Any = people() if kind == "pandas" else pl.from_pandas(people())
    steps = (
        Sample(fraction=0.8),
        DropRows(column="age", when="below", value=25),
        Round(column="age", to=10),
        Noise(column="age", scale=1),
        DropRows(column="town", when="equals", value="C"),
        Sample(fraction=0.9),
    )
    sharing = share(*steps, data=data)
    released = sharing.release().to_arrow()
    assert 20 < released.num_rows < 160
    assert released_rows(sharing.done).tolist() == released["row"].to_pylist()


def test_a_randomised_answer_is_guessed_right_only_where_it_is_true(share: Any) -> None:
    plain = attacks(share())["attribute-inference", "ill"]
    noisy = attacks(share(RandomisedResponse(column="ill", epsilon=0.01)))["attribute-inference", "ill"]
    assert noisy.raw_success == pytest.approx(plain.raw_success, abs=0.03)
    assert noisy.release_success < plain.release_success - 0.1


def test_little_noise_protects_little_and_much_noise_much(share: Any) -> None:
    (plain, little, much) = (
        attacks(share(*steps), every=False)["re-identification", ""]
        for steps in ((), (Noise(column="age", scale=1e-6),), (Noise(column="age", scale=1000),))
    )
    assert little.release_success == pytest.approx(plain.release_success, abs=1e-9)
    assert much.release_success < plain.release_success
    assert much.raw_success == pytest.approx(plain.raw_success, abs=0.05)


def test_a_sensitive_column_changed_after_the_generalisation_counts_as_it_is_released(share: Any) -> None:
    plain, noisy = share(), share(Generalise(), RandomisedResponse(column="ill", epsilon=0.01))
    assert noisy.card.disclosure_after[0].best_guess < plain.card.disclosure_after[0].best_guess
    assert noisy.card.disclosure_before == plain.card.disclosure_before
    fell = attacks(noisy)["attribute-inference", "ill"].release_success
    assert fell < attacks(plain)["attribute-inference", "ill"].release_success - 0.1
    gone = share(Generalise(), DropColumns(columns=("ill",)))
    assert gone.card.disclosure_after == ()
    assert ("attribute-inference", "ill") not in attacks(gone)


def test_what_only_a_join_brings_has_no_raw_figure_and_the_card_says_so(share: Any) -> None:
    join = Enrich(table=Table(file="zones.csv"), on="town", keep_key=True, columns={"zone": Column(role="sensitive")})
    sharing = share(join)
    found = attacks(sharing)
    guessed = found["attribute-inference", "zone"]
    assert guessed.raw_success is None
    assert "without a figure for the raw table" in guessed.sentence
    assert [facts.column for facts in sharing.card.disclosure_before] == ["ill"]
    assert "zone came by a join" in sharing.card.before
    sharing.add_attacks(list(found.values()))
    assert render_html(sharing.card)
    assert "zone" in render_text(sharing.card, False)


def test_a_raw_table_without_quasi_identifiers_has_no_risk_and_the_card_says_so(share: Any) -> None:
    plain = {name: Column(role="plain") if name in QI else column for name, column in COLUMNS.items()}
    sharing = share(STEPS["enrich"], columns=plain)
    assert sharing.card.risk_before is None
    assert "no quasi-identifier" in sharing.card.before
    found = attacks(sharing)
    assert found["re-identification", ""].raw_success is None
    assert found["attribute-inference", "ill"].raw_success is None
    sharing.add_attacks(list(found.values()))
    assert "no quasi-identifier" in render_html(sharing.card)


def test_too_many_combinations_to_count_have_no_raw_figures_and_the_card_says_so(
    share: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = attacks(share(STEPS["round"]), every=False)
    monkeypatch.setattr("jalousie.privacy.origin.MOST_COMBINATIONS", 100)
    sharing = share(STEPS["round"])
    assert sharing.card.risk_before is None
    assert "too many combinations" in sharing.card.before
    found = attacks(sharing, every=False)
    for key, facts in found.items():
        assert facts.raw_success is None
        assert facts.release_success == pytest.approx(counted[key].release_success)


LEARN = Learning(target="ill", learners=("logistic-regression",), test_share=0.5)


@pytest.mark.parametrize("name", sorted(set(STEPS) - {"drop-columns", "pseudonymise", "enrich"}))
def test_learning_compares_with_the_table_as_it_was_read(name: str, share: Any) -> None:
    facts = []
    for steps in ((), (STEPS[name],)):
        sharing = share(*steps, learning=LEARN)
        sharing.measure_learning()
        facts.append(sharing.card.learning)
    plain, changed = facts
    assert changed.learners[0].raw == plain.learners[0].raw
    assert changed.test_rows == plain.test_rows
    learner = changed.learners[0]
    assert (learner.release, learner.release_log_loss) != (learner.raw, learner.raw_log_loss)


def test_joined_columns_and_pseudonyms_are_learned_from_on_neither_side(share: Any) -> None:
    sharing = share(STEPS["enrich"], Pseudonymise(columns=("id",)), learning=LEARN)
    sharing.measure_learning()
    assert sharing.card.learning.left_out == ("id", "zone")
    assert "neither side" in render_html(sharing.card)


@pytest.mark.parametrize("target", ["zone", "ill"])
def test_a_target_that_was_joined_or_is_a_pseudonym_can_be_learned(target: str, share: Any) -> None:
    join = Enrich(table=Table(file="zones.csv"), on="town", columns={"zone": Column(role="plain")})
    steps = (join,) if target == "zone" else (Pseudonymise(columns=("ill",)),)
    learning = Learning(target=target, learners=("logistic-regression",), test_share=0.5)
    sharing = share(*steps, learning=learning)
    sharing.measure_learning()
    assert sharing.card.learning.test_rows > 80
    assert sharing.card.learning.learners[0].metric == "auc"
