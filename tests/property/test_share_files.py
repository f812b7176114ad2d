"""Any table in a file under any contract, hierarchies and steps included, by the command line: an error, or a release that holds.

The reader here is plain Python over the rows as they were written; it shares nothing with the product but the format.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from command_desk import Desk
from jalousie import Release

HEAD = ("id", "age", "town", "job", "born", "ill", "note")
QUASI = ("age", "town", "job", "born")
TOWNS, JOBS, ILLS = ("100", "101", "110", "200"), ("a", "b", "ç", "*", "x y", 'q"'), ("flu", "cold", "gout")

rows = st.lists(
    st.tuples(
        st.integers(0, 99).map(lambda i: f"person {i}"),
        st.one_of(st.just(""), st.integers(18, 60).map(str)),
        st.sampled_from((*TOWNS, "")),
        st.sampled_from((*JOBS, "")),
        st.sampled_from(("2001-01-31", "2001-02-01", "1999-12-31", "")),
        st.sampled_from((*ILLS, "")),
        st.integers(-5, 5).map(str),
    ),
    min_size=1,
    max_size=30,
)
hierarchies = st.fixed_dictionaries(
    {
        "age": st.sampled_from(
            ["{by: none}", "{by: intervals, widths: [5, 10, 20]}", "{by: intervals, widths: [7], low: 20, high: 50}"]
        ),
        "town": st.sampled_from(
            [
                "{by: none}",
                "{by: mask}",
                "{by: prefix, lengths: [2, 1]}",
                "{by: frequency, thresholds: [0.2]}",
                f"{{by: ordered, values: [{', '.join(repr(t) for t in TOWNS)}], sizes: [2]}}",
                "{by: sets, levels: [{city: ['100', '101'], land: ['110', '200']}]}",
            ]
        ),
        "job": st.sampled_from(["{by: none}", "{by: mask, side: left}", "{by: frequency, thresholds: [0.1, 0.4]}"]),
        "born": st.sampled_from(["{by: none}", "{by: dates, levels: [month, year]}"]),
    }
)
steps = st.lists(
    st.sampled_from(
        [
            "{step: drop-rows, column: town, when: is-null}",
            "{step: clip, column: note, low: -2, high: 2}",
            "{step: round, column: note, to: 2}",
            "{step: pseudonymise, columns: [id]}",
            "{step: truncate-date, column: born, to: month}",
        ]
    ),
    max_size=3,
    unique=True,
)
models = st.sampled_from(
    [
        "{model: k-anonymity, k: 2}",
        "{model: k-anonymity, k: 5}",
        "{model: distinct-l-diversity, column: ill, l: 2}",
        "{model: k-anonymity, k: 3}, {model: distinct-l-diversity, column: ill, l: 3}",
    ]
)


def contract(parts: dict[str, str], chosen: list[str], model: str, how: str, form: str) -> str:
    types = {"age": ", type: integer", "born": ", type: date"}
    columns = [f"  {n}: {{role: quasi-identifier, hierarchy: {parts[n]}{types.get(n, '')}}}" for n in QUASI]
    listed = "\n".join(["steps:", *(f"  - {step}" for step in chosen)]) if chosen else "steps: []"
    return "\n".join(
        [
            "jalousie: 1\nname: any\nparties: {provider: P}\ntable: {file: people.csv}\ncolumns:",
            "  id: {role: identifier}",
            *columns,
            "  ill: {role: sensitive}\n  note: {role: plain, type: integer}",
            listed,
            f"privacy: {{models: [{model}], {how}}}",
            f"release: {{format: {form}}}",
        ]
    )


def note_after(cell: int, chosen: list[str]) -> int:
    for step in chosen:
        if "clip" in step:
            cell = max(-2, min(2, cell))
        if "round" in step:
            cell = 2 * ((cell + 1) // 2)  # halves upwards
    return cell


@given(
    table=rows,
    parts=hierarchies,
    chosen=steps,
    model=models,
    suppression=st.sampled_from([0.0, 0.2, 1.0]),
    recoding=st.sampled_from(["optimal", "local", "mondrian"]),
    suppressed=st.sampled_from(["drop", "star"]),
    form=st.sampled_from(["parquet", "csv", "arrow"]),
)
def test_what_is_written_keeps_the_contract_or_nothing_is_written(
    table: list[tuple[str, ...]],
    parts: dict[str, str],
    chosen: list[str],
    model: str,
    suppression: float,
    recoding: str,
    suppressed: str,
    form: str,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        with (desk.folder / "people.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([HEAD, *table])
        how = f"suppression: {suppression}, recoding: {recoding}, suppressed: {suppressed}"
        desk.write("contract.yaml", contract(parts, chosen, model, how, form))
        ran = desk.run("protect", "contract.yaml", "--json", "--no-report", "--no-attacks")
        made = json.loads(ran.out)
        if ran.code:
            assert made["error"]["code"] in ("P400", "P401", "P430", "T204", "T215", "H305", "C103"), made
            assert desk.left() <= {"home"}
            return
        released: list[dict[str, Any]] = Release.load(desk.folder / "any.release").to_arrow().to_pylist()
        check(table, chosen, model, made, released)


def check(
    table: list[tuple[str, ...]], chosen: list[str], model: str, card: dict[str, Any], released: list[dict[str, Any]]
) -> None:
    kept = [row for row in table if row[2] or not any("is-null" in step for step in chosen)]
    hidden = len(kept) - len(released)
    assert card["rows-out"] == len(released)
    assert 0 <= hidden <= card["rows-suppressed"]
    assert ("id" in (released[0] if released else {})) == any("pseudonymise" in step for step in chosen)
    classes: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in released:
        classes[tuple(row[name] for name in QUASI)].append(row["ill"])
    for part in model.split("}, {"):
        number = int(part.rstrip("}").split()[-1])
        for ills in classes.values():
            assert (len(ills) if "k-anonymity" in part else len(set(ills))) >= number, (part, classes)
    wanted = [(row[5] or None, note_after(int(row[6]), chosen)) for row in kept]
    found = [(row["ill"], row["note"]) for row in released]
    assert not Counter(found) - Counter(wanted)
    if not hidden:
        assert found == wanted
    names = {row[0] for row in table}
    assert not any(value in names for row in released for value in row.values())
