"""Attack: the mediator reads in what it was given to add up.

It has every provider's column, all headers, the questions, the sums, and the noise that it drew. It tries to read labels and who
has which record, also with half of them known to learn from; to compare two sealings; to match frequencies; and to read the
sums. Off: no pads, pads that recur, or labels encrypted by their value. On: nothing is better than a guess without columns.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from jalousie.architectures.ask_sealed import SealedValidator
from jalousie.contract.feedback import Label
from jalousie.sealed import keys, masking
from jalousie.sealed.types import Header, Words
from jalousie.validator.canonical import canonical_partition, know
from jalousie.validator.noise import Noise
from jalousie.validator.types import Population
from sealed_ground import Ground, contract, people, pseudonyms, question, split

N = 12_000
TABLE, PRESENT = people(N), split(N)
YES = TABLE["y"] == "1"
CHANCE = 1e-7  # of a false alarm, per test
PROVIDERS = ("north", "south")


def no_pads(_: object, header: Header) -> Words:
    return np.zeros((header.records, header.width), dtype=np.uint64)


@pytest.fixture
def unmasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "pads", no_pads)


def ground(**changes: Any) -> Ground:
    return Ground(contract(**changes), Population(pseudonyms(N)))


def words_of(at: Ground, provider: str, label: str = "y", table: dict[str, NDArray[Any]] = TABLE) -> Words:
    (column,) = (c for c in at.columns(provider, table, PRESENT[provider]) if c.header.context.label == label)
    return column.words


def read(words: Words, relation: str) -> NDArray[np.float64]:
    """(n,) how likely each record has the second class, for who hopes that words are small numbers."""
    signed = words.view(np.int64).astype(np.float64)
    # by the relation a record has a word for each class, or one for the second class and one for its presence
    return signed[:, 1] - signed[:, 0] if relation == "add-or-remove" else signed[:, 0]


def learnt(words: Words, known: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """AUC on the others of an attacker who knows the truth of some records and trains on all bits of their words."""
    bits = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=1)
    model = LogisticRegression(max_iter=200).fit(bits[known], truth[known])
    return float(roc_auc_score(truth[~known], model.decision_function(bits[~known])))


def chance_of_auc(positives: int, negatives: int) -> float:
    """How far from 0.5 an AUC that knows nothing may be."""
    spread = np.sqrt((positives + negatives + 1) / (12 * positives * negatives))
    return float(stats.norm.isf(CHANCE / 2) * spread)


def uniform(words: NDArray[Any]) -> bool:
    """Bytes of every place in a word, and its lowest bits, come equally often; no test asks for a hundred places."""
    table = np.ascontiguousarray(words).astype("<u8").reshape(-1, 1).view(np.uint8)
    places = [np.bincount(table[:, place], minlength=256) for place in range(8)]
    return all(stats.chisquare(counts).pvalue > CHANCE / 100 for counts in places)


KNOWN = np.random.default_rng(2).random(N) < 0.5
ATTACKS: dict[str, Callable[[Ground], tuple[float, float]]] = {}
"""AUC of an attack, and how far from 0.5 it may be by chance."""


def attack(function: Callable[[Ground], tuple[float, float]]) -> Callable[[Ground], tuple[float, float]]:
    ATTACKS[function.__name__] = function
    return function


@attack
def labels_from_one_column(at: Ground) -> tuple[float, float]:
    has = PRESENT["south"]
    auc = roc_auc_score(YES[has], read(words_of(at, "south"), at.feedback.neighbours)[has])
    return float(auc), chance_of_auc(int(YES[has].sum()), int((~YES[has]).sum()))


@attack
def labels_learnt_from_half_of_them(at: Ground) -> tuple[float, float]:
    has = PRESENT["south"]
    rest = YES[has & ~KNOWN]
    auc = learnt(words_of(at, "south")[has], KNOWN[has], YES[has])
    return auc, chance_of_auc(int(rest.sum()), int((~rest).sum()))


@attack
def whose_record_it_is(at: Ground) -> tuple[float, float]:
    words = [words_of(at, name) for name in PROVIDERS]
    auc = roc_auc_score(PRESENT["south"], (words[1] != 0).any(axis=1).astype(float) - (words[0] != 0).any(axis=1))
    has = int(PRESENT["south"].sum())
    return float(auc), chance_of_auc(has, N - has)


@attack
def whose_record_it_is_learnt_from_half_of_them(at: Ground) -> tuple[float, float]:
    words = np.hstack([words_of(at, name) for name in PROVIDERS])
    rest = PRESENT["south"][~KNOWN]
    return learnt(words, KNOWN, PRESENT["south"]), chance_of_auc(int(rest.sum()), int((~rest).sum()))


@pytest.mark.usefixtures("unmasked")
@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("relation", ["add-or-remove", "change-label"])
def test_off_without_pads_it_reads_everything(name: str, relation: str) -> None:
    auc, _ = ATTACKS[name](ground(neighbours=relation))
    assert auc > 0.99


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("relation", ["add-or-remove", "change-label"])
def test_on_it_does_not_get_further_than_by_chance(name: str, relation: str) -> None:
    auc, chance = ATTACKS[name](ground(neighbours=relation))
    assert abs(auc - 0.5) < chance


@pytest.mark.parametrize("label", ["y", "w", "z"])
def test_on_all_that_it_sees_of_a_label_is_uniform(label: str) -> None:
    at = ground()
    words = [words_of(at, name, label) for name in PROVIDERS]
    for seen in (*words, words[0] + words[1], words[0] - words[1], words[0][1:] - words[0][:-1]):
        assert uniform(seen)
    rows = words[0]
    assert rows.shape[1] == 1 or uniform(rows[:, 0] + rows[:, 1])  # classes sum to one, pads do not


@pytest.mark.usefixtures("unmasked")
def test_off_without_pads_nothing_is_uniform() -> None:
    assert not uniform(words_of(ground(), "north"))


# -- two sealings


def one_changed() -> tuple[dict[str, NDArray[Any]], int]:
    """The table of a month later: one record of the provider has the other label."""
    victim = int(np.flatnonzero(PRESENT["north"] & ~YES)[7])
    later = {name: values.copy() for name, values in TABLE.items()}
    later["y"][victim] = "1"
    return later, victim


def test_off_where_nonces_recur_two_sealings_tell_who_changed_and_to_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "random_bytes", lambda count: bytes(count))
    at = ground()
    later, victim = one_changed()
    difference = (words_of(at, "north", table=later) - words_of(at, "north")).view(np.int64)
    assert np.flatnonzero(difference.any(axis=1)).tolist() == [victim]
    assert difference[victim].tolist() == [-1, 1]


def test_off_where_pads_are_the_same_at_all_providers_it_tells_who_has_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "random_bytes", lambda count: bytes(count))
    monkeypatch.setattr(Header, "bound", lambda self: b"")
    monkeypatch.setattr(keys.SealingKey, "of", lambda self, name: keys.ProviderKey(self.secret))
    at = ground()
    difference = (words_of(at, "north") - words_of(at, "south")).view(np.int64)
    assert (difference.sum(axis=1) == PRESENT["north"].astype(int) - PRESENT["south"]).all()


@pytest.mark.parametrize("changed", [False, True])
def test_on_two_sealings_of_a_column_have_nothing_in_common(changed: bool) -> None:
    at = ground()
    later = one_changed()[0] if changed else TABLE
    difference = words_of(at, "north", table=later) - words_of(at, "north")
    assert difference.all()
    assert len(np.unique(difference)) == difference.size
    assert uniform(difference)


# -- frequencies

SECTORS = Label(column="w", classes=tuple("abcdefghijkl"))
SHARES = 1 / np.arange(1, 13) / (1 / np.arange(1, 13)).sum()


def matched(seen: NDArray[Any], elsewhere: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) classes, by giving the commonest ciphertext the class that is commonest elsewhere, and so on."""
    _, which, counts = np.unique(seen, return_inverse=True, return_counts=True)
    ranks = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")[which.ravel()]
    classes = np.argsort(-np.bincount(elsewhere, minlength=12), kind="stable")
    return classes[np.minimum(ranks, 11)]


