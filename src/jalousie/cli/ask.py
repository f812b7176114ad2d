"""`jalousie ask contract.yaml --url URL --table FILE --by COLUMN`: noisy label counts by the groups of a table.

The table is the ML party's own: a column of identifiers, and columns whose values are the groups (bins of a score, predicted
classes, feature bins). Only keyed pseudonyms and group numbers are sent; what the groups mean stays here. With `--around COLUMN`
sums of deviations of a number from this party's own numbers are asked for: those numbers are sent, as whole steps of its unit.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jalousie.cli.common import positive, printable
from jalousie.cli.remote import reach, remote_arguments

if TYPE_CHECKING:
    from jalousie.architectures.ask_remote import RemoteProvider
    from jalousie.contract.feedback import Feedback, Label
    from jalousie.validator.types import Answer, Population, Question, Statistic


def arguments(parser: argparse.ArgumentParser) -> None:
    remote_arguments(parser)
    parser.add_argument(
        "--table", type=Path, required=True, metavar="FILE", help="this party's table (CSV, Parquet, Arrow)"
    )
    parser.add_argument(
        "--by", nargs="+", action="extend", required=True, metavar="COLUMN", help="columns whose values are the groups"
    )
    parser.add_argument("--label", default="", help="label to ask about (default: the contract's only one)")
    parser.add_argument(
        "--around",
        metavar="COLUMN",
        help="of a label that is a number: sum its deviations from this column (predictions); the provider sees the column",
    )
    parser.add_argument("--within", type=positive, help="with --around: deviations beyond this count as this")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--epsilon", type=positive, help="budget to offer, as epsilon at the contract's delta")
    amount.add_argument("--rho", type=positive, help="budget to offer, in rho")


def run(arguments: argparse.Namespace) -> int:
    from jalousie.report.progress import Progress

    with Progress() as bar, reach(arguments) as provider:
        bar(0.0, "reach the provider")
        bar(0.1, "name the population")
        population, question, columns, names = _question(arguments, provider)
        bar(0.5, "hand the population over")
        provider.hand_over(population)
        bar(0.8, "ask")
        answer = provider.ask(question)
    if arguments.json:
        print(json.dumps(_document(answer, question, columns, names), indent=2))
    else:
        print(_text(answer, question, columns, names))
    return 0


def _question(
    arguments: argparse.Namespace, provider: RemoteProvider
) -> tuple[Population, Question, list[str], list[tuple[str, ...]]]:
    """Whom and what to ask; by partition, the column that it is by and the names of its groups."""
    from jalousie.architectures.records import own_texts, partition_of
    from jalousie.errors import UsageError, ValidatorError, did_you_mean
    from jalousie.tables import guess_table
    from jalousie.validator.budget import account
    from jalousie.validator.types import Question

    if arguments.within is not None and not arguments.around:
        raise UsageError("U151", "--within is for deviations", hint="name their --around", effect="nothing was asked")
    feedback = provider.feedback
    label = arguments.label or next(iter(feedback.labels))
    if label not in feedback.labels or (not arguments.label and len(feedback.labels) > 1):
        hint = did_you_mean(label, feedback.labels)
        raise ValidatorError("V208", "which label?", hint=hint, effect="nothing was asked")
    rho = arguments.rho
    if rho is None:
        left = provider.budget(label).left.value
        rho = left if arguments.epsilon is None else min(left, account(feedback).rho_of(arguments.epsilon).value)
    wanted = [*arguments.by, *([arguments.around] if arguments.around else [])]
    texts = own_texts(guess_table(arguments.table), provider.contract, feedback, wanted)
    statistics: list[Statistic | None] = [None]
    if arguments.around:
        statistics = _statistics(texts[arguments.around], feedback, feedback.labels[label], arguments.within)
    population = provider.population(texts[feedback.identifier])
    parts = [(name, *partition_of(texts[name])) for name in arguments.by]
    partitions = tuple(replace(partition, statistic=about) for _, partition, _ in parts for about in statistics)
    columns = [name for name, _, _ in parts for _ in statistics]
    names = [groups for _, _, groups in parts for _ in statistics]
    return population, Question(population.digest(), label, partitions, rho), columns, names


def _statistics(
    texts: list[str | None], feedback: Feedback, label: Label, within: float | None
) -> list[Statistic | None]:
    """Signed, absolute and squared deviations from numbers, and how many records there are where that is hidden.

    Raises ValidatorError V217 for a label that is no number, TableError T207 for a cell that is none.
    """
    import numpy as np

    from jalousie.errors import TableError, ValidatorError
    from jalousie.validator.sensitivity import grid
    from jalousie.validator.statistic import steps_of
    from jalousie.validator.types import Statistic

    if label.kind != "number":
        raise ValidatorError(
            "V217", "the label is counted by class", hint="leave --around out", effect="nothing was asked"
        )
    scale = grid(label, feedback.neighbours)
    try:
        numbers = np.array([float(text or "nan") for text in texts])
    except ValueError:
        numbers = np.full(1, np.nan)
    if not np.isfinite(numbers).all():
        raise TableError("T207", "a cell of the column after --around is no number", effect="nothing was asked")
    centres = steps_of(numbers, label, feedback.neighbours)
    most = scale.most - scale.least
    steps = most if within is None else max(1, round(min(within / scale.unit, most)))
    found: list[Statistic | None] = [Statistic(kind, centres, steps) for kind in ("signed", "absolute", "square")]
    return found + ([Statistic("records")] if feedback.neighbours == "add-or-remove" else [])


def _document(answer: Answer, question: Question, columns: list[str], names: list[tuple[str, ...]]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        name: getattr(answer, name)
        for name in (
            *("question", "label", "classes", "noise", "variance", "neighbours", "unit", "origin", "replayed"),
            *("rho_spent", "rho_left", "epsilon_spent", "epsilon_left", "delta"),
        )
    }
    facts["partitions"] = [
        {
            "by": column,
            "statistic": None if part.statistic is None else part.statistic.of,
            "groups": list(groups),
            "counts": counts.tolist(),
            "totals": answer.totals[k].tolist() if answer.totals else None,
            "variance": answer.extra.get(f"variance/{k}", answer.variance),
        }
        for k, (column, groups, counts, part) in enumerate(
            zip(columns, names, answer.counts, question.partitions, strict=True)
        )
    ]
    return facts


def _text(answer: Answer, question: Question, columns: list[str], names: list[tuple[str, ...]]) -> str:
    spread = 1.96 * answer.variance**0.5
    lines = []
    for k, (column, groups, counts, part) in enumerate(
        zip(columns, names, answer.counts, question.partitions, strict=True)
    ):
        unit, heads = answer.unit, [printable(name) for name in answer.classes] or ["sum"]
        if part.statistic is not None:
            unit, heads = answer.unit**part.statistic.power, [part.statistic.of]
        width = max([len(column), *map(len, groups)])
        lines.append("  ".join([f"{column:<{width}}", *(f"{head:>12}" for head in heads)]))
        for group, row in zip(groups, counts.tolist(), strict=True):
            cells = [f"{cell:>12}" if answer.classes else f"{cell * unit:>12.6g}" for cell in row]
            lines.append("  ".join([f"{group:<{width}}", *cells]))
        if part.statistic is not None:
            own = 1.96 * answer.extra.get(f"variance/{k}", answer.variance) ** 0.5 * unit
            lines.append(f"each within {own:.3g} of the truth with 95 % probability (noise alone)")
        lines.append("")
    if question.partitions[0].statistic is None:
        scale = spread if answer.classes else spread * answer.unit
        lines.append(f"each within {scale:.3g} of the truth with 95 % probability (noise alone)")
    spent = "replayed, nothing spent" if answer.replayed else f"epsilon {answer.epsilon_spent:.3g} spent"
    lines.append(f"{spent}; epsilon {answer.epsilon_left:.4g} left at delta {answer.delta:g}")
    return "\n".join(lines)
