"""The one door to OpenDP, which is loaded when it is first needed."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def opendp() -> Any:
    """`opendp.prelude` with the verified-by-proof-sketch part ("contrib") enabled, where the samplers live."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    return dp
