"""Random numbers, followed from where they are drawn to the name under which they are handed on."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from strictreal.collect.python import bodies, exposed
from strictreal.collect.python.bodies import Functions, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Fake, vocabulary, words

MAX_STEPS = 2
"""How many local variables a random number is followed through."""
MAX_USES = 8
"""How many uses of one local variable are followed."""

_PLAIN = vocabulary(
    """
    random uniform randint randrange gauss normalvariate triangular betavariate expovariate lognormvariate
    vonmisesvariate gammavariate paretovariate weibullvariate getrandbits
    """
)
_ARRAYS = vocabulary(
    """
    rand randn random random_sample ranf sample uniform normal standard_normal integers randint exponential beta
    gamma lognormal poisson dirichlet binomial laplace triangular multivariate_normal
    """
)
_TENSORS = frozenset({"rand", "randn", "randint", "rand_like", "randn_like", "normal", "randint_like"})
_PICKS = frozenset({"choice", "choices", "sample"})
_METHODS = {"randbelow"} | _PLAIN | _ARRAYS | _TENSORS | _PICKS
_GENERATORS = frozenset(
    {
        "random.Random",
        "random.SystemRandom",
        "numpy.random.default_rng",
        "numpy.random.RandomState",
        "secrets.SystemRandom",
    }
)
_RECEIVERS = frozenset({"rng", "prng", "random", "rand", "randomness"})
_THROUGH = vocabulary(
    """
    round int float abs min max str list tuple sum sorted bool numpy.array numpy.clip numpy.round numpy.float32
    numpy.asarray dict datetime.timedelta decimal.Decimal numpy.abs map set repr format
    """
)
_SENDING = vocabulary(
    """
    json.dumps orjson.dumps flask.jsonify quart.jsonify flask.make_response fastapi.responses.JSONResponse jsonify
    starlette.responses.JSONResponse django.http.JsonResponse aiohttp.web.json_response sanic.response.json
    rest_framework.response.Response flask.render_template quart.render_template flask.render_template_string
    """
)
"""Calls that put a value into the answer to a request."""
_THROUGH_METHODS = vocabulary(
    """
    tolist astype item round copy reshape flatten numpy cpu detach squeeze format join
    """
)
_ADDING = vocabulary(
    """
    append extend add insert appendleft put push set observe record
    """
)


def facts(module: ParsedModule) -> Iterator[Fake]:
    """Every random number of a module that is handed on under a name; `detail` lists the names, `return` among them.

    Tests are passed over: their inputs may be drawn.
    """
    if module.role == "test" or not any(hint in module.text for hint in ("rand", "rng", "secrets")):
        return
    trail = _Trail(module)
    for call in module.of(ast.Call):
        name = _drawn(module, call)
        trail.labels.clear()
        contexts = list(dict.fromkeys(trail.contexts(call, MAX_STEPS))) if name else []
        around = bodies.enclosing(module, call) if contexts else None
        alone = around is not None and contexts == ["return"]
        passed_on = tuple(dict.fromkeys(trail.of_result(around))) if around is not None and alone else ()
        if contexts:
            yield Fake(
                where=module.at(call),
                kind="random",
                name=name,
                detail=", ".join(contexts),
                function=bodies.qualname(module, around) if around else "",
                labels=tuple(context for context in contexts if context in trail.labels),
                sentences=_picks_sentence(module, call),
                ignores=around is not None and _ignores(module, around),
                exposed=around is not None and exposed.answers(module, around),
                passed_on=passed_on,
            )


def _ignores(module: ParsedModule, function: Functions) -> bool:
    """Whether a function takes arguments and uses none; the first one of a method does not count."""
    a = function.args
    method = isinstance(module.parents.get(function), ast.ClassDef) and "staticmethod" not in {
        dotted(module, d) for d in function.decorator_list
    }
    given = {p.arg for p in [*a.posonlyargs, *a.args][method:] + a.kwonlyargs}
    used = {n.id for s in function.body for n in ast.walk(s) if isinstance(n, ast.Name)}
    return bool(given) and given.isdisjoint(used)


def _drawn(module: ParsedModule, call: ast.Call) -> str:
    """The generator that a call draws from, written in full; "" when it draws nothing or picks among what is given."""
    function = call.func
    method = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    name = dotted(module, function) if isinstance(function, ast.Name) or method in _METHODS else ""
    if not name:
        return ""
    head, _, last = name.rpartition(".")
    if head in {"random", "numpy.random"} or head == "cupy.random":
        return name if last in (_PLAIN if head == "random" else _ARRAYS) or _picks_literal(module, call, last) else ""
    if head in {"torch", "tensorflow.random", "jax.random"}:
        return name if last in _TENSORS or last == "uniform" else ""
    if head == "secrets" and (last == "randbelow" or _picks_literal(module, call, last)):
        return name
    if not isinstance(function, ast.Attribute):
        return ""
    receiver = function.value
    if isinstance(receiver, ast.Name):
        made = [b.value for b in module.names.reaching(receiver) if isinstance(b.value, ast.Call)]
        generator = next(
            (g for m in made if isinstance(m, ast.Call) and (g := dotted(module, m.func)) in _GENERATORS), ""
        )
    else:
        generator = dotted(module, receiver.func) if isinstance(receiver, ast.Call) else ""
    named = receiver.attr if isinstance(receiver, ast.Attribute) else getattr(receiver, "id", "")
    if generator in _GENERATORS or not _RECEIVERS.isdisjoint(words(named)):
        if method in _PICKS and not _picks_literal(module, call, method):
            return ""
        return f"{generator or named}.{method}"
    return ""


def _picks_literal(module: ParsedModule, call: ast.Call, method: str) -> bool:
    """Whether a pick is made among answers that are written in the code."""
    if method not in _PICKS or not call.args:
        return False
    options = _options(module, call.args[0])
    if not isinstance(options, ast.List | ast.Tuple):
        return False
    return bool(bodies.value_of(module, options)) or _are_sentences(options)


def _options(module: ParsedModule, given: ast.expr) -> ast.expr:
    """What a pick is made among: a variable or an attribute of `self` that is bound once is followed."""
    bound: list[ast.expr | None] = []
    if isinstance(given, ast.Name):
        bound = [b.value for b in module.names.reaching(given)]
    elif isinstance(given, ast.Attribute) and isinstance(given.value, ast.Name) and given.value.id in {"self", "cls"}:
        for assign in module.of(ast.Assign, ast.AnnAssign):
            targets = assign.targets if isinstance(assign, ast.Assign) else [assign.target]
            for target in targets:
                of_class = isinstance(module.parents.get(assign), ast.ClassDef)
                own = isinstance(target, ast.Name) and of_class and target.id == given.attr
                if own or (isinstance(target, ast.Attribute) and target.attr == given.attr):
                    bound.append(assign.value)
    return bound[0] if len(bound) == 1 and bound[0] is not None else given


def _are_sentences(options: ast.List | ast.Tuple) -> bool:
    """Whether every option is a text, and one has at least three words; texts may have arguments put into them."""
    longest = 0
    for option in options.elts:
        parts = option.values if isinstance(option, ast.JoinedStr) else [option]
        texts = [p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)]
        if not texts:
            return False
        longest = max(longest, sum(len(text.split()) for text in texts))
    return longest > 2


def _picks_sentence(module: ParsedModule, call: ast.Call) -> bool:
    method = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(module, call.func).rpartition(".")[2]
    if method not in _PICKS or not call.args:
        return False
    options = _options(module, call.args[0])
    return isinstance(options, ast.List | ast.Tuple) and _are_sentences(options)


class _Trail:
    """Where values go in one module."""

    def __init__(self, module: ParsedModule) -> None:
        self._module = module
        self._loads: dict[Functions, dict[str, list[ast.Name]]] = {}
        self.labels: set[str] = set()
        """Keys, fields of constructed objects and attributes met since it was last cleared."""

    def contexts(self, node: ast.AST, steps: int) -> Iterator[str]:
        """The names under which a value leaves its expression: variables, keys, keywords, or `return`."""
        parents = self._module.parents
        child, parent = node, parents.get(node)
        compared = False
        while parent is not None:
            if isinstance(parent, ast.keyword):
                if parent.arg in {"default_factory", "default"}:  # of a field, whose name it goes by
                    child, parent = parent, parents.get(parent)
                    yield from self._field(parent)
                elif dotted(self._module, getattr(parents.get(parent), "func", parent)) == "datetime.timedelta":
                    child, parent = parent, parents.get(parent)
                    continue
                elif parent.arg:
                    if self._constructs(parents.get(parent)):
                        self.labels.add(parent.arg)
                    yield parent.arg
                return
            if isinstance(parent, ast.Return | ast.Yield):
                yield "return"
                return
            if isinstance(parent, ast.If) and child is parent.test and _settles(self._module, parent):
                yield "outcome"
                return
            if isinstance(parent, ast.Assign | ast.AnnAssign | ast.AugAssign):
                targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
                for target in [] if compared else targets:
                    yield from self._target(target, steps)
                return
            if isinstance(parent, ast.Dict) and child in parent.values:
                yield from self._key(parent.keys[[*parent.values].index(child)])
            elif isinstance(parent, ast.Call) and child is not parent.func and (receiver := _adds_to(parent)):
                yield from self._holder(receiver, steps)
                return
            elif not self._passes(parent, child):
                return
            compared |= isinstance(parent, ast.Compare)
            child, parent = parent, parents.get(parent)

    def _passes(self, parent: ast.AST, child: ast.AST) -> bool:
        """Whether the value of `child` lives on in the value of `parent`."""
        if isinstance(parent, ast.Call):
            if child is parent.func:
                return isinstance(child, ast.Attribute) and child.attr in _THROUGH_METHODS
            return dotted(self._module, parent.func) in _THROUGH | _SENDING
        if isinstance(parent, ast.IfExp):
            return child is not parent.test
        if isinstance(parent, ast.Subscript):
            return child is not parent.slice
        return not isinstance(parent, ast.stmt | ast.comprehension)

    def _field(self, made: ast.AST | None) -> Iterator[str]:
        """The name of the field that a call in a class body describes."""
        holder = self._module.parents.get(made) if made is not None else None
        if isinstance(holder, ast.AnnAssign | ast.Assign) and isinstance(
            self._module.parents.get(holder), ast.ClassDef
        ):
            for target in holder.targets if isinstance(holder, ast.Assign) else [holder.target]:
                if isinstance(target, ast.Name):
                    self.labels.add(target.id)
                    yield target.id

    def of_result(self, function: Functions) -> Iterator[str]:
        """Where the result of a plain function of the module goes: from its calls, and from `partial` of it."""
        if not isinstance(self._module.parents.get(function), ast.Module):
            return
        for use in self._everywhere.get(function.name, ())[:MAX_USES]:
            call = self._module.parents.get(use)
            if not isinstance(call, ast.Call) or function not in self._module.definitions(use):
                continue
            partial = dotted(self._module, call.func).endswith("partial") and call.args[:1] == [use]
            if call.func is use or partial:
                yield from self.contexts(call, MAX_STEPS - 1)

    @cached_property
    def _everywhere(self) -> bodies.Loads:
        return bodies.loads(self._module)

    def _key(self, key: ast.expr | None) -> Iterator[str]:
        text = self._module.string(key)
        if text and text.isprintable():
            self.labels.add(text[:60])
            yield text[:60]

    def _constructs(self, call: ast.AST | None) -> bool:
        """Whether a call makes an object or an answer to a request, whose fields its keywords are."""
        called = dotted(self._module, call.func) if isinstance(call, ast.Call) else ""
        name = called.rpartition(".")[2]
        return name == "dict" or name.lstrip("_")[:1].isupper() or called in _SENDING

    def _target(self, target: ast.expr, steps: int) -> Iterator[str]:
        if isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                yield from self._target(element, steps)
        elif isinstance(target, ast.Subscript):
            named = list(self._key(target.slice))
            yield from named or self._holder(target.value, steps)
        else:
            yield from self._holder(target, steps)

    def _holder(self, node: ast.expr, steps: int) -> Iterator[str]:
        """A variable or attribute that received the value, and where a local variable goes from there."""
        if isinstance(node, ast.Attribute):
            self.labels.add(node.attr)
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id
            function = bodies.enclosing(self._module, node)
            if function is not None and steps:
                for use in self._uses(function, node):
                    yield from self.contexts(use, steps - 1)

    def _uses(self, function: Functions, variable: ast.Name) -> list[ast.Name]:
        if function not in self._loads:
            loads = self._loads[function] = defaultdict(list)
            for inner in bodies.within(ast.Module(function.body, [])):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
                    loads[inner.id].append(inner)
        after = (variable.lineno, variable.col_offset)
        return [use for use in self._loads[function].get(variable.id, []) if (use.lineno, use.col_offset) > after][
            :MAX_USES
        ]


def _settles(module: ParsedModule, branch: ast.If) -> bool:
    """Whether a branch that chance takes ends with an answer that is written there: a record, `True`, `"declined"`."""
    last = branch.body[-1]
    value = last.value if isinstance(last, ast.Return) else None
    said = isinstance(value, ast.Dict) and any(isinstance(v, ast.Constant) for v in value.values)
    return said or (
        value is not None and bodies.value_of(module, value) in {"true", "false", "symbol", "text", "record"}
    )


def _adds_to(call: ast.Call) -> ast.expr | None:
    """The collection or instrument that a call adds its arguments to."""
    function = call.func
    return function.value if isinstance(function, ast.Attribute) and function.attr in _ADDING else None
