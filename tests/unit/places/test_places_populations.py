"""How many populations a contract names, and what happens past the limit."""

from __future__ import annotations

import numpy as np
import pytest

from jalousie.architectures import answering
from jalousie.architectures.ask import LocalValidator
from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import CODES, ValidatorError
from jalousie.validator.types import Partition, Population, Question

N = 60
FEEDBACK = Feedback(identifier="id", labels={"y": Label(column="y", classes=("0", "1"))})


def test_past_the_limit_the_populations_named_before_still_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "MAX_POPULATIONS", 3)
    validator = LocalValidator.from_arrays({"y": np.arange(N) % 2}, FEEDBACK)
    own = validator.population
    orders = [Population(np.ascontiguousarray(np.roll(own.pseudonyms, shift, axis=0))) for shift in range(1, 5)]
    for population in orders[:2]:
        validator.asking.hand_over(population)
    for population in orders[2:]:
        with pytest.raises(ValidatorError) as refused:
            validator.asking.hand_over(population)
        assert refused.value.code == "V215"
        assert "twice" not in refused.value.message + CODES["V215"]
        question = Question(population.digest(), "y", (Partition(np.zeros(N, np.int32), 1),), 0.001)
        with pytest.raises(ValidatorError) as unknown:
            validator.ask(question)
        assert unknown.value.code == "V206"
    # nothing of the refused ones was kept, and the first one's budget is within reach
    for population in (own, *orders[:2]):
        assert validator.asking.hand_over(population) == population.digest()
        groups = Partition((np.arange(N) % 2).astype(np.int32), 2)
        assert validator.ask(Question(population.digest(), "y", (groups,), 0.001)).rho_spent in (0.0, 0.001)
