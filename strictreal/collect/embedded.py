"""Scripts between the tags of Vue, Svelte and HTML files, in their places: all the rest of the file becomes blanks.

So a parser of JavaScript or TypeScript reads them, and lines and columns are those of the file. What templates and
attributes hold are expressions over what the scripts define; they are not read. In HTML, the `{{ … }}` and `{% … %}`
of a server's template stand for a value and for nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from strictreal.collect.languages import EMBEDDING, has_suffix

_OPENS = re.compile(rb"<!--|<script(?=[\s>/])", re.IGNORECASE)
_TAG = re.compile(rb"(?:[^>\"']|\"[^\"]{0,2000}\"|'[^']{0,2000}'){0,2000}>")
_CLOSES = re.compile(rb"</script", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"\b(type|lang)\s{0,9}=\s{0,9}[\"']?([\w/+.-]{1,60})", re.IGNORECASE)
_SCRIPTS = {b"module", b"text/javascript", b"application/javascript", b"text/ecmascript", b"text/babel", b"text/jsx"}
_SCRIPTS |= {b"text/typescript", b"application/typescript"}
_TYPED = {b"ts", b"tsx", b"typescript", b"text/typescript", b"application/typescript"}
_VALUE = re.compile(rb"\{\{[^{}\n]{0,500}\}\}")
_DIRECTIVE = re.compile(rb"\{%[^\n]{0,500}?%\}")
_VISIBLE = re.compile(rb"[^\r\n]")


class Scripts(NamedTuple):
    """What a file holds between its tags."""

    language: str
    source: bytes


def embeds(path: str) -> bool:
    """Whether a file of this name holds its scripts between tags."""
    return has_suffix(path, *EMBEDDING)


def scripts(path: str, data: bytes) -> Scripts | None:
    """The scripts of a file, with everything else blank; None when it has none."""
    parts: list[bytes] = []
    typed = found = False
    done = 0
    while opens := _OPENS.search(data, done):
        start, end = opens.end(), len(data)
        if opens[0] == b"<!--":
            closed = data.find(b"-->", start)
            end = len(data) if closed < 0 else closed + 3
            parts.append(_blank(data[done:end]))
            done = end
            continue
        tag = _TAG.match(data, start, start + 20_000)
        opened = tag.end() if tag else data.find(b">", start) + 1
        if not opened:
            break
        if closing := _CLOSES.search(data, opened):
            end = closing.start()
        said = {key.lower(): value.lower() for key, value in _ATTRIBUTE.findall(data[start:opened])}
        body = data[opened:end]
        counts = said.get(b"type", b"module") in _SCRIPTS and bool(body.strip())
        parts += [_blank(data[done:opened]), body if counts else _blank(body)]
        found |= counts
        typed |= counts and not _TYPED.isdisjoint(said.values())
        done = end
    parts.append(_blank(data[done:]))
    if not found:
        return None
    source = b"".join(parts)
    if EMBEDDING.get("." + path.rpartition(".")[2].lower()) == "HTML":
        source = _VALUE.sub(lambda value: b"0".ljust(len(value[0])), source)
        source = _DIRECTIVE.sub(lambda directive: b" " * len(directive[0]), source)
    return Scripts("typescript" if typed else "javascript", source)


def _blank(text: bytes) -> bytes:
    return _VISIBLE.sub(b" ", text)
