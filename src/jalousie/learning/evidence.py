"""Choosing the prior's width by the evidence of the noisy answers: free of cost, since the answers are public already."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import Protocol

from jalousie.learning.additive import Fit, Prior
from jalousie.tables.types import Floats

WIDTHS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
USUAL = 1.0
_FACTOR = 1.5  # that a width is off by, before any answer: lognormal around USUAL


class Fitter(Protocol):
    def fit(self, prior: Prior, start: Floats | None = None) -> Fit: ...


def best_prior(fitter: Fitter) -> tuple[Prior, Fit]:
    """Climb from the usual width along WIDTHS while evidence and hyperprior together grow.

    Where the noise is large the evidence is nearly flat, and its own noise would choose: the hyperprior holds it then.
    How rough and how far-reaching effects are is not chosen: the evidence tends to oversmooth them, measured by AUC.
    """
    prior = Prior(USUAL)
    fit = fitter.fit(prior)
    home = WIDTHS.index(USUAL)
    for step in (1, -1):
        at = home + step
        while 0 <= at < len(WIDTHS):
            tried = replace(prior, width=WIDTHS[at])
            other = fitter.fit(tried, fit.theta)
            if weight(other, tried) <= weight(fit, prior):
                break
            prior, fit = tried, other
            at += step
        if prior.width != USUAL:
            break
    return prior, fit


def weight(fit: Fit, prior: Prior) -> float:
    """Evidence and hyperprior of the width, in nats."""
    return fit.evidence - (log(prior.width / USUAL) / log(_FACTOR)) ** 2 / 2
