"""Functions that have the name of a deed and hand back what they were given, or something filled in with it.

A verifier that asks only whether its arguments are there, an `encrypt` that returns its argument, a `charge` that answers a
record of literals with the amount put in. What decides is that the body calls nothing that could do what the name says.
"""

from __future__ import annotations

import ast

from strictreal.collect.python import bodies, reading
from strictreal.collect.python.bodies import Functions, dotted
from strictreal.collect.python.module import ParsedModule
from strictreal.facts.behaviour import Body, vocabulary, words

MAX_STATEMENTS = 12
"""How many statements such a body has at most; a longer one counts as one that works."""
MAX_DEPTH = 8
"""How deep expressions and branches are followed."""
_TRYING = vocabulary("verify authenticate authorize authorise")
_ASKING = vocabulary("validate check is has valid confirm ensure")
_SECRETS = vocabulary(
    """
    signature sig token jwt hmac password credentials credential certificate cert checksum digest license licence otp mfa
    totp permission permissions authorized authenticated authentic captcha apikey passphrase webhook
    """
)
"""What only a computation or a service can verify."""
_SHAPES = vocabulary(
    """
    format email phone url name date input schema args shape type range syntax config length present empty provided
    given required number address set expired header headers prefix like kind field fields
    """
)
"""Words of questions to which the form of a value is the answer."""
_LOOKING = vocabulary("strip lower upper count startswith endswith isdigit isalnum isalpha split isascii get")
_TRANSFORMING = vocabulary(
    """
    encrypt decrypt compress decompress translate summarize summarise rerank anonymize anonymise redact sanitize sanitise
    dedupe deduplicate transcribe denoise sign enrich paraphrase decode
    """
)
_CIPHERING = vocabulary("encrypt decrypt hash sign")
_SPEAKING = vocabulary(
    "translate summarize summarise answer chat complete explain describe paraphrase transcribe caption generate respond"
)
_DOING = vocabulary(
    """
    send charge pay refund deploy publish upload submit notify transfer capture enqueue dispatch provision ship cancel
    book order reserve deliver schedule payout
    """
)
_PROCESSING = vocabulary("process execute handle create place make")
_DEALS = vocabulary("payment order refund charge transaction transfer invoice checkout booking shipment subscription")
_FINDING = vocabulary(
    """
    fetch predict search query find retrieve lookup classify detect analyze analyse recommend evaluate score estimate infer
    geocode embed rank vectorize scan audit lint moderate
    """
)
_GIVING = vocabulary("get list load read")
_PARTS = vocabulary(
    """
    url uri path key name dir folder id endpoint params payload body kwargs args config options headers command cmd request
    filter filters topic subject template label title format schema link field type button form response default shape
    fixture row dict json data result spec plan prompt text html markup
    """
)
"""Last words of functions that put something together, and do nothing with it."""
_MADE_UP = vocabulary("john doe jane smith alice bob ada lovelace lorem ipsum foo bar acme sample demo")
_DONE = vocabulary(
    """
    ok success succeeded completed complete sent paid created done delivered confirmed accepted refunded shipped queued
    scheduled deployed published submitted approved processed charged booked transferred uploaded active
    cancelled canceled deleted removed revoked restored transferred reserved captured
    """
)


def read(module: ParsedModule, node: Functions) -> tuple[Body, str] | None:
    """What kind of hollow body a function has that is called a deed, and its answer as source text; None for others."""
    own = words(node.name)
    block = reading.statements(node)
    if not own or len(block) > MAX_STATEMENTS or node.name.startswith("__"):
        return None
    a = node.args
    given = {p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs)} - {"self", "cls"}
    if not given:
        return None
    if _is_verifier(own):
        answers: list[ast.expr] = []
        if _only_looks(module, block, given, answers, MAX_DEPTH) and any(_may_hold(x) for x in answers):
            return "shallow", bodies.source(next(x for x in answers if _may_hold(x)))
        return None
    known = _TRANSFORMING | _CIPHERING | _SPEAKING | _DOING | _PROCESSING | _FINDING | _GIVING
    answer = _answer(module, block, given) if own[0] in known else None
    if answer is None:
        return None
    if _hands_back(module, own, answer, given):
        return "unchanged", bodies.source(answer)
    if own[-1] not in _PARTS and _is_filled(module, own, answer, given):
        return "filled", bodies.source(answer)
    return None


