"""What a condition finds missing: a client, a service that answers, a program or module, an address, a good response."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from typing import Literal

from strictreal.collect.python import bodies, breakers, failures, hollow, statuses
from strictreal.collect.python.bodies import dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import vocabulary, words

MAX_STATEMENTS = 60
"""How many statements after a condition are looked at for a use of what it asks for."""
MAX_NODES = 1_000
"""How many nodes of a function are looked at for an answer of None."""
Absent = Literal["client", "reach", "program", "address", "answer", "member"]

_REACH = vocabulary(
    """
    available reachable connected alive healthy online ping pings reach connect responds responsive responding up
    unavailable unreachable disconnected offline unhealthy down dead installed degraded
    """
)
_NEGATIVE = vocabulary("unavailable unreachable disconnected offline unhealthy down dead missing degraded")
"""Words that are true of a service which is not there."""
_ASKING_PROGRAMS = frozenset(
    {"shutil.which", "importlib.util.find_spec", "importlib.find_loader", "pkgutil.find_loader"}
)
_SOFTLY = vocabulary("try optional safe maybe soft attempt none possible")
"""Words of functions that import a module, or answer that there is none."""
CLIENTS = vocabulary(
    """
    client redis connection conn database db producer consumer broker publisher engine pool kafka postgres mongo
    s3 bucket ws websocket socket gateway backend session channel embedder llm vectorstore es elastic elasticsearch opensearch mongodb mqtt
    amqp rabbit rabbitmq nats minio qdrant weaviate milvus pinecone neo4j cassandra memcached memcache dynamodb
    firestore bigquery clickhouse vault consul etcd stub smtp ldap sdk openai anthropic bedrock
    """
)
"""Words of objects by which a service is called."""
_ADDRESSES = vocabulary("url uri dsn host hosts endpoint address server servers brokers bootstrap")
_KEYS = (("api", "key"), ("access", "token"), ("api", "token"), ("auth", "token"))
"""Last words of settings without which a service cannot be called."""
_LOCKS = vocabulary("cache primary sort partition routing foreign public dict group order row map shard idempotency")
"""First words of keys that open nothing."""
_FAILED = frozenset({"error", "errors", "exception", "timed_out", "functionerror", "fault", "is_error", "iserror"})
"""Fields by which an answer says that the service failed."""
_ANSWERS = vocabulary("response resp payload reply answer result body data output res")
_GETTING = {(verb,) for verb in ("get", "connect", "discover", "find", "open", "locate", "resolve", "try", "maybe")}
_GOOD = frozenset({"ok", "is_success", "is_ok"})
_BAD = frozenset({"is_error", "is_client_error", "is_server_error"})
_ERRORS = frozenset({"error", "err", "exception", "is_err", "is_error", "is_failure", "failed", "has_error"})
_ERRORS_BESIDE = frozenset({"err", "error", "exc", "exception", "failure"})
_OUTCOMES = _ERRORS_BESIDE | {"ok", "success", "succeeded"}
"""Last words of variables by which a call says beside its result whether it failed."""
_FETCHING = vocabulary("fetch request download query call invoke")
_SERVICES = CLIENTS | {"api", "http", "remote", "service", "bus", "upstream", "webhook", "mailer"}
_DEVICES = vocabulary("cuda gpu mps xpu npu hpu dev device torch")
_REMOTE = vocabulary("remote api cloud online")


def subject(test: ast.expr, *, when: bool) -> tuple[ast.expr, bool]:
    """What a condition asks about, and the truth of it for which the condition has the value `when`."""
    while True:
        if isinstance(test, ast.NamedExpr):
            test = test.value
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test, when = test.operand, not when
        elif isinstance(test, ast.Compare) and len(test.ops) == 1 and _is_nothing(test.comparators[0]):
            if isinstance(test.ops[0], ast.Is | ast.Eq):
                when = not when
            test = test.left
        else:
            return test, when


def absent(module: ParsedModule, test: ast.expr, *, when: bool, through: bool = True) -> Absent | None:
    """What is not there where a condition has the value `when`; None when it asks for something else.

    Args:
        through: functions of the module are looked into, one deep.
    """
    test, when = subject(test, when=when)
    if isinstance(test, ast.Compare):
        return _of_comparison(module, test, when=when)
    if isinstance(test, ast.Call) and dotted(module, test.func) in _ASKING_PROGRAMS:
        return "program" if not when else None
    if statuses.exits(module, test):
        return None if not when else "reach" if statuses.connects(module, test) else "answer"
    if isinstance(test, ast.Name) and (failed := _outcome(module, test)) is not None:
        return "answer" if when is failed else None
    if isinstance(test, ast.BoolOp):
        asked = [
            part
            for part in test.values
            if not is_reply(module, part)
            and not (through and may_be_nothing(module, subject(part, when=when)[0], methods=False))
        ]
        parts = [absent(module, part, when=when, through=through) for part in asked]
        plain = next((part for part in parts if part not in {None, "client", "address"}), None)
        return "client" if plain is None and _any_missing(test, parts, when=when) else plain
    if is_error(test) or of_reply(module, test):
        return "answer" if when else None
    called = test.func if isinstance(test, ast.Call) else test
    name = _last(called)
    if isinstance(test, ast.Attribute) and name == "returncode":
        return "answer" if when else None
    if isinstance(test, ast.Attribute) and (name in _GOOD or name in _BAD):
        if getattr(test.value, "id", "") in {"self", "cls"}:
            return None
        return "answer" if (name in _BAD) is when else None
    own = words(name)
    if breakers.is_open(module, test, called, own):
        return "reach" if when else None
    if _asks_for_service(own):
        if isinstance(called, ast.Attribute) and not _DEVICES.isdisjoint(words(_last(called.value))):
            return None
        return "reach" if _NEGATIVE.isdisjoint(own) is not when else None
    if when:
        return None
    if is_reply(module, test) or statuses.prints(module, test) or (through and may_be_nothing(module, test)):
        return "answer"
    if _names_module(module, test):
        return "program"
    return _of_value(module, test, called)


def _any_missing(test: ast.BoolOp, parts: list[Absent | None], *, when: bool) -> bool:
    """Whether a client that is missing, or of no use, is all that is asked: `self._ws is None or self._ws.closed`."""
    if not when or not isinstance(test.op, ast.Or) or parts[:1] != ["client"]:
        return False
    client = ast.dump(subject(test.values[0], when=True)[0])
    return all(any(ast.dump(n) == client for n in ast.walk(part)) for part in test.values[1:])


def is_error(test: ast.expr) -> bool:
    """Whether a condition is the error that a result holds: `result.error`, `result.is_err()`, `future.exception()`."""
    if isinstance(test, ast.Attribute) and test.attr in _BAD:
        return False  # of an HTTP response
    if _field(test).lower() in _FAILED:
        return True
    asked = test.func if isinstance(test, ast.Call) and not test.args else test
    if not isinstance(asked, ast.Attribute) or asked.attr not in _ERRORS:
        return False
    return getattr(asked.value, "id", "") not in {"self", "cls", "sys", "logging"}


def of_reply(module: ParsedModule, test: ast.expr) -> bool:
    """Whether a condition is a field by which what a service has answered tells of an error: `result.errors`."""
    if isinstance(test, ast.Attribute) and test.attr in _FAILED:
        return isinstance(test.value, ast.Name) and is_reply(module, test.value)
    return _field(test, any_holder=True).lower() in _FAILED and is_reply(module, _holder(test))


def _holder(test: ast.expr) -> ast.expr:
    """What a field is looked up in."""
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute):
        return test.func.value
    return test.value if isinstance(test, ast.Subscript) else test


def _outcome(module: ParsedModule, test: ast.Name) -> bool | None:
    """The value of a variable that a failed call gives beside its result: `rows, error = api.fetch(query)`."""
    own = words(test.id)
    call = statuses.unpacked(module, test) if own and own[-1] in _OUTCOMES else None
    return own[-1] in _ERRORS_BESIDE if call is not None and is_reply(module, call) else None


def _field(test: ast.expr, *, any_holder: bool = False) -> str:
    """The field that an expression looks up: `payload["errors"]`, `reply.get("error")`; "" for others."""
    if isinstance(test, ast.Subscript):
        holder, key = test.value, test.slice
    elif isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and test.func.attr == "get" and test.args:
        holder, key = test.func.value, test.args[0]
    else:
        return ""
    named = isinstance(key, ast.Constant) and isinstance(key.value, str) and (any_holder or _is_answer(holder))
    return str(key.value) if named and isinstance(key, ast.Constant) else ""


def _is_answer(holder: ast.expr) -> bool:
    """Whether a variable is called what a service has answered."""
    return isinstance(holder, ast.Name) and words(holder.id)[-1:] != () and words(holder.id)[-1] in _ANSWERS


def _made_by(module: ParsedModule, test: ast.expr) -> ast.expr:
    """The call whose result an expression is, through one variable and `await`."""
    if isinstance(test, ast.Name):
        bound = [b.value for b in module.names.reaching(test)]
        test = bound[0] if len(bound) == 1 and bound[0] is not None else test
    return test.value if isinstance(test, ast.Await) else test


def statuses_of(module: ParsedModule, test: ast.expr) -> bool:
    """Whether a condition asks only for the status of a response or a program."""
    asked, _ = subject(test, when=True)
    if isinstance(asked, ast.Compare):
        return statuses.failed(module, asked) is not None
    return isinstance(asked, ast.Attribute) and asked.attr in _GOOD | {"returncode"}


def may_be_nothing(module: ParsedModule, test: ast.expr, *, methods: bool = True) -> bool:
    """Whether an expression is what a function of this module gives, which answers None where a service failed.

    Args:
        methods: methods of the same class are looked into as well.
    """
    call = _made_by(module, test)
    if not isinstance(call, ast.Call):
        return False
    found = [*module.definitions(call.func), *([hollow.called(module, call)] if methods else [])]
    made = (d for d in found if isinstance(d, ast.FunctionDef | ast.AsyncFunctionDef))
    inside = (node for d in made for s in d.body for node in bodies.within(s))
    return any(_fails_softly(module, node) for node in itertools.islice(inside, MAX_NODES))


def _fails_softly(module: ParsedModule, node: ast.AST) -> bool:
    """Whether a handler, or a condition on a reply, gives None where a service failed."""
    if isinstance(node, ast.Try):
        return any(
            failures.breadth(module, failures.catches(module, h), node.body, defaulting=True)
            in {"service", "everything"}
            for h in node.handlers
            if any(isinstance(s, ast.Return) and _gives_none(s.value) for s in h.body)
        )
    if isinstance(node, ast.IfExp):
        return any(
            _gives_none(given) and absent(module, node.test, when=when, through=False) == "answer"
            for when, given in ((True, node.body), (False, node.orelse))
        )
    if not isinstance(node, ast.If):
        return False
    last = node.body[-1]
    given = isinstance(last, ast.Return) and _gives_none(last.value)
    return given and absent(module, node.test, when=True, through=False) == "answer"


def _gives_none(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


def is_reply(module: ParsedModule, test: ast.expr) -> bool:
    """Whether an expression is what a service has answered: `api.rates()`, `fetch(url)`, a variable that holds it."""
    test = _made_by(module, test)
    if not isinstance(test, ast.Call):
        return False
    own = words(_last(test.func))
    holder = words(_last(test.func.value)) if isinstance(test.func, ast.Attribute) else ()
    if own == ("get",) and _REMOTE.isdisjoint(holder):
        return False  # a key that may be missing
    return own[:1] != () and (
        own[0] in _FETCHING or not _REMOTE.isdisjoint(own) or (holder != () and holder[-1] in _SERVICES)
    )


def _last(node: ast.expr) -> str:
    """The last name of a dotted expression or of what is called."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def uses(module: ParsedModule, test: ast.expr, block: list[ast.stmt]) -> bool:
    """Whether statements call what a condition asks for: `self.redis.get(key)` after `if self.redis`.

    A variable or parameter of the function holds what was looked up or handed over, and may be empty.
    """
    asked, _ = subject(test, when=True)
    if isinstance(asked, ast.BoolOp):
        first, last = subject(asked.values[0], when=True)[0], subject(asked.values[-1], when=True)[0]
        asked = first if isinstance(asked.op, ast.Or) else last if ast.dump(first) in ast.dump(last) else asked
    if statuses.tripped(asked):
        return any(isinstance(n, ast.Call) for s in block[:MAX_STATEMENTS] for n in bodies.within(s))
    if isinstance(asked, ast.Name) and not isinstance(module.names.binding_scope(asked), ast.Module):
        return False
    called = asked.func if isinstance(asked, ast.Call) else asked
    if breakers.is_open(module, asked, called, words(_last(called))):
        return bool(block)
    asked = called
    if isinstance(asked, ast.Attribute) and _asks_for_service(words(asked.attr)):
        asked = asked.value  # whom `is_connected` is asked of
    if not isinstance(asked, ast.Name | ast.Attribute):
        return False
    calls = (n.func for s in block[:MAX_STATEMENTS] for n in bodies.within(s) if isinstance(n, ast.Call))
    holders = [holder for f in calls for holder in _holders(f)]
    if getattr(asked, "id", "") in {"self", "cls"}:
        return any(words(_last(holder))[-1:] and words(_last(holder))[-1] in CLIENTS for holder in holders)
    wanted = ast.dump(asked)
    return any(ast.dump(holder) == wanted for holder in holders)


