"""Where the real servers for tests are."""

from __future__ import annotations

import sys
from pathlib import Path

SERVICES = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(SERVICES / "memory" / "tests" / "server"), str(SERVICES / "common" / "tests")]
