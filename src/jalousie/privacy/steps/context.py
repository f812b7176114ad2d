"""What a step needs beside its table, and what a step does to the description of the columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from jalousie.contract.model import (
    Clip,
    Column,
    DropColumns,
    Enrich,
    Noise,
    Pseudonymise,
    RandomisedResponse,
    Round,
    Step,
)
from jalousie.tables.raw import RawTable


@dataclass(frozen=True, slots=True)
class StepContext:
    """Everything that the pure steps cannot fetch themselves.

    contract    digest of the contract: pseudonyms of different contracts get different keys
    key_for     purpose -> 32-byte key, derived from the provider's master key; None where there is none
    tables      the tables of the enrich steps, by `table_name(step)`
    columns     the contract's columns as they are before the step
    bounds      [low, high] of columns that an earlier step clipped on both sides, for the promise of added noise
    """

    contract: str = ""
    key_for: Callable[[str], bytes] | None = field(default=None, repr=False)
    tables: Mapping[str, RawTable] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def after(self, step: Step) -> StepContext:
        """The context for the step that follows."""
        return replace(self, columns=columns_after(self.columns, (step,)), bounds=_bounds_after(self.bounds, step))


def table_name(step: Enrich) -> str:
    """Name under which `StepContext.tables` holds the table of an enrich step: its file as the contract writes it."""
    return step.table.file


def columns_after(columns: Mapping[str, Column], steps: Iterable[Step]) -> dict[str, Column]:
    """The contract's columns after some steps: dropped ones gone, joined ones added as quasi-identifiers by default."""
    now = dict(columns)
    for step in steps:
        if isinstance(step, DropColumns):
            for name in step.columns:
                now.pop(name, None)
        elif isinstance(step, Enrich):
            if not step.keep_key:
                now.pop(step.on, None)
            now.update(step.columns)
        elif isinstance(step, Pseudonymise):
            now.update({n: msgspec.structs.replace(now[n], type="text") for n in step.columns if n in now})
    return now


def _bounds_after(bounds: Mapping[str, tuple[float, float]], step: Step) -> dict[str, tuple[float, float]]:
    now = dict(bounds)
    if isinstance(step, Clip) and step.low is not None and step.high is not None:
        now[step.column] = (step.low, step.high)
    elif isinstance(step, Round) and step.column in now:
        # rounding moves a value by half a step at most
        low, high = now[step.column]
        now[step.column] = (low - step.to / 2, high + step.to / 2)
    elif isinstance(step, Noise | RandomisedResponse):
        now.pop(step.column, None)
    elif isinstance(step, Pseudonymise | DropColumns | Enrich):
        for name in step.columns:
            now.pop(name, None)
    return now
