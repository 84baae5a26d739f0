"""Lines of YAML-like text without what they keep secret: values files, templates, texts inside a ConfigMap.

A line of YAML does not say alone what it holds: the value of an environment variable stands below its name, that of an
option is the next item, and a Secret says at its top what its lines are. So a text is read as a whole, line by line,
by indentation, which templates keep although they are no YAML.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from strictreal.redact import MARK, names, redact

_PIECE = 64 * 1024
"""Characters of a line that are looked at together."""
_KEY = re.compile(r"""(\s*(?:-\s+)*)(["']?)([\w./$-]{1,200})\2\s*:(?:\s+|$)(.*)$""")
_ITEM = re.compile(r"(\s*-\s+)(.*)$")
_SECRET = re.compile(r"""^\s*["']?kind["']?\s*:\s*["']?Secret\b""", re.MULTILINE)
_DOCUMENT = re.compile(r"---(?:\s|$)")
_ACTION = re.compile(r"\{\{.*?\}\}")
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`')
_BLOCK = re.compile(r"(?:[!&]\S{1,80}\s+)*[|>][-+0-9]{0,2}\s*(?:#.*)?$")
_PRIVATE = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY")
_PRIVATE_END = re.compile(r"-----END [A-Z0-9 ]{0,30}PRIVATE KEY")
_REACHING = re.compile(
    r"""(?i)kind["']?\s*:\s*["']?Secret\b|PRIVATE KEY"""
    r"""|(?:pass|pw|secret|token|key|cred|auth|sig)[\w.-]{0,80}["']?\s*:\s*[|>]"""
)
"""What makes lines far below secret."""
_NEAR = 3
_OPTION = re.compile(r"""["']?(-{1,2}[A-Za-z][\w.-]{0,80})["']?,?\s*$""")
_DATA = ("data", "stringData")


def redacted(text: str) -> list[str]:
    """The lines of a text, secrets replaced; as many as the text has."""
    lines = text.split("\n")
    starts = [0, *(number for number, line in enumerate(lines) if number and _DOCUMENT.match(line)), len(lines)]
    found: list[str] = []
    for start, end in itertools.pairwise(starts):
        found += _document(lines[start:end])
    return found


class Lines:
    """The lines of one text, by number, for those who ask for few of them."""

    def __init__(self, text: str) -> None:
        self._plain = text.split("\n")
        self._reaching = bool(_REACHING.search(text))
        self._redacted: list[str] = []

    def __call__(self, number: int) -> str:
        """The line, counted from 1, secrets replaced; "" outside."""
        if not 0 < number <= len(self._plain):
            return ""
        if self._reaching:
            self._redacted = self._redacted or redacted("\n".join(self._plain))
            return self._redacted[number - 1]
        start = max(0, number - 1 - _NEAR)
        return _document(self._plain[start : number + _NEAR])[number - 1 - start]


def line(text: str) -> str:
    """One line, without what stands around it."""
    pieces = (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
    return "".join(redact(piece, len(piece), unquoted=True) for piece in pieces)


def _document(lines: Sequence[str]) -> list[str]:
    secret = bool(_SECRET.search("\n".join(lines)))
    found: list[str] = []
    block = data = -1  # the indentation below which lines belong to a block scalar, or to a Secret's data
    private = False
    for number, each in enumerate(lines):
        bare = each.strip()
        indent = len(each) - len(each.lstrip())
        if private or _PRIVATE.search(each):
            private = not _PRIVATE_END.search(each)
            found.append(_hidden(each))
            continue
        if bare and block >= 0 and indent <= block:
            block = -1
        if bare and data >= 0 and indent <= data:
            data = -1
        if block >= 0:
            found.append(_hidden(each))
            continue
        key = _KEY.match(each)
        name = key[3] if key else ""
        if key and secret and name in _DATA and not key[4].strip():
            data = indent
        if key and _announced(lines, number, len(key[1]), name, inside=0 <= data < indent):
            if _BLOCK.match(key[4]):
                block = len(key[1])
                found.append(each)
            else:
                found.append(each[: key.start(4)] + _hidden(key[4]))
        elif (item := _ITEM.match(each)) and not key and _follows_option(lines, number):
            found.append(each[: item.end(1)] + _hidden(item[2]))
        else:
            found.append(line(each))
    return found


def _announced(lines: Sequence[str], number: int, column: int, name: str, *, inside: bool) -> bool:
    """Whether the value of a key is a secret, by its own name or by that of the variable beside it."""
    if inside:
        return True
    if name != "value":
        return names.is_surely_secret(name.rpartition("/")[2])
    for near in (number - 1, number + 1, number - 2):
        beside = _KEY.match(lines[near]) if 0 <= near < len(lines) else None
        if beside and beside[3] in ("name", "key") and len(beside[1]) == column:
            return names.is_secret(beside[4].strip().strip("\"'"))
    return False


def _follows_option(lines: Sequence[str], number: int) -> bool:
    """Whether the item before a line is an option whose argument is a secret."""
    before = _ITEM.match(lines[number - 1]) if number else None
    option = _OPTION.fullmatch(before[2].strip()) if before else None
    return bool(option) and (names.is_secret(option[1]) or option[1] == "-p") if option else False


def _hidden(text: str) -> str:
    """A value without its content: what a template computes stays, but for the literals in it."""
    bare = text.strip()
    if not bare or bare.startswith("#") or bare in ("null", "~", '""', "''", "true", "false", "{}", "[]"):
        return text
    actions = _ACTION.findall(text)
    if actions:
        shown = _ACTION.sub("", text).strip(" \"'|>-")
        kept = text if not shown else " ".join(actions)
        return _ACTION.sub(lambda found: _LITERAL.sub(_masked, found[0]), kept) + (MARK if shown else "")
    return text[: len(text) - len(text.lstrip())] + MARK


def _masked(literal: re.Match[str]) -> str:
    """A literal of a template: the name of a template or of a secret stays."""
    inner = literal[0][1:-1]
    named = "." in inner or names.speaks_of_secret(inner) or not inner
    return literal[0] if named and not any(c.isdigit() for c in inner) else literal[0][0] + MARK + literal[0][0]
