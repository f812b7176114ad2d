"""A first contract from an inspection: it runs as it is, and its comments say why each role was proposed."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import get_args

from jalousie.contract import dump_yaml, model
from jalousie.contract.model import Column, Contract
from jalousie.errors import TableError
from jalousie.tables.inspection import ColumnInspection, Inspection
from jalousie.tables.profile import STAR

_K = 5
_NOTICE = """\
Draft by `jalousie inspect`. Before anybody signs it, somebody who knows the data checks each role below:
what could a neighbour, a colleague or a public register know (quasi-identifier)?"""
_TYPES = frozenset(get_args(model.ColumnType))
_OWN_TYPES = ("parquet", "arrow")


def contract_draft(
    inspection: Inspection, file: model.Table | str, *, name: str = "", folder: Path | str | None = None
) -> str:
    """YAML text of a contract for the inspected file.

    `file` is the `table` part (from `guess_table`) or a path. `folder` is where the contract will be: the path is then
    written relative to it; without it, as it is. `name` defaults to the file's. Identifiers are dropped, quasi-identifiers
    generalised to k = 5 (2 for fewer than 100 rows). Raises TableError T216 where there is nothing that could be released.
    """
    _refuse(inspection)
    table = file if isinstance(file, model.Table) else model.Table(file=file)
    place = table.file if folder is None else _relative(table.file, folder)
    tokens = sorted({token for column in inspection.columns for token in column.null_tokens})
    table = model.Table(file=place, format=table.format, csv=_with_nulls(table.csv, tokens) if tokens else table.csv)
    contract = Contract(
        jalousie=1,
        name=name or _name(table.file),
        parties=model.Parties(provider="Provider", ml_party="ML party"),
        purpose="",
        table=table,
        columns={column.name: _column(column, table) for column in inspection.columns},
        steps=_steps(inspection),
        privacy=_privacy(inspection),
        learning=_learning(inspection),
    )
    return dump_yaml(contract, comments=_comments(inspection, table))


def _refuse(inspection: Inspection) -> None:
    """A draft must run as it is; of some tables none can."""
    if inspection.rows < 2:
        raise TableError(
            "T216",
            "no contract can be drafted: a release of a single row would hide nobody",
            hint="give a table with more rows",
        )
    if all(column.role == "identifier" for column in inspection.columns):
        raise TableError(
            "T216",
            "no contract can be drafted: every column is proposed to be dropped, and nothing would be left to release",
            hint="`jalousie inspect` without --write says why; a contract written by hand can pseudonymise such a column",
        )


def _relative(file: str, folder: Path | str) -> str:
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # on another drive
        return str(Path(file).resolve())


def _with_nulls(csv: model.Csv, tokens: list[str]) -> model.Csv:
    return model.Csv(
        delimiter=csv.delimiter,
        quote=csv.quote,
        encoding=csv.encoding,
        decimal=csv.decimal,
        header=csv.header,
        nulls=tuple(dict.fromkeys((*csv.nulls, *tokens))),
    )


def _name(file: str) -> str:
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(file).stem).strip("-._")
    return words or "release"


def _column(column: ColumnInspection, table: model.Table) -> Column:
    kind = column.type if column.type in _TYPES else "text"
    if isinstance(column.hierarchy, model.MaskHierarchy) or column.role == "identifier":
        kind = "text"  # digits that are no number
    if table.format in _OWN_TYPES:
        kind = "text"  # such files carry their own types
    return Column(role=column.role, type=kind, hierarchy=column.hierarchy)  # type: ignore[arg-type]


def _steps(inspection: Inspection) -> tuple[model.Step, ...]:
    identifiers = tuple(column.name for column in inspection.columns if column.role == "identifier")
    return (model.DropColumns(columns=identifiers),) if identifiers else ()


def _privacy(inspection: Inspection) -> model.Privacy | None:
    if not any(column.role == "quasi-identifier" for column in inspection.columns):
        return None
    k = _K if inspection.rows >= 20 * _K else 2
    return model.Privacy(models=(model.KAnonymity(k=k),))


def _learning(inspection: Inspection) -> model.Learning | None:
    if not inspection.target:
        return None
    return model.Learning(target=inspection.target, task=inspection.task)


def _comments(inspection: Inspection, table: model.Table) -> dict[str, str]:
    comments = {"jalousie": _NOTICE}
    starred = [column.name for column in inspection.columns if STAR in column.null_tokens]
    if starred and table.format not in _OWN_TYPES:
        comments["table"] = (
            '"*" is read as a missing value, since it stands for a suppressed cell in a release; where it means something '
            "else, replace it in the file"
        )
    for column in inspection.columns:
        comments[f"columns.{column.name}"] = column.reason
    sensitive = [column.name for column in inspection.columns if column.role == "sensitive"]
    if sensitive:
        comments["privacy.models"] = (
            "k alone hides who is who, not what is true of all in a class; consider as well, for each sensitive column:\n"
            f"- {{model: distinct-l-diversity, column: {sensitive[0]}, l: 2}}"
        )
    if inspection.target:
        comments["learning"] = (
            "what the ML party may want to predict: the card then says how well the release serves it"
        )
    return comments
