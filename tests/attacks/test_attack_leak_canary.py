"""A planted cell value turns up in no message, log, report, card or traceback, whatever goes wrong.

The library underneath does quote it: the first test shows that the canary sings where nothing covers it.
"""

from __future__ import annotations

import copy
import io
import json
import pickle
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from command_desk import CANARY, CONTRACT, ROWS, Desk
from jalousie import JalousieError, Release, inspect, protect
from jalousie.architectures.share import Sharing
from jalousie.contract import load_contract
from jalousie.tables import RawTable, from_frame, read_table
from spoiled_input import EVERY

HEAD = ROWS[0]


def planted(column: int, rows: int = 1) -> list[tuple[str, ...]]:
    """The small table with the canary in one column of its first rows."""
    body = [tuple(CANARY if i == column else cell for i, cell in enumerate(row)) for row in ROWS[1 : 1 + rows]]
    return [HEAD, *body, *ROWS[1 + rows :]]


def with_canary(desk: Desk, column: int, rows: int = 1) -> None:
    desk.table(planted(column, rows))


SPOILS: dict[str, Callable[[Desk], Any]] = {
    "as an identifier": lambda d: with_canary(d, 0),
    "as a number that is none": lambda d: with_canary(d, 1),
    "as a rare quasi-identifier": lambda d: with_canary(d, 2),
    "as a sensitive value": lambda d: with_canary(d, 3),
    "as a plain value": lambda d: with_canary(d, 4),
    "in a ragged row": lambda d: d.table([*ROWS, ("p", "20", "Nx", CANARY)]),
    "in a row too long": lambda d: d.table([*ROWS, ("p", "20", "Nx", "flu", "1", CANARY)]),
    "behind an open quote": lambda d: d.write("people.csv", ",".join(HEAD) + f'\np,20,Nx,flu,"{CANARY}\n'),
    "in another encoding": lambda d: d.write(
        "people.csv", (",".join(HEAD) + f"\np,20,Nx,flu,{CANARY}é\n").encode("latin-1")
    ),
    "outside a hierarchy": lambda d: (
        with_canary(d, 2),
        d.write("h.csv", "Nx;a;*\nSx;a;*\n"),
        d.contract(
            "town: {role: quasi-identifier}", "town: {role: quasi-identifier, hierarchy: {by: file, file: h.csv}}"
        ),
    ),
    "in a hierarchy that is not nested": lambda d: (
        d.write("h.csv", f"Nx;{CANARY};b\nSx;{CANARY};c\n"),
        d.contract(
            "town: {role: quasi-identifier}", "town: {role: quasi-identifier, hierarchy: {by: file, file: h.csv}}"
        ),
    ),
    "twice in a hierarchy": lambda d: (
        d.write("h.csv", f"{CANARY};a;*\n{CANARY};b;*\n"),
        d.contract(
            "town: {role: quasi-identifier}", "town: {role: quasi-identifier, hierarchy: {by: file, file: h.csv}}"
        ),
    ),
    "as a date that is none": lambda d: (
        with_canary(d, 1),
        d.contract("type: integer, hierarchy: {by: intervals, widths: [5, 10, 20]}", "type: date"),
    ),
    "where a number is clipped": lambda d: (
        with_canary(d, 4),
        d.contract("privacy:", "steps:\n  - {step: clip, column: note, low: 1}\nprivacy:"),
    ),
    "where a number gets noise": lambda d: (
        with_canary(d, 4),
        d.contract("privacy:", "steps:\n  - {step: noise, column: note, scale: 1}\nprivacy:"),
    ),
    "outside declared categories": lambda d: (
        with_canary(d, 3),
        d.contract(
            "privacy:",
            "steps:\n  - {step: randomised-response, column: illness, epsilon: 1, categories: [flu, cold]}\nprivacy:",
        ),
    ),
    "with a k that cannot be": lambda d: (with_canary(d, 2), d.contract("k: 3", "k: 1000")),
    "with a diversity that cannot be": lambda d: (
        with_canary(d, 3),
        d.contract("{model: k-anonymity, k: 3}", "{model: distinct-l-diversity, column: illness, l: 9}"),
    ),
}


