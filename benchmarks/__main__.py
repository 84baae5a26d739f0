"""`make bench`: every benchmark in turn, each one run in which answers are compared before times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RUNS = ("accuracy.py", "code.py", "charts.py", "memory.py", "serving.py")


def main() -> int:
    """Run them all; 1 when any ended in an error or missed a target that it is strict about."""
    status = 0
    for name in RUNS:
        print(f"\n== benchmarks/{name}", flush=True)
        status |= subprocess.run((sys.executable, str(HERE / name)), check=False).returncode
    return int(bool(status))


if __name__ == "__main__":
    sys.exit(main())
