"""Attack: the ML party asks a mediator what it would ask a provider, and works on what it opened: all nine attacks on answers.

Off: each opens labels. On: none gains more than the contract's noise allows, through masks as without them.
"""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from feedback_ground import contract, ground
from jalousie.architectures.ask_sealed import SealedValidator
from jalousie.attacks.feedback_all import attack_label
from jalousie.contract.feedback import Sealed

WHERE = ground(contract())
SEALED = replace(WHERE.feedback, sealed=Sealed(providers=("north", "south"), disjoint=True))
NORTH = np.random.default_rng(1).random(len(WHERE.labels["it"])) < 0.5


def opened() -> SealedValidator:
    """Everybody is at one of two providers; nothing was spent."""
    tables = dict.fromkeys(("north", "south"), WHERE.labels)
    return SealedValidator.from_arrays(tables, SEALED, present={"north": NORTH, "south": ~NORTH})


def test_no_attack_on_sealed_answers_gains_more_than_the_noise_allows() -> None:
    facts = attack_label(WHERE, "it", protected=opened)
    assert len(facts) == 9
    for one in facts:
        assert one.off > 0.8, one.sentence
        assert one.verdict == "PASS", one.sentence
        assert one.on < one.off - 0.5, one.sentence
