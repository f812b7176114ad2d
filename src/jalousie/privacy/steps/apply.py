"""From a step of the contract to the function that carries it out."""

from __future__ import annotations

from collections.abc import Iterable

from jalousie.contract.model import (
    Clip,
    DropColumns,
    DropRows,
    Enrich,
    Noise,
    Pseudonymise,
    RandomisedResponse,
    Round,
    Sample,
    Step,
    TruncateDate,
)
from jalousie.errors import InternalError
from jalousie.privacy.card import StepFacts
from jalousie.privacy.steps.context import StepContext
from jalousie.privacy.steps.dates import truncate_date
from jalousie.privacy.steps.enrich import enrich
from jalousie.privacy.steps.noise import add_noise
from jalousie.privacy.steps.numbers import clip, round_numbers
from jalousie.privacy.steps.pseudonyms import pseudonymise
from jalousie.privacy.steps.responses import randomised_response
from jalousie.privacy.steps.sample import sample
from jalousie.privacy.steps.scrub import drop_columns, drop_rows
from jalousie.tables.raw import RawTable


def apply_step(raw: RawTable, step: Step, context: StepContext) -> tuple[RawTable, StepFacts]:
    """Carry out one step; the table that is passed in stays as it is.

    `Generalise` only marks a place in the order: the caller generalises there. Which errors a step raises is said at its
    function; all may raise P421 where the engine fails.
    """
    match step:
        case DropColumns():
            return drop_columns(raw, step)
        case DropRows():
            return drop_rows(raw, step)
        case Enrich():
            return enrich(raw, step, context)
        case Pseudonymise():
            return pseudonymise(raw, step, context)
        case Round():
            return round_numbers(raw, step)
        case Clip():
            return clip(raw, step)
        case TruncateDate():
            return truncate_date(raw, step)
        case Noise():
            return add_noise(raw, step, context)
        case RandomisedResponse():
            return randomised_response(raw, step)
        case Sample():
            return sample(raw, step)
        case _:
            raise InternalError("X900", "generalise is carried out by the search, not as a step")


def apply_steps(
    raw: RawTable, steps: Iterable[Step], context: StepContext
) -> tuple[RawTable, tuple[StepFacts, ...], StepContext]:
    """Carry out steps in order; the context that is returned is the one after the last."""
    said = []
    for step in steps:
        raw, facts = apply_step(raw, step, context)
        said.append(facts)
        context = context.after(step)
    return raw, tuple(said), context
