"""What a test has put in itself: expressions that hold nothing of the code under test.

Literals, plain functions of Python over them, local names that are given such once and handed to nobody, and mocks that
only the test itself calls.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.vocabulary import vocabulary

MAX_DEPTH = 6
"""Through how many local names a value is followed."""
MAX_NODES = 200
"""How many nodes of an expression are looked at; a larger one counts as one that may hold something else."""
MAX_USES = 30
"""How many uses of a local name are looked at."""
_PLAIN = vocabulary(
    """
    len str int float bool list dict set tuple frozenset sorted sum min max abs any all isinstance issubclass type repr
    round range enumerate zip reversed bytes ord chr divmod pow hash id callable object complex hex bin
    json.dumps json.loads copy.copy copy.deepcopy
    """
)
_METHODS = vocabulary(
    """
    append extend add insert update setdefault pop remove discard clear sort reverse get items keys values copy index count
    upper lower strip title split join replace startswith endswith format encode decode isdigit isalpha union
    intersection difference
    """
)
_CHANGING = vocabulary("append extend add insert update setdefault pop remove discard clear sort reverse")
_LEAVES = (ast.Constant, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context)
_INNER = (
    *(ast.List, ast.Tuple, ast.Set, ast.Dict, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Subscript),
    *(ast.Slice, ast.JoinedStr, ast.FormattedValue, ast.Starred, ast.keyword),
)
_MOCKS = tuple(
    f"{holder}.{kind}"
    for holder in ("unittest.mock", "mock")
    for kind in ("Mock", "MagicMock", "AsyncMock", "NonCallableMock", "PropertyMock")
)


def is_own(module: ParsedModule, expressions: Sequence[ast.expr], depth: int = MAX_DEPTH) -> bool:
    """Whether expressions hold nothing but what the test around them has put in itself."""
    waiting: list[ast.AST] = list(expressions)
    seen = 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > MAX_NODES:
            return False
        if isinstance(node, _LEAVES):
            continue
        if isinstance(node, _INNER):
            waiting += ast.iter_child_nodes(node)
        elif isinstance(node, ast.Name):
            if not (_is_plain(module, node) or (depth and _is_given(module, node, depth - 1))):
                return False
        elif isinstance(node, ast.Call):
            method = isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS
            if method and isinstance(node.func, ast.Attribute) and not _is_plain(module, node.func):
                waiting.append(node.func.value)
            elif not _is_plain(module, node.func) and not (depth and _of_mock(module, node.func, depth - 1)):
                return False
            waiting += [*node.args, *node.keywords]
        elif not (isinstance(node, ast.Attribute) and depth and _of_mock(module, node, depth - 1)):
            return False
    return True


def _is_plain(module: ParsedModule, node: ast.expr) -> bool:
    """Whether an expression is a function of Python that gives the same for the same."""
    return isinstance(node, ast.Name | ast.Attribute) and module.resolve(node).removeprefix("builtins.") in _PLAIN


def _of_mock(module: ParsedModule, node: ast.expr, depth: int) -> bool:
    """Whether an expression is a part of a mock that the test itself has made: `client.get.return_value`."""
    for _ in range(MAX_DEPTH):
        if not isinstance(node, ast.Attribute | ast.Call):
            break
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return isinstance(node, ast.Name) and _is_given(module, node, depth, mock=True)


def is_of_own_mock(module: ParsedModule, call: ast.Call) -> bool:
    """Whether a mock is asked for calls that the test has made itself: `m.send("a")`, `m.send.assert_called_once()`."""
    return isinstance(call.func, ast.Attribute) and _of_mock(module, call.func.value, MAX_DEPTH)


def _is_given(module: ParsedModule, name: ast.Name, depth: int, *, mock: bool = False) -> bool:
    """Whether a local name is given something of the test's own, once and whatever happens, and handed to nobody."""
    scope = module.names.binding_scope(name)
    if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    bound = module.names.bindings(scope, name.id)
    value = bound[0].value if len(bound) == 1 and isinstance(bound[0].node, ast.Name) else None
    if value is None or not _runs_always(module, bound[0].node, scope):
        return False
    made = isinstance(value, ast.Call) and module.resolve(value.func) in _MOCKS
    if made is not mock or (not made and not is_own(module, [value], depth)):
        return False
    uses = [n for n in module.loaded(name.id) if module.names.binding_scope(n) is scope]
    if len(uses) > MAX_USES:
        return False
    return all((_of_itself if mock else _is_harmless)(module, use, scope, depth) for use in uses)


def _runs_always(module: ParsedModule, node: ast.AST, scope: ast.AST) -> bool:
    """Whether the statement around a node stands in the body of a function itself, under no condition."""
    while not isinstance(node, ast.stmt):
        node = module.parents[node]
    return module.parents.get(node) is scope


def _is_harmless(module: ParsedModule, use: ast.Name, scope: ast.AST, depth: int) -> bool:
    """Whether a use of a local name only looks at what it holds, or puts more of the test's own in."""
    if module.names.scope(use) is not scope:
        return False
    node: ast.AST = use
    parent = module.parents[node]
    while not isinstance(parent, ast.stmt):
        if isinstance(parent, ast.Attribute):
            call = module.parents[parent]
            if parent.attr not in _METHODS or not (isinstance(call, ast.Call) and call.func is parent):
                return False
            if parent.attr in _CHANGING and not (
                _runs_always(module, call, scope) and is_own(module, call.args, depth)
            ):
                return False
        elif isinstance(parent, ast.Call):
            if node in parent.args and not _is_plain(module, parent.func) and not _looks(module, parent):
                return False
        elif isinstance(parent, ast.keyword | ast.Lambda | ast.Await | ast.Yield | ast.NamedExpr | ast.comprehension):
            return False
        node, parent = parent, module.parents[parent]
    if isinstance(parent, ast.Assert | ast.Expr):
        return True
    if not isinstance(parent, ast.Assign | ast.AnnAssign):
        return False
    targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
    if node in targets:  # `config["a"] = 1`
        return _runs_always(module, parent, scope) and parent.value is not None and is_own(module, [parent.value], depth)
    return all(isinstance(t, ast.Name) and depth > 0 and _is_given(module, t, depth - 1) for t in targets)


def _looks(module: ParsedModule, call: ast.Call) -> bool:
    """Whether a call is an assertion of unittest, or puts something into a collection, which is looked at by itself."""
    function = call.func
    if not isinstance(function, ast.Attribute):
        return False
    own = isinstance(function.value, ast.Name) and function.value.id == "self"
    return own and function.attr.startswith("assert")


def _of_itself(module: ParsedModule, use: ast.Name, scope: ast.AST, depth: int) -> bool:
    """Whether a use of a mock calls or sets up the mock itself with what is the test's own, and hands it to nobody."""
    if module.names.scope(use) is not scope:
        return False
    node: ast.AST = use
    parent = module.parents[node]
    while isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Call) and parent.func is node):
        if isinstance(parent, ast.Call) and not is_own(module, parent.args, depth):
            return False
        node, parent = parent, module.parents[parent]
    if node is use:
        return False
    return isinstance(parent, ast.Assert | ast.Expr | ast.Compare) or (
        isinstance(parent, ast.Assign) and node in parent.targets and is_own(module, [parent.value], depth)
    )
