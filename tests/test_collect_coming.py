"""Functions that are still to be written, by what stands in them; near misses stay clean."""

from __future__ import annotations

import pytest

from tests.cases import named
from tests.judging import findings

STUBS = named(
    r"""
## one method of a client
import paylib
class CardClient:
    def charge(self, cents):
        return paylib.charge(cents)
    def void(self, payment):
        '''Takes a payment back.'''
## constant vector of a size that is held
class Encoder:
    def encode(self, text):
        return [0.5] * self.dim
## constant vectors of an array
import numpy
WIDTH = 64
def embed(text):
    return numpy.full(WIDTH, 0.3)
## program that ends
import sys
class Tool:
    def export(self, name):
        sys.exit("export is not implemented.")
## comment about what comes
class Login:
    def refresh(self, token):
        # we will ask the issuer for a new one
        pass
"""
)
REAL = named(
    r"""
## as long as what is given
def blanks(texts):
    return [0.0] * len(texts)
## padding of an argument
def pad(row, size):
    return row + [0] * (size - len(row))
## what a store of nothing does
class NullStore:
    def discard(self, key):
        pass
## what is not to be had
class Pipe:
    def seek(self, offset):
        raise OSError("seeking is not implemented for pipes")
## said to be called
class Watcher:
    def on_change(self, event):
        # will be called by the loop
        pass
## comment on somebody else
class Screen:
    def refresh(self, area):
        # will never need it
        pass
"""
)


def found(source: str) -> list[str]:
    return [f.message for f in findings("test_stubs", "code.stub", {"app/service.py": source})]


@pytest.mark.parametrize("name", STUBS)
def test_what_is_still_to_be_written_is_found(name: str) -> None:
    assert len(found(STUBS[name])) == 1


@pytest.mark.parametrize("name", REAL)
def test_what_is_written_is_not(name: str) -> None:
    assert found(REAL[name]) == []
