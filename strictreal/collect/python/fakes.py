"""What stands where a real collaborator belongs: mock libraries, libraries that play a service, names of the past.

Patched behaviour is found by `patches`, classes that stand in by `doubles`, random numbers as data by `served`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import bodies, doubles, impostors, invented, patches, served, standins
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.standins import FIXTURES, LEGACY, harmless, library, record
from strictreal.facts.behaviour import Fake, vocabulary

_LIBRARIES = standins.MOCKS | standins.SERVICES | standins.INVENTORS
_HINTS = (
    *sorted({name.partition(".")[0] for name in _LIBRARIES}),
    *(
        "ock",
        "ake",
        "tub",
        "ummy",
        "emory",
        "ogus",
        "anned",
        "spy",
        "Spy",
        "aux",
        "hony",
        "retend",
        "imulated",
        "cripted",
    ),
    "httpserver",
)
"""One of these stands in the text of every module that uses a library, a fixture or a double."""
_BY_NAME = frozenset({"getattr", "setattr", "hasattr", "delattr"})
_PATCHES = ("onkey", "setattr", "dependency_overrides", "sys.modules", "SimpleNamespace", "type(")
"""One of these stands in the text of every module, tests aside, that replaces behaviour in place."""
_MOCKER = vocabulary(
    "patch Mock MagicMock AsyncMock NonCallableMock PropertyMock spy stub async_stub create_autospec mock_open"
)


def facts(module: ParsedModule) -> Iterator[Fake]:
    """Every stand-in of a module, at most one of a kind a line."""
    seen: set[tuple[int, str]] = set()
    for fake in _all(module):
        if (place := (fake.where.line, fake.kind)) not in seen:
            seen.add(place)
            yield fake


def _all(module: ParsedModule) -> Iterator[Fake]:
    if any(hint in module.text for hint in _HINTS):
        yield from _libraries(module)
        yield from _fixtures(module)
        if any(name.partition(".")[0] in module.text for name in standins.INVENTORS):
            yield from _invented(module)
        yield from doubles.facts(module)
    if module.role == "test" or any(hint in module.text for hint in _PATCHES):
        yield from patches.facts(module)
    yield from served.facts(module)
    yield from impostors.facts(module)
    yield from invented.facts(module)
    if any(name in module.text for name in LEGACY):
        yield from _legacy(module)


# -- libraries -------------------------------------------------------------------------------------------------------


def _libraries(module: ParsedModule) -> Iterator[Fake]:
    """Imports of libraries, one a statement, and uses; names of which only harmless members are used are left out."""
    imported: list[tuple[ast.alias, str, str, ast.stmt]] = []
    for plain in module.of(ast.Import):
        for alias in plain.names:
            bound = alias.asname or alias.name.partition(".")[0]
            if library(alias.name) or standins.holds_library(alias.name):
                imported.append((alias, alias.name, bound, plain))
    for source in module.of(ast.ImportFrom):
        prefix = source.module or ""
        if source.level:
            continue
        for alias in source.names:
            full = f"{prefix}.{alias.name}"
            if (library(full) and not harmless(full)) or standins.holds_library(full):
                imported.append((alias, prefix if alias.name == "*" else full, alias.asname or alias.name, source))
    used: set[str] = set()
    spared: set[str] = set()
    names = {bound for _, _, bound, _ in imported}
    for use in module.of(ast.Name):
        if use.id not in names or not isinstance(use.ctx, ast.Load):
            continue
        whole: ast.AST = use
        while isinstance(parent := module.parents.get(whole), ast.Attribute):
            whole = parent
        name = module.resolve(whole)
        kind = library(name)
        if kind and harmless(name):
            spared.add(use.id)
        elif kind:
            used.add(use.id)
            if not _annotates(module, whole) and not _is_constant(name):
                yield record(module, use, kind, name)
    spared -= used
    told: set[ast.stmt] = set()
    for alias, full, bound, statement in imported:
        kind = library(full)
        if statement in told or not kind or standins.for_types_only(module, alias):
            continue
        if bound not in spared:
            told.add(statement)
            yield record(module, statement, kind, full)
    for call in module.of(ast.Call):
        yield from _loaded(module, call)


def _is_constant(name: str) -> bool:
    """Whether a member of a library is a constant, which plays nothing: `responses.GET`."""
    return name.rpartition(".")[2].isupper() and name not in _LIBRARIES


def _invented(module: ParsedModule) -> Iterator[Fake]:
    """Made-up records that a function of the product gives, from an inventor of the module: `fake.name()`."""
    for call in module.of(ast.Call):
        if not isinstance(call.func, ast.Attribute) or bodies.enclosing(module, call) is None:
            continue
        name = module.resolve(call.func)
        if "()." in name and library(name.partition("()")[0]) == "invented":
            yield record(module, call, "invented", name)


def _annotates(module: ParsedModule, node: ast.AST) -> bool:
    """Whether an expression stands in an annotation: it names a type there, and makes nothing."""
    child, parent = node, module.parents.get(node)
    while parent is not None and not isinstance(parent, ast.stmt | ast.arg):
        child, parent = parent, module.parents.get(parent)
    return child in (getattr(parent, "annotation", None), getattr(parent, "returns", None))


def _loaded(module: ParsedModule, call: ast.Call) -> Iterator[Fake]:
    """`import_module("fakeredis")`, `importorskip("moto")`, and services that a client plays in its own process."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function in {"import_module", "__import__", "importorskip"} and call.args:
        name = module.string(call.args[0]) or ""
        kind = library(name)
        if kind:
            yield record(module, call, kind, name)
    elif function in {"QdrantClient", "AsyncQdrantClient"}:
        given = [*call.args[:1], *(k.value for k in call.keywords if k.arg in {"location", "path"})]
        if any(module.string(place) == ":memory:" for place in given):
            yield record(module, call, "service", dotted(module, call.func), ":memory:")


