"""Bounded, cached work on things that are more than one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from strictreal import suite
from strictreal.cache import Cache
from strictreal.model import Fact, Gap, Location, Observation, canonical
from strictreal.policy import load
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Tree

T = TypeVar("T")
R = TypeVar("R")


def run(
    session: Session, function: Callable[[T], R], items: Sequence[tuple[str, T]], kind: Any, *, seconds: float
) -> list[tuple[R | str, bool]]:
    """`function` of each item in a bounded worker, or from the cache.

    Args:
        items: each with the digest of everything that its result depends on, besides engines and tools.
        kind: the type of a result, for reading it back.

    Returns:
        For each item its result, or in words why there is none, and whether it was cached.
    """
    stamp = [load.COLLECTOR, suite.engine_digest(), function.__name__, canonical(load.tools()).decode()]
    keys = [Cache.key(*stamp, content) for content, _ in items]
    known: dict[str, R] = {}
    for key, blob in session.cache.get_many(keys).items():
        try:
            known[key] = msgspec.json.decode(blob, type=kind)
        except msgspec.MsgspecError:
            session.cache.damaged += 1
    fresh = {key: item for key, (_, item) in zip(keys, items, strict=True) if key not in known}
    made = dict(zip(fresh, session.bounded(function, list(fresh.values()), seconds=seconds), strict=True))
    session.cache.put_many({key: canonical(result) for key, result in made.items() if not isinstance(result, str)})
    return [(known[key], True) if key in known else (made[key], False) for key in keys]


def observation(
    tree: Tree, collector: str, source: str, facts: Sequence[Fact], *, digest: str = "", cached: bool = False
) -> Observation:
    """An observation of one source; `digest` is the file's own unless another is given."""
    return Observation(
        collector=f"{load.COLLECTOR}.{collector}",
        source=source,
        digest=digest or tree.digests[source],
        tools=load.tools(),
        cached=cached,
        facts=tuple(facts),
    )


def gap(unit: str, path: str, reason: str) -> Gap:
    """A unit that could not be examined."""
    return Gap(of=unit, where=Location(path), reason=redact(reason))


def at(tree: Tree, path: str, line: int, column: int = 1) -> Location:
    """A place with its redacted source line."""
    lines = tree.read(path).decode(errors="replace").split("\n")
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return Location(path, line, column, text=redact(text.rstrip(), 400))
