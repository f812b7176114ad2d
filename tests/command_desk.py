"""A small table, a contract for it, and a way to run the command line as a user does."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from jalousie.cli import main

CANARY = "CANARY-7731-QZ"
ROWS = [
    ("id", "age", "town", "illness", "note"),
    *((f"p{i}", str(20 + i % 8), "NS"[i % 2] + "x", "flu" if i % 3 else "cold", str(i)) for i in range(40)),
]
CONTRACT = """\
jalousie: 1
name: small
parties: {provider: Hospital, ml-party: Lab}
table: {file: people.csv}
columns:
  id: {role: identifier}
  age: {role: quasi-identifier, type: integer, hierarchy: {by: intervals, widths: [5, 10, 20]}}
  town: {role: quasi-identifier}
  illness: {role: sensitive}
  note: {role: plain}
privacy:
  models: [{model: k-anonymity, k: 3}]
  suppression: 0.1
"""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Desk:
    """A folder with a table and a contract; `run` starts the real command there."""

    folder: Path

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def table(self, rows: list[tuple[str, ...]], name: str = "people.csv") -> None:
        self.write(name, "".join(",".join(row) + "\n" for row in rows))

    def contract(self, old: str = "", new: str = "") -> None:
        assert old in CONTRACT
        self.write("contract.yaml", CONTRACT.replace(old, new) if old else CONTRACT)

    def run(self, *words: str) -> Ran:
        """The command in this process: fast, and the same code from the first argument to the exit code."""
        out, err, place = io.StringIO(), io.StringIO(), Path.cwd()
        os.chdir(self.folder)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = main(list(words))
        finally:
            os.chdir(place)
        return Ran(code, out.getvalue(), err.getvalue())

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "jalousie", *words]

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """The command as a process of its own."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env={**os.environ, "JALOUSIE_HOME": str(self.folder / "home"), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def protect(self, *words: str) -> Ran:
        return self.run("protect", "contract.yaml", "--no-learning", *words)

    def left(self) -> set[str]:
        """What lies in the folder beyond what was put there."""
        return {path.name for path in self.folder.iterdir()} - {
            "people.csv",
            "contract.yaml",
            "people.parquet",
            "h.csv",
        }
