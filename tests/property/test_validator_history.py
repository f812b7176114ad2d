"""Whole histories of questions against a plain model of budget and memo: lists of spends, dictionaries, no arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.local import Simulated
from jalousie.validator.types import Answer, Partition, Population, Question

NAMES = [bytes([n] * 16) for n in range(10)]
CLASSES = ("no", "yes")
TRUTH = {name: CLASSES[place % 2] for place, name in enumerate(NAMES[:7])}  # the provider lacks the last three
SHARES = (0.0, 0.2, 0.5, 0.5, 0.9, 1.5)


def span(ends: tuple[int, int], groups: list[int]) -> list[int]:
    """Only neighbours are asked about, so that questions about different people are frequent."""
    low, high = sorted(ends)
    return [group if low <= place <= high else -1 for place, group in enumerate(groups)]


places = st.integers(0, 9)
rows = st.builds(span, st.tuples(places, places), st.lists(st.integers(0, 2), min_size=10, max_size=10))
questions = st.tuples(
    st.integers(0, 2),  # which population
    st.lists(rows, min_size=1, max_size=2),
    st.sampled_from(SHARES),
)
Form = frozenset[frozenset[bytes]]


@dataclass
class Model:
    """What the validator promises, written down as simply as can be."""

    reserved: int
    spends: list[tuple[set[bytes], int]] = field(default_factory=list)
    answered: dict[Form, dict[frozenset[bytes], list[int]]] = field(default_factory=dict)

    def tally(self, names: set[bytes]) -> int:
        return max((sum(nano for asked, nano in self.spends if name in asked) for name in names), default=0)


def populations() -> list[list[bytes]]:
    """The same records in another order, and some that overlap."""
    return [NAMES, NAMES[::-1], NAMES[4:] + NAMES[:2]]


class History(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        contract = Feedback(
            identifier="id",
            labels={"y": Label(column="y", classes=CLASSES)},
            min_group=1,
            max_questions=10**6,
            questions_per_minute=10**6,
        )
        lists = [np.frombuffer(b"".join(names), np.uint8).reshape(-1, 16) for names in populations()]
        self.validator = Simulated(
            Population(lists[0]),
            contract,
            pseudonyms=np.frombuffer(b"".join(TRUTH), np.uint8).reshape(-1, 16),
            labels={"y": np.array(list(TRUTH.values()))},
        )
        self.digests = [self.validator.hand_over(Population(names)) for names in lists]
        self.model = Model(self.validator.terms.account.reserved.nano)

    @rule(question=questions)
    def ask(self, question: tuple[int, list[list[int]], float]) -> None:
        which, rows, share = question
        names = populations()[which]
        numbered = [self._dense(row[: len(names)]) for row in rows]
        if any(max(row) < 0 for row in numbered):
            return
        groups = [self._groups(names, row) for row in numbered]
        forms = [frozenset(frozenset(group) for group in part) for part in groups]
        offered = int(share * self.model.reserved)
        distinct = list(dict.fromkeys(forms))
        new = [form for form in distinct if form not in self.model.answered]
        charged = {name for form in new for group in form for name in group}
        cost = -(-offered * len(new) // len(distinct))
        allowed = not new or (0 < cost <= self.model.reserved - self.model.tally(charged))
        partitions = tuple(Partition(np.array(row, dtype=np.int32), max(row) + 1) for row in numbered)
        asked = Question(self.digests[which], "y", partitions, offered / 1e9)
        if not allowed:
            with pytest.raises(ValidatorError) as caught:
                self.validator.ask(asked)
            assert caught.value.code in ("V201", "V209")
            return
        answer = self.validator.ask(asked)
        assert answer.replayed == (not new)
        assert round(answer.rho_spent * 1e9) == (cost if new else 0)
        if new:
            self.model.spends.append((charged, cost))
        self._remember(answer, groups, forms)

    @staticmethod
    def _dense(row: list[int]) -> list[int]:
        """Without empty groups, which are refused; in an order of their own."""
        used = sorted(set(row) - {-1}, reverse=True)
        return [used.index(group) if group >= 0 else -1 for group in row]

    @staticmethod
    def _groups(names: list[bytes], row: list[int]) -> list[set[bytes]]:
        return [{name for name, of in zip(names, row, strict=True) if of == group} for group in range(max(row) + 1)]

    def _remember(self, answer: Answer, groups: list[list[set[bytes]]], forms: list[Form]) -> None:
        """Each group's counts are those of the first answer, wherever it stands now."""
        for counts, part, form in zip(answer.counts, groups, forms, strict=True):
            here = {frozenset(group): row for group, row in zip(part, counts.tolist(), strict=True)}
            assert self.model.answered.setdefault(form, here) == here

    @invariant()
    def nobody_overspends(self) -> None:
        spent = self.validator.budget("y").spent.nano
        assert spent == self.model.tally(set(NAMES)) <= self.model.reserved


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
