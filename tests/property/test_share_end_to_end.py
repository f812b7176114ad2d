"""Any small table under any contract: a clear error, or a release whose every promise a plain reader can count for himself."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from jalousie import JalousieError, Release, parse_contract, protect
from jalousie.contract import Contract

Row = dict[str, Any]
HEAD = """\
jalousie: 1
name: any
parties: {provider: P}
columns:
  age: {role: quasi-identifier, type: integer, hierarchy: {by: intervals, widths: [5, 10, 20]}}
  town: {role: quasi-identifier, hierarchy: {by: mask, length: 3}}
  job: {role: quasi-identifier}
  ill: {role: sensitive}
  note: {role: plain, type: integer}
"""
QUASI = ("age", "town", "job")

rows = st.lists(
    st.fixed_dictionaries(
        {
            "age": st.one_of(st.none(), st.integers(18, 60)),
            "town": st.sampled_from(["100", "101", "110", "200", None]),
            "job": st.sampled_from(["a", "b", "ç", "*", ""]),
            "ill": st.sampled_from(["flu", "cold", "gout", None]),
            "note": st.integers(-5, 5),
        }
    ),
    min_size=1,
    max_size=40,
)
models = st.lists(
    st.sampled_from(
        [
            "{model: k-anonymity, k: 2}",
            "{model: k-anonymity, k: 4}",
            "{model: distinct-l-diversity, column: ill, l: 2}",
            "{model: entropy-l-diversity, column: ill, l: 1.5}",
            "{model: recursive-cl-diversity, column: ill, c: 2, l: 2}",
            "{model: t-closeness, column: ill, t: 0.4}",
            "{model: average-risk, risk: 0.4}",
        ]
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda text: text.split(",")[0],
)


def contract(chosen: list[str], suppression: float, recoding: str, suppressed: str) -> Contract:
    how = f"suppression: {suppression}, recoding: {recoding}, suppressed: {suppressed}"
    return parse_contract(HEAD + f"privacy: {{models: [{', '.join(chosen)}], {how}}}").contract


def holds(model: str, classes: dict[tuple[Any, ...], list[Row]], whole: Counter[Any]) -> bool:
    """Each model as its paper words it, on lists of rows."""
    total = sum(whole.values())
    for members in classes.values():
        counts = Counter(row["ill"] for row in members)
        size, ordered = len(members), sorted(counts.values(), reverse=True)
        if model.startswith("{model: k-anonymity") and size < int(model.rstrip("}").split()[-1]):
            return False
        if "distinct" in model and len(counts) < 2:
            return False
        if "entropy" in model and -sum(c / size * math.log(c / size) for c in ordered) < math.log(1.5) - 1e-9:
            return False
        if "recursive" in model and not ordered[0] < 2 * sum(ordered[1:]):
            return False
        if "t-closeness" in model and sum(abs(counts[v] / size - whole[v] / total) for v in whole) / 2 > 0.4 + 1e-9:
            return False
    if "average" in model:
        return len(classes) <= 0.4 * sum(map(len, classes.values())) + 1e-9
    return True


def attempt(data: pa.Table, agreed: Contract) -> Release | JalousieError:
    try:
        return protect(data, agreed)
    except JalousieError as error:
        return error


@given(
    table=rows,
    chosen=models,
    suppression=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    recoding=st.sampled_from(["optimal", "local", "mondrian"]),
    suppressed=st.sampled_from(["drop", "star"]),
)
def test_a_release_keeps_every_promise_or_there_is_none(
    table: list[Row], chosen: list[str], suppression: float, recoding: str, suppressed: str
) -> None:
    schema = pa.schema([("age", pa.int64()), *((n, pa.string()) for n in ("town", "job", "ill")), ("note", pa.int64())])
    data = pa.Table.from_pylist(table, schema=schema)
    made = attempt(data, contract(chosen, suppression, recoding, suppressed))
    if isinstance(made, JalousieError):
        assert made.code[0] == "P" or made.code == "T215", made  # nothing satisfies the contract, or a raw `*`
        return
    released = made.to_arrow().to_pylist()
    classes: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in released:
        classes[tuple(None if row[name] is None else str(row[name]) for name in QUASI)].append(row)
    whole = Counter(row["ill"] for row in table)
    assert all(holds(model, classes, whole) for model in chosen)
    assert all(fact.verdict == "PASS" for fact in made.card.models)
    assert made.card.rows_suppressed <= suppression * len(table) + 1e-9
    assert len(released) == made.card.rows_out
    untouched = [(row["ill"], row["note"]) for row in released]
    source = [(row["ill"], row["note"]) for row in table]
    if len(released) == len(table):
        assert untouched == source
    assert not Counter(untouched) - Counter(source)
