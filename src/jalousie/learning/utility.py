"""Learning utility: train on the release, test on raw rows that were held out, beside the raw model and the baseline.

The protocol. The raw rows, as they were read and before any step, are split once, by a fixed seed. The raw model learns
from the raw training rows; the release's model from the released rows that come from them: rows that were suppressed,
dropped or not sampled are missing there, as they are for the ML party. Both are tested on the same raw test rows, *all* of
them, those included whose own row is missing. The release is taken as it was made, test rows included: generalisation looks
at quasi-identifiers alone and no test row's target reaches the training, while protecting the smaller training part again
would measure a coarser release than the one that is given. Who wants that stricter figure protects the training rows alone
and passes that release with `test`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from jalousie.contract.model import Learning
from jalousie.errors import UsageError
from jalousie.learning.encoder import GeneralisedEncoder
from jalousie.learning.frames import as_frame, cell_text, distinct_cells, need_columns, numbers
from jalousie.learning.learners import Learner, Task, make_learner
from jalousie.learning.reshape import Rule
from jalousie.learning.spaces import ColumnSpace
from jalousie.privacy.card import LearnerFacts, LearningFacts
from jalousie.tables.types import Floats, Mask

MOST_ROWS = 60_000
"""Training and test rows beyond this many each are left out, by a fixed draw: the figures no longer change by then."""
LEAST_ROWS = 20
LEAST_GAIN = 0.02
"""Gain of the raw model over the baseline under which no share of it is stated."""
MOST_CLASSES = 64
"""Beyond, a target is a number or an identifier, and learners take a model for each of its values."""
_HINT = {
    "classification": "leave the measurement out (--no-learning), or take another target",
    "regression": "leave the measurement out (--no-learning), or take a target of numbers",
}
Metric = Literal["auc", "macro-auc", "accuracy", "r2"]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Positions of raw and released rows that take part; `target` and `released_target` are by position."""

    train: Rows
    test: Rows
    released: Rows
    target: NDArray[Any]
    released_target: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Score:
    value: float
    log_loss: float | None


def learning_utility(
    raw: Any,
    release: Any,
    rows: Rows,
    learning: Learning,
    spaces: Sequence[ColumnSpace],
    *,
    features: Sequence[str] = (),
    left_out: Sequence[str] = (),
    steps: Sequence[Rule] = (),
    test: Mask | None = None,
    seed: int = 0,
    most_rows: int = MOST_ROWS,
) -> LearningFacts:
    """Measure what the release is worth to a learner.

    Parameters
    ----------
    raw
        data frame of N rows
    release
        data frame of M rows, as written
    rows
        (M,) the raw row (0..N-1) that each released row comes from
    learning
        the contract's part: target, task, learners, share of test rows, encoder
    spaces
        of the quasi-identifiers among the features
    features
        columns to learn from; empty: all that the release has but the target and `left_out`
    left_out
        columns of the release that raw rows do not have: joined ones, pseudonyms
    steps
        what was done to numbers and dates before they were generalised; the release's encoder does it to test rows too
    test
        (N,) rows to test on; None draws `learning.test_share` of them

    Raises UsageError U150 for a missing column, U152 where there is too little to learn from, U153 where the target has
    too many classes.
    """
    raw_frame, release_frame = _frames(raw, release, rows)
    names = [n for n in (features or release_frame.columns) if n != learning.target and n not in left_out]
    need_columns(raw_frame, [*names, learning.target])
    need_columns(release_frame, [*names, learning.target])
    if not names:
        message = "the release has no column to learn from besides the target"
        raise UsageError("U152", message, hint=_HINT[learning.task])
    split = _split(raw_frame, release_frame, rows, learning, test, seed, most_rows)
    used = tuple(space for space in spaces if space.name in names)
    tested = raw_frame[split.test.tolist()].select(names)
    encoder = GeneralisedEncoder(used, cells=learning.encoder, steps=tuple(steps), random_state=seed)
    # a space has the values that were generalised: of a column that was rounded, not those that were read
    changed = {rule.column for rule in steps}
    as_read = tuple(space for space in used if space.name not in changed)
    raw_encoder = GeneralisedEncoder(as_read, cells="midpoints", random_state=seed)
    sources = (
        (raw_encoder, raw_frame[split.train.tolist()].select(names), split.target[split.train]),
        (encoder, release_frame[split.released.tolist()].select(names), split.released_target[split.released]),
    )
    scores: list[dict[Learner, Score]] = []
    metric, baseline = _metric(learning.task, split)
    least = least_gain(metric, split.target[split.test], baseline)
    for source, frame, target in sources:
        matrix, answers = source.fit_resample(frame, target)
        held_out = source.transform(tested)
        repeats = len(answers) // max(len(target), 1)
        found: dict[Learner, Score] = {}
        # on some processors linear algebra in single precision flags finite numbers; one that is not would not be scored
        with np.errstate(invalid="ignore"):
            for learner in learning.learners:
                model = make_learner(learner, learning.task, repeats=repeats, seed=seed).fit(matrix, answers)
                found[learner] = _score(model, held_out, split.target[split.test], metric)
        scores.append(found)
    return LearningFacts(
        target=learning.target,
        task=learning.task,
        encoder=learning.encoder,
        train_rows=len(split.released),
        test_rows=len(split.test),
        learners=tuple(
            _facts(name, metric, scores[0][name], scores[1][name], baseline, least) for name in learning.learners
        ),
        left_out=tuple(left_out),
    )


