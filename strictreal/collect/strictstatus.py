"""The exit status of an audit, thrown away, in every kind of file that runs commands.

Shell is read as shell (`collect/shell`). Makefiles, Dockerfiles, task runners and workflows are taken apart into the scripts
that a shell gets; of other languages, the strings that hold a command are read. An audit whose status nobody gets may
fail as it likes: strict mode is as good as off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from strictreal.collect.shell import status
from strictreal.collect.shell.audits import mentions_audit, tells
from strictreal.collect.shell.work import Work
from strictreal.collect.strictevasion import Evasion, Unread
from strictreal.config import STRICT_VARIABLE

Found = Evasion | Unread
MAX_LINE = 20_000
MAX_JOINED = 200
"""Lines that backslashes join to one command."""
_MAKE_VARIABLE = re.compile(r"^(?:override\s+|export\s+)?([\w.-]{1,80})\s{0,20}(?::{0,3}|\?|\+)=\s{0,20}(.{0,2000})$")
_MAKE_REFERENCE = re.compile(r"\$[({]([\w.-]{1,80})[)}]")
_RECIPE = re.compile(r"[@+\s-]{0,8}")
_INLINE = re.compile(r"^[^\s#=][^#=\n]{0,400}:[^=;\n]{0,400};(.*)$")
_DOCKER = re.compile(
    r"(?i)\s*(?:ONBUILD\s+)?(?:HEALTHCHECK\s(?:.{0,200}\s)?)?(RUN|CMD|ENTRYPOINT|SHELL)\s+((?:--\S+\s+)*)(.*)",
    re.DOTALL,
)
_QUOTED = re.compile(r"\"((?:[^\"\\\n]|\\.){0,4000})\"|'([^'\n]{0,4000})'|`([^`\n]{0,4000})`")
_KEY = re.compile(r"""^\s{0,200}(?:-\s{1,20})?(?:[\w.-]{1,80}\s{0,9}[:=]\s{1,20})?""")
_IGNORED = re.compile(
    r"^\s*[\"']?(ignore_errors?|ignore_outcome|ignore_fail(?:ures?)?|allow_fail(?:ure)?|continue_on_error)[\"']?\s*[:=]\s*[\"']?(true|1|yes|on|return_zero)\b",
    re.IGNORECASE,
)
_SECTION = re.compile(r"^\s*\[")
_READ_ELSEWHERE = re.compile(r"(?i)LASTEXITCODE|errorlevel|\$\?")
_NOTHING = re.compile(r"(?i)\s*(?:exit(?:\s+/b)?\s+0|true|ver\s*>\s*nul|rem\b.*|#.*|)\s*")
_PASSED = re.compile(
    r"(?i)(?:\|\||&|;)\s{0,9}(?:exit(?:\s{1,9}/b)?\s{1,9}0|ver\s{0,9}>\s{0,9}nul|cmd\s{1,9}/c\s{1,9}exit\s{1,9}0|echo\b|call\s{0,9}$"
    r"|\(exit\s+0\)|rem\b|\$true|\$null|Write-\w+|\$global:LASTEXITCODE\s{0,9}=\s{0,9}0)"
)
_PREFIXES = re.compile(r"^\s*[@-]+\s*")


def swallowed(
    lines: Sequence[str], first: int = 1, *, pipefail: bool = False, errexit: bool = False, kind: str = "shell"
) -> Iterator[Found]:
    """Every audit whose exit status is lost, and every command of a script that turns strict mode off.

    Args:
        lines: the script, or a Makefile, Dockerfile or other file with commands.
        first: the number of the first line.
        pipefail: whether the shell that reads the lines fails with any part of a pipe.
        errexit: whether it stops at the first command that fails.
        kind: `shell`; `make` and `just` (every line is a script of its own); `docker`; `ini` (tox) and `text` (the
            strings of TOML, JSON and other languages); `powershell`.

    Raises:
        ValueError: a script is too large or nested too deeply, or the scripts of the file take too many steps.
    """
    whole = "\n".join(line[:MAX_LINE] for line in lines)
    if not tells(whole.replace("'", "").replace('"', "").replace("\\", "")):
        return
    work = Work()
    match kind:
        case "shell":
            yield from status.read(whole, first, pipefail=pipefail, errexit=errexit, work=work)
        case "make" | "just":
            yield from _of_recipes(lines, first, work, just=kind == "just")
        case "docker":
            yield from _instructions(lines, first, work)
        case "powershell":
            yield from _powershell(lines, first)
        case _:
            yield from _strings(lines, first, work, ini=kind == "ini")


def joined(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Lines with their continuations, each with the offset of its first."""
    start, parts = 0, list[str]()
    for offset, line in enumerate(lines):
        text = line[:MAX_LINE]
        if not parts:
            start = offset
        if text.endswith("\\") and len(parts) < MAX_JOINED:
            parts.append(text)
            continue
        yield start, "\n".join([*parts, text]) if parts else text
        parts = []
    if parts:
        yield start, "\n".join(parts)


