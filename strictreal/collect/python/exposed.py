"""Functions whose result is the answer to somebody outside: routes of web services, methods of RPC servers."""

from __future__ import annotations

import ast

from strictreal.collect.python import bodies
from strictreal.collect.python.bodies import Functions, dotted
from strictreal.collect.python.module import ParsedModule

_ROUTING = frozenset({"get", "post", "put", "patch", "delete", "route", "api_route", "websocket", "api_view", "action"})
_VERBS = frozenset({"get", "post", "put", "patch", "delete", "list", "retrieve"})
_VIEWS = ("View", "ViewSet", "Resource", "HTTPEndpoint", "MethodView", "APIView", "RequestHandler")


def answers(module: ParsedModule, function: Functions) -> bool:
    """Whether a function is called from outside: decorated as a route, of a view, or of a gRPC servicer."""
    for decorator in function.decorator_list:
        made = decorator.func if isinstance(decorator, ast.Call) else decorator
        routed = isinstance(made, ast.Attribute) and made.attr in _ROUTING and isinstance(decorator, ast.Call)
        if routed and _has_path(module, decorator):
            return True
    owner = module.parents.get(function)
    bases = [dotted(module, base) for base in owner.bases] if isinstance(owner, ast.ClassDef) else []
    if function.name in _VERBS and any(base.endswith(_VIEWS) for base in bases):
        return True
    return any(base.endswith("Servicer") for base in bases) and bodies.docstring(function) is not None


def _has_path(module: ParsedModule, decorator: ast.expr) -> bool:
    """Whether a decorator is given a path: `@app.get("/load")`."""
    first = decorator.args[0] if isinstance(decorator, ast.Call) and decorator.args else None
    return (module.string(first) or "").startswith("/")
