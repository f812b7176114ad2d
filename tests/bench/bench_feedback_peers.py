"""What is learnt from answers, beside what else a provider could give at the same epsilon. Real data, mean over seeds.

    python tests/bench/bench_feedback_peers.py [--seeds 5] [--peers PYTHON] [adult] [restaurants] [census]

`--peers` is an interpreter that has `interpret-core` and `diffprivlib` (which want older libraries than ours); without it the
fully private models are left out. Census needs `python tools/fetch_data.py census`. delta is 1e-6;
a seed draws which 500 rows the ML party has labels of, and all noise.

baseline       LightGBM from 500 labelled rows
feedback       FeedbackClassifier from the 500 rows and one question about all others (`change-label`), through the validator
               with its monitor and ledger. Census has 38 columns: each is asked about by itself (`combine=False`)
randomised     every label handed over, flipped with chance 1 / (1 + e^epsilon) (Warner 1965), then LightGBM, debiased: 150
               small trees or 300 large ones, whichever is better on the test set (Census: small ones up to epsilon 2)
DP-EBM, DP ... trained by the provider, who has attributes and labels, and handed over (`private_peers.py`): they hide the
               whole record, which is more. Bounds and categories are given as public; DP-EBM learns at the rate that was best
               on the test sets
central        LightGBM from all labels

advantage      how much more often a record that has the label is said to have it than one that has not, by an attacker who
               knows everything but that label. The exact bound of our noise; of randomised response tanh(epsilon / 2), which
               is reached; of private models the bound of their noise, Gaussian in DP-EBM, otherwise tanh(epsilon / 2)
own            AUC of the ML party's best guess of the labels of the provider's own people; `auc` is that of people who were
               not asked about. With randomised response it weighs each person's own noisy label with the model
right          share of the own people's labels guessed right, or, with randomised response, told right
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bench_feedback import CLASSES, DATA, LABELLED, Data, adult, restaurants, small, trees
from scipy.optimize import brentq
from scipy.stats import norm
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from jalousie.architectures.ask import LocalValidator
from jalousie.attacks.feedback_guess import People, guess_labels
from jalousie.contract.feedback import Feedback, Label
from jalousie.learning import FeedbackClassifier
from jalousie.validator.advantage import advantage_bound

EPSILONS = (0.5, 1.0, 2.0, 4.0, 8.0)
DELTA = 1e-6
WORKER = Path(__file__).with_name("private_peers.py")
SHOWN = 20_000
"""Of the provider's own people, so many are guessed."""
FIGURES = ("auc", "log_loss", "accuracy", "advantage", "own", "right", "seconds")


@dataclass(frozen=True)
class Set:
    """A data set and how much of everything it can afford."""

    load: Callable[[], Data]
    combine: bool = True
    peers: tuple[str, ...] = ("DP-EBM", "DP logistic", "DP naive Bayes", "DP forest")
    peer_seeds: int = 5
    both: bool = True
    """Whether to try both learners on randomised labels."""
    guess: bool = True
    """Whether to guess everybody once as one of the provider's people and once as a stranger."""


def census() -> Data:
    found = []
    numbers = {"AAGE", "AHRSPAY", "CAPGAIN", "CAPLOSS", "DIVVAL", "NOEMP", "WKSWORK"}
    for name in ("census.csv", "census_test.csv"):
        table = pd.read_csv(DATA / name, dtype=str, keep_default_na=False)
        y = (table["PTOTVAL"].str.startswith("50000+")).to_numpy(int)
        table = table.drop(columns=["PTOTVAL", "MARSUPWT"])
        found += [table.astype(dict.fromkeys(numbers, int)), y]
    return Data(*found)


SETS = {
    "adult": Set(adult),
    "restaurants": Set(restaurants, peers=("DP-EBM", "DP logistic")),
    "census": Set(census, combine=False, peers=("DP-EBM",), peer_seeds=2, both=False, guess=False),
}


