"""Texts that an expression works out from constants alone: joined, reversed, replaced, decoded, formatted, repeated.

Nothing of a subject runs: each operation is done here, on texts whose length is bounded.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

MAX_LENGTH = 10_000
"""Length in characters of the longest text that is worked out, and of the longest that one is worked out from."""
Known = Callable[[ast.AST | None], ast.Constant | None]
_PLAIN = frozenset({"lower", "upper", "strip", "lstrip", "rstrip", "title", "capitalize", "swapcase", "casefold"})
_PLAIN |= {"removeprefix", "removesuffix", "replace"}


def fold(node: ast.AST, known: Known) -> ast.Constant | None:
    """The constant text that an operation on constants gives; None for any other expression.

    Args:
        known: the constant that a part of the expression always is.
    """
    found: str | None = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords:
        found = _of_method(node, node.func, known)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1 and not node.keywords:
        found = _of_function(node.func.id, node.args[0], known)
    elif isinstance(node, ast.Subscript):
        found = _of_slice(node, known)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        found = _formatted(node, known)
    if found is None or len(found) > MAX_LENGTH:
        return None
    return ast.copy_location(ast.Constant(found), node)


def _text(node: ast.AST | None, known: Known) -> str | None:
    constant = known(node)
    value = constant.value if constant is not None else None
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return value if isinstance(value, str) and len(value) <= MAX_LENGTH else None


def _of_method(call: ast.Call, function: ast.Attribute, known: Known) -> str | None:
    own = _text(function.value, known)
    if own is None:
        return None
    if function.attr == "join" and len(call.args) == 1:
        parts = _parts(call.args[0], known)
        return None if parts is None or len(own) * len(parts) > MAX_LENGTH else own.join(parts)
    if function.attr in {"decode", "encode"}:
        return own
    given = [_text(argument, known) for argument in call.args]
    if None in given:
        return None
    texts = [text for text in given if text is not None]
    if function.attr == "format":
        whole = own
        for number, text in enumerate(texts):
            whole = whole.replace("{}", text, 1).replace("{" + str(number) + "}", text)
            if len(whole) > MAX_LENGTH:
                return None
        return whole if "{" not in whole else None
    if function.attr == "replace" and (len(texts) != 2 or own.count(texts[0]) * len(texts[1]) > MAX_LENGTH):
        return None
    if function.attr not in _PLAIN or len(texts) > 2:
        return None
    if function.attr in {"removeprefix", "removesuffix"} and len(texts) != 1:
        return None
    strips = function.attr.endswith("strip")
    if len(texts) > (1 if strips else 2 if function.attr == "replace" else 1 if "remove" in function.attr else 0):
        return None
    return str(getattr(own, function.attr)(*texts))


def _of_function(name: str, argument: ast.expr, known: Known) -> str | None:
    if name == "chr":
        constant = known(argument)
        code = constant.value if constant is not None else None
        return chr(code) if type(code) is int and 0 <= code < 0x110000 else None
    return _text(argument, known) if name == "str" else None


def _parts(node: ast.expr, known: Known) -> list[str] | None:
    """The texts that are joined: of a row that is written out, or the characters of a text, also reversed."""
    if isinstance(node, ast.List | ast.Tuple):
        texts = [_text(element, known) for element in node.elts[: MAX_LENGTH + 1]]
        whole = [text for text in texts if text is not None]
        return whole if len(whole) == len(node.elts) and sum(map(len, whole)) <= MAX_LENGTH else None
    turned = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "reversed" and len(node.args) == 1
    if turned and isinstance(node, ast.Call):
        inner = _parts(node.args[0], known)
        return inner[::-1] if inner is not None else None
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "map" and len(node.args) == 2:
        codes = node.args[1].elts if isinstance(node.args[1], ast.List | ast.Tuple) else []
        letters = [_of_function("chr", code, known) for code in codes[:MAX_LENGTH]]
        of_codes = getattr(node.args[0], "id", "") == "chr" and None not in letters
        return [letter for letter in letters if letter is not None] if of_codes else None
    text = _text(node, known)
    return list(text) if text is not None else None


def _of_slice(node: ast.Subscript, known: Known) -> str | None:
    own = _text(node.value, known)
    if own is None:
        return None
    at = node.slice
    if isinstance(at, ast.Slice):
        bounds = [None if part is None else _number(part, known) for part in (at.lower, at.upper, at.step)]
        missing = any(b is None and p is not None for b, p in zip(bounds, (at.lower, at.upper, at.step), strict=True))
        return None if missing or bounds[2] == 0 else own[bounds[0] : bounds[1] : bounds[2]]
    place = _number(at, known)
    return own[place] if place is not None and -len(own) <= place < len(own) else None


def _number(node: ast.AST, known: Known) -> int | None:
    constant = known(node)
    return constant.value if constant is not None and type(constant.value) is int else None


def _formatted(node: ast.BinOp, known: Known) -> str | None:
    """`"%siron" % "env"`: a pattern with nothing but `%s`."""
    own = _text(node.left, known)
    given = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
    texts = [_text(part, known) for part in given]
    if own is None or own.count("%s") != len(texts) or own.count("%") != len(texts) or None in texts:
        return None
    for text in texts:
        own = own.replace("%s", text or "", 1)
        if len(own) > MAX_LENGTH:
            return None
    return own