class Recipe(NamedTuple):
    """One line of a recipe as the shell gets it, or a recipe as a whole under `.ONESHELL`.

    Attributes:
        offset: how many lines stand before it.
        lost: how make throws its status away; "" when it does not.
    """

    offset: int
    script: str
    pipefail: bool
    errexit: bool
    lost: str


def recipes(lines: Sequence[str], *, just: bool = False) -> Iterator[Recipe]:
    """The lines of recipes, each of which gets a shell of its own unless `.ONESHELL` says otherwise."""
    variables: dict[str, str] = {}
    found: list[tuple[int, str]] = []
    whole = "\n".join(lines)
    for offset, line in joined(lines):
        if line[:1] == "\t" or (just and line[:1] == " "):
            found.append((offset, line))
        elif inline := _INLINE.match(line):
            found.append((offset, "\t" + inline[1]))
        elif variable := _MAKE_VARIABLE.match(line):
            variables[variable[1]] = variable[2]
    flags = variables.get(".SHELLFLAGS", "")
    errexit, pipefail = bool(re.search(r"-[a-z]*e", flags)), "pipefail" in flags
    ignored = ".IGNORE" if re.search(r"^\.IGNORE\s{0,9}:", whole, re.MULTILINE) else ""
    if re.search(r"(?:^|\s)(?:-[a-z]*i[a-z]*|--ignore-errors)\b", variables.get("MAKEFLAGS", "")):
        ignored = "MAKEFLAGS"
    if re.search(r"^\.ONESHELL\s{0,9}:", whole, re.MULTILINE):
        found = list(_together(found))
    for offset, recipe in found:
        prefix = _RECIPE.match(recipe)
        body = recipe[prefix.end() :] if prefix else recipe
        dashed = "a leading -" if prefix and "-" in prefix[0] else ""
        for _ in range(3):
            body = _MAKE_REFERENCE.sub(lambda found: variables.get(found[1], f"${{{found[1]}}}"), body)
        if body.startswith("-") and not dashed:
            body, dashed = body[1:], "a leading -"
        yield Recipe(offset, _called(body).replace("$$", "$"), pipefail, errexit, dashed or ignored)


def _of_recipes(lines: Sequence[str], first: int, work: Work, *, just: bool) -> Iterator[Found]:
    for recipe in recipes(lines, just=just):
        if tells(recipe.script.replace('"', "").replace("'", "")):
            yield from status.read(
                recipe.script,
                first + recipe.offset,
                pipefail=recipe.pipefail,
                errexit=recipe.errexit,
                lost=recipe.lost,
                work=work,
            )


def _called(text: str) -> str:
    """A recipe without calls of make's own functions: what `foreach` repeats in its place, of others a word."""
    for _ in range(10):
        at = text.rfind("$(")
        while at >= 0 and text[at - 1 : at] == "$":  # `$$(` is the shell's
            at = text.rfind("$(", 0, at)
        if at < 0:
            return text
        depth, end = 0, at + 1
        while end < len(text):
            depth += (text[end] == "(") - (text[end] == ")")
            end += 1
            if depth == 0:
                break
        inner = text[at + 2 : end - 1]
        meaning = inner.split(",", 2)[-1] if inner.startswith("foreach ") else "MAKE_CALL"
        text = text[:at] + meaning + text[end:]
    return text