def _frames(raw: Any, release: Any, rows: Rows) -> tuple[nw.DataFrame[Any], nw.DataFrame[Any]]:
    raw_frame, release_frame = as_frame(raw), as_frame(release)
    if raw_frame is None or release_frame is None:
        raise UsageError("U152", "learning utility needs two data frames", effect="")
    if len(rows) != len(release_frame):
        raise UsageError("U152", f"{len(release_frame)} released rows, but {len(rows)} row numbers", effect="")
    if len(rows) and (rows.min() < 0 or rows.max() >= len(raw_frame)):
        raise UsageError("U152", "a released row's number is not that of a raw row", effect="")
    return raw_frame, release_frame


def _split(
    raw: nw.DataFrame[Any],
    release: nw.DataFrame[Any],
    rows: Rows,
    learning: Learning,
    test: Mask | None,
    seed: int,
    most_rows: int,
) -> Split:
    """Rows without a target, or whose released target is not a single value, cannot take part."""
    rng = np.random.default_rng(seed)
    held_out = rng.random(len(raw)) < learning.test_share if test is None else test
    target, known = _target(raw[learning.target], learning.task)
    released_target, exact = _target(release[learning.target], learning.task)
    if learning.task == "classification":
        classes = set(target[known].tolist())
        exact &= np.array([label in classes for label in released_target.tolist()], bool)
        check_classes(len(classes), learning.target)
    parts = (
        np.flatnonzero(known & ~held_out),
        np.flatnonzero(known & held_out),
        np.flatnonzero(exact & ~held_out[rows]) if len(rows) else np.empty(0, np.int64),
    )
    train, tested, released = (_at_most(part, most_rows, rng) for part in parts)
    for part, name in ((train, "raw training"), (tested, "test"), (released, "released training")):
        if len(part) < LEAST_ROWS:
            raise UsageError("U152", f"{len(part)} {name} rows are too few to learn from", hint=_HINT[learning.task])
    for answers in (target[train], released_target[released]):
        if learning.task == "classification" and len(set(answers.tolist())) < 2:
            message = "the target has fewer than two classes in the training rows"
            raise UsageError("U152", message, hint=_HINT[learning.task])
    return Split(train, tested, released, target, released_target)


def check_classes(classes: int, target: str) -> None:
    """U153 where a classification would take hours: a learner makes a model for each class."""
    if classes > MOST_CLASSES:
        raise UsageError(
            "U153",
            f'the target "{target}" has {classes:,} classes, more than {MOST_CLASSES}',
            hint="if it is a number, say `task: regression` under learning; else take another target",
        )


