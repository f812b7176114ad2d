"""`GeneralisedEncoder`: a scikit-learn transformer that reads generalised cells and raw cells into one feature space.

A model trained on a release meets `[20, 40)` and `Higher education`; at prediction time it meets 27 and `Bachelors`.
One-hot encoding the strings makes those different worlds. Here both become the same features, in one of three ways:

    draws      while fitting, each cell becomes one value drawn from those it covers (several times, by `fit_resample`)
    shares     categories: the share of each covered value; numbers: expected, lowest and highest covered number
    midpoints  categories: shares; numbers: the expected number alone

`transform` never draws: a raw cell is its own value, and a generalised cell its expectation, so that the same row always
gets the same features. Which way serves a learner best was measured: docs/explanation/learning-from-a-release.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from jalousie.errors import UsageError, did_you_mean
from jalousie.learning.categories import CategoryColumn
from jalousie.learning.frames import (
    as_frame,
    as_number,
    counts_of,
    distinct_cells,
    is_number,
    need_columns,
    numbers,
    single,
)
from jalousie.learning.numeric import NumberColumn
from jalousie.learning.reshape import Rule, reshaped
from jalousie.learning.spaces import ColumnSpace
from jalousie.tables.types import Floats

Features = NDArray[np.float32]
Cells = Literal["draws", "shares", "midpoints"]
CELLS = ("draws", "shares", "midpoints")
WEIGHTS = ("even", "release")


class PlainNumber:
    """A number (or date) that was not generalised: it passes through, nulls as NaN."""

    def __init__(self, *, date: bool) -> None:
        self.date = date

    def values(self, series: nw.Series[Any], rules: Sequence[Rule] = ()) -> Floats:
        if not rules and not self.date and is_number(series):
            return numbers(series)
        texts, codes = distinct_cells(series)
        texts = [reshaped(text, rules) for text in texts]
        return np.array([as_number(text, "date" if self.date else "number") for text in texts], np.float64)[codes]


Part = NumberColumn | CategoryColumn | PlainNumber


class GeneralisedEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Read a release, or raw rows, into numbers.

    Parameters
    ----------
    spaces
        what the generalised cells of each quasi-identifier stand for, as `Release.encoder()` passes them; columns that
        have no space are plain: numbers and dates pass through, texts are one-hot encoded
    cells
        "draws", "shares" or "midpoints", see above
    weights
        "even": the values of a cell weigh the same; "release": as often as the release's own cells suggest (Turnbull
        1976), which misleads where recoding is local, since there mostly rare values are generalised; or published
        marginals, {column: {value: weight}}
    draws
        rows that `fit_resample` makes of each row when `cells` is "draws"
    max_categories
        features a column of categories gets at most
    steps
        what was done to numbers and dates before they were generalised (rounded, clipped, cut), as `Release.encoder()`
        passes it; the same is done to every raw cell
    random_state
        seed of the draws (they are not protective: the release is protected already)

    Any data frame that narwhals knows is read; columns beyond those fitted are ignored. Raises UsageError U150 for a
    missing column and U151 for a wrong parameter. No error quotes a cell.
    """

    def __init__(
        self,
        spaces: Sequence[ColumnSpace] = (),
        *,
        cells: Cells = "draws",
        weights: Literal["even", "release"] | Mapping[str, Mapping[str, float]] = "even",
        draws: int = 5,
        max_categories: int = 64,
        steps: Sequence[Rule] = (),
        random_state: int = 0,
    ) -> None:
        self.spaces = spaces
        self.cells = cells
        self.weights = weights
        self.draws = draws
        self.max_categories = max_categories
        self.steps = steps
        self.random_state = random_state

    # -- scikit-learn's interface ------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the columns and how often values occur from a release (or from raw rows)."""
        self._check_parameters()
        frame = self._frame(X, reset=True)
        known = {space.name: space for space in self.spaces}
        need_columns(frame, list(known))
        self.columns_ = tuple(frame.columns)
        self.parts_ = tuple(self._fit_column(frame[name], known.get(name)) for name in self.columns_)
        return self

    def transform(self, X: Any) -> Features:
        """(n, features) float32; a generalised cell gives its expectation, a raw cell its value."""
        check_is_fitted(self)
        frame = self._frame(X, reset=False)
        need_columns(frame, self.columns_)
        return self._matrix(frame, repeats=1, drawn=False)

    def fit_transform(self, X: Any, y: Any = None, **_: Any) -> Features:
        """Fit, then encode the same rows for training: with one draw for each cell where `cells` is "draws"."""
        self.fit(X, y)
        frame = self._frame(X, reset=False)
        return self._matrix(frame, repeats=1, drawn=self.cells == "draws")

    def fit_resample(self, X: Any, y: Any) -> tuple[Features, NDArray[Any]]:
        """Fit, then make `draws` training rows of each row (one where `cells` is not "draws"), with their targets.

        Rows come in `draws` blocks of the whole table, so that row i is the source of rows i, i + n, i + 2n, ...
        """
        self.fit(X, y)
        frame = self._frame(X, reset=False)
        repeats = self.draws if self.cells == "draws" else 1
        matrix = self._matrix(frame, repeats=repeats, drawn=self.cells == "draws")
        return matrix, np.tile(np.asarray(y), repeats)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names such as `age`, `age low`, `sex=Male`."""
        check_is_fitted(self)
        if input_features is not None and list(input_features) != list(self.columns_):
            raise ValueError("input_features is not equal to feature_names_in_")
        names: list[str] = []
        for column, part in zip(self.columns_, self.parts_, strict=True):
            if isinstance(part, CategoryColumn):
                names += [f"{column}={value}" for value in part.names]
            elif isinstance(part, NumberColumn) and self.cells == "shares":
                names += [column, f"{column} low", f"{column} high"]
            else:
                names.append(column)
        return np.array(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    # -- columns -----------------------------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        named = isinstance(self.weights, str)
        for name, value, known in (
            ("cells", self.cells, CELLS),
            ("weights", self.weights if named else "even", WEIGHTS),
        ):
            if value not in known:
                raise UsageError(
                    "U151", f"the encoder has no such {name}", hint=did_you_mean(str(value), known), effect=""
                )
        if self.draws < 1 or self.max_categories < 2:
            raise UsageError("U151", "an encoder needs draws >= 1 and max_categories >= 2", effect="")

    def _frame(self, X: Any, *, reset: bool) -> nw.DataFrame[Any]:
        """A data frame as it is; an array after scikit-learn's own checks, with columns x0, x1, ..."""
        frame = as_frame(X)
        if frame is None:
            array = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
            return nw.from_dict({f"x{i}": array[:, i].tolist() for i in range(array.shape[1])}, backend="pyarrow")
        if reset:
            self.n_features_in_ = len(frame.columns)
            self.feature_names_in_ = np.array(frame.columns, dtype=object)
        return frame

    def _fit_column(self, series: nw.Series[Any], space: ColumnSpace | None) -> Part:
        if space is None:
            if is_number(series):
                return PlainNumber(date=False)
            if series.dtype.is_temporal():
                return PlainNumber(date=True)
            texts, codes = distinct_cells(series)
            column = CategoryColumn.plain(series.name, texts, self.max_categories)
            return column.fit(texts, counts_of(codes, len(texts)), estimate=True)
        texts, codes = distinct_cells(series)
        counts = counts_of(codes, len(texts))
        estimate = self.weights == "release"
        given = {} if isinstance(self.weights, str) else dict(self.weights.get(series.name, {}))
        if space.kind == "categorical":
            return CategoryColumn(space, self.max_categories).fit(texts, counts, estimate=estimate, given=given)
        return NumberColumn(space).fit(texts, counts, estimate=estimate, given=given)

    def _matrix(self, frame: nw.DataFrame[Any], *, repeats: int, drawn: bool) -> Features:
        rows = len(frame) * repeats
        matrix = np.zeros((rows, len(self.get_feature_names_out())), np.float32)
        rng = np.random.default_rng(self.random_state)
        at = 0
        for name, part in zip(self.columns_, self.parts_, strict=True):
            series, rules = frame[name], [rule for rule in self.steps if rule.column == name]
            if isinstance(part, PlainNumber):
                matrix[:, at] = single(np.tile(part.values(series, rules), repeats))
                at += 1
                continue
            texts, codes = distinct_cells(series)
            texts = [reshaped(text, rules) for text in texts] if rules else texts
            cells = np.tile(codes, repeats).astype(np.int64)
            width = part.width if isinstance(part, CategoryColumn) else (3 if self.cells == "shares" else 1)
            if not drawn:
                matrix[:, at : at + width] = single(part.features(texts)[:, :width])[cells]
            elif isinstance(part, CategoryColumn):
                feature = part.drawn(texts, cells, rng)
                known = np.flatnonzero(feature >= 0)
                matrix[known, at + feature[known]] = 1.0
            else:
                matrix[:, at] = single(part.drawn(texts, cells, rng))
            at += width
        return matrix
