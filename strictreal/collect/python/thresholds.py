"""Numbers that tune behaviour, written into comparisons: `if retries > 5`, `score >= 0.8`, `len(queue) > 1000`.

What is tuned is a quantity that operations measure or people choose: time, attempts, scores, load, volumes. Numbers
that the world or a format has set are definitions: lengths of a structure, versions, status codes, dates, bytes, bits.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python.context import words
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.vocabulary import vocabulary
from strictreal.facts.code import HardCodedKind

ALLOWED = (0, 1, -1, 2)
"""Numbers that are never thresholds: nothing, something, one less, a pair."""
_TOLERANCE = 1e-3
"""At or below this, a number is how exactly two numbers must agree."""
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_TIME = vocabulary(
    """
    elapsed duration latency time now timeout age ttl delay wait waited uptime idle lag interval seconds secs ms millis
    milliseconds minutes hours days lifetime runtime overdue staleness backoff cooldown rtt deadline expiry
    jitter weeks inactive took pause sleep slept
    """
)
_ATTEMPTS = vocabulary(
    """
    retries retry attempts attempt tries failures errors strikes restarts timeouts misses crashes warnings
    rejections violations violation hits fails retried
    """
)
_SCORES = vocabulary(
    """
    score scores confidence similarity probability prob ratio rate accuracy recall relevance certainty quality
    entropy loss drift utilization utilisation usage load percent percentage pct cpu memory temperature pressure
    humidity coverage risk trust importance salience novelty health churn severity weight threshold distance
    likelihood overlap deviation variance zscore speed velocity battery throughput qps rps fps p50 p95 p99 f1
    precision_at_k margin skew imbalance strength energy
    """
)
_VOLUMES = vocabulary(
    """
    queue backlog pending inflight connections requests messages events budget balance amount price cost salary
    revenue stock quantity inventory credits quota clients workers sessions users jobs tasks watermark buffered
    queued outstanding total count spend orders subtotal income discount points followers votes views visits
    depth hops replicas space capacity remaining headroom limit iterations iteration epochs epoch cycles top
    concurrency buffer cache history priority batches
    """
)
_SIZES = {"size", "bytes", "kb", "mb", "gb"}
_SIZED = vocabulary(
    """
    page
    queue batch cache buffer file pool backlog payload body request message upload heap content window chunk context
    blob total log attachment response db index
    """
)
_UNITS = {"seconds": {60, 3600, 86400}, "minutes": {60, 1440}, "hours": {24}, "ms": {1000}}
_UNITS |= {"size": {1000, 1024}, "bytes": {1000, 1024}, "kb": {1000, 1024}, "mb": {1000, 1024}, "milliseconds": {1000}}
_THINGS = vocabulary("files items records entries instances players seats invoices transactions")
_TUNED = _THINGS | _TIME | _ATTEMPTS | _SCORES | _VOLUMES
_STEPS = vocabulary("step steps iteration iterations epoch counter count i idx n tick ticks round")
_DEFINED = vocabulary(
    """
    status code returncode errno version versions major minor micro patch hexversion ord char byte codepoint
    ndim dim dims shape rank year month day weekday hour minute second port verbosity level bits width digits
    world argc argv args parts fields tokens precision scale capability arity isoweekday ver release block exponent
    mantissa axis index offset lineno column col row mode opcode group latitude longitude lat lon lng degrees
    angle hue red green blue alpha warp lane tid stride tile head heads hidden kv seq vocab sm cc arg argument
    arguments param params parameters positional operands nargs magic itemsize dtype
    """
)
_FORMAT_LIMITS = frozenset(2**n - 1 for n in (7, 8, 15, 16, 31, 32, 63, 64)) | {2**16, 2**31, 2**32, 2**63, 2**64}
_STRUCTURES = {"len"}
_TEXTS = vocabulary("name names hostname host label email identifier url path header slug key id")
_CLOCKS = vocabulary("now utcnow time monotonic perf clock today timestamp")
"""What is subtracted from a reading of one of these is a time that has passed."""
_NUMBERS = {("num",), ("number",), ("nr",)}
"""`num_files > 20` counts, and 20 is a number that people choose."""
_SEARCHES = {"count", "find", "index", "size", "dim"}
_LONG = 50
"""A length from which on it is a limit that somebody chose, not the structure of what is counted."""


def thresholds(module: ParsedModule) -> Iterator[tuple[HardCodedKind, ast.expr, str]]:
    """("threshold", comparison, its text) of every number of the module that tunes a conditional."""
    for comparison in module.of(ast.Compare):
        if (
            _is_tuned(module, comparison)
            and not _is_domain(module, comparison)
            and not _is_asserted(module, comparison)
        ):
            yield "threshold", comparison, module.snippet(comparison, 120)


def _is_tuned(module: ParsedModule, comparison: ast.Compare) -> bool:
    decides = _decides(module, comparison)
    sides = [comparison.left, *comparison.comparators]
    for left, operator, right in zip(sides, comparison.ops, sides[1:], strict=False):
        if isinstance(operator, _ORDER):
            for quantity, literal in ((left, right), (right, left)):
                number = _number(literal)
                if number is not None and number not in ALLOWED and _tunes(quantity, number, decides=decides):
                    return True
        elif isinstance(operator, ast.Eq) and _number(right) == 0 and _is_sampling(left):
            return True
    return False


def _decides(module: ParsedModule, comparison: ast.Compare) -> bool:
    """Whether the program branches on the comparison or hands it on, as opposed to an element-wise mask."""
    return not isinstance(module.parents[comparison], ast.BinOp | ast.Attribute | ast.Subscript | ast.Call)


def _number(node: ast.expr, depth: int = 6) -> float | None:
    """The value of a number, written plainly or as a product or quotient of numbers; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) in {int, float} else None  # type: ignore[return-value]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand, 0)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp) and depth:
        left, right = _number(node.left, depth - 1), _number(node.right, depth - 1)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Div) and right:
            return left / right
        if isinstance(node.op, ast.Pow) and abs(left) <= 1000 and 0 <= right <= 20:
            return float(left**right)
    return None


