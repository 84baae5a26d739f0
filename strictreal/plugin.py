"""The pytest plugin: collects checks, feeds them facts, records outcomes.

A check is an ordinary pytest item, so `-k`, `-x`, `--lf`, `-n` and JUnit work as everywhere. The facts come from a
folder (`--facts`: what `strictreal audit` has just collected, or a bundle that is being rechecked); without one, the
subject at `--subject` is collected first, so that `pytest checks/` gives the same outcomes as `strictreal audit`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from strictreal import config as configuration
from strictreal import scratch, suite
from strictreal.check import Check, load
from strictreal.errors import StrictRealError, SubjectError, SuiteError
from strictreal.evidence import disk, factfiles
from strictreal.judge import Case, judge
from strictreal.model import Outcome, Result

COLLECTING_SECONDS = 3600.0
"""How long a worker of xdist waits for another to collect."""
_CASE = pytest.StashKey[Case | StrictRealError]()
_SHARED = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("strictreal")
    group.addoption("--facts", metavar="DIR", help="judge the facts in this folder or bundle")
    group.addoption("--subject", metavar="PATH", default=".", help="collect facts from this repository (default: .)")
    group.addoption("--strict-real", action="store_true", help="what is not proven fails")


def pytest_pycollect_makeitem(collector: pytest.Module, name: str, obj: Any) -> pytest.Item | None:
    check = getattr(obj, "__check__", None)
    if not isinstance(check, Check):
        return None
    if check.judge.__module__ != collector.obj.__name__:
        return None
    _require_specimens(check, collector.path.parent / "specimens")
    return CheckItem.from_parent(collector, name=name, check=check)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Specimens are read, never imported: a test file among them is a subject."""
    if collection_path.name != "specimens" or not collection_path.is_dir():
        return None
    return True if any(collection_path.glob("*/bad")) or any(collection_path.glob("*/good")) else None


def _require_specimens(check: Check, specimens: Path) -> None:
    for kind in ("bad", "good"):
        folder = specimens / check.id / kind
        if not folder.is_dir() or not any(folder.iterdir()):
            raise pytest.Collector.CollectError(f"{check.id} has no {kind} specimen: put one into {folder}")


class CheckItem(pytest.Item):
    """One check. To pytest, proven and waived pass; not applicable and, unless strict, not-proven are skipped."""

    def __init__(self, *, check: Check, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.check = check
        self.result: Result | None = None
        self.extra_keyword_matches.add(check.id)

    def runtest(self) -> None:
        registry = load(self.path.parent)
        result = self.result = judge(self.check, _case(self.config), registry)
        if result.outcome is Outcome.NOT_APPLICABLE:
            pytest.skip(result.reason)
        if result.outcome is Outcome.NOT_PROVEN and not _strict(self.config):
            pytest.skip(f"not-proven: {result.reason}")
        if result.outcome in (Outcome.FAILED, Outcome.NOT_PROVEN, Outcome.ERROR):
            raise NotProvenError(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, NotProvenError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, self.check.judge.__code__.co_firstlineno, self.check.id


class NotProvenError(AssertionError):
    """A check that was not proven, with its findings as a reader wants them."""

    def __init__(self, result: Result) -> None:
        lines = [f"{result.check}: {result.outcome}: {result.reason}"]
        standing = [finding for finding in result.findings if not finding.waived and not finding.known]
        lines += [f"{f.where.path}:{f.where.line}:{f.where.column}: {f.message}" for f in standing]
        super().__init__("\n".join(lines))


def _strict(config: pytest.Config) -> bool:
    if config.getoption("--strict-real"):
        return True
    return configuration.settings().strict


def _case(config: pytest.Config) -> Case:
    """The facts to judge; read once a process, and so is what went wrong with them."""
    if _CASE not in config.stash:
        try:
            config.stash[_CASE] = factfiles.read(_facts(config) or _collected(config))
        except StrictRealError as error:
            config.stash[_CASE] = error
    found = config.stash[_CASE]
    if isinstance(found, StrictRealError):
        raise found
    return found


def _facts(config: pytest.Config) -> Path | None:
    if told := getattr(config, "workerinput", {}).get("strictreal_facts"):
        return Path(told)
    given = config.getoption("--facts")
    return Path(config.invocation_params.dir, given).resolve() if given else None


def _collected(config: pytest.Config) -> Path:
    """A folder with the subject's facts; of xdist's workers the first that has a check to judge collects for all."""
    given: dict[str, str] = getattr(config, "workerinput", {})
    if "strictreal_shared" not in given:
        folder = _temporary(config)
        _collect(config, folder)
        return folder
    shared = Path(given["strictreal_shared"])
    folder, failed = shared / "facts", shared / "failed"
    with disk.locked(shared / "lock", seconds=COLLECTING_SECONDS):
        if failed.exists():
            raise SubjectError(failed.read_text(encoding="utf-8"))
        if not folder.exists():
            begun = Path(tempfile.mkdtemp(dir=shared))
            try:
                with scratch.folder():
                    _collect(config, begun)
            except StrictRealError as error:
                failed.write_text(str(error), encoding="utf-8")
                raise
            begun.rename(folder)
    return folder


def _temporary(config: pytest.Config) -> Path:
    """A folder that goes when the session ends."""
    stack = ExitStack()
    config.add_cleanup(stack.close)
    stack.enter_context(scratch.folder())
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="strictreal-")))


