"""By construction: no decision of the monitor depends on a label or on who is in the table."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.local import Simulated
from jalousie.validator.monitor import QuestionFacts
from jalousie.validator.store import MemoryStore
from jalousie.validator.types import Partition, Population, Question

N = 12
PSEUDONYMS = np.arange(N * 16, dtype=np.uint8).reshape(N, 16)
CONTRACT = Feedback(
    identifier="id",
    labels={"y": Label(column="y", classes=("0", "1")), "z": Label(column="z", kind="number", low=0.0, high=9.0)},
    min_group=3,
    max_groups=4,
    max_questions=4,
    subject="who",
    unit="subject",
    records_per_subject=2,
)
tables = st.lists(
    # an identifier is of one subject
    st.tuples(st.integers(0, N - 1), st.sampled_from(["0", "1", "x"]), st.floats(-5, 20)).map(
        lambda row: (*row, "pqr"[row[0] % 3])
    ),
    max_size=2 * N,
)
histories = st.lists(
    st.tuples(
        st.sampled_from(["y", "z", "v"]),
        st.lists(st.lists(st.integers(-1, 2), min_size=N, max_size=N), min_size=1, max_size=2),
        st.sampled_from([0.0, 0.002, 0.01, 0.02, 5.0]),
        st.booleans(),
    ),
    max_size=7,
)
Trace = list[tuple[str, QuestionFacts | None, float]]


def trace(table: list[tuple[int, str, float, str]], history: list) -> Trace:
    """Everything that the ML party sees of the monitor, and everything that the store records of questions."""
    store = MemoryStore()
    made = Simulated(
        Population(PSEUDONYMS),
        CONTRACT,
        pseudonyms=PSEUDONYMS[[row[0] for row in table]],
        labels={"y": np.array([row[1] for row in table], dtype=object), "z": np.array([row[2] for row in table])},
        subjects=[row[3] for row in table],
        store=store,
    )
    seen: Trace = []
    for label, partitions, rho, known in history:
        asked = tuple(Partition(np.array(groups, dtype=np.int32), max(groups) + 1) for groups in partitions)
        population = made.population.digest() if known else "sha256:0"
        try:
            answer = made.ask(Question(population, label, asked, rho))
            seen.append(("", store.asked[-1], answer.rho_left))
        except ValidatorError as error:
            seen.append((error.local_text(), store.refused[-1][0], made.budget("y").left.value))
    return seen


@given(tables, tables, histories)
def test_the_same_questions_meet_the_same_decisions_whatever_the_table(
    first: list, second: list, history: list
) -> None:
    assert trace(first, history) == trace(second, history)


def test_the_histories_meet_refusals_and_answers() -> None:
    """So that the property above is about something."""
    groups = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    history = [
        ("y", [groups], 0.02, True),
        ("y", [groups], 5.0, True),
        ("y", [[0] * N], 0.02, True),
        ("v", [groups], 0.02, True),
        ("y", [[0] * 11 + [1]], 0.001, True),
    ]
    codes = [text[6:10] for text, _, _ in trace([], history)]
    assert codes == ["", "", "V201", "V208", "V204"]
