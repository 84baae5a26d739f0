"""What was asked for by name and is not there: a device, a file with weights, a secret; something else is taken instead.

A device that is looked for, and taken where there is one, was not asked for; a request that is changed was.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from strictreal.collect.python import bodies
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Substitute, vocabulary, words
from strictreal.redact.names import speaks_of_secret

_DEVICES = vocabulary("cuda gpu mps xpu npu hpu tpu xla hip rocm")
_LOADING = frozenset({"load_state_dict", "load_weights"})
_RESUMING = vocabulary(
    "resume resumed restore train training trainer fit finetune checkpoint checkpoints ckpt last latest cache"
)
"""Words of code that starts anew where there is nothing to go on with."""
_DRAWING = frozenset({"secrets.token_hex", "secrets.token_urlsafe", "secrets.token_bytes", "os.urandom"}) | {
    "cryptography.fernet.Fernet.generate_key",
    "django.core.management.utils.get_random_secret_key",
}
_SECRETS = frozenset({"secret", "password", "passwd", "passphrase", "token"})
_KEYS = {
    (kind, "key") for kind in ("secret", "api", "private", "signing", "encryption", "jwt", "access", "hmac", "auth")
}
"""Last words of settings that hold a secret."""
_CARRIED = vocabulary("request headers cookies session kwargs params args query form")
"""Words of what a caller may leave out."""


def facts(module: ParsedModule) -> Iterator[Substitute]:
    """Every such replacement of a module."""
    if "is_available" in module.text or any(name in module.text for name in _LOADING):
        for branch in module.of(ast.If):
            if (changed := _device(branch)) is not None:
                yield _record(module, branch.test, "device", branch.test, bodies.source(changed))
            if not branch.orelse and _weights(module, branch):
                yield _record(module, branch.test, "weights", branch.test, "an untrained model")
    if any(name in module.text for name in ("token_", "urandom", "generate_key", "get_random_secret_key")):
        for call in module.of(ast.Call):
            if dotted(module, call.func) in _DRAWING and (missing := _secret(module, call)) is not None:
                yield _record(module, call, "secret", missing, bodies.source(call))

    if module.role == "product" and "env" in module.text:
        for call in module.of(ast.Call):
            if (known := _known_secret(module, call)) is not None:
                yield _record(module, call, "secret", call.args[0], f"a secret that is written here, for {known}")


def _known_secret(module: ParsedModule, call: ast.Call) -> str | None:
    """The setting in whose place a secret of the code is taken: `os.environ.get("JWT_SECRET", "dev-secret")`."""
    if len(call.args) != 2 or dotted(module, call.func) not in {"os.environ.get", "os.getenv"}:
        return None
    default = call.args[1]
    name = module.string(call.args[0]) or ""
    said = default.value if isinstance(default, ast.Constant) else None
    own = words(name)
    opens = own[-1:] != () and (own[-1] in _SECRETS or own[-2:] in _KEYS)
    return name if isinstance(said, str) and len(said.split()) == 1 and opens and speaks_of_secret(name) else None


def _record(
    module: ParsedModule, at: ast.AST, absent: Literal["device", "weights", "secret"], instead: ast.expr, shown: str
) -> Substitute:
    function = bodies.enclosing(module, at)
    return Substitute(
        where=module.at(at),
        absent=absent,
        instead=bodies.source(instead),
        shown=shown,
        function=bodies.qualname(module, function) if function else "",
    )


def _device(branch: ast.If) -> ast.expr | None:
    """What a device that the condition names, and finds unavailable, is changed to.

    `if device == "cuda" and not torch.cuda.is_available(): device = "cpu"`.
    """
    test, last = branch.test, branch.body[-1]
    if not (isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) and isinstance(last, ast.Assign)):
        return None
    missing = [part for part in test.values if _is_no_device(part)]
    target = ast.unparse(last.targets[0])
    named = any(
        ast.unparse(node) == target
        for part in test.values
        if part not in missing
        for node in ast.walk(part)
        if isinstance(node, ast.Name | ast.Attribute)
    )
    return last.value if missing and named and isinstance(last.value, ast.Constant | ast.Call) else None


def _is_no_device(test: ast.expr) -> bool:
    asked = test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else None
    called = asked.func if isinstance(asked, ast.Call) else asked
    if not isinstance(called, ast.Attribute | ast.Name):
        return False
    named = words(ast.unparse(called))
    return "available" in named and not _DEVICES.isdisjoint(named)


def _weights(module: ParsedModule, branch: ast.If) -> bool:
    """Whether weights are loaded into a model only if there is a file, and the model goes on without them."""
    test = branch.test
    if not isinstance(test, ast.Call):
        return False
    asks = dotted(module, test.func).rpartition(".")[2] or getattr(test.func, "attr", "")
    function = bodies.enclosing(module, branch)
    about = words(ast.unparse(test)) + (words(function.name) if function else ())
    if asks not in {"exists", "is_file", "isfile"} or not _RESUMING.isdisjoint(about):
        return False
    calls = [n for s in branch.body for n in bodies.within(s) if isinstance(n, ast.Call)]
    return any(isinstance(c.func, ast.Attribute) and c.func.attr in _LOADING for c in calls)


def _secret(module: ParsedModule, drawn: ast.Call) -> ast.expr | None:
    """The secret in whose place a drawn one is taken; None where nothing was looked up, or the caller may leave it out."""
    child: ast.AST = drawn
    parent = module.parents.get(child)
    while isinstance(parent, ast.Attribute) or (
        isinstance(parent, ast.Call) and (child is parent.func or _converts(parent))
    ):
        child, parent = parent, module.parents.get(parent)
    looked_up: ast.expr | None = None
    if isinstance(parent, ast.BoolOp) and isinstance(parent.op, ast.Or) and parent.values[-1] is child:
        looked_up = parent.values[-2]
    elif isinstance(parent, ast.Call) and len(parent.args) == 2 and parent.args[1] is child:
        looked_up = parent
    if not isinstance(looked_up, ast.Call) or not _looks_up(looked_up):
        return None
    function = bodies.enclosing(module, drawn)
    named = [module.string(looked_up.args[0]) or "", function.name if function else ""]
    return looked_up if any(speaks_of_secret(name) for name in named) else None


def _converts(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in {"str", "bytes"}


def _looks_up(call: ast.Call) -> bool:
    """`os.environ.get(name)`, `settings.get(name)`, `getenv(name)`: of the deployment, and not of one request."""
    method = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    holder = call.func.value if isinstance(call.func, ast.Attribute) else None
    named = holder.attr if isinstance(holder, ast.Attribute) else getattr(holder, "id", "")
    return method in {"get", "getenv"} and bool(call.args) and _CARRIED.isdisjoint(words(named))
