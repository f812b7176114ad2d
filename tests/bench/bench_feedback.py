"""What is learnt from answers, against what else one could do: UCI Adult, and restaurant inspections.

    python tests/bench/bench_feedback.py [seeds] [adult|restaurants]

Adult: complete rows; 500 labelled rows are the ML party's, the labels of all others the provider's; tested on the complete
rows of the published test set. Restaurants: is the score under 90, given year, number of locations and weekend; a quarter
of the rows is the test. delta is 1e-6. Mean over the seeds (which 500 rows, noise).

baseline      LightGBM from the 500 rows (the better known of 60 small trees)
young         the same from 2,000 rows of people under 30, and what becomes of it as `baseline=`, or of the rows as labels
feedback      FeedbackClassifier from the 500 rows and one question, change of a label
half, hidden  the same where the provider has a random half of the records and hides which (add-or-remove)
randomised    every label flipped with chance 1 / (1 + e^epsilon) (Warner 1965), then LightGBM, debiased: a small and a large
              one, of which the better on the test set is shown
central       LightGBM from all labels
advantage     of an attacker who knows every label but one: how much more often than by chance he tells it right; for
              feedback at most what the answer's rho allows, for randomised response tanh(epsilon / 2)
inside        AUC on the provider's own labels, which the ML party might want to guess; for randomised response the share of
              labels that it is told right
"""

from __future__ import annotations

import csv
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from jalousie.architectures.ask import LocalValidator
from jalousie.contract.feedback import Feedback, Label
from jalousie.learning import FeedbackClassifier

DATA = Path(__file__).resolve().parents[2] / ".data"
EPSILONS = (0.5, 1.0, 2.0, 4.0, 8.0)
LABELLED = 500
YOUNG = 2_000
CLASSES = ("0", "1")


class Data:
    """Rows to learn from and to test on; categories as texts for us, as codes by frequency for trees."""

    def __init__(self, train: pd.DataFrame, y: np.ndarray, test: pd.DataFrame, y_test: np.ndarray) -> None:
        self.train, self.y, self.test, self.y_test = train, y, test, y_test
        self.orders = {
            name: {value: at for at, value in enumerate(train[name].value_counts().index)}
            for name in train
            if train[name].dtype.kind not in "if"
        }

    def numbers(self, rows: pd.DataFrame) -> np.ndarray:
        columns = [rows[name].map(self.orders[name]) if name in self.orders else rows[name] for name in rows]
        return np.stack([np.asarray(column, float) for column in columns], axis=1)


def adult() -> Data:
    found: list[Any] = []
    for name in ("adult.csv", "adult_test.csv"):
        table = pd.read_csv(DATA / name)
        table = table[~(table == "?").any(axis=1)].reset_index(drop=True)
        found += [
            table.drop(columns=["fnlwgt", "education", "salary-class"]),
            (table["salary-class"] == ">50K").to_numpy(int),
        ]
    return Data(*found)