def _holders(called: ast.expr) -> Iterator[ast.expr]:
    """Whom a call is made on, and whom that belongs to: `self.llm.chat` and `self.llm` of `self.llm.chat.create`."""
    while isinstance(called, ast.Attribute):
        called = called.value
        yield called


def _of_comparison(module: ParsedModule, test: ast.Compare, *, when: bool) -> Absent | None:
    if len(test.ops) == 1 and isinstance(test.ops[0], ast.In | ast.NotIn):
        there = isinstance(test.ops[0], ast.In) is when
        holder = dotted(module, test.comparators[0])
        if holder == "sys.modules" and not there:
            return "program"
        failed = isinstance(test.left, ast.Constant) and test.left.value in _FAILED
        if failed and there and _is_answer(test.comparators[0]):
            return "answer"
        if holder == "os.environ" and not there:
            return _of_setting(words(module.string(test.left) or ""))
    if statuses.tripped(test):
        return "reach" if when else None
    if statuses.failed(module, test) is when and statuses.connects(module, test.left):
        return "reach"
    return "answer" if statuses.failed(module, test) is when else None


def _of_value(module: ParsedModule, test: ast.expr, called: ast.expr) -> Absent | None:
    """What an expression stands for that is empty, None or False."""
    if bodies.is_optional(module, called):
        return None
    if (found := _of_given(module, test)) is not None:
        return found
    name = _last(called)
    own = words(name)
    if isinstance(test, ast.Call) and name == "hasattr":
        return "member"
    if isinstance(test, ast.Call) and name == "getattr" and len(test.args) > 1:
        own = words(module.string(test.args[1]) or "")
        return _of_setting(own) or _of_client(own) or "member"
    if isinstance(test, ast.Call) and name in {"get", "getenv"} and test.args:
        own = words(module.string(test.args[0]) or "")
    elif isinstance(test, ast.Call) and own[:1] not in _GETTING:
        return None
    return _of_setting(own) or _of_client(own)