@dataclass
class Table:
    """Figures by row of the printed table, over the seeds."""

    data: Data
    rows: dict[str, list[dict[str, float]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, chance: np.ndarray, **further: float) -> None:
        y, chance = self.data.y_test, np.clip(chance, 1e-6, 1 - 1e-6)
        self.rows[name].append(
            {
                "auc": float(roc_auc_score(y, chance)),
                "log_loss": float(log_loss(y, chance)),
                "accuracy": float(accuracy_score(y, chance > 0.5)),
                **further,
            }
        )

    def show(self) -> None:
        print(f"{'':20s}" + "".join(f"{name:>11s}" for name in FIGURES) + "   seeds  deviation of AUC")
        for name, rows in self.rows.items():
            cells = "".join(
                f"{np.mean([row[key] for row in rows]):11.4f}" if key in rows[0] else f"{'':>11s}" for key in FIGURES
            )
            print(f"{name:20s}{cells}   {len(rows):5d}  {np.std([row['auc'] for row in rows]):.4f}")


def contract(epsilon: float) -> Feedback:
    return Feedback(
        identifier="id",
        labels={"y": Label(column="y", classes=CLASSES)},
        neighbours="change-label",
        epsilon=epsilon,
        delta=DELTA,
    )


def guessed(y: np.ndarray, chance: np.ndarray) -> dict[str, float]:
    return {"own": float(roc_auc_score(y, chance)), "right": float(((chance > 0.5) == y).mean())}


def by_answers(table: Table, rows: np.ndarray, known: np.ndarray, shown: np.ndarray, epsilon: float, how: Set) -> None:
    data, agreed = table.data, contract(epsilon)
    start = time.process_time()
    validator = LocalValidator.from_arrays({"y": np.array(CLASSES, object)[data.y[rows]]}, agreed)
    model = FeedbackClassifier(combine=how.combine)
    model.fit(data.train.iloc[rows], validator=validator, labelled=(data.train.iloc[known], data.y[known]))
    seconds = time.process_time() - start
    table.add(
        f"feedback {epsilon:g}",
        model.predict_proba(data.test)[:, 1],
        advantage=advantage_bound(agreed, agreed.labels["y"]),
        seconds=seconds,
        **guessed(data.y[shown], model.predict_proba(data.train.iloc[shown])[:, 1]),
    )


def by_response(
    table: Table,
    numbers: np.ndarray,
    rows: np.ndarray,
    shown: np.ndarray,
    test: np.ndarray,
    epsilon: float,
    rng: np.random.Generator,
    how: Set,
) -> None:
    y, flip = table.data.y, 1 / (1 + np.exp(epsilon))
    told = np.where(rng.random(len(y)) < flip, 1 - y, y)
    start = time.process_time()

    def debiased(model: Any, of: np.ndarray) -> np.ndarray:
        return np.clip((model.predict_proba(of)[:, 1] - flip) / (1 - 2 * flip), 0.002, 0.998)

    learners = [trees(n_estimators=150, num_leaves=8, min_child_samples=100), trees()]
    if not how.both:
        learners = learners[:1] if epsilon <= 2 else learners[1:]
    tried = [(debiased(model.fit(numbers[rows], told[rows]), test), model) for model in learners]
    chance, model = max(tried, key=lambda found: float(roc_auc_score(table.data.y_test, found[0])))
    seconds = time.process_time() - start
    prior = debiased(model, numbers[shown])
    odds = prior / (1 - prior) * np.exp(np.where(told[shown] == 1, epsilon, -epsilon))
    table.add(
        f"randomised {epsilon:g}",
        chance,
        advantage=float(np.tanh(epsilon / 2)),
        seconds=seconds,
        own=float(roc_auc_score(y[shown], odds)),
        right=float((told[rows] == y[rows]).mean()),
    )


def gaussian_advantage(epsilon: float) -> float:
    """Of any attacker on a mechanism that is no worse than Gaussian noise with this epsilon at DELTA (Dong et al. 2022)."""

    def surplus(mu: float) -> float:
        return float(norm.cdf(mu / 2 - epsilon / mu) - np.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu)) - DELTA

    return float(2 * norm.cdf(brentq(surplus, 1e-3, 20.0) / 2) - 1)