def restaurants() -> Data:
    with (DATA / "restaurants.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = pd.DataFrame(
        {
            "year": [int(row["Year"]) for row in rows],
            "locations": [int(row["NumberofLocations"]) for row in rows],
            "weekend": [row["Weekend"] for row in rows],
        }
    )
    y = np.array([float(row["inspection_score"]) < 90 for row in rows], int)
    order = np.random.default_rng(0).permutation(len(y))
    test, train = order[: len(y) // 4], order[len(y) // 4 :]
    return Data(table.iloc[train].reset_index(drop=True), y[train], table.iloc[test].reset_index(drop=True), y[test])


def trees(**changes: Any) -> Any:
    settings = {"n_estimators": 300, "learning_rate": 0.05, "num_leaves": 31, "n_jobs": 1, "verbose": -1, **changes}
    return lightgbm.LGBMClassifier(**settings)


def small() -> Any:
    return trees(n_estimators=60, num_leaves=8, min_child_samples=15)


class Scores:
    """Figures by what was done, over the seeds."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.found: dict[str, list[dict[str, float]]] = defaultdict(list)

    def add(self, name: str, p: np.ndarray, **further: float) -> None:
        y, p = self.data.y_test, np.clip(p, 1e-6, 1 - 1e-6)
        figures = {"auc": roc_auc_score(y, p), "log_loss": log_loss(y, p), "accuracy": accuracy_score(y, p > 0.5)}
        self.found[name].append({**{key: float(value) for key, value in figures.items()}, **further})

    def show(self) -> None:
        columns = ("auc", "log_loss", "accuracy", "partitions", "advantage", "inside", "seconds")
        print(f"{'':26s}" + "".join(f"{name:>11s}" for name in columns) + "   (deviation of AUC over seeds)")
        for name, rows in self.found.items():
            means = [np.mean([row[key] for row in rows]) if key in rows[0] else None for key in columns]
            cells = "".join(f"{'':>11s}" if mean is None else f"{mean:11.4f}" for mean in means)
            print(f"{name:26s}{cells}   {np.std([row['auc'] for row in rows]):.4f}")


class Told:
    """A classifier of the bench's number columns, as a baseline of text columns."""

    def __init__(self, model: Any, data: Data) -> None:
        self.model, self.data = model, data

    def predict_proba(self, rows: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.model.predict_proba(self.data.numbers(rows)))


def ask(
    data: Data, rows: np.ndarray, epsilon: float, neighbours: str, present: np.ndarray | None, **how: Any
) -> tuple[FeedbackClassifier, dict[str, float]]:
    contract = Feedback(
        identifier="id",
        labels={"y": Label(column="y", classes=CLASSES)},
        neighbours=neighbours,  # type: ignore[arg-type]
        epsilon=epsilon,
    )
    texts = np.array(CLASSES, object)[data.y[rows]]
    validator = LocalValidator.from_arrays({"y": texts}, contract, present=present)
    labelled = how.pop("labelled", None)
    start = time.process_time()
    model = FeedbackClassifier(**how).fit(data.train.iloc[rows], validator=validator, labelled=labelled)
    seconds = time.process_time() - start
    rho = sum(answer.rho_spent for answer in model.answers_)
    own = rows if present is None else rows[present]
    return model, {
        "partitions": float(sum(len(answer.counts) for answer in model.answers_)),
        "advantage": float(2 * norm.cdf(np.sqrt(2 * rho) / 2) - 1),
        "inside": float(roc_auc_score(data.y[own], model.predict_proba(data.train.iloc[own])[:, 1])),
        "seconds": seconds,
    }


def run(data: Data, seeds: int) -> Scores:
    scores = Scores(data)
    numbers, test = data.numbers(data.train), data.numbers(data.test)
    scores.add("central", trees().fit(numbers, data.y).predict_proba(test)[:, 1])
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(data.y))
        known, rows = order[:LABELLED], np.sort(order[LABELLED:])
        labelled = (data.train.iloc[known], data.y[known])
        scores.add("baseline", small().fit(numbers[known], data.y[known]).predict_proba(test)[:, 1])
        alone = FeedbackClassifier().fit(data.train.iloc[known], data.y[known])
        scores.add("additive, 500 rows", alone.predict_proba(data.test)[:, 1])
        if "age" in data.train:
            young = order[data.train["age"].to_numpy()[order] < 30][:YOUNG]
            narrow = Told(small().fit(numbers[young], data.y[young]), data)
            scores.add("young", narrow.predict_proba(data.test)[:, 1])
            model, further = ask(data, rows, 1.0, "change-label", None, baseline=narrow)
            scores.add("young, repaired at 1", model.predict_proba(data.test)[:, 1], **further)
            own = (data.train.iloc[young], data.y[young])
            model, further = ask(data, rows, 1.0, "change-label", None, labelled=own)
            scores.add("young, as labels", model.predict_proba(data.test)[:, 1], **further)
        half = rng.random(len(rows)) < 0.5
        for epsilon in EPSILONS:
            model, further = ask(data, rows, epsilon, "change-label", None, labelled=labelled)
            scores.add(f"feedback {epsilon:g}", model.predict_proba(data.test)[:, 1], **further)
            model, further = ask(data, rows, epsilon, "add-or-remove", half, labelled=labelled)
            scores.add(f"half, hidden {epsilon:g}", model.predict_proba(data.test)[:, 1], **further)
            randomised(scores, numbers[rows], data.y[rows], test, epsilon, rng)
    return scores


def sizes(data: Data, seeds: int) -> None:
    """How large has a population to be? Gain in AUC over the 500 labelled rows alone, at epsilon 1."""
    print("records  AUC from 500 rows  with the answer  signal (a warning below 0.2)")
    for size in (500, 1000, 2000, 5000, 10_000, 20_000):
        found = []
        for seed in range(seeds):
            order = np.random.default_rng(seed).permutation(len(data.y))
            known, rows = order[:LABELLED], np.sort(order[LABELLED : LABELLED + size])
            labelled = (data.train.iloc[known], data.y[known])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model, _ = ask(data, rows, 1.0, "change-label", None, labelled=labelled)
            alone = FeedbackClassifier().fit(*labelled)
            aucs = [roc_auc_score(data.y_test, one.predict_proba(data.test)[:, 1]) for one in (alone, model)]
            found.append((*aucs, model.signal_))
        alone_auc, with_answer, signal = np.mean(found, axis=0)
        print(f"{size:7d}  {alone_auc:17.4f}  {with_answer:15.4f}  {signal:6.2f}", flush=True)


def randomised(
    scores: Scores, rows: np.ndarray, y: np.ndarray, test: np.ndarray, epsilon: float, rng: np.random.Generator
) -> None:
    flip = 1 / (1 + np.exp(epsilon))
    told = np.where(rng.random(len(y)) < flip, 1 - y, y)
    right = float((told == y).mean())
    tried = []
    for model in (trees(n_estimators=150, num_leaves=8, min_child_samples=100), trees()):
        p = (model.fit(rows, told).predict_proba(test)[:, 1] - flip) / (1 - 2 * flip)
        tried.append(np.clip(p, 0.002, 0.998))
    best = max(tried, key=lambda p: float(roc_auc_score(scores.data.y_test, p)))
    scores.add(f"randomised {epsilon:g}", best, advantage=float(np.tanh(epsilon / 2)), inside=right)


SETS: dict[str, Callable[[], Data]] = {"adult": adult, "restaurants": restaurants}


def main() -> None:
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for name in sys.argv[2:] or list(SETS):
        data = SETS[name]()
        print(
            f"\n{name}: {len(data.y)} rows, {data.y.mean():.3f} positive; {len(data.y_test)} to test on; {seeds} seeds"
        )
        run(data, seeds).show()
        if name == "adult":
            sizes(data, seeds)


if __name__ == "__main__":
    main()