# -- verifiers -------------------------------------------------------------------------------------------------------


def _is_verifier(own: tuple[str, ...]) -> bool:
    if not _SHAPES.isdisjoint(own):
        return False
    return own[0] in _TRYING or (own[0] in _ASKING and (not _SECRETS.isdisjoint(own) or "api" in own))


def _only_looks(
    module: ParsedModule, block: list[ast.stmt], given: set[str], answers: list[ast.expr], depth: int
) -> bool:
    """Whether a block asks no more than whether arguments are there, and of what form."""
    for statement in block:
        if isinstance(statement, ast.Return):
            value = statement.value
            if value is None or not (
                _is_look(module, value, given, MAX_DEPTH) or bodies.value_of(module, value) in {"record", "symbol"}
            ):
                return False
            answers.append(value)
        elif isinstance(statement, ast.If) and depth:
            if not _is_look(module, statement.test, given, MAX_DEPTH):
                return False
            branches = (statement.body, statement.orelse)
            if not all(_only_looks(module, branch, given, answers, depth - 1) for branch in branches):
                return False
        elif isinstance(statement, ast.Expr):
            if not bodies.is_inert(module, statement.value):
                return False
        elif isinstance(statement, ast.Assert):
            if not _is_look(module, statement.test, given, MAX_DEPTH):
                return False
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            if len(statement.targets) > 1 or not _is_look(module, statement.value, given, MAX_DEPTH):
                return False
            given.add(statement.targets[0].id)
        elif isinstance(statement, ast.Try) and depth:
            blocks = (statement.body, statement.orelse, *(handler.body for handler in statement.handlers))
            if statement.finalbody or not all(_only_looks(module, b, given, answers, depth - 1) for b in blocks):
                return False
        elif not isinstance(statement, ast.Raise | ast.Pass):
            return False
    return True


def _is_look(module: ParsedModule, node: ast.expr, given: set[str], depth: int) -> bool:
    """Whether an expression tells no more of arguments than their presence, length, type or form."""
    if depth == 0:
        return False
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bool) or node.value is None
    if isinstance(node, ast.Name):
        return node.id in given
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not) and _is_look(module, node.operand, given, depth - 1)
    if isinstance(node, ast.BoolOp):
        return all(_is_look(module, value, given, depth - 1) for value in node.values)
    if isinstance(node, ast.IfExp):
        return all(_is_look(module, part, given, depth - 1) for part in (node.test, node.body, node.orelse))
    if isinstance(node, ast.Call):
        name = dotted(module, node.func)
        if name in {"bool", "len", "isinstance", "all", "any"} and node.args:
            first = node.args[0]
            listed = first.elts if isinstance(first, ast.List | ast.Tuple) else [first]
            return all(_is_look(module, part, given, depth - 1) for part in listed)
        held = node.func.value if isinstance(node.func, ast.Attribute) and node.func.attr in _LOOKING else None
        plain = all(isinstance(part, ast.Constant) for part in node.args)
        return held is not None and plain and _is_look(module, held, given, depth - 1)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        [operator], [right] = node.ops, node.comparators
        if isinstance(operator, ast.In | ast.NotIn):
            return isinstance(node.left, ast.Constant) and _is_look(module, right, given, depth - 1)
        if isinstance(node.left, ast.Name) and isinstance(right, ast.Name) and node.left.id == right.id:
            return True  # `password == password`
        blank = isinstance(right, ast.Constant) and (right.value in {None, ""} or type(right.value) is int)
        return blank and _is_look(module, node.left, given, depth - 1)
    return False


def _may_hold(answer: ast.expr) -> bool:
    return not (isinstance(answer, ast.Constant) and not answer.value)


# -- deeds -----------------------------------------------------------------------------------------------------------


