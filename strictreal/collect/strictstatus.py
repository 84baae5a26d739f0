"""The exit status of an audit, thrown away: `|| true`, a pipe without pipefail, a recipe prefixed with `-`, `set +e`.

An audit whose status nobody gets may fail as it likes: strict mode is as good as off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from strictreal.collect.strictevasion import Evasion

MAX_LINE = 20_000
MAX_JOINED = 200
"""Lines that backslashes join to one command."""
AUDIT = re.compile(
    r"(?<!\w)(?<!\w-)strictreal\s{1,20}(?:-{1,2}[\w-]+(?:[= ]\S{1,60})?\s{1,20}){0,4}(?:audit|sprint|evidence|policy)(?![\w-])"
    r"|(?<![\w./-])make\s{1,20}(?:-\S{1,40}\s{1,20}){0,4}audit(?![\w-])"
)
"""Commands whose exit status is a verdict."""
_QUOTED = re.compile(r"\"(?:[^\"\\\n]|\\.){0,2000}\"|'[^'\n]{0,2000}'|\$\{\{.{0,400}?\}\}")
_OR = re.compile(
    r"\|\|\s{0,20}(?:/bin/|/usr/bin/)?(?:true\b|:(?:\s|;|$)|exit\s{1,9}0\b|return\s{1,9}0\b|echo\b|printf\b|logger\b)"
)
_THEN = re.compile(r";\s{0,20}(?:/bin/|/usr/bin/)?(?:true|:|exit\s{1,9}0)\s{0,20}(?:;|$|['\")])")
_PIPE = re.compile(r"(?<![|>])\|(?!\|)")
_LATER = re.compile(r"(?<![&>])&\s{0,9}$")
_FAILS = re.compile(
    r"\bexit\s{1,9}(?:[1-9]|\"?\$)|\breturn\s{1,9}(?:[1-9]|\"?\$)|\bfalse\b|\$\?|PIPESTATUS|\bkill\b|\bfail\b|::error"
)
_COMMENT = re.compile(r"\s*(?:#|//|<!--|@?(?i:rem)\s|::)")
_SAID = re.compile(r"\s*@?-?(?:echo|printf|print|puts|console\.log)\b(?![^|]*\$\()(?![^|]*`)")
_CAPTURED = re.compile(r"(?:\becho|\bexport|\blocal|\breadonly|\bdeclare|\bprintf)\b[^;&|]{0,200}\$\([^)]{0,200}$")
_RECIPE = re.compile(r"\t[@+]{0,2}-[@+]{0,2}\s{0,9}\S")
_DASHED = re.compile(r"\s*(?:commands\w*\s*=\s*)?-\s+\S")
_IF = re.compile(r"(?:^|[;&]\s{0,9})\s{0,80}(?:if|elif|while|until)\s{1,9}(?:!\s{0,9})?[^;]{0,200}$")
_ERREXIT = re.compile(r"^\s*set\s{1,9}-(?:\w*e\w*|o\s{1,9}errexit)|^#!.{0,60}\s-\w*e", re.MULTILINE)
_PIPEFAIL = re.compile(r"pipefail")
_NO_ERREXIT = re.compile(r"^\s*set\s{1,9}\+(?:\w*e\w*|o\s{1,9}errexit)")


def swallowed(
    lines: Sequence[str], first: int = 1, *, pipefail: bool = False, errexit: bool = False, kind: str = "shell"
) -> Iterator[Evasion]:
    """Every audit of a script whose exit status is lost.

    Args:
        lines: the script, or a Makefile, Dockerfile or ini file.
        first: the number of the first line.
        pipefail: whether the shell that reads the lines fails with any part of a pipe.
        errexit: whether it stops at the first command that fails.
        kind: `shell`, `make` (every line is a script of its own) or `ini` (tox).
    """
    whole = "\n".join(lines)
    if not AUDIT.search(whole):
        return
    code = "\n".join(line for line in lines if not _COMMENT.match(line) or line.startswith("#!"))
    pipefail = pipefail or bool(_PIPEFAIL.search(code))
    errexit = errexit or bool(_ERREXIT.search(code))
    joined = list(_joined(lines))
    for position, (offset, line) in enumerate(joined):
        if _COMMENT.match(line) or _SAID.match(line) or not (found := AUDIT.search(line)):
            continue
        after = [text for _, text in joined[position + 1 :]]
        how = _lost(line, found.start(), found.end(), after, pipefail=pipefail, kind=kind)
        if not how and kind == "shell":
            how = _by_script([text for _, text in joined[:position]], after, errexit=errexit)
        if not how and kind == "make" and re.search(r"^\.IGNORE\s{0,9}:", whole, re.MULTILINE):
            how = ".IGNORE"
        if how:
            yield Evasion(first + offset, "swallow", how)


def _joined(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Lines with their continuations, each with the offset of its first."""
    start, parts = 0, list[str]()
    for offset, line in enumerate(lines):
        text = line[:MAX_LINE]
        if not parts:
            start = offset
        if text.endswith("\\") and len(parts) < MAX_JOINED and not _COMMENT.match(text):
            parts.append(text[:-1])
            continue
        yield start, " ".join([*parts, text]) if parts else text
        parts = []
    if parts:
        yield start, " ".join(parts)


def _lost(line: str, start: int, end: int, after: list[str], *, pipefail: bool, kind: str) -> str:
    """How the line itself throws the status away; "" when it does not."""
    head = _QUOTED.sub(lambda found: " " * len(found[0]), line[:start])
    tail = _QUOTED.sub(" ", line[end:])
    if (kind == "make" and _RECIPE.match(line)) or (kind == "ini" and _DASHED.match(line)):
        return "a leading -"
    if re.search(r"(?:^|[;&|]|\bthen|\bdo)\s{0,20}!\s{1,9}(?:[\w./=-]{1,60}\s{1,9}){0,4}$", head):
        return "!"
    if _CAPTURED.search(head):
        return "a command substitution"
    if _IF.search(head):
        block = tail + "\n" + "\n".join(_until_fi(after))
        return "" if _FAILS.search(block) else "a condition"
    if either := _OR.search(tail):
        return "" if _FAILS.search(tail[either.start() :]) else either[0].strip()
    if then := _THEN.search(tail):
        return then[0].strip(" '\")")
    command = re.split(r"\|\||&&|;", tail, maxsplit=1)[0]
    if _PIPE.search(command) and not pipefail and not any("PIPESTATUS" in text for text in [tail, *after]):
        return "a pipe without pipefail"
    if _LATER.search(tail) and not any(re.match(r"\s*wait\b", text) for text in after):
        return "&"
    return ""


def _until_fi(after: list[str]) -> Iterator[str]:
    for text in after:
        yield text
        if re.match(r"\s*(?:fi|done)\b", text):
            return


def _by_script(before: list[str], after: list[str], *, errexit: bool) -> str:
    """How the lines around throw the status away."""
    if any(_FAILS.search(text) for text in after[:20]):
        return ""
    off = next((text for text in reversed(before) if re.match(r"\s*set\s{1,9}[-+]\w*e|\s*set\s{1,9}[-+]o", text)), "")
    if _NO_ERREXIT.match(off):
        return "set +e"
    last = next((text.strip() for text in reversed(after) if text.strip() and not _COMMENT.match(text)), "")
    return last if not errexit and last in {"exit 0", "true", ":"} else ""
