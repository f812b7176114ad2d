"""The whole cold command: CSV in, written and verified CSV with its card out, CPU seconds of the process.

Adult as the literature uses it (9 columns, k = 5, Loss, 5 % suppression), with each kernel; report, attacks and learning apart.
Machines differ, so two other processes are measured between the runs: one that only imports the libraries that the command needs
(the floor), and, where it is at hand, the design's prototype, its parts made into a whole command: it reads the same files with
the standard library and numpy, searches, writes the CSV and counts the classes of what it wrote. The design's figures for it are
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
PROTOTYPE_SECONDS = {"native": 0.40, "numpy": 0.98}
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
import csv, json, sys
from collections import Counter
folder, reference, kernel = sys.argv[1:]
sys.path.insert(0, folder)
import common
load = common.load_hier
common.load_hier = lambda path: load(path.replace("adult_hierarchy_", "hierarchy_"))
problem = common.load_adult(common.QI9, reference)
if kernel == "native":
    import csearch
    searched = csearch.CSearch(problem)
else:
    import npsearch2
    npsearch2.shlev(problem)
    searched = npsearch2.NSearch(problem)
node, loss = searched.run(5, 0.05)
import numpy
packed, columns = numpy.zeros(problem.N, numpy.int64), []
for at, level in enumerate(node):
    level = int(level)
    of_value = problem.maps[at][level]
    codes = of_value[problem.rawcodes[at]]
    packed = packed * problem.ncodes[at][level] + codes
    labels = problem.labels[at][level]
    if len(labels) != problem.ncodes[at][level]:
        labels = dict(zip(of_value.tolist(), labels))
    columns.append((labels, codes.tolist()))
_, where, counts = numpy.unique(packed, return_inverse=True, return_counts=True)
rare = (counts[where] < 5).tolist()
rows = zip(*(["*" if gone else labels[code] for code, gone in zip(codes, rare)] for labels, codes in columns))
with open(folder + "/out.csv", "w", newline="") as target:
    writer = csv.writer(target, delimiter=";")
    writer.writerow(problem.names)
    writer.writerows(rows)
with open(folder + "/out.csv", newline="") as source:
    written = csv.reader(source, delimiter=";")
    next(written)
    classes = Counter(map(tuple, written))
assert min(classes.values()) >= 5 and sum(classes.values()) == problem.N
with open(folder + "/card.json", "w") as target:
    json.dump({"loss": loss, "classes": len(classes), "least": min(classes.values())}, target)
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


def gauge(built: Path, kernel: str) -> float:
    """CPU seconds of the prototype's whole command."""
    return cpu("-c", GAUGE, str(built), str(REFERENCE), kernel)


def compare(found: list[float], gauges: list[float], kernel: str) -> None:
    """Ours beside the prototype's command, pair by pair, and in the seconds of the machine where that was first measured."""
    ratio = statistics.median(ours / theirs for ours, theirs in zip(found, gauges, strict=True))
    there = PROTOTYPE_SECONDS[kernel]
    print(
        f"    the prototype's command {statistics.median(gauges):.2f} (least {min(gauges):.2f}) s here, {there:.2f} s there; "
        f"this one {ratio:.2f} times that, pair by pair: {ratio * there:.2f} s there"
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
    if built is not None:
        gauge(built, kernel)
    found, floors, gauges = [], [], []
    for _ in range(runs):
        found.append(cpu(*words))
        floors.append(cpu(*FLOOR))
        if built is not None and recoding == "optimal":
            gauges.append(gauge(built, kernel))
    card = json.loads((folder / "r" / "card.json").read_text())
    stages = ", ".join(f"{stage} {value:.3f}" for stage, value in card["seconds"].items())
    search, middle, floor = card["search"], statistics.median(found), statistics.median(floors)
    figures = f"loss {search['loss']:.6f}, exact {search['exact']}, checked {search['checked']}"
    print(f"{recoding:8} {kernel:6} median {middle:.2f} (least {min(found):.2f}) CPU s: {figures}")
    print(f"    {middle / floor:.1f} times the floor of {floor:.2f} (least {min(floors):.2f})")
    if gauges:
        compare(found, gauges, kernel)
    print(f"    {stages}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
