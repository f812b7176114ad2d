"""The provider's side: a label, masked word by word.

    c_i = x_i + PRF_k(column, i)  mod 2^64

(Castelluccia, Mykletun & Tsudik 2005; the ASHE of Seabed: Papadimitriou et al. 2016.) x_i are the numbers whose sums by group
are an answer: 1 for the record's class and 0 for all others, or the steps of a number. Sums of c are sums of x but for the
sum of the pads, which only whoever has k can subtract. A record that the provider does not have is a masked 0, so that nobody
without the key sees who is in the table.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback, Label
from jalousie.sealed.keys import ProviderKey, new_header, pads
from jalousie.sealed.types import Context, SealedColumn, Words, width_of
from jalousie.validator.match import Aligned
from jalousie.validator.sensitivity import noised_classes


def seal(aligned: Aligned, key: ProviderKey, context: Context, feedback: Feedback) -> SealedColumn:
    """Seal one label for one population. Every call draws a nonce: the same label sealed twice is two unlike columns.

    Parameters
    ----------
    aligned
        the label in the order of the population, -1 or not present where the provider does not have the record
    context
        what the column belongs to; `context.label` names the label in `feedback`

    Raises
    ------
    ValidatorError
        V212 a label without classes
    """
    label = feedback.labels[context.label]
    header = new_header(key, context, aligned.values.shape[1], width_of(label, feedback))
    words = pads(key, header)
    # added to the pads where they are, so that the numbers themselves are never in one place
    _add_cells(words, aligned, label, feedback)
    if feedback.neighbours == "change-label":
        for layer in range(len(aligned.values)):
            words[:, -1] += _present(aligned, layer).view(np.uint8)
    return SealedColumn(header, words)


def _add_cells(words: Words, aligned: Aligned, label: Label, feedback: Feedback) -> None:
    """Add what each record contributes to the cells that are noised, which come first of its words."""
    cells = noised_classes(label, feedback.neighbours)
    first = len(label.classes) - cells
    for layer in aligned.values:
        if label.kind == "number":
            words[:, 0] += layer.astype(np.int64).view(np.uint64)  # below 0 it is 2^64 less, as it should be
            continue
        for cell in range(cells):
            words[:, cell] += (layer == first + cell).view(np.uint8)


def _present(aligned: Aligned, layer: int) -> NDArray[np.bool_]:
    """(n,) whether the record is there and has the label."""
    if aligned.present is not None:
        return np.asarray(aligned.present[layer], dtype=np.bool_)
    return np.asarray(aligned.values[layer] >= 0)
