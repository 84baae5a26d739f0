"""Every file that names the variable of strict mode, read for one thing: whether it turns strict mode off.

Which files can: Python, workflows, compose files, charts and their templates, Dockerfiles, shell, Makefiles, tox and
pytest configuration, .env files, and source of other languages. Prose is left out: it does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from strictreal.collect import strictlines, strictstatus, strictyaml
from strictreal.collect.languages import NOTEBOOK, has_suffix, language_of, unread
from strictreal.collect.python import notebook, strict
from strictreal.collect.python.module import parse
from strictreal.collect.shell.audits import mentions_audit
from strictreal.collect.strictevasion import Evasion, Unread
from strictreal.collect.subject import excluded
from strictreal.config import STRICT_VARIABLE, Config
from strictreal.facts.code import StrictEvasion, StrictSource
from strictreal.model import Fact, Gap, Inventory, LeftOut, Location, Observation
from strictreal.programs import package_version
from strictreal.redact import redact
from strictreal.session import Session
from strictreal.subject import Entry, Tree

UNITS = ("StrictSource",)
MAX_BYTES = 1024 * 1024
"""Of one file that is no Python; a larger one that names the variable is a gap."""
MAX_TEXT = 400
_NAMES = tuple(part.encode() for part in (STRICT_VARIABLE, STRICT_VARIABLE.partition("_")[2]))
_QUOTING = b"'\"\\"
_SUBCOMMAND = re.compile(rb"(?<![\w-])(?:audit|sprint|evidence|policy)(?![\w-])")
_PROSE = re.compile(
    r"(?i)\.(?:md|markdown|mdown|mkd|rst|adoc|txt|html?|svg|csv|tsv|po|pot|lock|sum|log|tex|xml|rego|patch|diff"
    r"|png|jpe?g|gif|ico|webp|pdf|zip|gz|tgz|bz2|xz|zst|whl|jar|tar|so|dylib|dll|exe|bin|pyc|woff2?|ttf|eot|mp[34]|parquet"
    r"|npy|npz|pt|onnx|safetensors|db|sqlite3?|pb|h5|pkl|map|min\.js|css|jsonl)$"
)
_MAKE_AUDIT = re.compile(rb"(?<![\w./-])g?make\s[^\n;&|]{0,200}?(?<![\w-])audit(?![\w-])")
_ELSEWHERE = "worked out elsewhere, and not to be known from the file"
_YAML = re.compile(r"(?i)\.(?:ya?ml)$")
_COMPOSE = re.compile(r"(?i)(?:^|/)(?:docker-)?compose[^/]*\.ya?ml$|(?:^|/)[^/]*\.compose\.ya?ml$")
_MAKE = re.compile(r"(?i)(?:^|/)(?:gnu)?makefile[^/]*$|\.mk$")
_JUST = re.compile(r"(?i)(?:^|/)\.?justfile$|\.just$")
_INI = re.compile(r"(?i)\.(?:ini|cfg|toml)$")
_DOCKER = re.compile(r"(?i)\.dockerfile$|(?:^|/)(?:Dockerfile|Containerfile)[^/]*$")
_WINDOWS = re.compile(r"(?i)\.(?:ps1|psm1|bat|cmd)$")
_SCRIPT = re.compile(
    r"(?i)\.(?:sh|bash|zsh|ksh|ash|bats)$|(?:^|/)(?!(?:gnu)?makefile)[^./]+$|(?:^|/)\.[\w-]*(?:rc|profile|hook)s?$"
)
_SHELL = re.compile(f"{_SCRIPT.pattern.removeprefix('(?i)')}|{_DOCKER.pattern.removeprefix('(?i)')}", re.IGNORECASE)
_SETTING = re.compile(r"(?i)\.(?:env|ini|cfg|conf|toml|mk|properties|tpl|j2)$|(?:^|/)[^.]+$|(?:^|/)\.env[^/]*$")


def collect(tree: Tree, config: Config, session: Session) -> Iterator[Observation]:
    """The files that name the variable or run an audit, and their evasions."""
    sources: list[Entry] = []
    makes: list[Entry] = []
    unreadable: list[Observation] = []
    passed_over: list[Fact] = []
    for entry in tree:
        if _PROSE.search(entry.path) or excluded(config, entry.path):
            continue
        try:
            data = tree.read(entry.path)
        except Exception as error:
            if _may_matter(entry.path):
                unreadable.append(_gap(tree, entry.path, str(error)))
            else:
                reason = str(error).removeprefix(entry.path + ": ")
                passed_over.append(
                    LeftOut(where=Location(entry.path), reason=f"not searched for strict mode: {reason}")
                )
            continue
        plain = data.translate(None, _QUOTING)
        if _NAMES[1] in plain or _runs_audit(entry.path, plain):
            sources.append(entry)
        elif b"audit" in plain and _MAKE_AUDIT.search(plain):
            makes.append(entry)
    if any(_MAKE.search(entry.path) for entry in sources):  # whose `make audit` is the one that others run
        sources = sorted([*sources, *makes], key=lambda entry: entry.path)
    counted = Inventory(of="StrictSource", count=len(sources) + len(unreadable))
    yield Observation(collector="strictness", source="", digest=tree.digest, facts=(counted, *passed_over))
    yield from unreadable
    tools = {name: package_version(name) for name in ("pyyaml", "tree-sitter", "tree-sitter-bash")}
    yield from session.per_file("strictness", "StrictSource", tree, sources, facts_of, tools)


def _runs_audit(path: str, plain: bytes) -> bool:
    """Whether a file runs an audit, by its bytes without quotes; in a script, the command may be put together."""
    if b"strictreal" not in plain:
        return False
    if _kind(path) in {"shell", "make", "just", "docker"} or _YAML.search(path):
        return bool(_SUBCOMMAND.search(plain))
    return mentions_audit(plain.decode(errors="replace"))


def _kind(path: str) -> str:
    """How the commands of a file are found; `text` where they stand in strings."""
    kinds = {"make": _MAKE, "just": _JUST, "docker": _DOCKER, "powershell": _WINDOWS, "ini": _INI, "shell": _SCRIPT}
    return next((kind for kind, pattern in kinds.items() if pattern.search(path)), "text")


def _may_matter(path: str) -> bool:
    """Whether a file that cannot be read is of a kind that sets variables, so that it is missed."""
    source = language_of(path) or unread(path) or has_suffix(path, NOTEBOOK)
    return bool(source or _YAML.search(path) or _SETTING.search(path))


def _gap(tree: Tree, path: str, reason: str) -> Observation:
    gap = Gap(of="StrictSource", where=Location(path), reason=reason.removeprefix(path + ": "))
    return Observation(collector="strictness", source=path, digest=tree.digests[path], facts=(gap,))


def facts_of(file: tuple[str, bytes]) -> list[Fact]:
    """reading what names strict mode"""
    path, data = file
    mentions = StrictSource(where=Location(path), mentions=data.count(_NAMES[0]))
    if has_suffix(path, NOTEBOOK):
        return [mentions, *_in_notebook(path, data)]
    if language_of(path, data[:400]) == "python":
        return [mentions, *strict.facts(parse(path, data))]
    if len(data) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES} bytes (bound: size of a file that sets variables)")
    lines = re.split(r"\r\n|\r|\n", data.decode("utf-8-sig", errors="replace"))
    kind = "shell" if _kind(path) == "text" and data[:2] == b"#!" and b"sh" in data[:60] else _kind(path)
    seen = list(_evasions(path, "\n".join(lines), lines, kind))
    found = {evasion.line: evasion for evasion in reversed(seen) if isinstance(evasion, Evasion)}
    return [
        mentions,
        *(
            _fact(path, evasion, lines[line - 1] if line <= len(lines) else "")
            for line, evasion in sorted(found.items())
        ),
        *_gaps(path, [place for place in seen if isinstance(place, Unread) and place.line not in found]),
        *(
            Gap(of="StrictSource", where=Location(path, line), reason=f"strict mode is set to {value}: {_ELSEWHERE}")
            for line, value in strictlines.computed(lines)
            if line not in found
        ),
    ]


def _gaps(path: str, places: list[Unread]) -> Iterator[Gap]:
    for line, reason in sorted(set(places)):
        yield Gap(of="StrictSource", where=Location(path, line), reason=reason)


def _in_notebook(path: str, data: bytes) -> Iterator[Fact]:
    """The evasions of a notebook's Python, and those of the lines that it hands to a shell."""
    book = notebook.read(data)
    if book.unread:
        raise ValueError(book.unread[0])
    yield from strict.facts(parse(path, book.text.encode()))
    for line, command in book.commands.items():
        seen = [*strictlines.evasions([command], line, as_shell=True), *strictstatus.swallowed([command], line)]
        for evasion in {found.line: found for found in seen if isinstance(found, Evasion)}.values():
            yield _fact(path, evasion, command)
        yield from _gaps(path, [found for found in seen if isinstance(found, Unread)])


def _fact(path: str, evasion: Evasion, text: str) -> StrictEvasion:
    where = Location(path, evasion.line, text=redact(text.strip(), MAX_TEXT, unquoted=True))
    return StrictEvasion(where=where, action=evasion.action, value=evasion.value[:40])


def _evasions(path: str, text: str, lines: list[str], kind: str) -> Iterator[Evasion | Unread]:
    if _YAML.search(path):
        try:
            found = list(strictyaml.evasions(text, hands_through=bool(_COMPOSE.search(path))))
        except yaml.YAMLError:
            pass  # a template, or nested beyond reason: read by lines
        else:
            yield from found
            return
    yield from strictlines.evasions(lines, as_shell=kind == "shell" or bool(_SHELL.search(path)))
    yield from strictstatus.swallowed(lines, kind=kind)
