"""What a kernel hands back."""

from __future__ import annotations

from msgspec import Struct, field

from jalousie.privacy.recoding import Candidate


class Found(Struct):
    """What a kernel hands back. Scores, not losses; `levels` None where no scheme satisfies the models."""

    levels: tuple[int, ...] | None
    score: float
    bound: float
    checked: int
    complete: bool
    candidates: list[Candidate] = field(default_factory=list)
