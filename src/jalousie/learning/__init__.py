"""The ML party's side: reading a release into features, learning from a validator's answers, judging models by them.

Names load when they are first used, since scikit-learn costs more than a second of start-up.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jalousie.learning.encoder import GeneralisedEncoder
    from jalousie.learning.estimate import Estimate
    from jalousie.learning.feedback import FeedbackClassifier, PopulationTooSmallWarning
    from jalousie.learning.feedback_regressor import FeedbackRegressor
    from jalousie.learning.metrics import NotMeasurableWarning, Scores, ask_scores
    from jalousie.learning.number_scores import ask_bias, ask_errors
    from jalousie.learning.recalibrate import ModelSelector, Recalibrator, ThresholdTuner
    from jalousie.learning.scorer import make_feedback_scorer
    from jalousie.learning.spaces import ColumnSpace
    from jalousie.learning.utility import learning_utility
    from jalousie.learning.validator_protocol import Validator

__all__ = [
    "ColumnSpace",
    "Estimate",
    "FeedbackClassifier",
    "FeedbackRegressor",
    "GeneralisedEncoder",
    "ModelSelector",
    "NotMeasurableWarning",
    "PopulationTooSmallWarning",
    "Recalibrator",
    "Scores",
    "ThresholdTuner",
    "Validator",
    "ask_bias",
    "ask_errors",
    "ask_scores",
    "learning_utility",
    "make_feedback_scorer",
]

_HOME = {
    "ColumnSpace": "jalousie.learning.spaces",
    "Estimate": "jalousie.learning.estimate",
    "FeedbackClassifier": "jalousie.learning.feedback",
    "FeedbackRegressor": "jalousie.learning.feedback_regressor",
    "GeneralisedEncoder": "jalousie.learning.encoder",
    "ModelSelector": "jalousie.learning.recalibrate",
    "NotMeasurableWarning": "jalousie.learning.metrics",
    "PopulationTooSmallWarning": "jalousie.learning.feedback",
    "Recalibrator": "jalousie.learning.recalibrate",
    "Scores": "jalousie.learning.metrics",
    "ThresholdTuner": "jalousie.learning.recalibrate",
    "Validator": "jalousie.learning.validator_protocol",
    "ask_bias": "jalousie.learning.number_scores",
    "ask_errors": "jalousie.learning.number_scores",
    "ask_scores": "jalousie.learning.metrics",
    "learning_utility": "jalousie.learning.utility",
    "make_feedback_scorer": "jalousie.learning.scorer",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