def _of_given(module: ParsedModule, test: ast.expr) -> Absent | None:
    """What a variable or an attribute of `self` stands for by what it was given: `key = getenv("API_KEY")`, `self._r = Redis()`."""
    if isinstance(test, ast.Name):
        bound = [b.value for b in module.names.reaching(test)]
        asked = bound[0] if len(bound) == 1 else None
        looked_up = isinstance(asked, ast.Call) and _last(asked) in {"get", "getenv", "getattr"}
        return (
            _of_value(module, asked, asked.func) if isinstance(asked, ast.Call) and looked_up and asked.args else None
        )
    own = isinstance(test, ast.Attribute) and getattr(test.value, "id", "") == "self"
    made = module.given.get(test.attr, []) if own and isinstance(test, ast.Attribute) else []
    return "client" if any(isinstance(m, ast.Call) and failures.makes_client(module, m) for m in made) else None


def _of_setting(own: tuple[str, ...]) -> Absent | None:
    keyed = own[-2:] in _KEYS or (len(own) > 1 and own[-1] == "key" and own[-2] not in _LOCKS)
    return "address" if own and (own[-1] in _ADDRESSES or keyed) else None


def _of_client(own: tuple[str, ...]) -> Absent | None:
    named = own[:-1] if own[-1:] and own[-1].isdigit() else own
    tail = {"".join(own[-length:]) for length in (1, 2, 3)} | set(named[-1:])  # `s3`, `neo4j`, `redis2`
    return "client" if not tail.isdisjoint(CLIENTS) and "local" not in own else None


