"""Statistics of a number: sensitivity against brute force, what is answered, what is the same question, what is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from test_validator_sensitivity import NUMBER, PSEUDONYMS, RECORDS, feedback, noised, worst

from feedback_double import furthest
from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.advantage import advantage_bound
from jalousie.validator.answer import variances
from jalousie.validator.budget import account
from jalousie.validator.canonical import canonical_partition, know
from jalousie.validator.local import Simulated
from jalousie.validator.noise import noise_for
from jalousie.validator.sensitivity import Sensitivity, grid, sensitivity
from jalousie.validator.statistic import MOST_SQUARED, check_statistic, steps_of
from jalousie.validator.types import Answer, Partition, Population, Question, Statistic, StatisticKind

N = 4000
RNG = np.random.default_rng(11)
SPENDING = RNG.normal(40, 25, N)
GUESS = (SPENDING + RNG.normal(0, 10, N)).clip(-20, 130)
GROUPS = (np.arange(N) % 4).astype(np.int32)
LABEL = Label(column="z", kind="number", low=-10.0, high=100.0, unit=0.5)
VALUES = (-7.0, 0.74, 9.0)
RELATIONS = pytest.mark.parametrize("relation", ["add-or-remove", "change-label"])
DEVIATIONS: tuple[StatisticKind, ...] = ("signed", "absolute", "square")


def simulated(relation: str = "add-or-remove", present: np.ndarray | None = None, **other: Any) -> Simulated:
    labels = {"z": LABEL, "y": Label(column="y", classes=("0", "1"))}
    terms = Feedback(identifier="id", labels=labels, neighbours=relation, **other)  # type: ignore[arg-type]
    return Simulated.from_arrays({"z": SPENDING, "y": GROUPS % 2}, terms, present=present)


def statistic(of: StatisticKind, relation: str, within: int = 60, around: np.ndarray = GUESS) -> Statistic:
    return Statistic(of, steps_of(around, LABEL, relation), within) if of != "records" else Statistic("records")  # type: ignore[arg-type]


def question(made: Simulated, rho: float, *statistics: Statistic | None, groups: np.ndarray = GROUPS) -> Question:
    parts = tuple(Partition(groups, 4, about) for about in statistics)
    return Question(made.population.digest(), "z", parts, rho)


def refusal(made: Simulated, asked: Question) -> str:
    with pytest.raises(ValidatorError) as caught:
        made.ask(asked)
    assert made.budget(asked.label).spent.nano == 0
    return caught.value.code


@RELATIONS
@pytest.mark.parametrize("within", [1, 3, 7])
@pytest.mark.parametrize("centres", [(-2, -2, -2), (1, 1, 1), (5, -1, 2)])
@pytest.mark.parametrize("of", DEVIATIONS)
def test_sensitivity_is_that_of_brute_force(
    of: StatisticKind, centres: tuple[int, ...], within: int, relation: str
) -> None:
    contract = feedback(NUMBER, relation)
    scale = grid(NUMBER, contract.neighbours)
    # the same places between the bounds, whatever the origin is
    around = np.array(centres, np.int32) - (0 if relation == "add-or-remove" else round(scale.low / scale.unit))
    part = Partition(np.array([0, 0, 1], np.int32), 2, Statistic(of, around.astype(np.int32), within))
    claimed = sensitivity(NUMBER, contract, part)
    found = worst(contract, VALUES, [part])
    if of == "signed" and relation == "add-or-remove":
        # a signed sum is noised for the change of a label in any case
        assert found.l1 <= claimed.l1 == _another_label(contract, part)
    else:
        assert found == claimed


def _another_label(contract: Feedback, part: Partition) -> int:
    """The most by which the cells change when one record has another label, under a contract that hides presence."""
    most = 0
    for table in product(VALUES, repeat=RECORDS):
        cells = noised(contract, table, [part], "abc")
        for place, value in product(range(RECORDS), VALUES):
            other = (*table[:place], value, *table[place + 1 :])
            most = max(most, int(np.abs(cells - noised(contract, other, [part], "abc")).sum()))
    return most


def test_sensitivity_of_records_and_of_a_subject() -> None:
    part = Partition(np.zeros(RECORDS, np.int32), 1, Statistic("records"))
    contract = feedback(NUMBER, "add-or-remove")
    assert worst(contract, VALUES, [part]) == sensitivity(NUMBER, contract, part) == Sensitivity(1, 1)
    twice = feedback(NUMBER, "add-or-remove", most=2)
    part = replace(part, statistic=Statistic("square", np.full(RECORDS, 1, np.int32), 3))
    assert worst(twice, (-1.0, 0.5, 2.5), [part], "aab") == sensitivity(NUMBER, twice, part) == Sensitivity(18, 324)


def test_only_centres_of_those_asked_about_count() -> None:
    contract = feedback(NUMBER, "add-or-remove")
    part = Partition(np.array([0, 0, -1], np.int32), 1, Statistic("absolute", np.array([1, 2, 5], np.int32), 7))
    assert sensitivity(NUMBER, contract, part) == worst(contract, VALUES, [part]) == Sensitivity(4, 16)


@RELATIONS
@pytest.mark.parametrize("noise", ["gaussian", "laplace"])
def test_answers_are_the_truth_but_for_the_noise(noise: str, relation: str) -> None:
    present = np.arange(N) % 5 > 0
    made = simulated(relation, present, epsilon=8.0, noise=noise)
    kinds: tuple[StatisticKind, ...] = (*DEVIATIONS, *(("records",) if relation == "add-or-remove" else ()))
    answer = made.ask(question(made, made.budget("z").left.value, None, *(statistic(one, relation) for one in kinds)))
    label, around = (steps_of(values, LABEL, relation).astype(np.int64) for values in (SPENDING, GUESS))  # type: ignore[arg-type]
    apart = np.clip(label - around, -60, 60)
    truth = [
        label,
        *({"signed": apart, "absolute": abs(apart), "square": apart**2}.get(one, apart**0) for one in kinds),
    ]
    for counts, variance, values in zip(answer.counts, variances(answer), truth, strict=True):
        wanted = np.bincount(GROUPS[present], weights=values[present], minlength=4)
        assert np.abs(counts[:, 0] - wanted).max() < furthest(noise, variance)
    assert len(set(variances(answer))) == len(kinds) + 1
    assert answer.variance == max(variances(answer))
    assert made.budget("z").left.nano == 0


@RELATIONS
@pytest.mark.parametrize("noise", ["gaussian", "laplace"])
def test_partitions_of_unlike_sensitivity_cost_what_is_charged_together(noise: str, relation: str) -> None:
    made = simulated(relation, noise=noise)
    asked = question(made, 0.007, None, *(statistic(one, relation) for one in DEVIATIONS))
    answer = made.ask(asked)
    granted, stored = account(made.feedback), made.store.stored("z", [p.digest for p in made.store.asked[0].partitions])  # type: ignore[attr-defined]
    moved = [sensitivity(LABEL, made.feedback, part) for part in asked.partitions]
    if noise == "gaussian":
        costs = [one.l2_squared / (2 * kept.noise.scale**2) for one, kept in zip(moved, stored.values(), strict=True)]
        assert sum(costs) == pytest.approx(0.007, rel=1e-9)
    else:
        costs = [one.l1 / kept.noise.scale for one, kept in zip(moved, stored.values(), strict=True)]
        charge = made.store.asked[0].charge  # type: ignore[attr-defined]
        assert sum(costs) == pytest.approx(granted.epsilon(charge), rel=1e-9)
    assert costs == pytest.approx([costs[0]] * 4, rel=1e-9)
    # of equal ones: the noise that there always was
    alone = noise_for(granted, moved[0].of_partitions(4), made.store.asked[0].charge)  # type: ignore[attr-defined]
    assert next(iter(stored.values())).noise == alone
    assert answer.rho_spent == 0.007


def form(statistic: Statistic | None, groups: np.ndarray = GROUPS, order: np.ndarray | None = None) -> str:
    """Digest of a partition, its records in another order."""
    order = np.arange(N) if order is None else order
    pseudonyms = np.random.default_rng(3).integers(0, 256, (N, 16), dtype=np.uint8)
    if statistic is not None and statistic.centres is not None:
        statistic = replace(statistic, centres=statistic.centres[order])
    return canonical_partition(know(Population(pseudonyms[order])), Partition(groups[order], 4, statistic)).digest


def test_what_is_the_same_question_and_what_is_another() -> None:
    first = statistic("absolute", "add-or-remove")
    shuffle = RNG.permutation(N)
    assert form(first) == form(first, order=shuffle) == form(first, (3 - GROUPS).astype(np.int32))
    assert first.centres is not None
    moved = first.centres.copy()
    moved[7] += 1
    others = [
        None,
        statistic("signed", "add-or-remove"),
        statistic("square", "add-or-remove"),
        statistic("records", "add-or-remove"),
        replace(first, within=61),
        replace(first, centres=moved),
    ]
    assert len({form(first), *map(form, others)}) == 7
    # a centre of somebody who is not asked about is no part of it
    without = np.where(np.arange(N) == 7, -1, GROUPS).astype(np.int32)
    assert form(first, without) == form(replace(first, centres=moved), without) != form(first)
    assert form(first, without, shuffle) == form(first, without)


def test_the_form_of_a_partition_without_a_statistic_is_as_it_always_was() -> None:
    known = know(Population(PSEUDONYMS))
    plain = canonical_partition(known, Partition(np.array([0, 1, -1], np.int32), 2)).digest
    assert plain == "sha256:0c39dfa1bd18c64c13fcc9776d63e514b4bd574db9440b240228ba610e11bafc"


def test_another_statistic_is_another_question_and_the_same_is_free() -> None:
    made = simulated()
    first = made.ask(question(made, 0.002, statistic("absolute", "add-or-remove")))
    again = made.ask(question(made, 0.002, statistic("absolute", "add-or-remove")))
    assert again.replayed
    assert (first.counts[0] == again.counts[0]).all()
    mixed = made.ask(
        question(made, 0.002, statistic("absolute", "add-or-remove"), statistic("square", "add-or-remove"))
    )
    assert (mixed.counts[0] == first.counts[0]).all()
    assert mixed.rho_spent == 0.001
    assert made.budget("z").spent.value == pytest.approx(0.003)
    renumbered = Partition((3 - GROUPS).astype(np.int32), 4, statistic("absolute", "add-or-remove"))
    back: Answer = made.ask(Question(made.population.digest(), "z", (renumbered,), 0.0))
    assert (back.counts[0] == first.counts[0][::-1]).all()


CENTRES = steps_of(GUESS, LABEL, "add-or-remove")


@pytest.mark.parametrize(
    "about",
    [
        Statistic("absolute"),
        Statistic("absolute", CENTRES[1:], 60),
        Statistic("absolute", CENTRES.astype(np.int64), 60),  # type: ignore[arg-type]
        Statistic("absolute", CENTRES + np.int32(1000), 60),
        Statistic("absolute", CENTRES - np.int32(1000), 60),
        Statistic("absolute", CENTRES, 0),
        Statistic("absolute", CENTRES, 221),
        Statistic("records", CENTRES),
        Statistic("records", None, 1),
        Statistic("abs", CENTRES, 60),  # type: ignore[arg-type]
        Statistic("absolute", CENTRES.tolist(), 60),  # type: ignore[arg-type]
        Statistic("absolute", CENTRES, 60.0),  # type: ignore[arg-type]
        Statistic("absolute", CENTRES, np.uint8(60)),  # type: ignore[arg-type]
        Statistic("absolute", CENTRES, "60"),  # type: ignore[arg-type]
        Statistic("absolute", CENTRES, True),
    ],
)
def test_what_is_no_statistic_is_refused_before_anything_is_spent(about: Statistic) -> None:
    made = simulated()
    assert refusal(made, question(made, 0.001, about)) == "V217"
    assert [code for _, code in made.store.refused] == ["V217"]  # type: ignore[attr-defined]


def test_statistics_of_classes_of_public_records_and_of_too_large_squares_are_refused() -> None:
    made = simulated("change-label")
    assert refusal(made, question(made, 0.001, Statistic("records"))) == "V217"
    by_class = Question(made.population.digest(), "y", (Partition(GROUPS, 4, Statistic("records")),), 0.001)
    assert refusal(made, by_class) == "V217"
    fine = replace_unit(1e-4)
    centres = np.zeros(N, np.int32)
    assert refusal(fine, question(fine, 0.001, Statistic("square", centres, MOST_SQUARED + 1))) == "V217"
    fine.ask(question(fine, 0.001, Statistic("square", centres, MOST_SQUARED)))


@pytest.mark.parametrize(("most", "wanted"), [(1, MOST_SQUARED), (64, MOST_SQUARED), (256, MOST_SQUARED // 2)])
def test_squares_of_all_records_of_all_subjects_fit_into_64_bits(most: int, wanted: int) -> None:
    label = Label(column="z", kind="number", low=0.0, high=1e6)
    terms = Feedback(identifier="id", labels={"z": label}, unit="subject", records_per_subject=most)
    everybody = np.zeros(2**20, np.int32)
    for within in (wanted, wanted + 1):
        part = Partition(everybody, 1, Statistic("square", everybody, within))
        if within > wanted:
            with pytest.raises(ValidatorError, match="squares too many steps") as caught:
                check_statistic(part, label, terms, 0)
            assert f"{wanted} steps at most" in caught.value.hint
        else:
            check_statistic(part, label, terms, 0)


def replace_unit(unit: float) -> Simulated:
    label = Label(column="z", kind="number", low=-10.0, high=100.0, unit=unit)
    return Simulated.from_arrays({"z": SPENDING}, Feedback(identifier="id", labels={"z": label}))


def test_the_largest_squares_are_summed_exactly() -> None:
    made = replace_unit(1e-4)
    label = replace_label(made)
    centres = np.full(N, grid(label, "add-or-remove").least, np.int32)
    about = Statistic("square", centres, MOST_SQUARED)
    answer = made.ask(question(made, made.budget("z").left.value, about))
    steps = steps_of(SPENDING, label, "add-or-remove").astype(np.int64)
    wanted = np.bincount(GROUPS, minlength=4) * 0
    np.add.at(wanted, GROUPS, np.minimum(steps - centres, MOST_SQUARED) ** 2)
    assert np.abs(answer.counts[0][:, 0] - wanted).max() < 7 * np.sqrt(answer.variance)


def replace_label(made: Simulated) -> Label:
    return made.feedback.labels["z"]


def test_statistics_do_not_raise_what_an_attacker_gains() -> None:
    for low in (-10.0, 0.0, 50.0):
        label = Label(column="z", kind="number", low=low, high=100.0)
        terms = Feedback(identifier="id", labels={"z": label})
        ratio = max(1.0, ((100 - low) / 100) ** 2)
        assert advantage_bound(terms, label) == pytest.approx(0.0882 * np.sqrt(ratio), rel=0.02)
