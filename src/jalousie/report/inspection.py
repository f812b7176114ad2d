"""What `jalousie inspect` found, for a terminal: the fit first, then who is singled out, then the columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jalousie.report.parts import Cell, Table
from jalousie.report.terminal import Pen, judged, table, wrapped
from jalousie.report.words import clean, count, listing, percent, plural, sentence

if TYPE_CHECKING:
    from jalousie.tables.inspection import ColumnInspection, Inspection


def render_inspection(inspection: Inspection, colour: bool) -> str:
    """The inspection as lines of about 88 columns, without a newline at the end; ANSI colours if `colour`."""
    return "\n".join(_lines(inspection, Pen(colour)))


def _lines(inspection: Inspection, pen: Pen) -> Iterator[str]:
    yield pen.strong(f"{plural(inspection.rows, 'row')}, {plural(len(inspection.columns), 'column')}")
    for note in inspection.suitability:
        yield from judged(note.verdict, sentence(note.sentence), pen)

    if inspection.counted_columns:
        yield ""
        yield pen.strong("Who is singled out")
        yield from wrapped(_alone(inspection))
    if inspection.singling_out:
        yield from table(_sets(inspection), pen, details=False)

    yield ""
    yield pen.strong("Columns, with the role that is proposed and why")
    if inspection.columns:
        yield from table(_columns(inspection), pen, details=True)
    if inspection.target:
        yield ""
        yield from wrapped(f"Somebody may want to predict {clean(inspection.target)} ({inspection.task}).")
    yield ""
    yield from wrapped("Roles are proposals: what others may know of people is for you to judge.")


def _alone(inspection: Inspection) -> str:
    rows = "" if inspection.counted_rows == inspection.rows else f" (of the first {count(inspection.counted_rows)})"
    known = listing(clean(column) for column in inspection.counted_columns)
    alone = percent(inspection.unique_rows)
    more = " The sets that tell most:" if inspection.singling_out else ""
    return f"{alone} of the rows{rows} are one of a kind to somebody who knows {known}.{more}"


def _sets(inspection: Inspection) -> Table:
    return Table(
        caption="Sets of columns that single people out",
        heads=("One of a kind", "Classes", "To somebody who knows"),
        rows=tuple(
            (
                Cell(percent(found.unique_rows)),
                Cell(count(found.classes)),
                Cell(listing(clean(column) for column in found.columns)),
            )
            for found in inspection.singling_out
        ),
        numbers=frozenset({0, 1}),
    )


def _columns(inspection: Inspection) -> Table:
    return Table(
        caption="Columns",
        heads=("Column", "Role", "Type", "Values", "Nulls", "Unique"),
        rows=tuple(
            (
                Cell(clean(column.name), _why(column)),
                Cell(column.role),
                Cell(clean(column.type)),
                Cell(count(column.distinct)),
                Cell(count(column.nulls)),
                Cell(percent(column.unique_rows)),
            )
            for column in inspection.columns
        ),
        numbers=frozenset({3, 4, 5}),
    )


def _why(column: ColumnInspection) -> str:
    said = [clean(column.reason)]
    if column.recognised and column.recognised not in column.reason:
        said.append(f"recognised: {clean(column.recognised)}")
    if column.null_tokens:
        said.append(f"{listing(f'“{clean(token)}”' for token in column.null_tokens)} stands for a missing value")
    return "; ".join(filter(None, said))
