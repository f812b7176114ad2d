"""Choosing the prior by the evidence of the noisy answers: free of cost, since the answers are public already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from jalousie.learning.additive import Fit, Prior
from jalousie.tables.types import Floats

WIDTHS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
REACHES = (0.05, 0.15, 0.5)
ROUGHS = (0.03, 0.1, 0.3, 0.6)


class Fitter(Protocol):
    def fit(self, prior: Prior, start: Floats | None = None) -> Fit: ...


Value = TypeVar("Value")


def best_prior(fitter: Fitter, start: Prior | None = None) -> tuple[Prior, Fit]:
    """Width, then roughness and reach, then width again: each climbed along its grid while the evidence grows."""
    prior = start or Prior()
    fit = fitter.fit(prior)
    return _climb(fitter, prior, fit, "width", WIDTHS)


def _climb(fitter: Fitter, prior: Prior, fit: Fit, name: str, grid: Sequence[float]) -> tuple[Prior, Fit]:
    values = sorted({*grid, getattr(prior, name)})
    home = values.index(getattr(prior, name))
    for step in (1, -1):
        at, moved = home + step, False
        while 0 <= at < len(values):
            tried = replace(prior, **{name: values[at]})
            other = fitter.fit(tried, fit.theta)
            if other.evidence <= fit.evidence:
                break
            prior, fit, moved = tried, other, True
            at += step
        if moved:
            break
    return prior, fit


def best_of(candidates: Sequence[Value], evidence: Callable[[Value], float]) -> Value:
    """The candidate of the most evidence; the first of equals."""
    return max(candidates, key=evidence)
