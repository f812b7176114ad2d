"""The demo's second half, architecture 2.A: a provider answers about labels that never leave it, an ML party learns.

A provider process holds who earns more than 50,000 dollars. The ML party has the attributes of the same people and 500 labels.
It asks one question at each budget, learns from the noisy counts, and is tested on 16,281 people whom nobody has seen.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from jalousie.architectures.ask_remote import RemoteValidator, reach_provider
from jalousie.learning.feedback import FeedbackClassifier

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / ".demo" / "feedback"
TARGET = "salary-class"
EPSILONS = (0.5, 1.0, 4.0)
LABELLED = 500
CONTRACT = """\
jalousie: 1
name: adult-feedback-{name}
parties:
  provider: Tax Office
  ml-party: Learning Lab
  provider-key: {provider_key}
  ml-party-key: {ml_party_key}
purpose: Improve a model of income; no record and no label leaves the provider.
table: {{file: provider.csv}}
columns:
  person: {{role: identifier}}
  salary-class: {{role: sensitive}}
feedback:
  identifier: person
  labels: {{income: {{column: salary-class, classes: ["<=50K", ">50K"]}}}}
  neighbours: change-label
  epsilon: {epsilon}
  delta: 1.0e-6
  lifetime-epsilon: 8
"""


def jalousie(*words: str, home: str) -> Any:
    """A command of one of the parties, each with a home of its own; its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "jalousie", *words, "--json"],
        cwd=OUT,
        env={**os.environ, "JALOUSIE_HOME": str(OUT / home)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return json.loads(done.stdout)


def prepare() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The provider's table (names and labels) goes to its file; back come the ML party's people and the test people."""
    people = pd.read_csv(ROOT / ".data" / "adult.csv")
    people.insert(0, "person", [f"p{i:05d}" for i in range(len(people))])
    with (OUT / "provider.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("person", TARGET), *zip(people["person"], people[TARGET], strict=True)])
    return people, pd.read_csv(ROOT / ".data" / "adult_test.csv")


def write_contracts() -> list[Path]:
    keys = {party: jalousie("keys", "new", home=party)["public-key"] for party in ("provider", "ml_party")}
    paths = []
    for epsilon in EPSILONS:
        path = OUT / f"adult-feedback-{epsilon:g}.yaml"
        text = CONTRACT.format(
            name=f"{epsilon:g}", epsilon=epsilon, provider_key=keys["provider"], ml_party_key=keys["ml_party"]
        )
        path.write_text(text)
        paths.append(path)
    return paths


@contextmanager
def provider_process(contracts: list[Path]) -> Iterator[str]:
    """`jalousie serve provider` as a process of its own, at a free port of this machine."""
    words = ["serve", "provider", "--contract", *(path.name for path in contracts), "--port", "0", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "jalousie", *words],
        cwd=OUT,
        env={**os.environ, "JALOUSIE_HOME": str(OUT / "provider")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
        if process.stdout is not None:
            process.stdout.close()


def auc(model: Any, features: pd.DataFrame, truth: pd.Series) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth == ">50K", model.predict_proba(features)[:, 1]))


def learner() -> Any:
    """LightGBM on one-hot categories: for the 500 labels and, as a yardstick nobody is allowed, for all of them."""
    from lightgbm import LGBMClassifier
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    text = make_column_selector(dtype_exclude="number")
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), text), remainder="passthrough"
    )
    encode.set_output(transform="default")
    return make_pipeline(encode, LGBMClassifier(n_estimators=100, num_leaves=15, n_jobs=1, verbose=-1))


def features_of(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=[name for name in ("person", TARGET, "fnlwgt", "education") if name in table.columns])


def main() -> list[tuple[float, float]]:
    shutil.rmtree(OUT, ignore_errors=True)  # keys and budgets of an earlier run
    OUT.mkdir(parents=True)
    people, strangers = prepare()
    contracts = write_contracts()
    known = people.sample(LABELLED, random_state=0)
    asked = people.drop(index=known.index)
    truth = strangers[TARGET]
    baseline = auc(learner().fit(features_of(known), known[TARGET]), features_of(strangers), truth)
    central = auc(learner().fit(features_of(people), people[TARGET]), features_of(strangers), truth)
    print(f"  {'500 labels of its own (baseline)':52}{baseline:8.3f} AUC", flush=True)
    curve = []
    with provider_process(contracts) as url:
        for epsilon, path in zip(EPSILONS, contracts, strict=True):
            provider = reach_provider(path, url, home=OUT / "ml_party")
            validator = RemoteValidator(provider, provider.population(asked["person"].tolist()))
            model = FeedbackClassifier()
            model.fit(features_of(asked), validator=validator, labelled=(features_of(known), known[TARGET].to_numpy()))
            curve.append((epsilon, auc(model, features_of(strangers), truth)))
            left = validator.budget("income")
            words = f"one question at epsilon {epsilon:g} ({left.epsilon_left:.2f} left)"
            print(f"  {words:52}{curve[-1][1]:8.3f} AUC", flush=True)
    print(f"  {'all labels in one place, which is not allowed':52}{central:8.3f} AUC", flush=True)
    return curve


if __name__ == "__main__":
    main()