def test_the_library_underneath_quotes_cells(desk: Desk) -> None:
    with_canary(desk, 1)
    with pytest.raises(duckdb.Error, match=CANARY):
        duckdb.sql(f"SELECT age::INTEGER FROM read_csv('{desk.folder / 'people.csv'}', all_varchar=true)").fetchall()


@pytest.mark.parametrize("how", SPOILS)
@pytest.mark.parametrize(
    "command", ["protect", "protect --json", "protect --dry-run", "inspect", "inspect --json", "attack", "check"]
)
def test_commands_do_not(how: str, command: str, desk: Desk) -> None:
    SPOILS[how](desk)
    verb, *flags = command.split()
    subject = ["people.csv", "--write", "draft.yaml"] if verb == "inspect" else ["contract.yaml"]
    more = ["--no-learning", "--junit", "junit.xml"] if verb == "protect" else []
    ran = desk.run(verb, *subject, *flags, *more)
    assert CANARY not in ran.text
    assert "Traceback" not in ran.text
    for path in desk.folder.rglob("*"):
        if path.is_file() and path.name not in ("people.csv", "h.csv", "contract.yaml") and path.suffix != ".parquet":
            assert CANARY not in path.read_text(encoding="utf-8", errors="replace"), path.name
    release = desk.folder / "small.release"
    if release.exists():
        # what a release may show is what its roles say: never an identifier, never a rare quasi-identifier
        open_columns = {
            name for name, values in Release.load(release).to_arrow().to_pydict().items() if CANARY in values
        }
        assert open_columns <= {"illness", "note"}


@pytest.mark.parametrize("how", SPOILS)
def test_tracebacks_in_python_do_not(how: str, desk: Desk) -> None:
    SPOILS[how](desk)
    told = failure(lambda: protect(None, desk.folder / "contract.yaml"))
    assert CANARY not in told


def failure(act: Callable[[], Any]) -> str:
    """Everything that a Jalousie error says, its traceback included; empty where there is none."""
    try:
        act()
    except JalousieError as error:
        texts = (*traceback.format_exception(error), repr(error), json.dumps(error.to_dict()), error.remote_text())
        return "".join(texts)
    return ""


@pytest.mark.parametrize("name", EVERY)
def test_no_kind_of_bad_input_does(name: str, desk: Desk) -> None:
    """All of `tests/spoiled_input.py`, by every command that reads a table, and in Python."""
    EVERY[name].spoil(desk)
    mine = {path.name for path in desk.folder.iterdir()}
    (table,) = [path.name for path in desk.folder.glob("people.*") if path.suffix != ".csv"] or ["people.csv"]
    ran = [
        desk.run("protect", "contract.yaml", "--no-learning", "--junit", "junit.xml"),
        desk.run("protect", "contract.yaml", "--no-learning", "--dry-run", "--json"),
        desk.run("attack", "contract.yaml"),
        desk.run("attack", "contract.yaml", "--json"),
        desk.run("inspect", table),
        desk.run("inspect", table, "--json", "--write", "draft.yaml"),
    ]
    said = "".join(one.text for one in ran) + failure(
        lambda: protect(None, desk.folder / "contract.yaml", learning=True)
    )
    assert CANARY.lower() not in said.lower()
    assert "Traceback (most recent call last)" not in "".join(one.text for one in ran)
    assert "X900" not in said
    for path in desk.folder.iterdir():
        if path.name not in mine and path.is_file():
            assert CANARY not in path.read_text(encoding="utf-8", errors="replace"), path.name


ASKED = """\
feedback:
  identifier: id
  min-group: 5
  labels: {ill: {column: illness, classes: [flu, cold]}}
"""
ILL = "{column: illness, classes: [flu, cold]}"


