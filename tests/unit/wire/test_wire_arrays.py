"""Populations, questions and answers as Arrow: round trips, limits, and what malformed bytes do."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.errors import WireError
from jalousie.validator.types import Answer, Partition, Population, Question, Statistic
from jalousie.wire.arrays import (
    Limits,
    answer_from_bytes,
    answer_to_bytes,
    population_from_bytes,
    population_to_bytes,
    question_from_bytes,
    question_to_bytes,
)

NAME = "sha256:" + hashlib.sha256(b"population").hexdigest()
HEADER = b'{"kind":"population/1","size":3}'
THOUSAND = b'{"kind":"population/1","size":1000}'


def population(size: int) -> Population:
    rows = [hashlib.sha256(number.to_bytes(4, "big")).digest()[:16] for number in range(size)]
    return Population(np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(size, 16))


def question(size: int = 40, counts: tuple[int, ...] = (3, 200, 40_000)) -> Question:
    numbers = np.arange(size)
    partitions = tuple(Partition((numbers % (count + 1) - 1).astype(np.int32), count) for count in counts)
    return Question(NAME, "outcome", partitions, 0.01)


def answer(classes: tuple[str, ...] = ("no", "yes"), groups: tuple[int, ...] = (3, 2), totals: bool = True) -> Answer:
    width = max(1, len(classes))
    return Answer(
        question=NAME,
        label="outcome",
        classes=classes,
        counts=tuple(np.arange(g * width, dtype=np.int64).reshape(g, width) - 2**40 for g in groups),
        totals=tuple(np.arange(g, dtype=np.int64) for g in groups) if totals else (),
        variance=12.25,
        noise="gaussian",
        scale=3.5,
        neighbours="change-label",
        rho_spent=0.01,
        rho_left=0.02,
        epsilon_spent=0.5,
        epsilon_left=1.0,
        delta=1e-6,
        replayed=True,
        unit=0.5,
        origin=-2.0,
        extra={"overlap": 0.25},
    )


def refused(data: bytes, read: Any = population_from_bytes, limits: Limits | None = None) -> str:
    with pytest.raises(WireError) as caught:
        read(data, limits or Limits())
    assert caught.value.__cause__ is None
    return caught.value.code


def stream(columns: dict[str, pa.Array], header: bytes | None = HEADER, **options: Any) -> bytes:
    fields = [pa.field(name, array.type, nullable=options.pop("nullable", False)) for name, array in columns.items()]
    schema = pa.schema(fields, metadata=None if header is None else {b"jalousie": header})
    batches = options.pop("batches", 1)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for _ in range(batches):
            writer.write_batch(pa.record_batch(list(columns.values()), schema=schema))
    return bytes(sink.getvalue())


def names(*numbers: int) -> pa.Array:
    return pa.array([number.to_bytes(16, "big") for number in numbers], pa.binary(16))


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_populations_come_back(size: int) -> None:
    sent = population(size)
    got = population_from_bytes(population_to_bytes(sent))
    assert got.pseudonyms.dtype == np.uint8
    np.testing.assert_array_equal(got.pseudonyms, sent.pseudonyms)
    assert got.digest() == sent.digest()


@pytest.mark.parametrize("counts", [(1,), (127, 128), (32767, 32768), (3, 200, 40_000)])
def test_questions_come_back(counts: tuple[int, ...]) -> None:
    sent = question(50_000, counts)
    got = question_from_bytes(question_to_bytes(sent))
    assert (got.population, got.label, got.rho) == (sent.population, sent.label, sent.rho)
    for one, other in zip(got.partitions, sent.partitions, strict=True):
        assert one.count == other.count
        assert one.groups.dtype == np.int32
        np.testing.assert_array_equal(one.groups, other.groups)


def with_statistics(size: int = 40) -> Question:
    """Two statistics around the same centres, one around others, one without any, and the label itself."""
    same, other = np.arange(size, dtype=np.int32) - 7, np.full(size, 5, np.int32)
    about = (
        None,
        Statistic("absolute", same, 60),
        Statistic("square", same.copy(), 60),
        Statistic("signed", other, 3),
        Statistic("records"),
    )
    groups = (np.arange(size) % 3).astype(np.int32)
    return Question(NAME, "outcome", tuple(Partition(groups, 3, one) for one in about), 0.01)


def test_statistics_come_back_and_equal_centres_travel_once() -> None:
    sent = with_statistics()
    data = question_to_bytes(sent)
    assert pa.ipc.open_stream(data).read_all().column_names[-2:] == ["centres_0", "centres_1"]
    for one, other in zip(question_from_bytes(data).partitions, sent.partitions, strict=True):
        got, had = one.statistic, other.statistic
        assert (got is None) == (had is None)
        if got is not None and had is not None:
            assert (got.of, got.within) == (had.of, had.within)
            assert got.centres is None or got.centres.dtype == np.int32
            np.testing.assert_array_equal(got.centres, had.centres)  # type: ignore[arg-type]


def test_a_question_without_statistics_is_written_as_it_always_was() -> None:
    header = pa.ipc.open_stream(question_to_bytes(question(40, (3, 5)))).schema.metadata[b"jalousie"]
    assert header == (
        b'{"groups":[3,5],"kind":"question/1","label":"outcome","population":"'
        + NAME.encode()
        + b'","rho":0.01,"size":40}'
    )


def lying(asked: Question, old: bytes, new: bytes) -> bytes:
    """The question with other words in its header."""
    data = question_to_bytes(asked)
    assert old in data
    assert len(old) == len(new)
    return data.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'"of":"square"', b'"of":"cubed!"', "W600"),
        (b'"centres":1', b'"centres":2', "W606"),
        (b'"centres":1', b'"centres":0', "W606"),
        (b'"centres":0', b'"centres":1', "W606"),
        (b'"within":60', b'"within":-6', "W600"),
        (b'[null,{"centres":0', b'[{"centres":0,null', "W600"),
    ],
)
def test_statistics_whose_header_lies_are_refused(old: bytes, new: bytes, code: str) -> None:
    assert refused(lying(with_statistics(), old, new), question_from_bytes) == code


def test_centres_of_another_length_or_type_are_not_sent() -> None:
    for centres in (np.zeros(39, np.int32), np.zeros(40, np.int64), [0] * 40):
        assert unsent(Partition(np.zeros(40, np.int32), 1, Statistic("signed", centres, 1))) == "W606"  # type: ignore[arg-type]


def unsent(partition: Partition) -> str:
    with pytest.raises(WireError) as caught:
        question_to_bytes(Question(NAME, "outcome", (partition,), 0.1))
    return caught.value.code


@pytest.mark.parametrize("within", [1.5, 1.0, np.int64(1), "1", True])
def test_clips_that_are_no_whole_numbers_are_not_sent(within: Any) -> None:
    groups = np.zeros(40, np.int32)
    assert unsent(Partition(groups, 1, Statistic("signed", groups, within))) == "W606"


@pytest.mark.parametrize("groups", [[0] * 40, np.zeros(40), np.full(40, 0.7), np.zeros(40, bool), np.full(40, "0")])
def test_groups_that_are_no_whole_numbers_are_not_sent(groups: Any) -> None:
    """As bytes 0.7 would be group 0, and a question in the same process would be refused."""
    assert unsent(Partition(groups, 1)) == "W606"


def test_a_count_of_groups_may_be_a_number_of_numpy() -> None:
    data = question_to_bytes(Question(NAME, "outcome", (Partition(np.zeros(40, np.int32), np.int64(1)),), 0.1))  # type: ignore[arg-type]
    assert question_from_bytes(data).partitions[0].count == 1


def test_questions_travel_in_few_bytes() -> None:
    assert len(question_to_bytes(question(100_000, (50,) * 12))) < 12 * 100_000 + 5000


@pytest.mark.parametrize(
    "sent",
    [answer(), answer(totals=False), answer((), (4,)), answer(tuple("abcdef"), (1, 1, 500)), answer(("é", ""), (2,))],
)
def test_answers_come_back(sent: Answer) -> None:
    got = answer_from_bytes(answer_to_bytes(sent))
    for name in (field.name for field in dataclasses.fields(Answer)):
        one, other = getattr(got, name), getattr(sent, name)
        if name in ("counts", "totals"):
            assert len(one) == len(other)
            for left, right in zip(one, other, strict=True):
                assert left.dtype == np.int64
                np.testing.assert_array_equal(left, right)
        else:
            assert one == other, name


def test_any_arrow_reader_reads_them() -> None:
    table = pa.ipc.open_stream(question_to_bytes(question(40, (3, 5)))).read_all()
    assert table.column_names == ["partition_0", "partition_1"]
    assert table.num_rows == 40


def test_the_helper_stream_is_accepted() -> None:
    """So that the refusals below are for the reason that they name."""
    assert population_from_bytes(stream({"pseudonym": names(1, 2, 3)})).size == 3
    assert population_from_bytes(stream({"pseudonym": names(*range(1000))}, header=THOUSAND)).size == 1000


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "W600"),
        (b"PAR1", "W600"),
        (stream({"pseudonym": names(1, 2, 3)}, header=None), "W600"),
        (stream({"pseudonym": names(1, 2, 3)}, header=b"{}"), "W600"),
        (stream({"pseudonym": names(1, 2, 3)}, header=b'{"kind":"answer/1","size":3}'), "W600"),
        (stream({"pseudonym": names(1, 2, 3)}, header=b'{"size":3,"kind":"population/1"}'), "W600"),
        (stream({"pseudonym": names(1, 2, 3)}, header=b'{"kind":"population/1","size":0}'), "W600"),
        (stream({"pseudonym": names(1, 2, 3)}, header=b'{"kind":"population/1","size":4}'), "W606"),
        (stream({"pseudonym": names(1, 2, 3)}, batches=2), "W600"),
        (stream({"pseudonym": names(1, 2, 3)}, batches=0), "W600"),
        (stream({"pseudonym": names(*range(1000))}, header=THOUSAND, compression="zstd"), "W600"),
        (stream({"pseudonym": names(*range(1000))}, header=THOUSAND, compression="lz4"), "W600"),
        (stream({"pseudonym": names(1, 2, 3)}) + b"\x00", "W600"),
        (stream({"pseudonym": names(1, 2, 3)})[:-8], "W600"),
        (stream({"pseudonym": names(1, 2, 2)}), "W606"),
        (stream({"pseudonym": pa.array([b"a", b"b", b"c"], pa.binary(1))}), "W606"),
        (stream({"pseudonym": pa.array([b"a", b"b", b"c"])}), "W606"),
        (stream({"pseudonym": pa.array([1, 2, 3])}), "W606"),
        (stream({"name": names(1, 2, 3)}), "W606"),
        (stream({"pseudonym": names(1, 2, 3), "more": pa.array([1, 2, 3])}), "W606"),
        (stream({"pseudonym": pa.array([b"a" * 16, None, b"b" * 16], pa.binary(16))}, nullable=True), "W606"),
        (stream({"pseudonym": names(1, 2, 3).dictionary_encode()}), "W606"),
    ],
)
def test_malformed_populations_are_refused(data: bytes, code: str) -> None:
    assert refused(data) == code


def test_nulls_under_a_schema_that_denies_them_are_refused() -> None:
    """The schema says non-nullable, the batch carries a validity bitmap all the same."""
    schema = pa.schema([pa.field("pseudonym", pa.binary(16), nullable=False)], metadata={b"jalousie": HEADER})
    lying = pa.RecordBatch.from_arrays([pa.array([b"a" * 16, None, b"b" * 16], pa.binary(16))], schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(lying)
    assert refused(bytes(sink.getvalue())) in ("W600", "W606")


def test_a_row_twice_is_found_behind_a_shared_half() -> None:
    """Pseudonyms that agree in their first 8 bytes take the slow way, with the same result."""
    rows = np.zeros((300, 16), dtype=np.uint8)
    rows[:, 14:] = np.arange(300, dtype=">u2").view(np.uint8).reshape(-1, 2)
    assert population_from_bytes(population_to_bytes(Population(rows))).size == 300
    rows[299] = rows[7]
    assert refused(population_to_bytes(Population(rows))) == "W606"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'"rho":0.01', b'"rho":-0.1', "W606"),
        (b'"rho":0.01', b'"rho":1e99', "W600"),  # canonical is 1e+99
        (b'"size":40', b'"size":41', "W606"),
        (b'"groups":[3,5]', b'"groups":[3,4]', "W606"),
        (b'"groups":[3,5]', b'"groups":[0,5]', "W600"),
        (b'"groups":[3,5]', b'"groups":[3.5]', "W600"),
        (b'"groups":[3,5]', b'"groups":[333]', "W606"),
        (b'"label":"outcome"', b'"label":123456789', "W600"),
        (b'"population":"sha256', b'"population":"sha999', "W600"),
    ],
)
def test_questions_whose_header_lies_are_refused(old: bytes, new: bytes, code: str) -> None:
    assert refused(lying(question(40, (3, 5)), old, new), question_from_bytes) == code


def test_group_numbers_out_of_range() -> None:
    for groups in ([0, 1, 3], [-2, 0, 1]):
        with pytest.raises(WireError) as caught:
            question_to_bytes(Question(NAME, "outcome", (Partition(np.array(groups, dtype=np.int32), 3),), 0.1))
        assert caught.value.code == "W606"
    for partitions in ((), (Partition(np.zeros(3, np.int32), 1), Partition(np.zeros(4, np.int32), 1))):
        with pytest.raises(WireError) as caught:
            question_to_bytes(Question(NAME, "outcome", partitions, 0.1))
        assert caught.value.code == "W606"


def test_limits() -> None:
    small = Limits(bytes=10_000, records=30, partitions=2, groups=10, classes=2)
    assert refused(population_to_bytes(population(31)), limits=small) == "W601"
    assert refused(population_to_bytes(population(1000)), limits=small) == "W601"
    assert refused(question_to_bytes(question(31, (3,))), question_from_bytes, small) == "W601"
    assert refused(question_to_bytes(question(30, (3, 3, 3))), question_from_bytes, small) == "W601"
    assert refused(question_to_bytes(question(30, (5, 6))), question_from_bytes, small) == "W601"
    assert refused(answer_to_bytes(answer(("a", "b", "c"))), answer_from_bytes, small) == "W601"
    assert refused(answer_to_bytes(answer(groups=(11,))), answer_from_bytes, small) == "W601"
    assert question_from_bytes(question_to_bytes(question(30, (5, 5))), small).partitions


def test_messages_are_not_taken_for_each_other() -> None:
    assert refused(question_to_bytes(question()), population_from_bytes) == "W600"
    assert refused(population_to_bytes(population(3)), answer_from_bytes) == "W600"
    assert refused(answer_to_bytes(answer()), question_from_bytes) == "W600"


READERS = {
    "population": (population_to_bytes(population(20)), population_from_bytes),
    "question": (question_to_bytes(question(40, (3, 200))), question_from_bytes),
    "statistics": (question_to_bytes(with_statistics()), question_from_bytes),
    "answer": (answer_to_bytes(answer()), answer_from_bytes),
}


@given(st.sampled_from(sorted(READERS)), st.data())
def test_damaged_bytes_never_give_anything_but_our_error(kind: str, data: st.DataObject) -> None:
    """Some damage only changes the arrays (the signature of the message catches that); nothing else gets through."""
    raw, read = READERS[kind]
    damaged = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(damaged), data.draw(st.integers(0, len(damaged)))]))
    try:
        got: Any = read(bytes(damaged[:cut]))
    except WireError as error:
        got = error.code
    assert got in ("W600", "W601", "W606") or isinstance(got, (Population, Question, Answer))


@given(st.binary(max_size=400), st.sampled_from(sorted(READERS)))
def test_noise_is_refused(data: bytes, kind: str) -> None:
    raw, read = READERS[kind]
    for noise in (data, raw[:400] + data):
        with pytest.raises(WireError):
            read(noise)
