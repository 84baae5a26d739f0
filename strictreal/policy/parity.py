"""The embedded engine beside the real OPA: the same policies and inputs, and every difference between the answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from strictreal.engines import opa, rego
from strictreal.engines.rego import UNDEFINED, RegoError, Source
from strictreal.model import shortened
from strictreal.policy import load
from strictreal.policy.absent import inputs, rules_query, variants
from strictreal.policy.expand import expand
from strictreal.policy.loaded import Loaded
from strictreal.session import Session
from strictreal.subject import open_tree

MAX_DIFFERENCES = 20
MAX_SHOWN = 160
"""Differences kept for one suite."""


SUITE_SECONDS = 120
"""Wall time for one suite in both engines."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One question that the engines answer differently."""

    path: str
    question: str
    """The rule that is asked for."""
    about: str
    """The name of the first input for which they do."""
    more: int = 0
    """For how many further inputs they do."""
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


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Both engines' answers to the same questions. A refusal is no answer, and so no difference."""

    differences: tuple[Difference, ...] = ()
    refusals: int = 0
    refusal: str = ""
    """The first one, with the engine that refuses."""


def compare_suite(suite: Loaded) -> SuiteParity:
    """comparing both engines"""
    # Put to both: the tests themselves, every input that the tests use, and each of those with each field removed.
    tests = sorted({f"{package}.{name}" for package, name, _ in suite.rules})
    policies = [s for s in suite.modules() if not s.path.endswith("_test.rego")]
    documents = list(variants(inputs(suite)))
    named = [(f"input {n + 1}" + (f" without {path}" if path else ""), d) for n, path, d in documents]
    first = compare(suite.modules(), suite.data, tests, [("the tests", {})], suite.test)
    second = compare(policies, suite.data, suite.questions, named, suite.test)
    refusals = first.refusals + second.refusals
    refused = f"{refusals} answers are refused: {first.refusal or second.refusal}" if refusals else ""
    return SuiteParity(
        test=suite.test,
        questions=1 + len(documents),
        differences=(first.differences + second.differences)[:MAX_DIFFERENCES],
        refused=refused,
    )


def compare(
    sources: Sequence[Source],
    data: dict[str, Any],
    rules: Sequence[str],
    documents: Sequence[tuple[str, Any]],
    path: str,
    *,
    each: bool = False,
) -> Comparison:
    """Ask both engines for the value of `rules` (dotted paths below `data`) under each named input.

    Differences of one rule are reported once, with the number of inputs; or, when `each` is true, for every input.

    Raises:
        RegoError: the embedded engine cannot load the modules.
        ToolMissing, BoundExceeded: there is no opa, or it ran into a bound.
    """
    if not documents or not rules:
        return Comparison()
    engine = rego.prepare([expand(source) for source in sources], data)
    here = [ask_embedded(engine, rules, document) for _, document in documents]
    there = ask_opa(sources, data, rules_query(rules), [document for _, document in documents])
    found: dict[tuple[str, str], Difference] = {}
    refusals: list[str] = []
    for (name, _), ours, theirs in zip(documents, here, there, strict=True):
        if isinstance(theirs, str):
            refusals.append(theirs)
            continue
        for rule in rules:
            one, other = ours[rule], theirs[rule]
            if isinstance(one, str):
                refusals.append(one)
            elif _plain(one) != _plain(other):
                key = (rule, name if each else "")
                known = found.get(key)
                found[key] = (
                    msgspec.structs.replace(known, more=known.more + 1)
                    if known
                    else _difference(path, rule, name, _only(one), _only(other))
                )
    return Comparison(
        differences=tuple(found.values()), refusals=len(refusals), refusal=refusals[0] if refusals else ""
    )


def ask_embedded(engine: rego.Engine, rules: Sequence[str], document: Any) -> dict[str, Any]:
    """The value of each rule, in a list that is empty where it is undefined; a string where the engine refuses."""
    engine.input(json.dumps(document).encode())
    try:
        answer: dict[str, Any] = engine.evaluate(rules_query(rules))
    except RegoError as error:
        if len(rules) == 1:
            return {rules[0]: f"regorus: {error}"}
        return {rule: ask_embedded(engine, [rule], document)[rule] for rule in rules}
    return answer


def ask_opa(sources: Sequence[Source], data: dict[str, Any], query: str, documents: Sequence[Any]) -> list[Any]:
    """OPA's answers, asked for together; where one of them fails all, halves are asked apart. A string is a refusal."""
    every = f"[r | some doc in input.docs; r := {query} with input as doc]"
    try:
        answer = opa.evaluate(sources, data, every, {"docs": list(documents)})
        if isinstance(answer, list) and len(answer) == len(documents):
            return answer
        failure = "OPA: no answer"
    except opa.CompileError as error:
        return [f"OPA: {error}"] * len(documents)
    except RegoError as error:
        failure = f"OPA: {error}"
    if len(documents) == 1:
        return [failure]
    half = len(documents) // 2
    return [*ask_opa(sources, data, query, documents[:half]), *ask_opa(sources, data, query, documents[half:])]


def _difference(path: str, rule: str, about: str, ours: Any, theirs: Any) -> Difference:
    """Where two answers first differ, both shortened to it."""
    while isinstance(ours, dict) and isinstance(theirs, dict):
        key = next(
            k for k in sorted({*ours, *theirs}) if _plain(ours.get(k, UNDEFINED)) != _plain(theirs.get(k, UNDEFINED))
        )
        rule = f"{rule}.{key}"
        ours, theirs = ours.get(key, UNDEFINED), theirs.get(key, UNDEFINED)
    return Difference(path=path, question=rule, about=about, embedded=_short(ours), opa=_short(theirs))


def _plain(value: Any) -> Any:
    """A value with every list sorted: sets come as lists, and the engines order their members differently."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def _only(value: list[Any]) -> Any:
    return value[0] if value else UNDEFINED


def _short(value: Any) -> str:
    text = str(value) if value is UNDEFINED or isinstance(value, str) else json.dumps(value, sort_keys=True)
    return shortened(text, MAX_SHOWN)


def run(folder: Path, session: Session) -> ParityReport:
    """Every suite below a folder, in both engines. Without opa nothing is compared, and the report says so.

    Raises:
        SubjectError: `folder` is not a directory.
    """
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
