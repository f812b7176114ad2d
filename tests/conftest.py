"""What all tests share: where the real data are, and how Hypothesis runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from command_desk import ROWS, Desk, Ran

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / ".data"
REFERENCE = ROOT.parent / "shared" / "data" / "adult"

# the same examples in every run, so that a change is not blamed for an old fault; the longer runs look for new ones
settings.register_profile(
    "short", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("middle", max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


def _data(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip("the real data are absent: run `make data`")
    return path


@pytest.fixture(scope="session")
def adult_csv() -> Path:
    """UCI Adult, 32,561 rows, nulls written `?`."""
    return _data("adult.csv")


@pytest.fixture(scope="session")
def adult_test_csv() -> Path:
    return _data("adult_test.csv")


@pytest.fixture(scope="session")
def restaurants_csv() -> Path:
    return _data("restaurants.csv")


@pytest.fixture(scope="session")
def reference_adult() -> Path:
    """The folder with Adult as the de-identification literature uses it, and its published optima."""
    if not REFERENCE.exists():
        pytest.skip("the reference data with published optima are absent")
    return REFERENCE


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("JALOUSIE_HOME", str(tmp_path / "home"))
    made = Desk(tmp_path)
    made.table(ROWS)
    made.contract()
    return made


@pytest.fixture
def refused() -> Callable[[Ran, str, int], None]:
    """The one error shape: code, hint, exit code; nothing on standard output, no traceback."""

    def check(ran: Ran, code: str, exit_code: int) -> None:
        assert ran.code == exit_code, ran.text
        assert f"error[{code}]" in ran.err
        assert "hint:" in ran.err
        assert ran.out == ""
        assert "Traceback" not in ran.text

    return check