def _asks_for_service(own: tuple[str, ...]) -> bool:
    if not own:
        return False
    asked = {own[0], own[-1], *(own if own[0] in {"is", "can", "has"} else ())}
    return not _REACH.isdisjoint(asked) or {"port", "open"} <= set(own)


def _is_nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or node.value is False)


def _names_module(module: ParsedModule, test: ast.expr) -> bool:
    """Whether an expression is a module, program or flag of one that may be missing.

    A name that an import or None is bound to, what `shutil.which`, `find_spec` or a function that imports softly
    answered, and a constant `HAS_…`.
    """
    if isinstance(test, ast.Call):
        return _imports_softly(module, test)
    if not isinstance(test, ast.Name):
        return False
    if test.id.isupper() and words(test.id)[:1] in {("has",), ("have",)}:
        return True
    bound = module.names.reaching(test)
    values = [b.value for b in bound]
    if any(isinstance(b.node, ast.alias) for b in bound) and any(v is not None and _is_nothing(v) for v in values):
        return True
    value = values[0] if len(values) == 1 else None
    while isinstance(value, ast.Compare):
        value = value.left
    return isinstance(value, ast.Call) and (
        dotted(module, value.func) in _ASKING_PROGRAMS or _imports_softly(module, value)
    )


def _imports_softly(module: ParsedModule, call: ast.Call) -> bool:
    own = set(words(_last(call)))
    return "import" in own and not _SOFTLY.isdisjoint(own)
