"""The commands that images, Procfiles, units of systemd, supervisors and tables of cron start."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from strictreal.collect.strictstatus import joined

KEYS = ("entrypoint", "command", "args", "cmd", "startCommand", "start_command", "exec", "run", "dockerCommand")
"""What manifests, compose files and platforms call a command, in the order in which its words are put together."""
MAX_COMMANDS = 2_000
"""Of one file."""
_INSTRUCTION = re.compile(r"\s*(?:ONBUILD\s+)?([A-Za-z]+)\s+(.*)", re.DOTALL)
_OPTIONS = re.compile(r"(?:--[\w-]+(?:=\S*)?\s+)*")
_PAIR = re.compile(r"""\b([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|'[^']*'|\S*)""")
_OF_TESTS = frozenset({"test", "tests", "testing", "e2e", "pytest", "unittest"})
_STAGE = re.compile(r"(?i)\sAS\s+(\S+)")
_PROCESS = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")
_SETTING = re.compile(r"\s*([\w.-]+)\s*=\s*(.*)")
_SCHEDULE = re.compile(r"\s*(?:@\w+|(?:[\d*/,\-A-Za-z?LW#]+\s+){5})\s*(.+)")
_QUOTED = re.compile(r"""(?<!\\)\"((?:[^\"\\\n]|\\.){1,4000})\"|'([^'\n]{1,4000})'""")
DOCKERFILE = re.compile(r"(?i)(?:^|/)(?:[^/]*[.-])?(?:Dockerfile|Containerfile)(?:[.-][^/]*)?$")
_PROCFILE = re.compile(r"(?i)(?:^|/)Procfile(?:\.[^/]*)?$")
_UNIT = re.compile(r"(?:^|/)[^/]+\.service(?:\.(?:in|j2|tpl|tmpl)|\.d/[^/]+\.conf)?$")
_UWSGI = re.compile(r"(?i)(?:^|/)[^/]*uwsgi[^/]*\.ini$")
_MODULES = frozenset({"module", "wsgi", "wsgi-file", "file", "mule", "attach-daemon", "smart-attach-daemon"})
"""Settings of uWSGI that name what it runs."""
_HERE = re.compile(r"(?i)\s*(?:COPY|ADD|RUN)\s.{0,400}?(?<!<)<<-?\s*[\"']?([A-Za-z_]\w{0,40})[\"']?")
_WRITTEN = re.compile(
    r"""(?:echo|printf)\s+(?:-\w{1,20}\s+){0,5}(?:"((?:[^"\\]|\\.){0,4000})"|'([^']{0,4000})')\s*(?:>|\|\s*tee)"""
)
"""A text that a step of a build writes into a file, which may be a script."""
_SUPERVISOR = re.compile(
    r"(?i)(?:^|/)[^/]*(?:supervis|circus|honcho)[^/]*\.(?:conf|ini)$|(?:^|/)supervisor[^/]*/[^/]+\.(?:conf|ini)$"
)
_CRON = re.compile(r"(?i)(?:^|/)(?:crontab[^/]*|[^/]*\.cron(?:tab)?)$|(?:^|/)cron\.d/[^/]+$")
_PLATFORM = re.compile(r"(?i)(?:^|/)(?:fly|nixpacks|railway|netlify|wrangler)\.(?:toml|json)$|\.(?:tf|hcl|nomad)$")


_KEYED = re.compile(rf"(\s*)(?:-\s+)?[\"']?({'|'.join(KEYS)})[\"']?\s*[:=]\s*(.*)")
_ITEM = re.compile(r"""[^\s,\[\]"']+|"[^"]*"|'[^']*'""")


@dataclass(frozen=True)
class Started:
    """One command that a deployment starts.

    Attributes:
        line: where it is written, from 1.
        words: the command as a list of words; empty where it is one text.
        text: the command as a shell reads it; "" where it is a list.
        folders: folders of the machine or the subject that it may be started in.
        copied: (file or folder of the subject, what it is called on the machine) of everything that was put there.
        variables: what names in it stand for.
    """

    line: int
    words: tuple[str, ...] = ()
    text: str = ""
    folders: tuple[str, ...] = ()
    copied: tuple[tuple[str, str], ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def is_of_tests(name: str) -> bool:
    """Whether a file, a service or a stage of an image is called so that it is there for tests."""
    return not _OF_TESTS.isdisjoint(re.split(r"[._-]", name.lower()))


def is_place(path: str) -> bool:
    """Whether a file, by its name, is one of those that `started` reads."""
    return any(kind.search(path) for kind in (DOCKERFILE, _PROCFILE, _UNIT, _UWSGI, _SUPERVISOR, _CRON, _PLATFORM))


def started(path: str, text: str) -> Iterator[Started]:
    """Every command of a file that `is_place` names, in the order of the file."""
    lines = text.split("\n")
    if DOCKERFILE.search(path):
        yield from _of_image(lines)
    elif _UNIT.search(path) or _SUPERVISOR.search(path) or _UWSGI.search(path):
        yield from _of_settings(lines)
    elif _PROCFILE.search(path):
        for number, line in enumerate(lines, 1):
            if found := _PROCESS.match(line):
                yield Started(number, text=found[2])
    elif _CRON.search(path):
        for number, line in enumerate(lines, 1):
            if (found := _SCHEDULE.match(line)) and not line.lstrip().startswith("#"):
                yield Started(number, text=found[1])
    else:
        for number, line in enumerate(lines, 1):
            for quoted in _QUOTED.finditer(line[:20_000]):
                yield Started(number, text=quoted[1] or quoted[2] or "")
        yield from by_lines(text)


@dataclass
class _Stage:
    folders: list[str] = field(default_factory=list)
    copied: list[tuple[str, str]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    name: str = ""
    entry: tuple[int, tuple[str, ...], str] | None = None
    command: tuple[int, tuple[str, ...], str] | None = None


def _of_image(lines: list[str]) -> Iterator[Started]:
    stage = _Stage()
    checked: list[tuple[int, tuple[str, ...], str]] = []
    source = [line if not line.lstrip().startswith("#") else "" for line in lines]
    for number, body in _bodies(source):
        yield Started(number, text=body)
    for offset, line in joined(source):
        found = _INSTRUCTION.match(line.replace("\\\n", " ").replace("\n", " "))
        if not found:
            continue
        name, rest = found[1].upper(), found[2].strip()
        if name == "FROM":
            if not is_of_tests(
                stage.name
            ):  # of a stage that is not the last, which is what a build without a target makes
                yield from _of_stage(stage, checked)
            # A stage begins where another ended: what that one was given may be what this one has.
            stage, checked = _Stage(list(stage.folders), list(stage.copied), dict(stage.variables)), []
            stage.name = called[1] if (called := _STAGE.search(rest)) else ""
        elif name in {"ENV", "ARG"}:
            pairs = {key: value.strip("\"'") for key, value in _PAIR.findall(rest)}
            key, _, value = rest.partition(" ")
            stage.variables |= pairs or ({key: value.strip()} if value and key.isidentifier() else {})
        elif name == "WORKDIR":
            stage.folders.append(rest)
        elif name in {"COPY", "ADD"}:
            plain = _OPTIONS.sub("", rest, count=1)
            words = _list(plain) or plain.split()
            stage.copied += [(word, words[-1]) for word in words[:-1]]
        elif name == "ENTRYPOINT":
            stage.entry, stage.command = (offset + 1, *_command(rest)), None
        elif name == "CMD":
            stage.command = (offset + 1, *_command(rest))
        elif name == "RUN":
            for written in _WRITTEN.finditer(rest):
                given = (written[1] or written[2] or "").replace("\\n", "\n").replace('\\"', '"')
                checked.append((offset + 1, (), given))
        elif name == "HEALTHCHECK" and (at := rest.find("CMD ")) >= 0:
            checked.append((offset + 1, *_command(rest[at + 4 :].strip())))
    yield from _of_stage(stage, checked)


def _bodies(source: list[str]) -> Iterator[tuple[int, str]]:
    """(line, text) of each here document of an image, whose lines are taken out: they are no instructions."""
    at = 0
    last = {line.strip(): number for number, line in enumerate(source)}
    while at < len(source):
        found = _HERE.match(source[at][:20_000])
        end = at
        # What never ends is none (`$((1 << N))`), and is not looked for: the lines of one that ends are passed once.
        if found and last.get(found[1], 0) > at:
            end = next(number for number in range(at + 1, len(source)) if source[number].strip() == found[1])
            yield at + 2, "\n".join(source[at + 1 : end])
            source[at + 1 : end + 1] = [""] * (end - at)
        at = end + 1


def _of_stage(stage: _Stage, checked: list[tuple[int, tuple[str, ...], str]]) -> Iterator[Started]:
    given_to = tuple(stage.folders), tuple(stage.copied), stage.variables
    entry, command = stage.entry, stage.command
    if entry and command and entry[1]:
        given = command[1] or ("sh", "-c", command[2])
        yield Started(command[0], (*entry[1], *given), "", *given_to)
    elif entry or command:
        checked = [*(entry for entry in (entry, command) if entry), *checked]
    for line, words, text in checked:
        yield Started(line, words, text, *given_to)


def _command(rest: str) -> tuple[tuple[str, ...], str]:
    words = tuple(_list(rest))
    return (words, "") if words else ((), rest)


def _list(text: str) -> list[str]:
    if not text.startswith("["):
        return []
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [str(word) for word in found] if isinstance(found, list) else []


def _of_settings(lines: list[str]) -> Iterator[Started]:
    """`ExecStart=` of systemd and `command =` of a supervisor, with the folder that each section names."""
    sections: list[list[tuple[int, str, str]]] = [[]]
    for offset, line in joined(lines):
        if line.lstrip().startswith("["):
            sections.append([])
        elif found := _SETTING.match(line.replace("\\\n", " ").replace("\n", " ")):
            sections[-1].append((offset + 1, found[1].lower(), found[2].strip()))
    for section in sections:
        folders = tuple(value for _, key, value in section if key in {"workingdirectory", "directory", "working_dir"})
        given = [value for _, key, value in section if key == "environment"]
        variables = {key: value.strip("\"'") for value in given for key, value in _PAIR.findall(value.strip("\"'"))}
        for number, key, value in section[:MAX_COMMANDS]:
            if key.startswith("exec") or key in {"command", "cmd"}:
                yield Started(number, text=value.lstrip("-@:+!"), folders=folders, variables=variables)
            elif key in _MODULES:
                words = (value,) if "/" in value or value.endswith(".py") else ("python", "-m", value.partition(":")[0])
                yield Started(number, words, folders=folders, variables=variables)


def filled(text: str, instead: str) -> str:
    """A template with something else for each of its directives; one that does not end is none."""
    parts, at = list[str](), 0
    while (start := text.find("{{", at)) >= 0 and (end := text.find("}}", start + 2)) >= 0:
        parts += [text[at:start], instead]
        at = end + 2
    return "".join([*parts, text[at:]])


def by_lines(text: str) -> Iterator[Started]:
    """What stands behind a key of a command, and the lines below it that belong to it."""
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if not (found := _KEYED.match(line[:20_000])):
            continue
        held, indent = [found[3]], len(found[1])
        for below in lines[number : number + 40]:
            own = len(below) - len(below.lstrip())
            if below.strip() and (own < indent or (own == indent and not below.lstrip().startswith("-"))):
                break
            held.append(below.strip().removeprefix("- "))
        words = [w.strip("\"'") for part in held for w in _ITEM.findall(filled(part, "X"))]
        yield Started(number, tuple(word for word in words if word not in {"|", ">", "|-", ">-", "-"}))
