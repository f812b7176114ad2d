"""A column of categories: labels, sets and `*` as the share of the cell that each value has, or as one drawn value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from jalousie.learning.covers import Cover, Index, draw, published, release_weights
from jalousie.learning.labels import codes_inside, members_of
from jalousie.learning.spaces import STAR, ColumnSpace
from jalousie.tables.types import Codes, Counts, Floats


@dataclass(slots=True, eq=False)
class CategoryColumn:
    """Learns how often values occur from a release's cells; afterwards reads any cell in the same space.

    Features are one share per value; where there are more than `limit` values, one for each of the most frequent and a
    last one for the rest together. A value that the space does not know has no share anywhere.
    """

    space: ColumnSpace
    limit: int = 64
    weights: Floats = field(default_factory=lambda: np.empty(0))
    feature: Index = field(default_factory=lambda: np.empty(0, np.int64))
    """Per value the feature that its share goes to."""
    names: tuple[str, ...] = ()

    @classmethod
    def plain(cls, name: str, texts: list[str | None], limit: int) -> CategoryColumn:
        """For a column that was not generalised: its distinct cells are its values."""
        values = tuple(sorted(texts, key=lambda text: (text is None, text or "")))
        return cls(ColumnSpace(name=name, kind="categorical", values=values), limit)

    def fit(
        self, texts: list[str | None], counts: Counts, *, estimate: bool, given: Mapping[str, float] | None = None
    ) -> CategoryColumn:
        """Fix features and weights: `given` by value, or estimated from the release, or even."""
        size = len(self.space.values)
        prior = np.full(size, 1.0 / max(size, 1))
        if given:
            prior = published(self.space.values, given)
        self.weights = release_weights(self.cover(texts), counts, prior) if estimate and size else prior
        if size <= self.limit:
            self.feature = np.arange(size)
            own = range(size)
        else:
            own = np.argsort(-self.weights, kind="stable")[: self.limit - 1].tolist()
            self.feature = np.full(size, self.limit - 1, np.int64)
            self.feature[list(own)] = np.arange(self.limit - 1)
        shown = [self.space.values[code] for code in own]
        self.names = tuple("<null>" if text is None else text for text in shown)
        if size > self.limit:
            self.names = (*self.names, "<rest>")
        return self

    @property
    def width(self) -> int:
        return len(self.names)

    def cover(self, texts: list[str | None]) -> Cover:
        """The values under each cell."""
        size = len(self.space.values)
        place = {text: code for code, text in enumerate(self.space.values)}
        covers = dict(zip(self.space.labels, self.space.covers, strict=False))
        patterns = _Patterns(self.space)
        inside: list[Index] = []
        for text in texts:
            if text == STAR:
                inside.append(np.arange(size))
            elif text in covers:
                inside.append(np.array(covers[text], np.int64))
            elif text in place:
                inside.append(np.array([place[text]], np.int64))
            elif (members := members_of(text)) is not None and all(part in place or part in covers for part in members):
                codes = {code for part in members for code in covers.get(part, (place.get(part, -1),))}
                inside.append(np.array(sorted(codes), np.int64))
            else:
                label = patterns.find(text)
                found = covers.get(label, (place[label],) if label in place else ()) if label is not None else ()
                inside.append(np.array(found or codes_inside(text, self.space.values), np.int64))
        return Cover.of(inside, size)

    def features(self, texts: list[str | None]) -> Floats:
        """(L, width) shares; a row sums to 1, or to 0 where the cell is unknown."""
        cover = self.cover(texts)
        result = np.zeros((len(texts), self.width))
        np.add.at(result, (cover.cell, self.feature[cover.atoms]), cover.shares(self.weights))
        return result

    def drawn(self, texts: list[str | None], cells: Index, rng: np.random.Generator) -> Codes:
        """(n,) the feature of a value drawn for each row's cell; -1 where the cell is unknown."""
        atom = draw(self.cover(texts), self.weights, cells, rng)
        return np.where(atom >= 0, self.feature[atom] if len(self.feature) else -1, -1).astype(np.int32)


class _Patterns:
    """Finds the label that a raw value falls under by its hierarchy's own rule."""

    def __init__(self, space: ColumnSpace) -> None:
        self._space = space
        self._stems: dict[str, str] = {}
        self._length = 0
        """Characters of a masked label; shorter values count as masked where they have no character."""
        if space.match not in ("exact", "other"):
            known = [label for label in (*space.labels, *space.values) if label is not None and label != STAR]
            if space.match != "prefix":
                self._length = max((len(label) for label in known if space.mark in label), default=0)
                known = [label for label in known if len(label) == self._length]
            self._stems = {self._stem(label): label for label in known}

    def _stem(self, label: str) -> str:
        if self._space.match == "mask-right":
            return label.rstrip(self._space.mark)
        if self._space.match == "mask-left":
            return label.lstrip(self._space.mark)
        return label

    def find(self, text: str | None) -> str | None:
        """The longest label whose pattern fits, or the label of all others; None where there is none."""
        if self._space.match == "other":
            return self._space.mark if text is not None else None
        if text is None or not self._stems:
            return None
        if self._space.match == "prefix":
            text = text.translate({ord(mark): None for mark in self._space.mark})
        elif len(text) > self._length:
            return None
        for kept in range(len(text), 0, -1):
            part = text[len(text) - kept :] if self._space.match == "mask-left" else text[:kept]
            if part in self._stems:
                return self._stems[part]
        return None
