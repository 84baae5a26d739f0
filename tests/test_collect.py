"""The registry of collectors: one that breaks takes its own facts along, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from subjects import lay

from strictreal import config, run, suite
from strictreal.cache import Cache
from strictreal.collect import COLLECTORS, Collector, collect_all
from strictreal.config import Config
from strictreal.errors import ConfigurationError
from strictreal.evidence import factfiles
from strictreal.facts.code import Module
from strictreal.gather import collect_specimens
from strictreal.model import Gap, Inventory, Location, Observation, Outcome
from strictreal.session import Session
from strictreal.subject import Tree, open_tree

FILES = {"worker.py": 'import os\n\nBROKER = os.getenv("BROKER")\n', "README.md": "# Worker\n"}


class Breaking:
    """A collector that is good for one observation of every tree, and then raises."""

    UNITS = ("Module", "TestFunction")

    def __init__(self, error: Exception, *, early: bool = False) -> None:
        self.__name__ = "strictreal.collect.code"
        self.error = error
        self.early = early

    def prepare(self, subjects: Sequence[tuple[Tree, Config]], session: Session) -> None:  # noqa: ARG002  (the seam)
        if self.early:
            raise self.error

    def collect(self, tree: Tree, config: Config, session: Session) -> Iterator[Observation]:  # noqa: ARG002
        facts = (Inventory(of="Module", count=2), Module(where=Location("worker.py"), lines=3))
        yield Observation(collector="code", source="", digest=tree.digest, facts=facts)
        raise self.error


def with_code(collector: Collector) -> tuple[Collector, ...]:
    """All collectors, but for the code's, whose place is taken."""
    return tuple(collector if each.__name__.endswith(".code") else each for each in COLLECTORS)


def collected(root: Path, *registry: Collector) -> list[Observation]:
    tree = open_tree(lay(root, FILES))
    with Session(Cache(None), jobs=1) as session:
        [found] = collect_all([(tree, config.load(tree))], session, registry)
    return found


def gaps(observations: list[Observation]) -> list[tuple[str, str]]:
    return [(fact.of, fact.reason) for seen in observations for fact in seen.facts if isinstance(fact, Gap)]


@pytest.mark.parametrize("early", [False, True])
def test_an_exception_becomes_a_gap_of_each_unit(tmp_path: Path, early: bool):
    error = LookupError("no such\nnode, password='hunter2hunter2'")
    found = collected(tmp_path, Breaking(error, early=early))
    reason = "the code collector broke: LookupError: no such"
    assert gaps(found) == [("Module", reason), ("TestFunction", reason)]
    assert len(found) == (1 if early else 2)  # what it gave until then is kept


def test_what_an_exception_says_is_redacted_and_bounded(tmp_path: Path):
    told = "password = 'correct-horse-battery' " + "x" * 1000
    for _, reason in gaps(collected(tmp_path, Breaking(RuntimeError(told)))):
        assert "correct-horse" not in reason
        assert "[redacted]" in reason
        assert len(reason) < 400


def test_what_the_subject_can_mend_still_ends_the_audit(tmp_path: Path):
    for early in (False, True):
        with pytest.raises(ConfigurationError):
            collected(tmp_path, Breaking(ConfigurationError("charts.kubernetes"), early=early))


def test_a_collector_without_units_cannot_fail_in_silence(tmp_path: Path):
    breaking = Breaking(LookupError("gone"))
    breaking.UNITS = ()
    with pytest.raises(LookupError):
        collected(tmp_path, breaking)


def test_an_audit_goes_on_without_a_broken_collector(tmp_path: Path):
    subject = lay(tmp_path / "subject", {**FILES, "Makefile": "test:\n\tSOMABRAIN_STRICT_REAL=1 pytest\n"})
    settings = config.settings({"HOME": str(tmp_path / "home")})
    request = run.Request(path=subject, output=tmp_path / "evidence", strict=True)
    record = run.audit(request, settings=settings, registry=with_code(Breaking(LookupError("no such node"))))
    by_id = {result.check: result for result in record.results}
    reason = "the code collector broke: LookupError: no such node"
    for id in ("code.stub", "code.env-access", "tests.vacuous"):
        assert by_id[id].outcome is Outcome.NOT_PROVEN
        assert reason in by_id[id].reason
    assert by_id["strict.evaded"].outcome is Outcome.PROVEN
    assert record.exit_code == 1
    held = factfiles.observations(Path(record.bundle), factfiles.FACTS)
    assert reason in {fact.reason for seen in held for fact in seen.facts if isinstance(fact, Gap)}


def test_a_collector_names_every_unit_that_it_counts():
    """Over all specimens of the suite, which have something of nearly every kind."""
    with Session(Cache(None), jobs=1) as session:
        specimens = collect_specimens(suite.root() / "checks", session)
    counted: dict[str, set[str]] = {}
    for seen in (each for observations in specimens.values() for each in observations):
        units = {fact.of for fact in seen.facts if isinstance(fact, Inventory)}
        counted.setdefault(seen.collector, set()).update(units)
    told = {collector.__name__.rpartition(".")[2]: set(collector.UNITS) for collector in COLLECTORS}
    told["gate"] |= {"Comparison"}
    for name, units in counted.items():
        assert units <= told.get(name, set()), name


def _abort(code: int) -> None:
    """ending like a library that gives up"""
    os.write(1, b"nothing for a reader\n")
    os.write(2, b"fatal error: stack overflow\n")
    os._exit(code)


def test_what_a_worker_writes_when_it_gives_up_reaches_no_terminal(capfd: pytest.CaptureFixture[str]):
    with Session(Cache(None), jobs=1) as session:
        [outcome] = session.bounded(_abort, [2])
    assert "exit code 2" in str(outcome)
    assert capfd.readouterr() == ("", "")
