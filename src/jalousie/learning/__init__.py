"""The ML party's side: how a release is read into features, and how well models learn from it.

Names load when they are first used, since scikit-learn costs more than a second of start-up.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jalousie.learning.encoder import GeneralisedEncoder
    from jalousie.learning.spaces import ColumnSpace
    from jalousie.learning.utility import learning_utility

__all__ = ["ColumnSpace", "GeneralisedEncoder", "learning_utility"]

_HOME = {
    "ColumnSpace": "jalousie.learning.spaces",
    "GeneralisedEncoder": "jalousie.learning.encoder",
    "learning_utility": "jalousie.learning.utility",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
