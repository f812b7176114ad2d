"""`inspect_table`: counts, types, roles, singling out; and a contract draft that runs as it is."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.contract import load_contract, parse_contract, quasi_identifiers
from jalousie.errors import TableError
from jalousie.tables import (
    compile_hierarchies,
    contract_draft,
    count_groups,
    from_frame,
    guess_table,
    inspect_table,
    read_table,
)
from jalousie.tables.inspection import Inspection
from jalousie.tables.singling_out import singling_out_sets, tells, unique_share
from jalousie.tables.types import FrequencyTable

SECRET = "CANARY-7731"


def inspect_text(folder: Path, text: str) -> Inspection:
    (folder / "t.csv").write_text(text, encoding="utf-8")
    table = guess_table(folder / "t.csv")
    return inspect_table(read_table(table, None, folder), table=table)


def column_text(values: list[str], *, name: str = "x") -> str:
    return "row,pad," + name + "\n" + "".join(f"r{n},0,{value}\n" for n, value in enumerate(values))


def run_draft(path: Path, inspection: Inspection) -> list[str]:
    """What `protect` does first: parse the draft, read the table as it says, count, compile. Returns the quasi-identifiers."""
    loaded = parse_contract(contract_draft(inspection, guess_table(path)), file="draft.yaml")
    raw = read_table(loaded.contract.table, loaded.contract.columns, path.parent)
    quasi = quasi_identifiers(loaded.contract)
    if not quasi:
        assert loaded.contract.privacy is None
        return []
    table = count_groups(raw, list(quasi), [])
    hierarchies = compile_hierarchies(quasi, table, path.parent, loaded.positions)
    assert [h.column for h in hierarchies] == list(quasi)
    return list(quasi)


def test_adult(adult_csv: Path) -> None:
    table = guess_table(adult_csv)
    found = inspect_table(read_table(table, None, adult_csv.parent), table=table)
    assert found.rows == 32561
    roles = {column.name: column.role for column in found.columns}
    for name in (
        "age",
        "education",
        "education-num",
        "marital-status",
        "occupation",
        "race",
        "sex",
        "native-country",
        "fnlwgt",
    ):
        assert roles[name] == "quasi-identifier", name
    assert roles["salary-class"] == "sensitive"
    assert (found.target, found.task) == ("salary-class", "classification")
    occupation = found.column("occupation")
    assert (occupation.type, occupation.distinct, occupation.nulls, occupation.null_tokens) == (
        "text",
        14,
        1843,
        ("?",),
    )
    assert found.column("age").type == "integer"
    assert found.column("fnlwgt").distinct == 21648
    assert found.singling_out[0].unique_rows > 0.9
    assert found.counted_columns == tuple(column.name for column in found.columns if column.role == "quasi-identifier")
    assert found.unique_rows >= found.singling_out[0].unique_rows
    assert "age" in run_draft(adult_csv, found)


def test_restaurants(restaurants_csv: Path) -> None:
    table = guess_table(restaurants_csv)
    found = inspect_table(read_table(table, None, restaurants_csv.parent), table=table)
    assert found.column("business_name").role == "identifier"
    assert found.column("Weekend").type == "boolean"
    assert found.target == "inspection_score"
    assert found.task == "regression"
    assert any("several rows" in note.sentence for note in found.suitability)
    assert run_draft(restaurants_csv, found) == ["Year", "NumberofLocations", "Weekend"]


TYPES = [
    (["1", "-2", "30"] * 10, "integer", ()),
    (["1", "", "30"] * 10, "integer", ()),
    (["007", "012", "345"] * 10, "text", ()),
    (["1.5", "2", "-0.25"] * 10, "decimal", ()),
    (["1", "2", "NA"] * 10, "integer", ("NA",)),
    (["1", "2", "-"] * 10, "integer", ("-",)),
    (["red", "blue", "-"] * 10, "text", ()),
    (["red", "blue", "?"] * 10, "text", ("?",)),
    (["2024-02-29", "2023-01-01"] * 10, "date", ()),
    (["2024-02-30", "2023-01-01"] * 10, "text", ()),
    (["2024-02-29 10:00", "2023-01-01 11:30:15"] * 10, "datetime", ()),
    (["TRUE", "FALSE"] * 10, "boolean", ()),
    (["9" * 20, "1"] * 10, "text", ()),
    ([" 1", "2 "] * 10, "integer", ()),
    ([" 1.5 ", "2"] * 10, "decimal", ()),
    (["2024-02-29 10:00", "2023-01-01 25:30"] * 10, "text", ()),
    (["red", "blue", "*"] * 10, "text", ("*",)),
    (["?", "*"] * 10, "text", ("*",)),
    (["*", "*"] * 10, "text", ()),
    (["?", "?"] * 10, "text", ()),
]


@pytest.mark.parametrize(("values", "kind", "tokens"), TYPES)
def test_types_of_text(tmp_path: Path, values: list[str], kind: str, tokens: tuple[str, ...]) -> None:
    found = inspect_text(tmp_path, column_text(values))
    column = found.column("x")
    assert (column.type, column.null_tokens) == (kind, tokens)
    spelled = [value for value in values if value and value not in tokens]
    assert column.nulls == len(values) - len(spelled)
    assert column.distinct == len(set(spelled))
    assert column.uniqueness == pytest.approx(len(set(spelled)) / len(spelled))
    run_draft(tmp_path / "t.csv", found)


def test_types_are_told_from_all_values_not_from_a_sample(tmp_path: Path) -> None:
    """The one value that is no number comes after more distinct values than are ever looked at."""
    values = [str(n) for n in range(25_000)] + ["x"]
    assert inspect_text(tmp_path, column_text(values, name="reading")).column("reading").type == "text"
    assert inspect_text(tmp_path, column_text(values[:-1], name="reading")).column("reading").type == "integer"


def test_decimal_commas(tmp_path: Path) -> None:
    rows = "".join(f"{n};{n % 7},{n % 10}\n" for n in range(100))
    found = inspect_text(tmp_path, "a;b\n" + rows)
    assert found.column("b").type == "decimal"
    run_draft(tmp_path / "t.csv", found)


def test_unique_rows() -> None:
    import pyarrow as pa

    found = inspect_table(from_frame(pa.table({"job": ["a", "a", "b", None, "c", None]})))
    column = found.column("job")
    assert (column.distinct, column.nulls) == (3, 2)
    assert column.unique_rows == pytest.approx(2 / 6)
    assert column.uniqueness == pytest.approx(3 / 4)


def test_typed_frames() -> None:
    import datetime as dt

    import pyarrow as pa

    frame = pa.table(
        {
            "n": pa.array([1, 2, 3, None] * 10),
            "f": pa.array([1.5, 2.0, float("nan"), 0.1] * 10),
            "d": pa.array([dt.date(2024, 1, 1)] * 40),
            "t": pa.array([dt.datetime(2024, 1, 1, 12)] * 40),
            "b": pa.array([True, False] * 20),
            "nested": pa.array([[1], [2]] * 20),
        }
    )
    found = inspect_table(from_frame(frame))
    assert [column.type for column in found.columns] == ["integer", "decimal", "date", "datetime", "boolean", "nested"]
    assert found.column("nested").role == "identifier", "what cannot be generalised is dropped"


def test_national_identifiers_are_found_in_a_table(tmp_path: Path) -> None:
    from stdnum.nl import bsn

    numbers = [str(n) for n in range(100_000_000, 100_003_000) if bsn.is_valid(str(n))]
    found = inspect_text(tmp_path, "code,town\n" + "".join(f"{n},t{int(n) % 3}\n" for n in numbers))
    column = found.column("code")
    assert column.role == "identifier"
    assert "BSN" in column.recognised
    assert run_draft(tmp_path / "t.csv", found) == ["town"]


def test_a_column_that_gives_another_away_is_protected_too(tmp_path: Path) -> None:
    """`measure` looks like a harmless number, but each of its values belongs to one town."""
    rows = "".join(f"t{n % 25},{1000 + n % 50},{n % 23}.5\n" for n in range(2000))
    found = inspect_text(tmp_path, "town,measure,other\n" + rows)
    assert found.column("measure").role == "quasi-identifier"
    assert '"town"' in found.column("measure").reason
    assert found.column("other").role == "plain"


def test_an_inspection_and_its_draft_hold_no_cell_value(tmp_path: Path) -> None:
    rows = "".join(
        f"{SECRET}-{n % 30},p{n}@{SECRET}.org,{SECRET} text of several words {n},{n % 9}{7731}\n" for n in range(300)
    )
    found = inspect_text(tmp_path, "town,mail,note,amount\n" + rows)
    shown = msgspec.json.encode(found).decode() + repr(found) + contract_draft(found, guess_table(tmp_path / "t.csv"))
    assert "CANARY" not in shown
    assert "7731" not in shown
    assert msgspec.json.decode(msgspec.json.encode(found), type=Inspection) == found


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_tiny_tables(tmp_path: Path, rows: int) -> None:
    found = inspect_text(tmp_path, "age,sex,pay\n" + "39,M,low\n" * rows)
    assert found.rows == rows
    assert found.suitability[0].verdict == ("FAIL" if rows < 2 else "WARN")
    if rows < 2:
        with pytest.raises(TableError, match="T216"):
            contract_draft(found, "t.csv")
    else:
        parse_contract(contract_draft(found, "t.csv"))


def test_no_draft_of_identifiers_alone(tmp_path: Path) -> None:
    found = inspect_text(tmp_path, "name,phone\n" + "".join(f"n{n},+32 2 555 {n:03d}\n" for n in range(50)))
    with pytest.raises(TableError, match="T216") as caught:
        contract_draft(found, "t.csv")
    assert "every column" in caught.value.message


def test_two_texts_of_one_number_are_one_value(tmp_path: Path) -> None:
    import pyarrow as pa

    found = inspect_text(tmp_path, "town,x,y\n" + "a,0.0, 1\nb,-0.0,1\n" * 200)
    assert [found.column(name).distinct for name in "xy"] == [1, 1]
    assert (found.target, found.column("x").role) == ("", "plain")
    frame = pa.table({"x": [0.0, -0.0, 1.0], "y": ["a", "b", "c"]})
    assert inspect_table(from_frame(frame)).column("x").distinct == 2
    assert inspect_table(from_frame(frame)).column("x").unique_rows == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("town,label\n" + "a,yes\nb,no\n" * 200, "label"),
        ("label\n" + "yes\nno\n" * 200, ""),
        ("name,label\n" + "a,yes\nb,no\n" * 200, ""),
        ("town,label\n" + "a,yes\nb,no\n" * 50, ""),
        ("town,label\n" + "a,yes\n" * 380 + "b,no\n" * 20, ""),
        ("town,label\n" + "a,yes\nb,\n" * 100, ""),
        ("town,pay\n" + "".join(f"a,{n}\n" for n in range(400)), "pay"),
        ("town,pay\n" + "a,1\n" * 390 + "b,2\n" * 10, ""),
    ],
)
def test_a_target_is_one_that_can_be_learned(tmp_path: Path, text: str, target: str) -> None:
    found = inspect_text(tmp_path, text)
    assert found.target == target
    assert (parse_contract(contract_draft(found, "t.csv")).contract.learning is None) is (target == "")


def test_what_stands_for_a_null_in_one_column_does_so_in_the_file(tmp_path: Path) -> None:
    found = inspect_text(tmp_path, "town,age,grade\n" + "a,1,-\nb,-,x\nb,2,x\n" * 100)
    assert found.column("age").null_tokens == ("-",)
    assert found.column("grade").distinct == 1
    assert found.target == ""


def test_stars_become_nulls_or_their_column_is_dropped(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = {"town": ["Gent", "*", "Aalst", "Aalst"] * 50, "age": list(range(40)) * 5}
    found = inspect_text(tmp_path, "town,age\n" + "".join(f"{t},{a}\n" for t, a in zip(*rows.values(), strict=True)))
    draft = contract_draft(found, "t.csv")
    assert "*" in parse_contract(draft).contract.table.csv.nulls
    assert '# "*" is read as a missing value' in draft
    pq.write_table(pa.table(rows), tmp_path / "t.parquet")
    table = guess_table(tmp_path / "t.parquet")
    found = inspect_table(read_table(table), table=table)
    assert found.column("town").role == "identifier"
    draft = contract_draft(found, table)
    assert "town" not in quasi_identifiers(parse_contract(draft).contract)
    assert '# it holds "*"' in draft


def test_text_of_digits_in_a_parquet_file_is_text(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"age": [str(n % 60) for n in range(300)]}), tmp_path / "t.parquet")
    table = guess_table(tmp_path / "t.parquet")
    assert inspect_table(read_table(table), table=table).column("age").type == "text"


def test_a_column_with_too_many_values_to_be_counted_still_shows_whom_it_singles_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jalousie.tables.inspection._COUNTED_VALUES", 50)
    rows = "".join(f"{n % 90 + n // 170 * 0.5},c{n % 3}\n" for n in range(180))
    found = inspect_text(tmp_path, "height,town\n" + rows)
    height = found.column("height")
    assert height.role == "quasi-identifier"
    assert height.unique_rows > 0
    assert found.counted_columns == ("town",)
    assert found.singling_out[0].columns == ("height",)
    assert found.singling_out[0].unique_rows == height.unique_rows


def test_a_draft_names_the_file_from_where_the_contract_will_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "contracts").mkdir()
    (tmp_path / "data" / "t.csv").write_text("age,sex,pay\n" + "39,M,low\n" * 30, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    table = guess_table(Path("data/t.csv"))
    found = inspect_table(read_table(table), table=table)
    assert parse_contract(contract_draft(found, table)).contract.table.file == "data/t.csv"
    text = contract_draft(found, table, folder="contracts")
    (tmp_path / "contracts" / "c.yaml").write_text(text, encoding="utf-8")
    loaded = load_contract(tmp_path / "contracts" / "c.yaml")
    assert loaded.contract.table.file == "../data/t.csv"
    assert loaded.contract.name == "t"
    assert read_table(loaded.contract.table, loaded.contract.columns, loaded.folder).rows == 30


def test_many_unnamed_kinds_of_columns(tmp_path: Path) -> None:
    lines = [
        f"{10**6 + n * 7},c{n % 5},same,{n % 100 / 3:.4f},{'a b c d e f g ' + str(n)},{'w' + str(n % 90)},{n // 2}u"
        for n in range(400)
    ]
    found = inspect_text(tmp_path, "a,b,c,d,e,f,g\n" + "\n".join(lines) + "\n")
    assert [column.role for column in found.columns] == [
        "identifier", "quasi-identifier", "plain", "plain", "identifier", "quasi-identifier", "quasi-identifier",
    ]  # fmt: skip
    run_draft(tmp_path / "t.csv", found)


# -- singling out, against counting in plain Python


def table_of(rows: list[tuple[str, ...]]) -> FrequencyTable:
    names = tuple(f"c{n}" for n in range(len(rows[0])))
    distinct = sorted(set(rows))
    values = tuple(tuple(sorted({row[n] for row in rows})) for n in range(len(names)))
    codes = np.array([[values[n].index(row[n]) for row in distinct] for n in range(len(names))], dtype=np.int32)
    return FrequencyTable(names, values, codes, np.array([rows.count(row) for row in distinct], dtype=np.int64))


rows_of_cells = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.tuples(*[st.sampled_from("abc")] * width), min_size=1, max_size=25)
)


def alone(rows: list[tuple[str, ...]], members: tuple[int, ...]) -> int:
    parts = [tuple(row[m] for m in members) for row in rows]
    return sum(parts.count(part) == 1 for part in parts)


@given(rows_of_cells)
def test_sets_that_single_out_equal_plain_counting(rows: list[tuple[str, ...]]) -> None:
    table = table_of(rows)
    width = len(rows[0])
    everything = [m for size in range(1, width + 1) for m in combinations(range(width), size)]
    shares = {members: alone(rows, members) / len(rows) for members in everything}
    found = singling_out_sets(table, most=100)
    for entry in found:
        members = tuple(int(name[1:]) for name in entry.columns)
        assert entry.unique_rows == pytest.approx(shares[members])
        assert entry.classes == len({tuple(row[m] for m in members) for row in rows})
        assert entry.unique_rows > 0
    minimal = {
        members
        for members in everything
        if shares[members] > 0
        and all(shares[part] < 0.95 * shares[members] for part in everything if set(part) < set(members))
    }
    assert {tuple(int(name[1:]) for name in entry.columns) for entry in found} == minimal
    assert [e.unique_rows for e in found] == sorted((e.unique_rows for e in found), reverse=True)
    assert unique_share(table, table.names) == pytest.approx(alone(rows, tuple(range(width))) / len(rows))


@given(rows_of_cells.filter(lambda rows: len(rows[0]) >= 2))
def test_tells_equals_its_definition(rows: list[tuple[str, ...]]) -> None:
    known: dict[str, set[str]] = {}
    for row in rows:
        known.setdefault(row[0], set()).add(row[1])
    expected = all(len(told) == 1 for told in known.values()) and len({row[1] for row in rows}) > 1
    assert tells(table_of(rows), "c0", "c1") is expected
