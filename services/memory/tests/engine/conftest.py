"""Sizes for tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch, request):
    """The sizes of blocks and steps are free choices; small ones let small examples go through every path."""
    if "full_size" in request.keywords:
        return
    for module, size, value in (
        ("segment", "BLOCK", 4),
        ("directory", "BLOCK", 4),
        ("search", "BLOCK", 4),
        ("search", "FIRST_SCORED", 3),
        ("search", "LARGEST_STEP", 4),
        ("space", "TAIL", 8),
        ("quantized", "CHUNK", 5),
    ):
        monkeypatch.setattr(f"sfm.engine.{module}.{size}", value)
