"""Labels that the ML party has itself, read as the provider reads its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import UsageError
from jalousie.validator.match import encode_label


def labels_at_hand(
    label: Label, feedback: Feedback, labelled: tuple[Any, Any] | None
) -> tuple[NDArray[Any], tuple[Any, Any] | None]:
    """(C,) the contract's classes, and (X, y) with each label of y as one of them.

    Classes are compared as the validator compares a provider's values: as text, whole numbers without a decimal point, truth
    values as `true` and `false` or as `1` and `0`; numbers fall into the intervals of a label with `cuts`. The classes have the
    type of the labels at hand where these are numbers or truth values, and are texts otherwise.

    Raises
    ------
    UsageError
        U151: a label is missing, or none of the contract's classes
    """
    from sklearn.utils.validation import column_or_1d

    texts = np.array(label.classes, dtype=object)
    if labelled is None:
        return texts, None
    y = column_or_1d(labelled[1])
    numbers = y.dtype.kind in "biuf"
    codes = encode_label(y, label if numbers else label.by_name(), feedback).values
    if (codes < 0).any():
        shown = ", ".join(f'"{name}"' for name in label.classes[:5]) + (", ..." if len(label.classes) > 5 else "")
        raise UsageError(
            "U151",
            f"{int((codes < 0).sum())} of {len(y)} labels at hand are missing or none of the contract's classes",
            hint=f"the contract's classes are {shown}: leave out rows without a label, and rename the others",
            effect="nothing was asked",
        )
    classes = texts if not numbers or label.cuts else _typed(texts, y, codes)
    return classes, (labelled[0], classes[codes])


def _typed(texts: NDArray[Any], y: NDArray[Any], codes: NDArray[Any]) -> NDArray[Any]:
    """The classes as values of y's type; as texts where one that is not in y has no such value."""
    found = []
    for code, text in enumerate(texts):
        at = np.flatnonzero(codes == code)
        if len(at):
            found.append(y[at[0]])
            continue
        try:
            found.append({"true": True, "false": False}[text] if text in ("true", "false") else float(text))
        except ValueError:
            return texts
    typed = np.array(found).astype(y.dtype)
    return typed if len(np.unique(typed)) == len(typed) else texts