def _fixtures(module: ParsedModule) -> Iterator[Fake]:
    """Fixtures of pytest-mock and of plugins that play a service, at each use of the parameter, or at the parameter."""
    for argument in module.of(ast.arg):
        name = argument.arg
        function = module.parents.get(module.parents.get(argument, argument), argument)
        if name == "mocker" or name.endswith("_mocker"):
            for inner in ast.walk(function):
                if not isinstance(inner, ast.Attribute) or inner.attr not in _MOCKER:
                    continue
                if isinstance(inner.value, ast.Name) and inner.value.id == name:
                    yield record(module, inner, "mock", f"pytest_mock.{name}.{inner.attr}")
        elif name in FIXTURES and module.role == "test":
            uses: list[ast.AST] = [
                n for n in ast.walk(function) if isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == name
            ]
            for used in uses or [argument]:
                yield record(module, used, "service", FIXTURES[name], name)
    for mark in module.of(ast.Attribute):
        if mark.attr in {"vcr", "block_network_vcr"} and dotted(module, mark) == "pytest.mark.vcr":
            yield record(module, mark, "service", "pytest.mark.vcr")


# -- names of the past -----------------------------------------------------------------------------------------------


def _legacy(module: ParsedModule) -> Iterator[Fake]:
    for node in module.nodes:
        name = ""
        if isinstance(node, ast.Name):
            name = node.id
        elif isinstance(node, ast.Attribute):
            name = node.attr
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.arg):
            name = node.arg
        elif isinstance(node, ast.keyword):
            name = node.arg or ""
        elif isinstance(node, ast.alias):
            name = next((n for n in (node.asname or "", *node.name.split(".")) if n in LEGACY), "")
        elif isinstance(node, ast.Call) and len(node.args) > 1 and getattr(node.func, "id", "") in _BY_NAME:
            name = module.string(node.args[1]) or ""
        if name in LEGACY:
            yield record(module, node, "legacy", name)
