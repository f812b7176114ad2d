"""The whole cold command: CSV in, written and verified CSV with its card out, CPU seconds of the process.

Adult as the literature uses it (9 columns, k = 5, Loss, 5 % suppression), with each kernel; report, attacks and learning apart.
Machines differ, so a floor is measured between the runs: an interpreter that only imports the libraries that the command needs.
Run: python tests/bench/bench_cold_command.py [RUNS]
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
REFERENCE = ROOT.parent / "shared" / "data" / "adult"
COLUMNS = [
    *("sex", "age", "race", "marital-status", "education"),
    *("native-country", "workclass", "occupation", "salary-class"),
]


def contract(folder: Path, recoding: str) -> Path:
    columns = "\n".join(
        f"  {name}: {{role: quasi-identifier, hierarchy: {{by: file, file: {REFERENCE / f'hierarchy_{name}.csv'}}}}}"
        for name in COLUMNS
    )
    path = folder / "adult.yaml"
    path.write_text(
        f"jalousie: 1\nname: adult\nparties: {{provider: P}}\n"
        f'table: {{file: {REFERENCE / "adult.csv"}, csv: {{delimiter: ";"}}}}\ncolumns:\n{columns}\n'
        f"privacy: {{models: [{{model: k-anonymity, k: 5}}], suppression: 0.05, recoding: {recoding}, suppressed: star}}\n"
        f"release: {{format: csv}}\n"
    )
    return path


FLOOR = ("-c", "import duckdb, msgspec, narwhals, numpy, yaml")


def cpu(*words: str) -> float:
    """CPU seconds of one Python process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(runs: int) -> None:
    if not REFERENCE.exists():
        print("the reference data are absent; nothing was measured")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for recoding in ("optimal", "local"):
            for kernel in ("native", "numpy"):
                words = [
                    *("-m", "jalousie", "protect"),
                    str(contract(folder, recoding)),
                    "--out",
                    str(folder / "r"),
                    "--replace",
                    "--kernel",
                    kernel,
                ]
                words += ["--no-report", "--no-attacks", "--no-learning"]
                pairs = [(cpu(*words), cpu(*FLOOR)) for _ in range(runs)]
                seconds, floors = (sorted(column) for column in zip(*pairs, strict=True))
                card = json.loads((folder / "r" / "card.json").read_text())
                stages = ", ".join(f"{stage} {value:.3f}" for stage, value in card["seconds"].items())
                found, middle = card["search"], seconds[len(seconds) // 2]
                figures = f"loss {found['loss']:.6f}, exact {found['exact']}, checked {found['checked']}"
                floor = floors[len(floors) // 2]
                print(f"{recoding:8} {kernel:6} median {middle:.2f} (least {seconds[0]:.2f}) CPU s: {figures}")
                print(f"    {middle / floor:.1f} times the floor of {floor:.2f} (least {floors[0]:.2f})")
                print(f"    {stages}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
