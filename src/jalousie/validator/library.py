"""The one door to OpenDP, which is loaded when it is first needed."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any


@cache
def opendp() -> Any:
    """The parts of `opendp.prelude` that we use, with "contrib" enabled, where the samplers live.

    Not the prelude itself: that imports scikit-learn and SciPy too, which takes ten times as long (1.4 s of CPU to 0.15 s).
    """
    from opendp import combinators, domains, measurements, metrics, mod

    mod.enable_features("contrib")
    return SimpleNamespace(
        m=measurements,
        c=combinators,
        atom_domain=domains.atom_domain,
        vector_domain=domains.vector_domain,
        absolute_distance=metrics.absolute_distance,
        l1_distance=metrics.l1_distance,
        l2_distance=metrics.l2_distance,
    )
