"""Randomised response: each category stays with a known probability, else becomes one of the others (Warner 1965)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import narwhals as nw

from jalousie.contract.model import RandomisedResponse
from jalousie.errors import PrivacyError, TableError
from jalousie.privacy.card import StepFacts
from jalousie.privacy.steps.check import boundary, dtype_of, require_columns, wrong_type
from jalousie.privacy.steps.pseudonyms import canonical_text
from jalousie.privacy.steps.stream import Change, rewrite
from jalousie.tables.raw import RawTable

if TYPE_CHECKING:
    import pyarrow as pa


def randomised_response(raw: RawTable, step: RandomisedResponse) -> tuple[RawTable, StepFacts]:
    """m-ary randomised response, each row by its own draw (OpenDP);
    epsilon-locally differentially private per value.

    A category stays with probability e^eps / (e^eps + m - 1) (Kairouz, Bonawitz & Ramage 2016). Nulls stay null; the type
    is kept, but a categorical becomes text.

    Raises
    ------
    TableError
        T260, T261 (not text, whole numbers or booleans), T263 where a value is none of the categories
    PrivacyError
        P424 where there are fewer than two categories
    """
    require_columns(raw, (step.column,), "randomised-response")
    dtype = dtype_of(raw, step.column)
    if not (dtype.is_integer() or isinstance(dtype, nw.String | nw.Categorical | nw.Enum | nw.Boolean)):
        raise wrong_type(step.column, "randomised-response", "text, integer or boolean")
    categories = _categories(raw, step)
    keep = _keep_probability(len(categories), step.epsilon)
    measurement = _measurement(len(categories), keep)
    position = {text: i for i, text in enumerate(categories)}
    values = changed = 0

    def change(batch: pa.RecordBatch) -> Change:
        nonlocal values, changed
        import pyarrow as pa

        column = batch.column(step.column)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        coded = column.dictionary_encode()
        codes = [position.get(canonical_text(v), -1) for v in coded.dictionary.to_pylist()]
        if -1 in codes:
            raise TableError(
                "T263",
                f'step randomised-response: column "{step.column}" has values that are none of the categories',
                hint="list every category that may occur, or leave `categories` out",
            )
        old = [None if i is None else codes[i] for i in coded.indices.to_pylist()]
        new = [None if i is None else int(measurement(i)) for i in old]
        values += sum(i is not None for i in old)
        changed += sum(a != b for a, b in zip(old, new, strict=True))
        names = pa.array(categories, pa.string()).cast(column.type)
        return Change({step.column: names.take(pa.array(new, pa.int32()))})

    done = rewrite(raw, change, "randomised-response")
    facts = {
        "epsilon": float(measurement.map(1)),
        "categories": float(len(categories)),
        "keep-probability": keep,
        "values": float(values),
        "values-changed": float(changed),
    }
    own = "" if step.categories else " The list of categories is the column's own: it tells which of them occur."
    return done, StepFacts(
        step="randomised-response",
        columns=(step.column,),
        sentence=(
            f"Each of {values:,} values of {step.column} stayed with probability {keep:.3f}, "
            f"else became one of the {len(categories) - 1} other categories (epsilon {step.epsilon:g} per value)."
        ),
        rows_before=raw.rows,
        rows_after=raw.rows,
        facts=facts,
        caveat=f"Protects this column only, once: repeating the step on the same data weakens it. Nulls stay visible.{own}",
    )


def _categories(raw: RawTable, step: RandomisedResponse) -> list[str]:
    if step.categories:
        found = set(step.categories)
    else:
        with boundary("randomised-response"):
            column: Any = raw.frame.select(step.column).unique().collect("pyarrow").to_native().column(0)
        found = {canonical_text(v) for v in column.to_pylist() if v is not None}
    if len(found) < 2 and (step.categories or raw.rows):
        raise PrivacyError(
            "P424", "step randomised-response needs at least two categories", hint="list them under `categories`"
        )
    return sorted(found)


def _keep_probability(categories: int, epsilon: float) -> float:
    """e^eps / (e^eps + m - 1), kept off the ends where it rounds to a promise of none or of nothing at all."""
    keep = 1 / (1 + (categories - 1) * math.exp(-epsilon))
    return min(max(keep, 1 / max(categories, 2)), 1 - 2**-40)


def _measurement(categories: int, keep: float) -> Any:
    """OpenDP's randomised response on category numbers."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    return dp.m.make_randomized_response(list(range(max(categories, 2))), keep)
