"""The whole validator in one process, on arrays: for simulations, benches and attacks. Real noise, real monitor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback
from jalousie.errors import ValidatorError
from jalousie.randomness import random_words
from jalousie.validator.budget import Budget
from jalousie.validator.canonical import KnownPopulation, know
from jalousie.validator.engine import Terms, answer_question, budget
from jalousie.validator.match import Aligned, align, encode_label, match_rows
from jalousie.validator.rows import index_rows
from jalousie.validator.store import MemoryStore, Store
from jalousie.validator.types import PSEUDONYM_BYTES, Answer, Population, Question

Values = NDArray[np.generic] | Sequence[object]


class Simulated:
    """A provider's validator over one table in memory. Its clock stands still between questions, so no rate is exceeded."""

    def __init__(
        self,
        population: Population,
        feedback: Feedback,
        *,
        pseudonyms: NDArray[np.uint8],
        labels: Mapping[str, Values],
        subjects: Values | None = None,
        store: Store | None = None,
    ) -> None:
        """
        Parameters
        ----------
        population
            who the ML party asks about; more can be added with `hand_over`
        pseudonyms
            (rows, 16) of the provider's table
        labels
            (rows,) values by label
        subjects
            (rows,) who a row is about, where the contract's unit is the subject
        """
        self.feedback = feedback
        self.terms = Terms.of(feedback)
        self.store: Store = MemoryStore() if store is None else store
        self._index = index_rows(pseudonyms, feedback, subjects)
        self._columns = {
            name: encode_label(labels[name], label, feedback)
            for name, label in feedback.labels.items()
            if name in labels
        }
        missing = sorted(set(feedback.labels) - set(self._columns))
        if missing:
            raise ValidatorError("V212", f"the table has no values of label {', '.join(missing)}", effect="")
        self._known: dict[str, tuple[KnownPopulation, dict[str, Aligned]]] = {}
        self._moments = count()
        self.population = population
        self.hand_over(population)

    @classmethod
    def from_arrays(
        cls,
        labels: Mapping[str, Values],
        feedback: Feedback,
        pseudonyms: NDArray[np.uint8] | None = None,
        *,
        present: NDArray[np.bool_] | None = None,
    ) -> Simulated:
        """A population of all positions of the arrays, of which the provider has those that are `present` (all).

        Without `pseudonyms` they are drawn at random.
        """
        size = len(next(iter(labels.values())))
        if pseudonyms is None:
            pseudonyms = random_words(2 * size).view(np.uint8).reshape(size, PSEUDONYM_BYTES)
        rows = np.arange(size) if present is None else np.flatnonzero(present)
        arrays = {
            name: values if isinstance(values, np.ndarray) else np.array(values, dtype=object)
            for name, values in labels.items()
        }
        return cls(
            Population(pseudonyms),
            feedback,
            pseudonyms=pseudonyms[rows],
            labels={name: values[rows] for name, values in arrays.items()},
        )

    def hand_over(self, population: Population) -> str:
        """Match a population's records once; its digest names it in questions."""
        known = know(population)
        rows = match_rows(population.pseudonyms, self._index)
        self._known[known.digest] = (known, {name: align(rows, column) for name, column in self._columns.items()})
        return known.digest

    def ask(self, question: Question) -> Answer:
        """
        Raises
        ------
        ValidatorError
            V201 to V209, see `answer_question`
        """
        known, labels = self._known.get(question.population, (None, {}))
        moment = 60.0 * next(self._moments)
        return answer_question(question, known, labels, terms=self.terms, store=self.store, moment=moment)

    def budget(self, label: str) -> Budget:
        """
        Raises
        ------
        ValidatorError
            V208
        """
        return budget(label, self.terms, self.store, 60.0 * next(self._moments))
