"""Uses of the process environment, in every form: by meaning, through import aliases and scopes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python.module import ParsedModule
from strictreal.facts.code import EnvAccess


def facts(module: ParsedModule) -> Iterator[EnvAccess]:
    """Every access of the module."""
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            if node.attr in {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}:
                yield EnvAccess(where=module.at(node), form=f"os.{node.attr}")
