"""Make the virtual environment: `uv` where it can be had (fast, compiles bytecode), plain pip otherwise. Standard library only.

Everything is installed from `requirements.lock` by hash; Jalousie itself without its dependencies and without an isolated build,
so that nothing unpinned is fetched.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path


def main(folder: Path) -> None:
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise SystemExit(f"Jalousie needs Python 3.11 to 3.13; this is {sys.version.split()[0]}")
    venv.create(folder, with_pip=True, clear=False, symlinks=os.name != "nt")
    binaries = folder / ("Scripts" if os.name == "nt" else "bin")
    python = str(binaries / "python")
    pip = [python, "-m", "pip", "-q", "--disable-pip-version-check", "install"]
    with_uv = subprocess.run([*pip, "uv"], check=False).returncode == 0
    if with_uv:
        install = [str(binaries / "uv"), "pip", "install", "-q", "--python", python, "--compile-bytecode"]
    else:
        print("uv cannot be had here; pip does the same more slowly", file=sys.stderr)
        install = pip
    subprocess.run([*install, "--require-hashes", "-r", "requirements.lock"], check=True)
    subprocess.run([*install, "--no-deps", "--no-build-isolation", "-e", "."], check=True)
    subprocess.run([python, "-m", "compileall", "-q", "src"], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
