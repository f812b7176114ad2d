"""What opening the door costs: CPU milliseconds of `import jalousie` and `jalousie --help`, beside a bare interpreter.

Run: python tests/bench/bench_startup.py
"""

from __future__ import annotations

import resource
import subprocess
import sys


def cpu(*words: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    for name, words in (
        ("bare interpreter", ("-c", "pass")),
        ("import jalousie", ("-c", "import jalousie")),
        ("jalousie --help", ("-m", "jalousie", "--help")),
        ("import jalousie.contract", ("-c", "import jalousie.contract")),
        ("from jalousie import protect", ("-c", "from jalousie import protect")),
    ):
        seconds = sorted(cpu(*words) for _ in range(9))
        print(f"{name:30} median {1000 * seconds[4]:4.0f} ms (least {1000 * seconds[0]:.0f})")


if __name__ == "__main__":
    main()
