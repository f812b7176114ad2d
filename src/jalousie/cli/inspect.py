"""`jalousie inspect FILE`: types, uniqueness, proposed roles, who is singled out; `--write` drafts a contract."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from jalousie.cli.common import colour


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="CSV, Parquet or Arrow file")
    parser.add_argument("--write", type=Path, metavar="CONTRACT", help="write a contract draft that runs as it is")
    parser.add_argument("--replace", action="store_true", help="replace an existing draft")
    parser.add_argument(
        "--no-checksums", action="store_true", help="do not try the check digits of national identifiers"
    )


def run(arguments: argparse.Namespace) -> int:
    import msgspec

    from jalousie.tables import contract_draft, guess_table, inspect_table, read_table
    from jalousie.tables.folder import check_file, write_file

    if arguments.write is not None:
        check_file(arguments.write, arguments.replace, what="the contract draft")  # before the work, not after it
    table = guess_table(arguments.file)
    inspection = inspect_table(read_table(table), table=table, checksums=not arguments.no_checksums)
    if arguments.write is not None:
        # the contract's paths are relative to its own folder
        place = os.path.relpath(arguments.file, arguments.write.parent)
        draft = contract_draft(inspection, msgspec.structs.replace(table, file=place))
        write_file(arguments.write, draft.encode(), replace=arguments.replace, what="the contract draft")
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(inspection), indent=2).decode())
    else:
        from jalousie.report.inspection import render_inspection

        print(render_inspection(inspection, colour=colour()))
    if arguments.write is not None and not arguments.json:
        print(f"\ncontract draft written to {arguments.write}", file=sys.stderr)
    return 0
