"""Code of tests and examples that a deployment starts: it is the product's, whatever folder it lies in.

Read are images, Procfiles, units of systemd, supervisors, tables of cron, compose files, manifests, charts with their values, and the
shell scripts that these start. A deployment of the tests themselves, which lies among them or is called so, starts none.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from strictreal.collect.deploy import manifests, places
from strictreal.collect.deploy.commands import Commands
from strictreal.collect.languages import language_of, role, unread
from strictreal.collect.loaded import UNIT, accepted
from strictreal.collect.pipelines import is_pipeline
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.errors import StrictRealError
from strictreal.facts.code import Imports
from strictreal.model import Fact, Gap, LeftOut, Location
from strictreal.redact import redact
from strictreal.subject import Entry, Tree

MAX_BYTES = 1024 * 1024
"""Of one file of a deployment."""
MAX_PLACES = 5_000
"""Files of deployments that are followed."""
_YAML = re.compile(r"(?i)\.(?:ya?ml|tpl|json)$")
_MANIFEST = (b'"apiVersion"', b'"containerDefinitions"', b'"services"')
"""One of these stands in JSON that is a manifest."""
_TOKEN = re.compile(rb"[A-Za-z_]\w*")
_KEY = re.compile(rb"\b(?:" + b"|".join(key.encode() for key in places.KEYS) + rb")\b")


class Start(NamedTuple):
    """What one file of a deployment starts.

    Attributes:
        path: the file.
        imports: the modules that it names, each with its line.
        files: (path in the subject, line) of what it names by a path.
        unknown: (line, what cannot be worked out).
    """

    path: str
    imports: Imports
    files: tuple[tuple[str, int], ...]
    unknown: tuple[tuple[int, str], ...]


def starts(tree: Tree, config: Config, python: Iterable[str]) -> list[Start]:
    """What the deployments of a subject start.

    Args:
        python: every Python file of the subject.
    """
    apart = {path for path in python if role(path, "python") != "product"}
    apart |= {e.path for e in tree if (language := language_of(e.path)) and role(e.path, language) != "product"}
    apart |= {e.path for e in tree if unread(e.path) and role(e.path, "") != "product"}
    if not apart and not tree.left_out:
        return []  # everything is the product's already
    hints = {_hint(path).encode() for path in apart}
    folders = {folder for path in tree.paths for folder in _above(path)}
    chosen = [entry for entry in tree if _is_deployment(entry, config)]
    found = (_start(tree, entry, hints, folders) for entry in chosen[:MAX_PLACES])
    known = [start for start in found if start is not None]
    bound = f"was not read: there are more than {MAX_PLACES} such files (bound: deployments)"
    return [*known, *(_empty(entry.path, bound) for entry in chosen[MAX_PLACES:])]


def facts(config: Config, starting: Iterable[Start], read: Iterable[str]) -> Iterator[Fact]:
    """A gap for each thing that a deployment starts and that nobody read as product.

    Args:
        read: every file that was read as Python, as product where a deployment starts it.
    """
    known = set(read)
    for start in starting:
        reasons = [*start.unknown]
        for path, line in start.files:
            language = language_of(path) or unread(path)
            if path not in known and language and language != "shell" and role(path, language) != "product":
                reasons.append((line, f"starts {redact(path)}, which is judged as a test or an example"))
        for line, reason in dict.fromkeys(reasons):
            where = Location(start.path, line)
            if why := accepted(config, start.path):
                yield LeftOut(where=where, reason=f"{reason}; accepted by {config.source}: {redact(why)}")
            else:
                say = f'unread = [{{ path = "{start.path}", reason = "…" }}]'
                yield Gap(of=UNIT, where=where, reason=f"{reason}; to accept that, configure {say}")


def _is_deployment(entry: Entry, config: Config) -> bool:
    path = entry.path
    if not (places.is_place(path) or (_YAML.search(path) and not is_pipeline(path) and not path.startswith("."))):
        return False
    return (
        role(path, "") == "product" and not places.is_of_tests(posixpath.basename(path)) and not excluded(config, path)
    )


def _start(tree: Tree, entry: Entry, hints: set[bytes], folders: set[str]) -> Start | None:
    path = entry.path
    named = places.is_place(path)
    try:
        data = tree.read(path)
    except StrictRealError:
        return _empty(path, "starts what nobody knows, since it cannot be read") if named else None
    if not named and (hints.isdisjoint(_TOKEN.findall(data)) or not _KEY.search(data)):
        return None
    if path.lower().endswith(".json") and not named and not any(word in data for word in _MANIFEST):
        return None
    if len(data) > MAX_BYTES:
        return _empty(path, f"is larger than {MAX_BYTES} bytes (bound: size of a deployment's file)")
    text = data.decode("utf-8-sig", errors="replace")
    names: dict[str, int] = {}
    files: dict[str, int] = {}
    unknown: dict[tuple[int, str], None] = {}
    commands = Commands(tree, path, folders)
    try:
        given = places.started(path, text) if named else manifests.started(text)
        for started in _bounded(given):
            led = commands.led(started)
            names = dict.fromkeys(led.names, led.line) | names
            files = dict.fromkeys(led.files, led.line) | files
            if led.unknown:
                unknown[led.line, led.unknown] = None
    except (ValueError, RecursionError) as error:
        unknown[1, f"starts what nobody knows: it {error}"] = None
    imports = Imports(where=Location(path), names=tuple(names), lines=tuple(names.values()))
    return Start(path, imports, tuple(files.items()), tuple(unknown))


def _bounded(given: Iterable[places.Started]) -> Iterator[places.Started]:
    for count, started in enumerate(given):
        if count >= places.MAX_COMMANDS:
            raise ValueError(f"starts more than {places.MAX_COMMANDS} commands (bound: commands)")
        yield started


def _empty(path: str, unknown: str) -> Start:
    return Start(path, Imports(where=Location(path), names=(), lines=()), (), ((1, unknown),))


def _hint(path: str) -> str:
    """The part of a path that makes it no product: the first folder of tests or examples, or the file's own name."""
    parts = path.split("/")
    for at, part in enumerate(parts[:-1]):
        if role("/".join([*parts[: at + 1], "x.py"]), "python") != "product":
            return part
    return posixpath.splitext(parts[-1])[0]


def _above(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path
