"""Whether a release is what its contract and table give when it is made again: then what attacks a new one attacks it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jalousie.errors import ReleaseError
from jalousie.privacy.origin import draws_at_random
from jalousie.privacy.release import read_card
from jalousie.tables import write_frame
from jalousie.tables.bundle import check_digest
from jalousie.tables.types import FrequencyTable

if TYPE_CHECKING:
    from jalousie.architectures.share import Sharing
    from jalousie.privacy.card import Card


def check_same(sharing: Sharing, folder: Path) -> None:
    """Whether a release folder holds just the rows that this contract and table give.

    Raises ReleaseError R511 where it does not, and R512 where that cannot be told, since steps draw at random what is attacked.
    """
    card = read_card(folder)
    path = check_digest(folder, card.data_file, card.data_digest)
    _check_repeatable(sharing, card)
    form = sharing.contract.release
    found = sharing.counted(path)
    with tempfile.TemporaryDirectory(prefix="jalousie-") as place:
        again = Path(place) / path.name
        write_frame(sharing.done.released, again, format=form.format, csv=form.csv)
        mine = sharing.counted(again)
    if not _same_counts(found, mine):
        raise ReleaseError(
            "R511",
            "the release is not what this contract and this table give",
            hint="name the contract and the table (--table) that it was made from",
            effect="",
        )


def _check_repeatable(sharing: Sharing, card: Card) -> None:
    """R512 for a release of this contract that no repetition can give again; the draws are kept nowhere."""
    searched = sharing.done.searched
    if searched is None or card.contract.digest != sharing.digest:
        return
    attacked = (*searched.table.names, *(histogram.name for histogram in searched.table.sensitive))
    drawn = draws_at_random(sharing.contract.steps, attacked)
    if drawn:
        raise ReleaseError(
            "R512",
            f"the release cannot be attacked afterwards: its contract draws at random ({', '.join(drawn)}), and whose row became "
            "which is kept nowhere",
            hint="its report says what attacks achieved when it was made; without --release a new draw is attacked",
            effect="",
        )


def _same_counts(one: FrequencyTable, other: FrequencyTable) -> bool:
    """Whether two written tables have the same classes, sizes and sensitive values."""
    if (
        one.values != other.values
        or not np.array_equal(one.codes, other.codes)
        or not np.array_equal(one.counts, other.counts)
    ):
        return False
    return all(
        a.values == b.values
        and np.array_equal(a.code, b.code)
        and np.array_equal(a.group, b.group)
        and np.array_equal(a.count, b.count)
        for a, b in zip(one.sensitive, other.sensitive, strict=True)
    )
