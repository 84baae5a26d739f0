"""Policies for tests: modules from text, and what the collector sees of a repository of policies."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TypeVar

import pytest

from strictreal import config, suite
from strictreal.cache import Cache
from strictreal.collect import policies
from strictreal.engines import opa
from strictreal.model import Fact, Gap, Observation
from strictreal.policy import syntax
from strictreal.policy.parse import parse
from strictreal.session import Session
from strictreal.subject import open_tree

needs_opa = pytest.mark.skipif(opa.version() == "absent", reason="no opa binary on the PATH")

F = TypeVar("F", bound=Fact)


def rego(text: str) -> str:
    """A module's text: dedented, in package p unless it names another."""
    text = textwrap.dedent(text).strip() + "\n"
    return text if "package " in text else f"package p\n\n{text}"


def module(text: str, path: str = "p.rego") -> syntax.Module:
    return parse(path, rego(text).encode())


def our_policies() -> list[syntax.Module]:
    """Every module of the suite's own policies, tests included."""
    folder = suite.root() / "policies"
    return [parse(p.relative_to(folder).as_posix(), p.read_bytes()) for p in sorted(folder.rglob("*.rego"))]


def observe(root: Path, cache: Path | None = None) -> list[Observation]:
    """What the policy collector sees of a repository."""
    tree = open_tree(root)
    with Session(Cache(cache), jobs=2) as session:
        return list(policies.collect(tree, config.load(tree), session))


def collect(root: Path, kind: type[F]) -> list[F]:
    """The facts of one type that the policy collector draws from a repository."""
    return Seen(root).all(kind)


def gaps(root: Path, unit: str) -> dict[str, str]:
    """Why each unit of one kind could not be examined, by path."""
    return Seen(root).gaps(unit)


class Seen:
    """What the policy collector sees of a repository, for tests that ask more than once."""

    def __init__(self, root: Path) -> None:
        self.facts = [fact for seen in observe(root) for fact in seen.facts]

    def all(self, kind: type[F]) -> list[F]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def gaps(self, unit: str) -> dict[str, str]:
        return {gap.where.path: gap.reason for gap in self.all(Gap) if gap.of == unit}
