"""What is a release of Adult (k = 5) worth to a learner, by recoding and by how its cells are encoded?

    python tests/bench/bench_learning.py [seeds]

Eight quasi-identifiers with the hierarchies of the literature, target salary class; trained on the released rows of 75 %
of the people, tested on the raw rows of the others; AUC, mean over the seeds (splits, draws and models).
"""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import OneHotEncoder

from jalousie.contract.model import FileHierarchy, KAnonymity, Privacy
from jalousie.learning import ColumnSpace, GeneralisedEncoder
from jalousie.learning.learners import make_learner
from jalousie.privacy.models import build_models
from jalousie.privacy.recoding import Recoding
from jalousie.privacy.search import search
from jalousie.tables.hierarchies import compile_hierarchy
from jalousie.tables.types import FrequencyTable, Hierarchy

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "data" / "adult"
NAMES = ("sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation")
LEARNERS = ("lightgbm", "logistic-regression")
ENCODERS: tuple[dict[str, Any], ...] = (
    {"cells": "midpoints"},
    {"cells": "midpoints", "weights": "release"},
    {"cells": "shares"},
    {"cells": "draws", "draws": 1},
    {"cells": "draws", "draws": 5},
    {"cells": "draws", "draws": 10},
    {"cells": "draws", "draws": 5, "weights": "release"},
)


def read() -> tuple[dict[str, list[str]], np.ndarray]:
    with (REFERENCE / "adult.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    columns = {name: [row[name] for row in rows] for name in NAMES}
    return columns, np.array([row["salary-class"] == ">50K" for row in rows], np.int64)


def count(columns: dict[str, list[str]]) -> tuple[FrequencyTable, np.ndarray]:
    """The frequency table, and for each row its place in it."""
    values, codes = zip(*(np.unique(np.array(column), return_inverse=True) for column in columns.values()), strict=True)
    distinct, group, counts = np.unique(np.stack(codes), axis=1, return_inverse=True, return_counts=True)
    texts = tuple(tuple(value.tolist()) for value in values)
    return FrequencyTable(NAMES, texts, distinct.astype(np.int32), counts.astype(np.int64)), group.ravel()


def hierarchies_of(table: FrequencyTable) -> tuple[Hierarchy, ...]:
    found = []
    for d, name in enumerate(NAMES):
        counts = np.bincount(table.codes[d], weights=table.counts).astype(int).tolist()
        spec = FileHierarchy(file=f"hierarchy_{name}.csv")
        found.append(compile_hierarchy(name, spec, table.values[d], counts, REFERENCE))
    return tuple(found)


def released(recoding: Recoding, group: np.ndarray) -> tuple[pa.Table, np.ndarray]:
    """The rows of the release, and the raw row that each comes from."""
    rows = np.flatnonzero(~recoding.suppressed[group])
    cells = [
        np.array(text, object)[codes][group[rows]] for text, codes in zip(recoding.labels, recoding.codes, strict=True)
    ]
    return pa.table(dict(zip(NAMES, (column.tolist() for column in cells), strict=True))), rows


class Scores:
    """AUC of both learners, summed over the seeds."""

    def __init__(self) -> None:
        self.sums: dict[str, list[float]] = {}

    def add(self, name: str, data: tuple[Any, Any], held_out: tuple[Any, Any], repeats: int = 1, seed: int = 0) -> None:
        start = time.process_time()
        found = []
        for learner in LEARNERS:
            model = make_learner(learner, "classification", repeats=repeats, seed=seed).fit(*data)  # type: ignore[arg-type]
            found.append(roc_auc_score(held_out[1], model.predict_proba(held_out[0])[:, 1]))
        sums = self.sums.setdefault(name, [0.0] * 3)
        self.sums[name] = [a + b for a, b in zip(sums, [*found, time.process_time() - start], strict=True)]

    def show(self, seeds: int) -> None:
        print(f"{'':42s} {'LightGBM':>9s} {'logistic':>9s} {'CPU s':>6s}")
        for name, sums in self.sums.items():
            print(f"{name:42s} {sums[0] / seeds:9.4f} {sums[1] / seeds:9.4f} {sums[2] / seeds:6.1f}")


def main(seeds: int) -> None:
    if not REFERENCE.exists():
        sys.exit("the reference data of Adult are absent")
    columns, target = read()
    table, group = count(columns)
    hierarchies = hierarchies_of(table)
    spaces = [
        ColumnSpace.from_hierarchy(h, "number" if h.column == "age" else "categorical", whole=True) for h in hierarchies
    ]
    raw = pa.table(columns)
    releases = {}
    for kind in ("optimal", "local", "mondrian"):
        privacy = Privacy(models=(KAnonymity(k=5),), recoding=kind)  # type: ignore[arg-type]
        start = time.process_time()
        recoding = search(table, hierarchies, build_models(privacy.models, table, hierarchies), privacy)
        least = np.array([1 / h.size for h in hierarchies])
        loss = (np.average(recoding.cell_loss, axis=1, weights=table.counts) - least) / (1 - least)
        print(f"{kind}: granularity {1 - loss.mean():.4f}, search {time.process_time() - start:.2f} CPU s")
        releases[kind] = released(recoding, group)
    scores = Scores()
    for seed in range(seeds):
        test = np.random.default_rng(seed).random(len(target)) < 0.25
        held_out = raw.filter(pa.array(test))
        encoder = GeneralisedEncoder(spaces, random_state=seed)
        training = encoder.fit_transform(raw.filter(pa.array(~test)))
        scores.add("raw", (training, target[~test]), (encoder.transform(held_out), target[test]), seed=seed)
        for kind, (release, rows) in releases.items():
            kept = ~test[rows]
            frame, answers = release.filter(pa.array(kept)), target[rows[kept]]
            naive = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
            training = naive.fit_transform(frame.to_pandas())
            tested = naive.transform(held_out.to_pandas())
            scores.add(f"{kind}: strings one-hot", (training, answers), (tested, target[test]), seed=seed)
            for options in ENCODERS:
                encoder = GeneralisedEncoder(spaces, random_state=seed, **options)
                data = encoder.fit_resample(frame, answers)
                name = f"{kind}: " + " ".join(str(value) for value in options.values())
                tested = encoder.transform(held_out)
                scores.add(name, data, (tested, target[test]), len(data[1]) // len(answers), seed)
    scores.show(seeds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
