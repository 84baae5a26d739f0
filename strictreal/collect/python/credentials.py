"""Credentials written in code: a literal that a secret's name is given to, or that has the shape of a known token.

Found in every module, tests included, because a line with a credential must be redacted before it becomes a fact.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from strictreal.collect.python.vocabulary import vocabulary
from strictreal.redact import is_issued

if TYPE_CHECKING:
    from strictreal.collect.python.module import ParsedModule

SHORTEST, LONGEST = 3, 4096
"""Characters that a secret may have."""
_STEMS = ("pass", "pwd", "secret", "token", "key", "credential", "authorization")
"""One of these is in every name that says its value is a secret, in lower case."""
_SECRETS = vocabulary("password passwd passphrase pwd secret credential credentials apikey passcode")
_KEYS = vocabulary(
    """
    api access secret private signing encryption auth account master service client hmac jwt app license
    subscription shared storage cipher aes fernet
    """
)
_TOKENS = vocabulary(
    """
    access auth api bearer refresh bot slack github gitlab gh hf secret jwt oauth deploy personal service admin
    vault root id session authentication
    """
)
_PASSES = vocabulary("db user smtp root admin database mysql pg postgres ftp redis mail proxy")
_VERBS = vocabulary(
    """
    update reset change show require has is need use ask prompt verify check generate store save force allow
    hash no forgot confirm hide with set get
    """
)
_SUFFIXES = vocabulary("default value str b bytes prod dev production")
_PASSWORD_INSIDE = re.compile(r"(?i)(?:^|[\s;])(?:password|pwd)=[^\s;{}%$<*'\"…]{3,200}(?:[\s;]|$)")
"""In connection strings: `host=db user=me password=…`, `Server=db;Uid=me;Pwd=…`."""
_AUTHORIZATION = re.compile(r"(?i)(?:bearer|basic|token)\s+(?=[\w.~+/=-]{8,})(?=\S*\d)[\w.~+/=-]+$")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----\s+\S")
_EMPTY = vocabulary(
    """
    none null empty unused redacted secret token undefined n/a na unset missing hidden masked true false default
    unknown optional required string str bytes no-key
    """
)
_PLACEHOLDER = re.compile(
    r"(?i)[\[(<].*[\])>]$|[*.xX#_\-•]+$|<.*>$|\$|.*[{%]\w*[})s]|your[-_ ]"
    r"|my[-_ ]?(?:api|secret|token|password)[-_ ]?(?:key)?$|x-|replace|insert"
    r"|.*\b(?:placeholder|dummy|example)\b|https?://|/|\./|\\|\w+\.(?:py|json|ya?ml|txt|pem|key|crt|toml|ini|env)$"
)
_IDENTIFIERS = re.compile(
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|[a-z]+(?:[._-][a-z]+){2,}$|[a-z]+(?:\.[A-Za-z_]+)+$|--?\w[\w-]*$"
)
_GETTERS = {"get", "getenv", "setdefault", "pop", "config", "env", "str"}


def credentials(module: ParsedModule) -> Iterator[ast.Constant]:
    """Every literal of the module that is a credential."""
    seen: set[ast.AST] = set()
    for name, value in _named(module):
        if value not in seen and _is_secret_name(name) and _is_secret_value(name, value):
            seen.add(value)
            yield value
    for constant in module.of(ast.Constant):
        text = _text(constant)
        if (
            constant not in seen
            and len(text) >= 16
            and (_PRIVATE_KEY.search(text[:200]) or _is_token(text) or _connects(module, constant, text))
        ):
            seen.add(constant)
            yield constant
    for constant in _logins(module):
        if constant not in seen:
            seen.add(constant)
            yield constant


def _named(module: ParsedModule) -> Iterator[tuple[str, ast.Constant]]:
    """Literals with the names they are given: by assignment, keyword, default, key, comparison or lookup."""
    for assign in module.of(ast.Assign):
        for target in assign.targets:
            yield from _paired(module, target, assign.value)
    for annotated in module.of(ast.AnnAssign):
        if annotated.value is not None:
            yield from _paired(module, annotated.target, annotated.value)
    for walrus in module.of(ast.NamedExpr):
        yield from _paired(module, walrus.target, walrus.value)
    for keyword in module.of(ast.keyword):
        if keyword.arg:
            yield from ((keyword.arg, value) for value in _literals(keyword.value))
    for function in module.of(ast.arguments):
        plain = [*function.posonlyargs, *function.args]
        defaults = zip(reversed(plain), reversed(function.defaults), strict=False)
        for argument, default in (*defaults, *zip(function.kwonlyargs, function.kw_defaults, strict=True)):
            yield from ((argument.arg, value) for value in _literals(default))
    for dictionary in module.of(ast.Dict):
        for key, item in zip(dictionary.keys, dictionary.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield from ((key.value, value) for value in _literals(item))
    for comparison in module.of(ast.Compare):
        if len(comparison.ops) == 1 and isinstance(comparison.ops[0], ast.Eq | ast.NotEq):
            [right] = comparison.comparators
            for named, value in ((comparison.left, right), (right, comparison.left)):
                if isinstance(value, ast.Constant) and (name := _name(module, named)):
                    yield name, value
    for call in module.of(ast.Call):
        if len(call.args) > 1 and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str):
            last = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if last in _GETTERS or last.startswith(("get", "fetch")):
                yield from ((call.args[0].value, value) for value in _literals(call.args[1]))


def _paired(module: ParsedModule, target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.Constant]]:
    if isinstance(target, ast.Tuple | ast.List):
        if isinstance(value, ast.Tuple | ast.List):
            for left, right in zip(target.elts, value.elts, strict=False):
                yield from _paired(module, left, right)
    elif name := _name(module, target):
        yield from ((name, literal) for literal in _literals(value))


def _name(module: ParsedModule, node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        return module.string(node.slice) or ""
    if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute) and node.func.attr in _GETTERS:
        return module.string(node.args[0]) or ""
    return ""


def _literals(value: ast.expr | None) -> Iterator[ast.Constant]:
    """The literals that an expression may come down to: itself, what follows `or`, either branch, a wrapped one."""
    waiting = [value]
    for _ in range(20):
        if not waiting:
            return
        node = waiting.pop()
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str | bytes):
                yield node
        elif isinstance(node, ast.BoolOp):
            waiting += node.values
        elif isinstance(node, ast.IfExp):
            waiting += [node.body, node.orelse]
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in {"encode", "strip"}:
                waiting.append(node.func.value)
            elif isinstance(node.func, ast.Name) and node.func.id in {
                "SecretStr",
                "str",
                "bytes",
                "SecretBytes",
                "Secret",
            }:
                waiting += node.args[:1]
            elif isinstance(node.func, ast.Name) and node.func.id in {"Field", "field"}:
                waiting += [*node.args[:1], *(k.value for k in node.keywords if k.arg == "default")]


def _words(name: str) -> list[str]:
    found = [w.lower() for w in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+", name)]
    while len(found) > 1 and found[-1] in _SUFFIXES:
        found.pop()
    return found


def _is_secret_name(name: str) -> bool:
    """Whether a name's last word says that its value is a secret: `db_password` does, `password_field` does not."""
    lowered = name.lower()
    if len(name) > 80 or not any(stem in lowered for stem in _STEMS) or not (found := _words(name)):
        return False
    *before, last = found
    if before and before[0] in _VERBS:
        return False
    if last in _SECRETS or last == "authorization" or "".join(found[-2:]) in {"apikey", "passwd", "password"}:
        return True
    if last == "key":
        return bool(before) and before[-1] in _KEYS
    if last == "token":
        return not before or before[-1] in _TOKENS
    return last == "pass" and bool(before) and before[-1] in _PASSES


