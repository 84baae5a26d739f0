"""The subject as a whole: what was left out, and what its configuration and waivers say."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from strictreal.config import Config
from strictreal.model import Demand, Fact, LeftOut, Location, Observation
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Tree

UNITS: tuple[str, ...] = ()
"""It counts nothing: what it says of demands must be there, or there is no audit."""


def excluded(config: Config, path: str) -> str:
    """The reason why the configuration leaves `path` out; empty when it does not."""
    return next((e.reason for e in config.exclude if fnmatch.fnmatchcase(path, e.path)), "")


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """What was not read and why, and what is demanded."""
    facts: list[Fact] = [LeftOut(where=Location(path), reason=reason) for path, reason in tree.left_out]
    passed_over = ((entry.path, excluded(config, entry.path)) for entry in tree)
    facts += [
        LeftOut(where=Location(path), reason=f"excluded by {config.source}: {redact(reason)}")
        for path, reason in passed_over
        if reason
    ]
    facts += [Demand(check=glob, by=config.source) for glob in config.require]
    yield Observation(collector="subject", source="", digest=tree.digest, facts=tuple(facts))
