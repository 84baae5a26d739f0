"""What a test has put in itself: expressions that hold nothing of the code under test.

Literals, plain functions of Python over them, local names that are given such once and handed to nobody, and mocks that
only the test itself calls.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cached_property

from strictreal.collect.python import bodies
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
_OF_UNITTEST = vocabulary(
    """
    assertEqual assertNotEqual assertTrue assertFalse assertIs assertIsNot assertIsNone assertIsNotNone assertIn
    assertNotIn assertIsInstance assertNotIsInstance assertGreater assertGreaterEqual assertLess assertLessEqual
    assertAlmostEqual assertListEqual assertDictEqual assertTupleEqual assertSetEqual assertCountEqual assertRegex
    assertSequenceEqual assertMultiLineEqual
    """
)
_LEAVES = (ast.Constant, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context)
_INNER = (
    *(
        ast.List,
        ast.Tuple,
        ast.Set,
        ast.Dict,
        ast.BinOp,
        ast.UnaryOp,
        ast.BoolOp,
        ast.Compare,
        ast.IfExp,
        ast.Subscript,
    ),
    *(ast.Slice, ast.JoinedStr, ast.FormattedValue, ast.Starred, ast.keyword),
)
_MOCKS = tuple(
    f"{holder}.{kind}"
    for holder in ("unittest.mock", "mock")
    for kind in ("Mock", "MagicMock", "AsyncMock", "NonCallableMock", "PropertyMock")
)


class PutIn:
    """Asks of the expressions of one module whether a test has put in itself what they hold."""

    def __init__(self, module: ParsedModule) -> None:
        self._module = module
        self._given: dict[tuple[ast.AST, str, bool], bool] = {}
        self._kept: dict[tuple[ast.AST, str, bool], bool] = {}

    @cached_property
    def _loads(self) -> bodies.Loads:
        return bodies.loads(self._module)

    def is_own(self, expressions: Sequence[ast.expr], depth: int = MAX_DEPTH) -> bool:
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
                if not (self._is_plain(node) or (depth and self._is_given(node, depth - 1))):
                    return False
            elif isinstance(node, ast.Call):
                function = node.func
                known = self._is_plain(function) or (depth > 0 and self._of_mock(function, depth - 1))
                if not known and isinstance(function, ast.Attribute) and function.attr in _METHODS:
                    waiting.append(function.value)
                elif not known:
                    return False
                waiting += [*node.args, *node.keywords]
            elif not (isinstance(node, ast.Attribute) and depth and self._of_mock(node, depth - 1)):
                return False
        return True

    def _is_plain(self, node: ast.expr) -> bool:
        """Whether an expression is a function of Python that gives the same for the same."""
        return (
            isinstance(node, ast.Name | ast.Attribute)
            and self._module.resolve(node).removeprefix("builtins.") in _PLAIN
        )

    def _of_mock(self, node: ast.expr, depth: int) -> bool:
        """Whether an expression is a part of a mock that the test itself has made: `client.get.return_value`."""
        for _ in range(MAX_DEPTH):
            if not isinstance(node, ast.Attribute | ast.Call):
                break
            node = node.value if isinstance(node, ast.Attribute) else node.func
        return isinstance(node, ast.Name) and self._is_given(node, depth, mock=True)

    def is_own_assertion(self, call: ast.Call, name: str) -> bool:
        """Whether an assertion is about what the test has put in: `self.assertIn(1, [1])`, `m.assert_called()` of `m()`."""
        function = call.func
        if not isinstance(function, ast.Attribute) or not name.startswith("assert"):
            return False
        if isinstance(function.value, ast.Name) and function.value.id == "self":
            settled = all(isinstance(a, ast.Constant) for a in call.args)  # `assertEqual(0, 1)` fails each time
            return name in _OF_UNITTEST and not settled and self.is_own(call.args)
        return self._of_mock(function.value, MAX_DEPTH)

    def _is_given(self, name: ast.Name, depth: int, *, mock: bool = False) -> bool:
        """Whether a local name is given something of the test's own, once and whatever happens, and handed to nobody."""
        scope = self._module.names.binding_scope(name)
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            return False
        key = (scope, name.id, mock)
        if key not in self._given:
            self._given[key] = False  # what is made of itself is not known
            self._given[key] = self._is_made(name.id, scope, depth, mock=mock)
        return self._given[key]

    def _is_made(self, name: str, scope: ast.AST, depth: int, *, mock: bool) -> bool:
        """`_is_given` of a name in its scope, worked out."""
        bound = self._module.names.bindings(scope, name)
        value = bound[0].value if len(bound) == 1 and isinstance(bound[0].node, ast.Name) else None
        if value is None or not self._runs_always(bound[0].node, scope):
            return False
        made = isinstance(value, ast.Call) and self._module.resolve(value.func) in _MOCKS
        if made is not mock or (not made and not self.is_own([value], depth)):
            return False
        return self._stays(name, scope, depth, mock=mock)

    def _stays(self, name: str, scope: ast.AST, depth: int, *, mock: bool = False) -> bool:
        """Whether what a local name holds is handed to nobody, and changed by nothing but the test's own."""
        key = (scope, name, mock)
        if key in self._kept:
            return self._kept[key]
        self._kept[key] = False
        binds = self._module.names.binding_scope
        uses = [n for n in self._loads.get(name, ()) if binds(n) is scope]
        harmless = self._of_itself if mock else self._is_harmless
        self._kept[key] = len(uses) <= MAX_USES and all(harmless(use, scope, depth) for use in uses)
        return self._kept[key]

    def _runs_always(self, node: ast.AST, scope: ast.AST) -> bool:
        """Whether the statement around a node stands in the body of a function itself, under no condition."""
        while not isinstance(node, ast.stmt):
            node = self._module.parents[node]
        return self._module.parents.get(node) is scope

    def _is_harmless(self, use: ast.Name, scope: ast.AST, depth: int) -> bool:
        """Whether a use of a local name only looks at what it holds, or puts more of the test's own in."""
        if self._module.names.scope(use) is not scope:
            return False
        node: ast.AST = use
        parent = self._module.parents[node]
        computed = False
        while not isinstance(parent, ast.stmt):
            computed |= isinstance(parent, ast.BinOp | ast.Compare | ast.JoinedStr | ast.UnaryOp)
            if isinstance(parent, ast.Attribute):
                call = self._module.parents[parent]
                if parent.attr not in _METHODS or not (isinstance(call, ast.Call) and call.func is parent):
                    return False
                if parent.attr in _CHANGING and not (self._runs_always(call, scope) and self.is_own(call.args, depth)):
                    return False
            elif isinstance(parent, ast.Call):
                if node in parent.args and not self._is_plain(parent.func) and not self._looks(parent):
                    return False
            elif isinstance(
                parent, ast.keyword | ast.Lambda | ast.Await | ast.Yield | ast.NamedExpr | ast.comprehension
            ):
                return False
            node, parent = parent, self._module.parents[parent]
        if isinstance(parent, ast.Assert | ast.Expr):
            return True
        if not isinstance(parent, ast.Assign | ast.AnnAssign):
            return False
        targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
        if node in targets:  # `config["a"] = 1`
            return self._runs_always(parent, scope) and parent.value is not None and self.is_own([parent.value], depth)
        if computed:
            return True
        return all(isinstance(t, ast.Name) and depth > 0 and self._stays(t.id, scope, depth - 1) for t in targets)

    def _looks(self, call: ast.Call) -> bool:
        """Whether a call is an assertion of unittest, or puts something into a collection, which is looked at by itself."""
        function = call.func
        if not isinstance(function, ast.Attribute):
            return False
        own = isinstance(function.value, ast.Name) and function.value.id == "self"
        return own and function.attr.startswith("assert")

    def _of_itself(self, use: ast.Name, scope: ast.AST, depth: int) -> bool:
        """Whether a use of a mock calls or sets up the mock itself with what is the test's own, and hands it to nobody."""
        if self._module.names.scope(use) is not scope:
            return False
        node: ast.AST = use
        parent = self._module.parents[node]
        while isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Call) and parent.func is node):
            if isinstance(parent, ast.Call) and not self.is_own(parent.args, depth):
                return False
            node, parent = parent, self._module.parents[parent]
        if node is use:
            return False
        return isinstance(parent, ast.Assert | ast.Expr | ast.Compare) or (
            isinstance(parent, ast.Assign) and node in parent.targets and self.is_own([parent.value], depth)
        )
