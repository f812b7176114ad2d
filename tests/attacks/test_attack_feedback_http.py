"""The same attacks against a provider's service in a process of its own, over HTTP."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jalousie.architectures.ask_remote import RemoteValidator
from jalousie.attacks.feedback_all import Ground, attack_live
from jalousie.attacks.feedback_repeat import averaging
from jalousie.attacks.feedback_targets import secret_of
from two_places import SIZE, serving, settle

EACH = 66
ATTACKS = 9


def test_a_service_over_http_withstands_every_attack_and_keeps_its_budget(tmp_path: Path) -> None:
    places = settle(tmp_path, epsilon=4.0)
    places.contract_file.write_text(places.contract_file.read_text() + "  min-group: 5\n")
    labels = np.array([("low", "high")[number // 7 % 2] for number in range(SIZE)], object)
    with serving(places) as service:
        provider = places.reach(service.url)
        feedback = places.contract.feedback
        assert feedback is not None
        parts = []
        for start in range(0, ATTACKS * EACH, EACH):
            names = places.identifiers[start : start + EACH]
            ground = Ground(feedback, {"income": labels[start : start + EACH]})
            parts.append((ground, RemoteValidator(provider, provider.population(names))))
        found = list(attack_live(parts, "income", contract="two-places"))
        assert {(facts.contract, facts.live) for facts in found} == {("two-places", True)}
        assert len({facts.attack for facts in found}) == ATTACKS
        assert {facts.verdict for facts in found} == {"PASS"}
        assert all(facts.answered for facts in found)
        varied = next(facts for facts in found if facts.attack == "averaging-varied")
        assert (varied.answered, varied.refused) == (1, 10)
        left = provider.budget("income")
        assert left.left.nano <= 2  # of the record asked about most
        # there is nothing left to attack with
        ground, validator = parts[0]
        secret = secret_of(feedback.labels["income"], feedback, ground.labels["income"])
        again = averaging(validator, "income", secret, times=3, varied=True)
        assert again.answered == 0
        assert again.refused == 3
        assert provider.budget("income").spent == left.spent
