"""Tallies against the list of all spends."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jalousie.validator.budget import Rho
from jalousie.validator.canonical import know
from jalousie.validator.tallies import Tallies
from jalousie.validator.types import Population

NAMES = [bytes([n] * 16) for n in range(8)]
spends = st.lists(
    st.tuples(
        st.permutations(NAMES).flatmap(lambda names: st.integers(1, 8).map(lambda size: names[:size])),
        st.lists(st.booleans(), min_size=8, max_size=8) | st.none(),
        st.sampled_from(["y", "z"]),
        st.integers(0, 50),
    ),
    max_size=8,
)


@given(spends)
def test_agree_with_the_list_of_spends(history: list) -> None:
    tallies, plain = Tallies(), {}
    for names, bits, label, nano in history:
        known = know(Population(np.frombuffer(b"".join(names), dtype=np.uint8).reshape(-1, 16)))
        asked = None if bits is None else np.array(bits[: len(names)])
        chosen = [name for place, name in enumerate(names) if asked is None or asked[place]]
        tallies.name(known)
        before = [plain.get((label, name), 0) for name in chosen]
        standing = tallies.standing(label, known.digest, known.size, asked)
        assert standing.largest.nano == max(before, default=0)
        assert standing.before == sum(spent > 0 for spent in before)
        tallies.add(label, known.digest, known.size, asked, Rho(nano))
        for name in chosen:
            plain[label, name] = plain.get((label, name), 0) + nano
        for other in ("y", "z"):
            most = max((spent for (of, _), spent in plain.items() if of == other), default=0)
            assert tallies.largest(other).nano == most
