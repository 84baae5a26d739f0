"""The embedded engine beside the real OPA: the same policies and inputs, and every difference between the answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from strictreal.engines import opa, rego
from strictreal.engines.rego import UNDEFINED, RegoError, Source
from strictreal.policy.absent import inputs, packages_query, variants
from strictreal.policy.test import Loaded
from strictreal.subject import open_tree

if TYPE_CHECKING:
    from strictreal.collect.session import Session

MAX_DIFFERENCES = 20
"""Differences kept for one suite."""


SUITE_SECONDS = 120
"""Wall time for one suite in both engines."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One question that the engines answer differently."""

    path: str
    question: str
    """The rule that is asked for."""
    about: str
    """The name of the input."""
    embedded: str
    opa: str


class SuiteParity(msgspec.Struct, frozen=True, kw_only=True):
    """Both engines' answers to one suite, compared. `questions` counts the inputs that were put to both."""

    test: str
    questions: int
    differences: tuple[Difference, ...] = ()
    refused: str = ""
    """Why the engines could not be compared; nothing is said of their answers then."""


class ParityReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `policy parity` prints."""

    suites: tuple[SuiteParity, ...]
    problems: tuple[tuple[str, str], ...] = ()
    engines: str = ""
    """Names and versions of both; "absent" for an opa that is not there."""

    @property
    def proven(self) -> bool:
        """Something was compared, nothing was refused, and no answer differs."""
        compared = bool(self.suites) and all(not s.refused and not s.differences for s in self.suites)
        return compared and not self.problems


def compare_suite(suite: Loaded) -> SuiteParity:
    """comparing both engines"""
    # Put to both: the tests themselves, every input that the tests use, and each of those with each field removed.
    tests = sorted({package for package, _, _ in suite.rules})
    policies = [s for s in suite.modules() if not s.path.endswith("_test.rego")]
    try:
        documents = list(variants(inputs(suite)))
        differences = compare(suite.modules(), suite.data, tests, [("the tests", {})], suite.test)
        named = [(f"input {n + 1}" + (f" without {path}" if path else ""), d) for n, path, d in documents]
        differences += compare(policies, suite.data, suite.policies, named, suite.test)
    except RegoError as error:
        return SuiteParity(test=suite.test, questions=0, refused=f"the embedded engine refuses it: {error}"[:300])
    return SuiteParity(test=suite.test, questions=1 + len(documents), differences=tuple(differences[:MAX_DIFFERENCES]))


def compare(
    sources: Sequence[Source],
    data: dict[str, Any],
    packages: Sequence[str],
    documents: Sequence[tuple[str, Any]],
    path: str,
) -> list[Difference]:
    """Ask both engines for all documents of `packages` under each named input.

    Raises:
        RegoError: the embedded engine cannot load the modules.
        ToolMissing, BoundExceeded: there is no opa, or it ran into a bound.
    """
    if not documents or not packages:
        return []
    query = packages_query(packages)
    engine = rego.prepare(sources, data)
    here = [_embedded(engine, query, document) for _, document in documents]
    there = _real(sources, data, query, [document for _, document in documents])
    found = []
    for (name, _), ours, theirs in zip(documents, here, there, strict=True):
        if _plain(ours) != _plain(theirs):
            rule, one, other = _first_difference(ours, theirs)
            found.append(Difference(path=path, question=rule, about=name, embedded=one, opa=other))
    return found


def _embedded(engine: rego.Engine, query: str, document: Any) -> Any:
    try:
        engine.input(json.dumps(document).encode())
        return engine.evaluate(query)
    except RegoError as error:
        return f"error: {error}"


def _real(sources: Sequence[Source], data: dict[str, Any], query: str, documents: Sequence[Any]) -> list[Any]:
    """OPA's answers, asked for together; where one of them fails all, halves are asked apart."""
    every = f"[r | some doc in input.docs; r := {query} with input as doc]"
    try:
        answer = opa.evaluate(sources, data, every, {"docs": list(documents)})
        if isinstance(answer, list) and len(answer) == len(documents):
            return answer
        failure: Any = UNDEFINED
    except opa.CompileError as error:
        return [f"error: {error}"] * len(documents)
    except RegoError as error:
        failure = f"error: {error}"
    if len(documents) == 1:
        return [failure]
    half = len(documents) // 2
    return [*_real(sources, data, query, documents[:half]), *_real(sources, data, query, documents[half:])]


def _plain(value: Any) -> Any:
    """A value with every list sorted: sets come as lists, and the engines order their members differently."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def _first_difference(ours: Any, theirs: Any) -> tuple[str, str, str]:
    """The first rule whose answers differ, and both answers, shortened."""
    rule = "the answer"
    while isinstance(ours, dict) and isinstance(theirs, dict):
        key = next(
            k for k in sorted({*ours, *theirs}) if _plain(ours.get(k, UNDEFINED)) != _plain(theirs.get(k, UNDEFINED))
        )
        rule = key if rule == "the answer" else f"{rule}.{key}"
        ours, theirs = _only(ours.get(key, UNDEFINED)), _only(theirs.get(key, UNDEFINED))
        if rule.count(".") > 20:
            break
    return rule, _short(ours), _short(theirs)


def _only(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _short(value: Any) -> str:
    text = str(value) if value is UNDEFINED or isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= 160 else text[:159] + "…"


def run(folder: Path, session: Session) -> ParityReport:
    """Every suite below a folder, in both engines. Without opa nothing is compared, and the report says so.

    Raises:
        SubjectError: `folder` is not a directory.
    """
    from strictreal.policy import load  # late: it needs what this module needs

    tree = open_tree(folder)
    loading = load.load(tree, tree, session)
    problems = loading.missing() + [(suite.test, suite.barred) for suite in loading.suites if suite.barred]
    engines = f"regorus {rego.version()}, OPA {opa.version()}"
    if opa.version() == "absent":
        problems.append(("", "no opa binary on the PATH"))
        return ParityReport(suites=(), problems=tuple(problems), engines=engines)
    suites = [suite for suite in loading.suites if not suite.barred]
    found: list[SuiteParity] = []
    for suite, result in zip(suites, session.bounded(compare_suite, suites, seconds=SUITE_SECONDS), strict=True):
        if isinstance(result, str):
            problems.append((suite.test, result))
        else:
            found.append(result)
    return ParityReport(suites=tuple(found), problems=tuple(problems), engines=engines)
