"""Collectors read a subject and produce facts. Nothing else in strictreal touches files, processes, network or clock.

A collector is a module with a `collect(tree, config, session)` that yields observations; the registry below is explicit
and ordered. A collector counts first (`Inventory`) and then accounts for every unit: with facts, or with a `Gap`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from strictreal.collect import charts, claims, code, gate, patterns, policies, strictness, subject
from strictreal.collect.session import Session
from strictreal.config import Config
from strictreal.model import Observation
from strictreal.subject import Tree


class Collector(Protocol):
    """The seam between a subject and its facts."""

    __name__: str

    def collect(self, tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
        """The observations of one tree; bad input becomes a `Gap`, never an exception."""
        ...


COLLECTORS: tuple[Collector, ...] = (subject, gate, code, charts, claims, patterns, policies, strictness)


def collect_all(subjects: Sequence[tuple[Tree, Config]], session: Session) -> list[list[Observation]]:
    """Everything that all collectors see in each of several trees, in a stable order.

    The trees are given together so that a collector with a `prepare(subjects, session)` can start a slow tool once, for
    all of them, before the others begin.
    """
    for collector in COLLECTORS:
        if prepare := getattr(collector, "prepare", None):
            prepare(subjects, session)
    return [_collect(tree, config, session) for tree, config in subjects]


def _collect(tree: Tree, config: Config, session: Session) -> list[Observation]:
    observations: list[Observation] = []
    for collector in COLLECTORS:
        found = list(collector.collect(tree, config, session))
        observations += sorted(found, key=lambda o: (o.collector, o.source))
    return observations