def _answer(module: ParsedModule, block: list[ast.stmt], given: set[str]) -> ast.expr | None:
    """What a body answers that does nothing before but log, wait, examine arguments and name what it fills in."""
    for statement in block[:-1]:
        if isinstance(statement, ast.Expr):
            if not bodies.is_inert(module, statement.value):
                return None
        elif isinstance(statement, ast.If):
            if (
                not reading.only_raises(statement.body)
                or statement.orelse
                or not reading.passive(module, statement.test)
            ):
                return None
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if (
                not isinstance(target, ast.Name)
                or target.id in given
                or not _fills(module, statement.value, given, MAX_DEPTH)
            ):
                return None
            given.add(target.id)
        elif not isinstance(statement, ast.Import | ast.ImportFrom):
            return None
    last = block[-1] if block else None
    return last.value if isinstance(last, ast.Return) else None


def _fills(module: ParsedModule, node: ast.expr, given: set[str], depth: int) -> bool:
    """Whether an expression holds no more than literals, arguments, parts of them, the clock and new identifiers."""
    if depth == 0:
        return False
    if isinstance(node, ast.Name):
        return node.id in given
    if isinstance(node, ast.Constant) or bodies.value_of(module, node) or bodies.is_fresh(module, node):
        return True
    if isinstance(node, ast.Attribute | ast.Subscript | ast.FormattedValue | ast.Starred):
        return _fills(module, node.value, given, depth - 1)
    if isinstance(node, ast.Dict):
        return None not in node.keys and all(_fills(module, value, given, depth - 1) for value in node.values)
    if isinstance(node, ast.List | ast.Tuple):
        return all(_fills(module, value, given, depth - 1) for value in node.elts)
    if isinstance(node, ast.JoinedStr):
        return all(_fills(module, value, given, depth - 1) for value in node.values)
    if isinstance(node, ast.Call):
        name = dotted(module, node.func)
        method = isinstance(node.func, ast.Attribute) and node.func.attr in _LOOKING | {"title", "copy", "format"}
        parts = [*node.args, *(k.value for k in node.keywords)]
        if method and isinstance(node.func, ast.Attribute):
            parts.append(node.func.value)
        made = name.rpartition(".")[2][:1].isupper() and "." not in name and node.keywords and not node.args
        return (method or made or name in {"str", "len", "int", "float", "dict", "list", "round"}) and all(
            _fills(module, part, given, depth - 1) for part in parts
        )
    return False


def _hands_back(module: ParsedModule, own: tuple[str, ...], answer: ast.expr, given: set[str]) -> bool:
    """Whether a function that is to make something else of its argument gives the argument itself, or a part of it."""
    secret = not {"password", "pw", "passwd", "secret", "pin"}.isdisjoint({*own, *given})
    if own[0] not in _TRANSFORMING | _CIPHERING or (own[0] in {"hash", "decode"} and not secret):
        return False
    if own[0] in _CIPHERING and _marks(answer, given):
        return True
    node = answer
    if own[0] in _CIPHERING and isinstance(node, ast.Call) and node.args:
        name = dotted(module, node.func)
        if name.startswith("base64.") and name.endswith("encode"):
            node = node.args[0]
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "encode":
                node = node.func.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and isinstance(node.right, ast.Constant):
        node = node.left
    cuts = own[0] in _SPEAKING | {"rerank", "summarise"}  # to cut a name short is a way to sanitize it
    if cuts and isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        node = node.value
    if isinstance(node, ast.Call) and dotted(module, node.func) in {"list", "dict", "tuple"} and len(node.args) == 1:
        node = node.args[0]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"copy", "strip"}:
        node = node.func.value
    return isinstance(node, ast.Name) and node.id in given


def _marks(answer: ast.expr, given: set[str]) -> bool:
    """Whether an argument is only turned round, or has a text put before it: `f"hashed_{password}"`, `"enc:" + value`."""
    parts: list[ast.expr] = [answer]
    if isinstance(answer, ast.JoinedStr):
        parts = [v.value if isinstance(v, ast.FormattedValue) else v for v in answer.values]
    elif isinstance(answer, ast.BinOp) and isinstance(answer.op, ast.Add):
        parts = [answer.left, answer.right]
    elif isinstance(answer, ast.Subscript) and isinstance(answer.slice, ast.Slice):
        parts = [answer.value] if answer.slice.step is not None else []
    named = [part for part in parts if isinstance(part, ast.Name) and part.id in given]
    return len(named) == 1 and all(part in named or isinstance(part, ast.Constant) for part in parts)


