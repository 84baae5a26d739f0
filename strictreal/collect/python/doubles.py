"""Classes that are called stand-ins, and imports of such. Whether they are is judged by the check."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import standins
from strictreal.collect.python.bodies import dotted, qualname
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Fake, words

MAX_METHODS = 40
"""How many methods of a double are recorded."""


def facts(module: ParsedModule) -> Iterator[Fake]:
    """Classes that are called stand-ins, and imports of such; whether they are is judged by the check."""
    if module.path.endswith(".pyi"):
        return
    for node in module.of(ast.ClassDef):
        if not standins.is_double_name(node.name) or _is_rpc_stub(module, node):
            continue
        methods = [s.name for s in node.body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]
        bases = tuple(dotted(module, b.value if isinstance(b, ast.Subscript) else b) or "?" for b in node.bases)
        yield Fake(
            where=module.at(node),
            kind="double",
            name=node.name,
            bases=bases,
            methods=tuple(methods[:MAX_METHODS]),
            function=qualname(module, node).rpartition(".")[0],
        )
    if module.role == "product":
        yield from _functions(module)
    for source in module.of(ast.ImportFrom):
        prefix = "." * source.level + (source.module or "")
        for alias in source.names:
            full = f"{prefix}.{alias.name}"
            generated = words(alias.name)[-1:] == ("stub",) and prefix.rpartition(".")[2].endswith(
                ("_pb2_grpc", "_grpc")
            )
            if (
                standins.is_double_name(alias.name)
                and not generated
                and not standins.library(full)
                and not standins.for_types_only(module, alias)
            ):
                yield standins.record(module, alias, "import", alias.name, full)


def _functions(module: ParsedModule) -> Iterator[Fake]:
    """Functions of the product that are called stand-ins: `fake_send`, `_mock_response`."""
    for node in module.of(ast.FunctionDef, ast.AsyncFunctionDef):
        own = words(node.name)
        if own[1:] and own[0] in {"fake", "mock", "stub", "canned", "bogus"} and not node.decorator_list:
            yield standins.record(module, node, "double", node.name)


def _is_rpc_stub(module: ParsedModule, node: ast.ClassDef) -> bool:
    """A class that generators for gRPC and the like call a stub is the real client."""
    if words(node.name)[-1:] != ("stub",):
        return False
    if "_pb2" in module.path:
        return True
    start = next((s for s in node.body if isinstance(s, ast.FunctionDef) and s.name == "__init__"), None)
    return start is not None and any(a.arg in {"channel", "conn", "transport"} for a in start.args.args)