def asked(desk: Desk, old: str = "", new: str = "", column: int | None = None, rows: int = len(ROWS) - 1) -> None:
    """A contract about answers, changed; the canary in one column of the table."""
    text = CONTRACT[: CONTRACT.index("privacy:")] + ASKED
    assert old in text
    desk.write("contract.yaml", text.replace(old, new) if old else text)
    if column is not None:
        desk.table(planted(column, rows))


UNANSWERABLE: dict[str, Callable[[Desk], Any]] = {
    "as every label": lambda d: asked(d, column=3),
    "as a label that is a number": lambda d: asked(
        d, ILL, "{column: note, kind: number, low: 0, high: 9}", column=4, rows=1
    ),
    "as the only identifier": lambda d: (
        asked(d),
        d.table([HEAD, *(("", *row[1:3], CANARY, row[4]) for row in ROWS[1:])]),
    ),
    "where a column is missing": lambda d: (asked(d), d.table([HEAD[:4], *(row[:4] for row in planted(3, 40)[1:])])),
    "as a number of the wrong type": lambda d: asked(d, column=1),
    "as a class twice": lambda d: asked(d, "[flu, cold]", f"[flu, {CANARY}, {CANARY}]", column=3, rows=1),
    "as the only class": lambda d: asked(d, "[flu, cold]", f"[{CANARY}]", column=3, rows=1),
    "as a class of another type": lambda d: asked(d, ILL, f"{{column: age, classes: ['1', {CANARY}]}}"),
    "as a class that is a null": lambda d: (
        asked(d, "file: people.csv}", f'file: people.csv, csv: {{nulls: ["", {CANARY}]}}}}', column=3),
        d.write("contract.yaml", (d.folder / "contract.yaml").read_text().replace("[flu, cold]", f"[flu, {CANARY}]")),
    ),
    "as a party's key": lambda d: asked(d, "ml-party: Lab", f"ml-party: Lab, ml-party-key: {CANARY}", column=3),
}


def keyed(desk: Desk) -> None:
    """Both parties' keys in the contract, so that only what was spoiled keeps it from being served."""
    path = desk.folder / "contract.yaml"
    if "ml-party-key" not in path.read_text():
        names = {}
        for home in ("home", "other"):
            names[home] = desk.run("keys", "new", "--home", home).out.strip()
        keys = f'ml-party: Lab, provider-key: "{names["home"]}", ml-party-key: "{names["other"]}"'
        path.write_text(path.read_text().replace("ml-party: Lab", keys))


@pytest.mark.parametrize("how", UNANSWERABLE)
def test_a_table_or_contract_that_cannot_be_answered_about_does_not(how: str, desk: Desk) -> None:
    from jalousie.architectures.ask import open_provider
    from jalousie.places.provider import Provider

    UNANSWERABLE[how](desk)
    keyed(desk)
    serve = ("serve", "provider", "--contract", "contract.yaml", "--port", "0", "--home", "home")
    ran = [
        desk.run("check", "contract.yaml"),
        *(desk.run("check", "contract.yaml", "--data", *more) for more in ((), ("--json",))),
        *(desk.run("doctor", "--home", "home", "--contract", "contract.yaml", *more) for more in ((), ("--json",))),
        *(desk.run(*serve, *more) for more in ((), ("--json",))),
        desk.run("attack", "contract.yaml"),
    ]
    assert all(one.code > 0 for one in ran[1:]), "each of them is refused, so that each could have told"
    said = "".join(one.text for one in ran) + failure(
        lambda: open_provider([desk.folder / "contract.yaml"], Provider(desk.folder / "home"))
    )
    assert CANARY.lower() not in said.lower()
    assert "Traceback (most recent call last)" not in "".join(one.text for one in ran)
    assert "X900" not in said
    for path in desk.folder.rglob("*"):
        if path.is_file() and path.name not in ("people.csv", "contract.yaml"):
            assert CANARY.encode() not in path.read_bytes(), path.name


