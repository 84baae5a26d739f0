"""Classes and functions that have the name of a collaborator and do its work in their own memory.

`RedisClient` over a dictionary, `KafkaProducer.send` that appends to a list, `EmbeddingModel.embed` that hashes a text. What
decides is that nothing in the body can reach anything outside: every call is one that only computes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from strictreal.collect.python import bodies, canned, standins
from strictreal.collect.python.bodies import Functions, docstring, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.collect.python.reach import computes, is_self
from strictreal.facts.behaviour import Fake, vocabulary, words

MAX_METHODS = 40
_STORES = frozenset({"dict", "list", "set", "collections.defaultdict", "collections.OrderedDict", "collections.deque"})
_STORES |= {"collections.Counter", "queue.Queue", "asyncio.Queue", "multiprocessing.Queue", "queue.SimpleQueue"}
_DIGESTS = (
    "hashlib.",
    "zlib.crc32",
    "zlib.adler32",
    "hmac.",
    "binascii.crc32",
    "xxhash.",
    "mmh3.",
    "farmhash.",
    "cityhash.",
)
_WORKERS = vocabulary(
    """
    model encoder embedder client backend provider llm pipeline network net inner base wrapped delegate session api service
    tokenizer engine cache store redis transformer
    """
)
"""Words of objects that do what they are asked, each in its way."""
_EMBEDDING = vocabulary("embed embeds embedding embeddings vectorize vectorise encode vector vectors aembed")
_JUDGING = vocabulary("score sentiment similarity confidence probability relevance predict rating toxicity quality")
_STATES = vocabulary("status state condition weather price availability diagnosis verdict")
"""Last words of functions that tell how something outside is."""
_HASHING = vocabulary(
    "hash hashing hashed minhash simhash lsh bloom fingerprint feature checksum digest key shard onehot base64"
)
_SINKS = vocabulary(
    "outbox sent published delivered captured recorded produced emitted uploaded messages mails emails notifications"
)
_DEEDS = vocabulary("send publish deliver notify produce emit email mail dispatch upload charge push sms")


def facts(module: ParsedModule) -> Iterator[Fake]:
    """Every class and function of a module that can only play what it is called; the check knows the names."""
    if module.path.endswith(".pyi"):
        return
    for owner in module.of(ast.ClassDef):
        if not standins.is_double_name(owner.name) and (
            found := _class(module, owner) or _speaker(module, owner) or canned.read(module, owner)
        ):
            yield found
    for function in module.of(ast.FunctionDef, ast.AsyncFunctionDef):
        if found := _hashed(module, function) or _sunk(module, function):
            yield found


def _class(module: ParsedModule, owner: ast.ClassDef) -> Fake | None:
    """A class that keeps all in containers of its own, and whose methods call nothing that leaves the process."""
    methods = [s for s in owner.body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]
    own = {m.name for m in methods}
    kept = _containers(module, owner, methods)
    if not kept or not methods:
        return None
    used: list[str] = []
    for method in methods:
        touched = False
        for node in (n for s in method.body for n in ast.walk(s)):
            if isinstance(node, ast.Call) and not computes(module, node, own):
                return None
            if isinstance(node, ast.Attribute) and node.attr in kept and is_self(node.value):
                touched = True
        if touched and method.name != "__init__":
            used.append(method.name)
    if not used:
        return None
    bases = tuple(dotted(module, b.value if isinstance(b, ast.Subscript) else b) or "?" for b in owner.bases)
    return Fake(
        where=module.at(owner),
        kind="in-process",
        name=owner.name,
        detail=", ".join(sorted(kept)[:4]),
        bases=bases,
        methods=tuple(used[:MAX_METHODS]),
        function=bodies.qualname(module, owner).rpartition(".")[0],
    )


_TEXT_METHODS = vocabulary("lower upper strip title format split join startswith endswith replace count casefold")
_WAITS = frozenset({"time.sleep", "asyncio.sleep"})


def _speaker(module: ParsedModule, owner: ast.ClassDef) -> Fake | None:
    """A class whose methods answer texts that stand in it, with words of the question put in."""
    methods = [s for s in owner.body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]
    if owner.bases or owner.decorator_list or not methods:
        return None
    speaking: list[str] = []
    for method in methods:
        nodes = [n for s in method.body for n in ast.walk(s)]
        if any(isinstance(n, ast.Call) and not _is_of_text(module, n) for n in nodes):
            return None
        answers = [n.value for n in nodes if isinstance(n, ast.Return)]
        if answers and all(isinstance(a, ast.JoinedStr) or _is_text(a) for a in answers):
            put_in = any(isinstance(a, ast.JoinedStr) for a in answers) or len(answers) > 1
            if put_in and not method.name.startswith("__") and not method.decorator_list:
                speaking.append(method.name)
    if not speaking:
        return None
    return Fake(
        where=module.at(owner),
        kind="in-process",
        name=owner.name,
        detail="texts of its own",
        methods=tuple(speaking[:MAX_METHODS]),
        function=bodies.qualname(module, owner).rpartition(".")[0],
    )


def _is_text(node: ast.expr | None) -> bool:
    """Whether a text is a phrase, and no path, key or name."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value.split()) > 1


def _is_of_text(module: ParsedModule, call: ast.Call) -> bool:
    name = dotted(module, call.func)
    if bodies.is_log(module, call) or name in {"len", "str", "super", "super().__init__"} or name in _WAITS:
        return True
    return isinstance(call.func, ast.Attribute) and call.func.attr in _TEXT_METHODS


