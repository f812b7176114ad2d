"""The learners that learning utility is measured with, at settings that are fixed so that figures can be compared."""

from __future__ import annotations

from typing import Any, Literal

Task = Literal["classification", "regression"]
Learner = Literal["lightgbm", "logistic-regression"]
JOBS = 1
"""Threads of LightGBM: on a busy machine several wait for each other, spinning, many times longer than one needs."""


def make_learner(name: Learner, task: Task, *, repeats: int, seed: int = 0) -> Any:
    """An unfitted scikit-learn estimator.

    `repeats` is how many training rows stand for one record: limits that count rows are scaled by it, so that five
    draws of a record do not pass for five records.
    """
    if name == "lightgbm":
        return _lightgbm(task, repeats, seed)
    return _linear(task, repeats)


def _lightgbm(task: Task, repeats: int, seed: int) -> Any:
    import lightgbm

    kind = lightgbm.LGBMClassifier if task == "classification" else lightgbm.LGBMRegressor
    return kind(
        n_estimators=150,
        learning_rate=0.06,
        num_leaves=31,
        min_child_samples=20 * repeats,
        n_jobs=JOBS,
        random_state=seed,
        deterministic=True,
        force_col_wise=True,
        verbose=-1,
    )


def _linear(task: Task, repeats: int) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    last = LogisticRegression(C=1.0 / repeats, max_iter=500) if task == "classification" else Ridge(alpha=repeats)
    return make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), last)
