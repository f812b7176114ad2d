"""Attack on records of one subject: more of them than m are made to count, one table after another, or through another subject.

1. Old records leave the table between two starts of the provider. Off, the rows that count are chosen anew each time, and
   whoever has ten rows is asked about ten times, each time with a fresh budget. On, what counted once is remembered for life.
2. Two subjects share an identifier. Off, a subject who leaves makes room for another one's row, so that more changes than the
   noise is made for. On, such a table is refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jalousie.architectures import ask, registration
from jalousie.architectures.ask import Asking
from jalousie.architectures.kept import Kept
from jalousie.architectures.records import array_records
from jalousie.contract import Contract, digest
from jalousie.contract.feedback import Feedback, Label
from jalousie.contract.model import Column, Parties
from jalousie.errors import ValidatorError
from jalousie.places.book import Book
from jalousie.places.store import FILE, Store
from jalousie.validator import rows
from jalousie.validator.budget import Rho, epsilon
from jalousie.validator.match import align, encode_label, match_rows
from jalousie.validator.rows import index_rows
from jalousie.validator.sensitivity import sensitivity
from jalousie.validator.sums import class_counts
from jalousie.validator.types import Partition, Population, Question
from jalousie.wire.keys import SigningKey

N, VISITS = 1000, 10
LABEL = Label(column="y", classes=("0", "1"))
FEEDBACK = Feedback(
    identifier="id", labels={"y": LABEL}, unit="subject", subject="who", records_per_subject=1, epsilon=1.0, min_group=1
)
CONTRACT = Contract(
    jalousie=1,
    name="visits",
    parties=Parties(provider="provider"),
    columns={name: Column(role=role) for name, role in (("id", "identifier"), ("y", "sensitive"), ("who", "plain"))},  # type: ignore[arg-type]
    feedback=FEEDBACK,
)
KEY = SigningKey(bytes(32))
RNG = np.random.default_rng(3)
NAMES = RNG.integers(0, 256, (N, 16), dtype=np.uint8)
NAMES = NAMES[np.lexsort(NAMES.T[::-1])]
WHO = np.array(["victim" if n % (N // VISITS) == 0 else f"other {n}" for n in range(N)], dtype=object)
OWN = np.flatnonzero(WHO == "victim")
LABELS = np.where(WHO == "victim", "1", RNG.integers(0, 2, N).astype(str))


def opened(path: Path, present: np.ndarray) -> tuple[Store, Asking]:
    store = Store(path)
    records = array_records({"y": LABELS}, FEEDBACK, NAMES, present=present, subjects=WHO)
    try:
        return store, Asking(CONTRACT, records, Kept(store, Book(store, KEY), digest(CONTRACT)), KEY)
    except BaseException:
        store.close()
        raise


def counted_visits(asking: Asking) -> np.ndarray:
    """Which of the victim's visits any answer would count; read from the inside."""
    matched = match_rows(NAMES, asking._rows)
    return OWN[matched.has.any(axis=0)[OWN]]


def spent_on_the_victim(path: Path) -> tuple[float, set[int]]:
    """Before every start the oldest visit is dropped, and the next one is asked about with all of the budget."""
    total, counted = 0, set()
    for gone in range(VISITS):
        present = np.ones(N, dtype=bool)
        present[OWN[:gone]] = False
        store, asking = opened(path, present)
        own = counted_visits(asking)
        crowd = [n for n in range(90 * gone, 90 * gone + 60) if n not in OWN]
        population = Population(np.ascontiguousarray(NAMES[[OWN[gone], *crowd]]))
        asking.hand_over(population)
        groups = np.minimum(np.arange(population.size), 1).astype(np.int32)
        answer = asking.ask(
            Question(population.digest(), "y", (Partition(groups, 2),), asking.budget("y").reserved.value)
        )
        if OWN[gone] in own:
            total += Rho.nearest(answer.rho_spent).nano
        counted.update(own.tolist())
        store.close()
    return epsilon(Rho(total), FEEDBACK.delta), counted


def test_off_a_table_that_changes_brings_fresh_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "remembered_rows", lambda records, *_: records.index)
    spent, counted = spent_on_the_victim(tmp_path / FILE)
    assert len(counted) == VISITS
    assert spent > 3 * FEEDBACK.epsilon


def test_on_a_subject_has_m_records_for_life(tmp_path: Path) -> None:
    spent, counted = spent_on_the_victim(tmp_path / FILE)
    assert counted == {int(OWN[0])}
    assert spent <= FEEDBACK.epsilon


def test_on_what_counts_is_on_the_disk_before_the_provider_can_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: list[bytes] = []
    real = registration.index_rows

    def dies(*given: object) -> object:
        if not before:
            before.append(b"")
            raise KeyboardInterrupt
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(registration, "index_rows", dies)
    with pytest.raises(KeyboardInterrupt):
        opened(tmp_path / FILE, np.ones(N, dtype=bool))
    store, asking = opened(tmp_path / FILE, np.ones(N, dtype=bool))
    kept = store.chosen(digest(CONTRACT))
    assert len(kept) == 32 * len(set(WHO.tolist()))
    other = Store(tmp_path / FILE)  # as another process, or the next one after a kill, sees it
    assert other.chosen(digest(CONTRACT)) == kept
    assert counted_visits(asking).tolist() == [OWN[0]]
    for each in (other, store):
        each.close()


def changed_by_leaving() -> int:
    """How far the counts move, squared, when subject A leaves a table in which A and B share identifier 1."""
    table = [(1, "A", "1"), (1, "B", "0"), (2, "B", "1"), (3, "C", "0")]

    def counts(kept: list[tuple[int, str, str]]) -> np.ndarray:
        names = np.array([[n] * 16 for n, _, _ in kept], np.uint8)
        index = index_rows(names, FEEDBACK, np.array([who for _, who, _ in kept], dtype=object))
        column = encode_label(np.array([label for *_, label in kept], dtype=object), LABEL, FEEDBACK)
        everybody = np.array([[n] * 16 for n in range(1, 4)], np.uint8)
        return class_counts(np.arange(3, dtype=np.int32), 3, align(match_rows(everybody, index), column), 2)

    change = counts(table) - counts([row for row in table if row[1] != "A"])
    return int((change * change).sum())


def test_off_a_shared_identifier_moves_more_than_the_noise_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_require_one_subject", lambda *_: None)
    assert changed_by_leaving() == 3 > sensitivity(LABEL, FEEDBACK).l2_squared


def test_on_a_shared_identifier_is_refused() -> None:
    with pytest.raises(ValidatorError) as refused:
        changed_by_leaving()
    assert refused.value.code == "V216"
    assert "1 identifier is shared" in refused.value.message
