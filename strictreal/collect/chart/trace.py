"""From a line of rendered text back to the line of the template that wrote it, exactly.

A second copy of the chart is rendered in which every template line announces itself: a marker stands before the first
character that the line contributes. A marker never touches white space that an action could trim, and bodies of named
templates, which functions may read, carry none. So the second render without its markers equals the first, and where it
does (`lines` compares), the markers tell which template line each rendered line came from.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\{\{|\n|[^\s{]|\{")
_IN_ACTION = re.compile(r"""["'`\n]|\}\}""")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_CHARACTER = re.compile(r"'(?:[^'\\\n]|\\.)*'")
_WORD = re.compile(r"[a-z]+")
_ASSIGNMENT = re.compile(r"\$\w{0,200}\s{0,20}(?:,\s{0,20}\$\w{0,200}\s{0,20})?:?=")
_MARK = re.compile("\x01([0-9]+)\x02")
_OPENING = frozenset(("if", "range", "with", "define", "block"))
_SILENT = _OPENING | {"else", "end", "break", "continue"}
_VALUES = re.compile(r"\bValues((?:\.[A-Za-z_]\w{0,100}){1,12})")


def mark(template: str) -> str | None:
    """The template with a marker at the start of every line that writes something.

    Returns:
        None where the template holds marker characters already, or has an action that does not end: Helm will say so.
    """
    if "\x01" in template or "\x02" in template:
        return None
    out: list[str] = []
    blocks: list[bool] = []  # for each open block, whether it is the body of a named template
    copied = position = 0
    line, marked = 1, 0
    while found := _TOKEN.search(template, position):
        start, token = found.start(), found[0]
        if token == "\n":
            line, position = line + 1, start + 1
        elif token != "{{":
            if marked != line and not any(blocks):
                out += [template[copied:start], f"\x01{line}\x02"]
                copied, marked = start, line
            position = min(_next(template, "\n", start), _next(template, "{{", start))
        else:
            end = _action_end(template, start)
            if end is None:
                return None
            trim = template.startswith("{{-", start) and template[start + 3 : start + 4].isspace()
            body = template[start + (3 if trim else 2) : end - 2].strip()
            word = _WORD.match(body)
            keyword = word[0] if word else ""
            if keyword in _OPENING:
                blocks.append(keyword in ("define", "block"))
            elif keyword == "end" and blocks:
                blocks.pop()
            elif _writes(body, keyword) and marked != line and not any(blocks):
                # The marker's action takes over the trimming to the left, so that the white space falls as before.
                out += [template[copied:start], "{{- " if trim else "{{", f'"\\u0001{line}\\u0002"', "}}{{"]
                copied, marked = start + (3 if trim else 2), line
            line += template.count("\n", start, end)
            position = end
    out.append(template[copied:])
    return "".join(out)


def _next(text: str, what: str, start: int) -> int:
    found = text.find(what, start)
    return len(text) if found < 0 else found


def _writes(body: str, keyword: str) -> bool:
    return bool(body) and keyword not in _SILENT and not body.startswith("/*") and not _ASSIGNMENT.match(body)


def _action_end(template: str, start: int) -> int | None:
    """The position after the `}}` of the action that starts here; strings and comments may hold `}}`."""
    inside = start + 2
    comment = re.compile(r"(?:-\s)?\s{0,100}/\*").match(template, inside)
    if comment:
        closed = template.find("*/", comment.end())
        end = template.find("}}", closed + 2) if closed >= 0 else -1
        return end + 2 if end >= 0 else None
    position = inside
    while found := _IN_ACTION.search(template, position):
        character = found[0]
        if character == "}}":
            return found.end()
        if character == "\n":
            position = found.end()
            continue
        if character == "`":
            closed = template.find("`", found.end())
            position = closed + 1
            if closed < 0:
                return None
            continue
        string = (_STRING if character == '"' else _CHARACTER).match(template, found.start())
        if string is None:
            return None
        position = string.end()
    return None


def strip(rendered: str) -> str:
    """The rendered text of a marked template without its markers."""
    return _MARK.sub("", rendered)


def lines(plain: str, marked: str) -> tuple[int, ...]:
    """For each line of `plain`, the template line that wrote it, 0 where nothing tells.

    Args:
        plain: what the template renders to.
        marked: what its marked copy renders to.

    Returns:
        Empty when the two do not agree line by line, so that no line can be told.
    """
    count = plain.count("\n") + 1
    if marked.count("\n") + 1 != count:
        return ()
    found, current = [], 0
    for line in marked.split("\n"):
        marks = _MARK.findall(line)
        found.append(int(marks[0]) if marks else current)
        if marks:
            current = int(marks[-1])
    return tuple(found)


def values_keys(template_line: str, prefix: str = "") -> tuple[str, ...]:
    """The values that a template line names, as the user of the chart writes them: `image.tag`, `redis.port`.

    Args:
        template_line: one line of a template.
        prefix: where the values of its subchart stand in the values of the whole, with a final dot; "" at the top.
    """
    keys = [found[1][1:] for found in _VALUES.finditer(template_line[:4096])]
    return tuple(dict.fromkeys(key if key.startswith("global.") else prefix + key for key in keys))