def test_rows_that_count_nowhere_are_counted_and_not_quoted(desk: Desk) -> None:
    asked(desk, column=3, rows=7)
    ran = desk.run("check", "contract.yaml", "--data")
    assert "7 rows with none of the classes" in ran.out
    assert CANARY not in ran.text


RARE = {
    "nothing between": "{by: none}",
    "masks": "{by: mask, steps: [4, 8]}",
    "prefixes": "{by: prefix, lengths: [1]}",
    "frequencies": "{by: frequency, thresholds: [0.1]}",
    "a file": "{by: file, file: h.csv}",
    "sets": f"{{by: sets, levels: [{{any: [Nx, Sx, {CANARY}]}}]}}",
}
AGREED = {"a file", "sets"}
"""The contract itself lists every value that may occur, and so does `space.json`; whether one occurs stays hidden."""


def release_with_a_rare_town(desk: Desk, kind: str, recoding: str, suppressed: str, more: str = "") -> Path:
    desk.table(planted(2, 1))
    desk.write("h.csv", f"Nx;any\nSx;any\n{CANARY};any\n")
    desk.contract("town: {role: quasi-identifier}", f"town: {{role: quasi-identifier, hierarchy: {RARE[kind]}{more}}}")
    how = f"suppression: 0.1\n  recoding: {recoding}\n  suppressed: {suppressed}"
    desk.write("contract.yaml", (desk.folder / "contract.yaml").read_text().replace("suppression: 0.1", how))
    ran = desk.protect()
    assert ran.code == 0, ran.text
    return desk.folder / "small.release"


def towns(folder: Path) -> Counter[str]:
    return Counter(Release.load(folder).to_arrow()["town"].to_pylist())


@pytest.mark.parametrize("suppressed", ["drop", "star"])
@pytest.mark.parametrize("recoding", ["local", "optimal", "mondrian"])
@pytest.mark.parametrize("kind", RARE)
def test_a_rare_value_is_in_no_file_of_a_release(kind: str, recoding: str, suppressed: str, desk: Desk) -> None:
    """Neither in the table nor in what is said of it: a generalised cell's meaning must not list who was generalised.

    Mondrian's own labels list values; `min-level: 1` keeps it to those of the hierarchy (docs/promise.md).
    """
    folder = release_with_a_rare_town(
        desk, kind, recoding, suppressed, ", min-level: 1" if recoding == "mondrian" else ""
    )
    assert not any(CANARY in (town or "") for town in towns(folder))
    for path in folder.iterdir():
        if kind not in AGREED or path.name != "space.json":
            assert CANARY.encode() not in path.read_bytes(), path.name


@pytest.mark.parametrize("kind", RARE)
def test_a_set_names_a_rare_value_among_others_at_most(kind: str, desk: Desk) -> None:
    """What docs/promise.md says of Mondrian's labels: the value is named, never alone and never for fewer than k rows."""
    for town, rows in towns(release_with_a_rare_town(desk, kind, "mondrian", "drop")).items():
        if CANARY in town:
            assert town.count(",") >= 1
            assert rows >= 3


def test_a_raw_table_holds_it(desk: Desk) -> None:
    """With the protection off (no model, the role plain) the same search of the same files finds the canary."""
    desk.table(planted(2))
    desk.write(
        "contract.yaml",
        CONTRACT[: CONTRACT.index("privacy:")].replace("quasi-identifier", "plain") + "release: {format: csv}\n",
    )
    assert desk.protect().code == 0
    assert CANARY in (desk.folder / "small.release" / "table.csv").read_text()


def test_data_frames_do_not(desk: Desk) -> None:
    import pandas as pd

    loaded = load_contract(desk.folder / "contract.yaml")
    for column in range(5):
        frame = pd.DataFrame(planted(column)[1:], columns=HEAD)
        frame["age"] = [text if text == CANARY else int(text) for text in frame["age"]]
        assert CANARY not in failure(lambda frame=frame: shown(protect(frame, loaded)))  # type: ignore[misc]
        if column != 1:
            assert CANARY not in msgspec.json.encode(inspect(frame)).decode()


