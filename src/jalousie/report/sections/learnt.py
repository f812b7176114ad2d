"""The chapter of a learning report on what was learnt: the curve of a score against the budget spent."""

from __future__ import annotations

from jalousie.report.parts import Cell, Curve, Figure, Level, Section, Series, Table
from jalousie.report.words import METRICS, clean, count, listing, number, percent, plural, score
from jalousie.validator.card import CurvePoint, FeedbackCard, LearningCurve


def last_point(curve: LearningCurve) -> CurvePoint:
    """What the largest budget gave."""
    return max(curve.points, key=lambda point: point.epsilon)


def share_gained(curve: LearningCurve, point: CurvePoint) -> float | None:
    """Share of the way from the baseline to all labels in one place; None where that is not known."""
    if curve.baseline is None or curve.central is None or curve.central <= curve.baseline:
        return None
    return (point.score - curve.baseline) / (curve.central - curve.baseline)


def learning_chapter(card: FeedbackCard) -> Section | None:
    curve = card.curve
    if curve is None or not curve.points:
        return None
    metric, last = METRICS[curve.metric], last_point(curve)
    tested = plural(curve.tested, "other record")
    asked = (
        f"The ML party asked about {plural(curve.asked, 'record')} and saw no label of any: it got noisy counts by group, and "
        f"fitted a model to these. {metric} is measured on {tested}."
    )
    told = [asked]
    if curve.baseline is not None:
        own = f"the {plural(curve.labelled, 'label')} of its own" if curve.labelled else "what it had before"
        told.append(
            f"From {own} it gets {metric} {score(curve.baseline)}; with answers worth epsilon {number(last.epsilon)} it gets "
            f"{score(last.score)}."
        )
    share = share_gained(curve, last)
    if share is not None:
        told.append(
            f"A model of all labels in one place, which is what nobody may make here, would get {score(curve.central)}: "
            f"{percent(share)} of that gain was had without them."
        )
    if last.inside is not None:
        told.append(
            f"On the very records that were asked about, the model gets {score(last.inside)}, on others {score(last.score)}: "
            "what it knows of them beyond what holds for all would show as a gap between the two."
        )
    return Section(
        key="learning",
        title="What was learnt from answers",
        paragraphs=tuple(told),
        blocks=(_curve_figure(curve),),
        note=(
            "Each point is one model, fitted to noise that was drawn once: another draw moves it a little, most where epsilon is "
            "small. Where epsilons span a wide range, equal steps to the right multiply the budget."
        ),
    )


def _curve_figure(curve: LearningCurve) -> Figure:
    metric = METRICS[curve.metric]
    compared: tuple[tuple[Series, float | None, str], ...] = (
        ("guess", curve.baseline, "without a question"),
        ("raw", curve.central, "all labels in one place"),
    )
    levels = tuple(Level(series, value, name) for series, value, name in compared if value is not None)
    points = tuple((p.epsilon, p.score, number(p.epsilon)) for p in sorted(curve.points, key=lambda p: p.epsilon))
    steps = " to ".join(f"{score(y)} at epsilon {label}" for _, y, label in (points[0], points[-1]))
    beside = listing(f"{level.label} {score(level.value)}" for level in levels)
    return Figure(
        title="Learning curve",
        description=f"{metric} for each budget spent, from {steps}"
        + (f"; to compare with: {beside}." if beside else "."),
        chart=Curve(points, levels, "epsilon spent", metric),
        legend=(("release", "learnt from answers"), *((level.series, level.label) for level in levels)),
        table=_curve_table(curve),
        folded=False,
    )


def _curve_table(curve: LearningCurve) -> Table:
    metric = METRICS[curve.metric]
    with_inside = any(point.inside is not None for point in curve.points)
    heads = ["Budget", "Questions", metric, "Gained"]
    heads += ["On those asked about"] if with_inside else []
    rows = []

    def row(name: str, detail: str, value: float, questions: int | None, inside: float | None) -> None:
        gained = "–" if curve.baseline in (None, value) else f"{value - curve.baseline:+.3f}"
        cells = [
            Cell(name, detail),
            Cell("–" if questions is None else count(questions)),
            Cell(score(value)),
            Cell(gained),
        ]
        rows.append((*cells, *([Cell("–" if inside is None else score(inside))] if with_inside else [])))

    if curve.baseline is not None:
        row("None", plural(curve.labelled, "label") + " of its own" if curve.labelled else "", curve.baseline, 0, None)
    for point in sorted(curve.points, key=lambda point: point.epsilon):
        row(f"Epsilon {number(point.epsilon)}", clean(point.contract), point.score, point.questions, point.inside)
    if curve.central is not None:
        row("All labels in one place", "", curve.central, None, None)
    return Table("Learning curve", tuple(heads), tuple(rows), frozenset(range(1, len(heads))), brief=True)
