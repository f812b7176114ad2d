"""What the estimators that learn from answers share: their tables, what may be given to `fit`, and what a question costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from jalousie.contract.feedback import Label
from jalousie.errors import UsageError
from jalousie.learning.frames import as_frame
from jalousie.learning.validator_protocol import Validator, rho_to_spend
from jalousie.validator.budget import Rho, account
from jalousie.validator.noise import noise_for
from jalousie.validator.sensitivity import sensitivity

_LEAST_BIN = 10  # records in a bin where there is no contract to say so


class FeedbackEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base of `FeedbackClassifier` and `FeedbackRegressor`. `epsilon`: as there."""

    epsilon: float | None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def _table(self, X: Any, *, reset: bool) -> Any:
        frame = as_frame(X)
        if frame is None:
            return validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
        if reset:
            self.n_features_in_ = len(frame.columns)
            self.feature_names_in_ = np.array(frame.columns, dtype=object)
        return frame

    def _price(self, X: Any, validator: Validator, name: str, label: Label) -> tuple[float, float]:
        """What to spend (rho) on the one question about X, and the variance of a cell if it is one partition.

        Raises UsageError U151 where X is not the population's table.
        """
        if len(X) != validator.population.size:
            raise UsageError(
                "U151",
                f"the table has {len(X)} rows, the population {validator.population.size} records",
                effect="nothing was asked",
            )
        feedback = validator.feedback
        rho = rho_to_spend(validator, name, self.epsilon)
        return rho, noise_for(account(feedback), sensitivity(label, feedback), Rho.nearest(rho)).variance


def require_one(y: Any, validator: Validator | None) -> None:
    """Raises ValueError (as scikit-learn asks) where neither labels nor a validator are given, UsageError U151 where both are."""
    if y is None and validator is None:
        raise ValueError("requires y to be passed, but the target y is None: give y or a validator")
    if y is not None and validator is not None:
        raise UsageError("U151", "y and a validator are given", hint="give labels at hand as `labelled=(X, y)`")


@contextmanager
def solvable(effect: str) -> Iterator[None]:
    """Raises UsageError U151 in place of a linear algebra library's error."""
    try:
        yield
    except np.linalg.LinAlgError:
        raise UsageError(
            "U151",
            "these columns at this noise leave equations that cannot be solved",
            hint="cut the columns into fewer `bins`, or set `combine=False`",
            effect=effect,
        ) from None


def least_bin(labels: int) -> int:
    """Records in a bin where there is no contract to say so."""
    return min(_LEAST_BIN, max(1, labels // 4))
