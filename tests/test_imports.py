"""The import graph: knowledge goes one way, and rooms that need not know each other do not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from strictreal.collect import COLLECTORS as REGISTERED

ROOT = Path(__file__).resolve().parent.parent

BOTTOM = {
    "__version__",
    "errors",
    "model",
    "git",
    "installed",
    "programs",
    "subject",
    "config",
    "suite",
    "plainyaml",
    "redact",
}
"""Model and errors, and what reads a subject or the settings: none of them knows who uses it."""
READING = BOTTOM | {"facts", "kubeyaml", "session", "workers"}
"""What whoever draws facts from a subject needs besides: no collector among it."""
MAY_KNOW: dict[str, set[str]] = {
    "errors": set(),
    "model": set(),
    "plainyaml": set(),
    "kubeyaml": {"errors"},
    "redact": set(),
    "programs": set(),
    "git": {"errors", "programs"},
    "suite": {"model"},
    "subject": {"errors", "git", "installed", "model", "redact"},
    "installed": set(),
    "config": {"errors", "subject"},
    "cache": {"model"},
    "waiver": {"model"},
    "facts": {"errors", "model"},
    "workers": {"errors"},
    "session": {"cache", "config", "errors", "facts", "model", "redact", "subject", "suite", "workers"},
    "purity": set(),
    "isolation": set(),
    "check": {"errors", "model"},
    "judge": {"check", "model", "purity"},
    "engines": BOTTOM,
    "policy": READING | {"engines"},
    "collect": READING | {"cache", "engines", "policy", "waiver"},
    "sprint": BOTTOM | {"facts"},
    "report": {"__version__", "check", "model"},
    # One path for audit and recheck: the fact files make the judge's case.
    "evidence": BOTTOM | {"facts", "judge"},
    "scratch": {"errors", "evidence"},
    "gather": BOTTOM | {"cache", "check", "collect", "evidence", "facts", "session", "sprint"},
    "plugin": BOTTOM | {"check", "evidence", "gather", "judge", "scratch"},
    "run": BOTTOM | {"check", "collect", "evidence", "gather", "plugin", "session", "sprint"},
    "cli": BOTTOM
    | {
        "check",
        "collect",
        "evidence",
        "gather",
        "isolation",
        "plugin",
        "policy",
        "report",
        "run",
        "scratch",
        "sprint",
        "waiver",
    },
    "__main__": {"cli"},
    "__init__": set(),
}
COLLECTORS = {collector.__name__ for collector in REGISTERED} - {"strictreal.collect.subject"}
"""Those that are registered; what the subject's own collector knows of exclusions is shared."""
CHECKS_MAY_KNOW = {"strictreal.check", "strictreal.facts", "strictreal.judge", "strictreal.model"}
PURE = {
    "__future__",
    "bisect",
    "collections",
    "dataclasses",
    "decimal",
    "enum",
    "fnmatch",
    "functools",
    "itertools",
    "math",
    "msgspec",
} | {
    "operator",
    "re",
    "string",
    "typing",
}
"""Modules that reach for no file, process, network, environment or clock."""


def imported(path: Path) -> Iterator[str]:
    """The dotted names of the modules that a file imports, wherever in it the import stands."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            # `from strictreal import run` names a module, `from strictreal.run import audit` something inside one.
            whole = [f"{module}.{alias.name}" for alias in node.names]
            yield from (name if is_module(name) or module == "strictreal" else module for name in whole)


def is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def sources(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "specimens" not in path.parts)


def room(name: str) -> str:
    """The room of a module: the first name below strictreal."""
    return name.split(".")[1] if "." in name else "__init__"


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", sources("strictreal"), ids=dotted)
def test_a_room_knows_only_the_rooms_below_it(path: Path):
    here = room(dotted(path))
    known = {room(name) for name in imported(path) if name.split(".")[0] == "strictreal"}
    assert known - {here} <= MAY_KNOW[here]


def test_no_room_knows_itself_through_others():
    assert set(TopologicalSorter(MAY_KNOW).static_order()) >= set(MAY_KNOW)  # a cycle raises


@pytest.mark.parametrize("name", sorted(MAY_KNOW))
def test_a_room_may_know_only_what_it_needs(name: str):
    known = {room(other) for path in sources("strictreal") if room(dotted(path)) == name for other in imported(path)}
    granted = MAY_KNOW[name] - (READING if MAY_KNOW[name] >= READING else BOTTOM if MAY_KNOW[name] >= BOTTOM else set())
    assert granted <= known


@pytest.mark.parametrize("path", [p for p in sources("strictreal/collect") if p.parent.name != "collect"], ids=dotted)
def test_the_rooms_of_a_collector_do_not_know_the_collectors(path: Path):
    known = {(dotted(path), name) for name in COLLECTORS & set(imported(path))}
    assert known <= {
        ("strictreal.collect.policy.charts", "strictreal.collect.charts")
    }  # policies judge what charts render


@pytest.mark.parametrize("name", sorted(COLLECTORS))
def test_collectors_do_not_know_each_other(name: str):
    path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
    assert not COLLECTORS & set(imported(path)) - {name}


@pytest.mark.parametrize("path", sources("checks"), ids=dotted)
def test_checks_know_facts_and_no_other_check(path: Path):
    for name in imported(path):
        ours = ".".join(name.split(".")[:2])
        assert ours in CHECKS_MAY_KNOW if name.startswith("strictreal") else name.split(".")[0] in PURE


@pytest.mark.parametrize("path", sources("strictreal/report"), ids=dotted)
def test_reporters_do_not_know_each_other(path: Path):
    assert not {name for name in imported(path) if name.startswith("strictreal.report.")}


def test_services_do_not_know_the_toolchain():
    assert not [path for path in sources("services") if "strictreal" in {n.split(".")[0] for n in imported(path)}]


def test_the_toolchain_does_not_know_the_services():
    packages = {path.parent.name for path in sources("services") if path.name == "__init__.py"}
    roots = {name.split(".")[0] for path in [*sources("strictreal"), *sources("checks")] for name in imported(path)}
    assert not roots & (packages - {"collect", "evidence"})


def test_the_graph_is_read_from_real_imports():
    found = set(imported(ROOT / "strictreal" / "plugin.py"))
    assert {"pytest", "strictreal.judge", "strictreal.gather", "strictreal.evidence.factfiles"} <= found
    assert set(MAY_KNOW) >= {room(dotted(path)) for path in sources("strictreal")}
