"""Policy tests: every `test_…` rule of a suite evaluated in the embedded engine, with coverage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from strictreal.engines import opa, rego
from strictreal.engines.rego import RegoError
from strictreal.policy import load
from strictreal.policy.loaded import Loaded
from strictreal.session import Session
from strictreal.subject import open_tree


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one test. `outcome` is passed, failed, skipped or error."""

    __test__ = False  # not a class of pytest's

    package: str
    name: str
    path: str
    line: int
    outcome: str
    message: str = ""


class SuiteResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one suite, and which lines of which file it evaluated."""

    test: str
    engine: str = ""
    """Name and version of what ran it."""
    results: tuple[TestResult, ...] = ()
    covered: dict[str, tuple[int, ...]] = {}
    missed: dict[str, tuple[int, ...]] = {}

    def undecided(self, suite: Loaded) -> str:
        """Why the results say nothing of the policies; "" when they do.

        An engine that fails has not judged. A test that does not pass where data is missing, which is only there when
        the policy is deployed, may pass with it; and one that the embedded engine fails may pass in OPA.
        """
        failed = next((r for r in self.results if r.outcome == "error"), None)
        if failed:
            return f"{self.engine} cannot run {failed.name}: {failed.message}"
        if suite.missing and any(r.outcome == "failed" for r in self.results):
            return f"it fails without data.{suite.missing[0]}, which is not in the repository"
        if suite.doubt and self.engine == embedded() and any(r.outcome == "failed" for r in self.results):
            return f"it fails in the embedded engine, which is not OPA: {suite.doubt}"
        return ""

    @property
    def passed(self) -> bool:
        """Every test passed, and there is one."""
        return bool(self.results) and all(r.outcome in ("passed", "skipped") for r in self.results)


def run_suite(suite: Loaded) -> SuiteResult:
    """running policy tests"""
    engine = rego.prepare(suite.embedded(), suite.data, coverage=True)
    results = tuple(_run(engine, suite.test, *rule) for rule in suite.rules)
    covered, missed = {}, {}
    for path, (hit, not_hit) in engine.coverage().items():
        covered[path], missed[path] = tuple(sorted(hit)), tuple(sorted(not_hit))
    return SuiteResult(test=suite.test, engine=embedded(), results=results, covered=covered, missed=missed)


def run_suite_in_opa(suite: Loaded) -> SuiteResult:
    """running policy tests in OPA"""
    engine = f"OPA {opa.version()}"
    rules = {(package, name): line for package, name, line in suite.rules}
    try:
        outcomes = opa.test(suite.modules(), suite.data)
        # OPA gives no coverage when a test fails.
        lines = opa.coverage(suite.modules(), suite.data) if "failed" not in outcomes.values() else {}
    except RegoError as error:
        results = [_result(suite.test, key, line, "error", str(error)) for key, line in rules.items()]
        return SuiteResult(test=suite.test, engine=engine, results=tuple(results))
    results = [
        _result(suite.test, key, line, outcomes.get(key, "failed"), "" if key in outcomes else "OPA did not run it")
        for key, line in rules.items()
    ]
    return SuiteResult(
        test=suite.test,
        engine=engine,
        results=tuple(results),
        covered={path: tuple(sorted(hit)) for path, (hit, _) in lines.items()},
        # Where the embedded engine runs the suite too, it says what is missed, alike with and without OPA.
        missed={path: tuple(sorted(missed)) for path, (_, missed) in lines.items()} if suite.barred else {},
    )


def _result(path: str, key: tuple[str, str], line: int, outcome: str, message: str) -> TestResult:
    return TestResult(package=key[0], name=key[1], path=path, line=line, outcome=outcome, message=message)


def embedded() -> str:
    """Name and version of the embedded engine, as results carry it."""
    return f"regorus {rego.version()}"


def _run(engine: rego.Engine, path: str, package: str, name: str, line: int) -> TestResult:
    outcome, message = "skipped", "its name begins with todo_"
    if not name.startswith("todo_"):
        outcome, message = answer(engine, f"data.{package}.{name}")
    return _result(path, (package, name), line, outcome, message)


def answer(engine: rego.Engine, rule: str) -> tuple[str, str]:
    """Outcome and message of one test rule. A test with cases passes when every case is true."""
    try:
        value = engine.rule(rule)
    except RegoError as error:
        return "error", str(error)
    if value is True or (isinstance(value, dict) and value and all(case is True for case in value.values())):
        return "passed", ""
    return "failed", "it is undefined" if value is rego.UNDEFINED else f"it is {str(value)[:80]}"


class RuleReport(msgspec.Struct, frozen=True, kw_only=True):
    """One rule definition: its lines, and those that no test evaluated."""

    path: str
    name: str
    line: int
    end_line: int
    missed: tuple[int, ...] = ()
    reached: bool = False
    """Whether any suite evaluated a line of it."""


class TestReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `policy test` prints."""

    __test__ = False

    suites: tuple[SuiteResult, ...]
    rules: tuple[RuleReport, ...]
    problems: tuple[tuple[str, str], ...] = ()
    """(path, reason) of what could not be run at all."""
    engines: tuple[str, ...] = ()
    """Name and version of each engine that ran the tests."""

    @property
    def ok(self) -> bool:
        """Tests were found, all passed in every engine, every rule is covered, and nothing was left out."""
        uncovered = any(rule.missed or not rule.reached for rule in self.rules)
        return bool(self.suites) and all(s.passed for s in self.suites) and not uncovered and not self.problems


