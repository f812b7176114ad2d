"""Loading contracts: faults of structure, with line, column, dotted path and the word that was meant."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jalousie.contract import check_contract, load_contract, model, parse_contract
from jalousie.contract.problems import ContractErrors
from jalousie.errors import ContractError

GOOD = """\
jalousie: 1
name: adult
parties: {provider: Bureau, ml-party: Acme}
table: {file: adult.csv}
columns:
  name: {role: identifier}
  age: {role: quasi-identifier, type: integer, hierarchy: {by: intervals, widths: [5, 10]}}
  sex: {role: quasi-identifier}
  salary: {role: sensitive}
steps:
  - {step: drop-columns, columns: [name]}
privacy:
  models:
    - {model: k-anonymity, k: 5}
learning: {target: salary}
"""


def refusal(text: str) -> ContractError:
    with pytest.raises(ContractError) as caught:
        parse_contract(text, file="adult.yaml")
    return caught.value


def test_a_good_contract() -> None:
    loaded = parse_contract(GOOD)
    assert list(loaded.contract.columns) == ["name", "age", "sex", "salary"]
    assert loaded.contract.columns["age"].hierarchy == model.IntervalHierarchy(widths=(5.0, 10.0))
    assert loaded.positions.where("privacy.models.0.k").line == 14


def test_json_gives_the_same_contract() -> None:
    from jalousie.contract.text import read_text

    as_json = json.dumps(read_text(GOOD, "")[0], indent=1)
    assert parse_contract(as_json).contract == parse_contract(GOOD).contract


def test_a_required_part_is_not_to_be_left_out() -> None:
    assert refusal(GOOD.replace("  models:\n    - {model: k-anonymity, k: 5}", "  models: []")).hint == "add one"
    assert refusal(GOOD.replace("name: adult", "name:")).hint == "give a value"
    assert refusal(GOOD.replace("name: adult", 'name: ""')).hint == "write at least 1 character"
    assert refusal(GOOD.replace("learning: {target: salary}", "purpose:")).hint == "give a value, or leave the key out"


def test_a_refusal_without_an_explanation_still_has_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jalousie.contract.explain.explain", lambda *_: [])
    error = refusal(GOOD.replace("k: 5", "k: five"))
    assert error.where is not None
    assert (error.where.line, error.where.path) == (14, "privacy.models.0.k")
    assert error.hint
    assert "five" not in str(error)


TYPOS = [
    ("role: sensitive", "rol: sensitive", "C102", 9, 12, "columns.salary.rol", 'did you mean "role"?'),
    ("privacy:", "privcy:", "C102", 12, 1, "privcy", 'did you mean "privacy"?'),
    ("role: sensitive", "role: sensitiv", "C102", 9, 18, "columns.salary.role", 'did you mean "sensitive"?'),
    ("by: intervals", "by: interval", "C102", 7, 64, "columns.age.hierarchy.by", 'did you mean "intervals"?'),
    ("step: drop-columns", "step: drop-colums", "C102", 11, 12, "steps.0.step", 'did you mean "drop-columns"?'),
    (
        "model: k-anonymity",
        "model: k-anonimity",
        "C102",
        14,
        15,
        "privacy.models.0.model",
        'did you mean "k-anonymity"?',
    ),
    ("k: 5", "k: five", "C102", 14, 31, "privacy.models.0.k", "without quotes"),
    ("k: 5", "k: 1", "C102", 14, 31, "privacy.models.0.k", ""),
    ("k: 5", "k: 5.5", "C102", 14, 31, "privacy.models.0.k", ""),
    ("k: 5", "k: true", "C102", 14, 31, "privacy.models.0.k", ""),
    ("k: 5", "k: 5.0", "C102", 14, 31, "privacy.models.0.k", "write it as 5"),
    ("k: 5", "k: 1e3", "C102", 14, 31, "privacy.models.0.k", "write it as 1000"),
    ("k: 5", "k: 1e300", "C102", 14, 31, "privacy.models.0.k", ""),
    ("k: 5", "k: 1234567890123456789", "C102", 14, 31, "privacy.models.0.k", "at most 18"),
    ("name: adult", "name: 12", "C102", 2, 7, "name", "quotes"),
    ("name: adult", "name: a b", "C102", 2, 7, "name", "letters"),
    ("jalousie: 1", "jalousie: 2", "C102", 1, 11, "jalousie", "`jalousie: 1`, without quotes"),
    ("jalousie: 1", 'jalousie: "1"', "C102", 1, 11, "jalousie", "`jalousie: 1`, without quotes"),
    ("jalousie: 1", "jalousie: true", "C102", 1, 11, "jalousie", ""),
    ("widths: [5, 10]", "widths: []", "C102", 7, 83, "columns.age.hierarchy.widths", ""),
    ("widths: [5, 10]", "widths: 5", "C102", 7, 83, "columns.age.hierarchy.widths", ""),
    ("widths: [5, 10]", "widths: [5, -1]", "C102", 7, 87, "columns.age.hierarchy.widths.1", ""),
    ("target: salary", "target: zzz", "C102", 15, 12, "learning.target", "known: "),
    ("target: salary", "target: agee", "C102", 15, 12, "learning.target", 'did you mean "age"?'),
    ("columns: [name]", "columns: [nam]", "C102", 11, 36, "steps.0.columns.0", 'did you mean "name"?'),
]


@pytest.mark.parametrize(("good", "bad", "code", "line", "column", "path", "hint"), TYPOS)
def test_a_typo_is_found(good: str, bad: str, code: str, line: int, column: int, path: str, hint: str) -> None:
    assert good in GOOD
    error = refusal(GOOD.replace(good, bad))
    errors = [error, *getattr(error, "others", ())]
    places = {(e.where.line, e.where.column, e.where.path): e for e in errors if e.where}
    assert (line, column, path) in places, places
    found = places[line, column, path]
    assert found.code == code
    assert found.where is not None
    assert found.where.file == "adult.yaml"
    assert hint in found.hint


def test_a_missing_key_points_at_its_part() -> None:
    error = refusal(GOOD.replace("parties: {provider: Bureau, ml-party: Acme}\n", ""))
    assert 'lacks "parties"' in error.message
    error = refusal(GOOD.replace("{model: k-anonymity, k: 5}", "{model: k-anonymity}"))
    assert str(error.where) == "adult.yaml:14:7  privacy.models.0"
    error = refusal(GOOD.replace("model: k-anonymity, k: 5", "k: 5"))
    assert "model" in error.message
    assert "k-anonymity" in error.hint


def test_all_faults_are_shown_at_once_in_the_order_of_the_file() -> None:
    error = refusal(GOOD.replace("k: 5", "k: one").replace("sex: {role", "sex: {rle").replace("file:", "fil:"))
    assert isinstance(error, ContractErrors)
    lines = [error.where.line if error.where else 0] + [e.where.line for e in error.others if e.where]
    assert lines == sorted(lines)
    assert len(lines) == 4, "an unknown key and the missing one it stands for are two"
    assert error.local_text().count("hint:") >= 3


@pytest.mark.parametrize("text", ["", "# nothing\n", "hello", "- a\n- b\n", "12", "age,sex\n39,M\n"])
def test_what_is_no_contract(text: str) -> None:
    error = refusal(text)
    assert error.code == "C102"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for name, content, words in (
        ("latin.yaml", GOOD.replace("Bureau", "Büro").encode("latin-1"), "UTF-8"),
        ("large.yaml", b"#" * (4 << 20) + b"\n" + GOOD.encode(), "4 MiB"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ContractError, match=words) as caught:
            load_contract(tmp_path / name)
        assert caught.value.code == "C100"
        assert str(tmp_path) not in str(caught.value), "no path, only the file's name"
    with pytest.raises(ContractError, match="no such contract"):
        load_contract(tmp_path / "absent.yaml")
    with pytest.raises(ContractError, match="folder"):
        load_contract(tmp_path)


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    loaded = load_contract(tmp_path / "c.yaml")
    assert loaded.folder == tmp_path.resolve()


def test_a_contract_made_in_python_is_checked_too() -> None:
    contract = parse_contract(GOOD).contract
    assert check_contract(contract) == []
    import msgspec

    worse = msgspec.structs.replace(contract, learning=model.Learning(target="nobody"))
    (error,) = check_contract(worse)
    assert error.code == "C102"
    assert str(error.where) == "learning.target"


def test_reading_a_contract_needs_no_number_library() -> None:
    code = (
        "import sys\nfrom jalousie.contract import parse_contract, digest\n"
        f"contract = parse_contract({GOOD!r}).contract\ndigest(contract)\n"
        "print([name for name in ('numpy', 'narwhals', 'duckdb', 'pyarrow', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
