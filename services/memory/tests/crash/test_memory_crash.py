"""A few rounds of the crash matrix; the command of crash_matrix.py runs as many as are wanted."""

from __future__ import annotations

from pathlib import Path

from crash_matrix import matrix


def test_every_acknowledged_change_outlives_a_kill_and_none_is_doubled(tmp_path: Path) -> None:
    told, wrong = matrix(6, 1, tmp_path)
    assert wrong == []
    assert told.answers > 0