def coverage(rules: Iterable[tuple[str, str, int, int]], suites: Sequence[SuiteResult]) -> list[RuleReport]:
    """Coverage of rules, each given as path, name, first and last line, over all suites."""
    covered: dict[str, set[int]] = {}
    missed: dict[str, set[int]] = {}
    for suite in suites:
        _add(covered, suite.covered)
        _add(missed, suite.missed)
    reports = []
    for path, name, line, end_line in rules:
        span = range(line, end_line + 1)
        hit = covered.get(path, set()).intersection(span)
        lines = missed.get(path, set()).intersection(span) - hit
        reports.append(
            RuleReport(
                path=path, name=name, line=line, end_line=end_line, missed=tuple(sorted(lines)), reached=bool(hit)
            )
        )
    return reports


def _add(into: dict[str, set[int]], more: Mapping[str, Sequence[int]]) -> None:
    for path, lines in more.items():
        into.setdefault(path, set()).update(lines)


def run(folder: Path, session: Session) -> TestReport:
    """Every policy test below a folder, in the embedded engine and, when it is there, in the real OPA.

    Raises:
        SubjectError: `folder` is not a directory.
    """
    tree = open_tree(folder)
    loading = load.load(tree, tree, session)
    problems = loading.missing()
    runs = [(run_suite, [s for s in loading.suites if not s.barred])]
    if opa.version() != "absent":
        runs.append((run_suite_in_opa, loading.suites))
    results: list[SuiteResult] = []
    for function, suites in runs:
        for suite, result in zip(suites, session.bounded(function, suites), strict=True):
            if isinstance(result, str):
                problems.append((suite.test, result))
            else:
                results.append(result)
                if reason := result.undecided(suite):
                    problems.append((suite.test, reason))
    rules = [(r.path, r.name, r.where.line, r.where.end_line) for r in loading.rules if loading.is_policy_rule(r)]
    covered = coverage(rules, results)
    # What a suite that is not run might have covered is not proven, which is not the same as uncovered.
    out = loading.kept_out()
    unproven = {r.path: out[r.path] for r in covered if r.path in out and (r.missed or not r.reached)}
    problems += [(path, reason) for path, reason in unproven.items() if path not in dict(problems)]
    return TestReport(
        suites=tuple(results),
        rules=tuple(r for r in covered if r.path not in unproven or (r.reached and not r.missed)),
        problems=tuple(problems),
        engines=tuple(dict.fromkeys(result.engine for result in results)),
    )
