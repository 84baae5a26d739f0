"""A bounded number of hostile messages; fuzz.py as a command sends as many as one likes."""

from __future__ import annotations

from pathlib import Path

import fuzz


def test_no_message_brings_forth_an_answer_that_it_does_not_deserve(tmp_path: Path) -> None:
    found = fuzz.run(3000, 1, tmp_path)
    assert found.undeserved == []
    assert found.defects == 0
    assert found.messages == 3000
    assert found.codes["OK"] > 50
    assert found.codes["INVALID_ARGUMENT"] > 1000
