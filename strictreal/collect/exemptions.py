"""What the subject's configuration takes out of the audit: modules that may read the environment, excluded files."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator

from strictreal.collect.languages import is_settings, language_of
from strictreal.collect.subject import excluded
from strictreal.config import Config
from strictreal.errors import StrictRealError
from strictreal.facts.gate import Configuration, Emptied, Exemption
from strictreal.model import Fact, Gap, Inventory, Location
from strictreal.subject import Tree
from strictreal.waiver import reasoned, unbounded

KINDS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("Python modules", lambda path: path.endswith((".py", ".pyi", ".pyw"))),
    ("charts", lambda path: path.rpartition("/")[2] == "Chart.yaml"),
    ("Rego files", lambda path: path.endswith(".rego")),
)
"""What most checks are about, and how its files are known by their names."""

_TOP = re.compile(r"(?:async\s+)?def\s|class\s")
_PROGRAM = re.compile(r"(?:^|/)(?:main|__main__|cli|manage|wsgi|asgi)\.py$")
_SETTINGS = re.compile(r"environ|getenv|(?i:settings|config)\b|\benv\(|^class\s+\w*(?:Settings|Config|Env)")


def _lines(tree: Tree, path: str) -> int:
    """Lines of a file; 0 of one that cannot be read, which is a gap of whoever reads it."""
    try:
        return len(tree.read(path).splitlines())
    except StrictRealError:
        return 0


def _ordinary(tree: Tree, path: str, *, by_name: bool) -> bool:
    """Whether a module that is called a settings module is none by its name, nor by most of what it does.

    Of a Python module, functions and classes that say nothing of settings or the environment are more than half. It is
    told by lines and not by a syntax tree, since this runs outside of the bounded workers. What a program begins with is
    none either, unless the configuration calls it by its whole name.
    """
    if not path.endswith(".py") or is_settings(path, "python"):
        return False
    if not by_name and _PROGRAM.search(path):
        return True
    try:
        lines = tree.read(path).decode(errors="replace").splitlines()
    except StrictRealError:
        return False
    written, other, block = 0, 0, list[str]()
    for line in [*lines, "end"]:
        if line[:1] not in {" ", "\t", "", "#", ")", "@"}:  # what stands at the margin ends a block
            written += len(block)
            if block and _TOP.match(block[0]) and not any(_SETTINGS.search(each[:1000]) for each in block):
                other += len(block)
            block = []
        if line.strip():
            block.append(line)
    return 2 * other > written


def facts(tree: Tree, config: Config) -> Iterator[Fact]:
    """How much each pattern takes out; nothing where the subject has no configuration and its defaults hide nothing."""
    hidden = [(kind, count) for kind, known in KINDS if (count := sum(map(known, tree.kept_as_evidence)))]
    yield Inventory(of="Configuration", count=int(bool(config.source or hidden)))
    if not config.source and not hidden:
        return
    file = config.source.split(" ")[0]
    try:
        lines = tree.read(file).decode().split("\n") if file else []
    except (StrictRealError, UnicodeDecodeError) as error:
        yield Gap(of="Configuration", where=Location(file), reason=str(error))
        return

    def place(text: str) -> Location:
        number = next((n for n, line in enumerate(lines, 1) if text in line), 0)
        return Location(file or config.evidence, number)

    sources = [path for path in sorted(tree.paths) if language_of(path)]
    lengths = {path: _lines(tree, path) for path in sources} if config.exclude else {}
    out = sum(count for path, count in lengths.items() if excluded(config, path))
    yield Configuration(
        where=Location(file or config.evidence),
        files=len(tree.entries),
        sources=len(sources),
        lines=sum(lengths.values()),
        excluded=out,
        allowed=config.exclude_percent,
    )
    audited = [path for path in sources if not excluded(config, path)]
    exempt = [("settings", glob, "", audited, sources) for glob in config.settings]
    exempt += [("exclude", each.path, each.reason, sorted(tree.paths), sorted(tree.paths)) for each in config.exclude]
    exempt += [("unread", each.path, each.reason, audited, sources) for each in config.unread if each.path]
    for setting, glob, reason, there, known_of in exempt:
        matched = [path for path in there if fnmatch.fnmatchcase(path, glob)]
        yield Exemption(
            where=place(glob),
            setting=setting,
            glob=glob,
            matched=len(matched),
            of=len(known_of),
            unbounded=unbounded(glob),
            reasoned=setting == "settings" or reasoned(reason),
            lines=sum(lengths.get(path, 0) for path in matched) if setting == "exclude" else 0,
            ordinary=tuple(path for path in matched if _ordinary(tree, path, by_name=glob == path))[:3]
            if setting == "settings"
            else (),
        )
    for each in config.unread:
        if not each.path:
            yield Exemption(
                where=place(each.language),
                setting="unread",
                glob=each.language,
                matched=0,
                of=len(tree.entries),
                unbounded=False,
                reasoned=reasoned(each.reason),
            )
    if sources and not audited:
        yield Emptied(where=place("exclude"), setting="exclude", kind="source files", count=len(sources))
    for kind, count in hidden:
        yield Emptied(where=place("evidence"), setting="evidence", kind=kind, count=count)
