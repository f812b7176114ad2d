"""The members of sets: what is written is read back, and nothing is believed that has another digest."""

from __future__ import annotations

import json

import numpy as np
import pytest

from jalousie.errors import LedgerError
from jalousie.ledger.members import FORMAT, read_members, write_members
from jalousie.validator.canonical import know
from jalousie.validator.types import Population

PEOPLE = np.random.default_rng(0).integers(0, 256, (19, 16), dtype=np.uint8)
KNOWN = know(Population(PEOPLE))
ASKED = np.arange(19) % 3 > 0
SET = KNOWN.asked_digest(ASKED)
BITS = np.packbits(ASKED).tobytes()


def lines() -> list[bytes]:
    return list(write_members([(KNOWN.digest, PEOPLE.tobytes())], [(SET, KNOWN.digest, BITS)]))


def test_what_is_written_is_read() -> None:
    members = read_members(lines())
    assert members.of(SET) == [row.tobytes() for row in PEOPLE[ASKED]]
    assert members.of(KNOWN.everybody) == [row.tobytes() for row in PEOPLE]
    assert members.of("sha256:" + "0" * 64) is None


def test_nothing_is_believed() -> None:
    header, population, charged = (json.loads(line) for line in lines())
    other = json.loads(next(iter(list(write_members([(KNOWN.digest, PEOPLE[::-1].tobytes())], []))[1:])))
    half = charged | {"bits": "AAAA"}
    twice = Population(np.concatenate([PEOPLE, PEOPLE[:1]]))
    repeated = json.loads(list(write_members([(twice.digest(), twice.pseudonyms.tobytes())], []))[1])
    everybody_and_one = {"population": twice.digest(), "asked": KNOWN.everybody, "bits": "////"}
    for wrong in (
        [header, other],
        [header, population, half],
        [header, charged],
        [header, population, charged | {"bits": ""}],
        [header, population | {"pseudonyms": ""}],
        [header, repeated, everybody_and_one],
    ):
        with pytest.raises(LedgerError) as raised:
            read_members(json.dumps(line, separators=(",", ":")).encode() for line in wrong)
        assert raised.value.code == "L712"


@pytest.mark.parametrize(
    "content",
    [
        [],
        [b"{}"],
        [b'{"format":"jalousie/members/2"}'],
        [b'{"format":"%b"}' % FORMAT.encode(), b"{}"],
        [b'{"format":"%b"}' % FORMAT.encode(), b"\xff"],
        [b'{"format":"%b"}' % FORMAT.encode(), b'{"population":"sha256:%b","pseudonyms":"?"}' % (b"0" * 64)],
    ],
)
def test_what_is_no_such_file_is_refused(content: list[bytes]) -> None:
    with pytest.raises(LedgerError) as raised:
        read_members(content)
    assert raised.value.code == "L700"
