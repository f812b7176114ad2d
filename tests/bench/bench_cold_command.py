"""The whole cold command: CSV in, written and verified CSV with its card out, CPU seconds of the process.

Adult as the literature uses it (9 columns, k = 5, Loss, 5 % suppression), with each kernel; report, attacks and learning apart.
Machines differ, so two other processes are measured between the runs: one that only imports the libraries that the command needs
(the floor), and, where it is at hand, the design's prototype of the search alone, which took 0.087 s where its whole command took
0.40 s with the native kernel and 0.98 s with numpy.
Run: python tests/bench/bench_cold_command.py [RUNS]
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
REFERENCE = ROOT.parent / "shared" / "data" / "adult"
PROTOTYPE = ROOT.parent / "shared" / "prototypes" / "search"
PROTOTYPE_SEARCH = 0.087
PROTOTYPE_COMMAND = {"native": 0.40, "numpy": 0.98}
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


FLOOR = (
    "-c",
    "import os; os.environ['OPENBLAS_NUM_THREADS'] = '1'; import duckdb, msgspec, narwhals, numpy, yaml",
)


GAUGE = """
import sys, time
sys.path.insert(0, sys.argv[1])
import common, csearch
load = common.load_hier
common.load_hier = lambda path: load(path.replace("adult_hierarchy_", "hierarchy_"))
problem = common.load_adult(common.QI9, sys.argv[2])
found = []
for _ in range(3):
    searched = csearch.CSearch(problem)
    start = time.process_time()
    searched.run(5, 0.05)
    found.append(time.process_time() - start)
print(min(found))
"""


def cpu(*words: str) -> float:
    """CPU seconds of one Python process, its own modules compiled as after an installation."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def prototype(folder: Path) -> Path | None:
    """The prototype, built; None where it or a compiler is absent."""
    compiler = shutil.which("gcc")
    if not PROTOTYPE.exists() or compiler is None:
        return None
    built = folder / "prototype"
    shutil.copytree(PROTOTYPE, built)
    source = [str(built / "fdsearch.c"), "-lm"]
    subprocess.run([compiler, "-O3", "-shared", "-fPIC", "-o", str(built / "fdsearch.so"), *source], check=True)
    return built


def gauge(built: Path) -> float:
    """CPU seconds of the prototype's search."""
    words = [sys.executable, "-c", GAUGE, str(built), str(REFERENCE)]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def compare(seconds: float, gauges: list[float], kernel: str) -> None:
    """The prototype's command as it would be at the speed that its search has here."""
    here = statistics.median(gauges)
    there = PROTOTYPE_COMMAND[kernel]
    print(
        f"    prototype's search {here:.3f} s here (least {min(gauges):.3f}), {PROTOTYPE_SEARCH} s there: "
        f"its command's {there:.2f} s are {there * here / PROTOTYPE_SEARCH:.2f} s here, this one {seconds:.2f} s"
    )


def main(runs: int) -> None:
    if not REFERENCE.exists():
        print("the reference data are absent; nothing was measured")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        built = prototype(folder)
        for recoding in ("optimal", "local"):
            for kernel in ("native", "numpy"):
                measure(folder, recoding, kernel, runs, built)


def measure(folder: Path, recoding: str, kernel: str, runs: int, built: Path | None) -> None:
    words = ["-m", "jalousie", "protect", str(contract(folder, recoding)), "--out", str(folder / "r"), "--replace"]
    words += ["--kernel", kernel, "--no-report", "--no-attacks", "--no-learning"]
    cpu(*words)  # the first run compiles what is not compiled yet
    found, floors, gauges = [], [], []
    for _ in range(runs):
        found.append(cpu(*words))
        floors.append(cpu(*FLOOR))
        if built is not None and recoding == "optimal":
            gauges.append(gauge(built))
    card = json.loads((folder / "r" / "card.json").read_text())
    stages = ", ".join(f"{stage} {value:.3f}" for stage, value in card["seconds"].items())
    search, middle, floor = card["search"], statistics.median(found), statistics.median(floors)
    figures = f"loss {search['loss']:.6f}, exact {search['exact']}, checked {search['checked']}"
    print(f"{recoding:8} {kernel:6} median {middle:.2f} (least {min(found):.2f}) CPU s: {figures}")
    print(f"    {middle / floor:.1f} times the floor of {floor:.2f} (least {min(floors):.2f})")
    if gauges:
        compare(middle, gauges, kernel)
    print(f"    {stages}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
