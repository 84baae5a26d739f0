"""What a name denotes at one place: imports, aliases and definitions, followed through Python's scopes.

The resolver answers with a fully qualified dotted name (`os.environ.setdefault`; `environs.Env().str` for an attribute
of what a call returned), or with nothing when the expression is a parameter, a local definition or value, or anything
else that it cannot know. Several bindings may reach one use (an import, and its substitute after `except ImportError`);
then there are several answers, in the order of the source.
"""

from __future__ import annotations

import ast
import builtins
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from strictreal.collect.python import folding
from strictreal.collect.python.binding import Binding, assigned

if TYPE_CHECKING:
    from strictreal.collect.python.module import ParsedModule

MAX_ALIASES = 12
"""How many aliases of aliases are followed before a name counts as unknown."""
MAX_MEANINGS = 8
"""How many things one name may denote at one place; further ones are not followed."""
MAX_STRING = 10_000
"""Length in characters of the longest joined string that is worked out."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, *_COMPREHENSIONS)
_IMPORTERS = {"__import__", "builtins.__import__", "importlib.import_module", "importlib.__import__"}
_LOCATORS = frozenset({"resolve_name", "locate", "import_string", "import_from_string", "import_object", "load_object"})
"""Last names of functions that answer what a dotted name in a text denotes."""
_LOOKING_UP = frozenset({"get", "pop", "__getitem__"})
_BUILTINS = frozenset(dir(builtins))


class Names:
    """The scopes of one module. Ask through `ParsedModule.resolve` and its neighbours."""

    def __init__(self, module: ParsedModule) -> None:
        self._parents = module.parents
        self._tree = module.tree
        self._bindings: dict[ast.AST, dict[str, list[Binding]]] = {module.tree: {}}
        self._elsewhere: dict[tuple[ast.AST, str], ast.AST] = {}
        self.stars: list[str] = []
        """Modules of `from m import *`, fully qualified."""
        self._blocks: dict[ast.AST, tuple[ast.AST, str]] | None = None
        self._denoted: dict[Binding, tuple[str, ...]] = {}
        self._constants: dict[Binding, ast.Constant | None] = {}
        self._collect(module)

    # -- what a use denotes ------------------------------------------------------------------------------------------

    def resolve_all(self, node: ast.AST, depth: int = MAX_ALIASES) -> tuple[str, ...]:
        """Every dotted name that the expression may denote; empty when none is known."""
        if depth <= 0:
            return ()
        suffix: list[str] = []
        while isinstance(node, ast.Attribute):  # a loop, since a chain may be as long as its author likes
            suffix.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            found = self._of_name(node, depth)
        elif isinstance(node, ast.NamedExpr):
            found = self.resolve_all(node.value, depth - 1)
        elif isinstance(node, ast.Call):
            found = self._of_call(node, depth)
        elif isinstance(node, ast.Subscript):
            found = self._of_namespace(node.value, node.slice, depth)
        else:
            found = ()
        if suffix:
            tail = "." + ".".join(reversed(suffix))
            found = tuple(name + tail for name in found)
        return found

    def _of_name(self, node: ast.Name, depth: int) -> tuple[str, ...]:
        scope = self.binding_scope(node)
        if scope is None:
            if node.id in _BUILTINS:
                return (node.id,)
            return tuple(f"{star}.{node.id}" for star in self.stars)
        found: dict[str, None] = {}
        for binding in self._reaching(node, scope):
            found.update(dict.fromkeys(self._denotes(binding, depth)))
            if len(found) >= MAX_MEANINGS:
                break
        return tuple(found)[:MAX_MEANINGS]

    def _denotes(self, binding: Binding, depth: int) -> tuple[str, ...]:
        """What one binding makes its name denote; worked out once, so that aliases in circles end."""
        if binding.dotted:
            return (binding.dotted,)
        if binding.value is None:
            return ()
        if binding not in self._denoted:
            self._denoted[binding] = ()
            self._denoted[binding] = self.resolve_all(binding.value, depth - 1)
        return self._denoted[binding]

    def _of_call(self, node: ast.Call, depth: int) -> tuple[str, ...]:
        """`f()` for a result of `f`; `__import__("m")`, `import_module("m")` and `getattr(m, "name")` by meaning."""
        functions = self.resolve_all(node.func, depth - 1)
        function = next(iter(functions), "")
        if function in _IMPORTERS and node.args:
            name = self.string(node.args[0], depth - 1)
            if name and not name.startswith("."):
                return (name if function.endswith("import_module") else name.partition(".")[0],)
        elif function in {"getattr", "builtins.getattr"} and len(node.args) > 1:
            name = self.string(node.args[1], depth - 1)
            if name and name.isidentifier():
                return tuple(f"{owner}.{name}" for owner in self.resolve_all(node.args[0], depth - 1))
        elif function == "importlib.util.module_from_spec" and node.args and isinstance(node.args[0], ast.Call):
            found = self.resolve_all(node.args[0].func, depth - 1)
            name = self.string(node.args[0].args[0], depth - 1) if node.args[0].args else None
            if name and "importlib.util.find_spec" in found:
                return (name,)
        elif function.rpartition(".")[2] in _LOCATORS and node.args:
            name = self.string(node.args[0], depth - 1)
            if name and not name.startswith(".") and name.replace(":", ".").replace(".", "_").isidentifier():
                return (name.replace(":", "."),)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _LOOKING_UP and node.args:
            part = self._of_namespace(node.func.value, node.args[0], depth)
            if part:
                return part
        return tuple(f"{name}()" for name in functions)

    def _of_namespace(self, holder: ast.expr, key: ast.expr, depth: int) -> tuple[str, ...]:
        """`sys.modules["m"]`, `m.__dict__["name"]` and `vars(m)["name"]`, also by `get`."""
        holding = isinstance(holder, ast.Call) or (
            isinstance(holder, ast.Attribute) and holder.attr in {"modules", "__dict__"}
        )
        name = self.string(key, depth - 1) if holding or isinstance(holder, ast.Name) else None
        if not name:
            return ()
        if isinstance(holder, ast.Call):
            if not holder.args and self.resolve_all(holder.func, depth - 1) in {("globals",), ("locals",), ("vars",)}:
                known = self._bindings[self._tree].get(name, ())
                return tuple(meant for binding in known for meant in self._denotes(binding, depth - 1))
            if holder.args and self.resolve_all(holder.func, depth - 1) in {("vars",), ("builtins.vars",)}:
                return tuple(f"{owner}.{name}" for owner in self.resolve_all(holder.args[0], depth - 1))
            return ()
        owners = self.resolve_all(holder, depth - 1)
        if "sys.modules" in owners:
            return (name,)
        return tuple(f"{o.removesuffix('.__dict__')}.{name}" for o in owners if o.endswith(".__dict__"))

    def definitions(self, node: ast.AST) -> tuple[Definition, ...]:
        """The functions and classes of this module that a name may denote, through plain aliases."""
        found: list[Definition] = []
        for _ in range(MAX_ALIASES):
            if not isinstance(node, ast.Name) or (scope := self.binding_scope(node)) is None:
                break
            bindings = self._reaching(node, scope)
            found += [b.node for b in bindings if isinstance(b.node, Definition)]
            following = next((b.value for b in bindings if isinstance(b.value, ast.Name)), None)
            if following is None or following is node:
                break
            node = following
        return tuple(dict.fromkeys(found))

    def constant(self, node: ast.AST | None, depth: int = MAX_ALIASES) -> ast.Constant | None:
        """The constant that an expression always is here, through names bound once, `+` of strings and f-strings."""
        if node is None or depth <= 0:
            return None
        if isinstance(node, ast.Constant):
            return node
        if isinstance(node, ast.Name):
            scope = self.binding_scope(node)
            bindings = self._reaching(node, scope) if scope is not None else ()
            if len(bindings) != 1:
                return None
            [only] = bindings
            if only not in self._constants:
                self._constants[only] = None
                self._constants[only] = self.constant(only.value, depth - 1)
            return self._constants[only]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self.constant(node.operand, depth - 1)
            if inner is not None and type(inner.value) in {int, float}:
                return ast.copy_location(ast.Constant(-inner.value), node)  # type: ignore[operator]
            return None
        parts: Sequence[ast.expr | None] = ()
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts = (node.left, node.right)
        elif isinstance(node, ast.JoinedStr):
            parts = [
                (v.value if v.conversion == -1 and v.format_spec is None else None)
                if isinstance(v, ast.FormattedValue)
                else v
                for v in node.values
            ]
        if not parts:
            return folding.fold(node, lambda part: self.constant(part, depth - 1))
        pieces: list[str] = []
        for part in parts:
            known = self.constant(part, depth - 1)
            if known is None or not isinstance(known.value, str):
                return None
            pieces.append(known.value)
        if sum(map(len, pieces)) > MAX_STRING:
            return None
        return ast.copy_location(ast.Constant("".join(pieces)), node)

    def string(self, node: ast.AST | None, depth: int = MAX_ALIASES) -> str | None:
        """The text that an expression always is here; None when it is not known or no text. Bytes count as Latin-1."""
        known = self.constant(node, depth)
        if known is None:
            return None
        if isinstance(known.value, bytes):
            return known.value.decode("latin-1")
        return known.value if isinstance(known.value, str) else None

    # -- scopes ------------------------------------------------------------------------------------------------------

    def scope(self, node: ast.AST) -> ast.AST:
        """The scope in which an expression is evaluated: the module, a function, a lambda, a class, a comprehension.

        Decorators, defaults, annotations, base classes and the first iterable of a comprehension belong outside.
        """
        below, child, parent = node, node, self._parents.get(node)
        while parent is not None:
            if isinstance(parent, _SCOPES) and self._inside(parent, child, below):
                return parent
            below, child, parent = child, parent, self._parents.get(parent)
        return self._tree

    @staticmethod
    def _inside(scope: ast.AST, child: ast.AST, below: ast.AST) -> bool:
        if isinstance(scope, ast.Lambda):
            return child is scope.body
        if isinstance(scope, _COMPREHENSIONS):
            first = scope.generators[0]
            return not (child is first and below is first.iter)
        return isinstance(child, ast.stmt)

    def binding_scope(self, node: ast.Name) -> ast.AST | None:
        """The scope whose binding a name reads; None when the module binds it nowhere (a builtin, or a star import)."""
        first = scope = self.scope(node)
        while True:
            named = self._elsewhere.get((scope, node.id))
            if named is not None:
                return named if node.id in self._bindings.get(named, ()) else None
            visible = scope is first or not isinstance(scope, ast.ClassDef)
            if visible and node.id in self._bindings.get(scope, ()):
                return scope
            if scope is self._tree:
                return None
            scope = self.scope(scope)

    def bound(self) -> Iterator[tuple[str, Binding]]:
        """Every name that the module binds anywhere, with what binds it."""
        for names in self._bindings.values():
            for name, bindings in names.items():
                for binding in bindings:
                    yield name, binding

    def bindings(self, scope: ast.AST, name: str) -> Sequence[Binding]:
        """Every binding of a name in one scope, in source order."""
        return self._bindings.get(scope, {}).get(name, ())

    def reaching(self, node: ast.Name) -> Sequence[Binding]:
        """The bindings that may have given a name its value where it is used."""
        scope = self.binding_scope(node)
        return () if scope is None else self._reaching(node, scope)

    def _reaching(self, use: ast.Name, scope: ast.AST) -> Sequence[Binding]:
        """Reaching definitions, approximately: the last binding that must have run, and those that may have run since.

        A use in an inner function sees the scope as it is at its end.
        """
        bindings = self._bindings[scope][use.id]
        if len(bindings) == 1:
            return bindings
        here = self.scope(use) is scope
        end = bisect_left(bindings, _position(use), key=lambda b: _position(b.node)) if here else len(bindings)
        around = self._blocks_around(use) if here else {(scope, "body")}
        reached: list[Binding] = []
        for binding in reversed(bindings[:end]):
            binder = self._statement(binding.node)
            if here and isinstance(binder, _ASSIGNMENTS) and self._contains(binder, use):
                continue  # `x = f(x)` reads the x before it
            reached.append(binding)
            if not binding.adds and (binder is None or self._block(binder) in around):
                break
        return reached[::-1] or bindings

    def _contains(self, outer: ast.AST, node: ast.AST) -> bool:
        current: ast.AST | None = node
        while current is not None and current is not outer:
            current = self._parents.get(current)
        return current is outer

    def _statement(self, node: ast.AST) -> ast.stmt | None:
        """The statement that a node belongs to, which is itself for a definition; None for parameters."""
        current: ast.AST | None = node
        while current is not None and not isinstance(current, ast.stmt):
            if isinstance(current, ast.arguments | ast.comprehension | ast.ExceptHandler | ast.match_case):
                return None
            current = self._parents.get(current)
        return current

    def _block(self, statement: ast.AST) -> tuple[ast.AST, str]:
        """The list of statements that a statement stands in, by its owner and field."""
        if self._blocks is None:
            self._blocks = {
                child: (owner, field)
                for owner in [self._tree, *self._parents]
                if isinstance(owner, _OWNERS)
                for field in ("body", "orelse", "finalbody")
                if isinstance(children := getattr(owner, field, None), list)
                for child in children
            }
        return self._blocks.get(statement, (self._tree, "body"))

    def _blocks_around(self, node: ast.AST) -> set[tuple[ast.AST, str]]:
        found = set()
        current: ast.AST | None = node
        while current is not None:
            if isinstance(current, ast.stmt):
                found.add(self._block(current))
            current = self._parents.get(current)
        return found

    # -- collecting bindings -----------------------------------------------------------------------------------------

    def _collect(self, module: ParsedModule) -> None:
        for statement in module.of(ast.Global, ast.Nonlocal):
            inner = self.scope(statement)
            outer = self._tree if isinstance(statement, ast.Global) else self.scope(inner)
            self._elsewhere |= {(inner, name): outer for name in statement.names}
        for imported in module.of(ast.Import):
            for alias in imported.names:
                bound, dotted = alias.asname, alias.name
                if bound is None:
                    bound = dotted = alias.name.partition(".")[0]
                self._bind(imported, bound, Binding(alias, dotted=dotted))
        for source in module.of(ast.ImportFrom):
            prefix = "." * source.level + (source.module or "")
            joint = "" if prefix.endswith(".") or not prefix else "."
            for alias in source.names:
                if alias.name == "*":
                    self.stars.append(prefix)
                else:
                    self._bind(source, alias.asname or alias.name, Binding(alias, dotted=prefix + joint + alias.name))
        for definition in module.of(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
            self._bind(definition, definition.name, Binding(definition))
        for function in module.of(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda):
            a = function.args
            for argument in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg):
                if argument is not None:
                    self._bindings.setdefault(function, {}).setdefault(argument.arg, []).append(Binding(argument))
        for handler in module.of(ast.ExceptHandler):
            if handler.name:
                self._bind(handler, handler.name, Binding(handler))
        for pattern in module.of(ast.MatchAs, ast.MatchStar):
            if pattern.name:
                self._bind(pattern, pattern.name, Binding(pattern))
        for mapping in module.of(ast.MatchMapping):
            if mapping.rest:
                self._bind(mapping, mapping.rest, Binding(mapping))
        values = dict(assigned(module))
        for name in module.of(ast.Name):
            if isinstance(name.ctx, ast.Store):
                self._bind(
                    name,
                    name.id,
                    Binding(name, value=values.get(name), adds=isinstance(self._parents[name], ast.AugAssign)),
                )
        for names in self._bindings.values():
            for found in names.values():
                if len(found) > 1:
                    found.sort(key=lambda b: _position(b.node))

    def _bind(self, at: ast.AST, name: str, binding: Binding) -> None:
        scope = self.scope(at)
        if isinstance(self._parents.get(at), ast.NamedExpr):
            while isinstance(scope, _COMPREHENSIONS):  # `:=` binds outside the comprehension
                scope = self.scope(scope)
        scope = self._elsewhere.get((scope, name), scope)
        self._bindings.setdefault(scope, {}).setdefault(name, []).append(binding)


_OWNERS = (ast.Module, ast.stmt, ast.ExceptHandler, ast.match_case)
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
