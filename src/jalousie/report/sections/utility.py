"""Chapters on what the release is still good for: the detail left, and what a learner gets from it."""

from __future__ import annotations

from jalousie.privacy.card import Card, ColumnFacts, LearnerFacts, LearningFacts
from jalousie.report.parts import Bar, Bars, Block, Cell, Dot, Dots, Figure, Section, Series, Table
from jalousie.report.sections.outcome import level
from jalousie.report.words import METRICS, clean, listing, number, percent, plural, score


def detail(card: Card) -> Section | None:
    quality = card.quality
    if quality is None:
        return None
    rows = (
        (
            Cell("Granularity", "mean share of the domain that a cell rules out; more is better"),
            Cell(percent(quality.granularity)),
        ),
        (
            Cell("Loss", "what the search made small, suppressed rows counted as lost; less is better"),
            Cell(score(quality.loss)),
        ),
        (Cell("Entropy lost", "non-uniform entropy, as a share of all there was"), Cell(percent(quality.entropy_loss))),
        (
            Cell("Discernibility", "squared class sizes, as a share of the worst case"),
            Cell(percent(quality.discernibility)),
        ),
        (
            Cell("Average class size", "rows that share a combination"),
            Cell(number(round(quality.average_class_size, 2))),
        ),
        (Cell("Suppressed", "share of the rows"), Cell(percent(quality.suppressed_share))),
    )
    blocks: list[Block] = []
    charted = tuple(column for column in card.columns if column.cell_loss is not None)
    if charted:
        blocks.append(_column_figure(charted))
    blocks.append(Table("Measures of quality", ("Measure", "Release"), rows, frozenset({1}), brief=True))
    told = (
        f"{percent(quality.granularity)} of the detail is left: on average, a cell of the release rules out that share of its "
        "column's values. "
    )
    told += (
        f"{percent(quality.suppressed_share)} of the rows were suppressed."
        if quality.suppressed_share
        else "No row was suppressed."
    )
    told += (
        " Detail is counted from the table that was generalised; what steps took before is not in it."
        if card.before
        else ""
    )
    return Section("detail", "How much detail is left", (told,), tuple(blocks))


def _column_figure(columns: tuple[ColumnFacts, ...]) -> Figure:
    ordered = sorted(columns, key=lambda column: column.cell_loss or 0, reverse=True)
    return Figure(
        title="Generalisation by column",
        description="Share of its column's domain that a cell covers on average; a longer bar means less detail.",
        chart=Bars(
            tuple(
                (clean(column.name), (Bar("release", column.cell_loss or 0, percent(column.cell_loss)),))
                for column in ordered
            )
        ),
        legend=(("release", "release"),),
        table=Table(
            "Generalisation by column",
            ("Column", "Level", "A cell covers"),
            tuple((Cell(clean(c.name)), Cell(level(c)), Cell(percent(c.cell_loss))) for c in ordered),
            frozenset({1, 2}),
        ),
    )


def learning(card: Card) -> Section | None:
    facts = card.learning
    encoder = f"To learn from the release, use the encoder “{clean(card.encoder)}”." if card.encoder else ""
    if facts is None:
        if not encoder:
            return None
        return Section("learning", "What can be learned from it", ("This was not measured for this release.", encoder))
    paragraphs = [_learner(learner, facts) for learner in facts.learners]
    paragraphs.append(
        f"Cells were turned into features by the encoder “{clean(facts.encoder)}”; how they are encoded matters more than "
        f"which learner is used. {encoder if card.encoder != facts.encoder else ''}".strip()
    )
    if facts.left_out:
        names = listing(clean(name) for name in facts.left_out)
        paragraphs.append(
            f"Learned from on neither side, since raw rows do not have them (joined, or pseudonyms): {names}."
        )
    blocks: tuple[Block, ...] = (_learning_figure(facts),) if facts.learners else ()
    return Section(
        key="learning",
        title="What can be learned from it",
        paragraphs=tuple(paragraphs),
        blocks=blocks,
        note=(
            f"Task: {clean(facts.task)} of {clean(facts.target)}. Trained on {plural(facts.train_rows, 'row')}, tested on "
            f"{plural(facts.test_rows, 'raw row')} that training did not see. Kept: (release - baseline) / (raw - baseline)."
        ),
    )


def _learner(learner: LearnerFacts, facts: LearningFacts) -> str:
    metric = METRICS[learner.metric]
    return (
        f"To predict {clean(facts.target)}, {clean(learner.learner)} trained on the release reaches {metric} "
        f"{score(learner.release)} on raw rows that it never saw; trained on the same columns of the raw table it reaches "
        f"{score(learner.raw)}. Guessing without learning scores {score(learner.baseline)}; {_kept(learner)}."
    )


def _kept(learner: LearnerFacts) -> str:
    if learner.kept is None:
        return "what is kept of the gain over that cannot be said, since the raw table itself gives next to none"
    return f"{percent(learner.kept)} of the gain over that is kept"


def _learning_figure(facts: LearningFacts) -> Figure:
    charted, rows = [], []
    figures = []
    for learner in facts.learners:
        name = f"{clean(learner.learner)}, {METRICS[learner.metric]}"
        values: tuple[tuple[Series, float], ...] = (
            ("guess", learner.baseline),
            ("raw", learner.raw),
            ("release", learner.release),
        )
        figures += [value for _, value in values]
        charted.append((name, tuple(Dot(series, value, score(value)) for series, value in values)))
        log_loss = [learner.raw_log_loss, learner.release_log_loss]
        rows.append(
            (
                Cell(name),
                Cell(score(learner.baseline)),
                Cell(score(learner.raw)),
                Cell(score(learner.release)),
                Cell("–" if learner.kept is None else percent(learner.kept)),
                *(Cell("–" if value is None else score(value)) for value in log_loss),
            )
        )
    low, high, ticks = _scale(figures)
    return Figure(
        title="Learning utility",
        description="Score on held-out raw rows of the baseline, of the model trained on the release and of the raw model.",
        chart=Dots(tuple(charted), low, high, ticks),
        legend=(("guess", "baseline"), ("release", "release"), ("raw", "raw table")),
        table=Table(
            "Learning utility",
            ("Learner", "Baseline", "Raw table", "Release", "Kept", "Log-loss, raw", "Log-loss, release"),
            tuple(rows),
            frozenset(range(1, 7)),
            brief=True,
        ),
    )


def _scale(values: list[float]) -> tuple[float, float, tuple[tuple[float, str], ...]]:
    """Tenths that hold all finite values; scores are usually between 0.5 and 1."""
    finite = [min(max(value, -1.0), 2.0) for value in values if value == value] or [0.0, 1.0]
    low = int(min(finite) * 10 // 1)
    high = max(int(-(-max(finite) * 10 // 1)), low + 1)
    step = max(1, (high - low) // 5)
    return low / 10, high / 10, tuple((tenth / 10, f"{tenth / 10:.1f}") for tenth in range(low, high + 1, step))