def _together(recipes: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines of each recipe as one script."""
    start, last, parts = 0, -1, list[str]()
    for offset, line in recipes:
        if parts and offset != last + 1:
            yield start, "\n".join(parts)
            parts = []
        if not parts:
            start = offset
        parts.append(line[1:])
        last = offset + line.count("\n")
    if parts:
        yield start, "\n".join(parts)


def _instructions(lines: Sequence[str], first: int, work: Work) -> Iterator[Found]:
    pipefail = errexit = False
    for offset, line in joined(lines):
        found = _DOCKER.match(line)
        if not found:
            continue
        body = found[3]
        if found[1].upper() == "SHELL":
            pipefail, errexit = "pipefail" in body, bool(re.search(r"\"-[a-z]*e", body))
            continue
        if body.lstrip().startswith("["):
            try:
                words = [str(word) for word in json.loads(body)]
            except (ValueError, RecursionError):
                words = []
            if words:
                body = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
        yield from status.read(body, first + offset, pipefail=pipefail, errexit=errexit, work=work)


def _strings(lines: Sequence[str], first: int, work: Work, *, ini: bool) -> Iterator[Found]:
    """Commands in strings, and on lines of their own behind a key, a dash or nothing."""
    ignored: dict[int, str] = {}
    section = 0
    for offset, line in enumerate(lines):
        if _SECTION.match(line[:MAX_LINE]):
            section = offset
        if found := _IGNORED.match(line[:MAX_LINE]):
            ignored[section] = found[1]
    section = 0
    for offset, line in enumerate(line[:MAX_LINE] for line in lines):
        if _SECTION.match(line):
            section = offset
        if re.match(r"\s*(?:#|//|;|\*|<!--|@?(?i:rem)\s)", line) or not tells(line.replace('"', "").replace("'", "")):
            continue
        lost = ignored.get(section, "")
        commands = [(next(filter(None, found.groups()), "")) for found in _QUOTED.finditer(line)]
        commands = [command.replace('\\"', '"') for command in commands if _is_command(command)]
        if not commands and (ini or not re.search(r"[(){}]", line)):
            rest = line[match.end() :] if (match := _KEY.match(line)) else line
            commands = [rest.strip().rstrip(",")]
        for command in commands:
            dash = (
                "a leading -"
                if re.match(r"\s*-\s+\S", command) or (ini and re.match(r"\s*(?:commands\w*\s*=\s*)?-\s+\S", line))
                else ""
            )
            for seen in status.read(_PREFIXES.sub("", command), first + offset, lost=dash or lost, work=work):
                # That a line of another language is no shell says nothing; nor do the backticks of a sentence.
                if isinstance(seen, Evasion) and not ("`" in command and seen.value == "a command substitution"):
                    yield seen


def _is_command(text: str) -> bool:
    """Whether a string is a command of its own, and not a word of one."""
    return mentions_audit(text) or (STRICT_VARIABLE in text and " " in text)


def _powershell(lines: Sequence[str], first: int) -> Iterator[Found]:
    """PowerShell and cmd, which go on after a program fails: the last command counts, or what reads its status."""
    commands = [(offset, text) for offset, text in joined(lines) if not re.match(r"\s*(?:#|::|@?(?i:rem)\s)", text)]
    found: list[Evasion] = []
    read = False  # of what comes after: whether it reads a status, its first command that does something, and its last
    shown = last = ""
    for offset, text in reversed(commands):
        read = read or bool(_READ_ELSEWHERE.search(text))
        if mentions_audit(text) and not re.match(r"(?i)\s*@?(?:echo|Write-\w+)\b", text):
            if passed := _PASSED.search(text):
                found.append(Evasion(first + offset, "swallow", passed[0].strip()))
            elif last and not read:
                found.append(Evasion(first + offset, "swallow", f"; {shown or last}"[:40]))
        if text.strip() not in {"", "}", ")"}:
            last = last or text.strip()
            shown = shown if _NOTHING.fullmatch(text) else text.strip()
    yield from reversed(found)
