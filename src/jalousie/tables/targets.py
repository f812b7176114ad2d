"""What somebody may want to predict of a table, if there is enough to learn it from."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Literal, NamedTuple

from jalousie.tables.profile import Profile
from jalousie.tables.roles import Proposal, is_label

_FEWEST_ROWS = 200  # with a target: enough to train, to test, and to suppress some
_FEWEST_OTHERS = 30  # with another target than the commonest: some are in the test rows, some in the training rows
_SUPPRESSED = 0.05


class Target(NamedTuple):
    """A column, or nothing."""

    column: str = ""
    task: Literal["classification", "regression"] = "classification"


def choose_target(profiles: Mapping[str, Profile], proposals: dict[str, Proposal]) -> Target:
    """A sensitive label, else a sensitive number, else a label in the last column, which then becomes sensitive."""
    fit = [name for name in profiles if _can_be_learned(name, profiles, proposals)]
    sensitive = [name for name in profiles if proposals[name].role == "sensitive"]
    labels = [name for name in sensitive if is_label(profiles[name])]
    if found := [name for name in labels if name in fit]:
        return Target(found[-1])
    numbers = [name for name in sensitive if profiles[name].is_number and name not in labels]
    if found := [name for name in numbers if name in fit and _all_finite(profiles[name])]:
        return Target(found[-1], "regression")
    last = next(reversed(tuple(profiles)), "")
    if last in fit and is_label(profiles[last]) and not sensitive and proposals[last].reason.startswith("few values"):
        proposals[last] = Proposal("sensitive", "few values in the last column: a label, most often")
        return Target(last)
    return Target()


def _can_be_learned(name: str, profiles: Mapping[str, Profile], proposals: Mapping[str, Proposal]) -> bool:
    """Whether another column is released, and enough rows remain on both sides of training and testing."""
    if not any(other != name and proposal.role != "identifier" for other, proposal in proposals.items()):
        return False
    facts = profiles[name]
    lost = _SUPPRESSED * facts.rows
    known = facts.rows - facts.nulls
    others = known - facts.commonest
    return known >= _FEWEST_ROWS + lost and others >= _FEWEST_OTHERS + min(lost, 100)


def _all_finite(facts: Profile) -> bool:
    return all(isfinite(float(value.replace(",", "."))) for value in facts.values)