def shown(release: Release) -> None:
    """What a notebook shows of a release, and its card."""
    assert CANARY not in release._repr_html_() + repr(release)
    assert CANARY not in msgspec.json.encode(release.card).decode()


def raw(desk: Desk) -> RawTable:
    with_canary(desk, 4)
    loaded = load_contract(desk.folder / "contract.yaml")
    return read_table(loaded.contract.table, loaded.contract.columns, loaded.folder)


SERIALISERS: dict[str, Callable[[RawTable], Any]] = {
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "json": json.dumps,
    "msgspec": msgspec.json.encode,
    "iter": lambda table: list(table),  # type: ignore[call-overload]
    "len of rows": lambda table: table[0],  # type: ignore[index]
    "another raw table": from_frame,
}


@pytest.mark.parametrize("way", SERIALISERS)
def test_a_raw_table_has_no_serialiser(way: str, desk: Desk) -> None:
    with pytest.raises((TypeError, JalousieError, AttributeError)):
        SERIALISERS[way](raw(desk))


def test_counted_rows_show_no_printer_a_cell(desk: Desk) -> None:
    with_canary(desk, 2, rows=20)
    sharing = Sharing(None, desk.folder / "contract.yaml")
    searched, released = sharing.done.searched, sharing.done.released
    assert searched is not None
    told = [searched.table, *searched.table.sensitive, *searched.hierarchies, released]
    assert CANARY in repr(msgspec.Struct.__rich_repr__(searched.table))  # what a struct tells otherwise
    for one in told:
        assert CANARY not in repr(one) + repr(list(one.__rich_repr__()))


def test_a_raw_table_speaks_no_interchange_protocol(desk: Desk) -> None:
    table = raw(desk)
    assert CANARY not in repr(table) + str(table) + f"{table}"
    names = [name for name in dir(table) if not name.startswith("_")]
    assert set(names) == {"columns", "derive", "engine", "frame", "kind", "origin", "rows", "schema", "trail"}
    for protocol in ("__dataframe__", "__arrow_c_stream__", "__arrow_c_array__", "__array__", "__narwhals_dataframe__"):
        assert not hasattr(table, protocol)


def test_nothing_that_holds_raw_rows_can_be_pickled(desk: Desk) -> None:
    """A lazy frame of Polars is pickled with the rows that it starts from: the first assertion, the protection off."""
    import polars as pl

    rows = [(CANARY, int(row[1]), *row[2:]) for row in ROWS[1:]]
    frame = pl.DataFrame(rows, schema=list(HEAD), orient="row")
    sharing = Sharing(frame, load_contract(desk.folder / "contract.yaml"))
    assert CANARY.encode() in pickle.dumps(sharing.done.before.frame)
    done = sharing.done
    for holder in (sharing, done, done.origin, done.before, done.released, from_frame(frame)):
        for serialise in (pickle.dumps, copy.deepcopy, msgspec.json.encode):
            with pytest.raises((TypeError, NotImplementedError)):
                serialise(holder)
        assert CANARY not in repr(holder)


def test_nothing_public_writes_a_raw_table(desk: Desk, tmp_path: Path) -> None:
    from jalousie.report import card_json, render_html
    from jalousie.tables import to_frame, write_frame

    table: Any = raw(desk)
    for use in (
        lambda: write_frame(table, tmp_path / "out.parquet"),
        lambda: write_frame(table, io.BytesIO()),
        lambda: to_frame(table),
        lambda: card_json(table),
        lambda: render_html(table),
        lambda: Release(table, table, b"", "arrow").to("pandas"),
    ):
        with pytest.raises((TypeError, AttributeError, JalousieError)):
            use()
    assert not (tmp_path / "out.parquet").exists()
