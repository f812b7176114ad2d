"""Hierarchies from CSV files: what is read, and errors that name column, level and line but never a value."""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from jalousie.contract.model import FileHierarchy
from jalousie.errors import HierarchyError, Where
from jalousie.tables.hierarchies import compile_hierarchy
from jalousie.tables.types import Hierarchy

Compile = Callable[..., Hierarchy]
SECRET = "CANARY-7731"


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    """Compile a hierarchy file's text for some values."""

    def run(text: str | bytes, values: list[str | None], **options: str) -> Hierarchy:
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "h.csv").write_bytes(content)
        spec = FileHierarchy(file="h.csv", **options)
        return compile_hierarchy("job", spec, values, [1] * len(values), tmp_path, Where("c.yaml", 7, 3, "columns.job"))

    return run


def test_the_domain_is_the_whole_file(compiled: Compile) -> None:
    h = compiled("a;x;*\nb;x;*\nc;y;*\nd;y;*\n", ["a"])
    assert h.labels == (("a", "b", "c", "d"), ("x", "y"), ("*",))
    assert [m.tolist() for m in h.maps] == [[0, 1, 2, 3], [0, 0, 1, 1], [0, 0, 0, 0]]
    assert h.size == 4
    assert h.shares(1).tolist() == [0.5] * 4


def test_a_top_is_added_where_the_file_has_none(compiled: Compile) -> None:
    assert compiled("a;x\nb;x\nc;y\n", ["a"]).labels == (("a", "b", "c"), ("x", "y"), ("*",))
    assert compiled("a\nb\n", ["a"]).labels == (("a", "b"), ("*",))
    assert compiled("a;any\nb;any\n", ["a"]).labels[-2:] == (("any",), ("*",))


def test_a_null_stays_a_null_up_to_the_top(compiled: Compile) -> None:
    h = compiled("a;x;*\nb;x;*\n", ["a", None])
    assert h.labels == (("a", "b", None), ("x", None), ("*",))
    assert h.maps[1].tolist() == [0, 0, 1]


def test_a_line_without_a_raw_value_says_how_nulls_are_generalised(compiled: Compile) -> None:
    h = compiled("a;x;*\n;unknown;*\n", ["a", None])
    assert h.labels == (("a", None), ("x", "unknown"), ("*",))


def test_a_line_without_a_raw_value_serves_empty_text_where_the_column_has_it(compiled: Compile) -> None:
    h = compiled("a;x;*\n;unknown;*\n", ["a", "", None])
    assert h.labels == (("a", "", None), ("x", "unknown", None), ("*",))


def test_dialects(compiled: Compile) -> None:
    expected = (("a;b", "c"), ("é", "y"), ("*",))
    assert compiled('"a;b";é;*\r\n\r\nc;y;*\r\n', ["c"]).labels == expected
    assert compiled("\ufeffa;é;*\nc;y;*", ["c"]).labels == (("a", "c"), ("é", "y"), ("*",))
    assert compiled("a;b,é,*\nc,y,*\n".encode("latin-1"), ["c"], delimiter=",", encoding="latin-1").labels == expected
    assert compiled('"a\nb";x;*\nc;y;*\n', ["c"]).labels[0] == ("a\nb", "c")


FAULTS = [
    ("", "H301", "empty"),
    ("\n\n", "H301", "empty"),
    (f"a;x;*\n{SECRET};x\n", "H301", "line 2 of its hierarchy file: 2 fields, 3 on the first line"),
    (f"a;x;*\n{SECRET};;*\n", "H301", "level 1: line 2"),
    (f"a;x;*\n\n{SECRET};y;*\nb;x;*\n{SECRET};y;*\n", "H304", "level 0: lines 3 and 5"),
    (f'a;x;*\n"{SECRET};y;*\n', "H301", "line 2"),
    (f"a;x;u;*\nb;y;u;*\n{SECRET};x;v;*\n", "H303", "level 2: lines 1 and 3"),
    (f"a;*;x\n{SECRET};*;y\n", "H303", "level 2: lines 1 and 2"),
    (f"{SECRET};x;*\n", "H302", "1 value of the table is not in its hierarchy"),
]


@pytest.mark.parametrize(("text", "code", "words"), FAULTS)
def test_faults_name_column_level_and_line(compiled: Compile, text: str, code: str, words: str) -> None:
    with pytest.raises(HierarchyError) as caught:
        compiled(text, ["a"])
    error = caught.value
    assert error.code == code
    assert 'column "job"' in error.message
    assert words in error.message
    assert error.hint
    assert str(error.where) == "c.yaml:7:3  columns.job"
    assert SECRET not in str(error) + repr(error) + str(error.__cause__) + str(error.to_dict())
    assert error.__suppress_context__ or error.__context__ is None


def test_values_outside_are_counted_not_named(compiled: Compile) -> None:
    with pytest.raises(HierarchyError, match="3 different values") as caught:
        compiled("a;*\n", ["a", SECRET, "x", "y", None])
    assert SECRET not in str(caught.value)


def test_files_that_cannot_be_read(compiled: Compile, tmp_path: Path) -> None:
    with pytest.raises(HierarchyError, match="line 2 of its hierarchy file is not utf-8"):
        compiled(b"a;x\n\xff;y\n", ["a"])
    with pytest.raises(HierarchyError, match="encoding of its hierarchy file is unknown"):
        compiled("a;x\n", ["a"], encoding="klingon")
    for file in ("absent.csv", "."):
        with pytest.raises(HierarchyError, match="H300") as caught:
            compile_hierarchy("job", FileHierarchy(file=file), ["a"], [1], tmp_path)
        assert str(tmp_path) not in str(caught.value)


def test_the_hierarchies_of_the_literature(reference_adult: Path) -> None:
    """Adult's nine files, against a plain reading of them."""
    with (reference_adult / "adult.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    started = time.process_time()
    compiled = {}
    for name in rows[0]:
        counts = Counter(row[name] for row in rows)
        spec = FileHierarchy(file=f"hierarchy_{name}.csv")
        compiled[name] = compile_hierarchy(name, spec, list(counts), list(counts.values()), reference_adult)
    seconds = time.process_time() - started
    assert seconds < 1, "the cold command compiles all nine in milliseconds"
    assert [h.levels for h in compiled.values()] == [2, 5, 2, 3, 4, 3, 3, 3, 2]
    assert compiled["age"].size == 100
    for name, h in compiled.items():
        with (reference_adult / f"hierarchy_{name}.csv").open(encoding="utf-8", newline="") as stream:
            lines = list(csv.reader(stream, delimiter=";"))
        for place, line in enumerate(lines):
            assert [h.labels[level][h.maps[level][place]] for level in range(h.levels)] == line
        assert all(
            np.array_equal(np.unique(m), np.arange(len(names))) for m, names in zip(h.maps, h.labels, strict=True)
        )
