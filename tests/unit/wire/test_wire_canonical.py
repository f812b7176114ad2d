"""RFC 8785: its own examples, and what cannot be written exactly."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.errors import InternalError, WireError
from jalousie.wire.canonical import canonical, decode_canonical, plain_canonical


def test_the_example_of_the_rfc() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert (
        canonical(value)
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


def test_keys_are_sorted_by_utf_16() -> None:
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(json.loads(canonical(dict.fromkeys(keys, 0)))) == [
        "\r",
        "1",
        "\u0080",
        "\u00f6",
        "\u20ac",
        "\U0001f600",
        "\ufb33",
    ]


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("41b3de4355555553", "333333333.3333332"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_of_the_rfc(bits: str, text: str) -> None:
    number = struct.unpack(">d", bytes.fromhex(bits))[0]
    assert canonical(number) == text.encode()


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, 2**53, -(2**53), "\ud800", {"\udfff": 1}, [[{"a": 2**60}]], (math.nan,)]
)
def test_what_json_cannot_carry_is_refused(value: object) -> None:
    with pytest.raises(InternalError) as caught:
        canonical(value)
    assert caught.value.code == "X900"


def test_tuples_and_structs_are_written_like_lists_and_objects() -> None:
    class Inner(msgspec.Struct):
        b: int
        a: tuple[float, ...] = (1.0, 2.5)

    assert canonical((Inner(1),)) == b'[{"a":[1,2.5],"b":1}]'


Json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(Json)
def test_it_is_json_and_a_fixed_point(value: object) -> None:
    text = canonical(value)
    # JSON does not tell 1.0 from 1: all numbers are doubles
    again = json.loads(text, parse_int=float)
    assert again == value
    assert canonical(again) == text
    assert b"\n" not in text


# text that looks like numbers, digits that are nearly too many, floats at every border of the form
_LOOKALIKES = st.sampled_from(
    [
        "",
        ":1e5",
        "[1.0",
        ",9007199254740993",
        "sha256:1234567890123456",
        '"',
        "\\",
        "\x7f",
        "/",
        "é",
        "\ud800",
        "\U0001f600",
    ]
)
_BORDERS = st.sampled_from(
    [0.0, -0.0, 1.0, 1e-4, 9.999e-5, 1e-6, 1e-7, 1e15, 1e16, 1e21, 1e22, 2.0**53, 5e-324, math.inf, -math.inf, math.nan]
)
_NUMBERS = st.sampled_from([1e15, 2**53 - 1, 1 - 2**53, 2**53, -(2**53), 2**64, 10**15, 10**16 - 1, True, None])
_WILD = st.recursive(
    _LOOKALIKES | _BORDERS | _NUMBERS | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(_LOOKALIKES | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


class Wild(msgspec.Struct, tag="wild/1", tag_field="kind", rename={"second_one": "Second"}, omit_defaults=True):
    z: object
    second_one: object = None
    a: tuple[object, ...] = ()


def written(write: Callable[[object], bytes], value: object) -> bytes | str:
    try:
        return write(value)
    except InternalError as error:
        return error.code


@given(_WILD, _WILD, st.booleans())
def test_the_fast_form_is_the_plain_one(first: object, second: object, wrap: bool) -> None:
    value = Wild(first, second, (first,)) if wrap else first
    assert written(canonical, value) == written(plain_canonical, value)


@given(st.floats())
def test_every_number_has_its_one_form(number: float) -> None:
    for value in (number, [number], {"a": number}):
        assert written(canonical, value) == written(plain_canonical, value)


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    a: int
    b: float = 0.0


@pytest.mark.parametrize(
    "data", [b'{"b":1.0,"a":1}', b'{"a":1,"b":1.0}', b'{"a":1}', b'{"a":1,"b":1,"b":1}', b"", b"[]", b"\xff"]
)
def test_only_the_canonical_form_is_read(data: bytes) -> None:
    with pytest.raises(WireError) as caught:
        decode_canonical(data, Thing)
    assert caught.value.code == "W600"


def test_the_canonical_form_is_read() -> None:
    assert decode_canonical(b'{"a":1,"b":1}', Thing) == Thing(1, 1.0)