class Peers:
    """The fully private models, in another interpreter."""

    def __init__(self, python: str | None) -> None:
        self.python = python
        self.installed: set[str] = set()
        if python is None:
            print("fully private models are left out: give --peers an interpreter with interpret-core and diffprivlib")
            return
        done = subprocess.run([python, str(WORKER), "what"], capture_output=True, text=True, check=False)
        self.installed = {line for line in done.stdout.splitlines() if line}
        if not self.installed:
            print("fully private models are left out: that interpreter has neither interpret-core nor diffprivlib")

    def add(
        self,
        table: Table,
        numbers: np.ndarray,
        rows: np.ndarray,
        shown: np.ndarray,
        test: np.ndarray,
        task: dict[str, float],
        wanted: tuple[str, ...],
    ) -> None:
        wanted = tuple(name for name in wanted if name in self.installed)
        if not wanted or self.python is None:
            return
        data = table.data
        low, high = numbers.min(axis=0), numbers.max(axis=0)
        # categories that only the test has are taken for the commonest
        guess = np.clip(np.nan_to_num(np.concatenate([test, numbers[shown]])), low, high)
        nominal = [name in data.orders for name in data.train]
        with tempfile.TemporaryDirectory() as folder:
            given, found = Path(folder) / "task.npz", Path(folder) / "found.npz"
            np.savez(
                given,
                rows=numbers[rows],
                y=data.y[rows],
                test=guess,
                nominal=nominal,
                low=low,
                high=high,
                wanted=wanted,
                delta=DELTA,
                **task,
            )
            subprocess.run([self.python, str(WORKER), str(given), str(found)], check=True)
            with np.load(found) as file:
                for name in wanted:
                    chance, epsilon = file[name], task["epsilon"]
                    table.add(
                        f"{name} {epsilon:g}",
                        chance[: len(test)],
                        advantage=gaussian_advantage(epsilon) if name == "DP-EBM" else float(np.tanh(epsilon / 2)),
                        seconds=float(file[f"{name} seconds"]),
                        **guessed(data.y[shown], chance[len(test) :]),
                    )


def run(name: str, seeds: int, peers: Peers) -> None:
    how = SETS[name]
    data = how.load()
    print(f"\n{name}: {len(data.y)} rows, {data.y.mean():.3f} positive; {len(data.y_test)} to test on", flush=True)
    table = Table(data)
    numbers, test = data.numbers(data.train), data.numbers(data.test)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(data.y))
        known, rows = order[:LABELLED], np.sort(order[LABELLED:])
        shown = np.sort(rng.permutation(rows)[:SHOWN])
        table.add("baseline", small().fit(numbers[known], data.y[known]).predict_proba(test)[:, 1])
        for epsilon in EPSILONS:
            by_answers(table, rows, known, shown, epsilon, how)
        for epsilon in EPSILONS:
            by_response(table, numbers, rows, shown, test, epsilon, rng, how)
        for epsilon in EPSILONS if seed < how.peer_seeds else ():
            peers.add(table, numbers, rows, shown, test, {"epsilon": epsilon, "seed": seed}, how.peers)
    start = time.process_time()
    central = trees().fit(numbers, data.y)
    table.add("central", central.predict_proba(test)[:, 1], seconds=time.process_time() - start)
    table.show()
    if how.guess:
        both_ways(data)


def both_ways(data: Data) -> None:
    """Everybody once as one of the provider's people, once as a stranger: of the same people, so that small gaps show."""
    order = np.random.default_rng(0).permutation(len(data.y))
    halves = [
        People(data.train.iloc[part].reset_index(drop=True), np.array(CLASSES, object)[data.y[part]])
        for part in np.array_split(order, 2)
    ]
    print("labels of the same people guessed as the provider's own, and as strangers: AUC, share right")
    for epsilon in (1.0, 4.0):
        facts = guess_labels(*halves, contract(epsilon), "y")
        for found in (facts.answers, facts.response):
            print(
                f"  epsilon {epsilon:g}  {found.how:20s} {found.inside_auc:.4f} {found.strangers_auc:.4f}"
                f"   {found.inside_right:.4f} {found.strangers_right:.4f}"
            )


def main() -> None:
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    warnings.filterwarnings("ignore", message="with groups of")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; default: all that are there")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--peers", metavar="PYTHON")
    given = parser.parse_args()
    peers = Peers(given.peers)
    for name in given.sets or SETS:
        if name not in SETS:
            parser.error(f"no such set: {name}")
        if name == "census" and not (DATA / "census_test.csv").exists():
            print("\ncensus is left out: run `python tools/fetch_data.py census`")
            continue
        start = time.process_time()
        run(name, given.seeds, peers)
        print(f"{time.process_time() - start:.0f} s of CPU, without the fully private models", flush=True)


if __name__ == "__main__":
    sys.exit(main())
