"""`jalousie ask contract.yaml --url URL --table FILE --by COLUMN`: noisy label counts by the groups of a table.

The table is the ML party's own: a column of identifiers, and columns whose values are the groups (bins of a score, predicted
classes, feature bins). Only keyed pseudonyms and group numbers are sent; what the groups mean stays here.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jalousie.cli.common import positive, printable
from jalousie.cli.remote import reach, remote_arguments

if TYPE_CHECKING:
    from jalousie.architectures.ask_remote import RemoteProvider
    from jalousie.validator.types import Answer, Population, Question


def arguments(parser: argparse.ArgumentParser) -> None:
    remote_arguments(parser)
    parser.add_argument(
        "--table", type=Path, required=True, metavar="FILE", help="this party's table (CSV, Parquet, Arrow)"
    )
    parser.add_argument(
        "--by", nargs="+", action="extend", required=True, metavar="COLUMN", help="columns whose values are the groups"
    )
    parser.add_argument("--label", default="", help="label to ask about (default: the contract's only one)")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--epsilon", type=positive, help="budget to offer, as epsilon at the contract's delta")
    amount.add_argument("--rho", type=positive, help="budget to offer, in rho")


def run(arguments: argparse.Namespace) -> int:
    from jalousie.report.progress import Progress

    with Progress() as bar, reach(arguments) as provider:
        bar(0.0, "reach the provider")
        bar(0.1, "name the population")
        population, question, names = _question(arguments, provider)
        bar(0.5, "hand the population over")
        provider.hand_over(population)
        bar(0.8, "ask")
        answer = provider.ask(question)
    if arguments.json:
        print(json.dumps(_document(answer, arguments.by, names), indent=2))
    else:
        print(_text(answer, arguments.by, names))
    return 0


def _question(
    arguments: argparse.Namespace, provider: RemoteProvider
) -> tuple[Population, Question, list[tuple[str, ...]]]:
    from jalousie.architectures.records import own_texts, partition_of
    from jalousie.errors import ValidatorError, did_you_mean
    from jalousie.tables import guess_table
    from jalousie.validator.budget import account
    from jalousie.validator.types import Question

    feedback = provider.feedback
    label = arguments.label or next(iter(feedback.labels))
    if label not in feedback.labels or (not arguments.label and len(feedback.labels) > 1):
        hint = did_you_mean(label, feedback.labels)
        raise ValidatorError("V208", "which label?", hint=hint, effect="nothing was asked")
    rho = arguments.rho
    if rho is None:
        left = provider.budget(label).left.value
        rho = left if arguments.epsilon is None else min(left, account(feedback).rho_of(arguments.epsilon).value)
    texts = own_texts(guess_table(arguments.table), provider.contract, feedback, arguments.by)
    population = provider.population(texts[feedback.identifier])
    parts = [partition_of(texts[name]) for name in arguments.by]
    partitions = tuple(partition for partition, _ in parts)
    return population, Question(population.digest(), label, partitions, rho), [names for _, names in parts]


def _document(answer: Answer, columns: list[str], names: list[tuple[str, ...]]) -> dict[str, Any]:
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
            "groups": list(groups),
            "counts": counts.tolist(),
            "totals": answer.totals[k].tolist() if answer.totals else None,
            "variance": answer.extra.get(f"variance/{k}", answer.variance),
        }
        for k, (column, groups, counts) in enumerate(zip(columns, names, answer.counts, strict=True))
    ]
    return facts


def _text(answer: Answer, columns: list[str], names: list[tuple[str, ...]]) -> str:
    spread = 1.96 * answer.variance**0.5
    heads = [printable(name) for name in answer.classes] or ["sum"]
    lines = []
    for column, groups, counts in zip(columns, names, answer.counts, strict=True):
        width = max([len(column), *map(len, groups)])
        lines.append("  ".join([f"{column:<{width}}", *(f"{head:>12}" for head in heads)]))
        for group, row in zip(groups, counts.tolist(), strict=True):
            cells = [f"{cell:>12}" if answer.classes else f"{cell * answer.unit:>12.6g}" for cell in row]
            lines.append("  ".join([f"{group:<{width}}", *cells]))
        lines.append("")
    scale = spread if answer.classes else spread * answer.unit
    lines.append(f"each within {scale:.3g} of the truth with 95 % probability (noise alone)")
    spent = "replayed, nothing spent" if answer.replayed else f"epsilon {answer.epsilon_spent:.3g} spent"
    lines.append(f"{spent}; epsilon {answer.epsilon_left:.4g} left at delta {answer.delta:g}")
    return "\n".join(lines)
