"""Several bodies in one message, read strictly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.errors import WireError
from jalousie.wire.parts import MAX_PARTS, Part, pack_parts, unpack_parts

PARTS = st.lists(st.builds(Part, st.binary(max_size=40), st.booleans()), min_size=1, max_size=MAX_PARTS)


@given(PARTS)
def test_what_is_packed_is_unpacked(parts: list[Part]) -> None:
    assert unpack_parts(pack_parts(parts)) == parts


def refused_or_the_one_form(data: bytes) -> bool:
    try:
        parts = unpack_parts(data)
    except WireError as error:
        return error.code == "W600"
    return pack_parts(parts) == data


@given(PARTS, st.data())
def test_one_form_alone_is_read(parts: list[Part], data: st.DataObject) -> None:
    packed = pack_parts(parts)
    place = data.draw(st.integers(0, len(packed) - 1))
    for bent in (packed[:place], packed + b"x", packed[:place] + bytes([packed[place] ^ 0xFF]) + packed[place + 1 :]):
        assert refused_or_the_one_form(bent)


@given(st.binary(max_size=60))
def test_anything_else_is_refused(data: bytes) -> None:
    assert refused_or_the_one_form(data)


@pytest.mark.parametrize("count", [0, MAX_PARTS + 1, 2**32 - 1])
def test_none_and_too_many_are_refused(count: int) -> None:
    with pytest.raises(WireError):
        unpack_parts(count.to_bytes(4, "big") + b"\0" * 5 * min(count, 100))
