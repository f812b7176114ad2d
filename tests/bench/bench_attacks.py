"""What attacks on answers achieve on UCI Adult, with the protection off and on: the figures of docs/promise.md, section 2.A.

    python tests/bench/bench_attacks.py [--epsilon 1 4] [--neighbours change-label] [--only labels|guess|steal]

`labels` attacks 12,000 random records of the training file; `guess` learns from answers about 15,000 and guesses these and
15,000 others; `steal` copies a model that was learnt from 2,000 labelled rows. Run `make data` first.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from jalousie.attacks.feedback_all import Ground, attack_label
from jalousie.attacks.feedback_guess import People, guess_labels, learner
from jalousie.attacks.feedback_steal import (
    Overheard,
    Provider,
    Stolen,
    learn_alone,
    score_bins,
    shuffled,
    steal_from_questions,
    steal_model,
)
from jalousie.contract.feedback import Feedback, Label

DATA = Path(__file__).resolve().parents[2] / ".data" / "adult.csv"
CLASSES = ("<=50K", ">50K")


def table(seed: int) -> tuple[Any, np.ndarray[Any, Any]]:
    """Adult in random order, without the survey weight and the text of a column that is there as a number."""
    import pandas

    frame = pandas.read_csv(DATA).sample(frac=1.0, random_state=seed).reset_index(drop=True)
    target = frame.columns[-1]
    return frame.drop(columns=[target, "fnlwgt", "education"]), frame[target].to_numpy(object)


def contract(epsilon: float, neighbours: Any) -> Feedback:
    return Feedback(
        identifier="id",
        labels={"income": Label(column="income", classes=CLASSES)},
        neighbours=neighbours,
        epsilon=epsilon,
    )


def labels(feedback: Feedback, seed: int) -> None:
    _, y = table(seed)
    print(
        f"{'attack':<26}{'off':>8}{'on':>8}{'95 % interval':>18}{'bound':>8}{'targets':>9}  answered/replayed/refused"
    )
    for fact in attack_label(Ground(feedback, {"income": y[:12_000]}), "income", seed=seed):
        low, high = fact.on_interval
        print(
            f"{fact.attack:<26}{fact.off:>8.3f}{fact.on:>8.3f}{f'{low:.3f} .. {high:.3f}':>18}{fact.bound or 0:>8.3f}"
            f"{fact.targets:>9}  {fact.answered - fact.replayed}/{fact.replayed}/{fact.refused} {fact.verdict}"
        )
        for name, value in fact.weaker.items():
            print(f"    {value:.3f} with {name}")


def guess(feedback: Feedback, seed: int) -> None:
    X, y = table(seed)
    parts = [People(X.iloc[s].reset_index(drop=True), y[s]) for s in (slice(15_000), slice(15_000, 30_000))]
    found = guess_labels(parts[0], parts[1], feedback, "income", seed=seed)
    print(f"{'learnt from':<24}{'AUC inside':>11}{'strangers':>11}{'error':>8}{'right inside':>14}{'strangers':>11}")
    for way in (found.answers, found.exact, found.response):
        print(
            f"{way.how:<24}{way.inside_auc:>11.4f}{way.strangers_auc:>11.4f}{way.error:>8.4f}"
            f"{way.inside_right:>14.3f}{way.strangers_right:>11.3f}"
        )
    print(found.verdict)


def steal(feedback: Feedback, seed: int) -> None:
    from jalousie.learning.feedback import FeedbackClassifier

    X, y = table(seed)
    own, asked, out = (slice(2_000), slice(2_000, 17_000), slice(17_000, 32_000))
    model = learner(X).fit(X.iloc[own], y[own] == CLASSES[1])
    inside, outside = (X.iloc[part].reset_index(drop=True) for part in (asked, out))
    provider = Provider(inside, y[asked] == CLASSES[1], outside, y[out] == CLASSES[1])
    scores, scores_out = (model.predict_proba(part)[:, 1] for part in (inside, outside))
    rng = np.random.default_rng(seed)
    found: list[Stolen] = []
    for count in (20, 10, 5, 2):
        bins = score_bins(scores, count)
        found.append(steal_model(provider, bins, scores_out, how=f"{count} confidence bins", ordered=True))
        opaque = shuffled(bins, rng)
        found.append(steal_model(provider, opaque, scores_out, how=f"{count} bins, opaque numbers", ordered=False))
    for baseline, how in ((None, "attribute bins"), (model, "attribute bins, from a baseline")):
        validator = Overheard(Ground(feedback, {"income": y[asked]}).protected())
        FeedbackClassifier(baseline=baseline, width=0.5, combine=False).fit(inside, validator=validator)
        found.append(steal_from_questions(provider, validator.questions, scores_out, how=how))
    found.append(learn_alone(provider, scores_out))
    print(f"{'what the provider learns from':<40}{'fidelity':>10}{'AUC copy':>10}{'AUC model':>11}")
    for copy in found:
        print(f"{copy.how:<40}{copy.fidelity:>10.3f}{copy.auc:>10.4f}{copy.model_auc:>11.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epsilon", type=float, nargs="+", default=[1.0, 4.0])
    parser.add_argument("--neighbours", nargs="+", default=["change-label"], choices=["change-label", "add-or-remove"])
    parser.add_argument("--only", nargs="+", default=["labels", "guess", "steal"], choices=["labels", "guess", "steal"])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for neighbours in arguments.neighbours:
        for epsilon in arguments.epsilon:
            for name in arguments.only:
                if name == "steal" and epsilon != arguments.epsilon[0]:
                    continue  # what a provider sees does not depend on the noise
                print(f"\n{name}: epsilon {epsilon:g}, {neighbours}")
                start = time.process_time()
                {"labels": labels, "guess": guess, "steal": steal}[name](contract(epsilon, neighbours), arguments.seed)
                print(f"{time.process_time() - start:.1f} s of CPU")


if __name__ == "__main__":
    main()
