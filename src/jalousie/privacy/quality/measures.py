"""Quality of a recoding, measured on what was decided and not on how: the same for every kind of search.

Loss              Iyengar 2002, as ARX publishes it: a cell costs the share of its column's domain that it covers
entropy           non-uniform entropy (De Waal & Willenborg 1999; Gionis & Tassa 2009)
discernibility    Bayardo & Agrawal 2005
class size        LeFevre, DeWitt & Ramakrishnan 2006
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jalousie.privacy.card import QualityFacts
from jalousie.privacy.recoding import Recoding
from jalousie.tables.types import Codes, Counts, Floats, FrequencyTable, Hierarchy


def quality(
    table: FrequencyTable,
    recoding: Recoding,
    hierarchies: tuple[Hierarchy, ...],
    *,
    weights: Mapping[str, float] | None = None,
) -> QualityFacts:
    """Measure a recoding of a frequency table; a suppressed row keeps no detail in any column.

    `hierarchies` are those of the table's columns in order; `weights` are exponents of the columns in Loss (1 by default).
    """
    if tuple(h.column for h in hierarchies) != table.names:
        raise ValueError("one hierarchy per column of the table, in its order")
    rows = table.rows
    if rows == 0:
        return QualityFacts(
            loss=0.0,
            granularity=1.0,
            entropy_loss=0.0,
            discernibility=0.0,
            average_class_size=0.0,
            suppressed_share=0.0,
        )
    kept = ~recoding.suppressed
    suppressed = rows - int(table.counts[kept].sum())
    columns = column_losses(table, recoding, hierarchies)
    sizes = np.bincount(recoding.classes[kept], weights=table.counts[kept]) if kept.any() else np.zeros(0)
    sizes = sizes[sizes > 0]
    return QualityFacts(
        loss=geometric_loss(columns, [1.0 if weights is None else weights.get(n, 1.0) for n in table.names]),
        granularity=float(1 - columns.mean()) if len(columns) else 1.0,
        entropy_loss=entropy_loss(table, recoding),
        discernibility=float(((sizes**2).sum() + suppressed * rows) / rows**2),
        average_class_size=float(sizes.mean()) if len(sizes) else 0.0,
        suppressed_share=suppressed / rows,
    )


def column_losses(table: FrequencyTable, recoding: Recoding, hierarchies: tuple[Hierarchy, ...]) -> Floats:
    """(D,) loss of each column, scaled to 0 (every cell raw) .. 1 (every cell covers the domain, or is suppressed).

    A column whose domain is a single value has nothing to lose and costs 0.
    """
    rows = table.rows
    losses = np.zeros(len(table.names))
    for d, hierarchy in enumerate(hierarchies):
        if hierarchy.size > 1:
            cells = np.where(recoding.suppressed, 1.0, _cell_shares(table, recoding, hierarchy, d))
            least = rows / hierarchy.size
            losses[d] = max(0.0, (float(cells @ table.counts) - least) / (rows - least))
    return losses


def geometric_loss(columns: Floats, weights: list[float]) -> float:
    """Weighted geometric mean of (1 + column loss), minus 1."""
    total = sum(weights)
    if total == 0:
        return 0.0
    return float(np.expm1(sum(w * np.log1p(c) for w, c in zip(weights, columns, strict=True)) / total))


def entropy_loss(table: FrequencyTable, recoding: Recoding) -> float:
    """Bits that a reader of the release lacks to name each raw cell, as a share of the bits that `*` everywhere would cost.

    A cell with raw value v and generalised value g lacks -log2(rows with v and g / rows with g); a suppressed cell lacks
    -log2(rows with v / rows). With one scheme for all rows and nothing suppressed this is the published non-uniform
    entropy; it needs no hierarchy, so it is also defined where rows are recoded differently.
    """
    lost = most = 0.0
    gone = recoding.suppressed
    kept = ~gone
    for d in range(len(table.names)):
        values = table.codes[d]
        rows = _sums(values, table.counts)
        whole = -np.log2(np.where(rows > 0, rows, table.rows) / table.rows)
        most += float(whole @ rows)
        lost += float(whole @ np.bincount(values[gone], weights=table.counts[gone], minlength=len(rows)))
        lost += _kept_bits(values[kept], recoding.codes[d][kept], table.counts[kept])
    return lost / most if most > 0 else 0.0


def _kept_bits(values: Codes, general: Codes, counts: Counts) -> float:
    """Sum over rows of -log2 of the raw value's share among the rows of its generalised value."""
    if not len(values):
        return 0.0
    width = int(values.max()) + 1
    pairs: Counts = general.astype(np.int64) * width + values
    if (int(general.max()) + 1) * width <= 4 * len(pairs):
        rows = _sums(pairs, counts)
        seen = np.flatnonzero(rows)
        rows = rows[seen]
    else:
        seen, place = np.unique(pairs, return_inverse=True)
        rows = _sums(place.reshape(-1), counts)
    return float(-np.log2(rows / _sums(general, counts)[seen // width]) @ rows)


def _sums(codes: Codes | Counts, counts: Counts) -> Floats:
    return np.bincount(codes, weights=counts).astype(np.float64)


def _cell_shares(table: FrequencyTable, recoding: Recoding, hierarchy: Hierarchy, d: int) -> Floats:
    """(G,) share of the domain that each distinct row's cell covers.

    With one scheme they are taken from the hierarchy, in double precision; otherwise as the search recorded them.
    """
    if recoding.levels is None:
        return np.asarray(recoding.cell_loss[d], np.float64)
    position = {value: i for i, value in enumerate(hierarchy.labels[0])}
    domain = np.array([position[value] for value in table.values[d]], np.int64)
    shares: Floats = hierarchy.shares(recoding.levels[d])[domain[table.codes[d]]]
    return shares
