"""Fully private models of other libraries, for bench_feedback_peers.py: run by an interpreter that has them.

    python private_peers.py what                   prints the peers that are installed
    python private_peers.py TASK.npz RESULT.npz    trains them and keeps their chances of the second class

They protect whole records, attributes and label, while answers protect labels of people whose attributes the ML party has.
Bounds and categories are given as public, so that no budget goes into finding them.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

LARGE = 1000
"""Categories beyond this many are one, for the linear model."""


class Task:
    """What is trained: `rows` (n, columns) of numbers and category codes, their labels, and rows to guess."""

    def __init__(self, file: Any) -> None:
        self.rows, self.y, self.test = file["rows"], file["y"], file["test"]
        self.nominal = file["nominal"].astype(bool)
        self.low, self.high = file["low"], file["high"]
        self.epsilon, self.delta, self.seed = float(file["epsilon"]), float(file["delta"]), int(file["seed"])

    def scaled(self, rows: np.ndarray) -> np.ndarray:
        """One-hot categories and numbers in [0, 1], each row of norm 1: the norm must be known beforehand."""
        parts = []
        for at, nominal in enumerate(self.nominal):
            column = rows[:, at]
            if nominal:
                count = int(min(self.high[at], LARGE)) + 1
                parts.append((np.minimum(column, count - 1)[:, None] == np.arange(count)).astype(np.float32))
            else:
                width = max(self.high[at] - self.low[at], 1e-9)
                parts.append(((column - self.low[at]) / width)[:, None].astype(np.float32))
        made = np.concatenate(parts, axis=1)
        return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)


def dp_ebm(task: Task) -> np.ndarray:
    from interpret.privacy import DPExplainableBoostingClassifier

    names = [f"c{at}" for at in range(len(task.nominal))]
    model = DPExplainableBoostingClassifier(
        feature_names=names,
        feature_types=["nominal" if nominal else "continuous" for nominal in task.nominal],
        epsilon=task.epsilon,
        delta=task.delta,
        privacy_bounds={
            name: (float(low), float(high)) for name, low, high in zip(names, task.low, task.high, strict=True)
        },
        learning_rate=0.3,  # at the default of 0.01 it ends up to 0.03 of AUC lower on Adult and Census
        n_jobs=1,
        random_state=task.seed,
    )
    return np.asarray(model.fit(task.rows, task.y).predict_proba(task.test)[:, 1])


def dp_logistic(task: Task) -> np.ndarray:
    from diffprivlib.models import LogisticRegression

    model = LogisticRegression(epsilon=task.epsilon, data_norm=1.0, C=1.0, random_state=task.seed)
    return np.asarray(model.fit(task.scaled(task.rows), task.y).predict_proba(task.scaled(task.test))[:, 1])


def dp_bayes(task: Task) -> np.ndarray:
    from diffprivlib.models import GaussianNB

    model = GaussianNB(epsilon=task.epsilon, bounds=(task.low, task.high), random_state=task.seed)
    return np.asarray(model.fit(task.rows, task.y).predict_proba(task.test)[:, 1])


def dp_forest(task: Task) -> np.ndarray:
    from diffprivlib.models import RandomForestClassifier

    model = RandomForestClassifier(
        epsilon=task.epsilon, bounds=(task.low, task.high), classes=[0, 1], random_state=task.seed
    )
    return np.asarray(model.fit(task.rows, task.y).predict_proba(task.test)[:, 1])


PEERS: dict[str, tuple[str, Callable[[Task], np.ndarray]]] = {
    "DP-EBM": ("interpret.privacy", dp_ebm),
    "DP logistic": ("diffprivlib", dp_logistic),
    "DP naive Bayes": ("diffprivlib", dp_bayes),
    "DP forest": ("diffprivlib", dp_forest),
}


def installed() -> list[str]:
    from importlib import import_module

    found = []
    for name, (library, _) in PEERS.items():
        with suppress(ImportError):
            import_module(library)
            found.append(name)
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    if sys.argv[1] == "what":
        print("\n".join(installed()))
        return
    with np.load(sys.argv[1]) as file:
        task, wanted = Task(file), [str(name) for name in file["wanted"]]
    found: dict[str, Any] = {}
    for name in wanted:
        start = time.process_time()
        found[name] = PEERS[name][1](task)
        found[f"{name} seconds"] = time.process_time() - start
    np.savez(sys.argv[2], **found)


if __name__ == "__main__":
    main()