def test_frequencies_open_labels_encrypted_by_value_and_not_ours() -> None:
    rng = np.random.default_rng(3)
    truth, elsewhere = rng.choice(12, N, p=SHARES), rng.choice(12, 4000, p=SHARES)
    by_value = np.array([hmac.digest(bytes(32), bytes([code]), "sha256")[:8] for code in truth])
    assert (matched(by_value, elsewhere) == truth).mean() > 0.7  # off: all but what the rarest classes share
    at = Ground(contract(("north",), labels={"w": SECTORS}), Population(pseudonyms(N)))
    names = np.array(SECTORS.classes, dtype=object)
    (column,) = at.columns("north", {"w": names[truth]})
    mode = (truth == 0).mean()
    for seen in (column.words[:, 0], column.words.view("S96").ravel(), column.words.sum(axis=1)):
        right = (matched(seen, elsewhere) == truth).mean()
        assert len(np.unique(seen)) == N  # no word comes twice
        assert right < mode + 5.5 * np.sqrt(0.25 / N)


# -- sums


def sums_seen(at: Ground) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What the mediator sends, less the noise (which it knows), and the true counts."""
    groups = (np.arange(N) // 6).astype(np.int32)
    mediator = at.mediator()
    for name in PROVIDERS:
        for column in at.columns(name, TABLE, PRESENT[name]):
            mediator.accept(column)
    sealed = mediator.ask(question(mediator, mediator.budget("y").left.value, groups))
    anywhere = PRESENT["north"] | PRESENT["south"]
    truth = [np.bincount(groups[anywhere & (c == YES)], minlength=N // 6) for c in (False, True)]
    return sealed.masked.counts[0], np.stack(truth, axis=1)


@pytest.mark.usefixtures("unmasked")
def test_off_without_pads_the_sums_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Noise, "add", lambda self, cells: cells)
    seen, truth = sums_seen(ground(min_group=5))
    assert (seen == truth).all()


def test_on_the_sums_are_uniform_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Noise, "add", lambda self, cells: cells)
    seen, truth = sums_seen(ground(min_group=5))
    assert uniform(seen.view(np.uint64))
    rank, chance = stats.spearmanr(seen[:, 1], truth[:, 1])
    assert chance > CHANCE, rank


def test_named_an_answer_that_is_published_tells_the_mediator_exact_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows the noise that it drew: what the ML party opened must not come back to it (docs/promise.md)."""
    drawn = []
    add = Noise.add

    def remembered(self: Noise, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        drawn.append(add(self, cells))
        return drawn[-1]

    monkeypatch.setattr(Noise, "add", remembered)
    made = SealedValidator.from_arrays(dict.fromkeys(PROVIDERS, TABLE), contract(), present=PRESENT)
    groups = (np.arange(N) % 50).astype(np.int32)
    asked = question(made, 0.001, groups)
    published = made.ask(asked).counts[0]
    order = canonical_partition(know(made.population), asked.partitions[0]).rank
    anywhere = PRESENT["north"] | PRESENT["south"]
    assert (published - drawn[0][order])[:, 1].tolist() == np.bincount(groups[anywhere & YES], minlength=50).tolist()
