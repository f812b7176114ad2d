"""The demo's second half, architecture 2.A: a provider answers about labels that never leave it, an ML party learns.

A provider process holds who earns more than 50,000 dollars. The ML party has the attributes of the same people and 500 labels.
It asks one question at each budget, learns from the noisy counts, and is tested on 16,281 people whom nobody has seen. Then
attackers ask the same provider, and an auditor checks its ledger. Everything ends up in one report.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# threads of linear algebra wait for each other by spinning: on a busy machine they would make this five times slower
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pandas as pd

from jalousie.architectures.ask_remote import RemoteValidator, reach_provider
from jalousie.learning.feedback import FeedbackClassifier

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / ".demo" / "feedback"
TARGET, LABEL = "salary-class", "income"
EPSILONS = (0.5, 1.0, 2.0, 4.0, 8.0)
ATTACKED = (1.0, 4.0)
"""Budgets of attackers, each under a contract of its own: a budget that was spent on learning does not come back."""
LABELLED = 500
CONTRACT = """\
jalousie: 1
name: {name}
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
  lifetime-epsilon: 12
  min-group: 5
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


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def prepare() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The provider's table (names and labels) goes to its file; back come the ML party's people and the test people."""
    people = pd.read_csv(ROOT / ".data" / "adult.csv")
    people.insert(0, "person", [f"p{i:05d}" for i in range(len(people))])
    with (OUT / "provider.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("person", TARGET), *zip(people["person"], people[TARGET], strict=True)])
    return people, pd.read_csv(ROOT / ".data" / "adult_test.csv")


def write_contracts() -> dict[str, Path]:
    """Contracts by name, all about the same column of the provider, under one lifetime budget."""
    keys = {party: jalousie("keys", "new", home=party)["public-key"] for party in ("provider", "ml_party")}
    wanted = {f"learn-{epsilon:g}": epsilon for epsilon in EPSILONS} | {f"attack-{e:g}": e for e in ATTACKED}
    paths = {}
    for name, epsilon in wanted.items():
        paths[name] = OUT / f"{name}.yaml"
        paths[name].write_text(
            CONTRACT.format(name=name, epsilon=epsilon, provider_key=keys["provider"], ml_party_key=keys["ml_party"])
        )
    return paths


@contextmanager
def provider_process(contracts: Iterable[Path]) -> Iterator[str]:
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


def auc(model: Any, people: pd.DataFrame) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(people[TARGET] == ">50K", model.predict_proba(features_of(people))[:, 1]))


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


def learn(contracts: dict[str, Path], url: str, people: pd.DataFrame, strangers: pd.DataFrame) -> tuple[Any, list[Any]]:
    """The learning curve, and what each contract says was spent."""
    from jalousie.validator.card import CurvePoint, LearningCurve, terms_of

    known = people.sample(LABELLED, random_state=0)
    asked = people.drop(index=known.index)
    own = (features_of(known), known[TARGET].to_numpy())
    baseline = auc(learner().fit(*own), strangers)
    central = auc(learner().fit(features_of(people), people[TARGET]), strangers)
    print(f"  {'':50}{'strangers':>12}{'those asked':>14}")
    print(f"  {'500 labels of its own (baseline)':50}{baseline:12.3f}{'':14} AUC", flush=True)
    points, terms = [], []
    for epsilon in EPSILONS:
        name = f"learn-{epsilon:g}"
        with reach_provider(contracts[name], url, home=OUT / "ml_party") as provider:
            validator = RemoteValidator(provider, provider.population(asked["person"].tolist()))
            model = FeedbackClassifier().fit(features_of(asked), validator=validator, labelled=own)
            spent = validator.budget(LABEL)
            terms.append(terms_of(provider.contract, LABEL, spent))
        points.append(
            CurvePoint(
                epsilon=epsilon,
                score=auc(model, strangers),
                inside=auc(model, asked),  # the evaluator's: the ML party has no labels to work this out with
                questions=spent.questions,
                contract=name,
            )
        )
        words = f"one question at epsilon {epsilon:g} ({spent.epsilon_left:.2f} left)"
        print(f"  {words:50}{points[-1].score:12.3f}{points[-1].inside:14.3f} AUC", flush=True)
    print(f"  {'all labels in one place, which is not allowed':50}{central:12.3f}{'':14} AUC", flush=True)
    curve = LearningCurve(
        label=LABEL,
        points=tuple(points),
        baseline=baseline,
        central=central,
        labelled=LABELLED,
        asked=len(asked),
        tested=len(strangers),
    )
    return curve, terms


def attack(contract: Path, url: str, people: pd.DataFrame) -> tuple[list[Any], Any]:
    """All attacks on the provider that is running, each about people of its own."""
    from jalousie.attacks.feedback_all import Ground, attack_live
    from jalousie.attacks.feedback_plans import shares_of
    from jalousie.validator.card import terms_of

    with reach_provider(contract, url, home=OUT / "ml_party") as provider:
        feedback, start = provider.feedback, 0
        people = people.sample(frac=1.0, random_state=1)
        parts = []
        for share in shares_of(feedback, LABEL, len(people)):
            some = people.iloc[start : start + share]
            start += share
            ground = Ground(feedback, {LABEL: some[TARGET].to_numpy(object)})
            parts.append((ground, RemoteValidator(provider, provider.population(some["person"].tolist()))))
        found = []
        for fact in attack_live(parts, LABEL, contract=provider.contract.name):
            found.append(fact)
            low, high = (percent(max(0.0, end)) for end in fact.on_interval)
            print(
                f"  {fact.attack:<26}{fact.targets:>6,}{percent(fact.off):>14}{percent(max(0.0, fact.on)):>9}"
                f"{f'{low} to {high}':>19} {fact.verdict}",
                flush=True,
            )
        return found, terms_of(provider.contract, LABEL, provider.budget(LABEL))


def audit(contract: Path, cosigned: int) -> Any:
    """The provider's ledger, exported and checked by somebody who has its public key alone."""
    from jalousie.validator.card import LedgerFacts

    jalousie("audit", "export", "--out", "ledger.jsonl", "--members", "members.jsonl", home="provider")
    print(f"\n$ jalousie audit verify ledger.jsonl --contract {contract.name}")
    verified = jalousie("audit", "verify", "ledger.jsonl", "--contract", contract.name, home="auditor")
    print(
        f"  all {verified['entries']:,} entries are those that were signed; the ML party cosigned {cosigned:,} of them"
    )
    words = ("audit", "replay", "ledger.jsonl", "--contract", contract.name, "--members", "members.jsonl")
    print(f"$ jalousie {' '.join(words)}")
    labels = jalousie(*words, home="auditor")["labels"]
    counts = {name: sum(label[name] for label in labels) for name in ("answered", "replayed")}
    refused = sum(sum(label["refused"].values()) for label in labels)
    print(
        f"  {counts['answered']} answered, {counts['replayed']} replayed, {refused} refused; every budget counted again"
    )
    return LedgerFacts(entries=verified["entries"], root=verified["root"], cosigned=cosigned, refused=refused, **counts)


