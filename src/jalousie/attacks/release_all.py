"""Every attack on a release that is about to be given: the strongest adversary of each kind counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from jalousie.attacks.attribute import infer_attribute
from jalousie.attacks.link import link_halves
from jalousie.attacks.people import Ground, grounds_of
from jalousie.attacks.reidentify import reidentify
from jalousie.attacks.single_out import single_out
from jalousie.contract import model
from jalousie.learning.describe import describe_spaces
from jalousie.privacy.card import AttackFacts, Verdict
from jalousie.privacy.deidentify import Deidentified

_WORSE: tuple[Verdict, ...] = ("FAIL", "WARN", "PASS", "INFO")


def attack_release(done: Deidentified, models: Sequence[model.Model], *, every: bool = False) -> list[AttackFacts]:
    """Link every record back, and guess every sensitive column that is released.

    `every` adds the attacks that take longer: singling out, and linking two halves of a record.
    """
    searched = done.searched
    if searched is None:
        return []
    # the whole domain, not what is published of it: the adversary knows everyone's true values
    spaces = describe_spaces(done.columns, searched.hierarchies)
    grounds = grounds_of(done, searched)
    columns = [h.name for h in searched.table.sensitive if h.name in done.released.schema]

    def strongest(attack: Callable[..., AttackFacts], **about: str) -> AttackFacts:
        whom = "everyone" if attack is single_out else "people"
        tried = ((on, attack(getattr(on, whom), on.written, spaces, models=models, **about)) for on in grounds)
        return _strongest(list(tried))

    found = [strongest(reidentify)]
    found += [strongest(infer_attribute, column=column) for column in columns]
    if every:
        found += [strongest(single_out, column=column) for column in ("", *columns)]
        if len(searched.table.names) > 1:
            found.append(strongest(link_halves))
    return found


def _strongest(tried: Sequence[tuple[Ground, AttackFacts]]) -> AttackFacts:
    ground, best = max(tried, key=lambda pair: pair[1].release_success)
    verdict = min((facts.verdict for _, facts in tried), key=_WORSE.index)
    said = [f"{_listed(ground.aside)} left aside" if ground.aside else ""]
    said.append(f"{_listed(ground.taken)} at the value before anything was drawn" if ground.taken else "")
    words = " (" + ", ".join(filter(None, said)) + ")" if any(said) else ""
    return msgspec.structs.replace(best, verdict=verdict, sentence=best.sentence.removesuffix(".") + words + ".")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
