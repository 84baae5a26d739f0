"""Which files are values of a chart, by what they hold and by who names them.

Run outside of the bounded workers, so YAML is not parsed here: keys at the margin of a file tell enough.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.errors import StrictRealError
from strictreal.model import Location
from strictreal.subject import Tree

MAX_BYTES = 1024 * 1024
"""Of a file that may be values, or may name such a file; a larger one is taken for values by its name alone."""
_YAML = re.compile(r"(?i)\.ya?ml$")
_NOT_VALUES = re.compile(
    r"(?i)(?:^|/)(?:templates|crds|charts|files|tests?|node_modules)/|\.schema\.ya?ml$|(?:^|/)(?:Chart|requirements)\.yaml$"
)
_NAMED = re.compile(
    r"(?i)(?:^|[/._-])values?(?:[._-]|$)|(?:^|[/])(?:overlays?|env(?:ironment)?s?|values)/[^/]+\.ya?ml$"
)
_KEY = re.compile(r"""^(?:"([^"\n]{1,100})"|'([^'\n]{1,100})'|([\w./-]{1,100}))[^\S\n]*:(?:\s|$)""", re.MULTILINE)
_OBJECT = {"apiVersion", "kind"}
_CALLERS = re.compile(
    r"(?i)(?:^|/)(?:makefile[^/]*|[^/]*\.(?:mk|sh|bash|ya?ml|gotmpl|tf|just)|justfile|jenkinsfile|skaffold[^/]*)$"
)
_GIVEN = re.compile(r"(?:\s-f|--values)[=\s]\s{0,9}[\"']?([\w./${}()-]{1,300}\.ya?ml)\b")
_LISTED = re.compile(r"(?m)^[ \t]{0,200}-[ \t]{1,20}[\"']?([\w./-]{1,300}\.ya?ml)[\"']?[ \t]{0,20}\r?$")
_LISTING = re.compile(r"valueFiles|valuesFiles|valuesFrom|(?m:^[ \t]{0,200}values:[ \t]{0,20}\r?$)|(?m:^releases:)")


def keys(tree: Tree, path: str) -> frozenset[str] | None:
    """The keys at the margin of a YAML file; None where it cannot be read or is too large."""
    try:
        text = tree.read(path)
    except StrictRealError:
        return None
    if len(text) > MAX_BYTES:
        return None
    found = _KEY.findall(text.decode(errors="replace"))
    return frozenset(next(filter(None, names), "") for names in found)


def inside(tree: Tree, root: str, paths: Sequence[str]) -> Iterator[str]:
    """Files of one chart, relative to it, that are values beside values.yaml: by their names and keys.

    Args:
        root: the chart's folder with a final slash.
        paths: files of the chart that Helm itself does not read.
    """
    known: frozenset[str] | None = None
    for path in paths:
        relative = path.removeprefix(root)
        if not _YAML.search(relative) or _NOT_VALUES.search(relative) or relative == "values.yaml":
            continue
        if known is None:
            known = (
                (keys(tree, f"{root}values.yaml") or frozenset()) if f"{root}values.yaml" in tree.paths else frozenset()
            )
        own = keys(tree, path)
        if own is None:
            if _NAMED.search(relative):
                yield relative  # whoever renders it says why it cannot be read
        elif own and not own >= _OBJECT and (_NAMED.search(relative) or 2 * len(own & known) > len(own)):
            yield relative


def outside(
    tree: Tree, config: Config, roots: Mapping[str, Sequence[str]], given: Collection[str] = ()
) -> Iterator[tuple[Location, str]]:
    """Values files that lie in no chart and are rendered with none, with the reason: by who names them, or name and keys.

    Args:
        roots: by the folder of each chart, its values files relative to it.
        given: files that a deployment gives a chart, and that are rendered with it.
    """
    rendered = {f"{root}{name}" for root, names in roots.items() for name in ("values.yaml", *names)}
    known = {
        root: found
        for root in roots
        if (found := keys(tree, f"{root}values.yaml") if f"{root}values.yaml" in tree.paths else None)
    }
    told = dict(_named_by_callers(tree, config, roots))
    for path in sorted(tree.paths):
        if not _YAML.search(path) or path in rendered or path in given or excluded(config, path):
            continue
        if caller := told.get(path):
            yield Location(path), f"{caller} gives it to helm, and it lies in no chart: not rendered"
        elif _NAMED.search(path) and "values" in path.lower() and not any(path.startswith(root) for root in roots):
            own = keys(tree, path) or frozenset()
            like = next(
                (
                    root
                    for root, theirs in known.items()
                    if own and not own >= _OBJECT and 2 * len(own & theirs) > len(own)
                ),
                None,
            )
            if like is not None:
                reason = f"has the keys of {like}values.yaml, and lies in no chart: not rendered"
                yield Location(path), reason


def _is_helms(text: str, at: int) -> bool:
    """Whether an option belongs to a command of helm, and not of kubectl or another."""
    start = text.rfind("\n", 0, at)
    while start > 0 and text[start - 1] == "\\":
        start = text.rfind("\n", 0, start)
    command = re.split(r"&&|\|\||[;|]", text[max(start, at - 4_000) + 1 : at])[-1].lower()
    return "helm" in command and "kubectl" not in command


def _named_by_callers(tree: Tree, config: Config, roots: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    for path in sorted(tree.paths) if roots else ():
        if (
            not _CALLERS.search(path)
            or excluded(config, path)
            or any(path.startswith(f"{root}templates/") for root in roots)
        ):
            continue
        try:
            text = tree.read(path)[:MAX_BYTES].decode(errors="replace")
        except StrictRealError:
            continue
        if "helm" not in text and not _LISTING.search(text):
            continue
        given = [found for found in _GIVEN.finditer(text) if _is_helms(text, found.start())]
        given += [*_LISTED.finditer(text)] if _LISTING.search(text) else []
        for found in given:
            for folder in (posixpath.dirname(path), "", *roots):
                target = posixpath.normpath(posixpath.join(folder, re.sub(r"^\$[({]?\w+[)}]?/", "", found[1])))
                if target in tree.paths and not (keys(tree, target) or frozenset()) & {
                    "apiVersion",
                    "openapi",
                    "swagger",
                }:
                    yield target, f"{path}:{text.count(chr(10), 0, found.start(1)) + 1}"
                    break
