"""Every type of fact, one module a collector. `decode` reads observations back from a bundle, validating them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Union

import msgspec

from strictreal import model
from strictreal.errors import EvidenceError
from strictreal.facts import behaviour as _behaviour
from strictreal.facts import charts as _charts
from strictreal.facts import claims as _claims
from strictreal.facts import cluster as _cluster
from strictreal.facts import code as _code
from strictreal.facts import gate as _gate
from strictreal.facts import memory as _memory
from strictreal.facts import patterns as _patterns
from strictreal.facts import policies as _policies
from strictreal.facts import sprints as _sprints
from strictreal.facts import supply as _supply
from strictreal.facts import unread as _unread
from strictreal.model import Fact, Observation, canonical


def _leaves(kind: type[Fact]) -> Iterator[type[Fact]]:
    for child in kind.__subclasses__():
        if child is not model.Located:
            yield child
        yield from _leaves(child)


@cache
def _decoder() -> msgspec.json.Decoder[Any]:
    facts = Union[tuple(dict.fromkeys(_leaves(Fact)))]  # type: ignore[valid-type]  # noqa: UP007
    record = msgspec.defstruct(
        "ObservationRecord",
        [("facts", tuple[facts, ...])],  # type: ignore[valid-type]
        bases=(Observation,),
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )
    return msgspec.json.Decoder(record)


def encode(observations: Iterable[Observation]) -> Iterator[bytes]:
    """One canonical JSON line an observation, newline included."""
    for observation in observations:
        yield canonical(observation) + b"\n"


def decode(lines: Iterable[bytes], origin: str) -> Iterator[Observation]:
    """The observations of a facts file.

    Raises:
        EvidenceError: a line is not an observation; the message names `origin` and the line.
    """
    for number, line in enumerate(lines, 1):
        try:
            yield _decoder().decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise EvidenceError(f"{origin}:{number}: not an observation: {error}") from error
