"""Whether a comparison or condition is about the status of an answer: an HTTP response, a program's exit, a socket."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import words

MAX_STEPS = 20
"""Through how many calls, attributes and names the output of a program is followed."""
_STATUS = frozenset({"status_code", "status"})
_GOOD = frozenset({"OK", "HTTP_200_OK", "ok"})
_EXITING = frozenset({"os.system", "subprocess.call", "subprocess.getstatusoutput", "commands.getstatusoutput"})
"""Functions that answer the exit status of a program, alone or first of two."""
_EXIT_NAMES = frozenset(name.rpartition(".")[2] for name in _EXITING)
_PRINTING = frozenset({"subprocess.run", "subprocess.getoutput", "os.popen"})
"""Functions that hand over what a program prints, whether or not it failed."""
_FAILURES = frozenset({"failures", "failure", "errors", "consecutive"})
_BREAKERS = frozenset({"breaker", "circuit", "cb"})
_UNTIL = frozenset(
    {("retry", "at")}
    | {
        (word, "until")
        for word in ("open", "opened", "tripped", "blocked", "down", "disabled", "cooldown", "dead", "unhealthy")
    }
)
"""Last words of variables that say until when a service is left alone."""


def failed(module: ParsedModule, test: ast.Compare) -> bool | None:
    """Whether a comparison of a status is true for what failed; None for anything else, and for 404 alone."""
    if len(test.ops) == 2:
        return _in_range(module, test)
    if len(test.ops) != 1:
        return None
    [operator], [right] = test.ops, test.comparators
    left = _followed(module, test.left)
    if exits(module, left) or (isinstance(left, ast.Attribute) and left.attr == "returncode"):
        nought = isinstance(right, ast.Constant) and right.value == 0
        if not nought:
            return None
        return isinstance(operator, ast.NotEq | ast.Gt) if isinstance(operator, ast.NotEq | ast.Gt | ast.Eq) else None
    known = codes([right])
    if known is None or not (_is_status(left) or _is_code(test.left, known)):
        return None
    if isinstance(operator, ast.GtE | ast.Gt):
        return True if 299 <= known[0] <= 500 else None
    if isinstance(operator, ast.Lt | ast.LtE):
        return False if 299 <= known[0] <= 500 else None
    good = all(200 <= code < 300 for code in known)
    if isinstance(operator, ast.Eq | ast.In):
        return False if good else True if all(code >= 500 for code in known) else None
    return True if good and isinstance(operator, ast.NotEq | ast.NotIn) else None


def codes(nodes: Sequence[ast.expr]) -> list[int] | None:
    """The HTTP statuses that expressions name, also in a collection; None where one is no known status."""
    known: list[int] = []
    for node in nodes:
        for code in node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]:
            if isinstance(code, ast.Constant) and type(code.value) is int:
                known.append(code.value)
            elif isinstance(code, ast.Attribute) and code.attr in _GOOD:
                known.append(200)
            else:
                return None
    return known or None


def _in_range(module: ParsedModule, test: ast.Compare) -> bool | None:
    """`200 <= response.status_code < 300` is false for what failed."""
    first, second = test.left, test.comparators[1]
    bounded = all(isinstance(o, ast.Lt | ast.LtE) for o in test.ops)
    low, high = codes([first]), codes([second])
    if not bounded or low is None or high is None or not _is_status(_followed(module, test.comparators[0])):
        return None
    return False if 200 <= low[0] < 300 and 206 <= high[0] <= 400 else True if low[0] >= 400 else None


def _is_status(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in _STATUS


def _is_code(node: ast.expr, known: list[int]) -> bool:
    """Whether a variable is called the status of a response, and compared with statuses of HTTP."""
    own = words(node.id) if isinstance(node, ast.Name) else ()
    return own[-1:] != () and own[-1] in {"status", "code"} and all(200 <= code < 600 for code in known)


def is_status(module: ParsedModule, node: ast.expr) -> bool:
    """Whether an expression is the status of an HTTP response, through one variable."""
    return _is_status(_followed(module, node))


def _followed(module: ParsedModule, node: ast.expr) -> ast.expr:
    """What a variable was given, where one statement gives it."""
    if not isinstance(node, ast.Name):
        return node
    bound = list(module.names.reaching(node))
    if len(bound) != 1:
        return node
    return bound[0].value or first_of(module, bound[0].node) or node


def first_of(module: ParsedModule, name: ast.AST) -> ast.expr | None:
    """The call of whose answer a variable is given the first part: `status, text = getstatusoutput(command)`."""
    row = module.parents.get(name)
    assign = module.parents.get(row) if isinstance(row, ast.Tuple) else None
    if not isinstance(row, ast.Tuple) or not isinstance(assign, ast.Assign) or not row.elts or row.elts[0] is not name:
        return None
    return assign.value if isinstance(assign.value, ast.Call) else None


def unpacked(module: ParsedModule, name: ast.Name) -> ast.expr | None:
    """The call of whose answer a variable is one part: `rows, error = api.fetch(query)`."""
    bound = [b.node for b in module.names.reaching(name)]
    row = module.parents.get(bound[0]) if len(bound) == 1 else None
    assign = module.parents.get(row) if isinstance(row, ast.Tuple) else None
    value = assign.value if isinstance(assign, ast.Assign) else None
    value = value.value if isinstance(value, ast.Await) else value
    return value if isinstance(value, ast.Call) else None


def exits(module: ParsedModule, node: ast.expr) -> bool:
    """Whether an expression is the exit status of a program, or of the attempt to reach a port; 0 where it succeeded."""
    node = _followed(module, node) if isinstance(node, ast.Name) else node
    if not isinstance(node, ast.Call):
        return False
    last = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return last == "connect_ex" or (last in _EXIT_NAMES and dotted(module, node.func) in _EXITING)


def connects(module: ParsedModule, node: ast.expr) -> bool:
    """Whether an expression is what the attempt to reach a port gave."""
    node = _followed(module, node)
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "connect_ex"


def prints(module: ParsedModule, node: ast.expr) -> bool:
    """Whether an expression is what a program printed, which may be nothing because it failed."""
    node = _followed(module, node)
    for _ in range(MAX_STEPS):  # a name may be given what it held before: `text = text.strip()`
        if not isinstance(node, ast.Attribute | ast.Call):
            break
        if isinstance(node, ast.Call) and dotted(module, node.func) in _PRINTING:
            checks = (k.value for k in node.keywords if k.arg == "check")
            return not any(isinstance(value, ast.Constant) and value.value is True for value in checks)
        node = node.func if isinstance(node, ast.Call) else node.value
        node = _followed(module, node)
    return False


def tripped(test: ast.expr) -> bool:
    """Whether a comparison asks whether a circuit breaker is open: `breaker.state == "open"`, `now() < self._open_until`."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    left, right = _words(test.left), _words(test.comparators[0])
    if isinstance(test.ops[0], ast.Eq | ast.Is) and left[-1:] == ("state",):
        holder = test.left.value if isinstance(test.left, ast.Attribute) else test.left
        said = test.comparators[0].value if isinstance(test.comparators[0], ast.Constant) else ""
        is_open = "open" in right or (isinstance(said, str) and said.lower() == "open")
        return is_open and not _BREAKERS.isdisjoint({*_words(holder), *left})
    if isinstance(test.ops[0], ast.Lt | ast.LtE):
        return right[-2:] in _UNTIL
    if isinstance(test.ops[0], ast.Gt | ast.GtE):
        counted = left[-1:] != () and left[-1] in _FAILURES and isinstance(test.left, ast.Attribute)
        return left[-2:] in _UNTIL or (counted and not {"max", "threshold", "limit"}.isdisjoint(right))
    return False


def _words(node: ast.expr) -> tuple[str, ...]:
    node = node.func if isinstance(node, ast.Call) else node
    return words(node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", ""))
