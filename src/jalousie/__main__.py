"""`python -m jalousie`."""

from __future__ import annotations

from jalousie.cli import run

if __name__ == "__main__":
    run()