def main() -> None:
    from jalousie import __version__
    from jalousie.report import feedback_card_json, render_feedback_html
    from jalousie.validator.card import FeedbackCard
    from jalousie.validator.judge import judge

    shutil.rmtree(OUT, ignore_errors=True)  # keys and budgets of an earlier run
    OUT.mkdir(parents=True)
    people, strangers = prepare()
    contracts = write_contracts()
    attacks = []
    with provider_process(contracts.values()) as url:
        curve, terms = learn(contracts, url, people, strangers)
        print("\n# attackers; figures: how much more often people who earn more are said to than people who do not")
        for epsilon in ATTACKED:
            name = f"attack-{epsilon:g}"
            print(f"\n  against the same provider, with a budget of epsilon {epsilon:g}", flush=True)
            print(f"  {'':26}{'labels':>6}{'unprotected':>14}{'here':>9}{'95 % interval':>19}")
            found, spent = attack(contracts[name], url, people)
            attacks += found
            terms.append(spent)
            print(f"  {'no attacker whatever gains more than':<46}{percent(spent.bound):>9}  (by chance a figure may)")
        seen = contracts["learn-1"].name
        cosigned = jalousie("history", seen, "--url", url, "--cosign", home="ml_party")["cosigned"]
    card = judge(
        FeedbackCard(
            software=f"jalousie {__version__}",
            created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
            name="adult-feedback",
            provider="Tax Office",
            ml_party="Learning Lab",
            terms=tuple(terms),
            curve=curve,
            attacks=tuple(attacks),
            ledger=audit(contracts["learn-1"], cosigned),
        )
    )
    (OUT / "report.html").write_text(render_feedback_html(card), encoding="utf-8")
    (OUT / "report.json").write_bytes(feedback_card_json(card))
    print("  report: .demo/feedback/report.html")


if __name__ == "__main__":
    main()