def _is_filled(module: ParsedModule, own: tuple[str, ...], answer: ast.expr, given: set[str]) -> bool:
    """Whether an answer says that something was done or found, and is filled in with arguments and literals."""
    does = own[0] in _DOING or (own[0] in _PROCESSING and not _DEALS.isdisjoint(own[1:]))
    if isinstance(answer, ast.JoinedStr):
        spoken = any(isinstance(v, ast.Constant) and str(v.value).strip() for v in answer.values)
        speaks = own[0] in _SPEAKING and len(own) == 1
        return (
            (speaks or own[0] in {"upload", "deploy", "publish"})
            and spoken
            and _fills(module, answer, given, MAX_DEPTH)
        )
    if own[0] in _SPEAKING and len(own) == 1:
        return isinstance(answer, ast.Dict) and _fills(module, answer, given, MAX_DEPTH) and _texts(answer) != []
    if isinstance(answer, ast.DictComp):
        [first, *others] = answer.generators
        over = isinstance(first.iter, ast.Name) and first.iter.id in given and not others and not first.ifs
        settled = isinstance(answer.value, ast.Constant) and answer.value.value not in {None, 0, ""}
        return own[0] in _FINDING and over and settled
    if isinstance(answer, ast.ListComp):
        return own[0] in _FINDING | _GIVING and _is_row_of_same(module, answer, given)
    if not isinstance(answer, ast.Dict | ast.Call) or not _fills(module, answer, given, MAX_DEPTH):
        return False
    if isinstance(answer, ast.Call) and not answer.keywords:
        return False
    texts = _texts(answer)
    if does:
        fresh = any(isinstance(n, ast.expr) and bodies.is_fresh(module, n) for n in ast.walk(answer))
        said = any(not _DONE.isdisjoint(words(text)) for text in texts)
        return said or fresh or _says_true(answer)
    invented = any(not _MADE_UP.isdisjoint(words(text)) or "@" in text for text in texts)
    if own[0] in _GIVING:
        return invented
    empty = isinstance(answer, ast.Dict) and any(isinstance(v, ast.List) and not v.elts for v in answer.values)
    return own[0] in _FINDING and (invented or empty or len(texts) > 1)


def _values(answer: ast.Dict | ast.Call) -> list[ast.expr]:
    return answer.values if isinstance(answer, ast.Dict) else [k.value for k in answer.keywords]


def _texts(answer: ast.Dict | ast.Call) -> list[str]:
    """The literal texts and numbers among the fields of a record, as texts."""
    found = [v.value for v in _values(answer) if isinstance(v, ast.Constant)]
    return [str(v) for v in found if v not in {None, "", 0, 1} and not isinstance(v, bool)]


def _says_true(answer: ast.Dict | ast.Call) -> bool:
    if isinstance(answer, ast.Call):
        return any(
            isinstance(k.value, ast.Constant) and k.value.value is True and k.arg in _DONE for k in answer.keywords
        )
    pairs = zip(answer.keys, answer.values, strict=True)
    return any(
        isinstance(k, ast.Constant) and k.value in _DONE and isinstance(v, ast.Constant) and v.value is True
        for k, v in pairs
    )


def _is_row_of_same(module: ParsedModule, rows: ast.ListComp, given: set[str]) -> bool:
    """Whether a list has the same literal for each argument, or records that differ by their number alone."""
    if len(rows.generators) != 1 or rows.generators[0].ifs:
        return False
    [generator] = rows.generators
    target = generator.target.id if isinstance(generator.target, ast.Name) else ""
    over = generator.iter
    counted = isinstance(over, ast.Call) and dotted(module, over.func) == "range"
    if isinstance(over, ast.Name) and over.id in given:
        value = bodies.value_of(module, rows.elt)
        return value in {"numbers", "record"} or (value == "symbol" and isinstance(rows.elt, ast.Constant))
    if not counted or not isinstance(rows.elt, ast.Dict | ast.Call) or not target:
        return False
    fields = _values(rows.elt)
    named = any(isinstance(f, ast.JoinedStr) and any(isinstance(v, ast.Constant) for v in f.values) for f in fields)
    return named and len(fields) > 1 and _fills(module, rows.elt, {target}, MAX_DEPTH)
