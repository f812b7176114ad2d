"""The one place where Jalousie itself draws randomness that protects: from the operating system, never seeded.

Noise is not drawn here but by OpenDP, which uses the operating system's randomness too.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD = 8


def random_bytes(count: int) -> bytes:
    """`count` bytes that nobody can predict."""
    return secrets.token_bytes(count)


def random_words(count: int) -> NDArray[np.uint64]:
    """(count,) independent uniform 64-bit words; writable."""
    import numpy as np

    return np.frombuffer(bytearray(random_bytes(_WORD * count)), dtype=np.uint64)
