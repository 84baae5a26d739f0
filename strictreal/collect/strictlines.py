"""Strict mode turned off in lines of text: shell, Makefile, Dockerfile, .env, ini, TOML, templates, other languages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from strictreal.collect.strictevasion import Evasion
from strictreal.config import STRICT_VARIABLE
from strictreal.facts.code import StrictAction

FALSE = frozenset({"", "0", "00", "false", "no", "off", "n", "f", "none", "null", "nil", "disabled", "disable"})
"""Values that mean "not strict", in lower case; the first five are what strictreal itself reads as false."""
MAX_LINE = 20_000
_V = re.escape(STRICT_VARIABLE)
_WORD = rf"(?<![\w$])(?<!\$\{{){_V}(?!\w)"
_VALUE = r"""(?P<quote>\\?["'])?(?P<value>(?(quote)[^"'\\\n]{0,40}|[^\s"'`;&|,)<>{}\]#\\]{0,40}))(?(quote)(?P=quote))"""
_SET = re.compile(rf"""{_WORD}["']?\s{{0,20}}\]?\s{{0,20}}(?::{{1,3}}|\?|\+)?=(?![=~>])\s{{0,20}}{_VALUE}""")
_EMPTY = re.compile(rf"{_WORD}=(?=[ \t]{{1,20}}[\w./\"'$-])")
_DEFAULTED = re.compile(rf"""\$\{{{_V}:?(?P<sign>[-=])(?P<quote>["'])?(?P<value>[^}}"'\n]{{0,40}})""")
_OTHERS = re.compile(
    rf"""{_WORD}["']?\s{{0,20}}[:?]?[=:]\s{{0,20}}\\?["']?\$\{{(?!{_V}\b)\w{{1,80}}:?[-=]["']?(?P<value>[^}}"'\n]{{0,40}})"""
)
"""The default of another variable, handed on as that of strict mode."""
_KEYED = re.compile(rf"""(?:^|[\s{{,(\[-])["']?{_V}["']?\s{{0,20}}(?::|=>)(?![=:])\s{{0,20}}{_VALUE}""")
_ANY_DEFAULT = re.compile(r"""\$\{\w{1,80}:?[-=](?P<value>[^}\n]{0,40})\}""")
_LAST_CHOICE = re.compile(r".*\|\|\s{0,9}(?=['\"\w])")
"""All but the last alternative of an expression: `inputs.strict && '1' || '0'`."""
_COMPUTED = re.compile(
    rf"""{_WORD}["']?\s{{0,20}}[:?]?[=:]\s{{0,20}}\\?["']?(?P<value>\$(?:\{{\{{[^}}|\n]{{0,200}}\}}\}}|\(\w{{1,80}}\)|\{{\w{{1,80}}\}}|\w{{1,80}}))"""
)
_SPACED = re.compile(
    rf"""(?:\bENV|\bsetenv|\bset\s{{1,9}}-\w*x\w*|\bset\s{{1,9}}--export)\s{{1,20}}{_WORD}\s{{1,20}}{_VALUE}"""
)
_CALLED = re.compile(
    rf"""(?i:set_?env|set_?var|put_?env|set_?property|put|insert)\w{{0,20}}\(\s{{0,20}}["']{_V}["']\s{{0,20}},\s{{0,20}}{_VALUE}"""
)
_DELETED = re.compile(
    rf"""\bunset\b[^;&|\n]{{0,200}}{_WORD}|(?:\s-u\s{{0,9}}|--unset[=\s]\s{{0,9}}){_WORD}|\b(?:unexport|undefine)\s{{1,20}}{_WORD}
      |\bset\s{{1,9}}(?:-\w*e\w*|--erase)\s[^;&|\n]{{0,60}}{_WORD}|\bdelete\s{{1,9}}[^;\n]{{0,60}}{_V}(?!\w)
      |(?i:remove-item)\s{{1,9}}\S{{0,10}}(?i:env):\\?{_V}(?!\w)
      |(?i:unset_?env|remove_?var|del_?env|delete)\w{{0,10}}\(\s{{0,20}}["']{_V}["']""",
    re.VERBOSE,
)
_COMMENT = re.compile(r"\s*(?:#|//|;|--|\*|<!--|\{\{-?\s*/\*|@?(?i:rem)\s|::)")
_SAID = re.compile(r"""\s*@?-?(?:echo|printf|print|puts|Write-Host|console\.log|log)\b(?![^|]*>)(?![^|]*\|\s*tee)""")
_NAMED = re.compile(rf"""^\s*-?\s*\{{?\s*["']?name["']?\s*:\s*["']?{_V}["']?\s*(?:,|\}}|#|$)""")
_NAMED_VALUE = re.compile(rf"""["']?\bvalue["']?\s*:\s*{_VALUE}""")


def evasions(lines: Iterable[str], first: int = 1, *, as_shell: bool = False) -> Iterator[Evasion]:
    """Every line that turns strict mode off. Comments and lines that only print are passed over.

    Args:
        lines: the text.
        first: the number of the first line.
        as_shell: whether a shell reads the lines, to which `KEY= command` is an empty value. Lines that start with a
            tab are read by a shell in any case, as in a Makefile.
    """
    lines = list(lines)
    for offset, whole in enumerate(lines):
        if STRICT_VARIABLE in whole:
            line = whole[:MAX_LINE]
            if not _COMMENT.match(line) and not _SAID.match(line):
                found = _in_line(line, as_shell=as_shell or line.startswith("\t")) or (
                    _beside(lines, offset) if _NAMED.search(line) else None
                )
                if found:
                    yield Evasion(first + offset, *found)


def computed(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Line and value of every place that sets the variable to what is worked out elsewhere, so that nobody can know it.

    A value that is handed through under the same name, or that names a default, is known.
    """
    for number, whole in enumerate(lines, 1):
        line = whole[:MAX_LINE]
        if STRICT_VARIABLE not in line or _COMMENT.match(line) or _SAID.match(line):
            continue
        found = _COMPUTED.search(line)
        if found and not _is_inside_comment(line, found.start()) and STRICT_VARIABLE not in found["value"]:
            yield number, found["value"]


def is_false(value: str) -> bool:
    """Whether a value, as text, means that strict mode is off. `${{ false }}` and `${SOMABRAIN_STRICT_REAL:-0}` do."""
    text = value.strip()
    if expression := re.fullmatch(r"\$?\{\{\s*(.{0,80}?)\s*\}\}", text):
        text = expression[1]
        if not text:
            return False
        text = _LAST_CHOICE.sub("", text) if "||" in text else text
    if default := _DEFAULTED.fullmatch(text.removesuffix("}")) or _ANY_DEFAULT.fullmatch(text):
        return default["value"].strip().lower() in FALSE
    return text.strip("\"'").strip().lower() in FALSE


def _in_line(line: str, *, as_shell: bool) -> tuple[StrictAction, str] | None:
    if _DELETED.search(line) and not _commented(line, _DELETED):
        return "delete", ""
    if as_shell and (empty := _EMPTY.search(line)) and not _is_inside_comment(line, empty.start()):
        return "set", ""
    for pattern in (_SET, _SPACED, _CALLED, _KEYED):
        for found in pattern.finditer(line):
            if _is_inside_comment(line, found.start()):
                continue
            rest = line[found.end() :]
            if found["value"].startswith("$") or (
                not found["quote"] and not found["value"] and rest[:1] in {"$", "{", "`"}
            ):
                continue  # a value that is worked out elsewhere
            if _ends(rest) and is_false(found["value"]) and not _is_unset_key(pattern, found):
                return "set", found["value"]
    other = _OTHERS.search(line)
    if other and other["value"].strip().lower() in FALSE and not _is_inside_comment(line, other.start()):
        return "default", other["value"]
    for default in _DEFAULTED.finditer(line):
        assigns = default["sign"] == "=" or re.search(
            rf"{_V}[\"']?\s{{0,9}}[:?]?[=:]\s{{0,9}}\\?[\"']?$", line[: default.start()]
        )
        if assigns and default["value"].strip().lower() in FALSE and not _is_inside_comment(line, default.start()):
            return "default", default["value"]
    return None


def _is_unset_key(pattern: re.Pattern[str], found: re.Match[str]) -> bool:
    """`KEY:` with nothing after it in a template: the value stands elsewhere, or is handed through."""
    return pattern is _KEYED and not found["quote"] and not found["value"]


def _ends(rest: str) -> bool:
    """Whether a value is over: `0` in `=0 pytest`, not in `=0.5`."""
    return not rest or rest[0] in " \t\r\n;&|)\"'`,}]<>#\\"


def _is_inside_comment(line: str, position: int) -> bool:
    return bool(re.search(r"(?:^|\s)(?:#|//)\s", line[:position]))


def _commented(line: str, pattern: re.Pattern[str]) -> bool:
    found = pattern.search(line)
    return found is not None and _is_inside_comment(line, found.start())


def _beside(lines: list[str], offset: int) -> tuple[StrictAction, str] | None:
    """The `value:` that goes with `- name: VARIABLE` in a template: on the next lines, or the one before."""
    for index in (offset, offset + 1, offset + 2, offset + 3, offset - 1):
        if 0 <= index < len(lines):
            line = lines[index][:MAX_LINE]
            if index > offset and re.match(r"\s*-\s", line):
                return None
            if found := _NAMED_VALUE.search(line):
                written = found["quote"] or found["value"]
                return (
                    ("set", found["value"])
                    if written and _ends(line[found.end() :]) and is_false(found["value"])
                    else None
                )
    return None
