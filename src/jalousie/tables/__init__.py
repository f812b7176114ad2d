"""Tables in and out, column roles, hierarchies, and the two operations on the full data.

Names are imported when they are first used: the engine costs a tenth of a second, and `tables.types` does not need it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jalousie.tables.apply import RecodedFrame, apply_recoding
    from jalousie.tables.count import count_groups
    from jalousie.tables.dialect import guess_table
    from jalousie.tables.draft import contract_draft
    from jalousie.tables.engine import EngineOptions
    from jalousie.tables.frames import from_frame
    from jalousie.tables.hierarchies import compile_hierarchies, compile_hierarchy
    from jalousie.tables.inspection import Inspection, inspect_table
    from jalousie.tables.native import to_frame
    from jalousie.tables.raw import RawTable
    from jalousie.tables.read import read_table
    from jalousie.tables.types import FrequencyTable, Hierarchy, Histogram
    from jalousie.tables.write import Written, write_frame
    from jalousie.tables.written import count_written

_HOME = {
    "EngineOptions": "engine",
    "FrequencyTable": "types",
    "Hierarchy": "types",
    "Histogram": "types",
    "Inspection": "inspection",
    "RawTable": "raw",
    "RecodedFrame": "apply",
    "Written": "write",
    "apply_recoding": "apply",
    "compile_hierarchies": "hierarchies",
    "compile_hierarchy": "hierarchies",
    "contract_draft": "draft",
    "count_groups": "count",
    "count_written": "written",
    "from_frame": "frames",
    "guess_table": "dialect",
    "inspect_table": "inspection",
    "read_table": "read",
    "to_frame": "native",
    "write_frame": "write",
}

__all__ = [
    "EngineOptions",
    "FrequencyTable",
    "Hierarchy",
    "Histogram",
    "Inspection",
    "RawTable",
    "RecodedFrame",
    "Written",
    "apply_recoding",
    "compile_hierarchies",
    "compile_hierarchy",
    "contract_draft",
    "count_groups",
    "count_written",
    "from_frame",
    "guess_table",
    "inspect_table",
    "read_table",
    "to_frame",
    "write_frame",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"jalousie.tables.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
