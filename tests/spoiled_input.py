"""Bad input by name: how a desk is spoiled, and the code of the error that must follow. A canary sits where it hurts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from command_desk import CANARY, CONTRACT, ROWS, Desk

HEAD = ROWS[0]
TYPED = "type: integer, hierarchy: {by: intervals, widths: [5, 10, 20]}"


@dataclass(frozen=True)
class Spoiled:
    code: str
    spoil: Callable[[Desk], Any]


def planted(column: int, rows: int = 3) -> list[tuple[str, ...]]:
    """The small table with the canary in one column of its first rows."""
    body = [tuple(CANARY if i == column else cell for i, cell in enumerate(row)) for row in ROWS[1 : 1 + rows]]
    return [HEAD, *body, *ROWS[1 + rows :]]


def arrow(rows: list[tuple[str, ...]], **columns: pa.Array) -> pa.Table:
    """The rows as an Arrow table, `age` a number where it can be one; `columns` stand in for some."""
    made = {name: pa.array([row[i] for row in rows[1:]]) for i, name in enumerate(HEAD)}
    if all(row[1].isdigit() for row in rows[1:]):
        made["age"] = made["age"].cast(pa.int64())
    return pa.table({**made, **columns})


def parquet(desk: Desk, table: pa.Table, keep: float = 1.0) -> None:
    """A Parquet file of which only a part is kept."""
    pq.write_table(table, desk.folder / "people.parquet")
    cut(desk, "people.parquet", keep)
    desk.contract("file: people.csv", "file: people.parquet")


def ipc(desk: Desk, table: pa.Table, keep: float = 1.0) -> None:
    with (
        pa.OSFile(str(desk.folder / "people.arrow"), "wb") as sink,
        pa.ipc.new_file(sink, table.schema) as writer,
    ):
        writer.write_table(table)
    cut(desk, "people.arrow", keep)
    desk.contract("file: people.csv", "file: people.arrow")


def cut(desk: Desk, name: str, keep: float) -> None:
    content = (desk.folder / name).read_bytes()
    desk.write(name, content[: int(len(content) * keep)])


def dialect(csv: str, rows: list[tuple[str, ...]] | None = None) -> Callable[[Desk], None]:
    def spoil(desk: Desk) -> None:
        desk.table(planted(4) if rows is None else rows)
        desk.contract("file: people.csv", f"file: people.csv, csv: {{{csv}}}")

    return spoil


def written(csv: str, note: str) -> Callable[[Desk], None]:
    """The release as a CSV file in a dialect that cannot hold its plain column."""

    def spoil(desk: Desk) -> None:
        desk.table([HEAD, *((*row[:4], note) for row in ROWS[1:])])
        desk.contract("privacy:", f"release: {{format: csv, csv: {{{csv}}}}}\nprivacy:")

    return spoil


def hierarchy(definition: str, column: int = 2, file: str | bytes | None = None) -> Callable[[Desk], None]:
    """A hierarchy of `town` that does not fit, with the canary among the towns."""

    def spoil(desk: Desk) -> None:
        desk.table(planted(column))
        if file is not None:
            desk.write("h.csv", file)
        desk.contract("town: {role: quasi-identifier}", f"town: {{role: quasi-identifier, hierarchy: {definition}}}")

    return spoil


def step(definition: str, column: int = 3, **files: str) -> Callable[[Desk], None]:
    def spoil(desk: Desk) -> None:
        desk.table(planted(column))
        for name, content in files.items():
            desk.write(f"{name}.csv", content)
        desk.contract("privacy:", f"steps:\n  - {definition}\nprivacy:")

    return spoil


def zones(content: str | None) -> Callable[[Desk], None]:
    """Another table to join by town; None: it is not there."""
    definition = "{step: enrich, table: {file: h.csv}, on: town, columns: {zone: {role: quasi-identifier}}}"
    return step(definition, 4, **({} if content is None else {"h": content}))


def model(definition: str, rows: list[tuple[str, ...]] | None = None) -> Callable[[Desk], None]:
    def spoil(desk: Desk) -> None:
        desk.table(rows or planted(3))
        desk.contract("{model: k-anonymity, k: 3}", definition)

    return spoil


def appended(text: str, rows: list[tuple[str, ...]] | None = None) -> Callable[[Desk], None]:
    def spoil(desk: Desk) -> None:
        desk.table(rows or planted(4))
        desk.write("contract.yaml", CONTRACT + text + "\n")

    return spoil


def contract(content: str | bytes) -> Callable[[Desk], None]:
    return lambda desk: desk.write("contract.yaml", content)


def key(content: bytes, mode: int) -> Callable[[Desk], None]:
    """A master key that must not be used. Pseudonyms of a known key can be undone."""

    def spoil(desk: Desk) -> None:
        (desk.folder / "home").mkdir()
        desk.write("home/master.key", content).chmod(mode)
        step("{step: pseudonymise, columns: [id]}", 0)(desk)

    return spoil


def headless(row: tuple[str, ...]) -> Callable[[Desk], None]:
    """A file without a header: its first row stands where names are looked for."""
    return lambda desk: desk.table([row, *ROWS[1:]])


FILES: dict[str, Spoiled] = {
    "no header": Spoiled("T201", headless(("p", "20", "Nx", CANARY, "1"))),
    "no header, a cell twice": Spoiled("T202", headless((CANARY, "20", CANARY, "flu", "1"))),
    "no header, a cell twice but for capitals": Spoiled("T202", headless((CANARY, "20", CANARY.lower(), "flu", "1"))),
    "no header, an empty cell": Spoiled("T202", headless((CANARY, "", "Nx", "flu", "1"))),
    "a name that is not there": Spoiled("T201", lambda d: d.table([(*HEAD[:4], "nothing"), *planted(4)[1:]])),
    "a column without a name": Spoiled("T202", lambda d: d.table([(*HEAD[:4], ""), *planted(4)[1:]])),
    "the wrong delimiter": Spoiled("T201", dialect('delimiter: ";"')),
    "a delimiter that ends lines": Spoiled("C103", dialect('delimiter: "\\n"')),
    "a delimiter that quotes": Spoiled("C103", dialect("delimiter: '\"'")),
    "a quote beyond ASCII": Spoiled("C103", dialect('quote: "é"')),
    "an encoding of no text": Spoiled("C102", dialect("encoding: rot13")),
    "an encoding of names": Spoiled("C102", dialect("encoding: idna")),
    "an encoding nobody knows": Spoiled("C102", dialect("encoding: utf-9")),
    "another encoding than declared": Spoiled("T206", dialect("encoding: utf-16")),
    "a header though none is declared": Spoiled("T207", dialect("header: false")),
    "UTF-16 unannounced": Spoiled("T206", lambda d: d.write("people.csv", f"id,age\np,{CANARY}\n".encode("utf-16"))),
    "a binary file for CSV": Spoiled("T206", lambda d: d.write("people.csv", bytes(range(256)) + CANARY.encode())),
    "a number that is too large": Spoiled("T207", lambda d: d.table([*ROWS, ("p", "9" * 30, "Nx", CANARY, "1")])),
    "a folder for a table": Spoiled(
        "T209", lambda d: ((d.folder / "people.csv").unlink(), (d.folder / "people.csv").mkdir())
    ),
    "no table named": Spoiled("T209", lambda d: d.contract("table: {file: people.csv}\n", "")),
    "an unknown kind of file": Spoiled(
        "T208", lambda d: (d.write("h.csv", CANARY).rename(d.folder / "h.xyz"), d.contract("people.csv", "h.xyz"))
    ),
    "Parquet cut in half": Spoiled("T208", lambda d: parquet(d, arrow(planted(4)), 0.5)),
    "Parquet without its last bytes": Spoiled("T208", lambda d: parquet(d, arrow(planted(4)), 0.99)),
    "Parquet cut to its mark": Spoiled("T208", lambda d: (parquet(d, arrow(ROWS)), d.write("people.parquet", b"PAR1"))),
    "CSV called Parquet": Spoiled("T208", lambda d: (parquet(d, arrow(ROWS)), d.write("people.parquet", CANARY))),
    "Parquet without rows": Spoiled("T204", lambda d: parquet(d, arrow(planted(4)).slice(0, 0))),
    "Parquet with text for numbers": Spoiled("T210", lambda d: parquet(d, arrow(planted(1)))),
    "Parquet with lists to generalise": Spoiled(
        "T212", lambda d: parquet(d, arrow(ROWS, town=pa.array([[CANARY]] * (len(ROWS) - 1))))
    ),
    "Parquet with bytes to generalise": Spoiled(
        "T212", lambda d: parquet(d, arrow(ROWS, town=pa.array([CANARY.encode()] * (len(ROWS) - 1))))
    ),
    "Arrow cut in half": Spoiled("T208", lambda d: ipc(d, arrow(planted(4)), 0.5)),
    "Arrow cut to its mark": Spoiled("T208", lambda d: ipc(d, arrow(planted(4)), 0.02)),
}
HIERARCHIES: dict[str, Spoiled] = {
    "no hierarchy file": Spoiled("H300", hierarchy("{by: file, file: h.csv}")),
    "a hierarchy in another encoding": Spoiled(
        "H300", hierarchy("{by: file, file: h.csv}", file=f"{CANARY}é;a\n".encode("latin-1"))
    ),
    "a hierarchy with an open quote": Spoiled("H301", hierarchy("{by: file, file: h.csv}", file=f'"{CANARY};a\nSx;b')),
    "a hierarchy that lacks a value": Spoiled("H302", hierarchy("{by: file, file: h.csv}", file="Nx;a\nSx;a\n")),
    "a hierarchy that is not nested": Spoiled(
        "H303", hierarchy("{by: file, file: h.csv}", file=f"Nx;{CANARY};a\nSx;{CANARY};b\n{CANARY};c;d\n")
    ),
    "a hierarchy with a value twice": Spoiled(
        "H304", hierarchy("{by: file, file: h.csv}", file=f"{CANARY};a\nNx;a\nSx;a\n{CANARY};b\n")
    ),
    "sets that lack a value": Spoiled("H302", hierarchy("{by: sets, levels: [{a: [Nx], b: [Sx]}]}")),
    "an order that lacks a value": Spoiled("H302", hierarchy("{by: ordered, values: [Nx, Sx], sizes: [2]}")),
    "dates that are none": Spoiled("H305", hierarchy("{by: dates, levels: [year]}")),
    "intervals of text": Spoiled("H305", hierarchy("{by: intervals, widths: [5]}")),
    "intervals that do not nest": Spoiled("C103", hierarchy("{by: intervals, widths: [5, 12]}")),
}
STEPS: dict[str, Spoiled] = {
    "clip text": Spoiled("T261", step("{step: clip, column: illness, low: 1}")),
    "round text": Spoiled("T261", step("{step: round, column: illness, to: 1}")),
    "noise on text": Spoiled("T261", step("{step: noise, column: illness, scale: 1}")),
    "truncate what is no date": Spoiled("T261", step("{step: truncate-date, column: illness, to: year}")),
    "compare a number with text": Spoiled("T261", step("{step: drop-rows, column: age, when: below, value: old}")),
    "answers outside the categories": Spoiled(
        "T263", step("{step: randomised-response, column: illness, epsilon: 1, categories: [flu, cold]}")
    ),
    "all rows dropped": Spoiled("T204", step("{step: drop-rows, column: town, when: not-null}")),
    "a table to join that is not there": Spoiled("T209", zones(None)),
    "a table to join with a key twice": Spoiled("T262", zones(f"town,zone\n{CANARY},a\n{CANARY},b\n")),
    "a table to join that is broken": Spoiled("T205", zones(f"town,zone\nNx,{CANARY},b\n")),
    "a table to join without its column": Spoiled("T201", zones(f"town,zoon\nNx,{CANARY}\n")),
    "a key that others can read": Spoiled("P441", key(b"x" * 32, 0o644)),
    "a key that is too short": Spoiled("P442", key(b"x" * 3, 0o600)),
    "a folder for a key": Spoiled(
        "P440",
        lambda d: (
            (d.folder / "home" / "master.key").mkdir(parents=True),
            step("{step: pseudonymise, columns: [id]}")(d),
        ),
    ),
    "a file for the folder of keys": Spoiled(
        "P440", lambda d: (d.write("home", CANARY), step("{step: pseudonymise, columns: [id]}")(d))
    ),
}
CONTRACTS: dict[str, Spoiled] = {
    "binary": Spoiled("C100", contract(b"\xff\xfe\x00" + CANARY.encode())),
    "empty": Spoiled("C102", contract("")),
    "a list": Spoiled("C102", contract("- a\n")),
    "endlessly nested": Spoiled("C101", contract("a: " + "[" * 5000)),
    "code in it": Spoiled("C101", appended("x: !!python/object/apply:os.system [ls]")),
    "the table in its place": Spoiled(
        "C102", lambda d: d.write("contract.yaml", (d.folder / "people.csv").read_bytes())
    ),
    "a k of 0": Spoiled("C102", model("{model: k-anonymity, k: 0}")),
    "a k in words": Spoiled("C102", model("{model: k-anonymity, k: three}")),
    "a suppression over 1": Spoiled("C102", lambda d: d.contract("suppression: 0.1", "suppression: 1.5")),
    "an empty name": Spoiled("C102", lambda d: d.contract("name: small", 'name: ""')),
    "no models": Spoiled("C102", model("")),
    "a long delimiter": Spoiled("C102", dialect('delimiter: ";;"')),
    "too small a population": Spoiled("P420", appended("release: {population: 3}")),
    "a limit that is missed": Spoiled("P431", appended("limits: {highest-risk: 0.001, enforce: [highest-risk]}")),
    "too little to learn from": Spoiled("U152", appended("learning: {target: illness}", ROWS[:12])),
    "a class for every row": Spoiled(
        "U153", appended("learning: {target: note}", [HEAD, *((*r[:4], str(i)) for i, r in enumerate(ROWS[1:] * 2))])
    ),
    "nothing but one class to learn": Spoiled(
        "U152", appended("learning: {target: illness}", [HEAD, *((*r[:3], CANARY, r[4]) for r in ROWS[1:] * 8)])
    ),
    "text to learn as a number": Spoiled("U152", appended("learning: {target: illness, task: regression}", planted(3))),
    "text that Latin-1 lacks": Spoiled("R500", written("encoding: latin-1", f"{CANARY}€漢")),
    "a delimiter that nothing quotes": Spoiled("R500", written('quote: ""', f'"{CANARY},x"')),
}
MODELS: dict[str, Spoiled] = {
    "k above the table": Spoiled("P400", model("{model: k-anonymity, k: 1000}")),
    "more values than there are": Spoiled("P400", model("{model: distinct-l-diversity, column: illness, l: 9}")),
    "more entropy than there is": Spoiled("P400", model("{model: entropy-l-diversity, column: illness, l: 4}")),
    "a rarer commonest value than there is": Spoiled(
        "P400", model("{model: recursive-cl-diversity, column: illness, c: 0.5, l: 2}")
    ),
    "a risk below one by rows": Spoiled("P400", model("{model: average-risk, risk: 0.001}")),
    "two that fail": Spoiled(
        "P400", model("{model: k-anonymity, k: 99}, {model: distinct-l-diversity, column: illness, l: 9}")
    ),
    "one row": Spoiled("P400", model("{model: k-anonymity, k: 3}", [HEAD, planted(2)[1]])),
    "all null": Spoiled(
        "P400",
        model("{model: distinct-l-diversity, column: illness, l: 2}", [HEAD, *((*r[:3], "", r[4]) for r in ROWS[1:])]),
    ),
}
EVERY = {**FILES, **HIERARCHIES, **STEPS, **CONTRACTS, **MODELS}