def _is_secret_value(name: str, value: ast.Constant) -> bool:
    """Whether a literal can be a secret: not empty, no placeholder, no name of something else, no sentence."""
    text = _text(value)
    if _words(name)[-1] == "authorization":
        return bool(_AUTHORIZATION.match(text))
    if not SHORTEST <= len(text) <= LONGEST or any(c.isspace() for c in text) or text.lower() in _EMPTY:
        return False
    if _PLACEHOLDER.match(text) or _IDENTIFIERS.match(text):
        return False
    said = _words(text)
    plain = bool(said) and not set(re.sub(r"\D", "", text)) - set(name)
    if plain and set(said) <= {*_words(name), *_SECRETS, "key", "token", "api", "access", "auth", "my", "the", "field"}:
        return False  # PASSWORD = "password" names a field
    last = _words(name)[-1]
    if last == "token" and len(_words(name)) == 1:
        return len(text) >= 16 and any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
    if last in {"token", "key"}:
        return len(text) >= 8 and not (plain and re.fullmatch(r"[a-z_.:-]+|[A-Z_]+", text))
    return True


def _logins(module: ParsedModule) -> Iterator[ast.Constant]:
    """The second of two literals where one logs in: `smtp.login("me", "…")`, `auth=("me", "…")`."""
    pairs: list[list[ast.expr]] = [
        keyword.value.elts
        for keyword in module.of(ast.keyword)
        if keyword.arg in {"auth", "basic_auth", "http_auth", "credentials"} and isinstance(keyword.value, ast.Tuple)
    ]
    for call in module.of(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if last in {"login", "HTTPBasicAuth", "BasicAuth", "HTTPDigestAuth", "authenticate", "PlainCredentials"}:
            pairs.append(call.args[:2])
    for pair in pairs:
        if len(pair) == 2 and all(isinstance(p, ast.Constant) and isinstance(p.value, str) and p.value for p in pair):
            [_, secret] = pair
            assert isinstance(secret, ast.Constant)  # noqa: S101  (narrows the type; the line before says so)
            yield secret


def _connects(module: ParsedModule, constant: ast.Constant, text: str) -> bool:
    """Whether a text that somebody works with is a connection string with a password."""
    said = isinstance(module.parents[constant], ast.Expr)
    return not said and len(text) <= LONGEST and text.count("=") > 1 and bool(_PASSWORD_INSIDE.search(text))


def _is_token(text: str) -> bool:
    """Whether the whole of a text has the shape of a well-known token."""
    return not any(c.isspace() for c in text[:512]) and any(c in "0123456789." for c in text) and is_issued(text)


def _text(constant: ast.Constant) -> str:
    if isinstance(constant.value, bytes):
        return constant.value.decode("latin-1")
    return constant.value if isinstance(constant.value, str) else ""
