"""From a step of the contract to the function that carries it out."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

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
from jalousie.tables.raw import RawTable


def apply_step(raw: RawTable, step: Step, context: StepContext) -> tuple[RawTable, StepFacts]:
    """Carry out one step; the table that is passed in stays as it is.

    `Generalise` only marks a place in the order: the caller generalises there. Which errors a step raises is said at its
    function; all may raise P421 where the engine fails.
    """
    name = _FUNCTIONS.get(type(step))
    if name is None:
        raise InternalError("X900", "generalise is carried out by the search, not as a step")
    module, function = name
    carry_out = getattr(import_module(f"jalousie.privacy.steps.{module}"), function)
    needs_context = isinstance(step, Enrich | Pseudonymise | Noise)
    done: tuple[RawTable, StepFacts] = carry_out(raw, step, context) if needs_context else carry_out(raw, step)
    return done


_FUNCTIONS: dict[type, tuple[str, str]] = {
    DropColumns: ("scrub", "drop_columns"),
    DropRows: ("scrub", "drop_rows"),
    Enrich: ("enrich", "enrich"),
    Pseudonymise: ("pseudonyms", "pseudonymise"),
    Round: ("numbers", "round_numbers"),
    Clip: ("numbers", "clip"),
    TruncateDate: ("dates", "truncate_date"),
    Noise: ("noise", "add_noise"),
    RandomisedResponse: ("responses", "randomised_response"),
    Sample: ("sample", "sample"),
}
"""Module and function of each step; imported when it is first carried out, since most contracts use few of them."""


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
