"""A bounded number of hostile messages; fuzz.py as a command sends as many as one likes."""

from __future__ import annotations

from pathlib import Path

import fuzz
import soak


def test_no_message_brings_forth_an_answer_that_it_does_not_deserve(tmp_path: Path) -> None:
    found = fuzz.run(3000, 1, tmp_path)
    assert found.undeserved == []
    assert found.defects == 0
    assert found.messages == 3000
    assert found.codes["OK"] > 50
    assert found.codes["INVALID_ARGUMENT"] > 1000


def test_a_mixed_load_meets_no_error_of_the_server(tmp_path: Path) -> None:
    found = soak.run(3.0, tmp_path)
    assert found.unexpected == 0, found.answers
    assert found.answers["OK"] > 100
