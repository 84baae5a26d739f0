"""What tests of tampering share: an evidence folder with two bundles."""

from __future__ import annotations

from pathlib import Path

import pytest
from tampering import few_specimens

from strictreal.evidence.statement import BLOBS
from strictreal.model import digest


def with_blob(folder: Path) -> None:
    few_specimens(folder)
    data = b"kind: Service\n"
    (folder / BLOBS).mkdir()
    (folder / BLOBS / digest(data)).write_bytes(data)


@pytest.fixture
def two(place):
    """An evidence folder with two bundles, one with a blob."""
    place.record(edit=few_specimens)
    place.record(edit=with_blob)
    assert place.verify().problems == ()
    return place
