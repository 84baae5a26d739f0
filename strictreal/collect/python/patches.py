"""Behaviour that is replaced in place: monkeypatch, setattr, assignments to imported modules and classes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import bodies, standins
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.conditions import CLIENTS
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Fake, vocabulary, words


def facts(module: ParsedModule) -> Iterator[Fake]:
    """Every replacement of a module; `detail` is `data` where no behaviour is replaced."""
    testing = module.role == "test"
    for call in module.of(ast.Call):
        function = call.func
        method = function.attr if isinstance(function, ast.Attribute) else ""
        if method in {"setattr", "setitem"} and _is_monkeypatch(module, function):
            yield from _monkeypatch(module, call, method)
        elif testing and isinstance(function, ast.Name) and function.id == "setattr" and len(call.args) == 3:
            owner = module.resolve(call.args[0])
            if owner and "()" not in owner and _plays(module, call.args[2]):
                yield standins.record(module, call, "patch", f"{owner}.{module.string(call.args[1]) or '…'}")
        elif method == "update" and isinstance(function, ast.Attribute) and call.args:
            holder, given = dotted(module, function.value), call.args[0]
            values = given.values if isinstance(given, ast.Dict) else []
            if holder.endswith(".dependency_overrides") and any(_plays(module, v, local=testing) for v in values):
                yield standins.record(module, call, "patch", holder)
        elif method in {"setdefault", "update"} and isinstance(function, ast.Attribute) and call.args:
            if testing and dotted(module, function.value) == "sys.modules" and _plays_module(module, call.args[-1]):
                name = f"sys.modules[{module.string(call.args[0]) or '…'}]"
                yield standins.record(module, call, "patch", name)
        elif _is_improvised(module, call):
            yield standins.record(module, call, "mock", dotted(module, function))
    for assign in module.of(ast.Assign):
        for target in assign.targets:
            if isinstance(target, ast.Attribute) and testing:
                owner = module.resolve(target.value)
                deed = not _CALLED.isdisjoint(words(target.attr)[:1])  # else it may be a callback of an object
                held = "()" in owner  # of an object; a double that is assigned there is told of by itself
                if held and (not deed or "." not in owner or isinstance(assign.value, ast.Call)):
                    continue
                if isinstance(assign.value, ast.Call) and _names_data(target.attr):
                    continue
                if not owner and deed and _plays(module, assign.value) and _is_held(target.value):
                    yield standins.record(module, assign, "patch", bodies.source(target))
                elif owner and not _is_hook(owner, target.attr) and _plays(module, assign.value):
                    yield standins.record(module, assign, "patch", f"{owner}.{target.attr}")
            elif isinstance(target, ast.Subscript):
                holder = dotted(module, target.value)
                behaviour = _namespace(module, target.value)
                if testing and behaviour and "()" not in behaviour and _plays(module, assign.value):
                    name = f"{behaviour}.{module.string(target.slice) or '…'}"
                    yield standins.record(module, assign, "patch", name)
                put_in = holder == "sys.modules" and (testing or module.string(target.slice))
                if put_in and _plays_module(module, assign.value):
                    yield standins.record(module, assign, "patch", f"sys.modules[{module.string(target.slice) or '…'}]")
                elif holder.endswith(".dependency_overrides") and _plays(module, assign.value, local=testing):
                    yield standins.record(module, assign, "patch", f"{holder}[{bodies.source(target.slice)}]")


_CALLED = vocabulary(
    """
    get set send publish query store connect execute fetch request post put save insert subscribe consume produce commit
    delete recv receive search upsert invoke complete chat embed call upload download charge json read write predict
    generate encode authenticate submit ping
    """
)
"""First words of methods by which a collaborator is called."""


def _namespace(module: ParsedModule, holder: ast.expr) -> str:
    """The module or class whose names a mapping holds: `vars(client)`, `client.__dict__`; "" for any other."""
    if isinstance(holder, ast.Attribute) and holder.attr == "__dict__":
        return module.resolve(holder.value)
    called = isinstance(holder, ast.Call) and getattr(holder.func, "id", "") == "vars" and holder.args
    return module.resolve(holder.args[0]) if called and isinstance(holder, ast.Call) else ""


def _is_hook(owner: str, name: str) -> bool:
    """Whether Python itself calls what is set: `sys.unraisablehook = complaints.append`."""
    return owner == "sys" and name.endswith("hook")


def _is_held(node: ast.expr) -> bool:
    """Whether an object is called a collaborator: `client`, `self.client`, `app.state.redis`."""
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    own = words(name)
    return bool(own) and own[-1] in CLIENTS


def _is_improvised(module: ParsedModule, call: ast.Call) -> bool:
    """A namespace or a nameless class with a method of a collaborator in it: `SimpleNamespace(get=lambda key: None)`."""
    function = call.func
    last = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    members: list[tuple[str, ast.expr]] = []
    if last == "SimpleNamespace" and dotted(module, function).endswith("SimpleNamespace"):
        members = [(k.arg, k.value) for k in call.keywords if k.arg]
    elif last == "type" and len(call.args) == 3 and isinstance(call.args[2], ast.Dict):
        pairs = zip(call.args[2].keys, call.args[2].values, strict=True)
        members = [(module.string(key) or "", value) for key, value in pairs if key is not None]
    return any(
        not name.endswith("__")
        and not _CALLED.isdisjoint(words(name)[:1])
        and (isinstance(value, ast.Lambda) or bool(module.definitions(value)))
        for name, value in members
    )


def _is_monkeypatch(module: ParsedModule, function: ast.expr) -> bool:
    receiver = function.value if isinstance(function, ast.Attribute) else None
    name = receiver.attr if isinstance(receiver, ast.Attribute) else getattr(receiver, "id", "")
    if "monkeypatch" in name.lower() or (name in {"mp", "m", "patcher"} and "MonkeyPatch" in module.text):
        return True
    return isinstance(receiver, ast.Name) and _is_context(module, receiver)


def _is_context(module: ParsedModule, name: ast.Name) -> bool:
    """Whether a name is bound by `with monkeypatch.context() as …`, or is a parameter annotated as a MonkeyPatch."""
    current = module.parents.get(name)
    while current is not None:
        if isinstance(current, ast.With | ast.AsyncWith):
            for item in current.items:
                made, bound = item.context_expr, item.optional_vars
                if not (isinstance(bound, ast.Name) and bound.id == name.id):
                    continue
                if isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute) and made.func.attr == "context":
                    return "monkeypatch" in bodies.source(made.func.value).lower()
                return False
        elif isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef):
            for argument in (*current.args.args, *current.args.kwonlyargs):
                if argument.arg == name.id and argument.annotation is not None:
                    return dotted(module, argument.annotation).endswith("MonkeyPatch")
        current = module.parents.get(current)
    return False


def _monkeypatch(module: ParsedModule, call: ast.Call, how: str) -> Iterator[Fake]:
    arguments = list(call.args)
    keywords = {k.arg: k.value for k in call.keywords}
    arguments += [keywords[name] for name in ("target", "dic", "name", "value") if name in keywords]
    if len(arguments) < 2:
        return
    path = module.string(arguments[0])
    if path is not None and len(arguments) == 2:
        owner, _, name = path.rpartition(".")
    elif len(arguments) > 2:
        owner = dotted(module, arguments[0]) or bodies.source(arguments[0])
        name = module.string(arguments[1]) or bodies.source(arguments[1])
    else:
        return
    value = arguments[1 if len(arguments) == 2 else 2]
    if owner in {"os.environ", "environ"}:
        return
    data = _is_data(module, value)
    if owner == "sys.modules":
        data = isinstance(value, ast.Constant)
    elif data is None:
        data = how == "setitem" or name.isupper() or _names_data(name)
    yield standins.record(module, call, "patch", f"{owner}.{name}", "data" if data else "behaviour")


_VERBS = vocabulary(
    """
    get open make find build fetch load read is has create maybe start write set parse check resolve run send
    call lookup download upload validate generate compute request
    """
)
_DATA_WORDS = vocabulary(
    """
    path paths dir directory folder file filename url uri host port timeout config settings version name home
    root cwd argv environ platform token key limit size enabled debug interval seconds ttl level count stdin
    stdout stderr options prefix
    """
)


def _names_data(name: str) -> bool:
    own = words(name)
    return bool(own) and own[-1] in _DATA_WORDS and own[0] not in _VERBS


def _is_data(module: ParsedModule, value: ast.expr) -> bool | None:
    """Whether a value is plain data; None when that cannot be known."""
    if isinstance(value, ast.Call) and standins.is_double_name(dotted(module, value.func)):
        return False
    if isinstance(value, ast.JoinedStr | ast.BinOp | ast.Compare | ast.BoolOp | ast.Dict) or bodies.value_of(
        module, value
    ):
        return True
    if isinstance(value, ast.List | ast.Tuple | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
        return not any(isinstance(inner, ast.Lambda) for inner in ast.walk(value))
    if isinstance(value, ast.Lambda):
        return False
    if isinstance(value, ast.Call):
        function = dotted(module, value.func)
        if function in _DATA_CALLS or function.startswith("pathlib."):
            return True
        return False if "." not in function or standins.library(function) else None
    if isinstance(value, ast.Name):
        if module.definitions(value) or (standins.doubling(value.id) and not value.id.isupper()):
            return False
        bound = [b.value for b in module.names.reaching(value) if b.value is not None]
        if bound and not isinstance(bound[-1], ast.Name):
            return _is_data(module, bound[-1])
    if isinstance(value, ast.Attribute) and standins.doubling(value.attr):
        return False
    return None


_DATA_CALLS = vocabulary(
    """
    str int float bool bytes dict list tuple set frozenset io.StringIO io.BytesIO os.path.join os.fspath
    os.getcwd tempfile.mkdtemp datetime.timedelta datetime.datetime sorted os.environ.copy
    types.MappingProxyType collections.OrderedDict collections.defaultdict re.compile
    """
)


def _plays(module: ParsedModule, value: ast.expr, *, local: bool = True) -> bool:
    """Whether a value is behaviour made for the occasion: a lambda, a double, a function or class of this module.

    Args:
        local: whether any function or class of the module counts, or only those that are named stand-ins.
    """
    if isinstance(value, ast.Lambda):
        return True
    if isinstance(value, ast.Call):
        name = dotted(module, value.func)
        if name == "functools.partial" and value.args:
            return _plays(module, value.args[0], local=local)
        return standins.is_double_name(name) or (local and _is_collaborator(module, value.func))
    if isinstance(value, ast.Name):
        if standins.doubling(value.id):
            return True
        return local and bool(module.definitions(value))
    if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):  # `client.send = sent.append`
        bound = [b.value for b in module.names.reaching(value.value)]
        return value.attr in {"append", "add", "put", "extend"} and any(
            isinstance(b, ast.List | ast.Set) for b in bound
        )
    return False


def _is_collaborator(module: ParsedModule, made: ast.expr) -> bool:
    """Whether what is made is a class of this module that answers like a collaborator."""
    return any(
        isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and not _CALLED.isdisjoint(words(member.name)[:1])
        for definition in module.definitions(made)
        if isinstance(definition, ast.ClassDef)
        for member in definition.body
    )


def _plays_module(module: ParsedModule, value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        name = dotted(module, value.func)
        return name in {"types.ModuleType", "types.SimpleNamespace", "type", "object"} or standins.is_double_name(name)
    if not isinstance(value, ast.Name):
        return False
    made = (b.value for b in module.names.reaching(value))
    plays = any(isinstance(m, ast.Call) and _plays_module(module, m) for m in made)
    return standins.doubling(value.id) or (plays and not _holds_no_behaviour(module, value))


def _holds_no_behaviour(module: ParsedModule, made: ast.Name) -> bool:
    """Whether a module that is made plays nothing: it has a place from which modules are imported, or settings alone."""
    given = [
        (target.attr, assign.value)
        for assign in module.of(ast.Assign)
        for target in assign.targets
        if isinstance(target, ast.Attribute) and getattr(target.value, "id", "") == made.id
    ]
    settings = all(name.isupper() and bodies.value_of(module, value) for name, value in given)
    return any(name == "__path__" for name, _ in given) or (bool(given) and settings)