def _tunes(quantity: ast.expr, number: float, *, decides: bool) -> bool:
    """Whether comparing this quantity with this number is a choice that somebody may want to make differently."""
    if abs(number) <= _TOLERANCE or number in _FORMAT_LIMITS or _number(quantity) is not None:
        return False
    counted = _counted(quantity)
    if counted is not None:
        inner = set(_named(counted))
        return not inner & (_DEFINED | _TEXTS) and (abs(number) >= _LONG or bool(inner & (_VOLUMES | _ATTEMPTS)))
    named = _named(quantity)
    known = set(named)
    if known & _DEFINED or (known & {"percent", "percentage", "pct"} and number == 100):
        return False
    if known and all(number in _UNITS.get(word, ()) for word in known - {"num", "delta", "n", "total"}):
        return False  # from seconds to minutes, from bytes to kilobytes
    if known & _TUNED or (named[:1] in _NUMBERS and len(named) > 1 and number >= 5 and number % 5 == 0):
        return True
    if known & _SIZES:
        return number >= 1000 or bool(known & _SIZED)
    fraction = isinstance(number, float) and not number.is_integer() and number != 0.5
    return fraction and decides and any(len(word) > 1 for word in named)


def _counted(quantity: ast.expr) -> ast.expr | None:
    """What `len(…)` counts."""
    if isinstance(quantity, ast.Call) and isinstance(quantity.func, ast.Name) and quantity.func.id in _STRUCTURES:
        return quantity.args[0] if quantity.args else None
    return None


def _named(quantity: ast.expr, depth: int = 6) -> tuple[str, ...]:
    """The words of what is compared: of a name, an attribute, a key, a called function, an arithmetic expression."""
    if depth == 0:
        return ()
    match quantity:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return words(name)
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return words(key)
        case ast.Subscript():
            return _named(quantity.value, depth - 1)
        case ast.Call():
            return _named_by_call(quantity, depth - 1)
        case ast.BinOp(op=ast.Sub(), left=left) if set(_named(left, depth - 1)) & _CLOCKS:
            return ("elapsed",)
        case ast.BinOp():
            return (*_named(quantity.left, depth - 1), *_named(quantity.right, depth - 1))
        case ast.UnaryOp():
            return _named(quantity.operand, depth - 1)
        case ast.NamedExpr():
            return (*words(quantity.target.id), *_named(quantity.value, depth - 1))
        case ast.Await():
            return _named(quantity.value, depth - 1)
    return ()


def _named_by_call(call: ast.Call, depth: int) -> tuple[str, ...]:
    """The words of what a call gives: of the key that it looks up, or of the function."""
    if _is_builtin(call.func):
        return tuple(word for argument in call.args[:2] for word in _named(argument, depth))
    if not isinstance(call.func, ast.Attribute):
        return _named(call.func, depth)
    method = call.func.attr
    if method in _SEARCHES:
        return ()
    if method == "total_seconds":
        return ("elapsed",)
    if method in {"get", "item"}:
        key = call.args[0] if call.args else None
        named = isinstance(key, ast.Constant) and isinstance(key.value, str)
        return words(key.value) if named else _named(call.func.value, depth)  # type: ignore[union-attr]
    return words(method)


def _is_builtin(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id in {"abs", "max", "min", "sum", "float", "int", "round"}


def _is_sampling(left: ast.expr) -> bool:
    """`step % 100 == 0`: every so often, by a number that somebody chose."""
    if not (isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mod)):
        return False
    every = _number(left.right)
    return every is not None and every >= 10 and every % 5 == 0 and bool(set(_named(left.left)) & _STEPS)


def _is_domain(module: ParsedModule, comparison: ast.Compare) -> bool:
    """`if not 0 <= x <= 50: raise ValueError`: both ends of a domain, checked."""
    if len(comparison.ops) < 2 or _number(comparison.left) is None or _number(comparison.comparators[-1]) is None:
        return False
    parent = module.parents[comparison]
    while isinstance(parent, ast.UnaryOp | ast.BoolOp):
        parent = module.parents[parent]
    return isinstance(parent, ast.If) and any(isinstance(s, ast.Raise) for s in (*parent.body, *parent.orelse))


def _is_asserted(module: ParsedModule, comparison: ast.Compare) -> bool:
    parent = module.parents[comparison]
    while isinstance(parent, ast.UnaryOp | ast.BoolOp):
        parent = module.parents[parent]
    return isinstance(parent, ast.Assert)
