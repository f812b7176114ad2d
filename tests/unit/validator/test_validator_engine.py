"""The order of work: what is answered, replayed, charged and refused, and what a crash at any step leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from feedback_double import furthest, same_counts
from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.answer import variances
from jalousie.validator.budget import Rho
from jalousie.validator.engine import departure
from jalousie.validator.local import Simulated
from jalousie.validator.store import MemoryStore
from jalousie.validator.types import Partition, Population, Question

N = 4000
RNG = np.random.default_rng(5)
LABELS = {"y": RNG.integers(0, 2, N).astype(str), "z": RNG.normal(1, 2, N), "w": RNG.integers(0, 3, N).astype(str)}
GROUPS = (np.arange(N) % 4).astype(np.int32)


def contract(**other: Any) -> Feedback:
    labels = {
        "y": Label(column="y", classes=("0", "1")),
        "w": Label(column="w", classes=("0", "1", "2")),
        "z": Label(column="z", kind="number", low=-3.0, high=5.0, unit=0.01),
    }
    return Feedback(identifier="id", labels=labels, **other)


def simulated(present: np.ndarray | None = None, store: MemoryStore | None = None, **other: Any) -> Simulated:
    made = Simulated.from_arrays(LABELS, contract(**other), present=present)
    if store is not None:
        made.store = store
    return made


def question(made: Simulated, rho: float, *groups: np.ndarray, label: str = "y") -> Question:
    partitions = tuple(Partition(part.astype(np.int32), int(part.max()) + 1) for part in groups)
    return Question(made.population.digest(), label, partitions, rho)


def refusal(made: Simulated, asked: Question) -> str:
    with pytest.raises(ValidatorError) as caught:
        made.ask(asked)
    assert caught.value.exit_code == 8
    return caught.value.code


@pytest.mark.parametrize("relation", ["add-or-remove", "change-label"])
@pytest.mark.parametrize("noise", ["gaussian", "laplace"])
@pytest.mark.parametrize("label", ["y", "w", "z"])
def test_answers_are_the_truth_but_for_the_noise(label: str, noise: str, relation: str) -> None:
    present = np.arange(N) % 5 > 0
    made = simulated(present, epsilon=8.0, noise=noise, neighbours=relation)
    answer = made.ask(question(made, made.budget(label).left.value, GROUPS, GROUPS // 2, label=label))
    spread = furthest(noise, answer.variance)
    for groups, counts in zip((GROUPS, GROUPS // 2), answer.counts, strict=True):
        for group, cells in enumerate(counts):
            values = LABELS[label][present & (groups == group)]
            if label == "z":
                wanted = [(np.clip(values, -3, 5) - answer.origin).sum() / answer.unit]
            else:
                wanted = [(values == name).sum() for name in answer.classes]
            assert np.abs(cells - wanted).max() < spread + (len(values) / 2 if label == "z" else 0)
    if relation == "change-label":
        assert answer.totals[0].tolist() == [int((present & (group == GROUPS)).sum()) for group in range(4)]
        if label == "y":
            assert (answer.counts[0].sum(axis=1) == answer.totals[0]).all()
    else:
        assert answer.totals == ()


def test_the_spread_of_answers_is_the_variance_that_they_state() -> None:
    errors = []
    for _ in range(40):
        made = simulated(epsilon=2.0)
        answer = made.ask(question(made, 0.05, np.arange(N) % 40))
        for group in range(40):
            errors += [int(answer.counts[0][group, c] - (LABELS["y"][group::40] == str(c)).sum()) for c in (0, 1)]
    assert float(np.mean(np.square(errors))) == pytest.approx(answer.variance, rel=0.15)


def test_a_partition_is_answered_once_however_it_is_written_down() -> None:
    made = simulated()
    first = made.ask(question(made, 0.01, GROUPS))
    assert not first.replayed
    again = made.ask(question(made, 0.02, GROUPS))
    assert again.replayed
    assert same_counts(first, again)
    assert again.rho_spent == 0.0
    renumbered = made.ask(question(made, 0.0, 3 - GROUPS))
    assert (renumbered.counts[0] == first.counts[0][::-1]).all()
    # the same records in another population and order
    shuffle = RNG.permutation(N)
    other = made.hand_over(Population(made.population.pseudonyms[shuffle]))
    moved = made.ask(Question(other, "y", (Partition(GROUPS[shuffle], 4),), 0.01))
    assert moved.replayed
    assert same_counts(moved, first)
    assert made.budget("y").spent == Rho(10**7)


def test_old_partitions_of_a_question_are_free_and_keep_their_noise() -> None:
    made = simulated(epsilon=4.0)
    first = made.ask(question(made, 0.004, GROUPS))
    both = made.ask(question(made, 0.1, GROUPS, GROUPS // 2))
    assert (both.counts[0] == first.counts[0]).all()
    assert both.rho_spent == 0.05
    assert variances(both) == (first.variance, pytest.approx(1 / (2 * 0.05)))
    assert both.variance == max(variances(both))
    assert made.budget("y").spent == Rho(54 * 10**6)
    assert not both.replayed


def test_a_partition_that_occurs_twice_in_a_question_is_asked_once() -> None:
    made = simulated()
    answer = made.ask(question(made, 0.01, GROUPS, 3 - GROUPS))
    assert (answer.counts[0] == answer.counts[1][::-1]).all()
    assert answer.variance == pytest.approx(1 / (2 * 0.01))


def test_labels_have_budgets_of_their_own() -> None:
    made = simulated()
    rho = made.budget("y").left.value
    made.ask(question(made, rho, GROUPS))
    assert refusal(made, question(made, 1e-6, GROUPS // 2)) == "V201"
    made.ask(question(made, rho, GROUPS, label="w"))


def test_only_new_records_bring_new_budget() -> None:
    made = simulated(min_group=5)
    left = made.budget("y").left.value
    half = np.where(np.arange(N) < N // 2, GROUPS, -1)
    made.ask(question(made, left, half))
    assert refusal(made, question(made, 1e-6, np.where(np.arange(N) < N // 2, 0, -1))) == "V201"
    # one record that was asked about before spoils the whole question
    assert refusal(made, question(made, 1e-6, np.where(np.arange(N) >= N // 2 - 1, 0, -1))) == "V201"
    made.ask(question(made, left, np.where(np.arange(N) >= N // 2, 0, -1)))


def test_another_population_with_the_same_records_brings_no_new_budget() -> None:
    made = simulated()
    left = made.budget("y").left.value
    made.ask(question(made, left, GROUPS))
    fresh = np.concatenate([made.population.pseudonyms[:1000], RNG.integers(0, 256, (1000, 16), dtype=np.uint8)])
    digest = made.hand_over(Population(fresh))
    assert refusal(made, Question(digest, "y", (Partition(np.zeros(2000, dtype=np.int32), 1),), 1e-6)) == "V201"
    strangers = np.repeat(np.array([-1, 0], dtype=np.int32), 1000)
    answer = made.ask(Question(digest, "y", (Partition(strangers, 1),), left))
    assert np.abs(answer.counts[0]).max() < 8 * np.sqrt(answer.variance)


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("V206", {"population": "sha256:" + "0" * 64}),
        ("V208", {"label": "v"}),
        ("V207", {"partitions": ()}),
        ("V207", {"partitions": (Partition(GROUPS[1:], 4),)}),
        ("V207", {"partitions": (Partition(GROUPS, 3),)}),
        ("V207", {"partitions": (Partition(GROUPS - 2, 4),)}),
        ("V207", {"partitions": (Partition(GROUPS.astype(np.int64), 4),)}),  # type: ignore[arg-type]
        ("V207", {"partitions": (Partition(GROUPS.tolist(), 4),)}),  # type: ignore[arg-type]
        ("V207", {"partitions": (Partition(GROUPS, 4.0),)}),  # type: ignore[arg-type]
        ("V207", {"partitions": (Partition(np.full(N, -1, dtype=np.int32), 1),)}),
        ("V204", {"partitions": (Partition(GROUPS, 5),)}),
        ("V204", {"partitions": (Partition((np.arange(N) < 24).astype(np.int32), 2),)}),
        ("V205", {"partitions": (Partition((np.arange(N) % 2500).astype(np.int32), 2500),)}),
        ("V209", {"rho": 0.0}),
        ("V201", {"rho": 1.0}),
    ],
)
def test_what_is_refused_costs_nothing_and_is_recorded(code: str, changed: dict[str, Any]) -> None:
    store = MemoryStore()
    made = simulated(store=store)
    asked = {"population": made.population.digest(), "label": "y", "partitions": (Partition(GROUPS, 4),), "rho": 0.01}
    assert refusal(made, Question(**{**asked, **changed})) == code
    assert made.budget("y").spent == Rho(0)
    assert [refused for _, refused in store.refused] == [code]
    assert store.asked == []


def test_the_number_of_questions_is_limited_and_replays_are_not_counted() -> None:
    made = simulated(max_questions=2)
    for groups in (GROUPS, GROUPS, GROUPS // 2):
        made.ask(question(made, 0.001, groups))
    assert refusal(made, question(made, 0.001, GROUPS // 3)) == "V203"
    made.ask(question(made, 0.001, GROUPS))


class Crash(Exception):
    """The process dies here."""


def crashing(step: str) -> MemoryStore:
    """A store whose process dies before or after a step."""
    when, name = step.split()

    class Crashing(MemoryStore):
        __slots__ = ()

    def die(self: MemoryStore, *args: Any) -> Any:
        result = getattr(MemoryStore, name)(self, *args) if when == "after" else None
        if when == "before" or result is None or name == "spend":
            raise Crash
        return result

    setattr(Crashing, name, die)
    return Crashing()


@pytest.mark.parametrize("step", ["before spend", "after spend", "before keep", "after keep"])
def test_a_crash_wastes_budget_at_most_and_never_answers_twice(step: str) -> None:
    broken = crashing(step)
    made = simulated(store=broken)
    asked = question(made, 0.01, GROUPS)
    with pytest.raises(Crash):
        made.ask(asked)
    spent = made.store.largest("y").nano
    assert spent == (0 if step == "before spend" else 10**7)
    # the process comes back with what the store kept
    made.store = MemoryStore(broken.tallies, broken.asked, broken.refused, broken._answers, broken._moments)
    kept = list(broken._answers.values())
    answer = made.ask(asked)
    if step == "after keep":
        assert answer.replayed
        assert (answer.counts[0] == kept[0].cells[_rank(made)]).all()
        assert made.store.largest("y").nano == spent
    else:
        assert not kept  # nothing was drawn that could have left
        assert made.store.largest("y").nano == spent + 10**7
    assert same_counts(answer, made.ask(asked))


def _rank(made: Simulated) -> np.ndarray:
    from jalousie.validator.canonical import canonical_partition, know

    return canonical_partition(know(made.population), Partition(GROUPS, 4)).rank


def test_labels_are_looked_at_after_the_spend_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from jalousie.validator import engine

    seen: list[str] = []

    def noted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            seen.append(name)
            return function(*args, **named)

        return call

    store = MemoryStore()
    for name in ("canonical_partition", "decide", "exact_cells", "draw"):
        monkeypatch.setattr(engine, name, noted(name, getattr(engine, name)))
    for name in ("stored", "spend", "keep"):
        monkeypatch.setattr(MemoryStore, name, noted(name, getattr(MemoryStore, name)))
    made = simulated(store=store)
    made.ask(question(made, 0.01, GROUPS))
    assert seen == ["canonical_partition", "stored", "decide", "spend", "exact_cells", "draw", "keep"]
    seen.clear()
    made.ask(question(made, 0.01, GROUPS))
    assert seen == ["canonical_partition", "stored", "decide", "spend"]


@pytest.mark.parametrize("rho", [-1.0, -1e-9, float("nan"), float("inf"), float("-inf")])
def test_a_question_offers_a_number(rho: float) -> None:
    with pytest.raises(ValidatorError) as raised:
        Question("sha256:" + "0" * 64, "y", (Partition(GROUPS, 4),), rho)
    assert raised.value.code == "V209"


def test_a_label_that_the_contract_lacks_is_not_kept() -> None:
    store = MemoryStore()
    made = simulated(store=store)
    for population in (made.population.digest(), "sha256:" + "0" * 64):
        with pytest.raises(ValidatorError):
            made.ask(Question(population, "nothing\nsuch", (Partition(GROUPS, 4),), 0.01))
    assert [facts.label for facts, _ in store.refused] == ["", ""]


def test_the_overlap_with_earlier_questions_is_recorded() -> None:
    store = MemoryStore()
    made = simulated(store=store)
    made.ask(question(made, 0.001, np.where(np.arange(N) < 1000, 0, -1)))
    made.ask(question(made, 0.001, GROUPS))
    made.ask(question(made, 0.001, np.where(np.arange(N) == 3, -1, GROUPS)))
    made.ask(question(made, 0.001, (GROUPS + 1) // 2))
    assert [facts.before for facts in store.asked] == [0, 1000, N - 1, N]
    assert [facts.nearest for facts in store.asked] == [None, N - 1000, 1, 0]
    assert [facts.records for facts in store.asked] == [1000, N, N - 1, N]


@pytest.mark.parametrize(("moment", "leaves"), [(0.0, 0.05), (0.049, 0.05), (0.05, 0.1), (7.0249, 7.05)])
def test_answers_leave_on_the_grid(moment: float, leaves: float) -> None:
    assert departure(moment, 0.05) == pytest.approx(leaves)
    assert departure(moment, 0.0) == moment


@pytest.mark.parametrize(
    "pseudonyms", [np.zeros((2, 16), np.uint8), np.zeros((0, 16), np.uint8), np.zeros((2, 8), np.uint8)]
)
def test_a_population_names_every_record_once(pseudonyms: np.ndarray) -> None:
    with pytest.raises(ValidatorError) as caught:
        simulated().hand_over(Population(pseudonyms))
    assert caught.value.code == "V211"


def test_an_old_partition_with_an_empty_group_is_refused_like_a_new_one() -> None:
    """Its digest is that of the partition without the empty group, for which no answer was ever kept."""
    made = simulated()
    made.ask(question(made, 0.01, GROUPS))
    spent = made.budget("y").spent
    for groups, count in ((GROUPS, 6), (GROUPS * 2, 7)):
        asked = Question(made.population.digest(), "y", (Partition(groups, count),), 0.01)
        assert refusal(made, asked) == "V204"
    old = Partition(GROUPS, 6)
    new = Partition((GROUPS // 2).astype(np.int32), 2)
    assert refusal(made, Question(made.population.digest(), "y", (old, new), 0.01)) == "V204"
    assert made.budget("y").spent == spent
    assert made.ask(question(made, 0.01, GROUPS)).replayed
