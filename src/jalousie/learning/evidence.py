"""How wide the prior of each column's effects is, by the evidence of the noisy answers: free of cost, they are public already.

Every column has a width of its own (automatic relevance determination: MacKay 1994; Neal 1996; Tipping 2001). Few columns
tell most: on Adult a gain of capital moves the log-odds by 3, the country by 0.6. With one width for all, the effects of rare
values are pulled to nothing by what is right for the others.

Expectation maximisation: given the fit, width^2 becomes the mean square of the effects and of their doubt. A hyperprior (inverse
gamma around the usual width, worth one effect) holds it where answers tell little.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from jalousie.learning.additive import Fit, Part, Prior
from jalousie.tables.types import Floats

USUAL = 1.0
_HOLD = 0.5  # of the hyperprior: weighs like twice as many effects
_ROUNDS = 8
_STILL = 0.05  # relative change of every width at which the rounds end


class Fitter(Protocol):
    @property
    def parts(self) -> tuple[Part, ...]: ...

    def fit(self, prior: Prior, start: Floats | None = None) -> Fit: ...


def best_prior(fitter: Fitter) -> tuple[Prior, Fit]:
    """The prior with a width for every part, and the fit under it."""
    parts = fitter.parts
    correlations = [Prior().correlation(part) for part in parts]
    inverses = [np.linalg.inv(correlation) for correlation in correlations]
    prior = Prior(USUAL, scales=(1.0,) * len(parts))
    fit = fitter.fit(prior)
    for _ in range(_ROUNDS):
        scales, at = [], 0
        for part, inverse in zip(parts, inverses, strict=True):
            inside = slice(at, at + part.count)
            theta, doubt = fit.theta[inside], fit.covariance[inside, inside]
            square = float(theta @ inverse @ theta + np.sum(inverse * doubt)) / (USUAL * part.width) ** 2
            scales.append(float(np.sqrt((square + 2 * _HOLD) / (part.count + 2 * _HOLD))))
            at += part.count
        moved = np.abs(np.log(np.array(scales) / np.array(prior.scales))).max()
        prior = replace(prior, scales=tuple(scales))
        fit = fitter.fit(prior, fit.theta)
        if moved < _STILL:
            break
    return prior, fit


def weight(fit: Fit, prior: Prior) -> float:
    """Evidence and hyperprior of the widths, in nats up to a constant."""
    squares = np.square(prior.scales or (1.0,))
    return fit.evidence - _HOLD * float(np.sum(np.log(squares) + 1 / squares))
