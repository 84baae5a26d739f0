"""From a line of rendered text back to the line of the template that wrote it, exactly.

A second copy of the chart is rendered in which every template line announces itself: a marker stands before the first
character that the line contributes. A marker never touches white space that an action could trim, and bodies of named
templates, which functions may read, carry none. So the second render without its markers equals the first, and where it
does (`lines` compares), the markers tell which template line each rendered line came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_IN_ACTION = re.compile(r"""["'`]|\}\}""")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_CHARACTER = re.compile(r"'(?:[^'\\\n]|\\.)*'")
_COMMENT = re.compile(r"(?:-\s)?\s{0,100}/\*")
_NAME = re.compile(r"(?:define|block)\s{1,20}[\"`]([^\"`\n]{1,300})")
_WORD = re.compile(r"[a-z]+")
_ASSIGNMENT = re.compile(r"\$\w{0,200}\s{0,20}(?:,\s{0,20}\$\w{0,200}\s{0,20})?:?=")
_MARK = re.compile("\x01([0-9]+)\x02")
_OPENING = frozenset(("if", "range", "with", "define", "block"))
_SILENT = _OPENING | {"else", "end", "break", "continue"}
_VALUES = re.compile(r"\bValues((?:\.[A-Za-z_]\w{0,100}){1,12})")


@dataclass(frozen=True)
class Action:
    """One `{{ … }}` of a template.

    Attributes:
        start, end: its place in the text; `body` is what stands inside, without trim marks and white space.
        line: the line of its start, from 1.
        trims: whether it takes the white space before it away.
        define: the named template whose body it stands in; "" in the template's own text.
    """

    start: int
    end: int
    line: int
    trims: bool
    body: str
    define: str = ""

    @property
    def keyword(self) -> str:
        word = _WORD.match(self.body)
        return word[0] if word else ""

    @property
    def writes(self) -> bool:
        """Whether it puts something into the output itself."""
        comment = self.body.startswith("/*")
        return bool(self.body) and self.keyword not in _SILENT and not comment and not _ASSIGNMENT.match(self.body)


def actions(template: str) -> Iterator[Action]:
    """The actions of a template in their order, up to the first that does not end."""
    blocks: list[str] = []  # for each open block, the name of the template it defines or ""
    line, counted = 1, 0
    start = template.find("{{")
    while start >= 0 and (end := _action_end(template, start)) is not None:
        line, counted = line + template.count("\n", counted, start), start
        trims = template.startswith("{{-", start) and template[start + 3 : start + 4].isspace()
        body = template[start + (3 if trims else 2) : end - 2].strip()
        if body.endswith("-") and body[-2:-1].isspace():
            body = body[:-1].rstrip()
        action = Action(start, end, line, trims, body, next((name for name in blocks if name), ""))
        if action.keyword in ("define", "block"):
            named = _NAME.match(body)
            blocks.append(named[1] if named else "?")
        elif action.keyword in _OPENING:
            blocks.append("")
        elif action.keyword == "end" and blocks:
            blocks.pop()
        yield action
        start = template.find("{{", end)


def mark(template: str) -> str | None:
    """The template with a marker at the start of every line that writes something.

    Returns:
        None where the template holds marker characters already, or has an action that does not end: Helm will say so.
    """
    if "\x01" in template or "\x02" in template:
        return None
    out: list[str] = []
    copied = position = 0
    line, marked = 1, 0

    def text_until(end: int) -> None:
        nonlocal copied, position, line, marked
        out.append(template[copied:position])
        pieces = template[position:end].split("\n")
        for number, piece in enumerate(pieces):
            line += number > 0
            begin = len(piece) - len(piece.lstrip())
            if begin < len(piece) and marked != line:
                pieces[number], marked = f"{piece[:begin]}\x01{line}\x02{piece[begin:]}", line
        out.append("\n".join(pieces))
        copied = position = end

    for action in actions(template):
        if action.define:
            line += template.count("\n", position, action.end)
            position = action.end
            continue
        text_until(action.start)
        if action.writes and marked != line:
            # The marker's action takes over the trimming to the left, so that the white space falls as before.
            opening = "{{- " if action.trims else "{{"
            out += [template[copied : action.start], opening, f'"\\u0001{line}\\u0002"', "}}{{"]
            copied, marked = action.start + (3 if action.trims else 2), line
        line += template.count("\n", action.start, action.end)
        position = action.end
    if "{{" in template[position:]:
        return None
    text_until(len(template))
    out.append(template[copied:])
    return "".join(out)


def _action_end(template: str, start: int) -> int | None:
    """The position after the `}}` of the action that starts here; strings and comments may hold `}}`."""
    inside = start + 2
    if comment := _COMMENT.match(template, inside):
        closed = template.find("*/", comment.end())
        end = template.find("}}", closed + 2) if closed >= 0 else -1
        return end + 2 if end >= 0 else None
    position = inside
    while found := _IN_ACTION.search(template, position):
        character = found[0]
        if character == "}}":
            return found.end()
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
