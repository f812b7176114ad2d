"""What a kernel hands back."""

from __future__ import annotations

from dataclasses import dataclass, field

from jalousie.privacy.recoding import Candidate


@dataclass(slots=True)
class Found:
    """What a kernel hands back. Scores, not losses; `levels` None where no scheme satisfies the models."""

    levels: tuple[int, ...] | None
    score: float
    bound: float
    checked: int
    complete: bool
    candidates: list[Candidate] = field(default_factory=list)
