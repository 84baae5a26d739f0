"""The suite's own policies over Kubernetes manifests, in process."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from strictreal import suite
from strictreal.engines import rego
from strictreal.engines.rego import RegoError, Source
from strictreal.model import canonical, digest
from strictreal.policy import link, metadata, parity, read
from strictreal.policy.expand import expand
from strictreal.policy.parity import Comparison
from strictreal.policy.parse import parse

ENTRY = "data.main.violations"


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says of one manifest; `path` is inside the manifest."""

    rule: str
    message: str
    path: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What all rules say of one manifest, or why they could not be asked."""

    violations: tuple[Violation, ...] = ()
    problem: str = ""


class RuleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule's METADATA says of it."""

    title: str
    severity: str
    remedy: str


def _files() -> list[tuple[str, bytes]]:
    folder = suite.root() / "policies"
    return [(p.relative_to(folder).as_posix(), p.read_bytes()) for p in sorted(folder.rglob("*")) if _is_part(p)]


def _is_part(path: Path) -> bool:
    tests = path.name.endswith("_test.rego")
    return path.is_file() and not tests and (path.suffix == ".rego" or path.name in link.DATA_FILES)


@cache
def policies_digest() -> str:
    """SHA-256 over the rules and parameters in use; tests have no part in it."""
    return digest(canonical([[path, digest(source)] for path, source in _files()]))


@cache
def sources() -> tuple[list[Source], dict[str, Any]]:
    """The modules and the data of the suite's policies."""
    modules, documents = [], []
    for path, source in _files():
        if path.endswith(".rego"):
            modules.append(Source(path, source.decode()))
        else:
            documents.append((link.prefix(path, ""), read.document(path, source)))
    return modules, link.merge(documents)


@cache
def rules() -> dict[str, RuleInfo]:
    """METADATA of each rule, by the last part of its package."""
    found = {}
    for source in sources()[0]:
        module = parse(source.path, source.text.encode())
        own = metadata.annotation(module, module.package_start)
        found[module.package.rsplit(".", 1)[-1]] = RuleInfo(
            title=metadata.text(own, "title"),
            severity=metadata.text(own, "custom", "severity"),
            remedy=metadata.text(own, "custom", "remedy"),
        )
    return found


@cache
def _engine() -> rego.Engine:
    """One engine a process: loading it takes longer than asking about a hundred manifests."""
    modules, data = sources()
    return rego.prepare([expand(module) for module in modules], data)


def judge(documents: tuple[str, ...]) -> list[Verdict]:
    """judging manifests"""
    engine = _engine()
    return [_judge(engine, document) for document in documents]


def compare(documents: tuple[str, ...]) -> Comparison:
    """comparing both engines on manifests"""
    named = [(str(number), json.loads(document)) for number, document in enumerate(documents)]
    modules, data = sources()
    return parity.compare(modules, data, [ENTRY.removeprefix("data.")], named, "", each=True)


def _judge(engine: rego.Engine, document: str) -> Verdict:
    try:
        engine.input(document.encode())
        found = engine.rule(ENTRY)
        return Verdict(violations=tuple(sorted(msgspec.convert(found, list[Violation]), key=_order)))
    except (RegoError, msgspec.ValidationError) as error:
        return Verdict(problem=f"the policies cannot be evaluated: {error}"[:300])


def _order(violation: Violation) -> tuple[str, str, str]:
    return violation.rule, violation.path, violation.message
