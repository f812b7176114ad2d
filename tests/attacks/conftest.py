"""Real data for the attacks."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def adult_rows(adult_csv: Path) -> list[tuple[str, ...]]:
    """Adult: age, education, marital status, sex, race and, last, occupation."""
    names = ["age", "education", "marital-status", "sex", "race", "occupation"]
    with adult_csv.open(newline="", encoding="utf-8") as file:
        return [tuple(row[name] for name in names) for row in csv.DictReader(file)]
