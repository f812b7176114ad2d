"""Rules that a hierarchy's lines in the contract must keep, whatever the data: levels nest, each coarser than the last."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from jalousie.contract import model
from jalousie.errors import did_you_mean

# A period nests in those listed: each of its instances lies within one of theirs. A week lies in no month, quarter or year.
NESTED_IN: dict[str, tuple[str, ...]] = {
    "day": ("week", "month", "quarter", "year", "5-years", "decade", "century"),
    "week": (),
    "month": ("quarter", "year", "5-years", "decade", "century"),
    "quarter": ("year", "5-years", "decade", "century"),
    "year": ("5-years", "decade", "century"),
    "5-years": ("decade", "century"),
    "decade": ("century",),
    "century": (),
}


class SpecFault(NamedTuple):
    """What is wrong: `key` is the path below the hierarchy (`widths.1`), `level` counts from 1 (0: no level)."""

    key: str
    level: int
    message: str
    hint: str


def spec_faults(spec: model.Hierarchy) -> list[SpecFault]:
    """Faults of a hierarchy that can be told without data; none for a file."""
    rules = _RULES.get(type(spec))
    return rules(spec) if rules is not None else []


def spec_levels(spec: model.Hierarchy) -> int | None:
    """Number of levels, raw and `*` included; None where the file or the data decide."""
    if isinstance(spec, model.NoHierarchy):
        return 2
    for kind, key in (
        (model.IntervalHierarchy, "widths"),
        (model.OrderedHierarchy, "sizes"),
        (model.SetHierarchy, "levels"),
        (model.PrefixHierarchy, "lengths"),
        (model.DateHierarchy, "levels"),
        (model.FrequencyHierarchy, "thresholds"),
        (model.MaskHierarchy, "steps"),
    ):
        if isinstance(spec, kind) and getattr(spec, key):
            return len(getattr(spec, key)) + 2
    return None


def _in_order(key: str, numbers: Sequence[float], *, rising: bool) -> list[SpecFault]:
    wrong = [
        index + 1
        for index, (before, after) in enumerate(pairwise(numbers))
        if (after <= before if rising else after >= before)
    ]
    word, other = ("larger", "rising") if rising else ("smaller", "falling")
    return [
        SpecFault(
            f"{key}.{index}", index + 1, f"{key} must be {word} than the one before", f"list them in {other} order"
        )
        for index in wrong
    ]


def _intervals(spec: model.IntervalHierarchy) -> list[SpecFault]:
    faults = _in_order("widths", spec.widths, rising=True)
    for index, (before, after) in enumerate(pairwise(spec.widths)):
        ratio = after / before
        if abs(ratio - round(ratio)) > 1e-9 * ratio:
            message = f"width {after:g} is not a multiple of the width before, {before:g}, so levels do not nest"
            hint = f"take {before * max(2, round(ratio)):g}, for instance"
            faults.append(SpecFault(f"widths.{index + 1}", index + 2, message, hint))
    if spec.low is not None and spec.high is not None and spec.low >= spec.high:
        faults.append(SpecFault("low", 0, "low must be below high", "exchange them, or leave one out"))
    return faults


def _ordered(spec: model.OrderedHierarchy) -> list[SpecFault]:
    faults = _unique("values", spec.values, 0)
    if not spec.values:
        faults.append(SpecFault("values", 0, "an ordered hierarchy needs its values", "list them in their order"))
    for index, size in enumerate(spec.sizes):
        if size < 2:
            hint = "a level gathers two or more neighbours of the level below"
            faults.append(SpecFault(f"sizes.{index}", index + 1, "a size of 1 gathers nothing", hint))
    return faults


def _unique(key: str, values: Sequence[str], level: int) -> list[SpecFault]:
    seen: set[str] = set()
    faults = []
    for index, value in enumerate(values):
        if value in seen:
            faults.append(SpecFault(f"{key}.{index}", level, "a value is listed twice", "keep one of them"))
        seen.add(value)
    return faults


def _sets(spec: model.SetHierarchy) -> list[SpecFault]:
    faults = []
    below: set[str] | None = None  # names that the level below may hold; unknown for raw values
    for index, groups in enumerate(spec.levels):
        level = index + 1
        seen: set[str] = set()
        for name, group in groups.items():
            for place, member in enumerate(group):
                key = f"levels.{index}.{name}.{place}"
                if member in seen:
                    hint = "a value lies in one group of a level"
                    faults.append(SpecFault(key, level, f"level {level} lists a value twice", hint))
                elif below is not None and member not in below:
                    message = f"level {level} gathers groups of level {level - 1}, and this is none of them"
                    faults.append(SpecFault(key, level, message, did_you_mean(member, sorted(below))))
                seen.add(member)
        if not seen:
            faults.append(SpecFault(f"levels.{index}", level, f"level {level} has no group", "remove it"))
        carried = (below or set()) - seen
        for name in sorted(carried & set(groups)):
            message = f"level {level} has a group with the name of a group of level {level - 1} that lies outside it"
            faults.append(SpecFault(f"levels.{index}.{name}", level, message, "give it another name"))
        below = set(groups) | carried
    return faults


def _mask(spec: model.MaskHierarchy) -> list[SpecFault]:
    faults = _in_order("steps", spec.steps, rising=True)
    if spec.length and spec.steps and spec.steps[-1] > spec.length:
        message = f"{spec.steps[-1]} characters are masked of {spec.length}"
        faults.append(SpecFault(f"steps.{len(spec.steps) - 1}", len(spec.steps), message, "mask at most the length"))
    return faults


def _prefix(spec: model.PrefixHierarchy) -> list[SpecFault]:
    return _in_order("lengths", spec.lengths, rising=False)


def _dates(spec: model.DateHierarchy) -> list[SpecFault]:
    faults = []
    for index, (before, after) in enumerate(pairwise(spec.levels)):
        if after not in NESTED_IN[before]:
            message = f'a {before} does not lie within one {after}, so "{after}" cannot follow "{before}"'
            options = ", ".join(NESTED_IN[before])
            hint = f'after "{before}": {options}' if options else f'"{before}" must be the last level'
            faults.append(SpecFault(f"levels.{index + 1}", index + 2, message, hint))
    return faults


def _frequency(spec: model.FrequencyHierarchy) -> list[SpecFault]:
    return _in_order("thresholds", spec.thresholds, rising=True)


_RULES: dict[type, Callable[[Any], list[SpecFault]]] = {
    model.IntervalHierarchy: _intervals,
    model.OrderedHierarchy: _ordered,
    model.SetHierarchy: _sets,
    model.MaskHierarchy: _mask,
    model.PrefixHierarchy: _prefix,
    model.DateHierarchy: _dates,
    model.FrequencyHierarchy: _frequency,
}