def _target(series: nw.Series[Any], task: Task) -> tuple[NDArray[Any], Mask]:
    """The target by row, and which rows have one."""
    if task == "regression":
        if not series.dtype.is_numeric():
            texts, codes = distinct_cells(series)
            values: Floats = np.array([_number(text) for text in texts], np.float64)[codes]
        else:
            values = numbers(series)
        return values, np.isfinite(values)
    texts, codes = distinct_cells(series)
    labels = np.array([text if text is not None else "" for text in texts], dtype=object)[codes]
    return labels.astype(str), np.array([text is not None for text in texts], bool)[codes]


def _number(text: str | None) -> float:
    try:
        return float(cell_text(text) or "nan")
    except ValueError:
        return np.nan


def _at_most(rows: Rows, most: int, rng: np.random.Generator) -> Rows:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _metric(task: Task, split: Split) -> tuple[Metric, float]:
    """What is measured, and what a learner scores that knows only how often each answer occurs."""
    if task == "regression":
        return "r2", 0.0
    seen, tested = set(split.target[split.train].tolist()), split.target[split.test]
    classes, counts = np.unique(tested, return_counts=True)
    if len(classes) == 2 and len(seen) == 2:
        return "auc", 0.5
    if len(classes) > 2 and set(classes.tolist()) <= seen:
        return "macro-auc", 0.5
    commonest = max(seen, key=lambda label: int((split.target[split.train] == label).sum()))
    return "accuracy", float(counts[classes == commonest].sum() / len(tested))


def _score(model: Any, matrix: NDArray[Any], answers: NDArray[Any], metric: Metric) -> Score:
    from sklearn.metrics import r2_score

    if metric == "r2":
        return Score(float(r2_score(answers, model.predict(matrix))), None)
    classes = [str(label) for label in model.classes_]
    chances = np.asarray(model.predict_proba(matrix), np.float64)
    if metric == "accuracy":
        guesses = np.array(classes)[chances.argmax(axis=1)]
        return Score(float((guesses == answers).mean()), _log_loss(chances, classes, answers))
    if metric == "auc":
        return Score(_auc(chances[:, 1], answers == classes[1]), _log_loss(chances, classes, answers))
    each = []
    for label in np.unique(answers):
        # a class that the release lost altogether cannot be told from the others
        score = chances[:, classes.index(label)] if label in classes else np.zeros(len(answers))
        each.append(_auc(score, answers == label))
    return Score(float(np.mean(each)), _log_loss(chances, classes, answers))


def _auc(score: Floats, truth: Mask) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, score))


def _log_loss(chances: Floats, classes: list[str], answers: NDArray[Any]) -> float:
    """Mean of -log of the probability given to the true class, probabilities kept over 1e-6."""
    place = {label: i for i, label in enumerate(classes)}
    column = np.array([place.get(label, -1) for label in answers.tolist()])
    given = np.where(column >= 0, chances[np.arange(len(answers)), column], 0.0)
    return float(-np.log(np.clip(given, 1e-6, 1.0)).mean())


def least_gain(metric: Metric, answers: NDArray[Any], baseline: float) -> float:
    """The raw model's gain below which nothing is a share of it: 0.02, or two standard errors of the score by chance."""
    n = max(len(answers), 1)
    if metric == "r2":
        return max(LEAST_GAIN, 16 / n)  # where R2 is two of its standard errors, 2 sqrt(R2 / n)
    if metric == "accuracy":
        return max(LEAST_GAIN, 2 * sqrt(baseline * (1 - baseline) / n))
    sizes = np.unique(answers, return_counts=True)[1].astype(np.float64)
    if metric == "auc":
        sizes = sizes[:1]
    # of the AUC by chance (Mann & Whitney 1947); that of the mean over classes is at most the root of the mean square
    return max(LEAST_GAIN, 2 * float(np.sqrt(np.mean((n + 1) / (12 * sizes * (n - sizes))))))


def _facts(name: str, metric: Metric, raw: Score, release: Score, baseline: float, least: float) -> LearnerFacts:
    gain = raw.value - baseline
    kept = (release.value - baseline) / gain if gain > least else None
    return LearnerFacts(
        learner=name,
        metric=metric,
        raw=raw.value,
        release=release.value,
        baseline=baseline,
        kept=kept,
        raw_log_loss=raw.log_loss,
        release_log_loss=release.log_loss,
    )
