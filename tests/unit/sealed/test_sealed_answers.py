"""Sealed answers: their noise, what they cost, what is replayed and refused, and how often a record counts."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from scipy import stats

from feedback_double import furthest, same_counts
from jalousie.architectures.ask import LocalValidator
from jalousie.architectures.ask_sealed import Mediating, SealedValidator, seal_labels
from jalousie.architectures.records import array_records
from jalousie.contract.feedback import Feedback, Sealed
from jalousie.errors import ContractError, ValidatorError
from jalousie.ledger.entry import Answered, QuestionAsked, Refused, decode_entry
from jalousie.sealed.keys import SealingKey, pads
from jalousie.sealed.masking import seal
from jalousie.sealed.sums import group_sums
from jalousie.sealed.types import Context
from jalousie.validator.answer import variances
from jalousie.validator.budget import Rho
from jalousie.validator.local import Simulated
from jalousie.validator.match import align, encode_label, match_rows
from jalousie.validator.noise import Noise, gaussian_masses
from jalousie.validator.rows import index_rows
from jalousie.validator.sensitivity import Sensitivity, sensitivity
from jalousie.validator.types import Answer, Partition, Population, Question, Statistic
from sealed_ground import TWO, Ground, contract, people, pseudonyms, question, split, validator

N = 4000
TABLE, PRESENT = people(N), split(N)
GROUPS = (np.arange(N) % 4).astype(np.int32)


def made(**changes: Any) -> SealedValidator:
    return validator({"north": TABLE, "south": TABLE}, contract(**changes), PRESENT)


def refusal(validator: SealedValidator, asked: Any) -> str:
    with pytest.raises(ValidatorError) as caught:
        validator.ask(asked)
    return caught.value.code


@pytest.mark.parametrize("relation", ["add-or-remove", "change-label"])
@pytest.mark.parametrize("noise", ["gaussian", "laplace"])
@pytest.mark.parametrize("label", ["y", "w", "z"])
def test_answers_are_the_truth_but_for_the_noise(label: str, noise: str, relation: str) -> None:
    sealed = made(epsilon=8.0, noise=noise, neighbours=relation)
    answer = sealed.ask(question(sealed, sealed.budget(label).left.value, GROUPS, GROUPS // 2, label=label))
    anywhere = PRESENT["north"] | PRESENT["south"]
    spread = furthest(noise, answer.variance)
    for groups, counts in zip((GROUPS, GROUPS // 2), answer.counts, strict=True):
        for group, cells in enumerate(counts):
            values = TABLE[label][anywhere & (groups == group)]
            if label == "z":
                wanted = [(np.clip(values, -3, 5) - answer.origin).sum() / answer.unit]
            else:
                wanted = [(values == name).sum() for name in answer.classes]
            assert np.abs(cells - wanted).max() < spread + (len(values) / 2 if label == "z" else 0)
    if relation == "change-label":
        assert answer.totals[0].tolist() == [int((anywhere & (group == GROUPS)).sum()) for group in range(4)]
    else:
        assert answer.totals == ()


def test_the_noise_is_the_discrete_gaussian_that_the_answer_states() -> None:
    groups = np.arange(N) % 40
    anywhere = PRESENT["north"] | PRESENT["south"]
    truth = np.array(
        [[int((anywhere & (groups == g) & (TABLE["y"] == c)).sum()) for c in ("0", "1")] for g in range(40)]
    )
    errors = []
    for _ in range(40):
        sealed = made(epsilon=2.0)
        answer = sealed.ask(question(sealed, 0.05, groups))
        errors.append(answer.counts[0] - truth)
    seen = np.concatenate([part.ravel() for part in errors])
    assert answer.variance == pytest.approx(1 / (2 * 0.05), rel=1e-6)
    assert float(np.mean(seen**2)) == pytest.approx(answer.variance, rel=0.15)
    values, masses = gaussian_masses(answer.scale)
    cut = int(2.5 * answer.scale)  # further out values are too rare for a chi-square
    inner = np.abs(values) <= cut
    counts = [int((seen == value).sum()) for value in values[inner]]
    expected = np.append(masses[inner], 1 - masses[inner].sum()) * len(seen)
    assert stats.chisquare([*counts, len(seen) - sum(counts)], expected).pvalue > 1e-8


def test_noise_is_as_large_as_that_of_labels_in_clear() -> None:
    sealed = made()
    clear = LocalValidator.from_arrays(TABLE, Feedback(identifier="id", labels=sealed.feedback.labels))
    for label in ("y", "w", "z"):
        asked = [v.ask(question(v, 0.01, GROUPS, label=label)) for v in (sealed, clear)]  # type: ignore[arg-type]
        assert asked[0].variance == asked[1].variance
        assert asked[0].scale == asked[1].scale


# -- budget, memory, refusals


def test_a_partition_is_answered_once_however_it_is_written_down() -> None:
    sealed = made()
    first = sealed.ask(question(sealed, 0.01, GROUPS))
    again = sealed.ask(question(sealed, 0.02, GROUPS))
    assert again.replayed
    assert again.rho_spent == 0
    assert same_counts(first, again)
    renumbered = sealed.ask(question(sealed, 0.0, 3 - GROUPS))
    assert (renumbered.counts[0] == first.counts[0][::-1]).all()
    assert sealed.budget("y").spent == Rho(10**7)


@pytest.mark.parametrize("relation", ["add-or-remove", "change-label"])
def test_old_and_new_partitions_of_one_question_are_both_opened(relation: str) -> None:
    sealed = made(epsilon=4.0, neighbours=relation)
    first = sealed.ask(question(sealed, 0.004, GROUPS))
    both = sealed.ask(question(sealed, 0.1, GROUPS, GROUPS // 2))
    assert (both.counts[0] == first.counts[0]).all()
    assert variances(both) == (first.variance, pytest.approx(1 / (2 * 0.05)))
    assert np.abs(both.counts[1].sum() - first.counts[0].sum()) < 200
    assert sealed.budget("y").spent == Rho(54 * 10**6)


def test_the_budget_is_never_exceeded_and_refusals_cost_nothing() -> None:
    sealed = made(epsilon=4.0)
    left = sealed.budget("y").left
    rng = np.random.default_rng(8)
    asked = [question(sealed, float(rng.choice([0.005, 0.02, 0.05])), rng.integers(0, 3, N)) for _ in range(40)]
    spent, refused = 0.0, 0
    for one in asked:
        (answer,) = sealed.ask_many([one])
        if isinstance(answer, Answer):
            spent += answer.rho_spent
        else:
            refused += 1
            assert answer.code == "V201"
        assert sealed.budget("y").spent.value == pytest.approx(spent)
        assert sealed.budget("y").spent <= left
    assert refused > 0
    assert spent > left.value - 0.005


def test_refusals_are_those_of_a_provider() -> None:
    sealed = made(max_groups=5)
    assert refusal(sealed, question(sealed, 9.0, GROUPS)) == "V201"
    assert refusal(sealed, question(sealed, 0.01, np.where(np.arange(N) < 3, 1, 0))) == "V204"
    assert refusal(sealed, question(sealed, 0.01, GROUPS, GROUPS // 2)) == "V205"
    assert refusal(sealed, question(sealed, 0.01, GROUPS[:-1])) == "V207"
    assert refusal(sealed, question(sealed, 0.01, GROUPS, label="x")) == "V208"
    assert refusal(sealed, question(sealed, 0.0, GROUPS)) == "V209"
    stranger = question(made(), 0.01, GROUPS)
    assert refusal(sealed, stranger) == "V206"
    assert sealed.budget("y").spent == Rho(0)
    assert sealed.budget("y").questions == 0


def test_statistics_are_refused_since_words_are_sealed_before_the_question() -> None:
    sealed = made()
    centres = np.zeros(N, dtype=np.int32)
    for statistic in (Statistic("signed", centres, 4), Statistic("records")):
        asked = (Partition(GROUPS, 4, statistic),)
        assert refusal(sealed, Question(sealed.population.digest(), "z", asked, 0.01)) == "V217"
    assert sealed.budget("z").questions == 0


def test_several_questions_at_once_each_have_their_own_answer() -> None:
    sealed = made()
    asked = [question(sealed, 0.01, GROUPS), question(sealed, 9.0, GROUPS // 2), question(sealed, 0.0, GROUPS)]
    first, refused, again = sealed.ask_many(asked)
    assert isinstance(refused, ValidatorError)
    assert isinstance(first, Answer)
    assert isinstance(again, Answer)
    assert same_counts(first, again)


def test_the_ledger_has_questions_answers_and_refusals() -> None:
    ground = Ground(contract(), made().population)
    mediator = ground.mediator()
    with pytest.raises(ValidatorError, match="2 of 2") as caught:
        mediator.ask(question(mediator, 0.01, GROUPS))
    assert caught.value.code == "V219"
    for name in ("north", "south"):
        for column in ground.columns(name, TABLE):
            mediator.accept(column)
    mediator.ask(question(mediator, 0.01, GROUPS))
    with mediator.kept.store.transaction():
        entries = [decode_entry(data) for data in mediator.kept.store.read(0, 100)]
    kinds = [type(entry) for entry in entries][2:]
    assert kinds == [QuestionAsked, Refused, QuestionAsked, Answered]
    assert isinstance(entries[3], Refused)
    assert entries[3].code == "V219"


# -- how often a record counts


def test_a_record_at_two_providers_counts_twice_and_noise_covers_that() -> None:
    everybody = {"north": np.ones(N, dtype=bool), "south": np.ones(N, dtype=bool)}
    sealed = validator({"north": TABLE, "south": TABLE}, contract(disjoint=False, epsilon=8.0), everybody)
    answer = sealed.ask(question(sealed, 0.5, GROUPS))
    truth = 2 * np.array([[int(((TABLE["y"] == c) & (g == GROUPS)).sum()) for c in ("0", "1")] for g in range(4)])
    assert answer.variance == pytest.approx(2**2 / (2 * 0.5), rel=0.01)
    assert np.abs(answer.counts[0] - truth).max() < 7 * np.sqrt(answer.variance)


SMALL = pseudonyms(2)


def cells_of(feedback: Feedback, tables: tuple[tuple[str | None, ...], ...]) -> np.ndarray:
    """Exact cells of one group, from sealed columns of which the pads were taken off; None: not at this provider."""
    total = np.zeros(0)
    for number, table in enumerate(tables):
        rows = [at for at, value in enumerate(table) if value is not None]
        index = index_rows(SMALL[rows], feedback)
        column = encode_label(np.array([table[at] for at in rows], dtype=object), TWO, feedback)
        key = SealingKey(bytes(32)).of(str(number))
        sealed = seal(align(match_rows(SMALL, index), column), key, Context("c", "p", "y", str(number), 0), feedback)
        clear = group_sums(sealed.words - pads(key, sealed.header), np.zeros(2, np.int32), 1).view(np.int64)[0]
        cells = clear[: len(clear) - (feedback.neighbours == "change-label")]
        total = cells if not len(total) else total + cells
    return total


@pytest.mark.parametrize("relation", ["add-or-remove", "change-label"])
@pytest.mark.parametrize("disjoint", [True, False])
def test_sensitivity_against_every_small_pair_of_tables(relation: str, disjoint: bool) -> None:
    """One unit changes at every provider that has it."""
    labels = {"y": TWO}
    sealed = Sealed(providers=("0", "1"), disjoint=disjoint)
    feedback = Feedback(identifier="id", labels=labels, neighbours=relation, sealed=sealed)  # type: ignore[arg-type]
    values = ("0", "1", None)
    worst = 0
    for record, other in product(product(values, repeat=2), repeat=2):
        if disjoint and (None not in record or None not in other):
            continue
        for changed in product(values, repeat=2):
            if relation == "change-label" and [v is None for v in changed] != [v is None for v in record]:
                continue
            if relation == "add-or-remove" and any(v is not None for v in changed):
                continue
            before = cells_of(feedback, tuple(zip(record, other, strict=True)))
            after = cells_of(feedback, tuple(zip(changed, other, strict=True)))
            worst = max(worst, int(np.abs(before - after).sum()))
    assert sensitivity(TWO, feedback) == Sensitivity(worst, worst * worst)
    assert worst == (1 if disjoint else 2)


def test_subjects_count_up_to_their_records_at_every_provider() -> None:
    feedback = contract(disjoint=False, unit="subject", subject="who", records_per_subject=3)
    assert sensitivity(TWO, feedback) == Sensitivity(6, 36)


@pytest.mark.parametrize("relation", ["add-or-remove", "change-label"])
@pytest.mark.parametrize("label", ["y", "w", "z"])
def test_all_rows_of_a_subject_that_count_are_summed(
    label: str, relation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Noise, "add", lambda self, cells: cells)
    names, table = pseudonyms(300), people(1200)
    rows = names[np.random.default_rng(9).integers(0, 300, 1200)]  # four rows a subject, of which three count
    terms = {"unit": "subject", "records_per_subject": 3, "neighbours": relation, "epsilon": 8.0}
    at = Ground(contract(("north",), **terms), Population(names))
    mediator = at.mediator()
    for column in seal_labels(
        array_records(table, at.feedback, rows), at.population, at.agreed, "north", at.key.of("north")
    ):
        mediator.accept(column)
    opened = SealedValidator(mediator, at.key)
    clear = Simulated(Population(names), replace(at.feedback, sealed=None), pseudonyms=rows, labels=table)
    asked = question(opened, 0.01, np.arange(300) % 5, label=label)
    answers = opened.ask(asked), clear.ask(asked)
    assert (answers[0].counts[0] == answers[1].counts[0]).all()
    if relation == "change-label":
        assert (answers[0].totals[0] == answers[1].totals[0]).all()
        assert answers[0].totals[0].sum() > 600


# -- contracts


def test_labels_are_sealed_or_in_clear_and_never_both() -> None:
    with pytest.raises(ContractError, match="sealed for a mediator") as caught:
        LocalValidator.from_arrays(TABLE, contract())
    assert caught.value.code == "C103"
    plain = Feedback(identifier="id", labels={"y": TWO})
    with pytest.raises(ContractError, match="who seals") as caught:
        SealedValidator.from_arrays({"north": TABLE}, plain)
    assert caught.value.code == "C103"


def test_another_population_cannot_be_named() -> None:
    sealed = made()
    other = made().population
    with pytest.raises(ValidatorError) as caught:
        sealed.mediating.hand_over(other)
    assert caught.value.code == "V215"
    sealed.mediating.hand_over(sealed.population)


def test_partitions_may_leave_records_out() -> None:
    sealed = made(epsilon=8.0)
    half = np.where(np.arange(N) % 2, GROUPS // 2, -1)
    answer = sealed.ask(question(sealed, 0.5, half))
    inside = (half >= 0) & (PRESENT["north"] | PRESENT["south"])
    assert abs(int(answer.counts[0].sum()) - int(inside.sum())) < 20
    assert Partition(half.astype(np.int32), 2).count == len(answer.counts[0])
    assert isinstance(sealed.mediating, Mediating)
