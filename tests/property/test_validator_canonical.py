"""Canonical digests against a plain reference, and against everything that must not matter."""

from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jalousie.validator.canonical import canonical_partition, know, renumbered, union
from jalousie.validator.types import Partition, Population


def reference(pseudonyms: np.ndarray, groups: list[int]) -> tuple[str, str]:
    """Digests of a partition and of the records asked about, record by record."""
    of = {bytes(name): group for name, group in zip(pseudonyms, groups, strict=True) if group >= 0}
    names = sorted(of)
    number: dict[int, int] = {}
    for name in names:
        number.setdefault(of[name], len(number))
    records = hashlib.sha256(b"jalousie/asked/1\0" + len(names).to_bytes(8, "big") + b"".join(names)).hexdigest()
    width = 1 if len(number) <= 256 else 2
    form = b"".join(number[of[name]].to_bytes(width, "little") for name in names)
    start = b"jalousie/partition/1\0" + f"sha256:{records}".encode() + len(names).to_bytes(8, "big") + bytes([width])
    return "sha256:" + hashlib.sha256(start + form).hexdigest(), "sha256:" + records


def named(names: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(names), dtype=np.uint8).reshape(-1, 16)


# few different bytes, so that first halves are shared and the slow way of sorting is taken too
bytes_ = st.sampled_from([b"\0", b"\xff", b"a"])
names = st.lists(
    st.binary(min_size=16, max_size=16) | st.builds(lambda first, last: first * 15 + last, bytes_, bytes_),
    min_size=1,
    max_size=12,
    unique=True,
)


@st.composite
def asked(draw: st.DrawFn) -> tuple[list[bytes], list[int], int]:
    chosen = draw(names)
    count = draw(st.integers(min_value=1, max_value=5))
    groups = draw(st.lists(st.integers(min_value=-1, max_value=count - 1), min_size=len(chosen), max_size=len(chosen)))
    if max(groups) < 0:
        groups[0] = 0
    return chosen, groups, count


def digest(chosen: list[bytes], groups: list[int], count: int) -> str:
    known = know(Population(named(chosen)))
    return canonical_partition(known, Partition(np.array(groups, dtype=np.int32), count)).digest


@given(asked())
def test_agrees_with_the_reference(case: tuple[list[bytes], list[int], int]) -> None:
    chosen, groups, count = case
    known = know(Population(named(chosen)))
    form = canonical_partition(known, Partition(np.array(groups, dtype=np.int32), count))
    wanted, records = reference(named(chosen), groups)
    assert form.digest == wanted
    assert known.asked_digest(form.asked) == records
    assert known.asked_digest(form.asked) == records  # the remembered one
    assert form.sizes.tolist() == [groups.count(group) for group in range(count)]


@given(asked(), st.randoms(use_true_random=False))
def test_order_numbering_and_bystanders_do_not_matter(case: tuple[list[bytes], list[int], int], random: object) -> None:
    chosen, groups, count = case
    renamed = list(range(count + 2))
    random.shuffle(renamed)  # type: ignore[attr-defined]
    places = list(range(len(chosen)))
    random.shuffle(places)  # type: ignore[attr-defined]
    again = [renamed[group] if group >= 0 else -1 for group in groups]
    assert digest([chosen[p] for p in places], [again[p] for p in places], count + 2) == digest(chosen, groups, count)
    # somebody who is not asked about may be in the population or not
    stranger = bytes(range(16))
    if stranger not in chosen:
        assert digest([stranger, *chosen], [-1, *groups], count) == digest(chosen, groups, count)


@given(asked(), st.data())
def test_a_record_in_another_group_is_another_partition(
    case: tuple[list[bytes], list[int], int], data: st.DataObject
) -> None:
    chosen, groups, count = case
    place = data.draw(st.integers(min_value=0, max_value=len(chosen) - 1))
    other = [*groups]
    other[place] = data.draw(st.integers(min_value=-1, max_value=count).filter(lambda group: group != groups[place]))
    if max(other) < 0:
        return

    def sets(of: list[int]) -> set[frozenset[bytes]]:
        return {frozenset(n for n, g in zip(chosen, of, strict=True) if g == group) for group in set(of) - {-1}}

    same = sets(groups) == sets(other)
    assert (digest(chosen, groups, count) == digest(chosen, other, count + 1)) == same


@given(asked())
def test_rank_puts_groups_into_the_order_of_the_digest(case: tuple[list[bytes], list[int], int]) -> None:
    chosen, groups, count = case
    form = canonical_partition(know(Population(named(chosen))), Partition(np.array(groups, dtype=np.int32), count))
    assert sorted(form.rank.tolist()) == list(range(count))
    first = {}
    for _, group in sorted(zip(chosen, groups, strict=True)):
        if group >= 0:
            first.setdefault(group, len(first))
    assert {group: int(form.rank[group]) for group in first} == first


def test_many_groups_take_two_bytes() -> None:
    pseudonyms = np.random.default_rng(3).integers(0, 256, (600, 16), dtype=np.uint8)
    groups = np.arange(600) % 300
    known = know(Population(pseudonyms))
    form = canonical_partition(known, Partition(groups.astype(np.int32), 300))
    assert form.digest == reference(pseudonyms, groups.tolist())[0]


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4) | st.none(), max_size=3))
def test_union(masks: list[list[bool] | None]) -> None:
    found = union(None if mask is None else np.array(mask) for mask in masks)
    wanted = [any(mask is None or mask[place] for mask in masks) for place in range(4)]
    if masks:
        assert (found if found is not None else np.ones(4, dtype=bool)).tolist() == wanted


@given(st.integers(1, 300), st.integers(0, 2**32 - 1), st.integers(0, 50))
def test_fast_renumbering_is_the_plain_one(count: int, seed: int, size: int) -> None:
    drawn = np.random.default_rng(seed)
    for ordered_kind, kind in (("u1", "u1"), ("<u2", "u1"), ("<u2", "<u2"), ("<u4", "<u4")):
        few = min(count, 255) if ordered_kind == "u1" else count
        ordered = drawn.integers(0, few, size).astype(ordered_kind)
        ranks = drawn.permutation(few).astype(kind)
        plain = b"".join(int(ranks[group]).to_bytes(ranks.itemsize, "little") for group in ordered)
        assert renumbered(ordered, ranks) == plain
