"""The native inner loops of local recoding and Mondrian (blocks.c), or None where there was no compiler at installation."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def _load() -> ModuleType | None:
    try:
        return import_module("jalousie.privacy.search._blocks")
    except ImportError:
        return None


BLOCKS = _load()
