"""One server that most tests share, and a client of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Server, serving
from sfm.client import Client

sys.path.append(str(Path(__file__).resolve().parents[3] / "common" / "tests"))
"""Where the auth service for tests is."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[Client]:
    with server.client() as found:
        yield found
