"""Literals that no fact may show: all that a secret's name is given to, whatever they look like.

More than the credentials of `credentials.py`, which are findings: here a name need only speak of a secret, and the
literal may be anything, since nothing is lost but a word in a message.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from strictreal.model import Fact, canonical
from strictreal.redact import MARK, is_random, names

if TYPE_CHECKING:
    from strictreal.collect.python.module import ParsedModule

MOST_NODES = 2_000
"""Nodes of one value that are looked at."""
SHORTEST = 3
"""Characters of a literal that is looked for in messages."""
LONGEST = 4096
"""Characters of a literal that may be a key."""
PLAIN_FROM = 8
"""Characters from which a literal is replaced wherever it stands, and not only in quotes."""
_CUT_FROM = 4
_LOOKUPS = frozenset("get getenv pop setdefault get_or_default config env str getpass prompt".split())
_ASKING = ("get", "fetch", "read", "has", "find", "lookup")
_announces = cache(names.speaks_of_secret)
F = TypeVar("F", bound=Fact)


def hidden(module: ParsedModule) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Every literal of the module that may be a secret: credentials, and what secret names are given."""
    seen: set[ast.AST] = set(module.credentials)
    yield from module.credentials
    for name, value in _given(module):
        if value is None or not _announces(name):
            continue
        for literal in _literals(value):
            if literal not in seen:
                seen.add(literal)
                yield literal
    for literal in module.of(ast.Constant):
        if literal not in seen and isinstance(literal.value, str) and _is_drawn(literal.value):
            yield literal


def _given(module: ParsedModule) -> Iterator[tuple[str, ast.expr | None]]:
    """Every expression with the name that it is given: in assignments, calls, defaults, mappings, comparisons."""
    for assign in module.of(ast.Assign):
        yield from ((name, assign.value) for target in assign.targets for name in _names(target))
    for single in module.of(ast.AnnAssign, ast.AugAssign, ast.NamedExpr):
        yield from ((name, single.value) for name in _names(single.target))
    for keyword in module.of(ast.keyword):
        yield keyword.arg or "", keyword.value
    for arguments in module.of(ast.arguments):
        plain = [*arguments.posonlyargs, *arguments.args]
        yield from zip((a.arg for a in reversed(plain)), reversed(arguments.defaults), strict=False)
        yield from zip((a.arg for a in arguments.kwonlyargs), arguments.kw_defaults, strict=True)
    for mapping in module.of(ast.Dict):
        yield from ((_text(key), value) for key, value in zip(mapping.keys, mapping.values, strict=True))
    for comparison in module.of(ast.Compare):
        sides = [comparison.left, *comparison.comparators]
        for one, other in itertools.permutations(sides[:4], 2):
            yield from ((name, other) for name in _names(one))
    for function in module.of(ast.FunctionDef, ast.AsyncFunctionDef):
        if _announces(function.name):
            inside = (node for node in ast.walk(function) if isinstance(node, ast.Return | ast.Yield))
            yield from ((function.name, node.value) for node in inside)
    yield from _in_order(module)


def _in_order(module: ParsedModule) -> Iterator[tuple[str, ast.expr]]:
    """What follows a name or an option in a list or a call: `setdefault("DB_PASSWORD", …)`, `["--password", …]`."""
    for call in module.of(ast.Call):
        yield from _pairs(call.args)
        called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if call.args and not called.startswith(_ASKING):
            yield called, call.args[0]
        yield from ((_text(call.args[0]), keyword.value) for keyword in call.keywords if call.args)
    for several in module.of(ast.List, ast.Tuple):
        yield from _pairs(several.elts)
    for alternative in module.of(ast.BoolOp):
        for one, other in itertools.pairwise(alternative.values):
            yield from ((name, other) for name in _names(one))


def _pairs(values: list[ast.expr]) -> Iterator[tuple[str, ast.expr]]:
    for first, second in itertools.pairwise(values):
        name = _text(first)
        if name == "-p" and _text(second):
            name = "password"
        yield name, second


def _names(target: ast.AST) -> Iterator[str]:
    """The names that an expression goes by: of a variable, an attribute, a key, what is looked up."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Attribute):
        yield target.attr
    elif isinstance(target, ast.Subscript):
        yield _text(target.slice)
    elif isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _names(part)
    elif isinstance(target, ast.Call) and target.args:
        yield _text(target.args[0])


def _text(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _literals(value: ast.expr) -> Iterator[ast.Constant | ast.JoinedStr]:
    """The texts inside an expression; what merely names something there, a key or an environment variable, is none."""
    waiting: list[ast.AST] = [value]
    for _ in range(MOST_NODES):
        if not waiting:
            return
        node = waiting.pop()
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str | bytes) and len(node.value) > 0:
                yield node
        elif isinstance(node, ast.JoinedStr):
            if any(_text(part).strip() for part in node.values):
                yield node
        elif isinstance(node, ast.Dict):
            waiting += node.values
        elif isinstance(node, ast.Subscript):
            waiting.append(node.value)
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            looked_up = called in _LOOKUPS or called.startswith(_ASKING)
            waiting += node.args[1 if looked_up else 0 :]
            waiting += [keyword.value for keyword in node.keywords]
            waiting.append(node.func)
        elif not isinstance(node, ast.Lambda | ast.Compare):
            waiting += ast.iter_child_nodes(node)


def _is_drawn(text: str) -> bool:
    return len(text) <= LONGEST and not any(c.isspace() for c in text) and is_random(text)


def concealed(module: ParsedModule, found: Iterable[F]) -> Iterator[F]:
    """The facts of a module, without the hidden literals that their messages quote."""
    literals = {_shown(node) for node in module.hidden}
    texts = sorted((text for text in literals if len(text) >= SHORTEST), key=lambda text: (-len(text), text))
    for fact in found:
        yield _concealed(fact, texts) if texts else fact


def _shown(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.JoinedStr):
        return max((_text(part) for part in node.values), key=len)
    return node.value.decode("latin-1") if isinstance(node.value, bytes) else str(node.value)


def _concealed(fact: F, texts: list[str]) -> F:
    encoded = canonical(fact).decode()
    beginnings = [text for text in texts if msgspec.json.encode(text[:_CUT_FROM]).decode()[1:-1] in encoded]
    if not beginnings:
        return fact
    changed: F = msgspec.convert(_without(msgspec.to_builtins(fact), beginnings), type(fact))
    return changed


def _without(value: Any, texts: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(item, texts) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without(item, texts) for item in value]
    if not isinstance(value, str):
        return value
    for text in texts:
        written = repr(text)
        value = value.replace(written, written[0] + MARK + written[0]).replace(f'"{text}"', f'"{MARK}"')
        if len(text) >= PLAIN_FROM and any(character.isdigit() for character in text):
            value = value.replace(text, MARK)
        if value.endswith("…"):
            value = _uncut(value, written)
    return value


def _uncut(value: str, written: str) -> str:
    """A text that ends in the middle of a literal, without the literal's beginning."""
    for length in range(min(len(written), len(value) - 1), _CUT_FROM, -1):
        if value[:-1].endswith(written[:length]):
            return value[: -1 - length] + written[0] + MARK + "…"
    return value
