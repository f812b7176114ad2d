"""`python -m jalousie`."""

from __future__ import annotations

import sys

from jalousie.cli import main

if __name__ == "__main__":
    sys.exit(main())