def _collect(config: pytest.Config, folder: Path) -> None:
    from strictreal import gather  # pytest may be used without ever collecting

    subject = Path(config.invocation_params.dir, config.getoption("--subject"))
    request = gather.Request(path=subject)
    gather.collect(request, gather.open_subject(request), folder, settings=configuration.settings())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist: the workers read the same facts, or share a folder in which the first that judges a check collects them."""
    config = node.config
    if facts := _facts(config):
        node.workerinput["strictreal_facts"] = str(facts)
        return
    if _SHARED not in config.stash:
        config.stash[_SHARED] = _temporary(config)
    node.workerinput["strictreal_shared"] = str(config.stash[_SHARED])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if isinstance(item, CheckItem) and call.when == "call" and item.result is not None:
        report.strictreal = msgspec.to_builtins(item.result)  # survives xdist's serialisation
    return report


class Recorder:
    """Gathers results, also from xdist workers, in the order of check ids."""

    def __init__(self) -> None:
        self.results: dict[str, Result] = {}
        self.seconds: dict[str, float] = {}
        self.broken: list[str] = []

    @property
    def ordered(self) -> tuple[Result, ...]:
        """The results by check id."""
        return tuple(self.results[id] for id in sorted(self.results))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if found := getattr(report, "strictreal", None):
            result = msgspec.convert(found, Result)
            self.results[result.check] = result
            self.seconds[result.check] = report.duration
        elif report.failed or report.when == "call":
            self.broken.append(f"{report.nodeid}: {report.longreprtext or 'is not a check; declare it with @check'}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken.append(str(report.longrepr))

    def pytest_internalerror(self, excrepr: object) -> None:
        self.broken.append(str(excrepr))


def judge_folder(facts: Path, *, only: tuple[str, ...] = (), checks: Path | None = None) -> Recorder:
    """Run the whole suite over a folder of facts in this process, quietly.

    Whatever pytest would pick up around the suite or from the environment stays out: configuration files, plugins,
    options, conftest.py of outer folders (the suite may be installed inside the very repository that is audited).

    Args:
        facts: a folder with facts.jsonl and specimens.jsonl.
        only: check ids to run; all when empty.
        checks: the folder of checks; the suite's own when None.

    Raises:
        SuiteError: the suite does not load, or a check ended without a result.
    """
    recorder = Recorder()
    arguments = [
        str(checks or suite.root() / "checks"),
        *("-c", "/dev/null", "--rootdir", str(suite.root()), "--noconftest", "--assert=plain"),
        *("--disable-plugin-autoload", "-p", "strictreal.plugin", "-p", "no:terminal", "-p", "no:cacheprovider"),
        *("--import-mode", "importlib", "--facts", str(facts), "-o", "python_files=test_*.py"),
    ]
    with configuration.without_pytest_options():
        code = pytest.main(arguments, plugins=[recorder, _Only(only)])
    if recorder.broken:
        raise SuiteError("the suite does not load:\n" + "\n".join(recorder.broken))
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED}:
        raise SuiteError(f"the suite does not run: pytest ended with {code!r}")
    return recorder


class _Only:
    def __init__(self, ids: tuple[str, ...]) -> None:
        self.ids = ids

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        if self.ids:
            kept = [item for item in items if isinstance(item, CheckItem) and item.check.id in self.ids]
            config.hook.pytest_deselected(items=[item for item in items if item not in kept])
            items[:] = kept


def results_of(facts: Path, only: tuple[str, ...]) -> tuple[Result, ...]:
    """The results of the suite over a folder of facts, by check id: how `evidence.recheck` judges."""
    return judge_folder(facts, only=only).ordered
