"""The sweep of local recoding: schemes from the least general on, each releasing the classes that satisfy the models.

The rule, which `plain_sweep` spells out without any short cut. Schemes stand in a fixed order, least loss first. In a round
with the number `need`, each scheme in turn releases its satisfying classes of the rows still there, if these are at least
`need` records. A class that fails is trimmed, if that helps (rules.py). When half the records are released, or a round ends,
the next begins with a smaller `need`, down to the least size of a class. Large portions first keep a good scheme from being
spoilt by many small ones before it.

What makes it fast changes no result: rows that a scheme could not release, no less general scheme can, so each look bounds a box
of schemes and its list of rows is all that a later look inside the box has to read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

from jalousie.privacy.models.base import Cells, Classes, Model, possible, satisfied
from jalousie.privacy.models.size import KAnonymity
from jalousie.privacy.search.blocks import BLOCKS
from jalousie.privacy.search.problem import Problem
from jalousie.privacy.search.rules import Rules, histogram_of, holds, reachable, rules_of, trim
from jalousie.tables.types import Codes, Counts, Floats, Mask

SOURCE_ROWS = 50_000_000
"""Row numbers kept in lists by the native sweep at most (4 bytes each)."""

TRIMMED_IN_PYTHON = 2_000
"""Distinct rows up to which classes are trimmed without the native kernel: in Python it would take minutes on more."""

Tick = Callable[[int, int], bool]
"""Called with (records left, schemes checked); True stops the sweep."""


@dataclass(frozen=True, slots=True, eq=False)
class Swept:
    """(G,) index of the scheme that released each distinct row, -1 where none did.

    `stopped`: time ended the sweep; `trimmed`: classes were trimmed, where the models allow it.
    """

    scheme_of: Codes
    checked: int
    stopped: bool
    kernel: str
    trimmed: bool = True


class Judge:
    """The models of classes, asked about classes of some of a problem's rows."""

    def __init__(self, problem: Problem, models: Sequence[Model]) -> None:
        self.models = tuple(m for m in models if not m.of_table)
        self.minimum = max([1, *(m.minimum_size for m in models)])
        self.trivial = all(isinstance(m, KAnonymity) for m in self.models)
        """Size alone decides."""
        self.rules = None if self.trivial else rules_of(problem, self.models)
        """The models, where the sweep can check them by itself and trim classes."""
        self.columns = tuple(sorted({m.column for m in self.models if m.column}))
        self._cells = {name: problem.sensitive[name] for name in self.columns}
        self._starts = {
            name: np.searchsorted(h.group, np.arange(problem.groups + 1)) for name, h in self._cells.items()
        }

    def classes(self, rows: Codes | Counts, group: Codes | Counts, sizes: Counts) -> Classes:
        """The classes of `rows` (indices of distinct rows), row j belonging to class group[j], 0..C-1."""
        cells = {}
        for name, h in self._cells.items():
            first = self._starts[name][rows]
            length = self._starts[name][rows + 1] - first
            at = np.repeat(first - np.concatenate(([0], np.cumsum(length)[:-1])), length) + np.arange(length.sum())
            width = len(h.values)
            key = np.repeat(np.asarray(group, np.int64), length) * width + h.code[at]
            if len(sizes) * width <= 8 * len(key) + 4096:
                count = np.bincount(key, weights=h.count[at], minlength=len(sizes) * width)
                kept = np.flatnonzero(count)
                count = count[kept]
            else:
                kept, inverse = np.unique(key, return_inverse=True)
                count = np.bincount(inverse.reshape(-1), weights=h.count[at], minlength=len(kept))
            cells[name] = Cells(kept // width, (kept % width).astype(np.int32), count.astype(np.int64), width)
        return Classes(sizes, cells)

    def satisfied(self, classes: Classes) -> Mask:
        return satisfied(self.models, classes)

    def possible(self, classes: Classes) -> Mask:
        return possible(self.models, classes)


def sweep(
    problem: Problem,
    judge: Judge,
    schemes: Codes,
    *,
    share: float,
    tick: Tick,
    kernel: str = "auto",
) -> Swept:
    """Run the sweep over `schemes` ((M, D) levels, in order). `share` of the records left is the first `need` of a round."""
    small = problem.dimensions <= 64 and max(problem.top) < 128  # levels are compared as bytes
    if BLOCKS is not None and kernel != "numpy" and small:
        return _native_sweep(BLOCKS, problem, judge, schemes, share, tick)
    if judge.rules is not None and problem.groups > TRIMMED_IN_PYTHON:
        untrimmed = copy(judge)
        untrimmed.rules = None
        return replace(plain_sweep(problem, untrimmed, schemes, share=share, tick=tick), trimmed=False)
    return plain_sweep(problem, judge, schemes, share=share, tick=tick)


def plain_sweep(problem: Problem, judge: Judge, schemes: Codes, *, share: float, tick: Tick) -> Swept:
    """The reference: every scheme of every round is looked at, save those that an earlier look excludes."""
    scheme_of = np.full(problem.groups, -1, np.int32)
    alive = np.arange(problem.groups)
    rest = problem.rows
    upper = np.full(len(schemes), rest, np.int64)
    need = max(judge.minimum, math.ceil(share * rest))
    checked = 0
    while rest >= judge.minimum:
        half = rest // 2
        for k in range(len(schemes)):
            if upper[k] < need:
                continue
            if rest < judge.minimum or rest < half:
                break
            gone, bound = releasable(problem, judge, *large_classes(problem, alive, schemes[k], judge.minimum))
            checked += 1
            box = (schemes <= schemes[k]).all(axis=1)
            upper[box] = np.minimum(upper[box], bound)
            released = int(problem.counts[gone].sum())
            if released >= need:
                scheme_of[gone] = k
                alive = np.setdiff1d(alive, gone, assume_unique=True)
                rest -= released
                if bound == released:
                    upper[k] = 0
            if tick(rest, checked):
                return Swept(scheme_of, checked, True, "numpy")
        if rest < half:
            need = max(judge.minimum, math.ceil(share * rest))
        elif need <= judge.minimum:
            break
        else:
            need = max(judge.minimum, need // 4)
    return Swept(scheme_of, checked, False, "numpy")


def large_classes(problem: Problem, rows: Counts, levels: Codes, minimum: int) -> tuple[Counts, Counts, Counts]:
    """Classes of at least `minimum` records among `rows`: (their rows, (rows,) class, (C,) records)."""
    key = np.zeros(len(rows), np.int64)
    space = 1
    for d, axis in enumerate(problem.axes):
        width = axis.width(int(levels[d]))
        if space * width >= 1 << 62:
            key = np.unique(key, return_inverse=True)[1].reshape(-1).astype(np.int64)
            space = int(key.max(initial=0)) + 1
        key = key * width + axis.maps[int(levels[d])][problem.codes[d][rows]]
        space *= width
    _, group = np.unique(key, return_inverse=True)
    group = group.reshape(-1)
    sizes = np.bincount(group, weights=problem.counts[rows]).astype(np.int64)
    large = sizes >= minimum
    number = np.cumsum(large) - 1
    kept = large[group]
    return rows[kept], number[group[kept]], sizes[large]


def releasable(problem: Problem, judge: Judge, rows: Counts, group: Counts, sizes: Counts) -> tuple[Counts, int]:
    """Rows of these classes that may be released, and a bound on the records that any less general scheme could release."""
    if judge.rules is None:
        keep, may = _verdict(judge, rows, group, sizes)
        return rows[keep[group]], int(sizes[may].sum())
    counts = problem.counts.tolist()
    good: list[int] = []
    bound = 0
    for c, size in enumerate(sizes.tolist()):
        members = rows[group == c].tolist()
        have = histogram_of(judge.rules, members)
        if holds(judge.rules, have, size):
            good += members
            bound += size
            continue
        most = reachable(judge.rules, have, size)
        if most >= judge.minimum:
            bound += most
            good += trim(judge.rules, members, counts, judge.minimum)
    return np.sort(np.array(good, np.int64)), bound


def _verdict(judge: Judge, rows: Counts, group: Counts, sizes: Counts) -> tuple[Mask, Mask]:
    """((C,) satisfied, (C,) could still be satisfied in part)."""
    if judge.trivial or len(sizes) == 0:
        return np.ones(len(sizes), bool), np.ones(len(sizes), bool)
    classes = judge.classes(rows, group, sizes)
    return judge.satisfied(classes), judge.possible(classes)


def _native_sweep(
    blocks: ModuleType, problem: Problem, judge: Judge, schemes: Codes, share: float, tick: Tick
) -> Swept:
    groups = problem.groups
    start, part, entropy = _key_parts(problem)
    live, group, releasable = (np.zeros(groups, np.int32) for _ in range(3))
    sizes = np.zeros(groups, np.int64)
    keep, may = np.zeros(groups, np.uint8), np.zeros(groups, np.uint8)
    scheme_of = np.empty(groups, np.int32)

    def ask(rows: int, classes: int) -> bool:
        keep[:classes], may[:classes] = _verdict(
            judge, live[:rows].astype(np.int64), group[:rows].astype(np.int64), sizes[:classes]
        )
        return False

    checked, stopped = blocks.sweep(
        np.ascontiguousarray(problem.codes.T, np.int32),
        np.ascontiguousarray(problem.counts, np.int64),
        start,
        part,
        entropy,
        np.ascontiguousarray(schemes, np.uint8),
        np.array(problem.top, np.uint8),
        live,
        group,
        sizes,
        keep,
        may,
        releasable,
        scheme_of,
        *rule_buffers(judge.rules)[:-1],
        np.array(problem.bottom, np.uint8),
        _cells(problem, schemes),
        judge.rules.values if judge.rules is not None else 0,
        judge.minimum,
        share,
        SOURCE_ROWS,
        None if judge.trivial or judge.rules is not None else ask,
        tick,
    )
    return Swept(scheme_of, checked, stopped, "native")


def _cells(problem: Problem, schemes: Codes) -> Counts:
    """(M,) place of each scheme in the lattice if the list is all of it, else empty."""
    if len(schemes) != problem.lattice:
        return np.zeros(0, np.int64)
    cells = np.zeros(len(schemes), np.int64)
    for d, axis in enumerate(problem.axes):
        cells = cells * (axis.high - axis.low + 1) + (schemes[:, d] - axis.low)
    return cells


def rule_buffers(rules: Rules | None) -> tuple[object, ...]:
    """The rules as the native kernel takes them."""
    if rules is None:
        return b"", b"", b"", b"", b"", b"", 0
    listed = np.array(rules.rules, np.float64)
    return listed, rules.view, rules.shares, rules.first, rules.code, rules.records, rules.values


def _key_parts(problem: Problem) -> tuple[Counts, np.ndarray, Floats]:
    """What each value adds to the 64-bit key of its class, by column and level, and each level's entropy.

    Where the columns fit into 64 bits side by side, keys are exact. Otherwise each generalised value has a random word (Zobrist);
    a collision, unlikely as it is, is found when the classes are counted again from the written labels.
    """
    depth = max(axis.levels for axis in problem.axes)
    start = np.full((problem.dimensions, depth), -1, np.int64)
    entropy = np.zeros((problem.dimensions, depth))
    bits = [max(1, (axis.values - 1).bit_length()) for axis in problem.axes]
    draw = np.random.default_rng(20_261_124) if sum(bits) > 64 else None
    parts = []
    length = shift = 0
    for d, axis in enumerate(problem.axes):
        for level in range(axis.low, axis.high + 1):
            entropy[d, level] = _entropy(np.bincount(axis.maps[level], weights=problem.marginals[d]))
            if axis.width(level) == 1:
                continue
            if draw is None:
                words = np.arange(axis.width(level), dtype=np.uint64) << np.uint64(shift)
            else:
                words = draw.integers(0, 1 << 64, axis.width(level), dtype=np.uint64, endpoint=False)
            start[d, level] = length
            parts.append(words[axis.maps[level]])
            length += axis.values
        shift += bits[d]
    return start, np.concatenate(parts) if parts else np.zeros(1, np.uint64), entropy


def _entropy(rows: Floats | Counts) -> float:
    """In nats."""
    p = rows[rows > 0] / rows.sum()
    return float(-(p * np.log(p)).sum())
