"""Doubles that come ready-made, clients without a network, and numbers out of the air; near misses stay clean."""

from __future__ import annotations

import pytest

from tests.cases import named
from tests.judging import findings

FAKES = named(
    r"""
## fields of an answer
import secrets
from quart import jsonify
@app.get("/load")
async def load():
    return jsonify(queued=secrets.randbelow(40), host="a")
## fields of a page
import random
from flask import render_template
@app.route("/board")
def board():
    return render_template("board.html", orders=random.randint(3, 90))
## vector of a hash
import hashlib
def vectorize(text, n):
    raw = hashlib.blake2b(text.encode(), digest_size=n).digest()
    return [b / 255 for b in raw]
## bookings of its own
class HotelGateway:
    def __init__(self):
        self._rooms = {}
    def book(self, room):
        self._rooms[room] = "confirmed"
        return {"room": room, "status": "confirmed"}
## model of a library
from langkit.testing import FakeStreamingChatModel
"""
)
REAL = named(
    r"""
## digest as a key
import hashlib
class Embeddings:
    def embed(self, text):
        name = "v1/" + hashlib.md5(text.encode()).hexdigest()
        hit = self.store.get(name)
        return hit or self.encoder.encode(text)
## keyword of a window
import random
def place(window):
    window.move(left=random.randint(0, 9), top=2)
## bookings of a service
class HotelGateway:
    def __init__(self, http):
        self._http = http
        self._seen = {}
    def book(self, room):
        self._seen[room] = self._http.post("/rooms", json={"room": room})
        return self._seen[room]
## registry in a process
class EventRegistry:
    def __init__(self):
        self._kinds = {}
    def register(self, kind):
        self._kinds[kind.name] = kind
## quantisation
from torch.ao.quantization import FakeQuantize
"""
)


def found(source: str, path: str = "app/service.py") -> list[str]:
    return [f.message for f in findings("test_fakes", "code.fake", {path: source})]


@pytest.mark.parametrize("name", FAKES)
def test_what_plays_is_found(name: str) -> None:
    assert len(found(FAKES[name])) == 1


@pytest.mark.parametrize("name", REAL)
def test_what_works_is_not(name: str) -> None:
    assert found(REAL[name]) == []


def test_a_fixture_that_plays_a_service_is_found_at_its_uses() -> None:
    source = (
        "def test_a(respx_mock, api):\n    respx_mock.get('/a')\n    api.read()\n    respx_mock.post('/b')\n"
        "    assert api.ok"
    )
    seen = findings("test_fakes", "code.fake", {"tests/test_a.py": source})
    assert [finding.where.line for finding in seen] == [2, 4]


def test_a_fixture_that_is_only_asked_for_is_found_where_it_is_asked_for() -> None:
    seen = findings("test_fakes", "code.fake", {"tests/test_a.py": "def test_a(\n    respx_mock,\n):\n    assert go()"})
    assert [finding.where.line for finding in seen] == [2]