def _containers(module: ParsedModule, owner: ast.ClassDef, methods: list[Functions]) -> set[str]:
    """The attributes that hold empty collections from the start."""
    found: set[str] = set()
    statements: list[ast.AST] = list(owner.body)
    statements += [n for m in methods if m.name in {"__init__", "__new__", "__post_init__"} for n in ast.walk(m)]
    for statement in statements:
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
            continue
        for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
            name = target.attr if isinstance(target, ast.Attribute) and is_self(target.value) else ""
            if isinstance(target, ast.Name) and statement in owner.body:
                name = target.id
            if name and _is_container(module, statement.value):
                found.add(name)
    return found


def _is_container(module: ParsedModule, value: ast.expr) -> bool:
    if isinstance(value, ast.Dict):
        return True
    if isinstance(value, ast.List):
        return not value.elts
    if not isinstance(value, ast.Call):
        return False
    name = dotted(module, value.func)
    return name in _STORES or (
        name in {"dataclasses.field", "pydantic.Field"}
        and any(k.arg == "default_factory" and dotted(module, k.value) in _STORES for k in value.keywords)
    )


# -- functions -------------------------------------------------------------------------------------------------------


def _hashed(module: ParsedModule, function: Functions) -> Fake | None:
    """A function that is called an embedding and computes its numbers from a hash or the letters of a text."""
    place = bodies.qualname(module, function)
    own = words(function.name)
    judges = not _JUDGING.isdisjoint(own[:1] + own[-1:]) and _is_share(function)
    judges |= own[-1:] != () and own[-1] in _STATES and _is_picked(function)
    embeds = not _EMBEDDING.isdisjoint(own) or judges
    if own[:1] == ("encode",) and "embed" not in place.lower():
        embeds = False
    if not embeds or not _HASHING.isdisjoint(words(place)):
        return None
    source, taken = "", None
    counted = False
    for node in (n for s in function.body for n in ast.walk(s)):
        if isinstance(node, ast.Call):
            name = dotted(module, node.func)
            if name.startswith(_DIGESTS) or name in {"hash", "ord"}:
                source, taken = (source, taken) if source else (name, node)
            elif _asks_another(node) or not computes(module, node, _own_methods(module, function)):
                return None
        counted |= judges or isinstance(node, ast.List | ast.ListComp | ast.For) or _reckons(node)
        if isinstance(node, ast.Compare | ast.Subscript) and _looks_up(node):
            return None
    if taken is None or not counted:
        return None
    answers = [n for s in function.body for n in bodies.within(s) if isinstance(n, ast.Return) and n.value is not None]
    return standins.record(module, answers[-1] if answers else taken, "hashed", place, source)


def _asks_another(call: ast.Call) -> bool:
    """Whether an object that another one holds does the work: `self.model.encode(text)`."""
    held = call.func.value if isinstance(call.func, ast.Attribute) else None
    if not isinstance(held, ast.Attribute) or not is_self(held.value):
        return False
    return not _WORKERS.isdisjoint(words(held.attr)[-1:])


def _reckons(node: ast.AST) -> bool:
    """Whether a node computes a number; one that puts a text before another, `"emb:" + digest`, makes a key."""
    if not isinstance(node, ast.BinOp):
        return False
    sides = (node.left, node.right)
    return not any(
        isinstance(s, ast.JoinedStr) or (isinstance(s, ast.Constant) and isinstance(s.value, str)) for s in sides
    )


def _is_share(function: Functions) -> bool:
    """Whether a function cuts a number down to a share: `hash(text) % 100 / 100`."""
    operators = [n.op for s in function.body for n in ast.walk(s) if isinstance(n, ast.BinOp)]
    return any(isinstance(o, ast.Div) for o in operators)


def _looks_up(node: ast.AST) -> bool:
    """Whether something is looked up in a cache or vocabulary."""
    named = [n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)]
    return any(not {"cache", "vocab", "vocabulary", "table", "index"}.isdisjoint(words(name)) for name in named)


def _is_picked(function: Functions) -> bool:
    """Whether a function picks from a constant by the rest of a division: `STATES[digest[0] % 4]`."""
    picked = (n for s in function.body for n in ast.walk(s) if isinstance(n, ast.Subscript))
    return any(
        isinstance(n.value, ast.Name)
        and n.value.id.isupper()
        and isinstance(n.slice, ast.BinOp)
        and isinstance(n.slice.op, ast.Mod)
        for n in picked
    )


def _own_methods(module: ParsedModule, function: Functions) -> set[str]:
    owner = module.parents.get(function)
    body = owner.body if isinstance(owner, ast.ClassDef) else []
    return {s.name for s in body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)}


def _sunk(module: ParsedModule, function: Functions) -> Fake | None:
    """A plain function that is called a deed to the outside and only appends to a list of its module."""
    own = words(function.name)
    if not own or own[0] not in _DEEDS or not isinstance(module.parents.get(function), ast.Module):
        return None
    sink = ""
    for statement in function.body[1:] if docstring(function) else function.body:
        for node in ast.walk(statement):
            if not isinstance(node, ast.Call):
                continue
            receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
            if isinstance(receiver, ast.Name) and node.func.attr in {"append", "appendleft"}:  # type: ignore[attr-defined]
                bound = [b.value for b in module.names.reaching(receiver)]
                of_module = isinstance(module.names.binding_scope(receiver), ast.Module)
                if of_module and any(b is not None and _is_container(module, b) for b in bound):
                    sink = receiver.id
            elif not computes(module, node, set()):
                return None
    if not sink or _SINKS.isdisjoint(words(sink)):
        return None
    return standins.record(module, function, "in-process", function.name, sink)
