"""Collectors read a subject and produce facts. Nothing else in strictreal touches files, processes, network or clock.

A collector is a module with a `collect(tree, config, session)` that yields observations; the registry below is explicit
and ordered. A collector counts first (`Inventory`) and then accounts for every unit: with facts, or with a `Gap`.

A collector that raises all the same does not end the audit: each of its `UNITS` becomes a gap that names the exception,
so that what needs its facts is not-proven, and the other collectors go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol

from strictreal.collect import (
    charts,
    claims,
    cluster,
    code,
    gate,
    memory,
    parts,
    patterns,
    policies,
    strictness,
    subject,
    supply,
    testruns,
)
from strictreal.config import Config
from strictreal.errors import ConfigurationError
from strictreal.model import Gap, Location, Observation
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Tree

MAX_REASON = 300


class Collector(Protocol):
    """The seam between a subject and its facts."""

    __name__: str

    @property
    def UNITS(self) -> tuple[str, ...]:  # noqa: N802  (a constant of the module)
        """Every unit that it counts. Without one, nothing could tell of its failure, so that it then ends the audit."""

    def collect(self, tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
        """The observations of one tree; bad input becomes a `Gap`, never an exception."""
        ...


COLLECTORS: tuple[Collector, ...] = (
    subject,
    gate,
    code,
    charts,
    claims,
    cluster,
    memory,
    patterns,
    parts,
    policies,
    strictness,
    supply,
    testruns,
)
LIVE: tuple[Collector, ...] = (cluster, memory, supply)
"""Those that run a system, which takes long: they take part when a check that is to be run asks for one of their units."""


def collect_all(
    subjects: Sequence[tuple[Tree, Config]], session: Session, collectors: Sequence[Collector] = COLLECTORS
) -> list[list[Observation]]:
    """Everything that all collectors see in each of several trees, in a stable order.

    The trees are given together so that a collector with a `prepare(subjects, session)` can start a slow tool once, for
    all of them, before the others begin.

    Raises:
        ConfigurationError: the subject asks for something that a collector cannot do; its author can mend that.
    """
    prepared = [(collector, _preparation(collector, subjects, session)) for collector in collectors]
    return [_collect(tree, config, session, prepared) for tree, config in subjects]


def _preparation(collector: Collector, subjects: Sequence[tuple[Tree, Config]], session: Session) -> Exception | None:
    """What a collector's preparation ended with, where that was no success."""
    try:
        if prepare := getattr(collector, "prepare", None):
            prepare(subjects, session)
    except ConfigurationError:
        raise
    except Exception as error:
        if not collector.UNITS:
            raise
        return error
    return None


def _collect(
    tree: Tree, config: Config, session: Session, prepared: Sequence[tuple[Collector, Exception | None]]
) -> list[Observation]:
    observations: list[Observation] = []
    for collector, failure in prepared:
        name = collector.__name__.rpartition(".")[2]
        if failure:
            found = [broken(name, collector.UNITS, tree, failure)]
        else:
            found = guarded(name, collector.UNITS, tree, partial(collector.collect, tree, config, session))
        observations += sorted(found, key=lambda o: (o.collector, o.source))
    return observations


def guarded(
    name: str, units: tuple[str, ...], tree: Tree, collect: Callable[[], Iterable[Observation]]
) -> list[Observation]:
    """What `collect()` gives; where it raises, what it gave until then, and a gap for each of its units."""
    found: list[Observation] = []
    try:
        found.extend(collect())
    except ConfigurationError:
        raise
    except Exception as error:
        if not units:
            raise
        found.append(broken(name, units, tree, error))
    return found


def broken(name: str, units: tuple[str, ...], tree: Tree, error: Exception) -> Observation:
    """That a collector gave up a tree: a gap for each unit, with the exception and its message, redacted."""
    message = redact(str(error).split("\n", 1)[0].encode(errors="backslashreplace").decode(), MAX_REASON)
    reason = f"the {name} collector broke: {type(error).__name__}" + (f": {message}" if message else "")
    gaps = tuple(Gap(of=unit, where=Location(""), reason=reason) for unit in units)
    return Observation(collector=name, source="", digest=tree.digest, facts=gaps)
